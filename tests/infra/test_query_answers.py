"""The queries on rows of which the answer is known: translated to SQL by duckdb-kql, and run on DuckDB."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import duckdb_kql
import pytest

QUERIES = Path(__file__).resolve().parents[2] / "infra" / "queries"
SCHEMAS = json.loads((Path(__file__).parent / "kql" / "schemas.json").read_text(encoding="utf-8"))["tables"]
STEP_COLUMNS = {"TimeGenerated": "datetime", "Rows": "long", "Seconds": "real"}
SQL_TYPES = {"string": "VARCHAR", "datetime": "TIMESTAMP", "real": "DOUBLE", "int": "INTEGER", "long": "BIGINT"}
NOW = datetime(2026, 11, 22, 20)
COUNTRIES = "PL_Ingest_Country_Data"
TRIGGER = "TR_Ingest_Country_Data_Twice_Daily"


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def answer(query: str, *, text: str | None = None, **rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the rows that a query answers with when the tables hold these rows, at NOW."""
    texts = dict.fromkeys(("Level", "Step", "Source", "Target", "RunId", "Error"), "string")
    database = duckdb_kql.connect()
    for table, columns in {**SCHEMAS, "NotebookSteps_CL": {**STEP_COLUMNS, **texts}}.items():
        declared = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in columns.items())
        database.execute(f'CREATE TABLE "{table}" ({declared})')
        for row in rows.get(table, []):
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            database.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(row.values()))  # noqa: S608 - our names
    result = duckdb_kql.query(database, text or (QUERIES / query).read_text(encoding="utf-8"), query_now=NOW)
    return [dict(zip(result.columns, values, strict=True)) for values in result.fetchall()]


def run(status: str, hours: float, *, run_id: str = "a", pipeline: str = COUNTRIES) -> dict[str, object]:
    end = ago(hours)
    start = end - timedelta(minutes=6)
    return {
        "TimeGenerated": end,
        "RunId": run_id,
        "PipelineName": pipeline,
        "Status": status,
        "Start": start,
        "End": end,
    }


def activity(status: str, hours: float, **more: object) -> dict[str, object]:
    known = {"ActivityRunId": "x", "PipelineRunId": "b", "PipelineName": "P", "ActivityName": "A", "ActivityType": "T"}
    end = ago(hours)
    return {**known, "TimeGenerated": end, "Status": status, "Start": end - timedelta(minutes=6), "End": end, **more}


def test_a_failed_run_is_shown_once_with_the_error_of_its_activity():
    failed = {**run("Failed", 3, run_id="b", pipeline="P"), "ErrorMessage": "Operation on target A failed"}
    rows = answer(
        "failed-runs.kql",
        ADFPipelineRun=[run("Succeeded", 5), run("InProgress", 3.1, run_id="b", pipeline="P"), failed],
        ADFActivityRun=[activity("Failed", 3, ErrorCode="E1", ErrorMessage="disk full")],
    )
    assert [(row["RunId"], row["FailedActivity"], row["ErrorCode"], row["Error"]) for row in rows] == [
        ("b", "A", "E1", "disk full")
    ]
    assert rows[0]["Seconds"] == 360


def test_a_failed_run_without_a_failed_activity_shows_its_own_error():
    rows = answer("failed-runs.kql", ADFPipelineRun=[{**run("Failed", 3), "ErrorMessage": "cancelled"}])
    assert [row["Error"] for row in rows] == ["cancelled"]


def test_durations_count_successful_runs_only():
    runs = [run("Succeeded", 5), run("Succeeded", 6, run_id="b"), run("Failed", 4, run_id="c")]
    rows = answer("run-durations.kql", ADFPipelineRun=runs)
    assert [(row["PipelineName"], row["Runs"], row["Median"], row["Longest"]) for row in rows] == [
        (COUNTRIES, 2, 360, 360)
    ]


def test_rows_landed_are_those_of_the_landing_and_not_of_the_count_before_it():
    step = {"TimeGenerated": ago(1), "Level": "INFO", "Source": "s", "RunId": "r", "Seconds": 2.5, "Rows": 601}
    failed = {**step, "Step": "land", "Target": "t", "Level": "ERROR", "RunId": "q"}
    rows = answer(
        "rows-landed.kql", NotebookSteps_CL=[{**step, "Step": "count"}, {**step, "Step": "land", "Target": "t"}, failed]
    )
    assert [(row["RunId"], row["Target"], row["Rows"]) for row in rows] == [("r", "t", 601)]


def test_bad_rows_are_shown_with_the_check_and_how_many_are_in_quarantine():
    step = {"TimeGenerated": ago(1), "Level": "ERROR", "Source": "s", "RunId": "r", "Seconds": None, "Target": "t"}
    check = {**step, "Step": "check", "Rows": 3, "Error": "Email is not null: not so in 3 of 1000 rows"}
    quarantine = {**step, "Step": "quarantine", "Rows": 3, "Error": None, "Level": "INFO", "TimeGenerated": ago(2)}
    rows = answer("bad-rows.kql", NotebookSteps_CL=[check, {**step, "Step": "land", "Rows": 997}, quarantine])
    assert [(row["Finding"], row["Rows"]) for row in rows] == [
        ("Email is not null: not so in 3 of 1000 rows", 3),
        ("kept out of the table, in quarantine", 3),
    ]


def test_the_slowest_activity_comes_first_with_its_failures():
    slow = activity("Failed", 2, ActivityRunId="y", ActivityName="B", Start=ago(4))
    rows = answer("slowest-activities.kql", ADFActivityRun=[activity("Succeeded", 3), slow])
    assert [(row["ActivityName"], row["Failures"], row["Total"]) for row in rows] == [("B", 1, 7200), ("A", 0, 360)]


def fire(*moment: int, status: str = "Succeeded") -> dict[str, object]:
    return {"TimeGenerated": datetime(*moment), "Start": datetime(*moment), "TriggerName": TRIGGER, "Status": status}


def test_a_fire_that_was_missed_and_one_that_failed_are_shown():
    fires = [
        fire(2026, 11, 20, 18, 30, 5),
        fire(2026, 11, 21, 6, 30, 3),
        fire(2026, 11, 22, 18, 30, 1, status="Failed"),
    ]
    rows = answer("missed-triggers.kql", ADFTriggerRun=fires)
    assert [(row["ExpectedAt"], row["Reason"]) for row in rows] == [
        (datetime(2026, 11, 22, 18, 30), "fired and failed"),
        (datetime(2026, 11, 22, 6, 30), "did not fire"),
        (datetime(2026, 11, 21, 18, 30), "did not fire"),
    ]


def test_a_trigger_that_never_fired_missed_every_time_of_the_week():
    assert len(answer("missed-triggers.kql")) == 14


def alert(name: str, created: datetime, *replacements: tuple[str, str], **rows: list[dict[str, object]]) -> list:
    """Return the rows that an alert's query answers with; the factory's creation is put in as alerts.bicep does it."""
    query = (QUERIES / "alerts" / f"{name}.kql").read_text(encoding="utf-8")
    for old, new in (("2000-01-01T00:00:00Z", f"{created.isoformat()}Z"), *replacements):
        query = query.replace(old, new)
    return answer(name, text=query, **rows)


def missing_run(created: datetime, *runs: dict[str, object]) -> bool:
    return bool(alert("no-successful-country-run", created, ADFPipelineRun=list(runs)))


@pytest.mark.parametrize(
    ("runs", "fires"),
    [
        ([run("Succeeded", 12.9)], False),
        ([run("Succeeded", 13.1)], True),
        ([run("Failed", 1)], True),
        ([run("InProgress", 1)], True),
        ([run("Succeeded", 1, pipeline="PL_Process_Customer_Data")], True),
        ([run("Failed", 1), run("Succeeded", 12, run_id="b")], False),
        ([], True),
    ],
)
def test_thirteen_hours_without_a_success_are_an_alert(runs, fires):
    assert missing_run(ago(1000), *runs) == fires


@pytest.mark.parametrize(("age", "fires"), [(0.1, False), (12.9, False), (13.1, True)])
def test_a_new_factory_has_thirteen_hours_for_its_first_run(age, fires):
    assert missing_run(ago(age)) == fires


def landing(folder: str, hours: float, rows: int = 1, *, step: str = "land", level: str = "INFO", run_id: str = "r"):
    target = f"abfss://raw-data@stingestiondev.dfs.core.windows.net/{folder}"
    moment = {"TimeGenerated": ago(hours), "Level": level, "Step": step, "RunId": run_id}
    return {**moment, "Source": "s", "Target": target, "Rows": rows}


LONG_AGO = ago(1000)
HOURS = ('"countries", 13', '"countries", 13, "customer_data", 26')


def stale(*steps: dict[str, object], created: datetime = LONG_AGO) -> list[str]:
    return sorted(row["Folder"] for row in alert("stale-table", created, HOURS, NotebookSteps_CL=list(steps)))


def test_a_folder_whose_newest_landing_is_too_old_is_stale_by_its_own_rhythm():
    assert stale(landing("countries/india.json", 12.9), landing("customer_data", 25.9)) == []
    assert stale(landing("countries/india.json", 13.1), landing("customer_data", 13.1)) == ["countries"]
    assert stale(
        landing("countries/india.json", 14), landing("countries/china.json", 2), landing("customer_data", 27)
    ) == ["customer_data"]


def test_a_landing_that_failed_or_was_only_counted_refreshes_nothing():
    failed = landing("countries/india.json", 1, level="ERROR")
    assert stale(failed, landing("customer_data", 1, step="count")) == ["countries", "customer_data"]


def test_a_new_factory_has_the_time_of_each_rhythm_for_its_first_landing():
    assert stale(created=ago(12)) == []
    assert stale(created=ago(14)) == ["countries"]
    assert stale(created=ago(27)) == ["countries", "customer_data"]


def missed(*fires: dict[str, object], created: datetime = LONG_AGO) -> list[datetime]:
    return sorted(row["ExpectedAt"] for row in alert("missed-trigger", created, ADFTriggerRun=list(fires)))


def test_a_time_at_which_the_schedule_did_not_fire_is_an_alert():
    evening, morning = fire(2026, 11, 21, 18, 30, 5), fire(2026, 11, 22, 6, 30, 3)
    due = fire(2026, 11, 22, 18, 30, 1)
    assert missed(evening, due) == [datetime(2026, 11, 22, 6, 30)]
    assert missed(evening, morning, due) == []
    assert missed(evening, fire(2026, 11, 22, 6, 30, status="Failed"), due) == [], "another alert tells of it"
    assert missed() == [datetime(2026, 11, 22, 6, 30), datetime(2026, 11, 22, 18, 30)]


def test_times_before_the_factory_are_not_missed():
    assert missed(created=datetime(2026, 11, 22, 7)) == [datetime(2026, 11, 22, 18, 30)]


@pytest.mark.parametrize(
    ("steps", "targets"),
    [
        ([landing("customer_data", 30, 1000, run_id="a"), landing("customer_data", 5, 499, run_id="b")], 1),
        ([landing("customer_data", 30, 1000, run_id="a"), landing("customer_data", 5, 500, run_id="b")], 0),
        ([landing("customer_data", 50, 1000, run_id="a"), landing("customer_data", 5, 1, run_id="b")], 0),
        ([landing("customer_data", 5, 1, run_id="b")], 0),
        ([landing("orders", 30, 1000, run_id="a"), landing("orders", 5, 1, run_id="b")], 0),
        ([landing("customer_data", 30, 1000, run_id="a"), landing("product_data", 5, 1, run_id="b")], 0),
        ([], 0),
    ],
    ids=["less than half", "half", "too long ago", "first", "only what is new", "another table", "nothing"],
)
def test_a_whole_table_with_less_than_half_its_rows_is_an_alert(steps, targets):
    assert len(alert("shrunken-table", ago(1000), NotebookSteps_CL=steps)) == targets


def test_each_query_of_the_workbook_is_asked_here():
    workbook = (QUERIES.parent / "modules" / "dashboard.bicep").read_text(encoding="utf-8")
    used = set(re.findall(r"loadTextContent\('\.\./queries/([\w/-]+\.kql)'\)", workbook))
    asked = set(re.findall(r'answer\(\s*"([\w/-]+\.kql)"', Path(__file__).read_text(encoding="utf-8")))
    assert used
    assert used <= asked

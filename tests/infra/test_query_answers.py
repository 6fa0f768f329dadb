"""The queries on rows of which the answer is known: translated to SQL by duckdb-kql, and run on DuckDB."""

import json
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


def missing_run(created: datetime, *runs: dict[str, object]) -> bool:
    """Say whether the alert fires; the factory's creation is put in as alerts.bicep does it."""
    query = "alerts/no-successful-country-run.kql"
    text = (QUERIES / query).read_text(encoding="utf-8").replace("2000-01-01T00:00:00Z", f"{created.isoformat()}Z")
    return bool(answer(query, text=text, ADFPipelineRun=list(runs)))


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

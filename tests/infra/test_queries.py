"""The queries, checked by Kusto's own parser against the schemas of the tables that they read."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from infra.bicep import declared_columns, read, text

ROOT = Path(__file__).resolve().parents[2]
QUERIES = ROOT / "infra" / "queries"
MODULES = ROOT / "infra" / "modules"
SAVED = sorted(QUERIES.glob("*.kql"))


@pytest.fixture(scope="module")
def tables():
    known = json.loads((Path(__file__).parent / "kql" / "schemas.json").read_text(encoding="utf-8"))["tables"]
    return {**known, "NotebookSteps_CL": declared_columns("notebookSteps")}


@pytest.fixture(scope="module")
def answers(node, tables):
    queries = {
        path.stem: path.read_text(encoding="utf-8")
        for path in QUERIES.rglob("*.kql")
        if "transformations" not in path.parts
    }
    queries["misspelt"] = queries["failed-runs"].replace("ErrorMessage", "ErorMessage")
    return node("check_queries.js", {"tables": tables, "queries": queries})


@pytest.mark.parametrize("path", [*SAVED, *sorted((QUERIES / "alerts").glob("*.kql"))], ids=lambda path: path.stem)
def test_kustos_parser_finds_nothing_in_a_query(answers, path):
    assert answers[path.stem]["findings"] == []
    assert answers[path.stem]["columns"]


def test_kustos_parser_finds_a_misspelt_column(answers):
    assert any("ErorMessage" in finding for finding in answers["misspelt"]["findings"])


EXPECTED = {
    "failed-runs": ["End", "PipelineName", "RunId", "FailedActivity", "ErrorCode", "Error", "Seconds"],
    "run-durations": ["PipelineName", "Day", "Runs", "Median", "Percentile95", "Longest"],
    "missed-triggers": ["ExpectedAt", "TriggerName", "Reason"],
    "rows-landed": ["LandedAt", "Target", "Source", "Rows", "Seconds", "RunId"],
    "bad-rows": ["FoundAt", "Level", "Target", "Finding", "Rows", "RunId"],
    "slowest-activities": [
        "PipelineName",
        "ActivityName",
        "ActivityType",
        "Runs",
        "Failures",
        "Median",
        "Longest",
        "Total",
    ],
    "no-successful-country-run": ["Successes"],
    "missed-trigger": ["ExpectedAt", "TriggerName"],
    "stale-table": ["Folder", "Hours", "LandedAt"],
    "shrunken-table": ["Target", "NewestAt", "NewestRows", "RowsBefore"],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_query_answers_with_these_columns(answers, name):
    assert list(answers[name]["columns"]) == EXPECTED[name]


def test_the_transformation_turns_a_notebooks_line_into_a_row_of_the_table(node):
    transformation = (QUERIES / "transformations" / "notebook-steps.kql").read_text(encoding="utf-8")
    request = {"tables": {"source": declared_columns("collectionRule")}, "queries": {"transformation": transformation}}
    answer = node("check_queries.js", request)["transformation"]
    assert answer["findings"] == []
    assert answer["columns"] == declared_columns("notebookSteps")


def test_every_query_is_a_saved_search_and_on_the_dashboard():
    for module in ("queries.bicep", "dashboard.bicep"):
        loaded = re.findall(r"loadTextContent\('\.\./queries/([\w-]+)\.kql'\)", text(read(MODULES / module).root))
        assert sorted(loaded) == [path.stem for path in SAVED]


def test_names_in_the_queries_are_names_of_the_factory():
    names = {path.stem for path in (ROOT / "adf").rglob("*.json")}
    for path in QUERIES.rglob("*.kql"):
        assert set(re.findall(r"\b(?:PL|TR)_\w+", path.read_text(encoding="utf-8"))) <= names, path


def test_missed_triggers_expects_the_times_at_which_the_trigger_fires():
    trigger = json.loads(
        (ROOT / "adf" / "trigger" / "TR_Ingest_Country_Data_Twice_Daily.json").read_text(encoding="utf-8")
    )
    recurrence = trigger["properties"]["typeProperties"]["recurrence"]
    assert (recurrence["timeZone"], recurrence["frequency"], recurrence["interval"]) == (
        "India Standard Time",
        "Day",
        1,
    )
    ahead_of_utc = timedelta(hours=5, minutes=30)
    fires = sorted(
        (timedelta(hours=hour, minutes=minute) - ahead_of_utc) % timedelta(days=1)
        for hour in recurrence["schedule"]["hours"]
        for minute in recurrence["schedule"]["minutes"]
    )
    for name in ("missed-triggers.kql", "alerts/missed-trigger.kql"):
        query = (QUERIES / name).read_text(encoding="utf-8")
        minutes = re.search(r"MinuteOfDay = dynamic\(\[([\d, ]+)\]\)", query)
        assert minutes
        assert [timedelta(minutes=int(minute)) for minute in minutes[1].split(",")] == fires


@pytest.mark.parametrize("folder", ["tests/infra/kql", "tests/fakes/mssql_jdbc"])
def test_the_lock_file_names_no_registry(folder):
    lock = json.loads((ROOT / folder / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all("integrity" in package for name, package in lock["packages"].items() if name)

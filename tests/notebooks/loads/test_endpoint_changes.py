"""Endpoints with a cursor: only what changed is asked for; what comes twice, late or out of order is landed right."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fakes.faulty_http import Answer, FaultyServer, Request, json_answer
from fakes.workspace import Settings
from ingestion.loads.run import run_feeds

SOURCE = """\
[source]
name = "tracker"
type = "rest"
url = "${API_URL}"

[[endpoints]]
name = "issues"
path = "issues"
primary_key = ["id"]
write_disposition = "merge"
incremental = { method = "cursor", cursor_path = "updated_at", param = "since", lookback = "1 minute" }
"""


class Tracker:
    """An API of issues that gives those that were updated since a moment, itself included, and by group."""

    def __init__(self, server: FaultyServer) -> None:
        self.issues: list[dict[str, Any]] = []
        self.asked: list[str | None] = []
        server.route("/issues", self._issues)
        for group in ("a", "b"):
            server.route(f"/groups/{group}", self._issues)

    def _issues(self, request: Request) -> Answer:
        since = request.query.get("since")
        self.asked.append(since)
        return json_answer(
            [issue for issue in self.issues if since is None or (issue.get("updated_at") or "9") >= since]
        )


@pytest.fixture
def tracker(server: FaultyServer) -> Tracker:
    made = Tracker(server)
    made.issues = [issue(1, "10:00:00"), issue(2, "10:05:00"), issue(3, "10:05:00")]
    return made


def issue(number: int, time: str, title: str = "") -> dict[str, Any]:
    return {"id": number, "updated_at": f"2026-11-01T{time}Z", "title": title or f"issue {number}"}


@pytest.fixture
def load(spark: SparkSession, server: FaultyServer, lake: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that loads the one feed, and returns its row of the exit."""
    folder = tmp_path / "sources"
    folder.mkdir()

    def load(text: str = SOURCE, **widgets: str) -> dict[str, Any]:
        (folder / "tracker.toml").write_text(text, encoding="utf-8")
        settings = Settings(
            widgets={"sources": str(folder), **widgets}, environment={"LAKE_ROOT": str(lake), "API_URL": server.url}
        )
        (row,) = json.loads(run_feeds(spark, settings.configuration(), sleep=lambda _seconds: None))["feeds"]
        return dict(row)

    return load


@pytest.fixture
def landed(spark: SparkSession, lake: Path) -> Callable[..., list[tuple[Any, ...]]]:
    def landed(*columns: str) -> list[tuple[Any, ...]]:
        rows = spark.read.format("delta").load(str(lake / "tracker/issues")).selectExpr(*columns).collect()
        return sorted(map(tuple, rows), key=str)

    return landed


def test_each_load_asks_from_the_position_on_less_lookback_and_changes_what_changed(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    first = load()
    assert (first["status"], first["inserted"], first["position_after"]) == ("Succeeded", 3, "2026-11-01T10:05:00Z")
    tracker.issues[0] = issue(1, "10:06:00", "changed")
    tracker.issues.append(issue(4, "10:04:30", "late"))
    second = load()
    assert tracker.asked == [None, "2026-11-01T10:04:00Z"]
    assert (second["inserted"], second["updated"], second["position_before"]) == (1, 1, "2026-11-01T10:05:00Z")
    assert landed("id", "title") == [(1, "changed"), (2, "issue 2"), (3, "issue 3"), (4, "late")]
    third = load()
    assert (third["inserted"], third["updated"], third["position_after"]) == (0, 0, "2026-11-01T10:06:00Z")
    assert tracker.asked[-1] == "2026-11-01T10:05:00Z"


@pytest.mark.parametrize(("disposition", "current"), [("merge", "true"), ("scd2", "_is_current")])
def test_an_older_record_does_not_take_the_place_of_a_newer_one_and_is_told(
    load: Callable[..., dict[str, Any]],
    landed: Callable[..., list[tuple[Any, ...]]],
    tracker: Tracker,
    disposition: str,
    current: str,
) -> None:
    text = SOURCE.replace('"merge"', f'"{disposition}"')
    load(text)
    # A cache that is behind gives again what was, also with the time in another form.
    tracker.issues = [issue(2, "10:04:59", "stale"), issue(3, "10:05:00", "same moment"), issue(1, "10:06:00", "new")]
    tracker.issues[1]["updated_at"] = "2026-11-01T12:05:00.5+02:00"
    row = load(text)
    assert row["status"] == "Succeeded", row["error"]
    assert "1 rows that are older, by their cursor, than what landed before were left out" in row["notes"]
    now = [(id_, title) for id_, title, is_current in landed("id", "title", current) if is_current]
    assert now == [(1, "new"), (2, "issue 2"), (3, "same moment")]


def test_of_several_records_of_a_key_the_newest_counts_and_a_tie_of_different_ones_fails(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    tracker.issues = [issue(1, "10:06:00", "newest"), issue(1, "10:05:00", "older"), issue(1, "10:06:00", "newest")]
    assert load()["status"] == "Succeeded"
    assert landed("id", "title") == [(1, "newest")]
    tracker.issues = [issue(2, "10:07:00", "one"), issue(2, "10:07:00", "other")]
    failed = load()
    assert failed["status"] == "Failed"
    assert "different rows have one key" in failed["error"]
    assert landed("id", "title") == [(1, "newest")]


def test_a_cursor_that_is_missing_or_in_the_future_does_what_the_feed_says(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    tracker.issues += [{"id": 8, "updated_at": None, "title": "none"}, issue(9, "00:00:00") | {"updated_at": tomorrow}]
    failed = load()
    assert failed["status"] == "Failed"
    assert "1 records whose updated_at is later than the server's own clock" in failed["error"]
    skipping = SOURCE.replace('"1 minute" }', '"1 minute", on_null = "skip", on_future = "skip" }')
    row = load(skipping)
    assert (row["status"], row["inserted"], row["position_after"]) == ("Succeeded", 3, "2026-11-01T10:05:00Z")
    assert len(row["notes"]) == 2
    including = SOURCE.replace('"1 minute" }', '"1 minute", on_future = "include" }')
    row = load(including)
    assert (row["inserted"], row["position_after"]) == (2, "2026-11-01T10:05:00Z")
    assert [number for (number,) in landed("id")] == [1, 2, 3, 8, 9]


def test_a_sparse_window_keeps_the_columns_that_it_does_not_have(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    load()
    tracker.issues.append({"id": 4, "updated_at": "2026-11-01T10:06:00Z", "labels": ["new"]})
    assert load()["status"] == "Succeeded"
    assert landed("id", "title", "labels")[2:] == [(3, "issue 3", None), (4, None, ["new"])]


def test_values_that_were_asked_for_belong_to_the_key(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    grouped = SOURCE.replace('path = "issues"', 'path = "groups/{group}"\nfor_each = { group = ["a", "b"] }')
    assert load(grouped)["inserted"] == 6
    tracker.issues[1] = issue(2, "10:06:00", "changed")
    assert load(grouped)["updated"] == 2
    assert landed("id", "_group", "title")[2:4] == [(2, "a", "changed"), (2, "b", "changed")]


def test_without_a_record_there_is_nothing_to_land_yet(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    tracker.issues = []
    assert load()["status"] == "Skipped"
    tracker.issues = [issue(1, "10:00:00")]
    assert load()["inserted"] == 1
    tracker.issues = []
    row = load()
    assert (row["status"], row["position_after"]) == ("Succeeded", "2026-11-01T10:00:00Z")
    assert landed("id") == [(1,)]


def test_append_without_a_key_takes_each_record_once_and_refuses_a_cursor_that_repeats(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    appending = (
        SOURCE.replace('primary_key = ["id"]\n', "")
        .replace('"merge"', '"append"')
        .replace(', lookback = "1 minute"', "")
    )
    tracker.issues = [issue(1, "10:00:00"), issue(2, "10:01:00")]
    assert load(appending)["inserted"] == 2
    tracker.issues.append(issue(3, "10:02:00"))
    assert load(appending)["inserted"] == 1
    assert landed("id") == [(1,), (2,), (3,)]
    tracker.issues += [issue(4, "10:03:00"), issue(5, "10:03:00")]
    failed = load(appending)
    assert "2 records have the cursor" in failed["error"]
    assert landed("id") == [(1,), (2,), (3,)]


def test_a_full_endpoint_is_merged_and_what_is_gone_is_deleted(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    full = (
        SOURCE[: SOURCE.index("incremental")] + 'deletes = "hard"\ndelete_detection = "key_scan"\ndelete_limit = 0.5\n'
    )
    assert load(full)["inserted"] == 3
    tracker.issues = [issue(1, "10:00:00", "changed"), issue(3, "10:05:00")]
    row = load(full)
    assert (row["status"], row["updated"], row["deleted"]) == ("Succeeded", 1, 1)
    assert landed("id", "title") == [(1, "changed"), (3, "issue 3")]


def test_keys_are_scanned_without_the_cursor(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    scanned = SOURCE + 'deletes = "hard"\ndelete_detection = "key_scan"\ndelete_limit = 0.5\n'
    load(scanned)
    del tracker.issues[0]
    row = load(scanned)
    assert (row["status"], row["deleted"]) == ("Succeeded", 1)
    assert landed("id") == [(2,), (3,)]


def test_a_record_that_moves_to_a_page_that_was_read_is_not_taken_for_gone(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], server: FaultyServer
) -> None:
    pages = SOURCE.replace('"issues"\nprimary', '"pages"\npaginator = { type = "page_number" }\nprimary')
    pages += 'deletes = "hard"\ndelete_detection = "key_scan"\ndelete_limit = 0.9\n'
    issues, is_quiet = [issue(number, f"10:0{number}:00") for number in range(6)], True

    def page(request: Request) -> Answer:
        start = 2 * int(request.query.get("page", 1)) - 2
        found = [each for each in issues if each["updated_at"] >= request.query.get("since", "")][start : start + 2]
        if not is_quiet and start == 0 and "since" not in request.query:
            del issues[0]
        return json_answer(found)

    server.route("/pages", page)
    load(pages)
    is_quiet = False
    assert load(pages)["deleted"] == 0
    is_quiet = True
    assert load(pages)["deleted"] == 2
    assert landed("id") == [(each["id"],) for each in issues]


def test_a_backfill_loads_its_window_and_leaves_the_position(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    load()
    for number, time in ((1, "10:00:00"), (2, "10:05:00")):
        tracker.issues[number - 1] = issue(number, time, "mended")
    row = load(mode="backfill", **{"from": "2026-11-01T10:00:00Z", "to": "2026-11-01T10:05:00Z"})
    assert (row["status"], row["position_after"]) == ("Succeeded", "2026-11-01T10:05:00Z")
    assert landed("id", "title")[:2] == [(1, "mended"), (2, "issue 2")]


def test_versions_of_a_record_begin_when_the_api_says_that_it_changed(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    versions = (
        SOURCE.replace('"merge"', '"scd2"') + 'deletes = "hard"\ndelete_detection = "key_scan"\ndelete_limit = 0.9\n'
    )
    load(versions)
    tracker.issues[0] = issue(1, "10:06:00", "B")
    load(versions)
    tracker.issues[:2] = [issue(1, "10:07:00")]
    row = load(versions)
    assert (row["status"], row["inserted"], row["updated"], row["deleted"]) == ("Succeeded", 1, 1, 1), row
    times = [f"DATE_FORMAT({name}, 'HH:mm') {name}" for name in ("_valid_from", "_valid_to")]
    found = landed("id", "title", *times, "_is_current")
    assert found[:3] == [
        (1, "B", "10:06", "10:07", False),
        (1, "issue 1", "10:00", "10:06", False),
        (1, "issue 1", "10:07", None, True),
    ]
    assert [(each[0], each[-1]) for each in found[3:]] == [(2, False), (3, True)]
    tracker.issues[0] = issue(1, "10:06:30", "a cache that is behind")
    assert load(versions)["inserted"] == 0


def test_an_endpoint_is_held_against_its_api_and_repaired(
    load: Callable[..., dict[str, Any]], landed: Callable[..., list[tuple[Any, ...]]], tracker: Tracker
) -> None:
    load()
    assert load(mode="reconcile")["differences"] == 0
    tracker.issues[0] = issue(1, "09:59:00", "restored from a backup")
    tracker.issues.append(issue(4, "09:00:00", "lost"))
    assert load()["inserted"] == 0, "below the position, and lookback"
    row = load(mode="reconcile")
    assert (row["status"], row["differences"]) == ("Failed", 2)
    assert "id = 1: different; id = 4: missing" in row["error"]
    row = load(mode="repair")
    assert (row["status"], row["inserted"], row["updated"], row["position_after"]) == (
        "Succeeded",
        1,
        1,
        "2026-11-01T10:05:00Z",
    )
    assert landed("id", "title")[::3] == [(1, "restored from a backup"), (4, "lost")]
    assert load(mode="reconcile")["differences"] == 0

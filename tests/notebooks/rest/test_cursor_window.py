"""Which records belong to a load of an endpoint with a cursor, and where the next one begins."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion.feeds.json_path import parse_json_path
from ingestion.feeds.model import EndpointIncremental
from ingestion.platform.errors import UnexpectedAnswerError
from ingestion.rest.cursor_window import CursorWindow, Place

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)


def incremental(**more: Any) -> EndpointIncremental:
    facts = {"on_null": "include", **more}
    return EndpointIncremental(method="cursor", cursor_path=parse_json_path("at"), param="since", **facts)


def taken(window: CursorWindow, *cursors: Any, clock: datetime | None = NOW) -> list[bool]:
    return [window.take({"at": cursor}, clock)[0] is Place.INSIDE for cursor in cursors]


def test_the_position_is_the_greatest_cursor_in_whatever_order_records_come() -> None:
    window = CursorWindow(incremental())
    assert window.since is None
    assert taken(window, "2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z", "2026-11-02T00:00:00Z") == [True] * 3
    assert window.position == "2026-11-03T00:00:00Z"


def test_the_position_does_not_go_back_where_nothing_newer_comes() -> None:
    window = CursorWindow(incremental(lookback=timedelta(days=1)), "2026-11-03T00:00:00Z")
    assert window.since == "2026-11-02T00:00:00Z"
    assert taken(window, "2026-11-02T12:00:00Z") == [True]
    assert window.position == "2026-11-03T00:00:00Z"


@pytest.mark.parametrize(
    ("value", "since"),
    [(7, "7"), ("2026-01-01", "2026-01-01"), (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z")],
)
def test_the_first_load_asks_from_the_initial_value_on(value: Any, since: str) -> None:
    assert CursorWindow(incremental(initial_value=value)).since == since


def test_what_is_written_while_pages_are_read_comes_again() -> None:
    window = CursorWindow(incremental())
    assert taken(window, "2026-11-28T07:59:00Z") == [True]
    assert taken(window, "2026-11-28T08:05:00Z", clock=NOW + timedelta(minutes=10)) == [True]
    assert window.position == "2026-11-28T07:59:00Z"
    assert window.notes("x") == []


@pytest.mark.parametrize(("choice", "is_inside"), [("include", True), ("skip", False)])
def test_a_cursor_in_the_future_is_told_and_never_the_position(choice: str, is_inside: bool) -> None:
    window = CursorWindow(incremental(on_future=choice))
    assert taken(window, "2026-11-27T00:00:00Z", "2027-01-01T00:00:00Z") == [True, is_inside]
    assert window.position == "2026-11-27T00:00:00Z"
    assert "1 records whose at is later than the server's own clock" in window.notes("x")[0]


def test_a_cursor_in_the_future_fails_the_feed() -> None:
    window = CursorWindow(incremental())
    taken(window, "2027-01-01T00:00:00Z")
    with pytest.raises(UnexpectedAnswerError, match='write on_future = "skip" or "include"'):
        window.notes("tracker.issues")


def test_a_server_that_tells_no_time_has_no_future() -> None:
    window = CursorWindow(incremental())
    assert taken(window, "2027-01-01T00:00:00Z", clock=None) == [True]
    assert window.notes("x") == []


def test_a_record_without_a_cursor_is_read_left_out_or_fails() -> None:
    assert taken(CursorWindow(incremental()), None) == [True]
    skipping = CursorWindow(incremental(on_null="skip"))
    assert taken(skipping, None) == [False]
    assert skipping.notes("x") == ["1 records without at were left out"]
    failing = CursorWindow(incremental(on_null="fail"))
    taken(failing, None, 7)
    with pytest.raises(UnexpectedAnswerError, match="1 records have no at, by which they are read"):
        failing.notes("x")


def test_windows_that_do_not_overlap_leave_out_what_ties_with_their_start() -> None:
    window = CursorWindow(incremental(on_null="fail"), "7", is_open=True)
    assert taken(window, 6, 7, 8) == [False, False, True]


def test_a_backfill_is_half_open_whatever_the_api_gives() -> None:
    window = CursorWindow(incremental(), "2026-11-02", "2026-11-04")
    days = [f"2026-11-0{day}" for day in range(1, 6)]
    assert taken(window, *days, None) == [False, True, True, False, False, False]


def test_a_cursor_of_another_kind_than_the_position_is_refused() -> None:
    with pytest.raises(UnexpectedAnswerError, match="cannot be compared"):
        taken(CursorWindow(incremental(), "2026-11-02"), 7)

"""Cursors of an API: compared as what they are, and sent back as the API gave them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.platform.errors import UnexpectedAnswerError
from ingestion.rest.cursors import CursorKind, api_cursor


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2026-11-28T10:00:00+02:00", "2026-11-28T08:00:01Z"),
        ("2026-11-28T08:00:00Z", "2026-11-28T08:00:00.5Z"),
        ("2026-11-28T08:00:00.123456788Z", "2026-11-28T08:00:00.123456789Z"),
        ("2026-11-28T08:00:00.9Z", "2026-11-28T08:00:01Z"),
        ("2026-11-27", "2026-11-28T00:00:00"),
        ("2026-11-28 08:00", "2026-11-28 08:00:01"),
        ("2026-11-28T08:00:00-0500", "2026-11-28T14:00:01+01"),
        (9, 10),
        (9.5, 10),
        ("9", "10"),
        ("1764320400.000100", "1764320400.000200"),
        (2**60, 2**60 + 1),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW"),
    ],
)
def test_the_newer_one_is_after_the_older_one(older: Any, newer: Any) -> None:
    assert api_cursor(newer).is_after(api_cursor(older))
    assert not api_cursor(older).is_after(api_cursor(newer))
    assert not api_cursor(older).is_after(api_cursor(older))


@given(st.datetimes(timezones=st.timezones()), st.datetimes(timezones=st.timezones()))
def test_times_are_compared_as_times_whatever_their_zones(one: datetime, other: datetime) -> None:
    try:
        expected = one.astimezone(UTC) > other.astimezone(UTC)
        texts = [moment.astimezone(UTC).isoformat() for moment in (one, other)]
    except OverflowError:
        return
    assert api_cursor(texts[0]).is_after(api_cursor(texts[1])) is expected


@pytest.mark.parametrize(
    "value", [True, {"at": 1}, [], "Sat, 28 Nov 2026 10:00:00 GMT", "2026-13-01", "28.11.2026", ""]
)
def test_what_has_no_order_that_could_be_known_is_refused(value: Any) -> None:
    with pytest.raises(UnexpectedAnswerError, match="is no cursor"):
        api_cursor(value)


@pytest.mark.parametrize(("one", "other"), [(1, "2026-01-01"), ("abc", "abcd"), ("abc", 7)])
def test_cursors_of_several_kinds_are_refused(one: Any, other: Any) -> None:
    with pytest.raises(UnexpectedAnswerError, match="cannot be compared"):
        api_cursor(one).is_after(api_cursor(other))


@pytest.mark.parametrize(
    ("text", "span", "earlier"),
    [
        ("2026-11-28T08:00:00Z", timedelta(minutes=1), "2026-11-28T07:59:00Z"),
        ("2026-03-01T00:00:00.123456789+02:00", timedelta(seconds=1), "2026-02-28T23:59:59.123456789+02:00"),
        ("2026-11-28 08:00", timedelta(hours=1), "2026-11-28 07:00"),
        ("2026-11-28t08:00:00.5", timedelta(hours=9), "2026-11-27t23:00:00.5"),
        ("2026-11-28", timedelta(minutes=15), "2026-11-27"),
        ("2026-11-28", timedelta(days=1), "2026-11-27"),
        ("opaque", timedelta(0), "opaque"),
    ],
)
def test_lookback_keeps_the_form_that_the_api_gave(text: str, span: timedelta, earlier: str) -> None:
    assert api_cursor(text).earlier(span) == earlier


def test_lookback_of_what_is_no_time_is_refused() -> None:
    with pytest.raises(UnexpectedAnswerError, match="lookback is a span of time"):
        api_cursor(7).earlier(timedelta(1))


def test_a_clock_of_whole_seconds_leaves_its_second_to_the_cursor() -> None:
    clock = datetime(2026, 11, 28, 8, tzinfo=UTC)
    assert not api_cursor("2026-11-28T08:00:00.999Z").is_later_than(clock)
    assert api_cursor("2026-11-28T08:00:01Z").is_later_than(clock)
    assert api_cursor("2026-11-28T07:59:59-01:00").is_later_than(clock)
    assert not api_cursor(9_999_999_999).is_later_than(clock)


def test_a_position_is_the_text_of_the_api() -> None:
    assert [api_cursor(value).text for value in ("2026-11-28T08:00:00.50Z", 7, "007", 1.5)] == [
        "2026-11-28T08:00:00.50Z",
        "7",
        "007",
        "1.5",
    ]
    assert api_cursor("7").kind is CursorKind.NUMBER

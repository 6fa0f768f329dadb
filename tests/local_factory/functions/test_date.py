"""The date functions: arithmetic on the calendar, time zones across changes of the clock, the current time."""

from datetime import UTC, datetime

import pytest

from local_factory.expressions import EvaluationError, evaluate
from local_factory.functions import date


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(date, "now", lambda: datetime(2024, 2, 29, 23, 59, 58, 123456, tzinfo=UTC))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("@utcNow()", "2024-02-29T23:59:58.1234560Z"),
        ("@utcNow('yyyy/MM/dd')", "2024/02/29"),
        ("@getFutureTime(1, 'Year')", "2025-02-28T23:59:58.1234560Z"),
        ("@getFutureTime(2, 'second', 'd')", "3/1/2024"),
        ("@getPastTime(1, 'Month')", "2024-01-29T23:59:58.1234560Z"),
        ("@getPastTime(1, 'Week', 'D')", "Thursday, February 22, 2024"),
    ],
)
@pytest.mark.usefixtures("clock")
def test_the_current_time_is_utc(expression, value):
    assert evaluate(expression, {}) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("@addHours('2024-02-28T23:30:00Z', 1)", "2024-02-29T00:30:00.0000000Z"),
        ("@addMinutes('2024-01-01', -1)", "2023-12-31T23:59:00.0000000"),
        ("@addSeconds('2024-01-01T00:00:00.9999999', 1, 'ss.fffffff')", "01.9999999"),
        ("@addToTime('2024-01-31', 1, 'MONTH', 'd')", "2/29/2024"),
        ("@addToTime('2024-03-31T01:02:03.0000001Z', -1, 'Month')", "2024-02-29T01:02:03.0000001Z"),
        ("@addToTime('2024-01-31', 13, 'Month', 'd')", "2/28/2025"),
        ("@subtractFromTime('2024-01-15', 1, 'Month', 'd')", "12/15/2023"),
        ("@subtractFromTime('2024-01-01', 2, 'Hour', 's')", "2023-12-31T22:00:00"),
        ("@startOfMonth('2024-02-29T23:59:59.9999999Z')", "2024-02-01T00:00:00.0000000Z"),
        ("@startOfHour('2024-02-29T23:59:59.9999999')", "2024-02-29T23:00:00.0000000"),
        ("@startOfDay('2024-02-29T01:00:00+05:30')", "2024-02-28T00:00:00.0000000+00:00"),
        ("@dayOfYear('2024-12-31')", 366),
        ("@dayOfMonth('2024-02-29T23:00:00-05:00')", 1),
        ("@dayOfWeek('0001-01-01')", 1),
        ("@dayOfWeek('9999-12-31')", 5),
        ("@ticks('0001-01-01')", 0),
        ("@ticks('1970-01-01T00:00:00Z')", 621355968000000000),
        ("@ticks('9999-12-31T23:59:59.9999999')", 3155378975999999999),
        ("@addSeconds('0001-01-01', div(sub(ticks('2024-01-01'), 0), 10000000), 'yyyy-MM-dd')", "2024-01-01"),
    ],
)
def test_the_calendar(expression, value):
    assert evaluate(expression, {}) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # New York: the clock goes from 2 to 3 on March 10 and from 2 back to 1 on November 3.
        ("@convertFromUtc('2024-03-10T06:59:59Z', 'Eastern Standard Time', 's')", "2024-03-10T01:59:59"),
        ("@convertFromUtc('2024-03-10T07:00:00Z', 'Eastern Standard Time', 's')", "2024-03-10T03:00:00"),
        ("@convertFromUtc('2024-11-03T05:30:00Z', 'Eastern Standard Time', 's')", "2024-11-03T01:30:00"),
        ("@convertFromUtc('2024-11-03T06:30:00Z', 'Eastern Standard Time', 's')", "2024-11-03T01:30:00"),
        ("@convertToUtc('2024-11-03T02:00:00', 'America/New_York', 's')", "2024-11-03T07:00:00"),
        ("@convertToUtc('2024-11-03T00:59:59', 'America/New_York', 's')", "2024-11-03T04:59:59"),
        ("@convertToUtc('01/01/2018 00:00:00', 'Pacific Standard Time')", "2018-01-01T08:00:00.0000000Z"),
        ("@convertFromUtc('2024-07-01T12:00:00.1234567Z', 'asia/kolkata')", "2024-07-01T17:30:00.1234567"),
        ("@convertTimeZone('2024-07-01T12:00:00+02:00', 'UTC', 'india standard time', 'HH:mm')", "15:30"),
        ("@convertFromUtc('2024-07-01Z', 'UTC')", "2024-07-01T00:00:00.0000000Z"),
        ("@convertTimeZone('2024-07-01T12:00:00Z', 'UTC', 'Etc/UTC')", "2024-07-01T12:00:00.0000000"),
        # A timestamp that says its own zone is taken by that; beyond the calendar's ends it stays at them.
        ("@convertTimeZone('2024-07-01T12:00:00+02:00', 'Asia/Kolkata', 'UTC', 'HH:mm')", "10:00"),
        ("@convertFromUtc('9999-12-31T23:59:59Z', 'Tokyo Standard Time')", "9999-12-31T23:59:59.9999999"),
        ("@convertToUtc('0001-01-01', 'Tokyo Standard Time')", "0001-01-01T00:00:00.0000000Z"),
        # Before there were zones, the clock of Kolkata was 5:53:28 ahead.
        ("@convertFromUtc('1850-07-01T12:00:00Z', 'Asia/Kolkata')", "1850-07-01T17:53:00.0000000"),
        ("@convertTimeZone('2024-03-31T12:00:00', 'GMT Standard Time', 'Nepal Standard Time', 'HH:mm')", "16:45"),
    ],
)
def test_time_zones_by_windows_and_iana_names_across_changes_of_the_clock(expression, value):
    assert evaluate(expression, {}) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("@convertToUtc('2024-03-10T02:30:00', 'Eastern Standard Time')", "comes never, since the clock skips it"),
        ("@convertToUtc('2024-11-03T01:30:00', 'Eastern Standard Time')", "comes twice in 'Eastern Standard Time'"),
        ("@convertTimeZone('2024-11-03T01:30:00', 'Eastern Standard Time', 'UTC')", "comes twice"),
        ("@convertFromUtc('2024-03-10', 'UTC')", "is not known to be UTC; write a Z behind it"),
        ("@convertFromUtc('2024-03-10T00:00:00+00:00', 'UTC')", "is not known to be UTC"),
        ("@convertToUtc('2024-03-10T00:00:00+00:00', 'UTC')", "says its own time zone"),
        (
            "@convertToUtc('2024-03-10T02:30:00Z', 'Eastern Standard Time')",
            "says its own time zone, which is not 'Eastern Standard Time'",
        ),
        ("@convertFromUtc('2024-03-10Z', 'Middle Earth')", "'Middle Earth' is not a time zone"),
        ("@convertFromUtc('2024-03-10Z', '../../etc/passwd')", "is not a time zone"),
        ("@convertFromUtc('2024-03-10Z', 'Europe')", "is not a time zone"),
        ("@addDays('9999-12-31', 1)", "outside the years 1 to 9999"),
        ("@addToTime('2024-01-01', 9223372036854775807, 'Year')", "outside the years 1 to 9999"),
        ("@addToTime('2024-01-01', 1, 'Days')", "'Days' is no unit of time; there are Second, Minute"),
        ("@addDays('2024-01-01', '1')", "addDays: argument 2 must be an integer, is the text '1'"),
        ("@formatDateTime('2024-01-01', null)", "formatDateTime: argument 2 must be a text, is null"),
    ],
)
def test_what_no_clock_shows_is_an_error(expression, reason):
    with pytest.raises(EvaluationError) as caught:
        evaluate(expression, {})
    assert reason in str(caught.value)

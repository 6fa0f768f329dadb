"""The date functions. Timestamps are texts: what comes in is parsed, what goes out is written with a .NET format."""

import calendar
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from tzlocal.windows_tz import win_tz

from local_factory import clock
from local_factory.functions.signature import INTEGER, TEXT, Function
from local_factory.functions.timestamps import (
    MAX_TICKS,
    OUT_OF_RANGE,
    TICKS_PER_DAY,
    TICKS_PER_SECOND,
    Clock,
    Timestamp,
    format_timestamp,
    parse_timestamp,
)
from local_factory.functions.values import describe

_WINDOWS_ZONES = {name.lower(): iana for name, iana in win_tz.items()}
_IANA_ZONES = {name.lower(): name for name in available_timezones()}
_NOW = datetime(2024, 1, 1)

_UNIT_TICKS = {
    "second": TICKS_PER_SECOND,
    "minute": 60 * TICKS_PER_SECOND,
    "hour": 3600 * TICKS_PER_SECOND,
    "day": TICKS_PER_DAY,
    "week": 7 * TICKS_PER_DAY,
}
_UNIT_MONTHS = {"month": 1, "year": 12}


def now() -> datetime:
    """Return the current time in UTC. Tests replace this."""
    return clock.now()


@lru_cache(maxsize=256)
def time_zone(name: str) -> ZoneInfo:
    """Return a time zone by its Windows name (`India Standard Time`) or IANA name (`Asia/Kolkata`).

    Raises:
        ValueError: there is no such zone.
    """
    iana = _WINDOWS_ZONES.get(name.lower()) or _IANA_ZONES.get(name.lower())
    if iana is None:
        raise ValueError(
            f"{name!r} is not a time zone; take a Windows name such as 'India Standard Time' or an IANA one"
        )
    return ZoneInfo(iana)


def _utc_now(pattern: str = "o") -> str:
    return format_timestamp(_now(), pattern)


def _now() -> Timestamp:
    return Timestamp.of(now().astimezone(UTC), Clock.UTC)


def _parse(text: str) -> Timestamp:
    return parse_timestamp(text, now().date())


def _format_date_time(text: str, pattern: str = "o") -> str:
    return format_timestamp(_parse(text), pattern)


def _add_days(text: str, count: int, pattern: str = "o") -> str:
    return _add_to_time(text, count, "day", pattern)


def _add_hours(text: str, count: int, pattern: str = "o") -> str:
    return _add_to_time(text, count, "hour", pattern)


def _add_minutes(text: str, count: int, pattern: str = "o") -> str:
    return _add_to_time(text, count, "minute", pattern)


def _add_seconds(text: str, count: int, pattern: str = "o") -> str:
    return _add_to_time(text, count, "second", pattern)


def _add_to_time(text: str, interval: int, unit: str, pattern: str = "o") -> str:
    return format_timestamp(_shift(_parse(text), interval, unit), pattern)


def _subtract_from_time(text: str, interval: int, unit: str, pattern: str = "o") -> str:
    return _add_to_time(text, -interval, unit, pattern)


def _get_future_time(interval: int, unit: str, pattern: str = "o") -> str:
    return format_timestamp(_shift(_now(), interval, unit), pattern)


def _get_past_time(interval: int, unit: str, pattern: str = "o") -> str:
    return _get_future_time(-interval, unit, pattern)


def _shift(timestamp: Timestamp, interval: int, unit: str) -> Timestamp:
    if ticks := _UNIT_TICKS.get(unit.lower()):
        return timestamp.plus(interval * ticks)
    if months := _UNIT_MONTHS.get(unit.lower()):
        return _add_months(timestamp, interval * months)
    units = ", ".join(name.title() for name in (*_UNIT_TICKS, *_UNIT_MONTHS))
    raise ValueError(f"{unit!r} is no unit of time; there are {units}")


def _add_months(timestamp: Timestamp, months: int) -> Timestamp:
    """Return the same day so many months later, or that month's last day where it has no such day."""
    moment = timestamp.moment
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    if not datetime.min.year <= year <= datetime.max.year:
        raise ValueError(OUT_OF_RANGE)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    start = Timestamp.of(datetime(year, month + 1, day), timestamp.clock)
    return start.plus(timestamp.ticks % TICKS_PER_DAY)


def _convert_from_utc(text: str, zone: str, pattern: str = "o") -> str:
    timestamp = _parse(text)
    if timestamp.clock is not Clock.UTC:
        raise ValueError(f"{describe(text)} is not known to be UTC; write a Z behind it, or take convertTimeZone")
    return format_timestamp(_from_utc(timestamp.ticks, zone), pattern)


def _convert_to_utc(text: str, zone: str, pattern: str = "o") -> str:
    timestamp = _parse(text)
    if timestamp.clock is Clock.LOCAL or (timestamp.clock is Clock.UTC and not _is_utc(zone)):
        raise ValueError(f"{describe(text)} says its own time zone, which is not {zone!r}; leave out the Z or offset")
    return format_timestamp(_clamped(_to_utc(timestamp, zone), Clock.UTC), pattern)


def _convert_time_zone(text: str, source: str, destination: str, pattern: str = "o") -> str:
    """Convert a local time; a timestamp that says its own zone is taken by that, whatever the source is."""
    timestamp, source_zone = _parse(text), time_zone(source)
    if timestamp.clock is Clock.UNSPECIFIED and source_zone.key == time_zone(destination).key:
        _refuse_unclear(timestamp, source)
        return format_timestamp(
            Timestamp(timestamp.ticks, Clock.UTC if _is_utc(destination) else timestamp.clock), pattern
        )
    return format_timestamp(_from_utc(_to_utc(timestamp, source), destination), pattern)


def _from_utc(ticks: int, zone: str) -> Timestamp:
    """Return the zone's local time; beyond the calendar's ends it stays at them, as in .NET."""
    destination = time_zone(zone)
    timestamp = _clamped(ticks, Clock.UTC)
    try:
        offset = timestamp.moment.replace(tzinfo=UTC).astimezone(destination).utcoffset()
    except OverflowError:
        offset = timestamp.moment.replace(tzinfo=destination).utcoffset()
    return _clamped(ticks + _ticks(offset, destination), Clock.UTC if _is_utc(zone) else Clock.UNSPECIFIED)


def _to_utc(timestamp: Timestamp, zone: str) -> int:
    """Return the ticks in UTC of a zone's local time, or of the timestamp's own clock; maybe beyond the calendar."""
    if timestamp.clock is not Clock.UNSPECIFIED:
        return timestamp.ticks
    _refuse_unclear(timestamp, zone)
    source = time_zone(zone)
    offset = timestamp.moment.replace(tzinfo=source).utcoffset()
    return timestamp.ticks - _ticks(offset, source)


def _refuse_unclear(timestamp: Timestamp, zone: str) -> None:
    """Refuse a local time that comes twice, when summer time ends, or never, when it begins."""
    local = timestamp.moment.replace(tzinfo=time_zone(zone))
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    if before != after:
        how_often = "never, since the clock skips it" if _seconds(before) < _seconds(after) else "twice"
        raise ValueError(f"{format_timestamp(timestamp, 's')} comes {how_often} in {zone!r}")


def _clamped(ticks: int, clock: Clock) -> Timestamp:
    return Timestamp(min(max(ticks, 0), MAX_TICKS), clock)


def _is_utc(zone: str) -> bool:
    """Say whether a zone is .NET's own UTC; others may be on the same clock."""
    return zone.upper() == "UTC"


def _ticks(offset: timedelta | None, zone: ZoneInfo) -> int:
    """Return an offset's ticks. As in .NET its difference from today's has whole minutes: once, there were seconds."""
    today = _NOW.replace(tzinfo=zone)
    base = _seconds(today.utcoffset()) - _seconds(today.dst())
    difference = _seconds(offset) - base
    return (base + int(difference / 60) * 60) * TICKS_PER_SECOND


def _seconds(offset: timedelta | None) -> int:
    return int((offset or timedelta()).total_seconds())


def _day_of_month(text: str) -> int:
    return _parse(text).moment.day


def _day_of_week(text: str) -> int:
    return _parse(text).day_of_week


def _day_of_year(text: str) -> int:
    return _parse(text).moment.timetuple().tm_yday


def _start_of_day(text: str, pattern: str = "o") -> str:
    timestamp = _parse(text)
    return format_timestamp(timestamp.plus(-(timestamp.ticks % TICKS_PER_DAY)), pattern)


def _start_of_hour(text: str, pattern: str = "o") -> str:
    timestamp = _parse(text)
    return format_timestamp(timestamp.plus(-(timestamp.ticks % _UNIT_TICKS["hour"])), pattern)


def _start_of_month(text: str, pattern: str = "o") -> str:
    timestamp = _parse(text)
    day = timestamp.moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return format_timestamp(Timestamp.of(day, timestamp.clock), pattern)


def _ticks_of(text: str) -> int:
    return _parse(text).ticks


FUNCTIONS = {
    "addDays": Function(_add_days, TEXT, INTEGER, TEXT),
    "addHours": Function(_add_hours, TEXT, INTEGER, TEXT),
    "addMinutes": Function(_add_minutes, TEXT, INTEGER, TEXT),
    "addSeconds": Function(_add_seconds, TEXT, INTEGER, TEXT),
    "addToTime": Function(_add_to_time, TEXT, INTEGER, TEXT, TEXT),
    "convertFromUtc": Function(_convert_from_utc, TEXT, TEXT, TEXT),
    "convertTimeZone": Function(_convert_time_zone, TEXT, TEXT, TEXT, TEXT),
    "convertToUtc": Function(_convert_to_utc, TEXT, TEXT, TEXT),
    "dayOfMonth": Function(_day_of_month, TEXT),
    "dayOfWeek": Function(_day_of_week, TEXT),
    "dayOfYear": Function(_day_of_year, TEXT),
    "formatDateTime": Function(_format_date_time, TEXT, TEXT),
    "getFutureTime": Function(_get_future_time, INTEGER, TEXT, TEXT),
    "getPastTime": Function(_get_past_time, INTEGER, TEXT, TEXT),
    "startOfDay": Function(_start_of_day, TEXT, TEXT),
    "startOfHour": Function(_start_of_hour, TEXT, TEXT),
    "startOfMonth": Function(_start_of_month, TEXT, TEXT),
    "subtractFromTime": Function(_subtract_from_time, TEXT, INTEGER, TEXT, TEXT),
    "ticks": Function(_ticks_of, TEXT),
    "utcNow": Function(_utc_now, TEXT),
}

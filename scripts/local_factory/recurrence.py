"""Reads the recurrence of a schedule trigger, and says what is wrong with it by JSON path.

What may stand where is from Microsoft's article "Create a trigger that runs a pipeline on a schedule"
(how-to-create-schedule-trigger). Having both `monthDays` and `monthlyOccurrences` is an error here: it leaves their
meaning together open.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import win_tz

from local_factory.errors import ScheduleError

_TYPE = "properties.type"
_RECURRENCE = "properties.typeProperties.recurrence"
_SCHEDULE = f"{_RECURRENCE}.schedule"
_WEEK_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SCHEDULE_KEYS = ("minutes", "hours", "weekDays", "monthDays", "monthlyOccurrences")
_LONGEST_INTERVAL = 1000


class Frequency(StrEnum):
    """The units that a recurrence's interval is counted in."""

    MINUTE = "Minute"
    HOUR = "Hour"
    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"


@dataclass(frozen=True)
class WeekdayOfMonth:
    """A weekday (0 is Monday) of a month: its `occurrence` from the start (1..5) or end (-1..-5), or each (None)."""

    weekday: int
    occurrence: int | None

    def days(self, days_in_month: int, first_weekday: int) -> list[int]:
        """Return the days of the month that are meant; none when the month has no such occurrence."""
        all_of_them = list(range(1 + (self.weekday - first_weekday) % 7, days_in_month + 1, 7))
        if self.occurrence is None:
            return all_of_them
        index = self.occurrence - 1 if self.occurrence > 0 else self.occurrence
        return all_of_them[index : index + 1 or None]


@dataclass(frozen=True)
class Recurrence:
    """A schedule trigger's recurrence, checked. `start`, `end` are UTC; elements left out of the schedule are None."""

    frequency: Frequency
    interval: int
    zone: ZoneInfo
    start: datetime
    end: datetime | None = None
    minutes: tuple[int, ...] | None = None
    hours: tuple[int, ...] | None = None
    week_days: tuple[int, ...] | None = None
    month_days: tuple[int, ...] | None = None
    monthly_occurrences: tuple[WeekdayOfMonth, ...] | None = None

    @property
    def local_start(self) -> datetime:
        """The start on the zone's clock."""
        return self.start.astimezone(self.zone)


def read_recurrence(trigger: Mapping[str, Any]) -> Recurrence:
    """Read the recurrence of a schedule trigger's document or properties.

    Raises:
        ScheduleError: it is not a schedule trigger or is not well-formed; names the JSON path.
    """
    properties = _object(trigger["properties"], "properties") if "properties" in trigger else trigger
    if properties.get("type") != "ScheduleTrigger":
        raise ScheduleError(f"{_TYPE}: is {properties.get('type')!r}; only a ScheduleTrigger has fire times.")
    type_properties = _object(properties.get("typeProperties"), "properties.typeProperties")
    recurrence = _object(type_properties.get("recurrence"), _RECURRENCE)
    frequency = _frequency(recurrence.get("frequency"))
    zone = _zone(recurrence.get("timeZone"))
    start = _moment(recurrence.get("startTime"), f"{_RECURRENCE}.startTime", zone)
    end_path = f"{_RECURRENCE}.endTime"
    end = None if recurrence.get("endTime") is None else _moment(recurrence["endTime"], end_path, zone)
    if end and end < start:
        raise ScheduleError(f"{end_path}: is before startTime.")
    schedule = _schedule(recurrence.get("schedule"), frequency)
    return Recurrence(
        frequency=frequency,
        interval=_interval(recurrence.get("interval")),
        zone=zone,
        start=start,
        end=end,
        minutes=_numbers(schedule, "minutes", range(60)),
        hours=_numbers(schedule, "hours", range(24)),
        week_days=_week_days(schedule),
        month_days=_numbers(schedule, "monthDays", (*range(-31, 0), *range(1, 32))),
        monthly_occurrences=_monthly_occurrences(schedule),
    )


def _object(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ScheduleError(f"{path}: is {_shown(value)}; an object is needed.")
    return value


def _frequency(value: object) -> Frequency:
    for frequency in Frequency:
        if isinstance(value, str) and value.lower() == frequency.lower():
            return frequency
    raise ScheduleError(f"{_RECURRENCE}.frequency: is {_shown(value)}; write one of {', '.join(Frequency)}.")


def _interval(value: object) -> int:
    if value is None:
        return 1
    if type(value) is not int or not 1 <= value <= _LONGEST_INTERVAL:
        raise ScheduleError(f"{_RECURRENCE}.interval: is {_shown(value)}; write a whole number from 1 to 1000.")
    return value


def _zone(value: object) -> ZoneInfo:
    if value is None:
        return ZoneInfo("UTC")
    if isinstance(value, str):
        # An unknown name, no file name at all, a folder among the zones' files.
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(win_tz.get(value, value))
    raise ScheduleError(
        f"{_RECURRENCE}.timeZone: {_shown(value)} is no time zone; write a Windows name such as 'India Standard Time'."
    )


def _moment(value: object, path: str, zone: ZoneInfo) -> datetime:
    """Read a start or end time as UTC."""
    utc = zone.key in ("UTC", "Etc/UTC")
    form = "yyyy-MM-ddTHH:mm:ssZ in UTC" if utc else f"yyyy-MM-ddTHH:mm:ss without Z, in {zone.key}"
    wrong = ScheduleError(f"{path}: is {_shown(value)}; write {form}.")
    if not isinstance(value, str) or "T" not in value or value.endswith("Z") != utc:
        raise wrong
    try:
        moment = datetime.fromisoformat(value.removesuffix("Z"))
    except ValueError:
        raise wrong from None
    if moment.tzinfo is not None:
        raise wrong
    return moment.replace(tzinfo=zone).astimezone(UTC)


def _schedule(value: object, frequency: Frequency) -> Mapping[str, Any]:
    """Return the schedule's elements that say something, having checked that they go with the frequency."""
    schedule = {} if value is None else _object(value, _SCHEDULE)
    for key in schedule:
        if key not in _SCHEDULE_KEYS:
            raise ScheduleError(f"{_SCHEDULE}.{key}: no such element; there are {', '.join(_SCHEDULE_KEYS)}.")
    said = {key: element for key, element in schedule.items() if element not in (None, [])}
    needs = {"weekDays": Frequency.WEEK, "monthDays": Frequency.MONTH, "monthlyOccurrences": Frequency.MONTH}
    for key, needed in needs.items():
        if key in said and frequency is not needed:
            raise ScheduleError(f"{_SCHEDULE}.{key}: goes with frequency {needed} only; the frequency is {frequency}.")
    if "monthDays" in said and "monthlyOccurrences" in said:
        raise ScheduleError(f"{_SCHEDULE}.monthlyOccurrences: stands beside monthDays; write one of the two.")
    return said


def _numbers(schedule: Mapping[str, Any], key: str, allowed: range | tuple[int, ...]) -> tuple[int, ...] | None:
    if key not in schedule:
        return None
    numbers = schedule[key] if isinstance(schedule[key], list) else [schedule[key]]
    for number in numbers:
        if type(number) is not int or number not in allowed:
            without_zero = "" if 0 in allowed else ", not 0"
            raise ScheduleError(
                f"{_SCHEDULE}.{key}: holds {_shown(number)}; "
                f"write whole numbers from {min(allowed)} to {max(allowed)}{without_zero}."
            )
    return tuple(sorted(set(numbers)))


def _week_days(schedule: Mapping[str, Any]) -> tuple[int, ...] | None:
    if "weekDays" not in schedule:
        return None
    names = schedule["weekDays"] if isinstance(schedule["weekDays"], list) else [schedule["weekDays"]]
    return tuple(sorted({_weekday(name, f"{_SCHEDULE}.weekDays") for name in names}))


def _monthly_occurrences(schedule: Mapping[str, Any]) -> tuple[WeekdayOfMonth, ...] | None:
    if "monthlyOccurrences" not in schedule:
        return None
    path = f"{_SCHEDULE}.monthlyOccurrences"
    if not isinstance(schedule["monthlyOccurrences"], list):
        raise ScheduleError(f"{path}: is {_shown(schedule['monthlyOccurrences'])}; a list is needed.")
    occurrences = []
    for index, item in enumerate(schedule["monthlyOccurrences"]):
        item_path = f"{path}[{index}]"
        one = _object(item, item_path)
        occurrence = one.get("occurrence")
        if occurrence is not None and (type(occurrence) is not int or abs(occurrence) not in range(1, 6)):
            raise ScheduleError(
                f"{item_path}.occurrence: is {_shown(occurrence)}; write 1 to 5, or -1 to -5 from the end."
            )
        occurrences.append(WeekdayOfMonth(_weekday(one.get("day"), f"{item_path}.day"), occurrence))
    return tuple(occurrences)


def _weekday(value: object, path: str) -> int:
    if not isinstance(value, str) or value.lower() not in _WEEK_DAYS:
        raise ScheduleError(f"{path}: {_shown(value)} is no weekday; write Monday to Sunday.")
    return _WEEK_DAYS.index(value.lower())


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)

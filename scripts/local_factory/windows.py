"""The windows of a tumbling window trigger: fixed spans without gaps from its start on, each run once it has closed.

The rules are those of Microsoft's article "Create a trigger that runs a pipeline on a tumbling window"
(how-to-create-tumbling-window-trigger): `frequency` is Minute, Hour or Month, times are UTC, `delay` puts off the run
of a closed window, and windows that closed before the trigger was started are made up for.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bundle.documents import items, mapping, text
from local_factory.durations import timespan_seconds
from local_factory.errors import ActivityError, ScheduleError

_PATH = "properties.typeProperties"
_SECONDS = {"minute": 60, "hour": 3600}
_MOST_AT_ONCE = 50


@dataclass(frozen=True)
class Window:
    """One window, in UTC, and when it may be run."""

    start: datetime
    end: datetime
    due: datetime


@dataclass(frozen=True)
class Dependency:
    """Which windows must have succeeded first: those of `trigger` (None: its own) from `offset` on, for `size`.

    Source: https://learn.microsoft.com/azure/data-factory/tumbling-window-trigger-dependency.
    """

    trigger: str | None
    offset: timedelta
    size: timedelta | None


@dataclass(frozen=True)
class Windows:
    """A tumbling window trigger's settings, checked. `step` is in seconds, or in months where `by_month`."""

    start: datetime
    end: datetime | None
    step: int
    by_month: bool
    delay: timedelta
    most_at_once: int
    retries: int
    seconds_between_tries: int
    dependencies: tuple["Dependency", ...] = ()

    def after(self, until: datetime | None) -> Iterator[Window]:
        """Yield the windows in order, from the first that does not end before or at `until`; all of them without it."""
        number = 0
        if until and until > self.start and not self.by_month:
            number = int((until - self.start).total_seconds() // self.step)
        while True:
            window = Window(self._edge(number), self._edge(number + 1), self._edge(number + 1) + self.delay)
            if self.end and window.end > self.end:
                return
            if until is None or window.end > until:
                yield window
            number += 1

    def _edge(self, number: int) -> datetime:
        if not self.by_month:
            return self.start + timedelta(seconds=self.step * number)
        month = self.start.year * 12 + self.start.month - 1 + self.step * number
        year, month_index = divmod(month, 12)
        day = min(self.start.day, monthrange(year, month_index + 1)[1])
        return self.start.replace(year=year, month=month_index + 1, day=day)


def read_windows(properties: Mapping[str, Any]) -> Windows:
    """Read a tumbling window trigger's properties.

    Raises:
        ScheduleError: it is none, or is not well-formed; names the JSON path.
    """
    if properties.get("type") != "TumblingWindowTrigger":
        kind = properties.get("type")
        raise ScheduleError(f"properties.type: is {kind!r}; only a TumblingWindowTrigger has windows.")
    given = properties.get("typeProperties")
    if not isinstance(given, Mapping):
        raise ScheduleError(f"{_PATH}: an object is needed.")
    frequency = str(given.get("frequency", "")).lower()
    interval = given.get("interval")
    if frequency not in (*_SECONDS, "month"):
        raise ScheduleError(f"{_PATH}.frequency: is {given.get('frequency')!r}; write one of Minute, Hour, Month.")
    if not isinstance(interval, int) or isinstance(interval, bool) or interval < 1:
        raise ScheduleError(f"{_PATH}.interval: is {interval!r}; write a whole number of 1 or more.")
    retry = given.get("retryPolicy")
    retry = retry if isinstance(retry, Mapping) else {}
    return Windows(
        start=_moment(given.get("startTime"), "startTime"),
        end=None if given.get("endTime") is None else _moment(given["endTime"], "endTime"),
        step=interval * _SECONDS.get(frequency, 1),
        by_month=frequency == "month",
        delay=timedelta(seconds=_span(given.get("delay", "00:00:00"))),
        most_at_once=_count(given.get("maxConcurrency", _MOST_AT_ONCE), "maxConcurrency", 1),
        retries=_count(retry.get("count", 0), "retryPolicy.count", 0),
        seconds_between_tries=_count(retry.get("intervalInSeconds", 30), "retryPolicy.intervalInSeconds", 0),
        dependencies=tuple(_dependency(entry) for entry in items(given.get("dependsOn"))),
    )


def _dependency(entry: object) -> Dependency:
    given = mapping(entry)
    name = text(mapping(given.get("referenceTrigger")).get("referenceName")) or None
    offset, size = (_signed_span(given.get(key), f"dependsOn.{key}") for key in ("offset", "size"))
    if name is None and (offset is None or offset >= timedelta()):
        raise ScheduleError(f"{_PATH}.dependsOn: it depends on its own earlier windows: offset must be below zero.")
    return Dependency(name, offset or timedelta(), size)


def _signed_span(value: object, key: str) -> timedelta | None:
    if value is None:
        return None
    shown = str(value).strip()
    try:
        span = timedelta(seconds=timespan_seconds(shown.removeprefix("-")))
    except ValueError as error:
        raise ScheduleError(f"{_PATH}.{key}: {error}") from None
    return -span if shown.startswith("-") else span


def _moment(value: object, key: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ScheduleError(f"{_PATH}.{key}: is {value!r}; write a moment such as 2026-01-31T00:00:00Z.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _span(value: object) -> int:
    try:
        return timespan_seconds(str(value))
    except (ActivityError, ValueError) as error:
        raise ScheduleError(f"{_PATH}.delay: {error}") from None


def _count(value: object, key: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ScheduleError(f"{_PATH}.{key}: is {value!r}; write a whole number of {least} or more.")
    return value

"""Triggers: times in the form their time zone asks for, schedules that exist, and something to start.

Sources: https://learn.microsoft.com/azure/data-factory/how-to-create-schedule-trigger and
https://learn.microsoft.com/azure/data-factory/how-to-create-tumbling-window-trigger.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tzlocal.windows_tz import tz_win, win_tz

from bundle.bundle import Bundle
from bundle.documents import child_path, is_evaluated, is_integer, items, mapping, text
from bundle.findings import Problem
from bundle.resources import Resource
from bundle.time_spans import read_time_span
from bundle.wording import did_you_mean

FREQUENCIES = ("Minute", "Hour", "Day", "Week", "Month")
WINDOW_FREQUENCIES = ("Minute", "Hour", "Month")
RUNTIME_STATES = ("Started", "Stopped", "Disabled")
WEEK_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LEAST_WINDOW_MINUTES = 5
MOST_INTERVAL = 1000

_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,7})?)?([+-]\d\d:\d\d)?")
_PROPERTIES = "$.properties"
_TYPE_PROPERTIES = f"{_PROPERTIES}.typeProperties"
_RECURRENCE = f"{_TYPE_PROPERTIES}.recurrence"


def trigger_time(bundle: Bundle) -> Iterator[Problem]:
    """Start and end are times, yyyy-MM-ddTHH:mm:ss; the end comes after the start."""
    for trigger, holder, place, _ in _timed(bundle):
        moments = {key: _read_time(holder.get(key)) for key in ("startTime", "endTime")}
        for key, moment in moments.items():
            value = holder.get(key)
            if moment is None and not is_evaluated(value) and (key == "startTime" or value is not None):
                yield Problem(trigger.path, f"{place}.{key}", f"{value!r} must read yyyy-MM-ddTHH:mm:ss")
        start, end = moments["startTime"], moments["endTime"]
        if start and end and end <= start:
            yield Problem(trigger.path, f"{place}.endTime", "must come after the start time")


def trigger_time_form(bundle: Bundle) -> Iterator[Problem]:
    """Times end in Z with UTC and have no Z with any other time zone, as the documents say."""
    for trigger, holder, place, zone in _timed(bundle):
        form = "yyyy-MM-ddTHH:mm:ssZ" if zone == "UTC" else "yyyy-MM-ddTHH:mm:ss, without Z"
        for key in ("startTime", "endTime"):
            value = holder.get(key)
            if _read_time(value) and text(value).endswith("Z") is not (zone == "UTC"):
                message = f"{value!r} should read {form}: the time zone is {zone}"
                yield Problem(trigger.path, f"{place}.{key}", message)


def trigger_time_zone(bundle: Bundle) -> Iterator[Problem]:
    """A schedule's time zone is a Windows name: expressions take IANA names too, triggers do not start with one.

    Source: InvalidWorkflowTriggerRecurrence in https://github.com/microsoft/finops-toolkit/issues/1085.
    """
    for trigger, recurrence in _schedules(bundle):
        zone = recurrence.get("timeZone")
        if zone is not None and text(zone) not in win_tz and not is_evaluated(zone):
            windows = tz_win.get(text(zone))
            hint = f"; is {windows!r} meant?" if windows else did_you_mean(zone, win_tz)
            yield Problem(trigger.path, f"{_RECURRENCE}.timeZone", f"{zone!r} is no Windows time zone{hint}")


def trigger_recurrence(bundle: Bundle) -> Iterator[Problem]:
    """A schedule's frequency, interval and slots are ones the service has; the slots fit the frequency."""
    for trigger, recurrence in _schedules(bundle):
        yield from _frequency(trigger, recurrence, _RECURRENCE, FREQUENCIES)
        yield from _slots(trigger, recurrence)


def trigger_window(bundle: Bundle) -> Iterator[Problem]:
    """A tumbling window's frequency, interval, concurrency, delay and retries are in the service's ranges."""
    for trigger, window in _windows(bundle):
        yield from _frequency(trigger, window, _TYPE_PROPERTIES, WINDOW_FREQUENCIES)
        if window.get("frequency") == "Minute" and _is_whole(window.get("interval"), 1, LEAST_WINDOW_MINUTES - 1):
            message = f"the shortest window is {LEAST_WINDOW_MINUTES} minutes"
            yield Problem(trigger.path, f"{_TYPE_PROPERTIES}.interval", message)
        if not _is_whole(window.get("maxConcurrency"), 1, 50):
            path = f"{_TYPE_PROPERTIES}.maxConcurrency"
            yield Problem(trigger.path, path, "must be a whole number from 1 to 50")
        delay = window.get("delay")
        if delay is not None and not is_evaluated(delay) and read_time_span(delay) is None:
            yield Problem(trigger.path, f"{_TYPE_PROPERTIES}.delay", f"{delay!r} must read D.HH:MM:SS")
        retries = mapping(window.get("retryPolicy"))
        seconds = retries.get("intervalInSeconds")
        if seconds is not None and not _is_whole(seconds, 30, 86_400):
            path = f"{_TYPE_PROPERTIES}.retryPolicy.intervalInSeconds"
            yield Problem(trigger.path, path, "must be a whole number from 30 to 86400")


def trigger_starts_pipeline(bundle: Bundle) -> Iterator[Problem]:
    """A trigger that is to be started has a pipeline to start, or the service refuses to start it."""
    for trigger in bundle.of("trigger"):
        state = trigger.properties.get("runtimeState") or "Stopped"
        path = f"{_PROPERTIES}.runtimeState"
        if state not in RUNTIME_STATES:
            hint = did_you_mean(state, RUNTIME_STATES)
            yield Problem(trigger.path, path, f"{state!r} is no state of a trigger{hint}")
        started = [mapping(entry) for entry in items(trigger.properties.get("pipelines"))]
        started.append(mapping(trigger.properties.get("pipeline")))
        if state == "Started" and not any(entry.get("pipelineReference") for entry in started):
            yield Problem(trigger.path, path, "is Started, but the trigger has no pipeline to start")


def _of_type(bundle: Bundle, trigger_type: str) -> Iterator[Resource]:
    return (trigger for trigger in bundle.of("trigger") if trigger.properties.get("type") == trigger_type)


def _schedules(bundle: Bundle) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    for trigger in _of_type(bundle, "ScheduleTrigger"):
        yield trigger, mapping(mapping(trigger.properties.get("typeProperties")).get("recurrence"))


def _windows(bundle: Bundle) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    for trigger in _of_type(bundle, "TumblingWindowTrigger"):
        yield trigger, mapping(trigger.properties.get("typeProperties"))


def _timed(bundle: Bundle) -> Iterator[tuple[Resource, Mapping[str, Any], str, str]]:
    """Yield every trigger with times: itself, what holds them, where that stands, and their time zone."""
    for trigger, recurrence in _schedules(bundle):
        yield trigger, recurrence, _RECURRENCE, text(recurrence.get("timeZone")) or "UTC"
    for trigger, window in _windows(bundle):
        yield trigger, window, _TYPE_PROPERTIES, "UTC"


def _read_time(value: object) -> datetime | None:
    """Return a time as it is written, without its zone; None when it is none."""
    local = text(value).removesuffix("Z")
    if not _LOCAL_TIME.fullmatch(local):
        return None
    try:
        return datetime.fromisoformat(local).replace(tzinfo=None)
    except ValueError:
        return None


def _frequency(
    trigger: Resource, holder: Mapping[str, Any], place: str, frequencies: tuple[str, ...]
) -> Iterator[Problem]:
    frequency, interval = holder.get("frequency"), holder.get("interval")
    if frequency not in frequencies:
        message = f"{frequency!r} must be one of {', '.join(frequencies)}"
        yield Problem(trigger.path, f"{place}.frequency", message)
    if not _is_whole(interval, 1, MOST_INTERVAL):
        message = f"must be a whole number from 1 to {MOST_INTERVAL}, is {interval!r}"
        yield Problem(trigger.path, f"{place}.interval", message)


def _is_month_day(value: object) -> bool:
    return _is_whole(value, 1, 31) or _is_whole(value, -31, -1)


def _is_occurrence(value: object) -> bool:
    occurrence = mapping(value).get("occurrence")
    return mapping(value).get("day") in WEEK_DAYS and (_is_whole(occurrence, 1, 5) or _is_whole(occurrence, -5, -1))


# What each list of slots holds, in words and as a check, and the frequency it needs (None: any).
_SLOTS: Mapping[str, tuple[str, Callable[[object], bool], str | None]] = {
    "minutes": ("a minute, 0 to 59", lambda value: _is_whole(value, 0, 59), None),
    "hours": ("an hour, 0 to 23", lambda value: _is_whole(value, 0, 23), None),
    "weekDays": (f"one of {', '.join(WEEK_DAYS)}", lambda value: value in WEEK_DAYS, "Week"),
    "monthDays": ("a day, 1 to 31 or -31 to -1", _is_month_day, "Month"),
    "monthlyOccurrences": ("a day of the week with its occurrence, 1 to 5 or -5 to -1", _is_occurrence, "Month"),
}


def _slots(trigger: Resource, recurrence: Mapping[str, Any]) -> Iterator[Problem]:
    schedule = mapping(recurrence.get("schedule"))
    for key, (words, is_slot, frequency) in _SLOTS.items():
        if schedule.get(key) is None:
            continue
        path = f"{_RECURRENCE}.schedule.{key}"
        if not isinstance(schedule[key], list):
            yield Problem(trigger.path, path, "must be a JSON array")
            continue
        if frequency and recurrence.get("frequency") != frequency:
            yield Problem(trigger.path, path, f"goes with the frequency {frequency} only")
        for index, slot in enumerate(schedule[key]):
            if not is_slot(slot):
                yield Problem(trigger.path, child_path(path, index), f"{slot!r} is not {words}")


def _is_whole(value: object, least: int, most: int) -> bool:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    return isinstance(number, int) and is_integer(number) and least <= number <= most

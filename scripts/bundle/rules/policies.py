"""Timeouts and retries: written down, in the service's format, and sane.

Sources: https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#activity-policy (format,
10 minutes to 7 days) and Azure's published schema, definition `ActivityPolicy` (retry interval).
"""

import re
from collections.abc import Iterator
from datetime import timedelta

from bundle.activities import Activity
from bundle.bundle import Bundle
from bundle.catalog import ACTIVITY_TYPES, POLICY_WITHOUT_RETRY
from bundle.documents import child_path, is_evaluated, is_integer, mapping
from bundle.findings import Problem

LONGEST_TIMEOUT = timedelta(days=7)
SANE_TIMEOUT = (timedelta(minutes=10), timedelta(days=1))
RETRY_INTERVAL_SECONDS = (30, 86_400)

_TIME_SPAN = re.compile(r"(?:(\d{1,3})\.)?([01]\d|2[0-3]):([0-5]\d):([0-5]\d)")

# These keep a timeout of their own in `typeProperties`.
_OWN_TIMEOUT = frozenset({"Until", "Validation", "WebHook"})


def timeout_given(bundle: Bundle) -> Iterator[Problem]:
    """An activity that works outside has a timeout: the service's own default is half a day or more."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            place, _ = _timeout(activity)
            if place and "timeout" not in _holder(activity):
                yield Problem(pipeline.resource.path, place, f"{activity.name!r} has no timeout: write one, D.HH:MM:SS")


def timeout_format(bundle: Bundle) -> Iterator[Problem]:
    """A timeout reads D.HH:MM:SS, is more than nothing and at most 7 days."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            place, value = _timeout(activity)
            if not place or value is None or is_evaluated(value):
                continue
            span = read_time_span(value)
            if span is None:
                yield Problem(pipeline.resource.path, f"{place}.timeout", f"{value!r} must read D.HH:MM:SS")
            elif not timedelta() < span <= LONGEST_TIMEOUT:
                message = f"{value!r} must be more than nothing and at most 7 days"
                yield Problem(pipeline.resource.path, f"{place}.timeout", message)


def timeout_sane(bundle: Bundle) -> Iterator[Problem]:
    """A timeout is at least 10 minutes, the documented least, and at most a day: a hung run is noticed the same day."""
    shortest, longest = SANE_TIMEOUT
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            place, value = _timeout(activity)
            span = read_time_span(value)
            if not place or span is None or not timedelta() < span <= LONGEST_TIMEOUT:
                continue
            if span > longest:
                message = f"{value!r} is longer than a day: a hung run would go unnoticed"
                yield Problem(pipeline.resource.path, f"{place}.timeout", message)
            elif span < shortest and activity.type not in _OWN_TIMEOUT:
                message = f"{value!r} is shorter than the documented least of 10 minutes"
                yield Problem(pipeline.resource.path, f"{place}.timeout", message)


def retry_given(bundle: Bundle) -> Iterator[Problem]:
    """An activity that works outside says how often it is tried again: the default is never."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            if _takes_retry(activity) and "retry" not in mapping(activity.document.get("policy")):
                path = child_path(activity.path, "policy")
                yield Problem(
                    pipeline.resource.path, path, f"{activity.name!r} has no retry: write one, 0 if that is meant"
                )


def retry_range(bundle: Bundle) -> Iterator[Problem]:
    """`retry` is a whole number of 0 or more, `retryIntervalInSeconds` one from 30 to 86400."""
    least, most = RETRY_INTERVAL_SECONDS
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            policy = mapping(activity.document.get("policy"))
            path = child_path(activity.path, "policy")
            retry, interval = policy.get("retry"), policy.get("retryIntervalInSeconds")
            if "retry" in policy and not is_evaluated(retry) and not _whole(retry, 0, None):
                message = f"must be a whole number of 0 or more, is {retry!r}"
                yield Problem(pipeline.resource.path, f"{path}.retry", message)
            if "retryIntervalInSeconds" in policy and not is_evaluated(interval) and not _whole(interval, least, most):
                message = f"must be a whole number from {least} to {most}, is {interval!r}"
                yield Problem(pipeline.resource.path, f"{path}.retryIntervalInSeconds", message)


def read_time_span(value: object) -> timedelta | None:
    """Return the span that `D.HH:MM:SS` or `HH:MM:SS` means, None for all else."""
    found = _TIME_SPAN.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _takes_retry(activity: Activity) -> bool:
    known = ACTIVITY_TYPES.get(activity.type)
    return known is not None and "policy" in known.common and activity.type not in POLICY_WITHOUT_RETRY


def _holder(activity: Activity) -> dict[str, object]:
    key = "typeProperties" if activity.type in _OWN_TIMEOUT else "policy"
    return dict(mapping(activity.document.get(key)))


def _timeout(activity: Activity) -> tuple[str, object]:
    """Return where the activity's timeout belongs (empty: it has none) and its value."""
    if activity.type in _OWN_TIMEOUT:
        return activity.type_properties_path, _holder(activity).get("timeout")
    if _takes_retry(activity):
        return child_path(activity.path, "policy"), _holder(activity).get("timeout")
    return "", None


def _whole(value: object, least: int, most: int | None) -> bool:
    return isinstance(value, int) and is_integer(value) and value >= least and (most is None or value <= most)

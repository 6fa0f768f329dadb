"""Timeouts and retries: written down, in the service's format, and sane.

Sources: https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#activity-policy (format,
10 minutes to 7 days) and Azure's published schema, definition `ActivityPolicy` (retry interval).
"""

from collections.abc import Iterator
from datetime import timedelta

from bundle.activities import Activity
from bundle.bundle import Bundle
from bundle.catalog import ACTIVITY_TYPES, POLICY_WITHOUT_RETRY
from bundle.documents import child_path, is_evaluated, is_integer, mapping
from bundle.findings import Problem
from bundle.resources import Resource
from bundle.time_spans import is_in_full, read_time_span

LONGEST_TIMEOUT = timedelta(days=7)
SANE_TIMEOUT = (timedelta(minutes=10), timedelta(days=1))
RETRY_INTERVAL_SECONDS = (30, 86_400)

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
    """A timeout is a time span, D.HH:MM:SS, of more than nothing."""
    for place, value, resource in _spans(bundle):
        span = read_time_span(value)
        if span is None:
            yield Problem(resource.path, place, f"{value!r} must read D.HH:MM:SS")
        elif not span:
            yield Problem(resource.path, place, f"{value!r} must be more than nothing")


def timeout_documented(bundle: Bundle) -> Iterator[Problem]:
    """A timeout has two digits for hours, minutes and seconds, and is at most 7 days: so the schema and the docs say.

    The service was seen to take `1:00:00` and `7.0:00:00`.
    """
    for place, value, resource in _spans(bundle):
        span = read_time_span(value)
        if not span:
            continue
        if span > LONGEST_TIMEOUT:
            yield Problem(resource.path, place, f"{value!r} is more than the documented most of 7 days")
        elif not is_in_full(str(value)):
            yield Problem(resource.path, place, f"{value!r} should read D.HH:MM:SS, with two digits each")


def timeout_sane(bundle: Bundle) -> Iterator[Problem]:
    """A timeout is at least 10 minutes, the documented least, and at most a day: a hung run is noticed the same day."""
    shortest, longest = SANE_TIMEOUT
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            place, value = _timeout(activity)
            span = read_time_span(value)
            if not place or not span or span > LONGEST_TIMEOUT:
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
    """`retry` and `retryIntervalInSeconds` are whole numbers of 0 or more."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            policy = mapping(activity.document.get("policy"))
            for key in ("retry", "retryIntervalInSeconds"):
                value = policy.get(key)
                if value is not None and not is_evaluated(value) and _whole(value) is None:
                    path = child_path(child_path(activity.path, "policy"), key)
                    message = f"must be a whole number of 0 or more, is {value!r}"
                    yield Problem(pipeline.resource.path, path, message)


def retry_interval(bundle: Bundle) -> Iterator[Problem]:
    """`retryIntervalInSeconds` is 30 to 86400, as the schema says; the service was seen to take less."""
    least, most = RETRY_INTERVAL_SECONDS
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            seconds = _whole(mapping(activity.document.get("policy")).get("retryIntervalInSeconds"))
            if seconds is not None and not least <= seconds <= most:
                path = child_path(activity.path, "policy")
                message = f"should be from {least} to {most}, is {seconds}"
                yield Problem(pipeline.resource.path, f"{path}.retryIntervalInSeconds", message)


def _spans(bundle: Bundle) -> Iterator[tuple[str, object, Resource]]:
    """Yield every timeout that is a constant: where it stands, what it says, and the pipeline."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            place, value = _timeout(activity)
            if place and value is not None and not is_evaluated(value):
                yield f"{place}.timeout", value, pipeline.resource


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


def _whole(value: object) -> int | None:
    """Return a whole number of 0 or more, also one that is written as text."""
    if is_integer(value) and isinstance(value, int) and value >= 0:
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None

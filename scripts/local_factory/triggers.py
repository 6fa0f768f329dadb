"""Schedule triggers of a factory: finding one, and what it starts when it fires."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bundle.resources import Resource, ResourceKey, Resources
from local_factory.errors import ArgumentError
from local_factory.expressions import evaluate
from local_factory.invocation import Invocation
from local_factory.local_run import PipelineRequest
from local_factory.runs import timestamp
from local_factory.schedule import fire_times
from local_factory.windows import Window, read_windows


def find_trigger(resources: Resources, name: str) -> Resource:
    """Return a trigger by its name.

    Raises:
        ArgumentError: there is none of this name.
    """
    trigger = resources.get(ResourceKey("trigger", name))
    if not trigger:
        known = ", ".join(key.name for key in resources if key.kind == "trigger") or "none"
        raise ArgumentError(f"{name}: no such trigger. The factory has: {known}.")
    return trigger


def pipelines_of(trigger: Resource) -> Sequence[str]:
    """Return the names of the pipelines that a trigger starts."""
    return [entry["pipelineReference"]["referenceName"] for entry in _entries(trigger)]


def next_fire_times(trigger: Resource, after: datetime) -> Iterator[datetime]:
    """Return the moments later than `after` at which a schedule or a tumbling window trigger fires.

    Raises:
        ScheduleError: the trigger has no moments, or is not well-formed.
    """
    if trigger.properties.get("type") == "TumblingWindowTrigger":
        windows = read_windows(trigger.properties)
        return (window.due for window in windows.after(after - windows.delay) if window.due > after)
    return fire_times(trigger.document, after)


def requests_of(trigger: Resource, scheduled: datetime, trigger_run_id: str | None = None) -> Sequence[PipelineRequest]:
    """Return what a trigger starts when it fires; its parameters may say `@trigger().scheduledTime`.

    Args:
        trigger: the trigger.
        scheduled: the moment that it fires for.
        trigger_run_id: the id of this fire, a new one by default.

    Raises:
        ExpressionError: a parameter cannot be evaluated.
    """
    scope = {"trigger": {"scheduledTime": timestamp(scheduled), "startTime": timestamp(datetime.now(UTC))}}
    return [
        PipelineRequest(
            entry["pipelineReference"]["referenceName"],
            evaluate(entry.get("parameters") or {}, scope),
            Invocation.schedule(trigger.name, scheduled, trigger_run_id),
        )
        for entry in _entries(trigger)
    ]


def window_requests_of(trigger: Resource, window: Window, trigger_run_id: str) -> Sequence[PipelineRequest]:
    """Return what a tumbling window trigger starts for a window: its start and end are in `@trigger().outputs`.

    Raises:
        ExpressionError: a parameter cannot be evaluated.
    """
    outputs = {"windowStartTime": timestamp(window.start), "windowEndTime": timestamp(window.end)}
    moments = {"scheduledTime": timestamp(window.end), "startTime": timestamp(datetime.now(UTC))}
    return [
        PipelineRequest(
            entry["pipelineReference"]["referenceName"],
            evaluate(entry.get("parameters") or {}, {"trigger": {**moments, "outputs": outputs}}),
            Invocation.window(trigger.name, window.end, trigger_run_id),
        )
        for entry in _entries(trigger)
    ]


def event_requests_of(
    trigger: Resource, body: Mapping[str, Any], outputs: Mapping[str, Any]
) -> Sequence[PipelineRequest]:
    """Return what an event starts: `@triggerBody()` is the event, and so is `@trigger().outputs.body`.

    Raises:
        ExpressionError: a parameter cannot be evaluated.
    """
    now = datetime.now(UTC)
    scope = {"trigger": {"startTime": timestamp(now), "outputs": outputs}, "triggerBody": body}
    return [
        PipelineRequest(
            entry["pipelineReference"]["referenceName"],
            evaluate(entry.get("parameters") or {}, scope),
            Invocation.event(trigger.name, str(trigger.properties.get("type")), now),
        )
        for entry in _entries(trigger)
    ]


def _entries(trigger: Resource) -> Sequence[Any]:
    # A tumbling window trigger starts one pipeline, and names it apart.
    single = trigger.properties.get("pipeline")
    return [single] if single else trigger.properties.get("pipelines") or []

"""Schedule triggers of a factory: finding one, and what it starts when it fires."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bundle.resources import Resource, ResourceKey, Resources
from local_factory.errors import ArgumentError
from local_factory.expressions import evaluate
from local_factory.invocation import Invocation
from local_factory.local_run import PipelineRequest
from local_factory.runs import timestamp
from local_factory.windows import Window


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


def _entries(trigger: Resource) -> Sequence[Any]:
    # A tumbling window trigger starts one pipeline, and names it apart.
    single = trigger.properties.get("pipeline")
    return [single] if single else trigger.properties.get("pipelines") or []

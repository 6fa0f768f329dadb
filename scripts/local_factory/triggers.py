"""Schedule triggers of a factory: finding one, and what it starts when it fires."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bundle.resources import Resource, ResourceKey, Resources
from local_factory.errors import ArgumentError
from local_factory.expressions import evaluate
from local_factory.invocation import Invocation
from local_factory.local_run import PipelineRequest
from local_factory.runs import timestamp


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
    return [entry["pipelineReference"]["referenceName"] for entry in trigger.properties.get("pipelines") or []]


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
        for entry in trigger.properties.get("pipelines") or []
    ]

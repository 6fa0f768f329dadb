"""The pages of triggers: what they start and when, start and stop, what they started."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bundle.resources import Resource
from local_factory.server.history import Filter, Query, TriggerRun
from local_factory.server.monitor.parts import Page, Parts, here
from local_factory.server.service_rules import STARTED
from local_factory.triggers import pipelines_of

if TYPE_CHECKING:
    from starlette.requests import Request

_NEXT, _MANY_NEXT = 3, 10
_ROWS = 50


@dataclass(frozen=True)
class _Trigger:
    resource: Resource
    kind: str
    started: bool
    pipelines: tuple[str, ...]
    next: tuple[datetime, ...]
    last: TriggerRun | None


def list_page(parts: Parts, _request: "Request") -> Page:
    """Return all triggers."""
    parts.triggers.settle()
    triggers = [_trigger(parts, resource, _NEXT) for resource in parts.objects.of("trigger")]
    return Page("triggers.html.j2", "Triggers", {"triggers": triggers, "here": here}, live=("triggers", "factory"))


def trigger_page(parts: Parts, request: "Request") -> Page:
    """Return one trigger with its history."""
    resource = parts.objects.get("trigger", request.path_params["name"])
    parts.triggers.settle()
    query = Query(
        filters=[Filter("trigger_name", [resource.name])],
        order=(("fired", False),),
        limit=_ROWS,
        token=request.query_params.get("after") or None,
    )
    fired, older = parts.runs.history.trigger_runs(query)
    return Page(
        "trigger.html.j2",
        resource.name,
        {
            "trigger": _trigger(parts, resource, _MANY_NEXT),
            "fired": fired,
            "older": older,
            "document": resource.document,
            "here": here,
        },
        live=("triggers", "factory"),
    )


def _trigger(parts: Parts, resource: Resource, number: int) -> _Trigger:
    query = Query(filters=[Filter("trigger_name", [resource.name])], order=(("fired", False),), limit=1)
    last, _ = parts.runs.history.trigger_runs(query)
    return _Trigger(
        resource,
        str(resource.properties.get("type", "")),
        parts.objects.state(resource.name) == STARTED,
        tuple(pipelines_of(resource)),
        tuple(parts.triggers.next_fire_times(resource, number)),
        last[0] if last else None,
    )

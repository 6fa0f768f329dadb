"""The pages of pipelines: all of them, and one as a picture with "Trigger now" and its last runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bundle.activities import all_activities, pipeline_activities
from bundle.resources import Resource
from local_factory.formatting import elapsed
from local_factory.server.errors import ServiceError
from local_factory.server.history import Filter, KeptRun, Query
from local_factory.server.monitor.forms import Field, read_form
from local_factory.server.monitor.parts import Page, Parts, here
from local_factory.server.monitor.picture import draw

if TYPE_CHECKING:
    from starlette.requests import Request

_LAST_RUNS = 10


@dataclass(frozen=True)
class _Pipeline:
    resource: Resource
    activities: int
    parameters: tuple[str, ...]
    last: KeptRun | None
    published: bool


def list_page(parts: Parts, _request: "Request") -> Page:
    """Return all pipelines."""
    parts.runs.write()
    last = parts.runs.history.last_run_of_each_pipeline()
    pipelines = [
        _Pipeline(
            resource,
            sum(1 for _ in all_activities(pipeline_activities(resource.properties))),
            tuple(resource.properties.get("parameters") or {}),
            last.get(resource.name),
            parts.objects.is_published(resource.key),
        )
        for resource in parts.objects.of("pipeline")
    ]
    return Page("pipelines.html.j2", "Pipelines", {"pipelines": pipelines, "here": here}, live=("runs", "factory"))


def pipeline_page(parts: Parts, request: "Request") -> Page:
    """Return one pipeline."""
    resource = parts.objects.get("pipeline", request.path_params["name"])
    fields, _ = read_form(_declared(resource))
    return _page(parts, resource, fields)


def trigger_now(parts: Parts, name: str, given: Mapping[str, str]) -> tuple[str | None, Page]:
    """Start a pipeline with what a form says.

    Returns:
        The run's id, None when nothing was started; and the page with the form, which then says why.
    """
    resource = parts.objects.get("pipeline", name)
    fields, values = read_form(_declared(resource), given)
    problem = ""
    if not any(field.problem for field in fields):
        try:
            return parts.runs.create(resource.name, values).run_id, _page(parts, resource, fields)
        except ServiceError as error:
            problem = error.message
    return None, _page(parts, resource, fields, problem)


def _page(parts: Parts, resource: Resource, fields: Sequence[Field], problem: str = "") -> Page:
    parts.runs.write()
    runs, _ = parts.runs.history.pipeline_runs(Query(filters=[Filter("pipeline", [resource.name])], limit=_LAST_RUNS))
    now = datetime.now(UTC)
    statuses = {run.activity_name: run.status for run in parts.runs.activities(runs[0].run.run_id)} if runs else {}
    return Page(
        "pipeline.html.j2",
        resource.name,
        {
            "resource": resource,
            "picture": draw(resource.properties, statuses),
            "fields": fields,
            "problem": problem,
            "wrong": [field for field in fields if field.problem],
            "runs": runs,
            "seconds": {kept.run.run_id: elapsed(kept.run, now) for kept in runs},
            "users": sorted(parts.objects.users(resource.key)),
            "published": parts.objects.is_published(resource.key),
            "document": resource.document,
            "here": here,
        },
        live=("runs", "factory"),
    )


def _declared(resource: Resource) -> Mapping[str, Any]:
    return resource.properties.get("parameters") or {}

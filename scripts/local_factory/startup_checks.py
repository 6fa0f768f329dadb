"""What must hold before anything runs: every pipeline to be run, and all that it calls, can run on this machine."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from bundle.errors import NotebookNotFoundError
from bundle.notebooks import find_notebook
from bundle.resources import Resource, ResourceKey, Resources
from local_factory.activities import ACTIVITIES
from local_factory.control_flow import Activity, all_activities, branches
from local_factory.errors import UnsupportedFactoryError


def check_runnable(resources: Resources, pipelines: Sequence[str], notebooks: Path) -> None:
    """Refuse pipelines that cannot run here.

    Raises:
        UnsupportedFactoryError: one line for every reason, each with the file and the activity.
    """
    problems = list(_problems(resources, pipelines, notebooks))
    if problems:
        raise UnsupportedFactoryError("\n".join(problems))


def runs_notebooks(resources: Resources, pipelines: Iterable[str]) -> bool:
    """Say whether any of the pipelines, or one that they call, runs a notebook."""
    return any(
        activity.get("type") == "DatabricksNotebook"
        for pipeline in _called(resources, pipelines)
        for activity in all_activities(pipeline.properties.get("activities") or [])
    )


def _called(resources: Resources, pipelines: Iterable[str]) -> Iterator[Resource]:
    """Yield the pipelines and those that they call, at any depth; names of no pipeline are left out."""
    to_visit, seen = list(pipelines), set[str]()
    while to_visit:
        name = to_visit.pop(0)
        pipeline = resources.get(ResourceKey("pipeline", name))
        if name in seen or not pipeline:
            continue
        seen.add(name)
        yield pipeline
        to_visit.extend(
            activity["typeProperties"]["pipeline"]["referenceName"]
            for activity in all_activities(pipeline.properties.get("activities") or [])
            if activity.get("type") == "ExecutePipeline"
        )


def _problems(resources: Resources, pipelines: Sequence[str], notebooks: Path) -> Iterator[str]:
    known = ", ".join(key.name for key in resources if key.kind == "pipeline") or "none"
    for name in pipelines:
        if ResourceKey("pipeline", name) not in resources:
            yield f"{name}: no such pipeline. The factory has: {known}."
    for pipeline in _called(resources, pipelines):
        activities = pipeline.properties.get("activities") or []
        yield from _dependency_problems(pipeline, activities)
        for activity in all_activities(activities):
            yield from _activity_problems(pipeline, activity, resources, notebooks)


def _activity_problems(pipeline: Resource, activity: Activity, resources: Resources, notebooks: Path) -> Iterator[str]:
    where = f"{pipeline.path}: activity {activity['name']!r}"
    kind = activity.get("type")
    if kind not in ACTIVITIES:
        yield f"{where}: type {kind!r} does not run on this machine. These do: {', '.join(sorted(ACTIVITIES))}."
    if kind == "ExecutePipeline":
        called = activity["typeProperties"]["pipeline"]["referenceName"]
        if ResourceKey("pipeline", called) not in resources:
            yield f"{where}: calls pipeline {called!r}, which is not in the factory."
    if kind == "DatabricksNotebook":
        yield from _notebook_problems(where, activity, resources, notebooks)


def _notebook_problems(where: str, activity: Activity, resources: Resources, notebooks: Path) -> Iterator[str]:
    linked_service = (activity.get("linkedServiceName") or {}).get("referenceName", "")
    if ResourceKey("linkedService", linked_service) not in resources:
        yield f"{where}: linked service {linked_service!r} is not in the factory."
    path = activity["typeProperties"].get("notebookPath")
    if not isinstance(path, str) or path.startswith("@"):
        return  # an expression: only the run knows
    try:
        find_notebook(path, notebooks)
    except NotebookNotFoundError as error:
        yield f"{where}: notebookPath: {error}"


def _dependency_problems(pipeline: Resource, activities: Sequence[Activity]) -> Iterator[str]:
    """Every dependency names an activity beside it, and none waits for itself: else the run would never end."""
    parents = {activity["name"]: _dependencies(activity) for activity in activities}
    for name, names in parents.items():
        for missing in [parent for parent in names if parent not in parents]:
            yield f"{pipeline.path}: activity {name!r}: depends on {missing!r}, which is not beside it."
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        yield f"{pipeline.path}: activities wait for each other: {' -> '.join(error.args[1])}."
    for activity in activities:
        for branch in branches(activity):
            yield from _dependency_problems(pipeline, branch)


def _dependencies(activity: Mapping[str, Any]) -> list[str]:
    return [dependency["activity"] for dependency in activity.get("dependsOn") or []]

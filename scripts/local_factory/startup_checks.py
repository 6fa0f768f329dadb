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


def check_runnable(resources: Resources, pipelines: Iterable[str], notebooks: Path) -> None:
    """Refuse pipelines that cannot run here.

    Raises:
        UnsupportedFactoryError: one line for every reason, each with the file and the activity.
    """
    problems = list(_problems(resources, pipelines, notebooks))
    if problems:
        raise UnsupportedFactoryError("\n".join(problems))


def _problems(resources: Resources, pipelines: Iterable[str], notebooks: Path) -> Iterator[str]:
    to_check, seen = list(pipelines), set()
    while to_check:
        name = to_check.pop(0)
        if name in seen:
            continue
        seen.add(name)
        pipeline = resources.get(ResourceKey("pipeline", name))
        if not pipeline:
            known = ", ".join(key.name for key in resources if key.kind == "pipeline") or "none"
            yield f"{name}: no such pipeline. The factory has: {known}."
            continue
        activities = pipeline.properties.get("activities") or []
        yield from _dependency_problems(pipeline, activities)
        for activity in all_activities(activities):
            yield from _activity_problems(pipeline, activity, resources, notebooks)
            if activity.get("type") == "ExecutePipeline":
                to_check.append(activity["typeProperties"]["pipeline"]["referenceName"])


def _activity_problems(pipeline: Resource, activity: Activity, resources: Resources, notebooks: Path) -> Iterator[str]:
    where = f"{pipeline.path}: activity {activity['name']!r}"
    kind = activity.get("type")
    if kind not in ACTIVITIES:
        yield f"{where}: type {kind!r} does not run on this machine. These do: {', '.join(sorted(ACTIVITIES))}."
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

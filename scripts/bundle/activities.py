"""The activities of a pipeline, inner ones too: where each stands, and which others have ended when it starts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bundle.documents import ROOT, child_path, items, mapping, text

# Where container activities keep their inner activities, as keys below `typeProperties`; a Switch has `cases` besides.
# Source: Azure's published schema, definitions `*ActivityTypeProperties`.
INNER_LISTS: Mapping[str, tuple[str, ...]] = {
    "IfCondition": ("ifTrueActivities", "ifFalseActivities"),
    "Switch": ("defaultActivities",),
    "ForEach": ("activities",),
    "Until": ("activities",),
}


@dataclass(frozen=True)
class ActivityList:
    """Activities side by side: a pipeline's own, or those of one branch of a container. `dependsOn` stays within."""

    path: str
    activities: tuple["Activity", ...]

    def named(self, name: str) -> "Activity | None":
        """Return the activity of that name; names ignore case."""
        return next((activity for activity in self.activities if activity.name.casefold() == name.casefold()), None)


@dataclass(frozen=True)
class Activity:
    """One activity: its JSON, where it stands in its pipeline's file, and the containers around it, outermost first."""

    document: Mapping[str, Any]
    path: str
    containers: tuple["Activity", ...] = ()

    @property
    def name(self) -> str:
        """The activity's name, empty when it has none."""
        return text(self.document.get("name"))

    @property
    def type(self) -> str:
        """The activity's type such as `DatabricksNotebook`, empty when it has none."""
        return text(self.document.get("type"))

    @property
    def type_properties(self) -> Mapping[str, Any]:
        """The activity's `typeProperties`, empty when it has none."""
        return mapping(self.document.get("typeProperties"))

    @property
    def type_properties_path(self) -> str:
        """The JSON path of `typeProperties`."""
        return child_path(self.path, "typeProperties")

    @property
    def is_inactive(self) -> bool:
        """Whether it, or a container around it, is switched off: the service does not validate it then.

        Source: https://learn.microsoft.com/azure/data-factory/deactivate-activity.
        """
        return any(text(each.document.get("state")).casefold() == "inactive" for each in (*self.containers, self))

    @property
    def dependencies(self) -> list[str]:
        """The names in `dependsOn`."""
        return [text(mapping(entry).get("activity")) for entry in items(self.document.get("dependsOn"))]

    def inner_lists(self) -> Iterator[ActivityList]:
        """Yield the lists of inner activities of a container; nothing for any other activity."""
        for path, value in inner_values(self.document, self.path):
            yield read_list(value, path, (*self.containers, self))

    def own_document(self) -> Mapping[str, Any]:
        """Return the activity's JSON without its inner activities: what the activity itself says."""
        inner = {path for path, _ in inner_values(self.document, self.path)}
        return mapping(_without(self.document, self.path, inner)) if inner else self.document


def pipeline_activities(properties: Mapping[str, Any]) -> ActivityList:
    """Return a pipeline's own activities, given its `properties`."""
    return read_list(properties.get("activities"), f"{ROOT}.properties.activities")


def read_list(value: object, path: str, containers: tuple[Activity, ...] = ()) -> ActivityList:
    """Read one list of activities; entries that are no JSON objects are left out."""
    return ActivityList(
        path,
        tuple(
            Activity(entry, child_path(path, index), containers)
            for index, entry in enumerate(items(value))
            if isinstance(entry, Mapping)
        ),
    )


def all_lists(top: ActivityList) -> Iterator[ActivityList]:
    """Yield a list of activities and every list within it, outer ones first."""
    yield top
    for activity in top.activities:
        for inner in activity.inner_lists():
            yield from all_lists(inner)


def all_activities(top: ActivityList) -> Iterator[Activity]:
    """Yield every activity of a list, inner ones too, outer ones first."""
    for activity_list in all_lists(top):
        yield from activity_list.activities


def upstream(top: ActivityList) -> dict[str, frozenset[str]]:
    """Return, by each activity's JSON path, the names (folded) of the activities whose outcome its expressions can see.

    That is what it depends on, directly or not, what the containers around it depend on, and what is in containers
    among those: the activities of an Until, say, can be read when it has ended. An Until's condition is looked at after
    each round, so it sees the activities of its own list too.
    """
    seen: dict[str, frozenset[str]] = {}
    for activity_list in all_lists(top):
        graph = {activity.name.casefold(): activity.dependencies for activity in activity_list.activities}
        within = {activity.name.casefold(): _names_within(activity) for activity in activity_list.activities}
        for activity in activity_list.activities:
            ended = _reachable(activity.dependencies, graph)
            visible = ended.union(*(within.get(name, ()) for name in ended))
            if activity.containers:
                container = activity.containers[-1]
                visible |= seen[container.path] - (
                    _names_within(container) if container.type == "Until" else frozenset()
                )
            seen[activity.path] = frozenset(visible) | (
                within[activity.name.casefold()] if activity.type == "Until" else frozenset()
            )
    return seen


def inner_values(document: Mapping[str, Any], path: str) -> Iterator[tuple[str, object]]:
    """Yield (JSON path, value) of every place where a container keeps inner activities, whatever stands there."""
    properties = mapping(document.get("typeProperties"))
    path = child_path(path, "typeProperties")
    kind = text(document.get("type"))
    for key in INNER_LISTS.get(kind, ()):
        if key in properties:
            yield child_path(path, key), properties[key]
    if kind == "Switch":
        cases = child_path(path, "cases")
        for index, case in enumerate(items(properties.get("cases"))):
            if "activities" in mapping(case):
                yield child_path(child_path(cases, index), "activities"), case["activities"]


def _names_within(activity: Activity) -> frozenset[str]:
    """Return the folded names of all activities in a container."""
    return frozenset(
        inner.name.casefold() for inner_list in activity.inner_lists() for inner in all_activities(inner_list)
    )


def _reachable(start: Iterable[str], graph: Mapping[str, Iterable[str]]) -> set[str]:
    reached: set[str] = set()
    pending = list(start)
    while pending:
        name = pending.pop()
        if name.casefold() not in reached:
            reached.add(name.casefold())
            pending.extend(graph.get(name.casefold(), ()))
    return reached


def _without(value: object, path: str, left_out: set[str]) -> object:
    if path in left_out:
        return []
    if isinstance(value, Mapping):
        return {key: _without(child, child_path(path, key), left_out) for key, child in value.items()}
    if isinstance(value, list):
        return [_without(child, child_path(path, index), left_out) for index, child in enumerate(value)]
    return value

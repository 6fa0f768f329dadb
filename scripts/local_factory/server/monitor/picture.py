"""A pipeline as a picture: activities as boxes, dependencies as arrows, branches and loops as boxes around theirs.

Activities stand in columns: each one column right of the last that it depends on. All lengths are in pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bundle.activities import Activity, ActivityList, pipeline_activities
from bundle.documents import items, mapping, text
from local_factory.runs import Status

_WIDTH, _HEIGHT = 196.0, 58.0
_GAP_X, _GAP_Y = 56.0, 22.0
_PAD, _HEAD, _LABEL = 14.0, 58.0, 22.0
# A letter of a name is about so wide; beside the name there is room for the mark of the last run.
_LETTER, _BESIDE_NAME = 8.2, 64.0
_MOST_LETTERS = 34
_LABELS: Mapping[str, str] = {
    "ifTrueActivities": "True",
    "ifFalseActivities": "False",
    "defaultActivities": "Default",
    "activities": "Each time",
}


@dataclass(frozen=True)
class Arrow:
    """A dependency: its path, its conditions, and the activities it joins."""

    path: str
    conditions: tuple[str, ...]
    source: str
    target: str

    @property
    def kind(self) -> str:
        """The condition that gives the arrow its colour."""
        return self.conditions[0].lower() if len(self.conditions) == 1 else "several"


@dataclass(frozen=True)
class Box:
    """An activity, from the corner of the picture; `groups` are the lists within, each with its label."""

    name: str
    shown: str
    type: str
    x: float
    y: float
    width: float
    height: float
    status: Status | None
    inactive: bool
    calls: str
    groups: tuple["Group", ...]


@dataclass(frozen=True)
class Group:
    """Activities side by side, with the label of the branch that they are."""

    label: str
    x: float
    y: float
    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


@dataclass(frozen=True)
class Picture:
    """The whole picture."""

    width: float
    height: float
    top: Group
    outline: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the pipeline has no activity."""
        return not self.top.boxes


def draw(properties: Mapping[str, object], statuses: Mapping[str, Status]) -> Picture:
    """Return the picture of a pipeline, given its `properties`, and how its activities ended last, by name."""
    activities = pipeline_activities(properties)
    group = _group("", activities, 0.0, 0.0, statuses)
    return Picture(group.width, group.height, group, tuple(_outline(activities, 0)))


def _group(label: str, activities: ActivityList, x: float, y: float, statuses: Mapping[str, Status]) -> Group:
    columns = _columns(activities.activities)
    top = y + (_LABEL if label else 0.0)
    boxes: dict[str, Box] = {}
    left, bottom = x, top
    for column in columns:
        across, down = 0.0, top
        for activity in column:
            box = _box(activity, left, down, statuses)
            boxes[activity.name] = box
            across = max(across, box.width)
            down += box.height + _GAP_Y
        bottom = max(bottom, down - _GAP_Y)
        left += across + _GAP_X
    arrows = tuple(
        _arrow(boxes[source], boxes[activity.name], conditions)
        for activity in activities.activities
        for source, conditions in _dependencies(activity)
        if source in boxes and activity.name in boxes
    )
    width = max(left - _GAP_X - x, _WIDTH if label else 0.0)
    return Group(label, x, y, width, max(bottom - y, 0.0), tuple(boxes.values()), arrows)


def _box(activity: Activity, x: float, y: float, statuses: Mapping[str, Status]) -> Box:
    groups: list[Group] = []
    down = y + _HEAD
    for inner in activity.inner_lists():
        if inner.activities:
            group = _group(_label(activity, inner), inner, x + _PAD, down, statuses)
            groups.append(group)
            down += group.height + _PAD
    shown = activity.name if len(activity.name) <= _MOST_LETTERS else f"{activity.name[: _MOST_LETTERS - 1]}…"
    wide = len(shown) * _LETTER + _BESIDE_NAME
    width = max([_WIDTH, wide, *(group.width + 2 * _PAD for group in groups)])
    height = down - y if groups else _HEIGHT
    called = text(mapping(activity.type_properties.get("pipeline")).get("referenceName"))
    return Box(
        activity.name,
        shown,
        activity.type,
        x,
        y,
        width,
        height,
        statuses.get(activity.name),
        activity.document.get("state") == "Inactive",
        called if activity.type == "ExecutePipeline" else "",
        tuple(groups),
    )


def _label(activity: Activity, inner: ActivityList) -> str:
    key = inner.path.rpartition(".")[2]
    if activity.type == "Switch" and ".cases[" in inner.path[len(activity.path) :]:
        number = int(inner.path.rpartition("[")[2].partition("]")[0])
        return f"Case {mapping(items(activity.type_properties.get('cases'))[number]).get('value')}"
    return _LABELS.get(key, key)


def _columns(activities: Sequence[Activity]) -> list[list[Activity]]:
    """Part activities into columns; what waits for itself in a circle stands in the last one."""
    names = {activity.name for activity in activities}
    column: dict[str, int] = {}
    waiting = list(activities)
    while waiting:
        ready = [a for a in waiting if all(d in column for d, _ in _dependencies(a) if d in names)]
        for activity in ready or waiting:
            before = [column[d] for d, _ in _dependencies(activity) if d in column]
            column[activity.name] = max(before, default=-1) + 1
        waiting = [activity for activity in waiting if activity.name not in column]
    found: list[list[Activity]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for activity in {activity.name: activity for activity in activities}.values():
        found[column[activity.name]].append(activity)
    return found


def _dependencies(activity: Activity) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (
            text(mapping(entry).get("activity")),
            tuple(map(str, items(mapping(entry).get("dependencyConditions")))) or ("Succeeded",),
        )
        for entry in items(activity.document.get("dependsOn"))
    ]


def _arrow(source: Box, target: Box, conditions: tuple[str, ...]) -> Arrow:
    x1, y1 = source.x + source.width, source.y + min(source.height, _HEIGHT) / 2
    x2, y2 = target.x - 5, target.y + min(target.height, _HEIGHT) / 2
    bend = max((x2 - x1) / 2, 18.0)
    path = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return Arrow(path, conditions, source.name, target.name)


def _outline(activities: ActivityList, depth: int) -> list[str]:
    """Return the picture in words, a line an activity."""
    lines = []
    for activity in activities.activities:
        after = ", ".join(f"{name} ({' or '.join(conditions)})" for name, conditions in _dependencies(activity))
        lines.append(f"{'  ' * depth}{activity.name}: {activity.type}{f', after {after}' if after else ''}")
        for inner in activity.inner_lists():
            if inner.activities:
                lines.append(f"{'  ' * (depth + 1)}{_label(activity, inner)}:")
                lines += _outline(inner, depth + 2)
    return lines

"""Which activity runs next, and how a set of activities ends: ADF's dependency rules as pure functions.

Source: https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-failure-error-handling. An activity is
the JSON object of the pipeline's file; statuses are those that activities have reached, by folded activity name:
names ignore case.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from local_factory.runs import Status

Activity = Mapping[str, Any]
Statuses = Mapping[str, Status]

# What each dependency condition accepts. Completed means "ran to an end", so it does not follow a skip.
_CONDITIONS: Mapping[str, frozenset[Status]] = {
    "Succeeded": frozenset({Status.SUCCEEDED}),
    "Failed": frozenset({Status.FAILED}),
    "Skipped": frozenset({Status.SKIPPED}),
    "Completed": frozenset({Status.SUCCEEDED, Status.FAILED}),
}


class Readiness(Enum):
    """What the dependencies of an activity say now."""

    WAIT = "wait"
    RUN = "run"
    SKIP = "skip"


def readiness(activity: Activity, statuses: Statuses) -> Readiness:
    """Say whether an activity can run, must wait or is skipped.

    The entries of `dependsOn` are ANDed, the conditions within one entry ORed.
    """
    dependencies = activity.get("dependsOn") or []
    if any(folded(dependency["activity"]) not in statuses for dependency in dependencies):
        return Readiness.WAIT
    met = all(
        any(statuses[folded(dependency["activity"])] in _CONDITIONS[condition] for condition in _conditions(dependency))
        for dependency in dependencies
    )
    return Readiness.RUN if met else Readiness.SKIP


def failures(activities: Sequence[Activity], statuses: Statuses) -> list[str]:
    """Return the names of the activities that make this set fail; empty when it succeeded.

    Every leaf is judged; a skipped leaf is judged by its parents instead, and so on up.
    """
    names = {folded(activity["name"]): activity["name"] for activity in activities}
    parents = {
        folded(activity["name"]): [folded(entry["activity"]) for entry in activity.get("dependsOn") or []]
        for activity in activities
    }
    inner = {parent for above in parents.values() for parent in above}
    failed: dict[str, None] = {}
    to_judge = [name for name in parents if name not in inner]
    judged: set[str] = set()
    while to_judge:
        name = to_judge.pop()
        if name in judged:
            continue
        judged.add(name)
        if statuses[name] is Status.FAILED:
            failed[name] = None
        elif statuses[name] is Status.SKIPPED:
            to_judge.extend(parents[name])
    return [names[name] for name in parents if name in failed]


def folded(name: str) -> str:
    """Return an activity's name as it is compared with others."""
    return name.casefold()


def _conditions(dependency: Mapping[str, Any]) -> Sequence[str]:
    return dependency.get("dependencyConditions") or ["Succeeded"]

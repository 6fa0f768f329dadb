"""What a rerun takes over from an earlier run, by ADF's rules: what succeeded is not run again.

Source: https://learn.microsoft.com/azure/data-factory/monitor-visually, "Rerun pipelines and activities". Control
activities behave as before (a loop loops, a condition is evaluated, a variable is set, a child pipeline is called);
within them, and among the others, what succeeded before the failure is skipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local_factory.control_flow import Activity, folded
from local_factory.runs import ActivityRun, Status

_AS_BEFORE = frozenset(
    {"AppendVariable", "ExecutePipeline", "Filter", "ForEach", "IfCondition", "SetVariable", "Switch", "Until", "Wait"}
)

Place = tuple[str, str]


@dataclass(frozen=True)
class Recovery:
    """What is known of the earlier run.

    Attributes:
        group_id: the group that the run and its reruns share.
        runs: the last try of every activity, by its scope and name.
        children: the same of the pipelines that its activities called, by the scope and name of the activity.
        start_at: the activity at the top from which on all is run again; empty for what failed.
        anew: whether all is run again.
    """

    group_id: str
    runs: Mapping[Place, ActivityRun]
    children: Mapping[Place, "Recovery"] = field(default_factory=dict)
    start_at: str = ""
    anew: bool = False

    def parted(self, activities: Sequence[Activity], scope: str) -> tuple[dict[str, ActivityRun], frozenset[str]]:
        """Part activities side by side into what is taken over and what is run anew, whatever came of it before.

        Returns:
            The earlier runs of the activities that are not run again, by name; and the names of those that are run anew
            with all that is in them, since something before them is run again. Of the others, only what failed is run.
        """
        if self.anew:
            return {}, frozenset(activity["name"] for activity in activities)
        again = {folded(activity["name"]) for activity in activities if not self._succeeded(activity, scope)}
        anew = {folded(self.start_at)} if self.start_at and not scope else set[str]()
        while following := {
            folded(activity["name"])
            for activity in activities
            if folded(activity["name"]) not in anew
            and any(folded(dependency["activity"]) in again | anew for dependency in activity.get("dependsOn") or [])
        }:
            anew |= following
        taken = {
            activity["name"]: self.runs[scope, activity["name"]]
            for activity in activities
            if folded(activity["name"]) not in again | anew and activity["type"] not in _AS_BEFORE
        }
        return taken, frozenset(activity["name"] for activity in activities if folded(activity["name"]) in anew)

    def of_child(self, scope: str, activity: str) -> "Recovery | None":
        """Return what is known of the pipeline that an activity called."""
        return self.children.get((scope, activity))

    def _succeeded(self, activity: Activity, scope: str) -> bool:
        # A secure output was not kept, so there is nothing to take over.
        run = self.runs.get((scope, activity["name"]))
        return run is not None and run.status is Status.SUCCEEDED and not run.secure_output


def last_tries(runs: Sequence[ActivityRun]) -> dict[Place, ActivityRun]:
    """Return the last try of every activity of a run, by its scope and name."""
    return {(run.scope, run.activity_name): run for run in runs}

"""Runs as people think of them: inner activities under their container, child pipelines under their ExecutePipeline."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from local_factory.runs import ActivityRun, PipelineRun, Status

RUNNING = frozenset({Status.QUEUED, Status.IN_PROGRESS})


@dataclass(frozen=True)
class RunNode:
    """A run and what ran within it."""

    run: PipelineRun | ActivityRun
    children: tuple["RunNode", ...] = ()

    @property
    def name(self) -> str:
        """The pipeline's or the activity's name."""
        return self.run.pipeline_name if isinstance(self.run, PipelineRun) else self.run.activity_name

    @property
    def retried(self) -> bool:
        """Whether this is a failed try after which the activity was tried again."""
        return isinstance(self.run, ActivityRun) and self.run.retried

    @property
    def error_code(self) -> str:
        """ADF's error code, empty for a pipeline and where there is none."""
        error = None if isinstance(self.run, PipelineRun) else self.run.error
        return str((error or {}).get("errorCode") or "")

    @property
    def error_message(self) -> str:
        """What went wrong in words, empty when nothing did."""
        if isinstance(self.run, PipelineRun):
            return self.run.message if self.run.status is not Status.SUCCEEDED else ""
        return str((self.run.error or {}).get("message") or "")

    @property
    def needs_attention(self) -> bool:
        """Whether the run is under way, or failed for good."""
        return self.run.status in RUNNING or (self.run.status is Status.FAILED and not self.retried)

    def walk(self) -> Iterator["RunNode"]:
        """Yield this node and all below it, in the order of the rows."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Failure:
    """One reason why runs failed, and every run that failed for it."""

    nodes: tuple[RunNode, ...]

    @property
    def first(self) -> RunNode:
        """The first run that failed for it; the others have its name and its message."""
        return self.nodes[0]


def run_tree(runs: Iterable[PipelineRun]) -> tuple[RunNode, ...]:
    """Return the runs that no other run called, each with all that ran within it.

    A child run hangs under the ExecutePipeline whose `output.pipelineRunId` is its id; while that activity has no
    output yet, under the one that `invokedBy.id` names. The lists may grow meanwhile: the engine's threads append.
    """
    runs = tuple(runs)
    called: defaultdict[str, list[PipelineRun]] = defaultdict(list)
    callers = _callers(runs)
    for run in runs:
        if run.run_id in callers:
            called[callers[run.run_id]].append(run)
    return tuple(_pipeline_node(run, called) for run in runs if run.run_id not in callers)


def outcome(nodes: Sequence[RunNode]) -> Status:
    """Return the outcome of several runs as one: the worst of theirs."""
    statuses = {node.run.status for node in nodes}
    worst_first = (Status.FAILED, Status.CANCELLED, Status.IN_PROGRESS, Status.QUEUED)
    return next((status for status in worst_first if status in statuses), Status.SUCCEEDED)


def failures(nodes: Iterable[RunNode]) -> tuple[Failure, ...]:
    """Return why runs failed: the innermost failures only, equal ones together.

    A container, an ExecutePipeline and a pipeline fail because of what failed within, and repeat its message.
    """
    alike: defaultdict[tuple[str, str, str, bool], list[RunNode]] = defaultdict(list)
    for node in _innermost_failures(nodes):
        alike[node.name, node.error_code, node.error_message, node.retried].append(node)
    return tuple(Failure(tuple(same)) for same in alike.values())


def fold(children: Sequence[RunNode], limit: int) -> tuple[tuple[RunNode, ...], tuple[RunNode, ...]]:
    """Part a container's children into those to show and those to sum up, so that 150 iterations stay readable.

    Up to `limit` children are all shown. Of more, up to `limit` that run or failed are shown, and the others summed up.
    """
    if len(children) <= limit:
        return tuple(children), ()
    shown = tuple(node for node in children if node.needs_attention)[:limit]
    kept = set(map(id, shown))
    return shown, tuple(node for node in children if id(node) not in kept)


def sum_up(nodes: Iterable[RunNode]) -> str:
    """Return how many runs have which status: `148 Succeeded, 2 Skipped`."""
    statuses = Counter(node.run.status for node in nodes)
    return ", ".join(f"{statuses[status]:,} {status}" for status in Status if statuses[status])


def _callers(runs: Sequence[PipelineRun]) -> dict[str, str]:
    """Map a child run's id to the activity run's id that called it."""
    run_ids = {run.run_id for run in runs}
    activities = [activity for run in runs for activity in tuple(run.activity_runs)]
    callers = {
        activity.output["pipelineRunId"]: activity.activity_run_id
        for activity in activities
        if isinstance(activity.output, Mapping) and activity.output.get("pipelineRunId") in run_ids
    }
    activity_ids = {activity.activity_run_id for activity in activities}
    for run in runs:
        if run.invoked_by.get("id") in activity_ids:
            callers.setdefault(run.run_id, run.invoked_by["id"])
    return callers


def _pipeline_node(run: PipelineRun, called: Mapping[str, Sequence[PipelineRun]]) -> RunNode:
    inner: defaultdict[str | None, list[ActivityRun]] = defaultdict(list)
    for activity in tuple(run.activity_runs):
        inner[activity.container.activity_run_id if activity.container else None].append(activity)

    def nodes(container: str | None) -> tuple[RunNode, ...]:
        return tuple(
            RunNode(
                activity,
                tuple(_pipeline_node(child, called) for child in called.get(activity.activity_run_id, ()))
                + nodes(activity.activity_run_id),
            )
            for activity in inner[container]
        )

    return RunNode(run, nodes(None))


def _innermost_failures(nodes: Iterable[RunNode]) -> Iterator[RunNode]:
    for node in nodes:
        within = tuple(_innermost_failures(node.children))
        yield from within
        if node.run.status is Status.FAILED and all(failure.retried for failure in within):
            yield node

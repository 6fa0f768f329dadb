"""The timeline of runs: a row a run, a bar in a lane, inner runs below their container; what pages show of runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from local_factory.feed_rows import FeedRow, feed_rows
from local_factory.formatting import duration, elapsed
from local_factory.run_tree import RunNode, fold, run_tree
from local_factory.runs import PipelineRun, Status

# Of more inner runs than this, the finished ones are folded away: a ForEach has up to 100,000.
_MOST_SHOWN = 20
# Characters of a log that a page shows, the last ones: a page of many megabytes does not open on a phone.
_LONGEST_LOG = 50_000
_MOST_TICKS = 5
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TICKS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(number * _MINUTE for number in (1, 2, 5, 10, 15, 30)),
    *(number * _HOUR for number in (1, 2, 3, 6, 12)),
)


@dataclass(frozen=True)
class LogEntry:
    """What an activity run logged. `page` is the address of the notebook run's page, if it has one."""

    text: str
    page: str | None = None


@dataclass(frozen=True)
class Log:
    """The end of a log, how many characters come before it, and the page of its notebook run."""

    text: str
    omitted: int
    page: str | None


@dataclass(frozen=True)
class Row:
    """A run as the timeline shows it; `left` and `width` of its bar are in percent of the lane."""

    node: RunNode
    anchor: str
    depth: int
    left: float
    width: float
    seconds: float
    log: Log | None
    rows: tuple["Row", ...]
    folded: tuple["Row", ...]

    @property
    def is_pipeline(self) -> bool:
        """Whether this is a pipeline's run."""
        return isinstance(self.node.run, PipelineRun)

    @property
    def feeds(self) -> tuple[FeedRow, ...]:
        """The feeds that a notebook loaded; none where it does not load feeds."""
        return () if isinstance(self.node.run, PipelineRun) else feed_rows(self.node.run)

    @property
    def took_time(self) -> bool:
        """Whether it ran at all."""
        return self.node.run.status not in (Status.SKIPPED, Status.INACTIVE)


@dataclass(frozen=True)
class Tick:
    """A mark on the axis, in percent of the lane."""

    left: float
    label: str


@dataclass(frozen=True)
class Timeline:
    """All that a page shows of runs: the nodes at the top and all of them, their rows, the axis."""

    roots: tuple[RunNode, ...]
    nodes: tuple[RunNode, ...]
    anchors: Mapping[int, str]
    logs: Mapping[int, Log]
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]

    def anchor(self, node: RunNode) -> str:
        """Return the place on the page where a run is shown in full."""
        return self.anchors[id(node)]

    def log(self, node: RunNode) -> Log | None:
        """Return what a run logged."""
        return self.logs.get(id(node))


@dataclass(frozen=True)
class _Span:
    """The time that the lanes span, in which rows get their place."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return max((self.end - self.start).total_seconds(), 0.001)

    def percent(self, seconds: float) -> float:
        return round(min(max(seconds / self.seconds, 0), 1) * 100, 3)

    def ticks(self) -> Iterator[Tick]:
        step = next((step for step in _TICKS if self.seconds / step <= _MOST_TICKS), None)
        if step is None:
            step = _DAY * -(-self.seconds // (_DAY * _MOST_TICKS))
        for number in range(int(self.seconds // step) + 1):
            label = duration(number * step).replace(".0 s", " s").replace(" 00 s", "").replace(" 00 min", "")
            yield Tick(self.percent(number * step), label if number else "0")


def build_timeline(
    runs: Sequence[PipelineRun], started: datetime, now: datetime, logs: Mapping[str, LogEntry]
) -> Timeline:
    """Return the timeline of runs.

    Args:
        runs: the pipeline runs, those called by other pipelines too.
        started: when the lanes begin if there are no runs.
        now: the end of what has no end yet.
        logs: what activities logged, by activity run id.
    """
    roots = run_tree(runs)
    nodes = tuple(node for root in roots for node in root.walk())
    anchors = {id(node): f"run-{_identity(node)}" for node in nodes}
    found = {id(node): log for node in nodes if (log := _log(logs, node))}
    span = _Span(
        min((node.run.start for node in nodes), default=started),
        max((node.run.end or now for node in nodes), default=now),
    )

    def row(node: RunNode, depth: int) -> Row:
        shown, folded = fold(node.children, _MOST_SHOWN)
        seconds = elapsed(node.run, now)
        return Row(
            node=node,
            anchor=anchors[id(node)],
            depth=depth,
            left=span.percent((node.run.start - span.start).total_seconds()),
            width=span.percent(seconds),
            seconds=seconds,
            log=found.get(id(node)),
            rows=tuple(row(child, depth + 1) for child in shown),
            folded=tuple(row(child, depth + 1) for child in folded),
        )

    return Timeline(roots, nodes, anchors, found, tuple(row(node, 0) for node in roots), tuple(span.ticks()))


def _identity(node: RunNode) -> str:
    return node.run.run_id if isinstance(node.run, PipelineRun) else node.run.activity_run_id


def _log(logs: Mapping[str, LogEntry], node: RunNode) -> Log | None:
    entry = None if isinstance(node.run, PipelineRun) else logs.get(node.run.activity_run_id)
    if entry is None:
        return None
    omitted = max(len(entry.text) - _LONGEST_LOG, 0)
    return Log(entry.text[omitted:], omitted, entry.page)

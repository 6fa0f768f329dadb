"""The run report: one HTML page that shows what ran, when, how it ended and what it landed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from local_factory.formatting import duration, elapsed
from local_factory.pages import write_page
from local_factory.run_tree import Failure, RunNode, failures, fold, outcome, run_tree
from local_factory.runs import LandedData, PipelineRun, Status

# Of more inner runs than this, the finished ones are folded away: a ForEach has up to 100,000.
_MOST_SHOWN = 20
# Each failure shows its whole message, so a ForEach whose iterations all fail differently must not bury the rest.
_MOST_FAILURES = 10
# Characters of a log that the report shows, the last ones: a page of many megabytes does not open on a phone.
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
    """What an activity run logged. `page` is the notebook run page's address relative to the report, if it has one."""

    text: str
    page: str | None = None


@dataclass(frozen=True)
class Sources:
    """What stood in for Azure: the database's and the API's addresses (without secrets), and the lake's folder."""

    database: str
    api: str
    lake: Path


@dataclass(frozen=True)
class RunReport:
    """All that the report shows.

    `runs` are the pipeline runs, those called by other pipelines too. `logs` are by activity run id. Both moments know
    their zone; the report shows times in that of `started`.
    """

    title: str
    started: datetime
    ended: datetime
    runs: Sequence[PipelineRun]
    sources: Sources
    landed: Sequence[LandedData] = ()
    logs: Mapping[str, LogEntry] = field(default_factory=dict)


@dataclass(frozen=True)
class _Log:
    text: str
    omitted: int
    page: str | None


@dataclass(frozen=True)
class _Row:
    """A run as the timeline shows it; `left` and `width` of its bar are in percent of the lane."""

    node: RunNode
    anchor: str
    depth: int
    left: float
    width: float
    seconds: float
    log: _Log | None
    rows: tuple["_Row", ...]
    folded: tuple["_Row", ...]

    @property
    def is_pipeline(self) -> bool:
        return isinstance(self.node.run, PipelineRun)

    @property
    def took_time(self) -> bool:
        return self.node.run.status not in (Status.SKIPPED, Status.INACTIVE)


@dataclass(frozen=True)
class _Cause:
    """A failure, the place on the page where its first run is shown in full, and that run's notebook page."""

    failure: Failure
    anchor: str
    page: str | None


@dataclass(frozen=True)
class _Tick:
    left: float
    label: str


@dataclass(frozen=True)
class _Timeline:
    """The time that the lanes span, in which rows get their place."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return max((self.end - self.start).total_seconds(), 0.001)

    def percent(self, seconds: float) -> float:
        return round(min(max(seconds / self.seconds, 0), 1) * 100, 3)

    def ticks(self) -> Iterator[_Tick]:
        step = next((step for step in _TICKS if self.seconds / step <= _MOST_TICKS), None)
        if step is None:
            step = _DAY * -(-self.seconds // (_DAY * _MOST_TICKS))
        for number in range(int(self.seconds // step) + 1):
            label = duration(number * step).replace(".0 s", " s").replace(" 00 s", "").replace(" 00 min", "")
            yield _Tick(self.percent(number * step), label if number else "0")


def write_report(report: RunReport, path: Path) -> None:
    """Write the report: one file that loads nothing else, made for a screen, a phone and paper.

    Args:
        report: what to show.
        path: the HTML file; its folder is made, an earlier file replaced.
    """
    nodes = run_tree(report.runs)
    all_nodes = tuple(node for root in nodes for node in root.walk())
    anchors = {id(node): f"run-{number}" for number, node in enumerate(all_nodes, 1)}
    logs = {id(node): log for node in all_nodes if (log := _log(report.logs, node))}
    causes = failures(node for node in nodes if node.run.status is Status.FAILED)
    causes = tuple(failure for failure in causes if not failure.first.retried)
    timeline = _timeline(report, all_nodes)

    def row(node: RunNode, depth: int) -> _Row:
        shown, folded = fold(node.children, _MOST_SHOWN)
        seconds = elapsed(node.run, report.ended)
        return _Row(
            node=node,
            anchor=anchors[id(node)],
            depth=depth,
            left=timeline.percent((node.run.start - timeline.start).total_seconds()),
            width=timeline.percent(seconds),
            seconds=seconds,
            log=logs.get(id(node)),
            rows=tuple(row(child, depth + 1) for child in shown),
            folded=tuple(row(child, depth + 1) for child in folded),
        )

    def cause(failure: Failure) -> _Cause:
        log = logs.get(id(failure.first))
        return _Cause(failure, anchors[id(failure.first)], log.page if log else None)

    write_page(
        "report.html.j2",
        path,
        report=report,
        status=outcome(nodes),
        headline=_headline(nodes),
        pipelines=len(report.runs),
        activities=len(all_nodes) - len(report.runs),
        retries=sum(node.retried for node in all_nodes),
        seconds=(report.ended - report.started).total_seconds(),
        causes=tuple(map(cause, causes[:_MOST_FAILURES])),
        further_causes=len(causes[_MOST_FAILURES:]),
        rows=tuple(row(node, 0) for node in nodes),
        ticks=tuple(timeline.ticks()),
        rows_landed=sum(data.rows or 0 for data in report.landed),
        lake=report.sources.lake.absolute(),
        zone=report.started.tzinfo,
        zone_name=report.started.tzname(),
    )


def _timeline(report: RunReport, nodes: Sequence[RunNode]) -> _Timeline:
    starts = [node.run.start for node in nodes]
    ends = [node.run.end or report.ended for node in nodes]
    return _Timeline(min(starts, default=report.started), max(ends, default=report.ended))


def _headline(nodes: Sequence[RunNode]) -> str:
    status = outcome(nodes)
    if not nodes:
        return "No pipeline ran"
    if status is Status.SUCCEEDED:
        subjects = {1: "Pipeline", 2: "Both pipelines"}
        return f"{subjects.get(len(nodes), f'All {len(nodes)} pipelines')} succeeded"
    number = sum(node.run.status is status for node in nodes)
    verb = {Status.FAILED: "failed", Status.CANCELLED: "was cancelled" if number == 1 else "were cancelled"}
    ending = verb.get(status, "did not finish")
    return f"Pipeline {ending}" if len(nodes) == 1 else f"{number} of {len(nodes)} pipelines {ending}"


def _log(logs: Mapping[str, LogEntry], node: RunNode) -> _Log | None:
    entry = None if isinstance(node.run, PipelineRun) else logs.get(node.run.activity_run_id)
    if entry is None:
        return None
    omitted = max(len(entry.text) - _LONGEST_LOG, 0)
    return _Log(entry.text[omitted:], omitted, entry.page)

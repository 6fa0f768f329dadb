"""The run report: one HTML page that shows what ran, when, how it ended and what it landed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from local_factory.pages import write_page
from local_factory.run_tree import Failure, RunNode, failures, outcome
from local_factory.runs import LandedData, PipelineRun, Status
from local_factory.timeline import LogEntry, build_timeline

# Each failure shows its whole message, so a ForEach whose iterations all fail differently must not bury the rest.
_MOST_FAILURES = 10


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
    their zone; the report shows times in that of `started`. `dashboards` are relative addresses by title.
    """

    title: str
    started: datetime
    ended: datetime
    runs: Sequence[PipelineRun]
    sources: Sources
    landed: Sequence[LandedData] = ()
    logs: Mapping[str, LogEntry] = field(default_factory=dict)
    dashboards: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Cause:
    """A failure, the place on the page where its first run is shown in full, and that run's notebook page."""

    failure: Failure
    anchor: str
    page: str | None


def write_report(report: RunReport, path: Path) -> None:
    """Write the report: one file that loads nothing else, made for a screen, a phone and paper.

    Args:
        report: what to show.
        path: the HTML file; its folder is made, an earlier file replaced.
    """
    timeline = build_timeline(report.runs, report.started, report.ended, report.logs)
    nodes, all_nodes = timeline.roots, timeline.nodes
    causes = failures(node for node in nodes if node.run.status is Status.FAILED)
    causes = tuple(failure for failure in causes if not failure.first.retried)

    def cause(failure: Failure) -> _Cause:
        log = timeline.log(failure.first)
        return _Cause(failure, timeline.anchor(failure.first), log.page if log else None)

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
        timeline=timeline,
        rows_landed=sum(data.rows or 0 for data in report.landed),
        lake=report.sources.lake.absolute(),
        zone=report.started.tzinfo,
        zone_name=report.started.tzname(),
    )


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

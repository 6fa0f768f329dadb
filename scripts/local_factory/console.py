"""What a person sees of a run in the terminal: a live table while it runs, a summary when it is over."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from threading import Lock
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.filesize import decimal
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from local_factory.feed_rows import feed_rows
from local_factory.formatting import count, duration, elapsed
from local_factory.pages import plain
from local_factory.run_tree import RUNNING, Failure, RunNode, failures, fold, outcome, run_tree, sum_up
from local_factory.runs import ActivityRun, LandedData, PipelineRun, Status
from local_factory.stubs import stubbed_activities

# Of more inner runs than this, the finished ones are summed up in one row.
_MOST_SHOWN = 10
# Narrower terminals do without the type, and without the start.
_WIDE, _MEDIUM = 110, 76
_NO_DURATION = frozenset({Status.SKIPPED, Status.INACTIVE, Status.QUEUED})
_STYLES = {
    Status.SUCCEEDED: ("green", "✓"),
    Status.FAILED: ("red", "✗"),
    Status.IN_PROGRESS: ("blue", "▸"),
    Status.QUEUED: ("dim", "·"),
    Status.SKIPPED: ("dim", "-"),
    Status.INACTIVE: ("dim", "-"),
    Status.CANCELLED: ("yellow", "■"),
}


class LiveRuns:
    """Shows runs while they run: `with LiveRuns(console) as live: live.update(runs)`.

    On a terminal it is a table that redraws itself four times a second and goes when the block ends; the runs may
    change in other threads meanwhile. Elsewhere it is one line for each activity and pipeline run that ended.
    It leaves `sys.stdout` and `sys.stderr` alone, for notebooks' output is caught there: print through the console.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or error_console()
        self._runs: Sequence[PipelineRun] = ()
        self._printed: set[tuple[str, int]] = set()
        self._printing = Lock()
        self._live = Live(
            console=self._console,
            get_renderable=self._table,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()
        else:
            self._print_ended()

    def update(self, runs: Iterable[PipelineRun]) -> None:
        """Take the runs to show, all of them; call it whenever a run begins or ends."""
        self._runs = tuple(runs)
        if not self._console.is_terminal:
            self._print_ended()

    def _table(self) -> RenderableType:
        rows = list(_rows(run_tree(self._runs)))
        room = max(self._console.height - 4, 3)
        if len(rows) > room:
            hidden = Text(f"… {count(len(rows) - room, 'row')} above", style="dim")
            return Group(hidden, _table(self._console, rows[-room:]))
        feeds = _feeds_table(self._console, self._runs, min(_MOST_SHOWN, room - len(rows) - 2))
        return Group(_table(self._console, rows), *feeds)

    def _print_ended(self) -> None:
        with self._printing:
            every: list[PipelineRun | ActivityRun] = []
            for parent in self._runs:
                every += [*parent.activity_runs, parent]
            ended = [run for run in every if run.status not in RUNNING and _key(run) not in self._printed]
            for run in sorted(ended, key=lambda run: run.end or run.start):
                self._printed.add(_key(run))
                self._console.print(_line(run), soft_wrap=True)


def error_console() -> Console:
    """Return a console on stderr: stdout is for `--json`. Colours go by the terminal and by NO_COLOR."""
    return Console(stderr=True, highlight=False)


def print_summary(
    console: Console, runs: Sequence[PipelineRun], landed: Sequence[LandedData], report: Path | None
) -> None:
    """Print how the runs ended, every error in full, what landed, and the report's address.

    Args:
        console: where to.
        runs: the pipeline runs, those called by other pipelines too.
        landed: what the runs landed.
        report: the HTML report; None when there is none.
    """
    nodes = run_tree(runs)
    console.print()
    console.print(_table(console, list(_rows(nodes))))
    for part in _feeds_table(console, runs, _MOST_SHOWN):
        console.print(part)
    for failure in failures(nodes):
        _print_failure(console, failure)
    stubbed = Counter(kind for _, _, kind in stubbed_activities(runs))
    if stubbed:
        named = ", ".join(f"{number} {kind}" for kind, number in sorted(stubbed.items()))
        console.print()
        console.print(Text(f"Stubbed: {named}"), soft_wrap=True)
    console.print()
    if landed:
        console.print(_landed_table(landed))
    else:
        console.print(Text("Nothing landed.", style="dim"))
    console.print()
    status = outcome(nodes)
    style, sign = _STYLES[status]
    console.print(Text.assemble((f"{sign} {status}", f"bold {style}"), f"  {_took(nodes)}"))
    if report:
        address = report.absolute().as_uri()
        console.print(Text.assemble("Report: ", (address, f"link {address}")), soft_wrap=True)


def print_fire_times(console: Console, trigger_name: str, times: Sequence[datetime]) -> None:
    """Print a schedule trigger's fire times, in the schedule's zone and in UTC.

    Args:
        console: where to.
        trigger_name: the trigger.
        times: the moments, in the schedule's zone.
    """
    if not times:
        console.print(Text(f"{trigger_name} does not fire any more."), soft_wrap=True)
        return
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("#", justify="right", style="dim")
    table.add_column(Text(str(times[0].tzinfo)), overflow="fold")
    table.add_column("UTC", overflow="fold")
    for number, moment in enumerate(times, 1):
        table.add_row(str(number), _minute(moment), f"{moment.astimezone(UTC):%a %Y-%m-%d %H:%MZ}")
    console.print(Text(trigger_name, style="bold"), soft_wrap=True)
    console.print(table)


def _minute(moment: datetime) -> str:
    return f"{moment:%a} {moment.isoformat(' ', 'minutes')}"


_Row = tuple[int, RunNode | tuple[RunNode, ...]]


def _rows(nodes: Iterable[RunNode], depth: int = 0) -> Iterator[_Row]:
    """Yield (depth, run) for every row, and (depth, runs) for those summed up in one."""
    for node in nodes:
        yield depth, node
        shown, folded = fold(node.children, _MOST_SHOWN)
        yield from _rows(shown, depth + 1)
        if folded:
            yield depth + 1, folded


def _table(console: Console, rows: Sequence[_Row]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0), expand=False)
    table.add_column("Run", overflow="fold")
    if console.width >= _WIDE:
        table.add_column("Type", no_wrap=True, style="dim")
    table.add_column("Status", no_wrap=True)
    if console.width >= _MEDIUM:
        table.add_column("Start", no_wrap=True, style="dim")
    table.add_column("Duration", no_wrap=True, justify="right")
    now = datetime.now(UTC)
    for depth, row in rows:
        table.add_row(*_cells(console, depth, row, now))
    return table


def _feeds_table(console: Console, runs: Sequence[PipelineRun], most: int) -> Iterator[RenderableType]:
    """Yield the table of the feeds that notebooks loaded, the failed ones first, under a blank line."""
    feeds = [feed for run in runs for activity in run.activity_runs for feed in feed_rows(activity)]
    if not feeds or most <= 0:
        return
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0), expand=False)
    table.add_column("Feed", overflow="fold")
    table.add_column("Status", no_wrap=True)
    table.add_column("Read", no_wrap=True, justify="right")
    table.add_column("In target", no_wrap=True, justify="right")
    table.add_column("Duration", no_wrap=True, justify="right")
    if console.width >= _MEDIUM:
        table.add_column("", overflow="ellipsis", no_wrap=True, style="dim", ratio=1)
    for feed in feeds[:most]:
        seconds = "-" if feed.seconds is None else duration(feed.seconds)
        state = _status(Status(feed.status)) if feed.status in _STYLES else Text(feed.status)
        cells: list[RenderableType] = [
            Text(feed.name),
            state,
            _figure(feed.rows_read),
            _figure(feed.rows_in_target),
            seconds,
        ]
        if console.width >= _MEDIUM:
            cells.append(Text(plain(feed.reason.partition("\n")[0])))
        table.add_row(*cells)
    yield ""
    yield table
    rest = Counter(feed.status for feed in feeds[most:])
    if rest:
        yield Text("… " + ", ".join(f"{number} {status}" for status, number in sorted(rest.items())), style="dim")


def _figure(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _cells(console: Console, depth: int, row: RunNode | tuple[RunNode, ...], now: datetime) -> Iterator[RenderableType]:
    inset = (0, 0, 0, 2 * depth)
    if not isinstance(row, RunNode):
        yield Padding(Text(f"… {sum_up(row)}", style="dim"), inset)
        return
    run = row.run
    name = Text(row.name, style="bold" if isinstance(run, PipelineRun) else "", overflow="fold")
    if isinstance(run, ActivityRun) and run.retry_attempt:
        name.append(f" retry {run.retry_attempt}", style="dim")
    yield Padding(name, inset)
    if console.width >= _WIDE:
        yield Text("Pipeline" if isinstance(run, PipelineRun) else run.activity_type)
    yield _status(run.status, retried=row.retried)
    if console.width >= _MEDIUM:
        yield f"{run.start.astimezone():%H:%M:%S}"
    yield "-" if run.status in _NO_DURATION else duration(elapsed(run, now))


def _key(run: PipelineRun | ActivityRun) -> tuple[str, int]:
    return (run.run_id, 0) if isinstance(run, PipelineRun) else (run.activity_run_id, run.retry_attempt)


def _status(status: Status, *, retried: bool = False) -> Text:
    style, sign = _STYLES[status]
    return Text("↻ Retried", style="yellow") if retried else Text(f"{sign} {status}", style=style)


def _line(run: PipelineRun | ActivityRun) -> Text:
    end = run.end or run.start
    name = run.pipeline_name
    if isinstance(run, ActivityRun):
        name += f" / {run.activity_name}" + (f" (retry {run.retry_attempt})" if run.retry_attempt else "")
    took = "" if run.status in _NO_DURATION else f"  {duration(elapsed(run, end))}"
    return Text.assemble((f"{end.astimezone():%H:%M:%S}", "dim"), "  ", _padded(_status(run.status)), "  ", name, took)


def _padded(status: Text) -> Text:
    status.pad_right(max(len("✓ Succeeded") - len(status), 0))
    return status


def _print_failure(console: Console, failure: Failure) -> None:
    node = failure.first
    times = f", {len(failure.nodes)} times" if len(failure.nodes) > 1 else ""
    tried = ", then tried again" if node.retried else ""
    where = "" if isinstance(node.run, PipelineRun) else f" in {node.run.pipeline_name}"
    code = f" [{node.error_code}]" if node.error_code else ""
    console.print()
    console.print(
        Text.assemble((node.name, "bold yellow" if node.retried else "bold red"), f"{where}{code}{times}{tried}"),
        soft_wrap=True,
    )
    # The terminal wraps the lines itself, so that an address in them stays one that can be clicked.
    message = plain(node.error_message) or "Failed without a message."
    console.print(Text(indent(message, "  ")), soft_wrap=True)


def _landed_table(landed: Sequence[LandedData]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Landed", overflow="fold")
    for title in ("Files", "Rows", "Size"):
        table.add_column(title, no_wrap=True, justify="right")
    for data in landed:
        rows = "-" if data.rows is None else f"{data.rows:,}"
        table.add_row(Text(data.path), f"{data.files:,}", rows, decimal(data.bytes))
    return table


def _took(nodes: Sequence[RunNode]) -> str:
    ends = [node.run.end for node in nodes if node.run.end]
    seconds = (max(ends) - min(node.run.start for node in nodes)).total_seconds() if ends else 0
    activities = sum(isinstance(node.run, ActivityRun) for root in nodes for node in root.walk())
    return f"{count(len(nodes), 'pipeline')}, {count(activities, 'activity run')}, {duration(seconds)}"

"""The notebook run page: one notebook's cells as they ran, with what they wrote; the laptop's page for `runPageUrl`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from numbers import Number
from pathlib import Path

from bundle.notebooks import Cell
from local_factory.pages import plain, write_page
from local_factory.runs import Status


@dataclass(frozen=True)
class TableOutput:
    """What `display` showed: column names, and rows of as many values. `more`: the frame had more rows than these."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    more: bool = False

    @property
    def numeric(self) -> frozenset[int]:
        """The positions of the columns that hold numbers (and nulls) only."""
        columns = [[value for value in column if value is not None] for column in zip(*self.rows, strict=True)]
        return frozenset(at for at, values in enumerate(columns) if values and all(map(_is_number, values)))


@dataclass(frozen=True)
class CellResult:
    """A cell and what became of it.

    `outputs` are texts and tables in the order in which they came, `error` the traceback of the cell that failed,
    `seconds` how long the cell ran, None when it was not run.
    """

    cell: Cell
    outputs: Sequence[str | TableOutput] = ()
    error: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class NotebookPage:
    """All that the page shows.

    `path` is the notebook's path as the activity names it, `exit_value` what `dbutils.notebook.exit` was given (None
    without a call), `report` the run report's address relative to this page. Times are shown in the zone of `started`.
    """

    title: str
    path: str
    status: Status
    started: datetime
    ended: datetime
    parameters: Mapping[str, str] = field(default_factory=dict)
    cells: Sequence[CellResult] = ()
    exit_value: str | None = None
    report: str = "report.html"


def write_notebook_page(page: NotebookPage, path: Path) -> None:
    """Write the page: one file that loads nothing else.

    Args:
        page: what to show.
        path: the HTML file; its folder is made, an earlier file replaced.
    """
    write_page(
        "notebook.html.j2",
        path,
        page=page,
        status=page.status,
        reason=_reason(page.cells),
        seconds=(page.ended - page.started).total_seconds(),
        zone=page.started.tzinfo,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, Number | Decimal) and not isinstance(value, bool)


def _reason(cells: Sequence[CellResult]) -> tuple[int, str] | None:
    """Return the number of the cell that failed and its error's last line, None when none failed."""
    for number, result in enumerate(cells, 1):
        if result.error is not None:
            return number, plain(result.error).strip().rpartition("\n")[2]
    return None

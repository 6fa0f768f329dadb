"""The pages of a dashboard as a template shows them: what each widget's query answered, drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bundle.dashboards.model import Dashboard, Page, Widget
from bundle.dashboards.queries import Choice
from local_factory.dashboards.answers import Answer, Dashboards, LakeAnswers, open_answers
from local_factory.dashboards.charts import Cell, Chart, chart, counter, table
from local_factory.pages import write_page

CHARTS = ("bar", "line")


@dataclass(frozen=True)
class Filter:
    """A filter of a page: what can be chosen, and what is; of a range of time its ends."""

    widget: Widget
    options: Sequence[str]
    chosen: Choice

    @property
    def is_range(self) -> bool:
        """Whether it is a range of time."""
        return self.widget.kind == "filter-date-range-picker"


@dataclass(frozen=True)
class Drawn:
    """A widget with what it shows: of a counter the `value`, of a table `heads` and `rows`, of the others a `chart`."""

    widget: Widget
    answer: Answer = field(default_factory=Answer)
    value: str = ""
    chart: Chart = field(default_factory=Chart)
    heads: Sequence[tuple[str, bool]] = ()
    rows: Sequence[Sequence[Cell]] = ()


@dataclass(frozen=True)
class DrawnPage:
    """A page: its widgets but for the filters, and those."""

    page: Page
    widgets: Sequence[Drawn]
    filters: Sequence[Filter]


def draw_page(answers: LakeAnswers, page: Page, choices: Mapping[str, Choice]) -> DrawnPage:
    """Return a page with the choices of its filters, by their names."""
    filters = [
        Filter(
            widget,
            () if widget.kind == "filter-date-range-picker" else answers.choices(widget),
            choices.get(widget.name, Choice("")),
        )
        for widget in page.filters
    ]
    widgets = [_draw(answers, widget, page, choices) for widget in page.widgets if not widget.is_filter]
    return DrawnPage(page, widgets, filters)


def write_dashboard(dashboards: Dashboards, dashboard: Dashboard, lake: Path, path: Path, report: str) -> None:
    """Write a dashboard's pages as one file that loads nothing else.

    Args:
        dashboards: whose tables it reads.
        dashboard: which.
        lake: the lake's folder.
        path: the HTML file.
        report: the run report's address relative to this file.
    """
    with open_answers(dashboard, dashboards.tables, lake) as answers:
        pages = [draw_page(answers, page, {}) for page in dashboard.pages]
    write_page(
        "dashboard.html.j2",
        path,
        dashboard=dashboard,
        pages=pages,
        status="Succeeded",
        moment=datetime.now(UTC),
        report=report,
    )


def _draw(answers: LakeAnswers, widget: Widget, page: Page, choices: Mapping[str, Choice]) -> Drawn:
    if not widget.queries:
        return Drawn(widget)
    answer = answers.answer(widget, page, choices)
    if widget.kind == "counter":
        return Drawn(widget, answer, value=counter(widget, answer.rows, is_lacking=answer.lacks_all))
    if widget.kind == "table":
        heads, rows = table(widget, answer.rows)
        return Drawn(widget, answer, heads=heads, rows=rows)
    return Drawn(widget, answer, chart=chart(widget, answer.rows))

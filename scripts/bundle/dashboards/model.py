"""What a dashboard's file says: datasets, and pages of widgets that draw what they ask of a dataset.

The file is the workspace's own format, so what is seen there can be exported over it. There is no published schema of
it: the shapes are those of Databricks' own examples (github.com/databricks/bundle-examples), `checks` asks for them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle.command_line import reason
from bundle.documents import items, mapping, text
from bundle.errors import DashboardError

SUFFIX = ".lvdash.json"


@dataclass(frozen=True)
class Field:
    """A column of what a widget asks of its dataset: its name there, and an expression over the dataset's columns."""

    name: str
    expression: str


@dataclass(frozen=True)
class Query:
    """What a widget asks of a dataset.

    `disaggregated`: rows as they are; else the fields that are no aggregates group the others.
    """

    name: str
    dataset: str
    fields: Sequence[Field]
    disaggregated: bool


@dataclass(frozen=True)
class Position:
    """Where a widget stands, in cells of a grid that is six wide."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Widget:
    """A widget: a chart, a counter, a table or a filter (`kind`, `version`), or text (neither).

    `spec` is the rest of what the file says of it, `lines` a text's Markdown.
    """

    name: str
    kind: str
    version: int
    position: Position
    queries: Sequence[Query]
    spec: Mapping[str, Any]
    lines: Sequence[str]

    @property
    def is_filter(self) -> bool:
        """Whether it chooses rows."""
        return self.kind.startswith("filter-")

    @property
    def title(self) -> str:
        """What stands over it."""
        return text(mapping(self.spec.get("frame")).get("title"))

    @property
    def description(self) -> str:
        """What stands under its title."""
        return text(mapping(self.spec.get("frame")).get("description"))

    @property
    def encodings(self) -> Mapping[str, Any]:
        """Which field is drawn as what."""
        return mapping(self.spec.get("encodings"))


@dataclass(frozen=True)
class Page:
    """A page: its name in addresses, its title, its widgets as people read them: row by row."""

    name: str
    title: str
    widgets: Sequence[Widget]

    @property
    def filters(self) -> Sequence[Widget]:
        """Its filters."""
        return [widget for widget in self.widgets if widget.is_filter]


@dataclass(frozen=True)
class Dashboard:
    """A dashboard: its name, its file, the document in it, datasets' queries by name, and pages."""

    name: str
    file: Path
    document: Mapping[str, Any]
    datasets: Mapping[str, str]
    pages: Sequence[Page]

    @property
    def title(self) -> str:
        """What people read: the name with a capital."""
        return self.name.replace("_", " ").capitalize()


def read_dashboard(file: Path) -> Dashboard:
    """Read a dashboard's file; what it says is not yet checked.

    Raises:
        DashboardError: it cannot be read as JSON.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DashboardError(f"{file}: cannot be read: {reason(error)}") from error
    datasets = {text(dataset.get("name")): query_text(dataset) for dataset in map(mapping, items(_datasets(document)))}
    pages = [_page(mapping(page)) for page in items(mapping(document).get("pages"))]
    return Dashboard(file.name.removesuffix(SUFFIX), file, mapping(document), datasets, pages)


def dashboard_files(folder: Path) -> list[Path]:
    """Return the files of a folder's dashboards."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def query_text(dataset: Mapping[str, Any]) -> str:
    """Return a dataset's query: the lines' ends are in them."""
    return "".join(map(text, items(dataset.get("queryLines"))))


def _datasets(document: Any) -> Any:
    return mapping(document).get("datasets")


def _page(page: Mapping[str, Any]) -> Page:
    widgets = [_widget(mapping(placed)) for placed in items(page.get("layout"))]
    in_rows = sorted(widgets, key=lambda widget: (widget.position.y, widget.position.x))
    return Page(text(page.get("name")), text(page.get("displayName")), in_rows)


def _widget(placed: Mapping[str, Any]) -> Widget:
    widget, position = mapping(placed.get("widget")), mapping(placed.get("position"))
    spec = mapping(widget.get("spec"))
    return Widget(
        name=text(widget.get("name")),
        kind=text(spec.get("widgetType")),
        version=_number(spec.get("version")),
        position=Position(*(_number(position.get(key)) for key in ("x", "y", "width", "height"))),
        queries=[_query(mapping(query)) for query in items(widget.get("queries"))],
        spec=spec,
        lines=[text(line) for line in items(mapping(widget.get("multilineTextboxSpec")).get("lines"))],
    )


def _query(named: Mapping[str, Any]) -> Query:
    query = mapping(named.get("query"))
    fields = [Field(text(field.get("name")), text(field.get("expression"))) for field in items(query.get("fields"))]
    return Query(text(named.get("name")), text(query.get("datasetName")), fields, query.get("disaggregated") is True)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1

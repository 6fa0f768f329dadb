"""What a workspace would not draw as it is meant: found offline.

The editor writes such files and nobody publishes a schema of them. So this asks for what Databricks' own examples have
in common (github.com/databricks/bundle-examples; the classes of databrickslabs/lsql): kinds and versions of widgets,
expressions, and that every name leads somewhere.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from bundle.dashboards.model import Dashboard, Page, Query, Widget, dashboard_files, query_text, read_dashboard
from bundle.dashboards.queries import AGGREGATE, columns_of
from bundle.dashboards.tables import Table, tables_of
from bundle.documents import items, mapping, text
from bundle.errors import DashboardError

_COLUMNS = 6
_VERSIONS: Mapping[str, int] = {
    "bar": 3,
    "line": 3,
    "counter": 2,
    "table": 2,
    "filter-single-select": 2,
    "filter-multi-select": 2,
    "filter-date-range-picker": 2,
}
_CHARTS = {"bar", "line"}
_SCALES = {"quantitative", "temporal", "categorical"}
_KEYS = {"datasets", "pages", "uiSettings"}
_PAGE_TYPE = "PAGE_TYPE_CANVAS"
_MAIN = "main_query"

_Problems = Iterator[tuple[str, str]]


def load_dashboards(folder: Path, tables: Mapping[str, Table]) -> list[Dashboard]:
    """Read a folder's dashboards, whole and right.

    Raises:
        DashboardError: with one line for all that is wrong: file, place and what is.
    """
    dashboards = [read_dashboard(file) for file in dashboard_files(folder)]
    wrong = [
        f"{dashboard.file}: {place}: {problem}"
        for dashboard in dashboards
        for place, problem in problems(dashboard, tables)
    ]
    if wrong:
        raise DashboardError("\n".join(wrong))
    return dashboards


def problems(dashboard: Dashboard, tables: Mapping[str, Table]) -> _Problems:
    """Yield (place, what is wrong) of a dashboard."""
    for key in sorted(dashboard.document.keys() - _KEYS):
        yield key, f"unknown key. Known are {', '.join(sorted(_KEYS))}."
    yield from _dataset_problems(dashboard, tables)
    if not dashboard.pages:
        yield "pages", "there is none."
    yield from _repeats("pages", (page.name for page in dashboard.pages))
    yield from _repeats("pages", (widget.name for page in dashboard.pages for widget in page.widgets))
    for page, document in zip(dashboard.pages, items(dashboard.document.get("pages")), strict=True):
        place = f"pages.{page.name}"
        if not page.name or not page.title:
            yield place, "name or displayName is missing."
        if mapping(document).get("pageType") != _PAGE_TYPE:
            yield place, f"pageType: is to be {_PAGE_TYPE}."
        yield from _layout_problems(page, place)
        for widget in page.widgets:
            yield from _widget_problems(widget, dashboard, f"{place}.{widget.name}")


def _dataset_problems(dashboard: Dashboard, tables: Mapping[str, Table]) -> _Problems:
    documents = [mapping(dataset) for dataset in items(dashboard.document.get("datasets"))]
    yield from _repeats("datasets", (text(dataset.get("name")) for dataset in documents))
    used = {query.dataset for page in dashboard.pages for widget in page.widgets for query in widget.queries}
    for dataset in documents:
        place = f"datasets.{text(dataset.get('name'))}"
        lines = [text(line) for line in items(dataset.get("queryLines"))]
        if not query_text(dataset).strip():
            yield place, "queryLines: there is no query."
        elif not all(line.endswith("\n") for line in lines[:-1]):
            yield place, "queryLines: a line does not end in \\n: the workspace would join it to the next."
        elif not tables_of(query_text(dataset), tables):
            yield place, f"names none of the tables: {', '.join(tables)}."
        if not text(dataset.get("displayName")):
            yield place, "displayName is missing."
        if text(dataset.get("name")) not in used:
            yield place, "no widget asks it."


def _layout_problems(page: Page, place: str) -> _Problems:
    for widget in page.widgets:
        box = widget.position
        if min(box.x, box.y) < 0 or min(box.width, box.height) < 1 or box.x + box.width > _COLUMNS:
            yield f"{place}.{widget.name}", f"position: does not lie on a grid of {_COLUMNS} columns."
    for one, other in combinations(page.widgets, 2):
        if _overlap(one, other):
            yield f"{place}.{other.name}", f"position: lies upon {one.name}."


def _overlap(one: Widget, other: Widget) -> bool:
    a, b = one.position, other.position
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def _widget_problems(widget: Widget, dashboard: Dashboard, place: str) -> _Problems:
    if not widget.kind:
        if not any(line.strip() for line in widget.lines):
            yield place, "is neither a text (multilineTextboxSpec) nor has a spec.widgetType."
        return
    if widget.kind not in _VERSIONS:
        yield place, f"spec.widgetType: {widget.kind!r} is not known here. Known are {', '.join(_VERSIONS)}."
        return
    if widget.version != _VERSIONS[widget.kind]:
        yield place, f"spec.version: of {widget.kind} is {_VERSIONS[widget.kind]}, not {widget.version}."
    if not widget.title or mapping(widget.spec.get("frame")).get("showTitle") is not True:
        yield place, "spec.frame: has no title that is shown."
    for query in widget.queries:
        yield from _query_problems(query, dashboard, f"{place}.queries.{query.name}")
    if widget.is_filter:
        yield from _filter_problems(widget, place)
        return
    if [query.name for query in widget.queries] != [_MAIN]:
        yield place, f"queries: is to be one, {_MAIN}."
        return
    names = {field.name for field in widget.queries[0].fields}
    for where, encoding in _encodings(widget):
        if encoding.get("fieldName") not in names:
            yield f"{place}.{where}", f"fieldName: {encoding.get('fieldName')!r} is none of the query's fields."
    if widget.kind in _CHARTS:
        yield from _chart_problems(widget, place)


def _query_problems(query: Query, dashboard: Dashboard, place: str) -> _Problems:
    if query.dataset not in dashboard.datasets:
        yield place, f"datasetName: there is no dataset {query.dataset!r}."
    if not query.fields:
        yield place, "fields: there is none."
    yield from _repeats(place, (field.name for field in query.fields))
    for field in query.fields:
        if columns_of(field.expression) is None:
            yield place, f"fields.{field.name}: {field.expression!r} is no expression that the editor writes."
        elif query.disaggregated and AGGREGATE.fullmatch(field.expression):
            yield place, f"fields.{field.name}: an aggregate, and the query is disaggregated."


def _filter_problems(widget: Widget, place: str) -> _Problems:
    names = {query.name: {field.name for field in query.fields} for query in widget.queries}
    encoded = [mapping(encoding) for encoding in items(widget.encodings.get("fields"))]
    if sorted(text(encoding.get("queryName")) for encoding in encoded) != sorted(names):
        yield place, "encodings.fields: is to have each of the queries once."
    for encoding in encoded:
        if encoding.get("fieldName") not in names.get(text(encoding.get("queryName")), set()):
            yield place, f"encodings.fields: {encoding.get('fieldName')!r} is no field of its query."


def _chart_problems(widget: Widget, place: str) -> _Problems:
    scales = {axis: mapping(mapping(widget.encodings.get(axis)).get("scale")).get("type") for axis in ("x", "y")}
    if not set(scales.values()) <= _SCALES:
        yield place, f"encodings: a scale's type is one of {', '.join(sorted(_SCALES))}."
    elif list(scales.values()).count("quantitative") != 1:
        yield place, "encodings: one axis is quantitative, the other is not."


def _encodings(widget: Widget) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, encoding in widget.encodings.items():
        if name == "columns":
            yield from ((f"columns[{number}]", mapping(column)) for number, column in enumerate(items(encoding)))
        elif name in ("x", "y", "color", "value"):
            yield name, mapping(encoding)


def _repeats(place: str, names: Iterable[str]) -> _Problems:
    for name, number in Counter(names).items():
        if number > 1:
            yield place, f"{number} have the name {name!r}."

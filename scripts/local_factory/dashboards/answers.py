"""What the widgets of a dashboard show of the lake: each asks its query, and one that cannot says why."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundle.dashboards.checks import load_dashboards
from bundle.dashboards.model import Dashboard, Page, Widget
from bundle.dashboards.queries import Choice, columns_of, where_is, widget_sql
from bundle.dashboards.tables import FILE, Table, read_tables, tables_of
from bundle.layout import bundle_folder
from local_factory.dashboards.lake_tables import is_there, open_tables, translated

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FOLDER = "infra/dashboards"
_MOST_ROWS = 5000
_MOST_CHOICES = 200


@dataclass(frozen=True)
class Answer:
    """Rows for a widget, as objects by field; `problem` says why there are none where that is no matter of the rows.

    `lacking`: tables that the widget reads and the lake does not have, by name with the reason; `lacks_all`: those are
    all that it reads.
    """

    rows: Sequence[Mapping[str, Any]] = ()
    problem: str | None = None
    lacking: Mapping[str, str] = field(default_factory=dict)
    lacks_all: bool = False


@dataclass(frozen=True)
class Dashboards:
    """The dashboards of a bundle, and the tables that they read."""

    all: Sequence[Dashboard]
    tables: Mapping[str, Table]


def read_dashboards(folder: Path | None = None) -> Dashboards:
    """Read the bundle's dashboards.

    Raises:
        DashboardError: a file is wrong.
    """
    folder = folder or bundle_folder(FOLDER)
    tables = read_tables(folder / FILE)
    return Dashboards(load_dashboards(folder, tables), tables)


def has_any_table(dashboards: Dashboards, lake: Path) -> bool:
    """Say whether there is anything in the lake that a dashboard reads."""
    return any(is_there(lake, table) for table in dashboards.tables.values())


class LakeAnswers:
    """Asks a dashboard's queries on one state of the lake."""

    def __init__(
        self,
        database: "DuckDBPyConnection",
        dashboard: Dashboard,
        tables: Mapping[str, Table],
        lacking: Mapping[str, str],
    ) -> None:
        self._database = database
        self._dashboard = dashboard
        self._tables = tables
        self._lacking = lacking
        self._views: dict[str, str] = {}

    def answer(self, widget: Widget, page: Page, choices: Mapping[str, Choice]) -> Answer:
        """Return what a widget shows, given the choices of its page's filters by their names."""
        import duckdb

        [query] = widget.queries
        lacking = self._lacking_of(query.dataset)
        chosen = where_is(page.filters, query.dataset, choices)
        try:
            sql = translated(widget_sql(query, self._view(query.dataset), chosen))
            lacks_all = len(lacking) == len(tables_of(self._dashboard.datasets[query.dataset], self._tables))
            return Answer(self._rows(sql, _MOST_ROWS), lacking=lacking, lacks_all=lacks_all)
        except duckdb.Error as error:
            return Answer(problem=str(error).splitlines()[0], lacking=lacking)

    def choices(self, widget: Widget) -> list[str]:
        """Return what a filter lets choose from."""
        import duckdb

        found: set[str] = set()
        for query in widget.queries:
            column = columns_of(query.fields[0].expression)
            try:
                sql = f"SELECT DISTINCT `{column}` AS value FROM {self._view(query.dataset)} LIMIT {_MOST_CHOICES}"
                found |= {str(row["value"]) for row in self._rows(translated(sql), _MOST_CHOICES) if row["value"]}
            except duckdb.Error:
                continue  # the widgets of that dataset say it
        return sorted(found, key=str.casefold)

    def _view(self, dataset: str) -> str:
        """Return the name of a dataset's view, which is made when it is first asked for."""
        if dataset not in self._views:
            name = f"dataset_{len(self._views)}"
            self._database.execute(f"CREATE VIEW {name} AS {translated(self._dashboard.datasets[dataset])}")
            self._views[dataset] = name
        return self._views[dataset]

    def _lacking_of(self, dataset: str) -> dict[str, str]:
        names = {table.name: table for table in tables_of(self._dashboard.datasets[dataset], self._tables)}
        return {table.folder: self._lacking[name] for name, table in names.items() if name in self._lacking}

    def _rows(self, sql: str, most: int) -> list[dict[str, Any]]:
        cursor = self._database.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchmany(most)]


@contextmanager
def open_answers(dashboard: Dashboard, tables: Mapping[str, Table], lake: Path) -> Iterator[LakeAnswers]:
    """Open the lake for a dashboard's queries."""
    import duckdb

    with duckdb.connect() as database:
        yield LakeAnswers(database, dashboard, tables, open_tables(database, lake, tables))

"""Every statement of every method stands in a golden file a database, and a parser of that database takes it.

`REWRITE_GOLDEN=1 pytest tests/notebooks/sql/methods/test_statements.py` writes them anew.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlglot

from ingestion.feeds.model import TableIncremental
from ingestion.lake.journal import Window
from ingestion.sql.dialects import DIALECTS, Dialect, TableName
from ingestion.sql.dialects.cursor_type import CursorKind, CursorType
from ingestion.sql.methods.cdc import CaptureStatements
from ingestion.sql.methods.change_tracking import TrackingStatements
from ingestion.sql.methods.counter import CounterStatements
from ingestion.sql.methods.cursor_statements import CursorStatements

GOLDEN = Path(__file__).parents[1] / "golden" / "methods"
TABLE = TableName("sales", 'Orders of "O\'Brien" [x] `y`')
PARSERS = {"SQL Server": "tsql", "PostgreSQL": "postgres", "MySQL": "mysql"}
POSITIONS = {
    CursorKind.MOMENT: ("2026-03-29 01:59:59.9999999", "2026-03-29 02:00:00.1234567"),
    CursorKind.ZONED: ("2026-03-29 01:59:59.999999+00:00", "2026-03-29 02:00:00.123456+00:00"),
    CursorKind.DAY: ("2026-03-28", "2026-03-29"),
    CursorKind.NUMBER: ("-7", "9223372036854775807"),
    CursorKind.TEXT: ("A 'quoted' one", "Zoë\\"),
}


def positions(kind: CursorType, dialect: Dialect) -> tuple[str, str]:
    start, end = POSITIONS[kind.kind]
    if dialect.name == "SQL Server" or kind.kind is not CursorKind.MOMENT:
        return start, end
    return start[:-1], end[:-1]


def cursor_statements(dialect: Dialect) -> Iterator[tuple[str, str]]:
    table, shown = dialect.table(TABLE), set()
    for name, kind in dialect.cursor_types.items():
        if id(kind) in shown:
            continue
        shown.add(id(kind))
        is_time = kind.clock is not None
        start, end = positions(kind, dialect)
        lookback = timedelta(minutes=15) if is_time else timedelta(0)
        incremental = TableIncremental(method="cursor", cursor_column="At", lookback=lookback, on_null="include")
        made = CursorStatements(dialect, table, "At", kind, incremental)
        window = Window(2, start, end)
        yield f"{name}: reach", made.reach(None)
        yield f"{name}: reach from a position", made.reach(start)
        yield f"{name}: rows", f"SELECT {made.again(window)} AS again FROM {table} WHERE {made.window(window)}"
        if made.order:
            yield f"{name}: order", f"SELECT {made.order} AS place FROM {table}"
        backfill = Window(3, start, end, half_open=True)
        yield f"{name}: rows of a backfill", f"SELECT 1 AS one FROM {table} WHERE {made.window(backfill)}"
        if is_time:
            yield f"{name}: behind", made.behind(start)
            yield f"{name}: clock", made.clock(end)
            yield f"{name}: beyond the clock", made.beyond(start, end)
    kind = next(iter(dialect.cursor_types.values()))
    start, end = positions(kind, dialect)
    strict = TableIncremental(
        method="cursor", cursor_column="At", initial_value="2026-01-01T00:00:00", on_null="fail", on_future="include"
    )
    made = CursorStatements(dialect, table, "At", kind, strict, is_open=True)
    window = Window(2, start, end, clock=end)
    yield "first reach, initial value, NULL counted", made.reach(None)
    yield "reach, NULL counted", made.reach(start)
    yield "first rows, initial value", f"SELECT 1 AS one FROM {table} WHERE {made.window(Window(1, None, end))}"
    yield "rows, open, future included", f"SELECT 1 AS one FROM {table} WHERE {made.window(window)}"
    yield "repeats", made.repeats(Window(2, start, end))
    yield "no rows", f"SELECT 1 AS one FROM {table} WHERE {made.window(Window(1, None, None))}"


def counter_statements(dialect: Dialect) -> Iterator[tuple[str, str]]:
    table = dialect.table(TABLE)
    for name, kind in dialect.counters.items():
        made = CounterStatements(dialect, kind, "Row Version")
        low, high = kind.position(2001), kind.position(2**63)
        yield f"{name}: reach", made.reach()
        yield f"{name}: is behind", made.is_behind(low, high)
        yield (
            f"{name}: first rows",
            f"SELECT {made.order} AS place FROM {table} WHERE {made.window(Window(1, None, low))}",
        )
        yield f"{name}: rows", f"SELECT {made.order} AS place FROM {table} WHERE {made.window(Window(2, low, high))}"


def change_statements(dialect: Dialect) -> Iterator[tuple[str, str]]:
    key, columns = ("Order Id", "Line"), ("Order Id", "Line", "Amount")
    if dialect.change_tracking:
        tracking = TrackingStatements(dialect, dialect.change_tracking, TABLE, key)
        yield "change_tracking: reach", tracking.reach()
        yield "change_tracking: changes", tracking.changes(41, columns, "_order", "_deleted")
    if dialect.cdc:
        capture = CaptureStatements(dialect, dialect.cdc, TABLE, key)
        low, high = f"0x{1:020X}", f"0x{255:020X}"
        yield "cdc: instances", capture.instances()
        yield "cdc: reach", capture.reach()
        yield "cdc: committed", capture.committed(high)
        changes = capture.changes("dbo_Orders", Window(2, low, high), columns, ("_order", "_deleted", "_time"))
        yield "cdc: changes", changes


def statements(dialect: Dialect) -> dict[str, str]:
    identity = {f"identity {number}": query for number, query in enumerate(dialect.identity(TABLE), 1)}
    made = (*cursor_statements(dialect), *counter_statements(dialect), *change_statements(dialect))
    assert len(dict(made)) == len(made)
    return identity | dict(made)


def readable(query: str) -> str:
    """Return a statement without the one word that the parser does not know: CHANGETABLE takes CHANGES and a table."""
    return query.replace("CHANGETABLE(CHANGES ", "CHANGETABLE(")


def of_database(dialects: tuple[Dialect, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("dialect", dialects, ids=lambda dialect: dialect.name)


@of_database(DIALECTS)
def test_each_statement_is_the_one_that_was_read(dialect: Dialect) -> None:
    file = GOLDEN / f"{dialect.name.lower().replace(' ', '_')}.sql"
    text = "\n".join(f"-- {name}\n{query}\n" for name, query in statements(dialect).items())
    if os.environ.get("REWRITE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@of_database(tuple(dialect for dialect in DIALECTS if dialect.name in PARSERS))
def test_a_parser_of_the_database_takes_each_statement(dialect: Dialect) -> None:
    for name, query in statements(dialect).items():
        parsed = sqlglot.parse_one(readable(query), read=PARSERS[dialect.name])
        assert not list(parsed.find_all(sqlglot.exp.Command)), name


def test_sql_server_wraps_each_statement_in_a_query_so_none_names_a_column_twice_or_not_at_all() -> None:
    dialect = next(dialect for dialect in DIALECTS if dialect.name == "SQL Server")
    for name, query in statements(dialect).items():
        names = sqlglot.parse_one(readable(query), read="tsql").named_selects
        assert all(names), name
        assert len({each.lower() for each in names}) == len(names), name

"""The lake's tables as views of DuckDB, under the names that the dashboards' queries give them.

Spark would take seconds for what DuckDB does in one half; a test holds the answers of both against each other.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.dashboards.tables import Format, Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PATTERN = re.compile(r"([*?\[])")
_HINT = "a Delta table is read with deltalake, which `make serve` installs"


NOT_THERE = "not there yet"


def is_there(lake: Path, table: Table) -> bool:
    """Say whether a table has files."""
    folder = lake / table.folder
    return (folder / "_delta_log").is_dir() or next(_files(folder, table), None) is not None


def open_tables(database: "DuckDBPyConnection", lake: Path, tables: Mapping[str, Table]) -> dict[str, str]:
    """Make a view of each table; return why some have no rows here, by name: they are not there, or cannot be read."""
    database.execute("SET TimeZone = 'UTC'")
    reasons = {}
    for name, table in tables.items():
        reason = _view(database, lake / table.folder, table) if is_there(lake, table) else NOT_THERE
        if reason:
            reasons[name] = reason
            nothing = ", ".join(f"NULL::{kind} AS {_name(column)}" for column, kind in _columns(table).items())
            database.execute(f"CREATE VIEW {_name(name)} AS SELECT {nothing} WHERE FALSE")
    return reasons


def translated(sql: str) -> str:
    """Return SQL of Databricks as DuckDB says it."""
    import sqlglot

    return sqlglot.transpile(sql, read="databricks", write="duckdb")[0]


def _view(database: "DuckDBPyConnection", folder: Path, table: Table) -> str | None:
    """Make the view of a table; return why it cannot be read, None when it can."""
    import duckdb

    if (folder / "_delta_log").is_dir():
        return _view_of_delta(database, folder, table.name)
    files = ", ".join(_literal(_PATTERN.sub(r"[\1]", str(file))) for file in _files(folder, table))
    if table.format is Format.TABLE:
        read = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
        statement = f"CREATE VIEW {_name(table.name)} AS SELECT * FROM {read}"
    else:
        columns = ", ".join(f"{_literal(column)}: {_literal(kind)}" for column, kind in _columns(table).items())
        kind = "newline_delimited" if table.format is Format.LINES else "unstructured"
        # As from_json does, a line that is none, as one that is being written may be, is a row of nothing.
        lenient = "true" if table.format is Format.LINES else "false"
        read = f"read_json([{files}], columns = {{{columns}}}, format = '{kind}', ignore_errors = {lenient}"
        statement = f"CREATE TABLE {_name(table.name)} AS SELECT * FROM {read}, hive_partitioning = false)"
    try:
        database.execute(statement)
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return None


def _view_of_delta(database: "DuckDBPyConnection", folder: Path, name: str) -> str | None:
    if find_spec("deltalake") is None:
        return _HINT
    from deltalake import DeltaTable, QueryBuilder
    from deltalake.exceptions import DeltaError

    try:
        query = QueryBuilder().register("delta_table", DeltaTable(folder))
        database.register(name, query.execute("SELECT * FROM delta_table").read_all())
    except (DeltaError, ValueError, OSError) as error:
        return str(error).splitlines()[0]
    return None


def _files(folder: Path, table: Table) -> Iterator[Path]:
    """Yield a table's files: names that start with `_` or `.` are hidden from readers of a lake."""
    suffix = ".parquet" if table.format is Format.TABLE else ".json"
    for file in sorted(folder.rglob(f"*{suffix}")):
        if file.is_file() and not any(part.startswith(("_", ".")) for part in file.relative_to(folder).parts):
            yield file.resolve()


def _columns(table: Table) -> dict[str, str]:
    """Return DuckDB's types of a table's columns by name."""
    import sqlglot

    declared = sqlglot.parse_one(f"CREATE TABLE t ({table.columns})", read="databricks")
    return {column.this.name: column.args["kind"].sql("duckdb") for column in declared.this.expressions}


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

"""The tables that datasets' queries name, and what each name stands for where the queries run."""

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bundle.command_line import reason
from bundle.dashboards.model import query_text
from bundle.documents import items, mapping
from bundle.errors import DashboardError

FILE = "tables.toml"
# Hadoop takes these in a path for a pattern.
_GLOB = re.compile(r"([\\{}\[\]*?])")
_KEYS = {"folder", "format", "columns"}


class Format(StrEnum):
    """How a folder is read: a row of JSON a line, a document of JSON a file, or a table of Parquet or Delta."""

    LINES = "json lines"
    DOCUMENTS = "json documents"
    TABLE = "table"


@dataclass(frozen=True)
class Table:
    """A table: its name in queries, its folder in the lake, and the columns that queries use, as SQL declares them."""

    name: str
    folder: str
    format: Format
    columns: str


@dataclass(frozen=True)
class Places:
    """Where the tables lie.

    Attributes:
        lake: the lake's address, or a folder of this machine.
        table_format: of tables in folders: `parquet` or `delta`; by table where they differ.
        catalog: the schema of a catalog that holds the tables of Delta, `catalog.schema`; None where they are folders.
        missing: names of tables that are not there yet: they have no rows.
    """

    lake: str
    table_format: str | Mapping[str, str] = "parquet"
    catalog: str | None = None
    missing: Collection[str] = ()


def read_tables(file: Path) -> dict[str, Table]:
    """Read the tables that queries may name.

    Raises:
        DashboardError: the file is no TOML, or a table lacks a key or has an unknown one.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DashboardError(f"{file}: cannot be read: {reason(error)}") from error
    tables = {}
    for name, values in document.items():
        wrong = _KEYS ^ values.keys() if isinstance(values, dict) else _KEYS
        if wrong:
            raise DashboardError(
                f"{file}: [{name}]: takes {', '.join(sorted(_KEYS))}; look at {', '.join(sorted(wrong))}."
            )
        if values["format"] not in list(Format):
            raise DashboardError(f"{file}: [{name}] format: {values['format']!r} is none of {', '.join(Format)}.")
        columns = " ".join(values["columns"].split())
        tables[name] = Table(name, values["folder"], Format(values["format"]), columns)
    return tables


def tables_of(query: str, tables: Mapping[str, Table]) -> list[Table]:
    """Return the tables that a query names after FROM or JOIN."""
    named = {name.casefold() for name in re.findall(r"\b(?:FROM|JOIN)\s+`?(\w+)`?", query, re.IGNORECASE)}
    return [table for name, table in tables.items() if name.casefold() in named]


def with_places(query: str, tables: Mapping[str, Table], places: Places) -> str:
    """Return a query that can run: before it stands what each of its tables is."""
    heads = ",\n".join(f"{table.name} AS (\n  {relation(table, places)}\n)" for table in tables_of(query, tables))
    return f"WITH {heads}\nSELECT * FROM (\n{query.rstrip()}\n)\n" if heads else query


def placed(document: Mapping[str, Any], tables: Mapping[str, Table], places: Places) -> dict[str, Any]:
    """Return a dashboard's document whose datasets can run."""
    datasets = [
        {**dataset, "queryLines": with_places(query_text(dataset), tables, places).splitlines(keepends=True)}
        for dataset in map(mapping, items(document.get("datasets")))
    ]
    return {**json.loads(json.dumps(document)), "datasets": datasets}


def relation(table: Table, places: Places) -> str:
    """Return the SELECT of a table's rows.

    JSON is read as text by declared columns: where Spark would guess, a column that is empty in all files has another
    type, and a file without rows none.
    """
    if table.name in places.missing:
        return f"SELECT row.* FROM (SELECT FROM_JSON('{{}}', {_literal(table.columns)}) AS row) WHERE FALSE"
    if table.format is Format.TABLE:
        kinds = places.table_format
        kind = kinds if isinstance(kinds, str) else kinds.get(table.name, "parquet")
        if places.catalog and kind == "delta":
            return f"SELECT * FROM {places.catalog}.{_name(table.folder)}"
        return f"SELECT * FROM {kind}.{_path(places.lake, table)}"
    columns = _literal(table.columns)
    if table.format is Format.LINES:
        return f"SELECT row.* FROM (SELECT FROM_JSON(value, {columns}) AS row FROM text.{_path(places.lake, table)})"
    content = "CAST(content AS STRING)"
    return (
        f"SELECT row.* FROM (SELECT FROM_JSON({content}, {columns}) AS row FROM binaryFile.{_path(places.lake, table)})"
    )


def catalog_name(catalog: str, schema: str) -> str:
    """Return a schema of a catalog as SQL names it."""
    return f"{_name(catalog)}.{_name(schema)}"


def _path(lake: str, table: Table) -> str:
    return _name(_GLOB.sub(r"\\\1", f"{lake.rstrip('/')}/{table.folder}"))


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

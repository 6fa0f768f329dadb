"""Reads the lake's tables for the pages: Parquet and Delta, by pyarrow and deltalake where they are installed."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_LONGEST_VALUE = 200
HINT = "Reading tables takes pyarrow and, for Delta, deltalake: `make serve` installs both."


class UnreadableTableError(Exception):
    """A table cannot be read; the text says why."""


@dataclass(frozen=True)
class Table:
    """A table of the lake: its format, its size, its schema, its first rows as text, and a Delta table's versions."""

    format: str
    rows: int
    files: int
    bytes: int
    schema: Sequence[tuple[str, str, bool]]
    columns: Sequence[str]
    first: Sequence[Sequence[str | None]]
    versions: Sequence[tuple[int, str, str]]


def is_table(folder: Path) -> bool:
    """Say whether a folder is a table: a Delta table, or one with Parquet files in it."""
    return (folder / "_delta_log").is_dir() or bool(parquet_files(folder))


def parquet_files(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder, those of partitions too; hidden ones are none of the table's."""
    return sorted(
        file
        for file in folder.rglob("*.parquet")
        if file.is_file() and not any(part.startswith(("_", ".")) for part in file.relative_to(folder).parts)
    )


def read_table(folder: Path, rows: int) -> Table:
    """Return what a page shows of a table.

    Raises:
        UnreadableTableError: it cannot be read, or what reads it is not installed.
    """
    is_delta = (folder / "_delta_log").is_dir()
    _need("pyarrow")
    try:
        if is_delta:
            _need("deltalake")
            return _delta(folder, rows)
        return _parquet(folder, rows)
    except UnreadableTableError:
        raise
    except Exception as error:
        raise UnreadableTableError(f"{folder.name}: cannot be read: {str(error).splitlines()[0]}") from error


def read_rows(folder: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return all rows of a small table, of the given columns those that it has.

    Raises:
        UnreadableTableError: it cannot be read, or what reads it is not installed.
    """
    _need("pyarrow")
    try:
        data = _dataset(folder)
        wanted = [name for name in columns if name in data.schema.names]
        found: list[dict[str, Any]] = data.to_table(columns=wanted).to_pylist()
    except UnreadableTableError:
        raise
    except Exception as error:
        raise UnreadableTableError(f"{folder.name}: cannot be read: {str(error).splitlines()[0]}") from error
    return found


def _dataset(folder: Path) -> Any:
    from pyarrow import dataset

    if (folder / "_delta_log").is_dir():
        _need("deltalake")
        from deltalake import DeltaTable

        return _delta_data(DeltaTable(folder))
    return dataset.dataset([str(file) for file in parquet_files(folder)], format="parquet", partitioning="hive")


def _delta(folder: Path, rows: int) -> Table:
    from deltalake import DeltaTable

    table = DeltaTable(folder)
    files = [Path(uri.removeprefix("file://")) for uri in table.file_uris()]
    data = _delta_data(table, rows) if files else None
    versions = [
        (int(entry.get("version", 0)), str(entry.get("operation", "")), _moment(entry.get("timestamp")))
        for entry in table.history(20)
    ]
    fields = table.schema().fields
    return Table(
        format="Delta",
        rows=int(table.count()),
        files=len(files),
        bytes=sum(file.stat().st_size for file in files if file.exists()),
        schema=[(field.name, _type_name(field.type), field.nullable) for field in fields],
        **_first(data, rows),
        versions=versions,
    )


def _delta_data(table: Any, rows: int | None = None) -> Any:
    """Return the rows of a Delta table, at least so many: by its files, or by an engine that knows deleted rows."""
    import pyarrow
    from pyarrow import dataset

    if "deletionVectors" not in (table.protocol().reader_features or ()):
        return dataset.dataset(table.file_uris(), format="parquet")
    from deltalake import QueryBuilder

    limit = "" if rows is None else f" LIMIT {rows}"
    found = QueryBuilder().register("t", table).execute(f"SELECT * FROM t{limit}").read_all()  # noqa: S608 - a number
    return dataset.dataset(pyarrow.table(found))


def _parquet(folder: Path, rows: int) -> Table:
    files = parquet_files(folder)
    data = _dataset(folder)
    return Table(
        format="Parquet",
        rows=data.count_rows(),
        files=len(files),
        bytes=sum(file.stat().st_size for file in files),
        schema=[(field.name, str(field.type), field.nullable) for field in data.schema],
        **_first(data, rows),
        versions=[],
    )


def _first(data: Any, rows: int) -> dict[str, Any]:
    if data is None:
        return {"columns": [], "first": []}
    head = data.head(rows)
    return {
        "columns": list(head.schema.names),
        "first": [[_text(value) for value in row.values()] for row in head.to_pylist()],
    }


def _type_name(kind: Any) -> str:
    return str(getattr(kind, "type", kind))


def _moment(milliseconds: object) -> str:
    from datetime import UTC, datetime

    if not isinstance(milliseconds, int | float):
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _need(package: str) -> None:
    if find_spec(package) is None:
        raise UnreadableTableError(HINT)

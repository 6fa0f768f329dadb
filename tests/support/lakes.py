"""What a plain reader finds in a local lake, and what lies about in it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder


def rows_found(table: Path) -> int | None:
    """Return the number of rows that a plain reader of Parquet, or of Delta, finds; None where it finds no table.

    A folder without files, or with half a file, is an error: no reader may ever meet one.
    """
    if not table.exists():
        return None
    if (table / "_delta_log").exists():
        return delta_rows(table)
    files = [file for file in table.iterdir() if not file.name.startswith(("_", "."))]
    assert files, f"{table} is empty"
    return sum(pq.read_table(file).num_rows for file in files)


def delta_rows(table: Path, version: int | None = None) -> int:
    """Return how many rows a version of a Delta table has, by its files' footers: whatever its columns are called."""
    files = DeltaTable(table, version=version).file_uris()
    return sum(pq.read_metadata(unquote(file.removeprefix("file://"))).num_rows for file in files)


def table_rows(table: Path, *columns: str) -> list[tuple[Any, ...]]:
    """Return the rows of a Delta table, all columns or some, as a reader without Spark finds them; moments are UTC."""
    found = pa.table(QueryBuilder().register("t", DeltaTable(table)).execute("SELECT * FROM t").read_all())
    values = (found[name].to_pylist() for name in columns or found.column_names)
    return list(zip(*(map(_without_zone, column) for column in values), strict=True))


def _without_zone(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def run_metrics(lake: Path, table: str) -> list[dict[str, Any]]:
    """Return the metrics of all runs of a table, the last one last."""
    folder = lake / "quality_metrics" / f"table={table}"
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    return [json.loads(file.read_bytes()) for file in files]


def run_rows(lake: Path) -> list[dict[str, Any]]:
    """Return the rows of `ingest_runs`: of the runs in the order in which they ended, a row a feed."""
    files = sorted((lake / "ingest_runs").glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def every_row_is_accounted_for(lake: Path, table: str) -> bool:
    """Say whether the last run landed or quarantined all rows that it read, and those it says are there."""
    run = run_metrics(lake, table)[-1]
    quarantined = quarantined_rows(lake, table, run["run_id"])
    return (
        run["rows_read"] == run["rows_landed"] + run["rows_quarantined"]
        and run["rows_landed"] == rows_found(lake / table)
        and run["rows_quarantined"] == quarantined
    )


def quarantined_rows(lake: Path, table: str, run_id: str = "*") -> int:
    """Return the number of bad rows that are kept of one run, or of all."""
    files = (lake / "quarantine" / table).glob(f"quarantined_on=*/quarantined_by={run_id}/*.parquet")
    return sum(pq.read_table(file).num_rows for file in files)


def leftovers(lake: Path) -> list[str]:
    """Return what a settled lake does not hold: files that were written aside, locks, claims, trash, old versions."""
    aside = ("_landing", "_locks", "_claims", "_trash", "_staging", "_previous")
    hidden = [path for folder in aside for path in (lake / folder).rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(lake)) for path in {*hidden, *lake.rglob("*.part")})

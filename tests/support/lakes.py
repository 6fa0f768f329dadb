"""What a plain reader finds in a local lake, and what lies about in it."""

from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable


def rows_found(table: Path) -> int | None:
    """Return the number of rows that a plain reader of Parquet, or of Delta, finds; None where it finds no table.

    A folder without files, or with half a file, is an error: no reader may ever meet one.
    """
    if not table.exists():
        return None
    if (table / "_delta_log").exists():
        return len(DeltaTable(table).to_pyarrow_table())
    files = [file for file in table.iterdir() if not file.name.startswith(("_", "."))]
    assert files, f"{table} is empty"
    return sum(pq.read_table(file).num_rows for file in files)


def leftovers(lake: Path) -> list[str]:
    """Return what a settled lake does not hold: files of staging, locks, trash, and old versions."""
    hidden = ("_staging", "_previous", "_trash", "_locks")
    return [str(path.relative_to(lake)) for aside in hidden for path in (lake / aside).rglob("*") if path.is_file()]

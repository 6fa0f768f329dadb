"""What a run put into the lake: the files that are new since it started."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

from local_factory.runs import LandedData

# What notebooks tell there of each run: no data of anyone's.
RUNS_TABLE = "ingest_runs"


def landed_since(lake: Path, since: datetime, count_rows: Callable[[Path], int | None]) -> Sequence[LandedData]:
    """Return what was written since a moment: a table as one entry, any other file as one of its own.

    Args:
        lake: the lake's folder.
        since: the moment, with its zone.
        count_rows: says how many rows a folder of Parquet files, or a Delta table, holds.
    """
    data = (file for file in _data_files(lake) if file.parent != lake / RUNS_TABLE)
    fresh = [file for file in data if file.stat().st_mtime >= since.timestamp()]
    landed = []
    for (folder, is_table), group in groupby(fresh, lambda file: (file.parent, _is_of_a_table(file))):
        files = list(group)
        if is_table:
            name = f"{folder.relative_to(lake).as_posix()}/"
            landed.append(LandedData(name, len(files), count_rows(folder), sum(_size(file) for file in files)))
        else:
            landed.extend(LandedData(file.relative_to(lake).as_posix(), 1, None, _size(file)) for file in files)
    return landed


def _data_files(folder: Path) -> Iterator[Path]:
    """Yield the files that readers of a lake see, folder by folder: names that start with `_` or `.` are hidden."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith(("_", ".")))
    yield from (entry for entry in sorted(entries, key=lambda file: file.suffix) if entry.is_file())
    for entry in entries:
        if entry.is_dir():
            yield from _data_files(entry)


def _is_of_a_table(file: Path) -> bool:
    """Say whether a file is part of a table: Parquet, or whatever Delta keeps beside it, as which rows are deleted."""
    return file.suffix == ".parquet" or (file.parent / "_delta_log").is_dir()


def _size(file: Path) -> int:
    return file.stat().st_size

"""Rows on their way through DuckDB: where they come from, what columns they have, and how Python values get in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_factory.data.folders import SourceFile
from local_factory.data.types import Column, literal
from local_factory.data.work import Work

BATCH = 50_000


@dataclass(frozen=True)
class Rejected:
    """A row that was skipped: where it stood, what is wrong, and its values."""

    place: str
    reason: str
    values: Sequence[Any] = ()


@dataclass(frozen=True)
class Rows:
    """Rows of one source file, or of a whole answer.

    `sql` selects them on the work's connection, its columns named `c0`, `c1`, ... for `columns`, since names in files
    may repeat or be empty. `documents` are the JSON values that they were made of, when they come from JSON.
    """

    sql: str
    columns: tuple[Column, ...]
    file: SourceFile | None = None
    documents: Sequence[Any] | None = None
    rejected: Sequence[Rejected] = ()
    bytes_read: int = 0


def internal(index: int) -> str:
    """Return the name that a column has on the work's connection."""
    return f"c{index}"


def count_rows(work: Work, sql: str) -> int:
    """Return how many rows a SELECT gives."""
    row = work.connection.execute(f"select count(*) from ({sql})").fetchone()
    return int(row[0]) if row else 0


def batches(work: Work, sql: str, size: int = BATCH) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of a SELECT as Python values, some thousands at a time."""
    cursor = work.connection.cursor()
    with work.stopping(cursor.interrupt):
        cursor.execute("set timezone = 'UTC'")
        result = cursor.execute(sql)
        while found := result.fetchmany(size):
            yield found
            work.check()


def load(work: Work, columns: Sequence[Column], rows: Iterable[Sequence[Sequence[Any]]]) -> str:
    """Put batches of rows, given as Python values, into a table of the connection and return SQL that reads it."""
    table = work.new_name()
    shape = ", ".join(f"{internal(index)} {column.type}" for index, column in enumerate(columns))
    work.connection.execute(f"create table {table} ({shape})")
    values = ", ".join(f"unnest(${index + 1}::{column.type}[])" for index, column in enumerate(columns))
    for batch in rows:
        work.check()
        if batch:
            lists = [[row[index] for row in batch] for index in range(len(columns))]
            work.connection.execute(f"insert into {table} select {values}", lists)
    return f"select * from {table}"


def in_batches(rows: Iterable[Sequence[Any]], size: int = BATCH) -> Iterator[list[Sequence[Any]]]:
    """Yield rows in lists of some thousands."""
    batch: list[Sequence[Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


@dataclass
class Reading:
    """How a source is read: whether rows that do not fit are skipped, and the least that is asked for."""

    skip_incompatible: bool = False
    most_rows: int | None = None
    rejected: list[Rejected] = field(default_factory=list)


def file_literal(path: Path) -> str:
    """Return a file's path as DuckDB reads it: characters of its wildcards taken as they are."""
    text = str(path)
    return literal("".join(f"[{c}]" if c in "*?[" else c for c in text))

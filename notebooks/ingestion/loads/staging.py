"""Writing the rows of a window aside: the source is read once, and what is read is checked before anything changes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.lake.changes import Changes
from ingestion.lake.delta_sql import type_of
from ingestion.lake.journal import Overlap
from ingestion.lake.parquet import read_parquet
from ingestion.loads.comparison import row_hash
from ingestion.platform.columns import column, literal, quoted
from ingestion.platform.errors import SourceError
from ingestion.platform.names import own_name
from ingestion.quality.checks import Gate
from ingestion.quality.table_writer import WrittenTable, write_table

_EXAMPLES = 3


@dataclass(frozen=True)
class Staged:
    """Rows that were written aside.

    Attributes:
        written: what the writer says of them.
        rows: that passed the gate, with the helper columns.
        every: those that did not, too.
    """

    written: WrittenTable
    rows: DataFrame
    every: DataFrame

    @property
    def rows_read(self) -> int:
        """The rows that came of the source."""
        return self.written.rows + self.written.refused_rows


def stage(changes: Changes, folder: str, gate: Gate) -> Staged:
    """Write the rows of a window into a new folder; the source is read now.

    Raises:
        Exception: of Spark: the source broke off, or files cannot be written.
    """
    written = write_table(changes.frame, folder, gate)
    if written.refusals is not None:
        # What tells which of two rows is newer, or comes again, helps nobody to mend a row.
        ours = [name for name in (changes.deleted, changes.order, changes.time, changes.again) if name is not None]
        written = replace(written, refusals=written.refusals.drop(*ours))
    spark, columns = changes.frame.sparkSession, changes.frame.schema
    return Staged(
        written,
        read_parquet(spark, columns, written.passed),
        read_parquet(spark, columns, *(written.folders or [written.passed])),
    )


def newest_of_each_key(changes: Changes, key: Sequence[str], *, every_version: bool) -> DataFrame:
    """Return the rows of a window, of equal ones one, and of several of one key the newest.

    Args:
        changes: the rows.
        key: the columns that tell one row from all others.
        every_version: keep older ones of a key, too.
    """
    frame = changes.frame
    if changes.order is not None and not every_version:
        rank = own_name("_rank", frame.columns)
        newest = Window.partitionBy(*map(column, key)).orderBy(column(changes.order).desc())
        # What cannot be read may have no key, and is no version of any row.
        kept = F.col(rank) == 1 if changes.problem is None else (F.col(rank) == 1) | column(changes.problem).isNotNull()
        frame = frame.withColumn(rank, F.rank().over(newest)).where(kept).drop(rank)
    return frame.dropDuplicates()


def refuse_ties(rows: DataFrame, changes: Changes, key: Sequence[str], *, every_version: bool) -> None:
    """Refuse rows whose key is NULL, and different ones of a key of which none is the newest.

    Raises:
        SourceError: there are such rows; names some.
    """
    if changes.problem is not None:
        rows = rows.where(column(changes.problem).isNull())
    by = [*key, *([changes.order] if every_version and changes.order else [])]
    is_null = reduce(Column.__or__, [column(name).isNull() for name in key])
    count = own_name("_rows", by)
    counted = rows.groupBy(*map(column, by)).agg(F.count(F.lit(1)).alias(count))
    found = counted.where(is_null | (F.col(count) > 1)).limit(_EXAMPLES).collect()
    if not found:
        return
    nulls = [row for row in found if any(row[name] is None for name in key)]
    examples = "; ".join(", ".join(f"{name} = {row[name]!r}" for name in key) for row in nulls or found)
    if nulls:
        raise SourceError(f"rows have no key: {examples}. Nothing was changed. Name another primary_key.")
    raise SourceError(
        f"different rows have one key, and none of them is the newest: {examples}. Nothing was changed. Name the "
        "primary_key that tells them apart, or a cursor that does."
    )


@dataclass(frozen=True)
class Sight:
    """What the staged rows of a window are to the windows before it and after.

    Attributes:
        again: those that the next window reads, too.
        before: those that the window before read, too, as far as its position tells.
        new: how many lie between the two positions: the table cannot have them as they are.
        is_ahead: some lie beyond the window's end.
    """

    again: Overlap
    before: Overlap
    new: int
    is_ahead: bool


def is_new(changes: Changes, start: str) -> str:
    """Return the condition, as SQL, of rows that lie beyond a position. Needs the column that orders them."""
    return f"coalesce({_beyond(changes, start)}, false)"


def sight_of(rows: DataFrame, changes: Changes, start: str, end: str) -> Sight:
    """Look at the rows of a window once.

    Args:
        rows: all of them.
        changes: name the columns; with `order` and `again`.
        start: the position below the window.
        end: the one above it.
    """
    again, new = quoted(changes.again or ""), is_new(changes, start)
    beyond = f"coalesce({_beyond(changes, end)}, false)"
    summed = f"CAST({row_hash(changes.columns)} AS DECIMAL(38, 0))"
    found = rows.selectExpr(
        f"count_if({again}) AS again_rows",
        f"sum(CASE WHEN {again} THEN {summed} END) AS again_checksum",
        f"count_if(NOT {new}) AS before_rows",
        f"sum(CASE WHEN NOT {new} THEN {summed} END) AS before_checksum",
        f"count_if({new} AND NOT {beyond}) AS new",
        f"count_if({beyond}) AS beyond",
    ).collect()[0]
    return Sight(
        Overlap(found["again_rows"], str(found["again_checksum"] or 0)),
        Overlap(found["before_rows"], str(found["before_checksum"] or 0)),
        found["new"],
        found["beyond"] > 0,
    )


def _beyond(changes: Changes, position: str) -> str:
    order = changes.order or ""
    return f"{quoted(order)} > CAST({literal(position)} AS {type_of(changes.frame.schema[order].dataType)})"


def overlap_of(rows: DataFrame, columns: Sequence[str], again: str | None = None) -> Overlap:
    """Return what the next window reads again of some rows: how many, and the sum of their hashes.

    Args:
        rows: of a window.
        columns: that land.
        again: the column that says whether the next window reads a row again; None: it reads all.
    """
    if again is not None:
        rows = rows.where(column(again))
    # A sum of hashes of 64 bits overflows.
    total = f"sum(CAST({row_hash(columns)} AS DECIMAL(38, 0)))"
    found = rows.selectExpr("count(1) AS rows", f"{total} AS checksum").collect()[0]
    return Overlap(found["rows"], str(found["checksum"] or 0))

"""Writing a table aside as Parquet, in one pass over its source: rows are checked, divided, counted and hashed.

Rows that pass the gate and rows that do not go to two folders, named by a column that no file holds; where no check
can keep a row out there is nothing to divide. Only where keys are repeated is there a second pass, over what the first
one wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, reduce
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StructType

from ingestion.lake.parquet import read_parquet
from ingestion.platform.columns import column, quoted
from ingestion.platform.names import own_name
from ingestion.quality.checks import Gate, Severity, Unique
from ingestion.quality.repeats import key_ends, key_hashes, repeated_keys, repeated_rows

# What a refused row has besides its own columns: the checks that it breaks.
REASONS = "_errors"
# A partition's column, which stands in the folders' names and in no file.
_PASSED = "_passed"
# What every pass observes.
_ROWS, _GOOD_ROWS, _HIGH, _LOW = "__rows__", "__good__", "__high__", "__low__"
_COMPRESSION = "zstd"


@dataclass(frozen=True)
class WrittenTable:
    """A table that was written aside.

    Attributes:
        passed: folder of the rows that passed the gate.
        rows: that passed the gate.
        refused: folder of the rows that did not; there is none when there are none.
        refused_rows: that did not.
        refusals: the rows that did not, read from there, with the checks that each one breaks in the column `_errors`;
            None when there are none.
        checksum: of the rows that passed: the sum of `xxhash64` over all columns of each row, so that their order does
            not count.
        observed: by the checks' words, what `Gate.results` asks for.
    """

    passed: str
    rows: int
    refused: str
    refused_rows: int
    refusals: DataFrame | None = field(repr=False)
    checksum: int
    observed: Mapping[str, Any]

    @property
    def folders(self) -> list[str]:
        """The folders that hold rows."""
        return [folder for folder, rows in ((self.passed, self.rows), (self.refused, self.refused_rows)) if rows]


def write_table(
    frame: DataFrame,
    folder: str,
    gate: Gate,
    *,
    rows_per_file: int = 0,
    rows: int | None = None,
    landing: StructType | None = None,
) -> WrittenTable:
    """Write a table into a new folder.

    Args:
        frame: the table, which is read now, once.
        folder: where to; the result tells what is where in it.
        gate: divides the rows.
        rows_per_file: at most; 0 for no limit.
        rows: about as many as there are; None where nobody knows.
        landing: the columns that land, where there are others too, which only the refused rows keep; None: all.

    Raises:
        Exception: of Spark: the source broke off, or files cannot be written; what is there is to be thrown away.
    """
    names = frame.columns
    passed = own_name(_PASSED, names)
    writer = _Pass(landing.names if landing else names, passed, rows_per_file)
    keys = [
        metric
        for unique in gate.uniques
        for metric in key_hashes(unique.columns, frame.schema, rows) or key_ends(unique.columns, frame.schema)
    ]

    def write_pass(checked: DataFrame, name: str) -> WrittenTable:
        return writer.write(checked, f"{folder}/{name}", [*gate.metrics(), *keys])

    first = last = write_pass(frame.withColumn(passed, gate.passes()) if gate.divides else frame, "read")

    @cache
    def every_row() -> DataFrame:
        return _read(frame, *first.folders)

    all_rows = first.rows + first.refused_rows
    repeated = {unique: repeated_rows(every_row, unique.columns, all_rows, first.observed) for unique in gate.uniques}
    refusing = [unique for unique, rows in repeated.items() if rows and unique.severity is Severity.ERROR]
    if refusing:
        marked, repeats = _mark_repeats(every_row(), every_row(), refusing)
        checked = marked.withColumn(passed, gate.passes() & (F.size(repeats) == 0))
        last = write_pass(checked.selectExpr(*map(quoted, [*names, passed])), "unrepeated")
    if not last.rows and (gate.divides or refusing):
        # Nothing was written for them, and a table without rows has columns, too.
        frame.limit(0).write.parquet(last.passed)
    if landing and landing.names != frame.columns:
        kept = read_parquet(frame.sparkSession, landing, last.passed)
        last = replace(last, passed=f"{folder}/landing")
        kept.write.options(compression=_COMPRESSION, maxRecordsPerFile=rows_per_file).parquet(last.passed)
    observed = {**first.observed, **{str(unique): rows for unique, rows in repeated.items()}}
    if not last.refused_rows:
        return replace(last, observed=observed)
    marked, repeats = _mark_repeats(_read(frame, last.refused), every_row(), refusing)
    reasons = own_name(REASONS, frame.columns)
    refusals = marked.select(*map(column, names), F.concat(gate.reasons(), repeats).alias(reasons))
    broken = refusals.select(F.explode(reasons).alias("check")).groupBy("check").agg(F.count(F.lit(1)).alias("rows"))
    observed |= {row["check"]: row["rows"] for row in broken.collect()}
    return replace(last, observed=observed, refusals=refusals)


@dataclass(frozen=True)
class _Pass:
    """Writes rows, divided by whether they pass, and observes them on their way.

    What it asks for is SQL: each function of PySpark is several calls to the JVM.

    Attributes:
        names: of the columns that are hashed.
        passed: the name of the further column that says whether a row passes; rows without it all pass.
        rows_per_file: at most; 0 for no limit.
    """

    names: Sequence[str]
    passed: str
    rows_per_file: int

    def write(self, checked: DataFrame, folder: str, metrics: Sequence[Column]) -> WrittenTable:
        seen = Observation()
        row_hash = f"xxhash64({', '.join(map(quoted, self.names))})"
        is_divided = self.passed in checked.columns
        # Multiplied where a condition would do: two sums share the hash of a row only where nothing depends on it.
        counts = f" * CAST({quoted(self.passed)} AS BIGINT)" if is_divided else ""
        own_metrics = {
            _ROWS: "count(1)",
            _GOOD_ROWS: f"count_if({quoted(self.passed)})" if is_divided else "count(1)",
            # A sum of hashes of 64 bits overflows: their halves are summed.
            _HIGH: f"sum(shiftright({row_hash}, 32){counts})",
            _LOW: f"sum(({row_hash} & 4294967295L){counts})",
        }
        figures = [*(F.expr(f"{metric} AS {quoted(name)}") for name, metric in own_metrics.items()), *metrics]
        writer = checked.observe(seen, *figures).write
        writer.options(compression=_COMPRESSION, maxRecordsPerFile=self.rows_per_file)
        good = f"{folder}/{self.passed}=true"
        if is_divided:
            writer.partitionBy(self.passed).parquet(folder)
        else:
            writer.parquet(good)
        # A busy server of Spark Connect loses what it observed (SPARK-54279).
        found = dict(seen.get) or _read(checked, folder).agg(*figures).collect()[0].asDict()
        rows, good_rows, high, low = (found.pop(name) for name in own_metrics)
        return WrittenTable(
            passed=good,
            rows=good_rows,
            refused=f"{folder}/{self.passed}=false",
            refused_rows=rows - good_rows,
            refusals=None,
            checksum=((high or 0) << 32) + (low or 0),
            observed=found,
        )


def _mark_repeats(rows: DataFrame, every_row: DataFrame, uniques: Sequence[Unique]) -> tuple[DataFrame, Column]:
    """Return some rows, and the checks of which each repeats a key, as an array of texts for those rows alone."""
    reasons = []
    for unique in uniques:
        own = [own_name(f"_repeated_{number}", rows.columns) for number in range(len(unique.columns) + 1)]
        repeated = repeated_keys(every_row, unique.columns).toDF(*own)
        keys = own[:-1]
        pairs = [column(name) == F.col(key) for name, key in zip(unique.columns, keys, strict=True)]
        rows = rows.join(repeated, reduce(Column.__and__, pairs), "left")
        reasons.append(F.when(F.col(keys[0]).isNotNull(), F.lit(str(unique))))
    return rows, F.array_compact(F.array(*reasons).cast("array<string>"))


def _read(frame: DataFrame, *folders: str) -> DataFrame:
    """Return rows that were written, as the table that they came from had them."""
    return read_parquet(frame.sparkSession, frame.schema, *folders) if folders else frame.limit(0)

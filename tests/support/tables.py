"""Landing tables by the shortest way: every row is good."""

from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.lake.delta_tables import DeltaTable
from ingestion.lake.places import DeltaFolder
from ingestion.lake.storage import Storage
from ingestion.lake.table_landing import table_landing
from ingestion.platform.log import utc_now
from ingestion.quality.checks import Gate
from ingestion.quality.table_writer import WrittenTable, write_table


@dataclass(frozen=True)
class Rows:
    """What the writer below says of a table."""

    passed: str
    rows: int
    checksum: int
    refused: str = field(default="")
    refused_rows: int = field(default=0)


def write_rows(frame: DataFrame, folder: str, _rows_per_file: int) -> Rows:
    """Write a table without checks: what a stranger's writer would do."""
    frame.write.parquet(f"{folder}/all")
    checksum = F.sum(F.xxhash64(*map(F.col, frame.columns)).cast("decimal(38,0)"))
    found = frame.select(F.count(F.lit(1)).alias("rows"), checksum.alias("checksum")).collect()[0]
    return Rows(f"{folder}/all", found["rows"], int(found["checksum"] or 0))


def write_checked(frame: DataFrame, folder: str, rows_per_file: int) -> WrittenTable:
    """Write a table as loads do, with no checks."""
    return write_table(frame, folder, Gate((), frame.schema, now=utc_now()), rows_per_file=rows_per_file)


def delta_folder(spark: SparkSession, storage: Storage, name: str) -> DeltaFolder:
    """Return a folder of the lake that is to be a Delta table."""
    return DeltaFolder(DeltaTable(spark, storage.url(name)), storage, name)


def land_rows(
    storage: Storage,
    frame: DataFrame,
    name: str,
    run_id: str,
    *,
    source: str | None = None,
    as_delta: bool = False,
    **options: Any,
) -> int:
    """Land all rows of a table and return their number."""
    if as_delta:
        options["place"] = delta_folder(frame.sparkSession, storage, name)
    with table_landing(storage, name, run_id, **options) as landing:
        written = landing.stage(frame, write_checked, source=source)
        landing.promote()
    return written.rows

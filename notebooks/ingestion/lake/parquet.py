"""Reading Parquet that this package wrote."""

from contextlib import suppress

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

# DataSource.GLOB_PATHS_KEY in Spark: whether `?`, `*` and the like in a path stand for other characters.
_AS_PATTERNS = "__globPaths__"

# INT64 in microseconds, which every reader understands. Spark's own default, INT96, has no place for the year 9999:
# other readers take it for 1816, without a word.
_MOMENTS = ("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")

# More than one task reads the footers of as many.
_MANY_ROWS = 1_000_000


def write_moments_for_all_readers(spark: SparkSession) -> None:
    """Let a session write moments as every reader of Parquet understands them, where it may be told."""
    # Compute that does not take the setting says so in words of its own; Databricks' writes such moments by itself.
    with suppress(Exception):
        spark.conf.set(*_MOMENTS)


def read_parquet(spark: SparkSession, columns: StructType, *folders: str) -> DataFrame:
    """Return the rows of some folders, of whatever names, with the columns that were written."""
    return spark.read.schema(columns).option(_AS_PATTERNS, False).parquet(*folders)


def count_parquet(spark: SparkSession, columns: StructType, *folders: str) -> int:
    """Return how many rows some folders hold by their files' footers: no column is read."""
    return read_parquet(spark, columns, *folders).count()


def rows_and_bytes(rows: DataFrame, expected: int) -> tuple[int, int]:
    """Return how many rows the files of `read_parquet` hold, by their footers, and how large those files are.

    Args:
        rows: as they are read from there.
        expected: about as many as there are.
    """
    facts = rows.metadataColumn("_metadata")
    files = rows.select(facts["file_path"].alias("file"), facts["file_size"].alias("size"))
    # In one task there is nothing to exchange: that is one stage less.
    files = files.coalesce(1) if expected < _MANY_ROWS else files
    found = files.groupBy("file", "size").count().collect()
    return sum(file["count"] for file in found), sum(file["size"] for file in found)

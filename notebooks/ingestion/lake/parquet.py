"""Reading Parquet that this package wrote."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

# DataSource.GLOB_PATHS_KEY in Spark: whether `?`, `*` and the like in a path stand for other characters.
_AS_PATTERNS = "__globPaths__"


def read_parquet(spark: SparkSession, columns: StructType, *folders: str) -> DataFrame:
    """Return the rows of some folders, of whatever names, with the columns that were written."""
    return spark.read.schema(columns).option(_AS_PATTERNS, False).parquet(*folders)


def count_parquet(spark: SparkSession, columns: StructType, *folders: str) -> int:
    """Return how many rows some folders hold by their files' footers: no column is read."""
    return read_parquet(spark, columns, *folders).count()

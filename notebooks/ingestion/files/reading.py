"""What stands in some files of a folder, whatever their format."""

from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from ingestion.feeds.model import Files
from ingestion.files.contents import Contents, several
from ingestion.files.csv_files import read_csv
from ingestion.files.json_files import read_json
from ingestion.files.parquet_files import read_parquet_files
from ingestion.platform.errors import IngestionError, SourceError
from ingestion.platform.spark_errors import root_cause

_READERS: Mapping[str, Callable[[SparkSession, Files, Sequence[str], StructType], Contents | None]] = {
    "csv": read_csv,
    "json": read_json,
    "parquet": read_parquet_files,
}


def read_files(spark: SparkSession, feed: Files, paths: Sequence[str], known: StructType) -> Contents | None:
    """Return what stands in files.

    Args:
        spark: the session.
        feed: says their format, and the options of Spark's reader.
        paths: of the files.
        known: the columns that the target has; none at the first load.

    Returns:
        None where nothing tells any column: there is no row.

    Raises:
        SourceError: a file cannot be read, or its columns' names cannot be columns; names the file.
        SchemaChangedError: what is new in them would be left out without a word.
    """
    try:
        return _READERS[feed.file_format](spark, feed, paths, known)
    except IngestionError:
        raise
    except Exception as error:
        raise SourceError(f"{several(paths)}: cannot be read: {root_cause(error)}") from error

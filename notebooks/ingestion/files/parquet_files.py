"""Parquet: the files say their columns and types themselves; of several types of a column the widest counts."""

from collections.abc import Sequence

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StructField, StructType

from ingestion.feeds.model import Files
from ingestion.files.contents import Contents, OwnColumns, empty_note, open_files, refuse_twins
from ingestion.files.folder import file_address
from ingestion.lake.manifest import compare
from ingestion.platform.columns import column
from ingestion.platform.errors import SourceError
from ingestion.platform.spark_errors import root_cause


def read_parquet_files(spark: SparkSession, feed: Files, paths: Sequence[str], known: StructType) -> Contents | None:
    """Return what stands in Parquet files."""
    found = _columns(spark, feed, paths)
    if not found.fields:
        return None
    spelled = {each.name.casefold(): each for each in known}
    present = {each.name.casefold() for each in found}
    gone = [f"no file has column {each.name}" for name, each in spelled.items() if name not in present]
    names = [spelled[each.name.casefold()].name if each.name.casefold() in spelled else each.name for each in found]
    # What is narrower than the target's is read as the target has it.
    types = [
        wider(spelled[each.name.casefold()], each).dataType if each.name.casefold() in spelled else each.dataType
        for each in found
    ]
    schema = StructType([StructField(each.name, kind) for each, kind in zip(found, types, strict=True)])
    own = OwnColumns.beside([*known.names, *names])
    rows = open_files(spark, "parquet", paths, feed.options, schema)
    full = [row["file"] for row in rows.select(file_address(encoded=False).alias("file")).distinct().collect()]
    nothing = [F.lit(None).cast("string").alias(name) for name in (own.line, own.problem)]
    values = [column(each.name).alias(name) for each, name in zip(found, names, strict=True)]
    return Contents(rows.select(*values, *own.place(), *nothing), own, tuple(gone), empty_note(paths, full))


def wider(left: StructField, right: StructField) -> StructField:
    """Return of two columns that whose type holds the other's values; the left one where neither does."""
    is_wider = not compare(StructType([left]), StructType([StructField(left.name, right.dataType)])).breaking
    return right if is_wider else left


def _columns(spark: SparkSession, feed: Files, paths: Sequence[str]) -> StructType:
    """Return the columns of all files.

    Raises:
        SourceError: a file's columns are one to Spark, or files have types of which none holds the others.
    """
    columns: dict[str, StructField] = {}
    for path in paths:
        try:
            found = open_files(spark, "parquet", [path], feed.options).schema
        except Exception as error:
            raise SourceError(f"{path}: is no Parquet file, or a broken one: {root_cause(error)}") from error
        refuse_twins(found.names, path)
        for each in found:
            other = columns.setdefault(each.name.casefold(), each)
            widest = wider(other, each)
            if widest.dataType != each.dataType and wider(each, other) is each:
                raise SourceError(
                    f"{path}: column {each.name} is {each.dataType.simpleString()}, in files before it is "
                    f"{other.dataType.simpleString()}. Nothing was landed: neither type holds the other's values."
                )
            columns[each.name.casefold()] = StructField(other.name, widest.dataType)
    return StructType(list(columns.values()))

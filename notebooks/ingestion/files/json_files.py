"""JSON lines: a record a line. What the target does not have yet is found by Spark's own inference."""

from collections.abc import Sequence

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import ArrayType, DataType, StringType, StructField, StructType

from ingestion.feeds.model import Files
from ingestion.files.contents import Contents, OwnColumns, empty_note, open_files, several
from ingestion.files.folder import file_address
from ingestion.platform.columns import column
from ingestion.platform.errors import SourceError
from ingestion.platform.spark_errors import root_cause

_UNFIT = "no JSON object, or a value that its column does not take"
_TWICE = "COLUMN_ALREADY_EXISTS"


def read_json(spark: SparkSession, feed: Files, paths: Sequence[str], known: StructType) -> Contents | None:
    """Return what stands in files of JSON lines."""
    lines = open_files(spark, "text", paths, {}).where("trim(value) != ''")
    full = [row["file"] for row in lines.select(file_address(encoded=False).alias("file")).distinct().collect()]
    own = OwnColumns.beside(known.names)
    found = _found(spark, feed, paths, own, without_values=False)
    spelled = {name.casefold(): name for name in known.names}
    present = {name.casefold() for name in found.names}
    if full and not spelled.keys() <= present:
        # A column that has no value is there all the same.
        present |= {name.casefold() for name in _found(spark, feed, paths, own, without_values=True).names}
    gone = [f"no record has column {name}" for folded, name in spelled.items() if full and folded not in present]
    types = {} if feed.schema_contract == "discard_columns" else {each.name.casefold(): each.dataType for each in found}
    kept = [
        StructField(each.name, _with_new_within(each.dataType, types.get(each.name.casefold(), each.dataType)))
        for each in known
        if each.name.casefold() in present or not full
    ]
    columns = StructType([*kept, *(each for each in found if each.name.casefold() not in spelled)])
    if not columns.fields:
        return None
    own = OwnColumns.beside([*known.names, *columns.names])
    options = {**feed.options, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": own.line}
    schema = StructType([*columns, StructField(own.line, StringType())])
    problem = F.when(column(own.line).isNotNull(), F.lit(_UNFIT)).alias(own.problem)
    rows = open_files(spark, "json", paths, options, schema)
    frame = rows.select(*map(column, columns.names), *own.place(), column(own.line), problem)
    return Contents(frame, own, tuple(gone), empty_note(paths, full))


def _found(
    spark: SparkSession, feed: Files, paths: Sequence[str], own: OwnColumns, *, without_values: bool
) -> StructType:
    """Return the columns of all records, those that have no value too if asked."""
    options = {
        **feed.options,
        "mode": "PERMISSIVE",
        "columnNameOfCorruptRecord": own.line,
        "dropFieldIfAllNull": not without_values,
    }
    try:
        found = open_files(spark, "json", paths, options).schema
    except Exception as error:
        if _TWICE not in str(error):
            raise
        raise SourceError(
            f"{several(paths)}: records have names that differ only in upper and lower case, which are one to Spark: "
            f"{root_cause(error)}"
        ) from error
    return StructType([each for each in found if each.name != own.line])


def _with_new_within(known: DataType, found: DataType) -> DataType:
    """Return the type of a column that is there, with the fields within it that are new, after its own."""
    if isinstance(known, ArrayType) and isinstance(found, ArrayType):
        return ArrayType(_with_new_within(known.elementType, found.elementType))
    if not isinstance(known, StructType) or not isinstance(found, StructType):
        return known
    types = {each.name.casefold(): each.dataType for each in found}
    own = [
        StructField(each.name, _with_new_within(each.dataType, types.pop(each.name.casefold(), each.dataType)))
        for each in known
    ]
    return StructType([*own, *(each for each in found if each.name.casefold() in types)])

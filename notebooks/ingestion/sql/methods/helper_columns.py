"""Columns that are read beside a table's own and do not land."""

from dataclasses import replace

from pyspark.sql import DataFrame

from ingestion.platform.columns import column
from ingestion.platform.names import own_name
from ingestion.sql.column_reading import ColumnReading
from ingestion.sql.database import SourceTable


def helper(name: str, table: SourceTable, sql: str) -> ColumnReading:
    """Return a column of ours beside a table's, of a name that none of them has."""
    return ColumnReading(own_name(name, table.types), sql)


def with_columns(table: SourceTable, *columns: ColumnReading | None) -> SourceTable:
    """Return a table of which further columns are read."""
    return replace(table, columns=(*table.columns, *(each for each in columns if each is not None)))


def with_truth(frame: DataFrame, name: str | None) -> DataFrame:
    """Return rows of which a column is true where it was 1: not every database has a type for that."""
    return frame if name is None else frame.withColumn(name, column(name) == 1)

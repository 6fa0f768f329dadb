"""What differs from database to database: pure functions that are asked for a fact and give back SQL.

The base is standard SQL. Every statement of every dialect stands in tests/notebooks/sql/golden/.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql.types import (
    DateType,
    DecimalType,
    StructField,
    TimestampNTZType,
    TimestampType,
)

from ingestion.sql.column_reading import AS_IT_COMES, ColumnReading, Conversion
from ingestion.sql.dialects.change_sql import CaptureSql, TrackingSql
from ingestion.sql.dialects.counter_type import CounterType
from ingestion.sql.dialects.cursor_type import CursorType

TIME_NOTE = "a time of day: Spark has no such type"


@dataclass(frozen=True)
class TableName:
    """A table or view as the database spells it."""

    schema: str
    name: str

    def __str__(self) -> str:
        """`dbo.Orders`."""
        return f"{self.schema}.{self.name}"


class Dialect(ABC):
    """One database's SQL, as far as it differs from the standard.

    Attributes:
        name: of the database, for people.
        scheme: how its JDBC addresses begin.
        options: what its driver has to be told besides address and credentials.
        passing: matches a message of a failure that passes by itself, in the database's own words.
        text_types: types that Spark's JDBC reader does not know, and the SQL that gives a value as text.
        cursor_types: by the names that `columns` tells, in lower case and without length, the types of cursors.
        utc_now: the database's own time as text of UTC, `2026-11-28 09:00:00.123456`; None where it has none.
        counters: of the methods by a counter, by the method's name.
        change_tracking: how changes are asked for that the database keeps by key; None where it keeps none.
        cdc: how changes are asked for that the database copies from its log; None where it copies none.
    """

    name = ""
    scheme = ""
    options: Mapping[str, str] = {}
    passing = re.compile(r"(?!)")
    text_types: Mapping[str, str] = {}
    cursor_types: Mapping[str, CursorType] = {}
    utc_now: str | None = None
    counters: Mapping[str, CounterType] = {}
    change_tracking: TrackingSql | None = None
    cdc: CaptureSql | None = None

    def quote(self, name: str) -> str:
        """Return a name as the database takes it, so that its capitals and blanks count."""
        return '"' + name.replace('"', '""') + '"'

    def table(self, table: TableName) -> str:
        """Return a table's full name; one without a schema is as the database takes it."""
        return f"{self.quote(table.schema)}.{self.quote(table.name)}" if table.schema else table.name

    def text(self, value: str) -> str:
        """Return a text as a literal."""
        return "'" + value.replace("'", "''") + "'"

    def select(self, table: str, columns: Sequence[tuple[str, str | None]], where: str | None = None) -> str:
        """Return the query of a table's columns: names, and what stands for them where they are not read as they are.

        Args:
            table: its full name.
            columns: (name, SQL), None for the column itself.
            where: which rows; None for all.
        """
        chosen = ", ".join(self.quote(name) if sql is None else f"{sql} AS {self.quote(name)}" for name, sql in columns)
        return f"SELECT {chosen} FROM {table}{self._where(where)}"

    def extent(self, table: str, key: str | None = None, where: str | None = None) -> str:
        """Return the query that counts rows, as `row_count`, and names the ends of a key, `least` and `greatest`."""
        ends = f", MIN({self.quote(key)}) AS least, MAX({self.quote(key)}) AS greatest" if key else ""
        return f"SELECT {self.count} AS row_count{ends} FROM {table}{self._where(where)}"

    def buckets(
        self, table: str, key: str, bounds: Sequence[int], ends: tuple[int, int], where: str | None = None
    ) -> str:
        """Return the query that counts the rows between bounds of a key: `row_count`, `least`, `greatest` of each."""
        quoted, (least, greatest) = self.quote(key), ends
        cases = " ".join(f"WHEN {quoted} < {bound} THEN {number}" for number, bound in enumerate(bounds))
        within = f"{quoted} >= {least} AND {quoted} <= {greatest}" + (f" AND ({where})" if where else "")
        kept = f"SELECT {quoted} AS k, CASE {cases} ELSE {len(bounds)} END AS bucket FROM {table} WHERE {within}"
        return (
            f"SELECT {self.count} AS row_count, MIN(k) AS least, MAX(k) AS greatest FROM ({kept}) counted "
            "GROUP BY bucket"
        )

    count = "COUNT(*)"

    def hash(self, key: str) -> str | None:
        """Return a whole number made of any key, by which a table may be split; None where that gains nothing.

        Each part reads all of the table, so only where that was measured to be faster than one stream:
        tests/benchmarks/arrow-readers.md.
        """
        return None

    @abstractmethod
    def tables(self) -> str:
        """Return the query of all tables and views that may be read: `table_schema`, `table_name`, `is_default`.

        A fourth column `most_rows` tells about how many rows a table has at most, where the catalog knows; NULL where
        not. It is asked without looking into the table.
        """

    @abstractmethod
    def columns(self, table: TableName) -> str:
        """Return the query of a table's columns: `column_name`, `data_type`, `place` (in the table)."""

    @abstractmethod
    def primary_key(self, table: TableName) -> str:
        """Return the query of a table's primary key: `column_name`, `place` (in the key)."""

    @abstractmethod
    def identity(self, table: TableName) -> Sequence[str]:
        """Return queries of what the database is, and the table in it: texts, as the database numbers them.

        Each asks for less than the one before, for readers that may not ask that. A column is a fact; one that is NULL
        is not known.
        """

    def alone(self, columns: str) -> str:
        """Return the query of expressions that no table is asked for."""
        return f"SELECT {columns}"

    def cursor_type(self, declared: str) -> CursorType | None:
        """Return how a column of a declared type is a cursor; None where it cannot be one."""
        name = re.sub(r"\s*\(.*?\)", "", declared.lower()).replace(" not null", "").strip()
        return self.cursor_types.get(name)

    def as_text(self, column: str) -> str:
        """Return a quoted column's value as text."""
        return f"CAST({column} AS VARCHAR(32672))"

    def reading(self, field: StructField) -> ColumnReading:
        """Return how a column is read so that its values arrive as they are.

        What Spark's JDBC reader would narrow comes as text: times of day, decimals of more digits than Spark's, moments
        finer than a microsecond. Spark's schema tells: the declared `scale` stands beside the type.
        """
        quoted, kind, facts = self.quote(field.name), field.dataType, field.metadata
        if facts.get("logical_time_type"):
            return self.time(field)
        if isinstance(kind, DecimalType):
            if facts.get("scale", kind.scale) != kind.scale:
                return ColumnReading(field.name, note="a decimal of more digits than Spark's 38", as_text=True)
            return ColumnReading(field.name, self.decimal(quoted, field.name, kind))
        if isinstance(kind, TimestampType | TimestampNTZType):
            return self.moment(field)
        return self.date(field) if isinstance(kind, DateType) else ColumnReading(field.name)

    def time(self, field: StructField) -> ColumnReading:
        """Return how a time of day is read: as text, to its last digit."""
        return ColumnReading(field.name, note=TIME_NOTE, as_text=True)

    def decimal(self, column: str, name: str, kind: DecimalType) -> str | None:
        """Return a decimal without what is no number; None where there is no such."""
        return None

    def date(self, field: StructField) -> ColumnReading:
        """Return how a day is read."""
        return ColumnReading(field.name)

    def moment(self, field: StructField) -> ColumnReading:
        """Return how a moment is read."""
        return ColumnReading(field.name, conversion=zone_kept(field))

    @staticmethod
    def _where(condition: str | None) -> str:
        return f" WHERE {condition}" if condition else ""


def zone_kept(field: StructField) -> Conversion:
    """Return what keeps a moment without a zone one, if it is one."""
    return Conversion.WITHOUT_ZONE if isinstance(field.dataType, TimestampNTZType) else AS_IT_COMES

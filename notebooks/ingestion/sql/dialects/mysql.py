"""MySQL and MariaDB."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql.types import StructField

from ingestion.sql.column_reading import ColumnReading, Conversion
from ingestion.sql.dialects.cursor_type import CursorKind, CursorType
from ingestion.sql.dialects.dialect import Dialect, TableName, zone_kept

_EARLIER = "{} - INTERVAL {seconds} SECOND"
_MICROSECONDS = "'%Y-%m-%d %H:%i:%s.%f'"
_EPOCH = "TIMESTAMP('1970-01-01 00:00:00.000000')"


@dataclass(frozen=True)
class _Timestamp(CursorType):
    """A TIMESTAMP: an instant, which MySQL shows and compares in the session's zone.

    There an hour of autumn comes twice. So it is compared as a number of microseconds, and an index is used by bounds
    that lie two hours further out.
    """

    def at_least(self, column: str, value: str) -> str:
        """Return the condition that a quoted column is not below a value."""
        return f"({column} >= FROM_UNIXTIME({value} / 1000000 - 7200) AND {super().at_least(column, value)})"

    def at_most(self, column: str, value: str) -> str:
        """Return the condition that a quoted column is not above a value."""
        return f"({column} <= FROM_UNIXTIME({value} / 1000000 + 7200) AND {super().at_most(column, value)})"


_NUMBER = CursorType(CursorKind.NUMBER, "CAST({} AS CHAR)", "{}")
_TEXT = CursorType(CursorKind.TEXT, "{}", "{}")
_CURSOR_TYPES: Mapping[str, CursorType] = {
    "datetime": CursorType(
        CursorKind.MOMENT,
        f"DATE_FORMAT({{}}, {_MICROSECONDS})",
        "CAST({} AS DATETIME(6))",
        # Local or UTC, whichever is later: nothing tells which of them writers use.
        "GREATEST(NOW(6), UTC_TIMESTAMP(6))",
        _EARLIER,
    ),
    "timestamp": _Timestamp(
        CursorKind.ZONED,
        # No FROM_UNIXTIME or CONVERT_TZ, which go by the session's zone.
        f"CONCAT(DATE_FORMAT(DATE_ADD({_EPOCH}, INTERVAL {{}} MICROSECOND), {_MICROSECONDS}), '+00:00')",
        f"TIMESTAMPDIFF(MICROSECOND, {_EPOCH}, CAST(SUBSTRING_INDEX({{}}, '+', 1) AS DATETIME(6)))",
        "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)",
        "({} - {seconds} * 1000000)",
        "CAST(UNIX_TIMESTAMP({}) * 1000000 AS SIGNED)",
    ),
    "date": CursorType(
        CursorKind.DAY,
        "DATE_FORMAT({}, '%Y-%m-%d')",
        "CAST({} AS DATE)",
        "CAST(GREATEST(NOW(6), UTC_TIMESTAMP(6)) AS DATE)",
        f"CAST({_EARLIER} AS DATE)",
    ),
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "decimal"), _NUMBER),
    **dict.fromkeys(("char", "varchar"), _TEXT),
}


class MySql(Dialect):
    """MySQL 8 and MariaDB 10 or later."""

    name = "MySQL"
    scheme = "jdbc:mysql:"
    # TINYINT(1) is a number from -128 to 127, YEAR one too; the driver would make them a truth and a day.
    options: Mapping[str, str] = {"tinyInt1isBit": "false", "yearIsDateType": "false"}
    passing = re.compile(
        r"Communications link failure|Too many connections|Lock wait timeout exceeded|Deadlock found|Server shutdown"
        r"|server has gone away|Lost connection|Socket (error|fail)|Connection (reset|refused)|Connection was killed"
        r"|unexpected end of stream|Could not connect to",
        re.IGNORECASE,
    )

    cursor_types = _CURSOR_TYPES
    utc_now = f"DATE_FORMAT(UTC_TIMESTAMP(6), {_MICROSECONDS})"

    def identity(self, table: TableName) -> Sequence[str]:
        """Return the queries of the server's identifier and the database.

        A table has no number that outlives TRUNCATE or ALTER TABLE: its name must do. The first query is MariaDB's, of
        which older ones have no `server_uid`.
        """
        names = f"DATABASE() AS database_id, {self.text(str(table))} AS table_id"
        host = "CONCAT(@@hostname, ':', @@port)"
        return [
            f"SELECT MAX(VARIABLE_VALUE) AS server_id, CASE WHEN COUNT(*) = 0 THEN {host} END AS host, {names} "
            "FROM information_schema.GLOBAL_VARIABLES WHERE VARIABLE_NAME = 'SERVER_UID'",
            f"SELECT @@server_uuid AS server_id, {names}",
            f"SELECT {host} AS host, {names}",
        ]

    def quote(self, name: str) -> str:
        """Return a name in backticks."""
        return "`" + name.replace("`", "``") + "`"

    def text(self, value: str) -> str:
        """Return a text as a literal, in which a backslash means nothing."""
        return super().text(value).replace("\\", "\\\\")

    def as_text(self, column: str) -> str:
        """Return a value as text."""
        return f"CAST({column} AS CHAR)"

    def tables(self) -> str:
        """Return the query of tables and views."""
        return (
            "SELECT TABLE_SCHEMA AS table_schema, TABLE_NAME AS table_name, "
            "CASE WHEN TABLE_SCHEMA = DATABASE() THEN 1 ELSE 0 END AS is_default FROM information_schema.TABLES "
            "WHERE TABLE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')"
        )

    def columns(self, table: TableName) -> str:
        """Return the query of a table's columns."""
        return (
            "SELECT COLUMN_NAME AS column_name, DATA_TYPE AS data_type, ORDINAL_POSITION AS place "
            "FROM information_schema.COLUMNS "
            f"WHERE TABLE_SCHEMA = {self.text(table.schema)} AND TABLE_NAME = {self.text(table.name)}"
        )

    def primary_key(self, table: TableName) -> str:
        """Return the query of a table's primary key."""
        return (
            "SELECT COLUMN_NAME AS column_name, ORDINAL_POSITION AS place FROM information_schema.KEY_COLUMN_USAGE "
            f"WHERE CONSTRAINT_NAME = 'PRIMARY' AND TABLE_SCHEMA = {self.text(table.schema)} "
            f"AND TABLE_NAME = {self.text(table.name)}"
        )

    def reading(self, field: StructField) -> ColumnReading:
        """Return how a column is read: BIT(n), of which Spark makes the digits' own codes, as a number."""
        if field.metadata.get("binarylong"):
            return ColumnReading(field.name, f"CAST({self.quote(field.name)} AS UNSIGNED)")
        return super().reading(field)

    def date(self, field: StructField) -> ColumnReading:
        """Return a day as text: 0000-00-00, which drivers turn into NULL or another day, then fails the read."""
        return ColumnReading(field.name, self.as_text(self.quote(field.name)), Conversion.DATE_TEXT)

    def moment(self, field: StructField) -> ColumnReading:
        """Return a DATETIME as text, a TIMESTAMP as a number: no driver's idea of a time zone comes between."""
        column = self.quote(field.name)
        if zone_kept(field) is Conversion.WITHOUT_ZONE:
            return ColumnReading(field.name, self.as_text(column), Conversion.MOMENT_TEXT)
        micros = f"CAST(UNIX_TIMESTAMP({column}) * 1000000 AS SIGNED)"
        return ColumnReading(field.name, micros, Conversion.MICROSECONDS)

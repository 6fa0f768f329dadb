"""MySQL and MariaDB."""

import re
from collections.abc import Mapping

from pyspark.sql.types import StructField

from ingestion.sql.column_reading import ColumnReading, Conversion
from ingestion.sql.dialects.dialect import Dialect, TableName, zone_kept


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

"""Azure SQL and SQL Server."""

import re
from collections.abc import Mapping

from pyspark.sql.types import StructField

from ingestion.sql.column_reading import ColumnReading, Conversion
from ingestion.sql.dialects.dialect import Dialect, TableName, zone_kept

# Digits of a second that Spark's moments keep.
_MICROSECONDS = 6


class SqlServer(Dialect):
    """Azure SQL Database, Managed Instance, SQL Server 2016 or later."""

    name = "SQL Server"
    scheme = "jdbc:sqlserver:"
    # In the words of "Troubleshoot transient connection errors" in Azure SQL's documentation, in its order: 4060,
    # 40197, 40501, 40613, 49918 to 49920, 10928, 10929, 1205, then connections that broke (233, 64, 10053 to 10060).
    # 40613 is a serverless database that is still asleep. The driver's exceptions tell their numbers to Java alone.
    passing = re.compile(
        r"Cannot open database .* requested by the login"
        r"|The service has encountered an error processing your request"
        r"|The service is currently busy"
        r"|is not currently available"
        r"|Cannot process (create or update )?request\. (Not enough resources|Too many)"
        r"|limit for the (database|elastic pool) is \d+ and has been reached|minimum guarantee is \d+"
        r"|deadlocked on .* resources|deadlock victim"
        r"|transport-level error|semaphore timeout|established connection was aborted|forcibly closed|Connection reset"
        r"|The connection (is|has been) closed|SQL Server (did not return a response|returned an incomplete response)"
        r"|The TCP/IP connection to the host .* has failed"
        r"|connection attempt failed|did not properly respond",
        re.IGNORECASE | re.DOTALL,
    )
    text_types: Mapping[str, str] = {
        "hierarchyid": "{}.ToString()",
        "geography": "{}.ToString()",
        "geometry": "{}.ToString()",
        "sql_variant": "CAST({} AS NVARCHAR(4000))",
        "xml": "CAST({} AS NVARCHAR(MAX))",
    }
    # COUNT(*) is an INT, and fails above 2^31 rows.
    count = "COUNT_BIG(*)"

    def quote(self, name: str) -> str:
        """Return a name in brackets."""
        return "[" + name.replace("]", "]]") + "]"

    def text(self, value: str) -> str:
        """Return a text of any script as a literal."""
        return "N" + super().text(value)

    def tables(self) -> str:
        """Return the query of tables and views."""
        return (
            "SELECT TABLE_SCHEMA AS table_schema, TABLE_NAME AS table_name, "
            "CASE WHEN TABLE_SCHEMA = 'dbo' THEN 1 ELSE 0 END AS is_default FROM INFORMATION_SCHEMA.TABLES"
        )

    def columns(self, table: TableName) -> str:
        """Return the query of a table's columns."""
        return (
            "SELECT COLUMN_NAME AS column_name, DATA_TYPE AS data_type, ORDINAL_POSITION AS place "
            "FROM INFORMATION_SCHEMA.COLUMNS "
            f"WHERE TABLE_SCHEMA = {self.text(table.schema)} AND TABLE_NAME = {self.text(table.name)}"
        )

    def primary_key(self, table: TableName) -> str:
        """Return the query of a table's primary key."""
        return (
            "SELECT k.COLUMN_NAME AS column_name, k.ORDINAL_POSITION AS place "
            "FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS c JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE k "
            "ON k.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND k.CONSTRAINT_NAME = c.CONSTRAINT_NAME "
            f"WHERE c.CONSTRAINT_TYPE = 'PRIMARY KEY' AND c.TABLE_SCHEMA = {self.text(table.schema)} "
            f"AND c.TABLE_NAME = {self.text(table.name)}"
        )

    def date(self, field: StructField) -> ColumnReading:
        """Return a day as a number."""
        return ColumnReading(field.name, f"DATEDIFF(day, '19700101', {self.quote(field.name)})", Conversion.DAYS)

    def moment(self, field: StructField) -> ColumnReading:
        """Return a moment as it is, or as text where it has a seventh digit."""
        if field.metadata.get("scale", 0) > _MICROSECONDS:
            return ColumnReading(field.name, note="a moment of seven digits, Spark's have six", as_text=True)
        return ColumnReading(field.name, conversion=zone_kept(field))

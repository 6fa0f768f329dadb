"""Azure SQL and SQL Server."""

import re
from collections.abc import Mapping, Sequence

from pyspark.sql.types import StructField

from ingestion.sql.column_reading import ColumnReading, Conversion
from ingestion.sql.dialects.change_sql import CaptureSql, TrackingSql
from ingestion.sql.dialects.counter_type import CounterType
from ingestion.sql.dialects.cursor_type import CursorKind, CursorType
from ingestion.sql.dialects.dialect import Dialect, TableName, zone_kept

# Digits of a second that Spark's moments keep.
_MICROSECONDS = 6

# Local or UTC, whichever is later: nothing tells which of them writers use. In Azure SQL they are the same.
_LOCAL_CLOCK = "CASE WHEN SYSDATETIME() > SYSUTCDATETIME() THEN SYSDATETIME() ELSE SYSUTCDATETIME() END"
_NUMBER = "CAST({} AS VARCHAR(40))"
_CURSOR_TYPES: Mapping[str, CursorType] = {
    "datetime2": CursorType(
        CursorKind.MOMENT,
        "CONVERT(VARCHAR(27), {}, 121)",
        "CONVERT(DATETIME2(7), {}, 121)",
        _LOCAL_CLOCK,
        "DATEADD(SECOND, -{seconds}, {})",
    ),
    # Of 1/300 of a second: compared with a finer type, its values would not be equal to their own texts.
    "datetime": CursorType(
        CursorKind.MOMENT,
        "CONVERT(VARCHAR(23), {}, 121)",
        "CONVERT(DATETIME, CONVERT(DATETIME2(3), {}, 121))",
        f"CONVERT(DATETIME, {_LOCAL_CLOCK})",
        "DATEADD(SECOND, -{seconds}, {})",
    ),
    # Of whole minutes, to which it is rounded.
    "smalldatetime": CursorType(
        CursorKind.MOMENT,
        "CONVERT(VARCHAR(19), {}, 120)",
        "CONVERT(SMALLDATETIME, CONVERT(DATETIME2(0), {}, 121))",
        f"CONVERT(SMALLDATETIME, {_LOCAL_CLOCK})",
        "DATEADD(MINUTE, -(({seconds} + 59) / 60), {})",
    ),
    "datetimeoffset": CursorType(
        CursorKind.ZONED,
        "CONVERT(VARCHAR(34), SWITCHOFFSET({}, '+00:00'), 121)",
        "CONVERT(DATETIMEOFFSET(7), {}, 121)",
        "SYSDATETIMEOFFSET()",
        "DATEADD(SECOND, -{seconds}, {})",
    ),
    "date": CursorType(
        CursorKind.DAY,
        "CONVERT(VARCHAR(10), {}, 23)",
        "CONVERT(DATE, {}, 23)",
        f"CONVERT(DATE, {_LOCAL_CLOCK})",
        "CONVERT(DATE, DATEADD(SECOND, -{seconds}, CONVERT(DATETIME2(0), {})))",
    ),
    **dict.fromkeys(
        ("tinyint", "smallint", "int", "bigint"), CursorType(CursorKind.NUMBER, _NUMBER, "CAST({} AS BIGINT)")
    ),
    **dict.fromkeys(("decimal", "numeric"), CursorType(CursorKind.NUMBER, _NUMBER, "{}")),
    # A text of two bytes a character has another order than one of a byte: the column's own decides.
    **dict.fromkeys(("char", "varchar"), CursorType(CursorKind.TEXT, "{}", "CAST({} AS VARCHAR(8000))")),
    **dict.fromkeys(("nchar", "nvarchar"), CursorType(CursorKind.TEXT, "{}", "{}")),
}

_ROWVERSION = CounterType(
    declared=("rowversion", "timestamp"),
    lowest="MIN_ACTIVE_ROWVERSION()",
    following="CAST(CAST(@@DBTS AS BIGINT) + 1 AS BINARY(8))",
    text="CONVERT(VARCHAR(18), {}, 1)",
    order="CONVERT(VARCHAR(18), {}, 1)",
    literal="{}",
    is_hex=True,
)


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

    cursor_types = _CURSOR_TYPES
    counters: Mapping[str, CounterType] = {"rowversion": _ROWVERSION}
    change_tracking = TrackingSql()
    cdc = CaptureSql()
    utc_now = "CONVERT(VARCHAR(26), CONVERT(DATETIME2(6), SYSUTCDATETIME()), 121)"

    def identity(self, table: TableName) -> Sequence[str]:
        """Return the queries of the database and its recovery fork, which a restore leaves, and the table's number.

        Azure SQL Database tells no fork; there a restored database has another physical name. A replica that takes over
        is the same database.
        """
        number = f"CAST(OBJECT_ID({self.text(self.table(table))}) AS VARCHAR(20)) AS table_id"
        return [
            "SELECT CAST(r.family_guid AS VARCHAR(36)) AS database_id, CAST(r.recovery_fork_guid AS VARCHAR(36)) "
            f"AS recovery_fork, {number} FROM sys.database_recovery_status r WHERE r.database_id = DB_ID()",
            f"SELECT d.physical_database_name AS database_id, {number} FROM sys.databases d WHERE d.name = DB_NAME()",
            f"SELECT DB_NAME() AS database_id, {number}",
        ]

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

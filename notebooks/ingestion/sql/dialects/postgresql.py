"""PostgreSQL."""

import re
from collections.abc import Mapping, Sequence

from pyspark.sql.types import DecimalType, StructField

from ingestion.sql.column_reading import ColumnReading, Conversion
from ingestion.sql.dialects.counter_type import CounterType
from ingestion.sql.dialects.cursor_type import CursorKind, CursorType
from ingestion.sql.dialects.dialect import TIME_NOTE, Dialect, TableName, zone_kept

_EARLIER = "{} - INTERVAL '{seconds} seconds'"
_MICROSECONDS = "'YYYY-MM-DD HH24:MI:SS.US'"
# What the clock shows in UTC or in the session's zone, whichever is later: nothing tells which of them writers use.
_LOCAL_CLOCK = "GREATEST(STATEMENT_TIMESTAMP() AT TIME ZONE 'UTC', CAST(STATEMENT_TIMESTAMP() AS TIMESTAMP))"
_NUMBER = CursorType(CursorKind.NUMBER, "CAST({} AS TEXT)", "{}")
_TEXT = CursorType(CursorKind.TEXT, "CAST({} AS TEXT)", "{}")
# TO_CHAR of infinity is NULL.
_CURSOR_TYPES: Mapping[str, CursorType] = {
    "timestamp with time zone": CursorType(
        CursorKind.ZONED,
        f"COALESCE(TO_CHAR({{0}} AT TIME ZONE 'UTC', {_MICROSECONDS}) || '+00:00', CAST({{0}} AS TEXT))",
        "CAST({} AS TIMESTAMPTZ)",
        "STATEMENT_TIMESTAMP()",
        _EARLIER,
    ),
    "timestamp without time zone": CursorType(
        CursorKind.MOMENT,
        f"COALESCE(TO_CHAR({{0}}, {_MICROSECONDS}), CAST({{0}} AS TEXT))",
        "CAST({} AS TIMESTAMP)",
        _LOCAL_CLOCK,
        _EARLIER,
    ),
    "date": CursorType(
        CursorKind.DAY,
        "COALESCE(TO_CHAR({0}, 'YYYY-MM-DD'), CAST({0} AS TEXT))",
        "CAST({} AS DATE)",
        f"CAST({_LOCAL_CLOCK} AS DATE)",
        f"CAST({_EARLIER} AS DATE)",
    ),
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric"), _NUMBER),
    **dict.fromkeys(("text", "character varying", "character"), _TEXT),
}

_TRANSACTION_ID = CounterType(
    declared=("xid8",),
    lowest="PG_SNAPSHOT_XMIN(PG_CURRENT_SNAPSHOT())",
    following="PG_SNAPSHOT_XMAX(PG_CURRENT_SNAPSHOT())",
    text="CAST({} AS TEXT)",
    order="CAST(CAST({} AS TEXT) AS NUMERIC(20, 0))",
    literal="CAST('{}' AS XID8)",
)


class PostgreSql(Dialect):
    """PostgreSQL 12 or later."""

    name = "PostgreSQL"
    scheme = "jdbc:postgresql:"
    # The driver takes values as the server holds them, in 0.8 of the time that texts of them take:
    # https://jdbc.postgresql.org/documentation/use/#connection-parameters
    options: Mapping[str, str] = {"prepareThreshold": "-1"}
    # Classes 08, 40, 53 and 57P of https://www.postgresql.org/docs/current/errcodes-appendix.html, in its words.
    passing = re.compile(
        r"terminating connection|the database system is (starting up|shutting down|in recovery mode|not yet accepting)"
        r"|too many (connections|clients)|remaining connection slots|deadlock detected|could not serialize access"
        r"|connection attempt failed|An I/O error occurred|Connection (to \S+ )?refused|This connection has been closed"
        r"|server conn crashed|server closed the connection|canceling statement due to conflict with recovery"
        # Behind a pool that hands a session to several clients: it is read again without named statements.
        r'|prepared statement "\w+" (already exists|does not exist)',
    )

    cursor_types = _CURSOR_TYPES
    counters: Mapping[str, CounterType] = {"transaction_id": _TRANSACTION_ID}
    utc_now = f"TO_CHAR(STATEMENT_TIMESTAMP() AT TIME ZONE 'UTC', {_MICROSECONDS})"

    def identity(self, table: TableName) -> Sequence[str]:
        """Return the queries of the server's system identifier and the numbers of database and table."""
        numbers = (
            "CAST((SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = CURRENT_DATABASE()) AS TEXT) "
            f"AS database_id, CAST({self._oid(table)} AS TEXT) AS table_id"
        )
        system = "(SELECT CAST(c.system_identifier AS TEXT) FROM pg_catalog.pg_control_system() c) AS server_id"
        return [f"SELECT {system}, {numbers}", f"SELECT {numbers}"]

    def hash(self, key: str) -> str | None:
        """Return a key's hash."""
        return f"HASHTEXT(CAST({key} AS TEXT))"

    def as_text(self, column: str) -> str:
        """Return a value as text."""
        return f"CAST({column} AS TEXT)"

    def tables(self) -> str:
        """Return the query of tables, partitioned and foreign ones too, and views.

        No row takes less than 28 bytes: https://www.postgresql.org/docs/current/storage-page-layout.html
        """
        return (
            "SELECT n.nspname AS table_schema, c.relname AS table_name, n.nspname = CURRENT_SCHEMA() AS is_default, "
            "CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) / 28 END AS most_rows "
            "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition "
            "AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' "
            "AND pg_catalog.has_table_privilege(c.oid, 'SELECT')"
        )

    def columns(self, table: TableName) -> str:
        """Return the query of a table's columns."""
        return (
            "SELECT a.attname AS column_name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS data_type, "
            "a.attnum AS place "
            f"FROM pg_catalog.pg_attribute a WHERE a.attrelid = {self.text(self.table(table))}::regclass "
            "AND a.attnum > 0 AND NOT a.attisdropped"
        )

    def primary_key(self, table: TableName) -> str:
        """Return the query of a table's primary key."""
        return (
            "SELECT a.attname AS column_name, k.place FROM pg_catalog.pg_index i "
            "CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) "
            "JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
            f"WHERE i.indisprimary AND i.indrelid = {self.text(self.table(table))}::regclass"
        )

    def decimal(self, column: str, name: str, kind: DecimalType) -> str | None:
        """Return a decimal; NaN, which is one here, fails the query with the column's name."""
        declared = f"NUMERIC({kind.precision}, {kind.scale})"
        return f"CASE WHEN {column} = 'NaN' THEN CAST({self._refused(column, name)} AS {declared}) ELSE {column} END"

    def time(self, field: StructField) -> ColumnReading:
        """Return a time of day as the server's text: the driver's has milliseconds."""
        return ColumnReading(field.name, self.as_text(self.quote(field.name)), note=TIME_NOTE)

    def date(self, field: StructField) -> ColumnReading:
        """Return a day as a number; infinity fails the query with the column's name."""
        column = self.quote(field.name)
        days = f"{column} - DATE '1970-01-01'"
        refused = f"CAST({self._refused(column, field.name)} AS INT)"
        sql = f"CASE WHEN isfinite({column}) THEN {days} WHEN {column} IS NOT NULL THEN {refused} END"
        return ColumnReading(field.name, sql, Conversion.DAYS)

    def moment(self, field: StructField) -> ColumnReading:
        """Return a moment as it is; infinity fails the query with the column's name."""
        column = self.quote(field.name)
        kind = "TIMESTAMP" if zone_kept(field) is Conversion.WITHOUT_ZONE else "TIMESTAMPTZ"
        refused = f"CAST({self._refused(column, field.name)} AS {kind})"
        sql = f"CASE WHEN isfinite({column}) THEN {column} WHEN {column} IS NOT NULL THEN {refused} END"
        return ColumnReading(field.name, sql, zone_kept(field))

    def _oid(self, table: TableName) -> str:
        return f"CAST(CAST({self.text(self.table(table))} AS REGCLASS) AS OID)"

    def _refused(self, column: str, name: str) -> str:
        """Return a text that no type takes: the server's message repeats it."""
        return f"{self.text(f'column {name} holds ')} || {self.as_text(column)}"

"""Apache Derby, which stands in for Azure SQL on a laptop: Spark brings it along."""

import re
from collections.abc import Mapping, Sequence

from ingestion.sql.dialects.cursor_type import CursorKind, CursorType
from ingestion.sql.dialects.dialect import Dialect, TableName

_NUMBER = CursorType(CursorKind.NUMBER, "TRIM(CAST({} AS CHAR(40)))", "{}")
_TEXT = CursorType(CursorKind.TEXT, "{}", "{}")
_CURSOR_TYPES: Mapping[str, CursorType] = {
    "timestamp": CursorType(
        CursorKind.MOMENT,
        "TRIM(CAST({} AS CHAR(29)))",
        "TIMESTAMP({})",
        "CURRENT_TIMESTAMP",
        "{{fn TIMESTAMPADD(SQL_TSI_SECOND, -{seconds}, {})}}",
    ),
    "date": CursorType(
        CursorKind.DAY,
        "CAST({} AS CHAR(10))",
        "DATE({})",
        "CURRENT_DATE",
        "DATE({{fn TIMESTAMPADD(SQL_TSI_SECOND, -{seconds}, TIMESTAMP({}, TIME('00:00:00')))}})",
    ),
    **dict.fromkeys(("smallint", "integer", "bigint", "decimal", "numeric"), _NUMBER),
    **dict.fromkeys(("char", "varchar"), _TEXT),
}


class Derby(Dialect):
    """Derby 10.14 or later."""

    name = "Derby"
    scheme = "jdbc:derby:"
    passing = re.compile(r"lock could not be obtained|deadlock|Connection (was )?refused", re.IGNORECASE)
    text_types: Mapping[str, str] = {"XML": "XMLSERIALIZE({} AS CLOB)"}
    cursor_types = _CURSOR_TYPES

    def alone(self, columns: str) -> str:
        """Return the query of expressions: Derby asks a table of one row for them."""
        return f"SELECT {columns} FROM SYSIBM.SYSDUMMY1"

    def identity(self, table: TableName) -> Sequence[str]:
        """Return the query of the table's identifier, which is unique among all databases."""
        return [self.alone(f"{self._id(table)} AS table_id")]

    def tables(self) -> str:
        """Return the query of tables and views."""
        return (
            "SELECT s.SCHEMANAME AS table_schema, t.TABLENAME AS table_name, "
            "CASE WHEN s.SCHEMANAME = CURRENT SCHEMA THEN 1 ELSE 0 END AS is_default "
            "FROM SYS.SYSTABLES t JOIN SYS.SYSSCHEMAS s ON s.SCHEMAID = t.SCHEMAID WHERE t.TABLETYPE IN ('T', 'V')"
        )

    def columns(self, table: TableName) -> str:
        """Return the query of a table's columns."""
        return (
            "SELECT c.COLUMNNAME AS column_name, CAST(c.COLUMNDATATYPE AS VARCHAR(128)) AS data_type, "
            "c.COLUMNNUMBER AS place "
            f"FROM SYS.SYSCOLUMNS c WHERE c.REFERENCEID = {self._id(table)}"
        )

    def primary_key(self, table: TableName) -> str:
        """Return the query of a table's primary key.

        Which columns it has stands in the text of its index: `UNIQUE BTREE (1, 3)`.
        """
        place = "LOCATE(', ' || TRIM(CAST(c.COLUMNNUMBER AS CHAR(10))) || ',', d.columns)"
        descriptor = "CAST(g.DESCRIPTOR AS VARCHAR(1000))"
        listed = (
            f"', ' || SUBSTR({descriptor}, LOCATE('(', {descriptor}) + 1, "
            f"LOCATE(')', {descriptor}) - LOCATE('(', {descriptor}) - 1) || ','"
        )
        return (
            f"SELECT c.COLUMNNAME AS column_name, {place} AS place FROM SYS.SYSCOLUMNS c "
            f"JOIN (SELECT k.TABLEID AS tableid, {listed} AS columns FROM SYS.SYSCONSTRAINTS k "
            "JOIN SYS.SYSKEYS y ON y.CONSTRAINTID = k.CONSTRAINTID "
            "JOIN SYS.SYSCONGLOMERATES g ON g.CONGLOMERATEID = y.CONGLOMERATEID WHERE k.TYPE = 'P') d "
            f"ON d.tableid = c.REFERENCEID WHERE c.REFERENCEID = {self._id(table)} AND {place} > 0"
        )

    def _id(self, table: TableName) -> str:
        return (
            "(SELECT t.TABLEID FROM SYS.SYSTABLES t JOIN SYS.SYSSCHEMAS s ON s.SCHEMAID = t.SCHEMAID "
            f"WHERE s.SCHEMANAME = {self.text(table.schema)} AND t.TABLENAME = {self.text(table.name)})"
        )

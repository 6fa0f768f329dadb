"""Databases for which there is no native driver here, such as Derby: through JDBC, in Spark's Java process.

The process is the run's own when it has one; else one is started for the first such database and ends with Python. A
value costs a call to it, so this is for the few rows of tests and small tables.
"""

import atexit
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

_starting = Lock()
_jars: list[Path] = []

# java.sql.Types
_AS_TEXT = {91: date.fromisoformat, 92: time.fromisoformat, 93: datetime.fromisoformat}
_TYPES = {
    -7: "BOOLEAN", 16: "BOOLEAN", -6: "TINYINT", 5: "SMALLINT", 4: "INTEGER", -5: "BIGINT", 7: "FLOAT", 6: "DOUBLE",
    8: "DOUBLE", 91: "DATE", 92: "TIME", 93: "TIMESTAMP", -2: "BLOB", -3: "BLOB", -4: "BLOB",
}  # fmt: skip
_DECIMALS = (2, 3)
_BYTES = (-2, -3, -4, 2004)
_WIDEST = 38
_VARCHAR = 12


class JavaError(Exception):
    """What a JDBC driver says, without its stack."""


def use_jars(jars: Sequence[Path]) -> None:
    """Let JDBC drivers be found in these files, if a Java process is started here."""
    _jars[:] = jars


def connect(url: str, user: str | None, password: str | None) -> "JavaConnection":
    """Connect by JDBC.

    Raises:
        JavaError: there is no driver for the address, or the database refuses.
    """
    gateway = _gateway()
    properties = gateway.jvm.java.util.Properties()
    for name, value in (("user", user), ("password", password)):
        if value is not None:
            properties.setProperty(name, value)
    return JavaConnection(gateway, _call(gateway.jvm.java.sql.DriverManager.getConnection, url, properties))


class JavaConnection:
    """A connection of JDBC with the methods of Python's DB-API."""

    def __init__(self, gateway: Any, connection: Any) -> None:
        self.gateway = gateway
        self.java = connection
        self.statement: Any = None
        _call(connection.setAutoCommit, False)

    def cursor(self) -> "JavaCursor":
        """Return a cursor."""
        return JavaCursor(self)

    def commit(self) -> None:
        """Keep what was done."""
        _call(self.java.commit)

    def rollback(self) -> None:
        """Take back what was done since the last commit."""
        _call(self.java.rollback)

    def close(self) -> None:
        """Give the connection back; what was not committed is gone."""
        self.rollback()
        _call(self.java.close)

    def cancel(self) -> None:
        """Stop the statement that is under way; called from another thread."""
        if self.statement is not None:
            _call(self.statement.cancel)

    def tables(self, name: str) -> list[tuple[str, str]]:
        """Return (schema, table) of every table and view of this name, in any case."""
        rows = JavaCursor(self, _call(self.java.getMetaData().getTables, None, None, "%", None)).fetchall()
        return [(str(row[1]), str(row[2])) for row in rows if str(row[2]).casefold() == name.casefold()]

    def schema(self) -> str:
        """Return the schema that names without one mean."""
        return str(_call(self.java.getSchema))

    def primary_key(self, schema: str | None, table: str) -> list[str]:
        """Return the columns of a table's primary key, in its order."""
        rows = JavaCursor(self, _call(self.java.getMetaData().getPrimaryKeys, None, schema, table)).fetchall()
        return [str(row[3]) for row in sorted(rows, key=lambda row: row[4])]


class JavaCursor:
    """A cursor of Python's DB-API over a statement of JDBC."""

    def __init__(self, connection: JavaConnection, answer: Any = None) -> None:
        self._connection = connection
        self._statement: Any = None
        self._answer: Any = None
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1
        if answer is not None:
            self._take(answer)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement; parameters stand where it has question marks."""
        self._statement = _call(self._connection.java.prepareStatement, sql)
        self._connection.statement = self._statement
        self._bind(parameters)
        self._took(has_rows=_call(self._statement.execute))

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement for each row of parameters."""
        self._statement = _call(self._connection.java.prepareStatement, sql)
        self._connection.statement = self._statement
        for row in rows:
            self._bind(row)
            _call(self._statement.addBatch)
        _call(self._statement.executeBatch)

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """Return up to so many further rows."""
        rows: list[tuple[Any, ...]] = []
        while self._answer is not None and len(rows) < size and _call(self._answer.next):
            rows.append(tuple(self._value(index + 1, column) for index, column in enumerate(self.description or ())))
        return rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all further rows."""
        rows: list[tuple[Any, ...]] = []
        while found := self.fetchmany(10_000):
            rows += found
        return rows

    def nextset(self) -> bool:
        """Go on to the next answer of the statement, and say whether there is one."""
        has_rows = _call(self._statement.getMoreResults)
        if not has_rows and _call(self._statement.getUpdateCount) == -1:
            return False
        self._took(has_rows=has_rows)
        return True

    def close(self) -> None:
        """Give the statement back."""
        if self._statement is not None:
            _call(self._statement.close)

    def _took(self, *, has_rows: bool) -> None:
        self.description, self._answer = None, None
        if has_rows:
            self._take(_call(self._statement.getResultSet))
        else:
            self.rowcount = _call(self._statement.getUpdateCount)

    def _take(self, answer: Any) -> None:
        self._answer = answer
        meta = _call(answer.getMetaData)
        self.description = [
            (meta.getColumnLabel(i), meta.getColumnType(i), None, None, meta.getPrecision(i), meta.getScale(i), None)
            for i in range(1, meta.getColumnCount() + 1)
        ]

    def _value(self, index: int, column: tuple[Any, ...]) -> Any:
        kind = column[1]
        if kind in _AS_TEXT:
            text = _call(self._answer.getString, index)
            return None if text is None else _AS_TEXT[kind](text)
        if kind in _BYTES:
            return _call(self._answer.getBytes, index)
        if kind in _TYPES or kind in _DECIMALS:
            return _call(self._answer.getObject, index)
        return _call(self._answer.getString, index)

    def _bind(self, parameters: Sequence[Any]) -> None:
        sql = self._connection.gateway.jvm.java.sql
        for index, value in enumerate(parameters, 1):
            if value is None:
                _call(self._statement.setNull, index, _VARCHAR)
            elif isinstance(value, datetime):
                _call(
                    self._statement.setTimestamp,
                    index,
                    sql.Timestamp.valueOf(value.replace(tzinfo=None).isoformat(" ")),
                )
            elif isinstance(value, date):
                _call(self._statement.setDate, index, sql.Date.valueOf(value.isoformat()))
            elif isinstance(value, bytes):
                _call(self._statement.setBytes, index, value)
            elif isinstance(value, str | bool | int | float | Decimal):
                _call(self._statement.setObject, index, value)
            else:
                _call(self._statement.setString, index, str(value))


def type_of(description: tuple[Any, ...]) -> str:
    """Return DuckDB's type of a column."""
    kind, precision, scale = description[1], description[4], description[5]
    if kind in _DECIMALS:
        return f"DECIMAL({min(precision, _WIDEST)},{scale})" if 0 < precision <= _WIDEST else "DECIMAL(38,18)"
    return _TYPES.get(kind, "VARCHAR")


def _call(method: Any, *arguments: Any) -> Any:
    from py4j.protocol import Py4JJavaError

    try:
        return method(*arguments)
    except Py4JJavaError as error:
        java = error.java_exception
        raise JavaError(str(java.getMessage() or java.toString())) from None


def _gateway() -> Any:
    from pyspark import SparkContext

    with _starting:
        return SparkContext._gateway or _own_gateway()


@cache
def _own_gateway() -> Any:
    from local_factory.cluster.jvm import start_jvm
    from local_factory.cluster.spark import connect_gateway

    stack = ExitStack()
    jvm = stack.enter_context(start_jvm(_jars, ["-Dderby.stream.error.field=java.lang.System.err"]))
    gateway = connect_gateway(jvm.gateway())
    atexit.register(stack.close)
    return gateway

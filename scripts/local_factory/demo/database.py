"""The demo database: Apache Derby, embedded in Spark's own Java process, as the stand-in for Azure SQL.

Derby comes with pyspark. Its database is a folder, and only one process can have it open. The tables are in the schema
of the user that reads them, so `SELECT ... FROM Customers` works as it does in Azure. Moments are stored without a
zone: start Spark's Java with `-Duser.timezone=UTC`, or JDBC reads them on the machine's clock.
"""

import fcntl
import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession

from local_factory.demo import rows
from local_factory.errors import DemoDatabaseError, DemoDatabaseInUseError

_USER = "INGESTION"
_TABLES = Path(__file__).with_name("tables.sql")
_IMPORT_TABLE = "CALL SYSCS_UTIL.SYSCS_IMPORT_TABLE(NULL, ?, ?, NULL, NULL, 'UTF-8', 0)"
_TIMESTAMP_FORMAT = "yyyy-MM-dd HH:mm:ss.SSS"
_LARGEST_INT = 2**31 - 1
# What an update changes of a row.
_UPDATES = {
    "Customers": '"CreditLimit" = COALESCE("CreditLimit", 0) + 100',
    "Products": '"StockQuantity" = "StockQuantity" + 1',
}
_KEYS = {"Customers": "CustomerId", "Products": "ProductId"}
_ROWS = {"Customers": rows.customers, "Products": rows.products}
_SHUT_DOWN = "08006"  # what Derby reports when a shutdown went well
_NOT_FOUND = "XJ004"
_OPEN_ELSEWHERE = "XSDB6"


@dataclass(frozen=True)
class DemoDatabase:
    """Where the demo database is and who may read it."""

    url: str
    user: str
    password: str = field(repr=False)


def prepare_database(
    spark: SparkSession, folder: Path, customers: int, products: int, *, change: int = 0
) -> DemoDatabase:
    """Return the database in `folder` that holds so many customers and products; make it anew only when it does not.

    With `change`, so many rows of each table are then deleted, as many others updated and as many new ones inserted:
    the database still holds the numbers of rows that were asked for.

    Everything is kept in `folder`: `database/`, its password in `database.json` (for the owner's eyes only) and, when
    this is the first use of Derby in this Java process, `derby.log`.

    Raises:
        DemoDatabaseInUseError: another process has it open.
        DemoDatabaseError: a number is out of range, or the folder cannot be written.
    """
    counts = {"Customers": customers, "Products": products}
    for table, count in counts.items():
        if not 0 <= count <= _LARGEST_INT:
            raise DemoDatabaseError(f"--{table.lower()}: is {count}; write a number from 0 to {_LARGEST_INT}.")
    _check_change(change, counts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        derby = _Derby(spark, folder.resolve())
        if derby.counts() != (customers, products):
            derby.make_anew()
            for table, count in counts.items():
                derby.load(table, _ROWS[table](spark, count))
            derby.complete()
        if change:
            first_new = derby.change_and_delete(change)
            for table, first in first_new.items():
                derby.load(table, rows.made_now(_ROWS[table](spark, change, first)))
    except OSError as error:
        raise DemoDatabaseError(f"{folder}: cannot hold the demo database: {error}") from error
    return derby.database


def _check_change(change: int, counts: Mapping[str, int]) -> None:
    """Refuse a number of changes for which a table has too few rows.

    Raises:
        DemoDatabaseError: says how many there may be.
    """
    if change < 0:
        raise DemoDatabaseError(f"--change: is {change}; write a number of 0 or more.")
    table, count = min(counts.items(), key=lambda item: item[1])
    if 2 * change > count:
        raise DemoDatabaseError(
            f"--change: {change} is too many: {table} holds {count} rows, and it takes {change} to update and {change} "
            f"others to delete. Write {count // 2} or fewer, or more rows (--{table.lower()})."
        )


@contextmanager
def only_user(folder: Path) -> Iterator[None]:
    """Keep other processes from the database in `folder` while the context lasts, also while it is being made.

    Raises:
        DemoDatabaseInUseError: another process has it.
        DemoDatabaseError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise DemoDatabaseError(f"{folder}: cannot hold the demo database: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _in_use(folder / "database") from None
        yield


def _in_use(folder: Path) -> DemoDatabaseInUseError:
    return DemoDatabaseInUseError(
        f"{folder}: another process has the demo database open, and only one can. "
        "Wait for that run to end, or give this one a folder of its own (--workdir)."
    )


def shutdown_database(spark: SparkSession, database: DemoDatabase) -> None:
    """Close the database cleanly and let another process have it. Closing a closed one does nothing.

    Raises:
        DemoDatabaseError: it does not close.
    """
    state = _shutdown_state(_jvm(spark), database)
    if state not in (_SHUT_DOWN, _NOT_FOUND):
        raise DemoDatabaseError(f"{database.url}: does not shut down (SQLState {state}).")


class _Derby:
    """One database folder, seen through the Java process of a Spark session."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self._jvm = _jvm(spark)
        self._folder = folder / "database"
        self._record = folder / "database.json"
        self._scratch = folder / "load"
        # Derby looks at it once, when it starts in a Java process; its own choice would be the current folder.
        self._jvm.java.lang.System.setProperty("derby.stream.error.file", str(folder / "derby.log"))
        self._layout: str | None = None
        self.database = DemoDatabase(f"jdbc:derby:{self._folder}", _USER, secrets.token_urlsafe(24))
        self._read_record()

    def counts(self) -> tuple[int, int] | None:
        """Return the numbers of customers and products; None when there is no whole database of today's layout."""
        if self._layout != _layout() or not self._folder.is_dir():
            return None
        try:
            with self._connection() as connection:
                return _count(connection, "Customers"), _count(connection, "Products")
        except Py4JJavaError:
            return None  # damaged: whatever is wrong with it, it is made anew

    def make_anew(self) -> None:
        """Remove what is there and make the empty tables, with a login of their own."""
        if self._folder.exists():
            if _shutdown_state(self._jvm, self.database) == _OPEN_ELSEWHERE:
                raise _in_use(self._folder)
            shutil.rmtree(self._folder)
        self._write_record(layout=None)
        try:
            with self._connection(";create=true") as connection:
                statement = connection.createStatement()
                for sql in _statements(_TABLES.read_text(encoding="utf-8")):
                    statement.execute(sql)
                add_user = connection.prepareCall("CALL SYSCS_UTIL.SYSCS_CREATE_USER(?, ?)")
                add_user.setString(1, self.database.user)
                add_user.setString(2, self.database.password)
                add_user.execute()
        except Py4JJavaError as error:
            raise self._failed(error) from None
        # Derby asks for the password from the next start on.
        _shutdown_state(self._jvm, self.database)

    def load(self, table: str, data: DataFrame) -> None:
        """Add rows to a table, through Derby's bulk import.

        Spark's own JDBC writer will not do: it hands Derby a missing text as a CLOB, which a VARCHAR column refuses.
        """
        files = self._scratch / table
        try:
            data.write.options(escape='"', timestampNTZFormat=_TIMESTAMP_FORMAT).csv(str(files), "overwrite")
            with self._connection() as connection:
                for file in sorted(files.glob("part-*.csv")):
                    load = connection.prepareCall(_IMPORT_TABLE)
                    load.setString(1, table.upper())
                    load.setString(2, str(file))
                    load.execute()
        except Py4JJavaError as error:
            raise self._failed(error) from None
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def change_and_delete(self, number: int) -> dict[str, int]:
        """Delete so many rows of each table and update as many others, all in one transaction.

        They lie all over the table. Until as many rows are added the database lacks some: a run that is killed here
        leaves one that the next makes anew.

        Returns:
            By table, the first number that no row has or had.
        """
        try:
            with self._connection() as connection, _transaction(connection):
                return {table: _change(connection, table, key, number) for table, key in _KEYS.items()}
        except Py4JJavaError as error:
            raise self._failed(error) from None

    def complete(self) -> None:
        """Record that the database is whole."""
        self._write_record(_layout())

    @contextmanager
    def _connection(self, attributes: str = "") -> Iterator[Any]:
        try:
            connection = _connect(self._jvm, self.database, attributes)
        except Py4JJavaError as error:
            if _OPEN_ELSEWHERE in _sql_states(error):
                raise _in_use(self._folder) from None
            raise
        try:
            yield connection
        finally:
            connection.close()

    def _read_record(self) -> None:
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            self._layout = record["layout"]
            self.database = DemoDatabase(self.database.url, _USER, str(record["password"]))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            self._layout = None

    def _write_record(self, layout: str | None) -> None:
        self._record.touch(mode=0o600)
        self._record.write_text(json.dumps({"password": self.database.password, "layout": layout}), encoding="utf-8")

    def _failed(self, error: Py4JJavaError) -> DemoDatabaseError:
        cause = error.java_exception
        while cause.getCause() is not None:
            cause = cause.getCause()
        return DemoDatabaseError(f"{self._folder}: the demo database cannot be made: {cause.getMessage()}")


def _jvm(spark: SparkSession) -> Any:
    return spark.sparkContext._jvm


def _connect(jvm: Any, database: DemoDatabase, attributes: str) -> Any:
    return jvm.java.sql.DriverManager.getConnection(database.url + attributes, database.user, database.password)


def _shutdown_state(jvm: Any, database: DemoDatabase) -> str | None:
    """Shut down and return the SQLState with which Derby reports it, as it does for good news and bad."""
    try:
        _connect(jvm, database, ";shutdown=true").close()
    except Py4JJavaError as error:
        states = _sql_states(error)
        return _OPEN_ELSEWHERE if _OPEN_ELSEWHERE in states else states[0]
    return None


def _sql_states(error: Py4JJavaError) -> list[str]:
    """Return the SQLStates of a Java SQLException and of those chained to it."""
    states, exception = [], error.java_exception
    while exception is not None:
        states.append(str(exception.getSQLState()))
        exception = exception.getNextException()
    return states


@contextmanager
def _transaction(connection: Any) -> Iterator[None]:
    connection.setAutoCommit(False)
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _change(connection: Any, table: str, key: str, number: int) -> int:
    """Delete rows of a table and update others, and return the first number that no row has."""
    spread = f'ORDER BY MOD(CAST("{key}" AS BIGINT) * 7919, 10007), "{key}" FETCH FIRST {number} ROWS ONLY'
    chosen = f'"{key}" IN (SELECT "{key}" FROM {table} {spread})'  # noqa: S608 - our own names, as below
    new = _number(connection, f'SELECT MAX("{key}") + 1 FROM {table}')  # noqa: S608
    statement = connection.createStatement()
    statement.execute(f"DELETE FROM {table} WHERE {chosen}")  # noqa: S608
    statement.execute(f'UPDATE {table} SET {_UPDATES[table]}, "UpdatedAt" = CURRENT_TIMESTAMP WHERE {chosen}')  # noqa: S608
    return new


def _count(connection: Any, table: str) -> int:
    return _number(connection, f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - our own names


def _number(connection: Any, query: str) -> int:
    answer = connection.createStatement().executeQuery(query)
    answer.next()
    return int(answer.getInt(1))


def _statements(script: str) -> list[str]:
    """Return the statements of a script in which each ends with `;` at the end of a line."""
    return [statement for statement in script.split(";\n") if statement.strip()]


def _layout() -> str:
    """Return a fingerprint of what the database is made from: its tables and the rule of its rows."""
    return hashlib.sha256(_TABLES.read_bytes() + Path(rows.__file__).read_bytes()).hexdigest()

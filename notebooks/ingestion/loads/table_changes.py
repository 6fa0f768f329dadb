"""The rows of a database's table whose changes can be told, as one incremental load reads them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from pyspark.sql import DataFrame

from ingestion.feeds.model import Table
from ingestion.lake.manifest import without_credentials
from ingestion.loads.method import Method
from ingestion.loads.run_context import Run
from ingestion.loads.table_rows import cores
from ingestion.platform.errors import SourceError
from ingestion.platform.names import nearest
from ingestion.sql.database import SourceTable, SqlDatabase
from ingestion.sql.failures import retry_transient
from ingestion.sql.methods.cdc import Cdc
from ingestion.sql.methods.change_tracking import ChangeTracking
from ingestion.sql.methods.cursor import Cursor
from ingestion.sql.methods.full import Full
from ingestion.sql.methods.rowversion import Rowversion
from ingestion.sql.methods.transaction_id import TransactionId

Result = TypeVar("Result")
_KEYED = ("merge", "scd2")


@dataclass
class TableChanges:
    """What changed in a table.

    Attributes:
        run: what the load works with.
        database: that has the table.
        feed: which table, and how its changes are told.
        connections: the most that may read it at a time.
    """

    run: Run
    database: SqlDatabase
    feed: Table
    connections: int

    @property
    def shown(self) -> str:
        """The database and the table, without credentials."""
        return f"{without_credentials(self.database.url)}#{self.feed.local_name}"

    @property
    def notes(self) -> list[str]:
        """Which columns land as text, and that a cursor without `lookback` loses what is committed late."""
        incremental = self.feed.incremental
        if incremental.method != "cursor" or incremental.lookback:
            return self._table.notes
        late = f"a row that is committed late, with {incremental.cursor_column} below the position, is not read"
        return [*self._table.notes, f"{late}: incremental.lookback tells how far below it is read again"]

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The feed's key, else the one that the database declares; spelled as the columns are.

        Raises:
            SourceError: there is none and the feed needs one, or the table has no such column.
        """
        key = self.feed.primary_key or self._declared_key
        if not key and (self.feed.write_disposition in _KEYED or self.feed.delete_detection == "key_scan"):
            raise SourceError(
                f"{self.feed.local_name}: the database declares no primary key: name the columns that tell one row "
                "from all others in primary_key."
            )
        found = [(name, self._table.column(name)) for name in key]
        missing = [name for name, column in found if column is None]
        if missing:
            names = [each.name for each in self._table.columns]
            raise SourceError(
                f"{self.feed.local_name}: has no column {missing[0]} of its primary_key. {nearest(missing[0], names)}"
            )
        return tuple(column for _, column in found if column is not None)

    @property
    def may_skip_rows(self) -> bool:
        """No: a statement reads all rows that are there."""
        return False

    @cached_property
    def is_key_kept(self) -> bool:
        """Whether the key is the one that the database declares."""
        return bool(self.key) and {*map(str.lower, self.key)} == {*map(str.lower, self._declared_key)}

    @cached_property
    def method(self) -> Method:
        """How the changes are told."""
        feed, database, table, key, connections = self.feed, self.database, self._table, self.key, self._connections
        incremental = feed.incremental
        match incremental.method:
            case "cursor":
                is_open = feed.write_disposition == "append" and not key
                replaces = feed.write_disposition == "replace_window"
                return Cursor(database, table, key, connections, incremental, is_open, replaces)
            case "rowversion":
                return Rowversion(database, table, key, connections, incremental)
            case "transaction_id":
                return TransactionId(database, table, key, connections, incremental)
            case "change_tracking":
                return ChangeTracking(database, table, key, connections)
            case "cdc":
                return Cdc(database, table, key, connections)
            case "full":
                return Full(database, table, key, connections)

    def keys(self) -> DataFrame:
        """Return all keys that there are."""
        columns = tuple(each for each in self._table.columns if each.name in self.key)
        table = SourceTable(self._table.name, self._table.sql, columns, self._table.types)
        return self.database.read_part(table, None, self.key[:1], self._connections)

    def check_columns(self) -> None:
        """Make sure that the columns are what they were when the read began."""
        self.database.check_columns(self._table)

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads the table, again where it failed for a reason that passes."""
        return retry_transient(task, on_retry=self._report, sleep=self.run.sleep)

    @cached_property
    def _table(self) -> SourceTable:
        feed = self.feed
        return self.database.describe(feed.local_name, columns=feed.columns, exclude_columns=feed.exclude_columns)

    @cached_property
    def _declared_key(self) -> tuple[str, ...]:
        return self.database.primary_key(self.feed.local_name)

    @property
    def _connections(self) -> int:
        return min(self.connections, cores(self.run.spark))

    def _report(self, error: Exception) -> None:
        self.run.log.retry(self.shown, error)
        self.database.adapt(error)

"""The method `change_tracking`, of SQL Server: which keys changed since a version, joined with the rows as they are.

A version is a committed transaction's, so none comes late. The order is the documentation's for readers without a
snapshot: the current version is asked for before the changes are, changes later than it are read too (they come again),
and that the position is still known is made sure of before and after. What is gone from the table is a delete, whatever
operation is told: the table itself is the truth.

Written by the documentation, not tried on a server of SQL Server.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from pyspark.sql import DataFrame

from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window
from ingestion.platform.errors import PositionLostError, SourceError
from ingestion.platform.names import own_name
from ingestion.sql.column_reading import ColumnReading
from ingestion.sql.database import SourceTable
from ingestion.sql.dialects import Dialect, TableName
from ingestion.sql.dialects.change_sql import TrackingSql
from ingestion.sql.methods.helper_columns import with_columns, with_truth
from ingestion.sql.methods.identity import check_identity
from ingestion.sql.methods.table_method import TableMethod

_HOW = "ALTER TABLE ... ENABLE CHANGE_TRACKING in the source, and GRANT VIEW CHANGE TRACKING ON it to the reader"


@dataclass(frozen=True)
class TrackingStatements:
    """The SQL of one table's change tracking. Pure.

    Attributes:
        dialect: of the database.
        sql: its functions.
        table: whose changes.
        key: its primary key.
    """

    dialect: Dialect
    sql: TrackingSql
    table: TableName
    key: tuple[str, ...]

    def reach(self) -> str:
        """Return the query of `utc_clock`, then of the `current_version` and the `min_valid` one."""
        dialect = self.dialect
        text = dialect.text(dialect.table(self.table))
        return dialect.alone(
            f"{dialect.utc_now} AS utc_clock, {self.sql.current} AS current_version, "
            f"{self.sql.min_valid.format(text=text)} AS min_valid"
        )

    def changes(self, version: int, columns: Sequence[str], changed_at: str, deleted: str) -> str:
        """Return the query of the keys that changed since a version, and what their rows are now.

        Args:
            version: that was read.
            columns: of the table.
            changed_at: the name of the column of each key's last version.
            deleted: the name of the column that is 1 where there is no row of that key.
        """
        quote, table = self.dialect.quote, self.dialect.table(self.table)
        chosen = [f"{'ct' if name in self.key else 't'}.{quote(name)} AS {quote(name)}" for name in columns]
        chosen += [
            f"ct.SYS_CHANGE_VERSION AS {quote(changed_at)}",
            f"CASE WHEN t.{quote(self.key[0])} IS NULL THEN 1 ELSE 0 END AS {quote(deleted)}",
        ]
        same = " AND ".join(f"t.{quote(name)} = ct.{quote(name)}" for name in self.key)
        changed = self.sql.changes.format(table=table, version=version)
        return f"SELECT {', '.join(chosen)} FROM {changed} AS ct LEFT JOIN {table} AS t ON {same}"


@dataclass(frozen=True)
class ChangeTracking(TableMethod):
    """Reads a table by its change tracking, by the key: the table's primary key."""

    no_window = "changes are told by versions, which no row has; mode reload reads all"

    @cached_property
    def statements(self) -> TrackingStatements:
        """The SQL of this table's change tracking.

        Raises:
            SourceError: the database has none, or the key is not the table's own.
        """
        dialect, name = self.database.dialect, self.table.name
        if dialect.change_tracking is None:
            raise SourceError(f"{name}: method change_tracking is not there in {dialect.name}: take another one.")
        declared = self.database.primary_key(name)
        if not declared or {each.lower() for each in declared} != {each.lower() for each in self.key or declared}:
            raise SourceError(
                f"{name}: changes are told by the table's primary key, which is {', '.join(declared) or 'none'}: "
                "leave primary_key out, or name just these columns."
            )
        return TrackingStatements(dialect, dialect.change_tracking, self.database.find(name), declared)

    def now(self, position: str | None) -> Reach:
        """Tell the version of the last committed transaction.

        Raises:
            PositionLostError: it is before `position`: the database was restored, or is another one.
            SourceError: changes of the table are not tracked, or not for this reader.
        """
        clock, current, _ = self._state()
        if position is not None and current < int(position):
            raise PositionLostError(
                f"{self.table.name}: the database is at version {current} of change tracking, before the position "
                f"{position}: it was restored, or its tracking was switched off and on."
            )
        return Reach(str(current), clock=clock, complete_until=clock)

    def behind(self, position: str) -> int:
        """Return how many keys changed since a position."""
        query = self.statements.changes(int(position), self.statements.key, "_order", "_deleted")
        return self.database.measure(replace(self.table, sql=f"({query}) changed")).rows

    def check(self, position: str, identity: Mapping[str, str]) -> None:
        """Make sure that the changes since a position are still known."""
        check_identity(self.table.name, identity, self.identity())
        _, current, least = self._state()
        if least > int(position) or current < int(position):
            raise PositionLostError(
                f"{self.table.name}: change tracking knows changes since version {least}, up to {current}, and the "
                f"position is {position}: older ones were cleaned up (CHANGE_RETENTION), the table truncated, or the "
                "database restored."
            )

    def changes(self, window: Window) -> Changes:
        """Return the rows that changed since a window's start, as they are now, and the keys of those that are gone."""
        if window.start is None:
            return Changes(self._read(self.table))
        order, deleted = (own_name(name, self.table.types) for name in ("_order", "_deleted"))
        columns = [*self.statements.key, *(each.name for each in self.table.columns)]
        query = self.statements.changes(int(window.start), list(dict.fromkeys(columns)), order, deleted)
        changed = with_columns(self.table, ColumnReading(order), ColumnReading(deleted))
        frame = self._read(replace(changed, sql=f"({query}) changed"))
        return Changes(with_truth(frame, deleted), deleted=deleted, order=order)

    def _read(self, table: SourceTable) -> DataFrame:
        return self.database.read_part(table, None, self.statements.key[:1], self.connections)

    def _state(self) -> tuple[datetime, int, int]:
        """Return the database's clock, the current version, and the least one whose changes are known.

        Raises:
            SourceError: changes of the table are not tracked, or not for this reader.
        """
        (found,) = self.database.ask(self.statements.reach(), self.table.name)
        clock, current, least = found
        if current is None or least is None:
            raise SourceError(
                f"{self.table.name}: the database tells this reader nothing of its change tracking: {_HOW}."
            )
        return datetime.fromisoformat(clock).replace(tzinfo=UTC), int(current), int(least)

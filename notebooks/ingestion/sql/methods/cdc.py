"""The method `cdc`, of SQL Server: what a job copied from the log into a capture instance's table of changes.

Positions are LSNs of commits, so a window holds whole transactions. Its end is asked for before any row is read; that
nothing after its start was cleaned up is made sure of before and after. The functions `fn_cdc_get_all_changes_...` do
the same and fail with error 313; they leave out `__$command_id`, without which the order of changes within a
transaction is not known, so the table itself is read.
https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql

The reader needs `GRANT SELECT ON SCHEMA::cdc`, and to be a member of the instance's gating role where it has one.
Written by the documentation, not tried on a server of SQL Server.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window
from ingestion.platform.columns import column
from ingestion.platform.errors import PositionLostError, SourceError
from ingestion.platform.names import own_name
from ingestion.sql.column_reading import ColumnReading
from ingestion.sql.database import SourceTable
from ingestion.sql.dialects import Dialect, TableName
from ingestion.sql.dialects.change_sql import CaptureSql
from ingestion.sql.methods.helper_columns import with_columns, with_truth
from ingestion.sql.methods.identity import check_identity
from ingestion.sql.methods.table_method import TableMethod

_LSN = re.compile(r"0x[0-9A-F]{20}")
_NOTHING = "0x" + 20 * "0"
# An idle database's log is marked about every five minutes: with no mark for so long, the job does not run.
_STOPPED_SECONDS = 900
_HOW = (
    "EXEC sys.sp_cdc_enable_table in the source, GRANT SELECT ON SCHEMA::cdc to the reader, and make it a member of "
    "the capture instance's role"
)


@dataclass(frozen=True)
class Instance:
    """A capture instance: its name, the LSN from which it knows all changes, and the columns that it has."""

    name: str
    start: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class CaptureStatements:
    """The SQL of one table's change data capture. Pure.

    Attributes:
        dialect: of the database.
        sql: its functions.
        table: whose changes.
        key: by which its rows are told apart.
    """

    dialect: Dialect
    sql: CaptureSql
    table: TableName
    key: tuple[str, ...]

    def instances(self) -> str:
        """Return the query of the table's instances, a row a column: `instance`, `start_lsn`, `column_name`.

        Computed columns are always NULL in changes: they are left out.
        """
        quote = self.dialect.quote
        lsn = self.sql.hex.format(self.sql.min_lsn.format(f"i.{quote('capture_instance')}"))
        table = self.sql.object_id.format(self.dialect.text(self.dialect.table(self.table)))
        return (
            f"SELECT i.{quote('capture_instance')} AS instance, {lsn} AS start_lsn, c.{quote('column_name')} "
            f"AS column_name FROM {self._cdc('change_tables')} i JOIN {self._cdc('captured_columns')} c "
            f"ON c.{quote('object_id')} = i.{quote('object_id')} "
            f"WHERE i.{quote('source_object_id')} = {table} AND c.{quote('is_computed')} = 0"
        )

    def reach(self) -> str:
        """Return the query of `utc_clock`, the last LSN that was copied, and the seconds since its log's last mark."""
        last = f"(SELECT MAX({self.dialect.quote('tran_end_time')}) FROM {self._cdc('lsn_time_mapping')})"
        return self.dialect.alone(
            f"{self.dialect.utc_now} AS utc_clock, {self.sql.hex.format(self.sql.max_lsn)} AS max_lsn, "
            f"{self.sql.seconds_since.format(last)} AS seconds"
        )

    def committed(self, position: str) -> str:
        """Return the query of the time in UTC, `committed`, of the last commit up to a position."""
        quote = self.dialect.quote
        time = self.sql.utc.format(f"MAX({quote('tran_end_time')})")
        return (
            f"SELECT {time} AS committed "
            f"FROM {self._cdc('lsn_time_mapping')} WHERE {quote('start_lsn')} <= {self._lsn(position)}"
        )

    def changes(self, instance: str, window: Window, columns: Sequence[str], helpers: tuple[str, str, str]) -> str:
        """Return the query of the changes after a window's start, up to its end.

        A row before an update (operation 3) is read only where the update gave it another key: it is a delete of the
        old one. The new one comes after it, in the order of LSN, command, sequence and operation.

        Args:
            instance: the capture instance.
            window: between two LSNs.
            columns: of the table.
            helpers: names of the columns that is greater in the later change, that is 1 where only the key counts, and
                that has the commit's time, as text in UTC.
        """
        order, deleted, time = helpers
        quote, sql = self.dialect.quote, self.sql
        start, command, place, operation = (
            quote(f"__${name}") for name in ("start_lsn", "command_id", "seqval", "operation")
        )
        table = self._cdc(f"{instance}_CT")
        command_text = f"RIGHT(CONCAT('0000000000', CAST(c.{command} AS VARCHAR(10))), 10)"
        parts = [sql.hex.format(f"c.{start}"), command_text, sql.hex.format(f"c.{place}")]
        place_of = f"CONCAT({', '.join(parts)}, CAST(c.{operation} AS VARCHAR(1)))"
        chosen = [f"c.{quote(name)} AS {quote(name)}" for name in columns]
        chosen += [
            f"{place_of} AS {quote(order)}",
            f"CASE WHEN c.{operation} IN (1, 3) THEN 1 ELSE 0 END AS {quote(deleted)}",
            f"{sql.utc.format('m.' + quote('tran_end_time'))} AS {quote(time)}",
        ]
        same_key = " AND ".join(f"n.{quote(name)} = c.{quote(name)}" for name in self.key)
        kept = (
            f"NOT EXISTS (SELECT 1 FROM {table} n WHERE n.{start} = c.{start} AND n.{place} = c.{place} "
            f"AND n.{operation} = 4 AND {same_key})"
        )
        after = f"c.{start} > {self._lsn(window.start)} AND " if window.start else ""
        return (
            f"SELECT {', '.join(chosen)} FROM {table} c LEFT JOIN {self._cdc('lsn_time_mapping')} m "
            f"ON m.{quote('start_lsn')} = c.{start} WHERE {after}c.{start} <= {self._lsn(window.end or _NOTHING)} "
            f"AND (c.{operation} IN (1, 2, 4) OR (c.{operation} = 3 AND {kept}))"
        )

    def _cdc(self, name: str) -> str:
        return self.dialect.table(TableName("cdc", name))

    def _lsn(self, position: str) -> str:
        if not _LSN.fullmatch(position):
            raise SourceError(f"{position[:80]!r} is no LSN.")
        return self.sql.lsn.format(position)


@dataclass(frozen=True)
class Cdc(TableMethod):
    """Reads a table by its change data capture, by the key that is named, else the table's primary key."""

    no_window = "changes are told by the log, which keeps the latest only; mode reload reads all"

    @cached_property
    def statements(self) -> CaptureStatements:
        """The SQL of this table's change data capture.

        Raises:
            SourceError: the database has none, or the table no key.
        """
        dialect, name = self.database.dialect, self.table.name
        if dialect.cdc is None:
            raise SourceError(f"{name}: method cdc is not there in {dialect.name}: take another one.")
        key = self.key or self.database.primary_key(name)
        if not key:
            raise SourceError(f"{name}: has no primary key, by which changes are told apart: name primary_key.")
        return CaptureStatements(dialect, dialect.cdc, self.database.find(name), key)

    def now(self, position: str | None) -> Reach:
        """Tell the last commit that was copied from the log; where a newer instance takes over, its beginning.

        Raises:
            PositionLostError: the log is before `position`: the database was restored, or is another one.
            SourceError: the table's changes are not captured, or not for this reader.
        """
        instances = self._instances()
        (found,) = self.database.ask(self.statements.reach(), self.table.name)
        clock, last, seconds = datetime.fromisoformat(found[0]).replace(tzinfo=UTC), found[1] or _NOTHING, found[2]
        if position is None:
            # The log may not be copied as far as the newest instance's beginning yet.
            instance = instances[-1]
            end = max(last, instance.start)
        else:
            instance = self._instance(instances, position)
            newer = [each.start for each in instances[instances.index(instance) + 1 :]]
            end = max(position, min([last, *newer]))
        if position is not None and last != _NOTHING and last < position and position not in self._starts(instances):
            raise PositionLostError(
                f"{self.table.name}: the log was copied up to {last}, before the position {position}: the database was "
                "restored, or is another one."
            )
        notes = []
        if seconds is not None and int(seconds) > _STOPPED_SECONDS:
            notes.append(
                f"the capture job copied nothing for {int(seconds) // 60} minutes: if it has stopped, changes are late"
            )
        left_out = [each.name for each in self.table.columns if each.name not in instance.columns]
        if left_out:
            notes.append(
                f"columns {', '.join(left_out)} are not captured by {instance.name}, and left out: make a second "
                "capture instance that has them, then load anew (mode reload)"
            )
        return Reach(
            end,
            clock=clock,
            complete_until=self._committed(end),
            pinned={"instance": instance.name, "columns": list(instance.columns), "notes": notes},
        )

    def behind(self, position: str) -> int:
        """Return how many changes were copied from the log since a position."""
        reach, names = self.now(position), ("_order", "_deleted", "_time")
        window = Window(0, position, reach.end, pinned=reach.pinned)
        query = self.statements.changes(reach.pinned["instance"], window, self.statements.key, names)
        return self.database.measure(replace(self.table, sql=f"({query}) changed")).rows

    def check(self, position: str, identity: Mapping[str, str]) -> None:
        """Make sure that all changes after a position are still there."""
        check_identity(self.table.name, identity, self.identity())
        self._instance(self._instances(), position)

    def changes(self, window: Window) -> Changes:
        """Return what was changed in a window: each change of a row, those of a key in their order."""
        captured = window.pinned["columns"]
        columns = tuple(each for each in self.table.columns if each.name in captured)
        table, notes = replace(self.table, columns=columns), tuple(window.pinned.get("notes", ()))
        if window.start is None:
            return Changes(self._read(table), notes=notes)
        order, deleted, time = (own_name(name, table.types) for name in ("_order", "_deleted", "_time"))
        names = list(dict.fromkeys([*self.statements.key, *(each.name for each in columns)]))
        query = self.statements.changes(window.pinned["instance"], window, names, (order, deleted, time))
        changed = with_columns(table, ColumnReading(order), ColumnReading(deleted), ColumnReading(time))
        frame = with_truth(self._read(replace(changed, sql=f"({query}) changed")), deleted)
        frame = frame.withColumn(time, F.concat(column(time), F.lit("+00:00")).cast("timestamp"))
        return Changes(frame, deleted=deleted, order=order, time=time, notes=notes)

    def _read(self, table: SourceTable) -> DataFrame:
        return self.database.read_part(table, None, self.statements.key[:1], self.connections)

    def _instances(self) -> list[Instance]:
        """Return the table's capture instances, the oldest first.

        Raises:
            SourceError: there is none, or none that this reader may read.
        """
        try:
            rows = self.database.ask(self.statements.instances(), self.table.name)
        except SourceError as error:
            raise SourceError(f"{error} If its changes are not captured: {_HOW}.") from error
        columns: dict[tuple[str, str], list[str]] = {}
        for name, start, captured in rows:
            columns.setdefault((start or _NOTHING, name), []).append(captured)
        # Zero is no LSN: it is what a reader without the right is told.
        found = [Instance(name, start, tuple(columns[start, name])) for start, name in sorted(columns)]
        found = [each for each in found if each.start != _NOTHING]
        if not found:
            raise SourceError(f"{self.table.name}: the database tells this reader of no change of it: {_HOW}.")
        return found

    def _instance(self, instances: Sequence[Instance], position: str) -> Instance:
        """Return the newest instance that knows all changes after a position.

        Raises:
            PositionLostError: there is none.
        """
        known = [each for each in instances if each.start <= following(position)]
        if not known:
            raise PositionLostError(
                f"{self.table.name}: changes are known from {instances[0].start} on, and the position is {position}: "
                "they were cleaned up, or their capture was switched off and on."
            )
        return known[-1]

    def _committed(self, position: str) -> datetime | None:
        (found,) = self.database.ask(self.statements.committed(position), self.table.name)
        return None if found[0] is None else datetime.fromisoformat(found[0]).replace(tzinfo=UTC)

    @staticmethod
    def _starts(instances: Sequence[Instance]) -> set[str]:
        return {each.start for each in instances}


def following(position: str) -> str:
    """Return the LSN after another, as `sys.fn_cdc_increment_lsn` does."""
    return f"0x{int(position, 16) + 1:020X}"

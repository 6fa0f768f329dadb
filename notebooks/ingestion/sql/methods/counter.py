"""Methods by a counter that the database gives out to writers, and of which it tells below what all have committed.

A window is half-open: that bound, asked before any row is read, is its end, and the next one's start. Whoever commits
late is still above it, so nothing is lost, and no row is read twice. An old transaction that stays open holds the bound
back: that is lag, not loss. Deletes are not seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window
from ingestion.platform.errors import InvalidSettingError, PositionLostError, SourceError
from ingestion.sql.dialects import Dialect
from ingestion.sql.dialects.counter_type import CounterType
from ingestion.sql.methods.helper_columns import helper, with_columns
from ingestion.sql.methods.identity import check_identity
from ingestion.sql.methods.table_method import ColumnMethod


@dataclass(frozen=True)
class CounterStatements:
    """The SQL of one table's counter. Pure.

    Attributes:
        dialect: of the database.
        type: of the counter.
        column: that holds it.
    """

    dialect: Dialect
    type: CounterType
    column: str

    def reach(self) -> str:
        """Return the query of the bound `lowest` that no open transaction is below, the clock, and `is_quiet`.

        `is_quiet` is 1 where no transaction is open: then all that was committed until `utc_clock` is below the bound.
        """
        kind = self.type
        return self.dialect.alone(
            f"{self.dialect.utc_now} AS utc_clock, {kind.text.format(kind.lowest)} AS lowest, "
            f"CASE WHEN {kind.lowest} = {kind.following} THEN 1 ELSE 0 END AS is_quiet"
        )

    def is_behind(self, position: str, lowest: str) -> str:
        """Return the query that says, as `is_behind`, whether the bound is below a position."""
        value = self.type.value
        return self.dialect.alone(f"CASE WHEN {value(lowest)} < {value(position)} THEN 1 ELSE 0 END AS is_behind")

    def window(self, window: Window, initial: str | None = None) -> str:
        """Return the condition of a window's rows; rows without a value are those of a window without start."""
        quoted = self.dialect.quote(self.column)
        bounds = []
        start = initial if window.start is None else window.start
        if start is not None:
            bounds.append(f"{quoted} >= {self.type.value(start)}")
        if window.end is not None:
            bounds.append(f"{quoted} < {self.type.value(window.end)}")
        inside = " AND ".join(bounds) or "1 = 1"
        return f"{inside} OR {quoted} IS NULL" if start is None and not window.half_open else inside

    @property
    def order(self) -> str:
        """What is greater in the newer of two rows, to Spark too."""
        return self.type.order.format(self.dialect.quote(self.column))


@dataclass(frozen=True)
class Counter(ColumnMethod):
    """Reads a table by a counter."""

    @cached_property
    def statements(self) -> CounterStatements:
        """The SQL of this counter.

        Raises:
            SourceError: the table has no such column, or it is none of this method.
        """
        dialect, method = self.database.dialect, self.incremental.method
        kind = dialect.counters.get(method)
        if kind is None:
            raise SourceError(f"{self.table.name}: method {method} is not there in {dialect.name}: take another one.")
        column, declared = self._declared()
        if declared.lower() not in kind.declared:
            raise SourceError(
                f"{self.table.name}: {column} is of type {declared}, and method {method} reads by a column of "
                f"type {kind.declared[0]}."
            )
        return CounterStatements(dialect, kind, column)

    def at(self, value: str) -> str:
        """Return the position that a number, or a position's own text, means.

        Raises:
            InvalidSettingError: it is none.
        """
        try:
            return self.statements.type.position(value)
        except SourceError as error:
            raise InvalidSettingError(f"{self.table.name}: {error}") from error

    def now(self, position: str | None) -> Reach:
        """Tell the bound below which all transactions have ended.

        Raises:
            PositionLostError: it is below `position`: the database was restored, or is another one.
        """
        found = self._ask(self.statements.reach())
        clock, lowest = datetime.fromisoformat(found["utc_clock"]).replace(tzinfo=UTC), str(found["lowest"])
        if position is not None and int(self._ask(self.statements.is_behind(position, lowest))["is_behind"]):
            raise PositionLostError(
                f"{self.table.name}: the database's counter is at {lowest}, before the position {position}: it was "
                "restored, or is another one."
            )
        return Reach(lowest, clock=clock, complete_until=clock if int(found["is_quiet"]) else None)

    def behind(self, position: str) -> int:
        """Return how many rows were written since a position, also those that are not to be read yet."""
        extent = self.database.measure(self.table, where=self.statements.window(Window(0, position, None)))
        return extent.rows

    def check(self, position: str, identity: Mapping[str, str]) -> None:
        """Make sure that the source is the one that a position is of, and its counter not behind it."""
        check_identity(self.table.name, identity, self.identity())
        self.now(position)

    def changes(self, window: Window) -> Changes:
        """Return the rows of a window."""
        initial = self.incremental.initial_value
        where = self.statements.window(window, None if initial is None else self.at(str(initial)))
        order = helper("_order", self.table, self.statements.order)
        frame = self.database.read_part(with_columns(self.table, order), where, self.key[:1], self.connections)
        return Changes(frame, order=order.name)

"""The method `cursor`: rows whose cursor lies between two positions.

Both ends are part of a window, so rows that tie with a position are read again, not lost. The end is the greatest
cursor that there was before any row was read, and never later than the database's own clock. A row that is committed
late, below the position, is read as long as it lies within `lookback`; without one it is lost, as by every reader of a
cursor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window
from ingestion.platform.columns import column
from ingestion.platform.errors import InvalidSettingError, PositionLostError, SourceError
from ingestion.platform.names import own_name
from ingestion.sql.column_reading import ColumnReading
from ingestion.sql.methods.covered_rows import covers
from ingestion.sql.methods.cursor_statements import TIMES, CursorStatements
from ingestion.sql.methods.helper_columns import helper, with_columns, with_truth
from ingestion.sql.methods.identity import check_identity
from ingestion.sql.methods.table_method import ColumnMethod


@dataclass(frozen=True)
class Cursor(ColumnMethod):
    """Reads a table by its cursor.

    Attributes:
        is_open: windows do not overlap: for rows that are appended without a key.
        replaces: the rows of a window take the place of those that the table has of it.
    """

    is_open: bool = False
    replaces: bool = False

    @cached_property
    def statements(self) -> CursorStatements:
        """The SQL of this cursor.

        Raises:
            SourceError: the table has no such column, or it is of a type that is no cursor.
        """
        dialect, (column, declared) = self.database.dialect, self._declared()
        kind = dialect.cursor_type(declared)
        if kind is None:
            known = ", ".join(sorted(dialect.cursor_types))
            raise SourceError(f"{self.table.name}: {column} is of type {declared}, which is no cursor: {known} are.")
        if self.incremental.lookback and kind.kind not in TIMES:
            raise SourceError(
                f"{self.table.name}: lookback is a span of time, and {column} is of type {declared}: leave "
                "lookback out, or take a column that holds a time."
            )
        return CursorStatements(dialect, self.table.sql, column, kind, self.incremental, self.is_open)

    def at(self, value: str) -> str:
        """Return the position that a person means by a moment (ISO 8601), a number or a text.

        Raises:
            InvalidSettingError: it is none of the cursor's type.
        """
        try:
            return self.statements.type.position(value)
        except SourceError as error:
            raise InvalidSettingError(f"{self.table.name}: {error}") from error

    def now(self, position: str | None) -> Reach:
        """Tell the greatest cursor that is not later than the database's clock; never less than `position`.

        Raises:
            SourceError: a cursor is NULL or in the future, and that fails the feed.
        """
        found = self._ask(self.statements.reach(position))
        notes = self._nulls(int(found["nulls"] or 0))
        end, clock, utc = found["greatest"], found["clock"], found["utc_clock"]
        if int(found["ahead"]):
            # Rows that were written since the statement began are seen by some databases: the clock is asked again.
            again = self._ask(self.statements.clock(str(end)))
            clock, utc = again["clock"], again["utc_clock"]
            if int(again["ahead"]):
                beyond = self._ask(self.statements.beyond(position, str(clock)))
                notes += self._later(int(beyond["later"]), str(end), str(clock))
                end = beyond["greatest"]
        moment = datetime.fromisoformat(utc).replace(tzinfo=UTC) if utc else datetime.now(UTC)
        lookback = self.incremental.lookback
        return Reach(
            position if end is None else str(end),
            clock=moment,
            complete_until=moment - lookback if lookback > timedelta(0) else None,
            pinned={"clock": clock, "notes": notes, "rows": int(found["row_count"])},
        )

    def behind(self, position: str) -> int:
        """Return how many rows have a greater cursor than a position."""
        return int(self._ask(self.statements.behind(position))["row_count"])

    def check(self, position: str, identity: Mapping[str, str]) -> None:
        """Make sure that the source is the one that a position is of, and its cursor still of that type.

        That its newest rows are gone is no reason: they may have been deleted.
        """
        check_identity(self.table.name, identity, self.identity())
        try:
            self.statements.type.value(position, self.database.dialect.text)
        except SourceError as error:
            raise PositionLostError(f"{self.table.name}: {error}") from error

    def changes(self, window: Window) -> Changes:
        """Return the rows of a window.

        Raises:
            SourceError: it cannot be read, or the cursor repeats where it must not.
        """
        statements = self.statements
        if self.is_open:
            self._refuse_repeats(window)
        where = statements.window(_with_clock(window))
        order = helper("_order", self.table, statements.order) if statements.order else None
        again = None if self.is_open else helper("_again", self.table, statements.again(window))
        time = self._time()
        table = with_columns(self.table, order, again, time)
        frame = self.database.read_part(table, where, self.key[:1], self.connections, self._expected(window))
        if time is not None and time.as_text:
            frame = frame.withColumn(time.name, column(time.name).cast("timestamp_ntz"))
        return Changes(
            with_truth(frame, again.name if again else None),
            covers=covers(statements, frame.schema, window) if self.replaces else None,
            order=order.name if order else None,
            again=again.name if again else None,
            time=time.name if time else None,
            notes=tuple(window.pinned.get("notes", ())),
        )

    @staticmethod
    def _expected(window: Window) -> int | None:
        """Return about how many rows a window has, as far as that was asked for: those from its start on."""
        rows = window.pinned.get("rows")
        return int(rows) if rows is not None and window.start is not None and not window.half_open else None

    def _time(self) -> ColumnReading | None:
        """Return the cursor as the time of a change, where it is one that is read."""
        if self.statements.type.kind not in TIMES:
            return None
        own = next((each for each in self.table.columns if each.name == self.statements.column), None)
        if own is None:
            return None
        quoted = self.database.dialect.quote(own.name)
        return replace(own, name=own_name("_time", self.table.types), sql=own.sql or quoted, note=None)

    def _nulls(self, nulls: int) -> list[str]:
        if not nulls or self.incremental.on_null == "include":
            return []
        column = self.statements.column
        if self.incremental.on_null == "skip":
            return [f"{nulls} rows whose {column} is NULL were left out"]
        raise SourceError(
            f"{self.table.name}: {nulls} rows have NULL in {column}, by which they are read. Fill it in the source, or "
            'write on_null = "include" or "skip".'
        )

    def _later(self, rows: int, greatest: str, clock: str) -> list[str]:
        column = self.statements.column
        found = f"{rows} rows whose {column} is later than the database's own clock ({clock}), up to {greatest},"
        match self.incremental.on_future:
            case "skip":
                return [f"{found} were left out until it is their time"]
            case "include":
                return [f"{found} were read, and are read again until it is their time"]
        raise SourceError(
            f"{self.table.name}: there are {found} which would hide all that comes before. Mend them in the source, or "
            'write on_future = "skip" or "include".'
        )

    def _refuse_repeats(self, window: Window) -> None:
        if window.end is None:
            return
        most = self._ask(self.statements.repeats(window))["most"]
        if most is not None and int(most) > 1:
            raise SourceError(
                f"{self.table.name}: {self.statements.column} has one value in {most} rows, and append without a key "
                'would lose rows that come with a value that was read. Name primary_key, or write "merge".'
            )


def _with_clock(window: Window) -> Window:
    """Return a window with the clock as the column holds it."""
    return replace(window, clock=window.pinned.get("clock"))

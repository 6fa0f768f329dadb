"""The SQL of the method `cursor`. Pure."""

from dataclasses import dataclass, replace

from ingestion.feeds.model import TableIncremental
from ingestion.lake.journal import Window
from ingestion.sql.dialects import Dialect
from ingestion.sql.dialects.cursor_type import CursorKind, CursorType

TIMES = (CursorKind.MOMENT, CursorKind.ZONED, CursorKind.DAY)


@dataclass(frozen=True)
class CursorStatements:
    """The SQL of one table's cursor. Pure.

    Attributes:
        dialect: of the database.
        table: its full name.
        column: of the cursor.
        type: of its values.
        incremental: what the feed says of it.
        is_open: rows at a window's start are not part of it: they were read, and their cursors do not repeat.
    """

    dialect: Dialect
    table: str
    column: str
    type: CursorType
    incremental: TableIncremental
    is_open: bool = False

    def reach(self, position: str | None) -> str:
        """Return the query of the `greatest` cursor, whether it is `ahead` of the clock, both clocks, and counts.

        With its position as the least that is looked at, the query costs no more than what is newer.
        """
        greatest = f"MAX({self._measured})"
        where = self._since(position)
        if where and self._counts_nulls:
            where = f"({where}) OR {self._is_null}"
        counts = [f"{self._count(self._is_null)} AS nulls", f"{self.dialect.count} AS row_count"]
        return self._select([*self._facts(greatest), *counts], where)

    def clock(self, greatest: str) -> str:
        """Return the query of both clocks, and whether they are behind a position that was read before."""
        return self.dialect.alone(", ".join(self._facts(self._value(greatest))))

    def beyond(self, position: str | None, clock: str) -> str:
        """Return the query of the `greatest` cursor that is not later than a clock, and how many are: `later`."""
        clock = self._value(clock)
        greatest = f"MAX(CASE WHEN {self._measured} <= {clock} THEN {self._measured} END)"
        later = self._count(f"{self._measured} > {clock}")
        return self._select(
            [f"{self.type.text.format(greatest)} AS greatest", f"{later} AS later"], self._since(position)
        )

    def repeats(self, window: Window) -> str:
        """Return the query of the most rows that have one cursor, `most`, from a window's start to its end."""
        within = replace(self, is_open=False).window(window)
        rows = f"SELECT {self.dialect.count} AS repeated FROM {self.table} WHERE {within} GROUP BY {self._measured}"
        return f"SELECT MAX(repeated) AS most FROM ({rows}) counted"

    def behind(self, position: str) -> str:
        """Return the query of the number of rows, `row_count`, beyond a position."""
        value = self._value(position)
        where = f"{self.type.at_least(self._quoted, value)} AND {self._measured} > {value}"
        return self._select([f"{self.dialect.count} AS row_count"], where)

    def window(self, window: Window) -> str:
        """Return the condition of a window's rows."""
        if window.half_open:
            return self._half_open(window)
        bounds = []
        if window.start is not None:
            bounds.append(self._from(window.start))
        if self.incremental.initial_value is not None:
            bounds.append(self.type.at_least(self._quoted, self._value(self._initial)))
        if window.end is None:
            bounds = ["1 = 0"]
        elif window.clock is not None and self.incremental.on_future == "include":
            later = f"{self._measured} > {self._value(window.clock)}"
            bounds.append(f"({self.type.at_most(self._quoted, self._value(window.end))} OR {later})")
        else:
            bounds.append(self.type.at_most(self._quoted, self._value(window.end)))
        inside = " AND ".join(bounds)
        return f"({inside}) OR {self._is_null}" if self.incremental.on_null == "include" else inside

    def again(self, window: Window) -> str:
        """Return whether the next window reads a row of this one again: 1 or 0."""
        conditions = [self._is_null]
        if window.end is not None:
            conditions.append(self._from(window.end))
        return f"CASE WHEN {' OR '.join(conditions)} THEN 1 ELSE 0 END"

    @property
    def order(self) -> str | None:
        """What is greater in the newer of two rows, to Spark too; None for texts, whose order is the database's."""
        if self.type.kind is CursorKind.TEXT:
            return None
        return self._quoted if self.type.kind is CursorKind.NUMBER else self.type.text.format(self._measured)

    def _half_open(self, window: Window) -> str:
        bounds = []
        if window.start is not None:
            bounds.append(self.type.at_least(self._quoted, self._value(window.start)))
        if window.end is not None:
            end = self._value(window.end)
            bounds += [self.type.at_most(self._quoted, end), f"{self._measured} < {end}"]
        return " AND ".join(bounds) or f"{self._quoted} IS NOT NULL"

    def _from(self, position: str) -> str:
        """Return the condition of rows that are read from a position on."""
        value = self._value(position)
        if self.is_open:
            return f"{self.type.at_least(self._quoted, value)} AND {self._measured} > {value}"
        return self.type.at_least(self._quoted, self.type.before(value, self._lookback))

    def _since(self, position: str | None) -> str | None:
        if position is not None:
            return self.type.at_least(self._quoted, self._value(position))
        if self.incremental.initial_value is not None:
            return self.type.at_least(self._quoted, self._value(self._initial))
        return None

    def _facts(self, greatest: str) -> list[str]:
        clock = self.type.clock
        return [
            f"{self.type.text.format(greatest)} AS greatest",
            f"CASE WHEN {greatest} > {clock} THEN 1 ELSE 0 END AS ahead" if clock else "0 AS ahead",
            f"{self.type.text.format(clock)} AS clock" if clock else f"{self._no_text} AS clock",
            f"{self.dialect.utc_now or self._no_text} AS utc_clock",
        ]

    def _select(self, columns: list[str], where: str | None) -> str:
        return f"SELECT {', '.join(columns)} FROM {self.table}" + (f" WHERE {where}" if where else "")

    def _count(self, condition: str) -> str:
        return self.dialect.count.replace("*", f"CASE WHEN {condition} THEN 1 END")

    def _value(self, position: str) -> str:
        return self.type.value(position, self.dialect.text)

    @property
    def _initial(self) -> str:
        assert self.incremental.initial_value is not None  # noqa: S101 - asked for by its callers
        return self.type.position(self.incremental.initial_value)

    @property
    def _counts_nulls(self) -> bool:
        return self.incremental.on_null != "include"

    @property
    def _lookback(self) -> int:
        return int(self.incremental.lookback.total_seconds())

    @property
    def _quoted(self) -> str:
        return self.dialect.quote(self.column)

    @property
    def _measured(self) -> str:
        return self.type.measure.format(self._quoted)

    @property
    def _is_null(self) -> str:
        return f"{self._quoted} IS NULL"

    @property
    def _no_text(self) -> str:
        return "CAST(NULL AS CHAR(1))"

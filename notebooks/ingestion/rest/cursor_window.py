"""The window of one load of an endpoint with a cursor: what is asked for, what belongs to it, where the next begins.

The position is the greatest cursor that was seen, and not later than the server's own clock was when the load began:
what is written while pages are read comes again with the next load.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any

from ingestion.feeds.model import EndpointIncremental
from ingestion.platform.errors import UnexpectedAnswerError
from ingestion.platform.excerpt import excerpt
from ingestion.rest.answers import Record
from ingestion.rest.cursors import ApiCursor, CursorKind, api_cursor


class Place(Enum):
    """Whether a record belongs to a load."""

    INSIDE = "inside"
    OUTSIDE = "outside"


@dataclass
class CursorWindow:
    """The window of one load. Not for several threads at a time.

    Attributes:
        incremental: what the feed says.
        start: the position that the window begins with; None: everything.
        end: of a backfill: records at it or after it do not belong to it.
        is_open: records at the start were read by the load before: for records that are appended without a key.
        position: the greatest cursor so far, as text, which is where the next window begins.
        without_cursor: records without one.
        later: records whose cursor is later than the server's clock.
    """

    incremental: EndpointIncremental
    start: str | None = None
    end: str | None = None
    is_open: bool = False
    without_cursor: int = 0
    later: int = 0
    clock: datetime | None = None
    _latest: ApiCursor | None = None
    _greatest: ApiCursor | None = field(init=False, default=None)
    _first: ApiCursor | None = field(init=False, default=None)
    _last: ApiCursor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.start is not None:
            self._first = self._greatest = api_cursor(self.start)
        if self.end is not None:
            self._last = api_cursor(self.end)

    @property
    def since(self) -> str | None:
        """What the parameter takes; None for all."""
        if self._first is not None:
            return self._first.earlier(self.incremental.lookback)
        initial = self.incremental.initial_value
        return None if initial is None else as_text(initial)

    @property
    def position(self) -> str | None:
        """Where the next window begins; None where no record had a cursor yet."""
        return None if self._greatest is None else self._greatest.text

    @property
    def kind(self) -> CursorKind | None:
        """How cursors are compared; None where none was seen."""
        return None if self._greatest is None else self._greatest.kind

    def take(self, record: Record, clock: datetime | None) -> tuple[Place, Any]:
        """Return whether a record belongs to the window, and what is greater in the newer of two; NULL is the oldest.

        Args:
            record: as the API gave it.
            clock: the server's own when it answered; None where it does not tell.

        Raises:
            UnexpectedAnswerError: its cursor cannot be compared with the others.
        """
        self.clock = self.clock or clock
        value = self.incremental.cursor_path.first(record) if self.incremental.cursor_path else None
        if value is None:
            self.without_cursor += 1
            is_kept = self.incremental.on_null == "include" and self._last is None
            return (Place.INSIDE if is_kept else Place.OUTSIDE), None
        cursor = api_cursor(value)
        if clock is not None and cursor.is_later_than(clock):
            self.later += 1
            self._latest = cursor
            is_kept = self.incremental.on_future == "include" and self._last is None
            return (Place.INSIDE if is_kept else Place.OUTSIDE), _order(cursor)
        self._see(cursor)
        return (Place.INSIDE if self._holds(cursor) else Place.OUTSIDE), _order(cursor)

    def notes(self, name: str) -> list[str]:
        """Return what is worth telling, once all records were seen.

        Raises:
            UnexpectedAnswerError: records without a cursor, or with one in the future, fail the feed.
        """
        found = []
        path = self.incremental.cursor_path
        if self.without_cursor and self.incremental.on_null != "include":
            if self.incremental.on_null == "fail":
                raise UnexpectedAnswerError(
                    f"{name}: {self.without_cursor} records have no {path}, by which they are read: write on_null = "
                    '"include" or "skip", or another cursor_path.'
                )
            found.append(f"{self.without_cursor} records without {path} were left out")
        if self.later and self._latest is not None:
            words = (
                f"{self.later} records whose {path} is later than the server's own clock, as "
                f"{excerpt(repr(self._latest.text), 60)}"
            )
            if self.incremental.on_future == "fail":
                raise UnexpectedAnswerError(
                    f'{name}: there are {words}, which would hide all that comes before: write on_future = "skip" or '
                    '"include".'
                )
            is_kept = self.incremental.on_future == "include"
            found.append(
                f"{words}, were {'read, and are read again' if is_kept else 'left out'} until it is their time"
            )
        return found

    def _see(self, cursor: ApiCursor) -> None:
        if self.clock is not None and cursor.is_later_than(self.clock):
            return
        if self._greatest is None or cursor.is_after(self._greatest):
            self._greatest = cursor

    def _holds(self, cursor: ApiCursor) -> bool:
        if self._last is not None:
            is_early = self._first is not None and self._first.is_after(cursor)
            return self._last.is_after(cursor) and not is_early
        return not (self.is_open and self._first is not None and not cursor.is_after(self._first))


def as_text(value: Any) -> str:
    """Return what a value of TOML is in a request."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def _order(cursor: ApiCursor) -> Any:
    if cursor.kind is not CursorKind.NUMBER:
        return cursor.rank
    number = cursor.rank
    return int(number) if number == int(number) else float(number)

"""How a database holds the values of a cursor: as text and back, so that no digit is lost. Pure.

A position is such a text. It is compared in the database's own SQL, never by Spark, whose moments end at microseconds
and whose texts have another order.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import Enum

from ingestion.platform.errors import SourceError


class CursorKind(Enum):
    """What a cursor's values are."""

    MOMENT = "a moment without zone"
    ZONED = "a moment with zone"
    DAY = "a day"
    NUMBER = "a number"
    TEXT = "a text"


_FORMS = {
    CursorKind.MOMENT: re.compile(r"-?infinity|-?\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?", re.ASCII),
    CursorKind.ZONED: re.compile(r"-?infinity|-?\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})? ?\+00:00", re.ASCII),
    CursorKind.DAY: re.compile(r"-?infinity|-?\d{4,}-\d\d-\d\d", re.ASCII),
    CursorKind.NUMBER: re.compile(r"-?\d+(\.\d+)?", re.ASCII),
    CursorKind.TEXT: re.compile(r".*", re.DOTALL),
}
Scalar = str | int | float | bool | date | datetime | time


@dataclass(frozen=True)
class CursorType:
    """One type of column that may be a cursor.

    Templates have `{}` for what they are made of.

    Attributes:
        kind: what its values are.
        text: of a value: its text, to the last digit, of one form for all values.
        literal: of a text that is quoted, or of a number's digits: the value.
        clock: the database's own time as such a value, of the moment that the statement began; None: of no time.
        earlier: of a value `{}` and `{seconds}`: the value so long before it.
        measure: of a quoted column: what is a value to all other templates, where that is not the column itself.
    """

    kind: CursorKind
    text: str
    literal: str
    clock: str | None = None
    earlier: str | None = None
    measure: str = "{}"

    def value(self, position: str, quote: Callable[[str], str]) -> str:
        """Return a position as a value.

        Args:
            position: as `text` gave it.
            quote: makes a text a literal.

        Raises:
            SourceError: it is none of this type.
        """
        if not _FORMS[self.kind].fullmatch(position):
            raise SourceError(f"{position[:80]!r} is no position of a cursor that is {self.kind.value}.")
        return self.literal.format(position if self.kind is CursorKind.NUMBER else quote(position))

    def before(self, value: str, seconds: int) -> str:
        """Return the value that is so many seconds before another."""
        return self.earlier.format(value, seconds=seconds) if self.earlier and seconds else value

    def at_least(self, column: str, value: str) -> str:
        """Return the condition that a quoted column is not below a value."""
        return f"{self.measure.format(column)} >= {value}"

    def at_most(self, column: str, value: str) -> str:
        """Return the condition that a quoted column is not above a value."""
        return f"{self.measure.format(column)} <= {value}"

    def position(self, value: Scalar) -> str:
        """Return the position that people mean by a value of TOML, or by a text: ISO 8601, or a number.

        A moment without zone is the database's own where its column has none, else UTC; one with a zone is UTC in a
        column without.

        Raises:
            SourceError: it is none of this type.
        """
        if self.kind is CursorKind.TEXT:
            return str(value)
        if self.kind is CursorKind.NUMBER:
            text = str(value)
            if isinstance(value, bool) or not _FORMS[self.kind].fullmatch(text):
                raise SourceError(f"{text[:80]!r} is no number, as the cursor column's values are.")
            return text
        try:
            moment = value if isinstance(value, date) else datetime.fromisoformat(str(value))
        except ValueError:
            raise SourceError(f"{str(value)[:80]!r} is no moment: write it as 2026-11-28T09:00:00Z.") from None
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time())
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        if self.kind is CursorKind.DAY:
            return moment.date().isoformat()
        text = moment.isoformat(" ", "microseconds")
        return f"{text}+00:00" if self.kind is CursorKind.ZONED else text

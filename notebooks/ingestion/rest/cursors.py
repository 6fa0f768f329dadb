"""Cursors of an API's records: which of two is greater, and what a request is asked with. Pure: no I/O.

What the API gives decides how its cursors are compared: numbers, and texts of digits, as numbers; times of ISO 8601 as
times, to their last digit, those without a zone as UTC; identifiers that all have one length (ULID, ObjectId) as texts,
character by character. All else has no order that could be known, and is refused.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from ingestion.platform.errors import UnexpectedAnswerError
from ingestion.platform.excerpt import excerpt

_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:(?P<parting>[Tt ])(?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?P<fraction>\d{1,18}))?"
    r"(?P<zone> ?(?:[Zz]|[+-]\d\d(?::?\d\d)?))?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_IDENTIFIER = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_FRACTION_DIGITS = 18


class CursorKind(Enum):
    """How an API's cursors are compared."""

    TIME = "time"
    NUMBER = "number"
    IDENTIFIER = "identifier"


@dataclass(frozen=True)
class ApiCursor:
    """One cursor.

    Attributes:
        kind: how it is compared.
        text: as the API gave it, to the last digit: what a request is asked with.
        rank: what is greater in the greater cursor: of one kind.
    """

    kind: CursorKind
    text: str
    rank: str | Decimal

    def is_after(self, other: "ApiCursor") -> bool:
        """Say whether this is greater than another.

        Raises:
            UnexpectedAnswerError: they cannot be compared.
        """
        self._check(other)
        return self.rank > other.rank  # type: ignore[operator] # of one kind, they are of one type

    def earlier(self, span: timedelta) -> str:
        """Return the text of the time that is so long before, in the same form.

        Raises:
            UnexpectedAnswerError: it is no time.
        """
        if not span:
            return self.text
        match = _TIME.fullmatch(self.text)
        if self.kind is not CursorKind.TIME or match is None:
            raise UnexpectedAnswerError(
                f"lookback is a span of time, and the cursor {excerpt(repr(self.text), 80)} is none: leave it out."
            )
        if match["time"] is None:
            # A day's first moment: what is before it belongs to the day before.
            return (datetime.fromisoformat(self.text) - span).date().isoformat()
        moment = datetime.fromisoformat(f"{match['day']}T{match['time']}") - span
        seconds = "seconds" if match["time"].count(":") == 2 else "minutes"  # noqa: PLR2004 - hours, minutes, seconds
        fraction = self.text[match.end("time") : match.start("zone") if match["zone"] else None]
        return f"{moment.isoformat(match['parting'], seconds)}{fraction}{match['zone'] or ''}"

    def is_later_than(self, clock: datetime) -> bool:
        """Say whether this is a time later than a clock that tells whole seconds."""
        return self.kind is CursorKind.TIME and str(self.rank) >= _rank(clock + timedelta(seconds=1), "")

    def _check(self, other: "ApiCursor") -> None:
        same = self.kind is other.kind
        if same and self.kind is CursorKind.IDENTIFIER:
            same = len(self.text) == len(other.text)
        if not same:
            raise UnexpectedAnswerError(
                f"cursors {excerpt(repr(self.text), 60)} and {excerpt(repr(other.text), 60)} cannot be compared: they "
                "have to be all numbers, all times (ISO 8601), or all identifiers of one length."
            )


def api_cursor(value: Any) -> ApiCursor:
    """Return what a record has for its cursor.

    Raises:
        UnexpectedAnswerError: it has no order that could be known.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ApiCursor(CursorKind.NUMBER, str(value), Decimal(str(value)))
    if isinstance(value, str):
        match = _TIME.fullmatch(value)
        if match and (moment := _moment(match)) is not None:
            return ApiCursor(CursorKind.TIME, value, _rank(moment, match["fraction"] or ""))
        if _NUMBER.fullmatch(value):
            return ApiCursor(CursorKind.NUMBER, value, Decimal(value))
        if _IDENTIFIER.fullmatch(value):
            return ApiCursor(CursorKind.IDENTIFIER, value, value)
    raise UnexpectedAnswerError(
        f"{excerpt(repr(value), 80)} is no cursor: take a number, a time (ISO 8601), or identifiers of one length."
    )


def _moment(match: re.Match[str]) -> datetime | None:
    """Return the moment of a time's text, without its fraction, in UTC; None where no calendar has it."""
    # Python takes a zone of four digits with a time of no colons only.
    zone = re.sub(r"^([+-]\d\d)(\d\d)$", r"\1:\2", (match["zone"] or "").strip().upper())
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['time'] or '00:00'}{zone}")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _rank(moment: datetime, fraction: str) -> str:
    return f"{moment.replace(tzinfo=None, microsecond=0).isoformat()}.{fraction.ljust(_FRACTION_DIGITS, '0')}"

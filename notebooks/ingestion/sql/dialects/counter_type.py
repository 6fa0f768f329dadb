"""Counters that a database gives out to writers, and what it tells of those that are not committed. Pure."""

import re
from dataclasses import dataclass

from ingestion.platform.errors import SourceError

_HEX_DIGITS = 16


@dataclass(frozen=True)
class CounterType:
    """One kind of counter.

    Templates have `{}` for what they are made of.

    Attributes:
        declared: names of the type of its column, as `Dialect.columns` tells them.
        lowest: the bound that no open transaction is below.
        following: what is equal to `lowest` where no transaction is open.
        text: of a value: its text.
        order: of a quoted column: what is greater in the newer of two rows, to Spark too.
        literal: of a position: the value.
        is_hex: positions are eight bytes in hexadecimal, `0x00000000000007D1`, else whole numbers.
    """

    declared: tuple[str, ...]
    lowest: str
    following: str
    text: str
    order: str
    literal: str
    is_hex: bool = False

    def value(self, position: str) -> str:
        """Return a position as a value.

        Raises:
            SourceError: it is none.
        """
        return self.literal.format(self.position(position))

    def position(self, value: object) -> str:
        """Return the position that a number, or a position's own text, means.

        Raises:
            SourceError: it is none.
        """
        text = str(value)
        if self.is_hex and re.fullmatch(rf"0x[0-9A-Fa-f]{{{_HEX_DIGITS}}}", text, re.ASCII):
            return f"0x{text[2:].upper()}"
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,20}", text, re.ASCII):
            raise SourceError(f"{text[:80]!r} is no position: write a number.")
        return f"0x{int(text):0{_HEX_DIGITS}X}" if self.is_hex else text

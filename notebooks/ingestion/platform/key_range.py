"""Keys that are whole numbers, from the least to the greatest. Pure: no I/O."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyRange:
    """Keys that lie close together: how many rows, the least and the greatest key; None where no row has a key."""

    rows: int
    least: int | None
    greatest: int | None

    @property
    def width(self) -> int:
        """The number of different whole numbers from the least to the greatest."""
        return 0 if self.least is None or self.greatest is None else self.greatest - self.least + 1

    @property
    def may_be_skewed(self) -> bool:
        """Say whether equal ranges of keys may differ much in rows: the keys leave out more numbers than they take."""
        return self.width > 2 * self.rows

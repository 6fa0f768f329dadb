"""Whether a source is the one that a position is of."""

from collections.abc import Mapping

from ingestion.platform.errors import PositionLostError


def check_identity(name: str, then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Make sure that what is known of a source then and now is the same.

    A fact that is known only once, because a right came or went, says nothing.

    Raises:
        PositionLostError: it is another one.
    """
    other = [f"{fact} was {then[fact]}, is {now[fact]}" for fact in then if now.get(fact, then[fact]) != then[fact]]
    if other:
        raise PositionLostError(f"{name}: the source is not the one it was: {'; '.join(other)}.")

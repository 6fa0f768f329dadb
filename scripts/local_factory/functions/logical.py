"""The logical functions. `and`, `or` and `if` evaluate only the arguments they need."""

import unicodedata
from collections.abc import Callable
from operator import call

from local_factory.functions.signature import ANY, BOOLEAN, NUMBER, ORDERED, Function
from local_factory.functions.values import Json, describe, identity

Number = int | float

# The order of the root collation (CLDR) for what stands before letters; anything else comes by its code point.
_BEFORE_LETTERS = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789"
_RANK = {character: rank for rank, character in enumerate(_BEFORE_LETTERS)}


def _and(*conditions: Callable[[], bool]) -> bool:
    return all(map(call, conditions))


def _or(*conditions: Callable[[], bool]) -> bool:
    return any(map(call, conditions))


def _if(condition: Callable[[], bool], then: Callable[[], Json], otherwise: Callable[[], Json]) -> Json:
    return then() if condition() else otherwise()


def _not(condition: bool) -> bool:
    return not condition


def _equals(left: Json, right: Json) -> bool:
    """Compare numbers by value; inside arrays and objects, as the service does, 1 and 1.0 differ."""
    if NUMBER.accepts(left) and NUMBER.accepts(right):
        return left == right
    return identity(left) == identity(right)


def _greater(left: Number | str, right: Number | str) -> bool:
    return _compare(left, right) > 0


def _greater_or_equals(left: Number | str, right: Number | str) -> bool:
    return _compare(left, right) >= 0


def _less(left: Number | str, right: Number | str) -> bool:
    return _compare(left, right) < 0


def _less_or_equals(left: Number | str, right: Number | str) -> bool:
    return _compare(left, right) <= 0


def _compare(left: Number | str, right: Number | str) -> int:
    """Return a number below, at or above 0 as `left` is before, equal to or after `right`."""
    if isinstance(left, str) and isinstance(right, str):
        first, second = _collation_key(left), _collation_key(right)
        return (first > second) - (first < second)
    if not isinstance(left, str) and not isinstance(right, str):
        return (left > right) - (left < right)
    raise ValueError(f"{describe(left)} and {describe(right)} cannot be compared; use int() or string() on one")


def _collation_key(text: str) -> tuple[list[tuple[int, str]], list[str], list[bool]]:
    """Return a key that sorts texts as en-US does: by letters first, then by accents, then lower before upper case."""
    letters: list[tuple[int, str]] = []
    accents: list[str] = []
    uppers: list[bool] = []
    for character in unicodedata.normalize("NFD", text):
        if unicodedata.combining(character) and letters:
            accents[-1] += character
            continue
        folded = character.casefold()
        letters.append((_RANK.get(character, len(_RANK)), folded))
        accents.append("")
        uppers.append(character != folded)
    return letters, accents, uppers


FUNCTIONS = {
    "and": Function(_and, BOOLEAN, lazy=True),
    "equals": Function(_equals, ANY, ANY),
    "greater": Function(_greater, ORDERED, ORDERED),
    "greaterOrEquals": Function(_greater_or_equals, ORDERED, ORDERED),
    "if": Function(_if, BOOLEAN, ANY, ANY, lazy=True),
    "less": Function(_less, ORDERED, ORDERED),
    "lessOrEquals": Function(_less_or_equals, ORDERED, ORDERED),
    "not": Function(_not, BOOLEAN),
    "or": Function(_or, BOOLEAN, lazy=True),
}

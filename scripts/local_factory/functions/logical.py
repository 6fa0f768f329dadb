"""The logical functions. `and`, `or` and `if` evaluate only the arguments they need."""

import unicodedata
from collections.abc import Callable
from operator import call

from local_factory.functions.signature import ANY, BOOLEAN, NUMBER, ORDERED, Function
from local_factory.functions.values import Json, describe, identity

Number = int | float

# The order of the root collation (CLDR) for marks and digits of ASCII; other marks stand behind them.
_BEFORE_LETTERS = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
_RANK = {character: rank for rank, character in enumerate(_BEFORE_LETTERS)}
# Letters that count as others with a stroke, or as two, where Unicode does not take them apart.
_APART = str.maketrans(
    {
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o\u0338",
        "Ø": "O\u0338",
        "\u0131": "i\u0335",
        "ł": "l\u0335",
        "Ł": "L\u0335",
        "đ": "d\u0335",
        "Đ": "D\u0335",
        "ħ": "h\u0335",
        "Ħ": "H\u0335",
    }
)
_MARK, _DIGIT, _LETTER = len(_RANK), len(_RANK) + 1, len(_RANK) + 2


def _and(*conditions: Callable[[], bool]) -> bool:
    return all(map(call, conditions))


def _or(*conditions: Callable[[], bool]) -> bool:
    return any(map(call, conditions))


def _if(condition: Callable[[], bool], then: Callable[[], Json], otherwise: Callable[[], Json]) -> Json:
    return then() if condition() else otherwise()


def _not(condition: bool) -> bool:
    return not condition


def _equals(first: Json, *others: Json) -> bool:
    return all(_equal(first, other) for other in others)


def _equal(left: Json, right: Json) -> bool:
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


def _collation_key(text: str) -> tuple[list[tuple[int, str]], list[str], list[bool], str]:
    """Return a key that sorts texts as en-US does: by letters, then accents, then lower before upper case."""
    letters: list[tuple[int, str]] = []
    accents: list[str] = []
    uppers: list[bool] = []
    for character in unicodedata.normalize("NFKD", text.translate(_APART)):
        if unicodedata.combining(character) and letters:
            accents[-1] += character
            continue
        weight = _weight(character)
        if weight is not None:
            letters.append(weight)
            accents.append("")
            uppers.append(character != character.casefold())
    return letters, accents, uppers, unicodedata.normalize("NFC", text)


def _weight(character: str) -> tuple[int, str] | None:
    """Return a character's place; none for control and format characters, which do not count."""
    if character in _RANK:
        return _RANK[character], ""
    category = unicodedata.category(character)
    if category in ("Cc", "Cf"):
        return None
    if category[0] in "ZPS":
        return (_RANK[" "], "") if category == "Zs" else (_MARK, character)
    digit = unicodedata.digit(character, None)
    return (_LETTER, character.casefold()) if digit is None else (_DIGIT, str(digit))


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

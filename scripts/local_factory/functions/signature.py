"""How the tables of functions say what each function takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """What a parameter takes: its name in messages, and the types of its values (none: any value)."""

    name: str
    types: frozenset[type] | None = None

    def accepts(self, value: object) -> bool:
        """Say whether a value is of this kind. A bool is not a number here, as it is in Python."""
        return self.types is None or type(value) in self.types


def _kind(name: str, *types: type) -> Kind:
    return Kind(name, frozenset(types))


ANY = Kind("any value")
TEXT = _kind("a text", str)
INTEGER = _kind("an integer", int)
NUMBER = _kind("a number", int, float)
BOOLEAN = _kind("true or false", bool)
ARRAY = _kind("an array", list)
SEQUENCE = _kind("a text or an array", str, list)
COLLECTION = _kind("a text, an array or an object", str, list, dict)
ARRAY_OR_OBJECT = _kind("an array or an object", list, dict)
ORDERED = _kind("a number or a text", int, float, str)
NUMBER_OR_ARRAY = _kind("a number or an array of numbers", int, float, list)
BOOLEAN_NUMBER_OR_TEXT = _kind("true, false, a number or a text", bool, int, float, str)


class Function:
    """A function of the language: plain Python that gives a JSON value or raises ValueError with the reason.

    The number of arguments it takes is declared in `bundle.expression_functions`, where the validator needs it.
    """

    def __init__(self, implementation: Callable[..., Any], *parameters: Kind, lazy: bool = False) -> None:
        """Declare a function.

        Args:
            implementation: called with the arguments' values, or, if `lazy`, with functions that evaluate them.
            parameters: the kind of each parameter; further arguments are of the last one's kind.
            lazy: whether the function decides which of its arguments are evaluated.
        """
        self.implementation = implementation
        self.parameters = parameters
        self.lazy = lazy

    def kinds(self, count: int) -> tuple[Kind, ...]:
        """Return the kinds of `count` arguments."""
        return tuple(self.parameters[min(index, len(self.parameters) - 1)] for index in range(count))

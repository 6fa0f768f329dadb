"""How the tables of functions say what each function takes."""

from collections.abc import Callable
from typing import Any

from local_factory.functions.values import Kind


class Function:
    """A function of the language: plain Python that gives a JSON value or raises ValueError with the reason.

    The number of arguments it takes is declared in `bundle.expressions`, where the validator needs it.
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

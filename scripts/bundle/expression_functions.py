"""The functions of Data Factory's expression language: their names, and how many arguments each takes.

Source: https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Signature:
    """A function's documented name and category, and the least and most arguments it takes (None: any number)."""

    name: str
    category: str
    least: int
    most: int | None

    @property
    def arity(self) -> str:
        """The number of arguments in words: `2 arguments`, `1 to 3 arguments`, `at least 1 argument`."""
        if self.most is None:
            numbers = f"at least {self.least}"
        elif self.least == self.most:
            numbers = str(self.least) if self.least else "no"
        else:
            numbers = f"{self.least} to {self.most}"
        return f"{numbers} argument{'' if (self.most or self.least) == 1 else 's'}"

    def takes(self, count: int) -> bool:
        """Say whether the function takes so many arguments."""
        return self.least <= count and (self.most is None or count <= self.most)


# The 84 documented functions. Where the service takes more or fewer arguments than the documentation says, the
# service's numbers: a run there is what counts. `tests/oracle` compares them.
_FUNCTIONS: dict[str, dict[str, tuple[int, int | None]]] = {
    "string": {
        "concat": (1, None),
        "endsWith": (2, 2),
        "guid": (0, 1),
        "indexOf": (2, 2),
        "lastIndexOf": (2, 2),
        "replace": (3, 3),
        "split": (2, 2),
        "startsWith": (2, 2),
        "substring": (2, 3),
        "toLower": (1, 1),
        "toUpper": (1, 1),
        "trim": (1, 1),
    },
    "collection": {
        "contains": (2, 2),
        "empty": (1, 1),
        "first": (1, 1),
        "intersection": (2, None),
        "join": (2, 2),
        "last": (1, 1),
        "length": (1, 1),
        "skip": (2, 2),
        "take": (2, 2),
        "union": (2, None),
    },
    "logical": {
        "and": (1, None),
        "equals": (2, None),
        "greater": (2, 2),
        "greaterOrEquals": (2, 2),
        "if": (3, 3),
        "less": (2, 2),
        "lessOrEquals": (2, 2),
        "not": (1, 1),
        "or": (1, None),
    },
    "conversion": {
        "array": (1, 1),
        "base64": (1, 1),
        "base64ToBinary": (1, 1),
        "base64ToString": (1, 1),
        "binary": (1, 1),
        "bool": (1, 1),
        "coalesce": (1, None),
        "createArray": (1, None),
        "dataUri": (1, 1),
        "dataUriToBinary": (1, 1),
        "dataUriToString": (1, 1),
        "decodeBase64": (1, 1),
        "decodeDataUri": (1, 1),
        "decodeUriComponent": (1, 1),
        "encodeUriComponent": (1, None),
        "float": (1, 1),
        "int": (1, 1),
        "json": (1, 1),
        "string": (1, 1),
        "uriComponent": (1, None),
        "uriComponentToBinary": (1, 1),
        "uriComponentToString": (1, 1),
        "xml": (1, 1),
        "xpath": (2, 2),
    },
    "math": {
        "add": (2, 2),
        "div": (2, 2),
        "max": (1, None),
        "min": (1, None),
        "mod": (2, 2),
        "mul": (2, 2),
        "rand": (2, 2),
        "range": (2, 2),
        "sub": (2, 2),
    },
    "date": {
        "addDays": (2, 3),
        "addHours": (2, 3),
        "addMinutes": (2, 3),
        "addSeconds": (2, 3),
        "addToTime": (3, 4),
        "convertFromUtc": (2, 3),
        "convertTimeZone": (3, 4),
        "convertToUtc": (2, 3),
        "dayOfMonth": (1, 1),
        "dayOfWeek": (1, 1),
        "dayOfYear": (1, 1),
        "formatDateTime": (1, 2),
        "getFutureTime": (2, 3),
        "getPastTime": (2, 3),
        "startOfDay": (1, 2),
        "startOfHour": (1, 2),
        "startOfMonth": (1, 2),
        "subtractFromTime": (3, 4),
        "ticks": (1, 1),
        "utcNow": (0, 1),
    },
}

# What expressions read their surroundings with. `triggerBody` is for the JSON of event triggers.
_CONTEXTS: dict[str, tuple[int, int | None]] = {
    "activity": (1, 1),
    "dataset": (0, 0),
    "item": (0, 0),
    "linkedService": (0, 0),
    "pipeline": (0, 0),
    "trigger": (0, 0),
    "triggerBody": (0, 0),
    "variables": (1, 1),
}


def _signatures(category: str, arities: Mapping[str, tuple[int, int | None]]) -> dict[str, Signature]:
    return {name.lower(): Signature(name, category, *arity) for name, arity in arities.items()}


FUNCTIONS: Mapping[str, Signature] = MappingProxyType(
    {
        name: signature
        for category, arities in _FUNCTIONS.items()
        for name, signature in _signatures(category, arities).items()
    }
)
"""The 84 documented functions by their names in lower case: names ignore case."""

CONTEXTS: Mapping[str, Signature] = MappingProxyType(_signatures("context", _CONTEXTS))
"""The functions that read an expression's surroundings, by their names in lower case."""

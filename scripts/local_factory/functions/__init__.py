"""The 84 functions of the expression language, one module a category of the documentation."""

from collections.abc import Mapping
from types import MappingProxyType

from local_factory.functions import collection, conversion, date, logical, math, string
from local_factory.functions.signature import Function

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        name.lower(): function
        for module in (string, collection, logical, conversion, math, date)
        for name, function in module.FUNCTIONS.items()
    }
)
"""The functions by their names in lower case: names ignore case."""

"""The types of JSON records, found over all of them, and Spark's schema for them, stable from run to run.

Own inference, because records pass through Python anyway, and Spark's would take another pass, forget from run to run
what a column without a value was, and tell an empty list from a list of texts by guessing.
"""

from collections.abc import Mapping
from typing import Any

from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DecimalType,
    DoubleType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from ingestion.platform.errors import UnexpectedAnswerError

_LONG = 2**63
# Whole numbers up to here are exact as doubles.
_EXACT = 2**53
_DIGITS = 38


class JsonType:
    """What was seen of one value's type, in all records so far."""

    __slots__ = ("fields", "is_boolean", "is_float", "is_object", "is_text", "item", "largest", "smallest")

    def __init__(self) -> None:
        self.is_boolean = False
        self.is_float = False
        self.is_text = False
        self.is_object = False
        self.smallest: int | None = None
        self.largest: int | None = None
        self.item: JsonType | None = None
        self.fields: dict[str, JsonType] = {}

    def see(self, value: Any) -> None:
        """Take note of a value, and of all within it."""
        kind = type(value)
        if kind is str:
            self.is_text = True
        elif kind is int:
            if self.smallest is None or value < self.smallest:
                self.smallest = value
            if self.largest is None or value > self.largest:
                self.largest = value
        elif kind is dict:
            self.is_object = True
            fields = self.fields
            for name, inner in value.items():
                field = fields.get(name)
                if field is None:
                    field = fields[name] = JsonType()
                field.see(inner)
        elif kind is bool:
            self.is_boolean = True
        elif kind is float:
            self.is_float = True
        elif kind is list:
            if self.item is None:
                self.item = JsonType()
            for inner in value:
                self.item.see(inner)

    def spark_type(self, known: DataType | None = None, path: str = "") -> DataType | None:
        """Return Spark's type of all that was seen; None where nothing was that tells one.

        A value of several kinds is a text: its JSON. What is known from before stays as it is where it holds all that
        was seen.

        Args:
            known: the type that the value had before.
            path: of the value, for messages.

        Raises:
            UnexpectedAnswerError: two names differ only in upper and lower case, which Spark takes for one.
        """
        is_number = self.smallest is not None or self.is_float
        kinds = [self.is_boolean, is_number, self.is_text, self.is_object, self.item is not None]
        if not any(kinds) or isinstance(known, StringType):
            return known
        if sum(kinds) > 1 or self.is_text:
            return StringType()
        if self.is_boolean:
            return BooleanType()
        if is_number:
            return self._number(known)
        if self.item is not None:
            item = self.item.spark_type(known.elementType if isinstance(known, ArrayType) else None, f"{path}[*]")
            return ArrayType(item) if item else known
        return self.struct(known if isinstance(known, StructType) else None, path) or known

    def struct(self, known: StructType | None, path: str = "") -> StructType | None:
        """Return the type of objects: what is known first, then what is new, in the order in which it was seen."""
        before = {field.name: field.dataType for field in known or ()}
        names = [*before, *(name for name in self.fields if name not in before)]
        folded: dict[str, str] = {}
        for name in names:
            other = folded.setdefault(name.casefold(), name)
            if other != name:
                where = f" in {path}" if path else ""
                raise UnexpectedAnswerError(
                    f"records have both {other!r} and {name!r}{where}, which are one column to Spark. Set nested = "
                    '"json" where they lie in an inner object; else this API cannot be read.'
                )
        fields = []
        for name in names:
            seen = self.fields.get(name)
            kind = seen.spark_type(before.get(name), f"{path}.{name}" if path else name) if seen else before[name]
            if kind is not None:
                fields.append(StructField(name, kind))
        return StructType(fields) if fields else None

    def _number(self, known: DataType | None) -> DataType:
        least, most = self.smallest or 0, self.largest or 0
        largest = max(-least, most)
        if self.is_float or isinstance(known, DoubleType):
            # A double would change a whole number as large as this.
            return DoubleType() if largest <= _EXACT else StringType()
        fits = least >= -_LONG and most < _LONG
        if isinstance(known, DecimalType) and largest < 10 ** (known.precision - known.scale):
            return known
        if fits:
            return LongType()
        return DecimalType(_DIGITS, 0) if largest < 10**_DIGITS else StringType()


def absent(seen: JsonType, known: StructType | None) -> list[str]:
    """Return the columns that are known from before and that no record has now."""
    return [field.name for field in known or () if field.name not in seen.fields]


def with_texts_for_nested(record: Mapping[str, Any], text: Any) -> dict[str, Any]:
    """Return a record in which objects and lists are JSON texts."""
    return {name: text(value) if isinstance(value, dict | list) else value for name, value in record.items()}

"""The types of a CSV file's columns: what all texts of a column can become without losing anything, and how.

Spark's own inference takes 00123 for a number, which then is another text. Here a type is a column's only where each of
its texts says the value as the type itself would, but for zeros behind the point.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegralType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from ingestion.platform.columns import column

_WHOLE = r"^(0|-?[1-9][0-9]{0,18})\z"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?\z"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\z"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
# A double holds every decimal number of so many digits.
_EXACT_DIGITS = 15
_PATTERNS: Sequence[tuple[DataType, str]] = (
    (BooleanType(), r"^(?i)(true|false)\z"),
    (LongType(), _WHOLE),
    (DoubleType(), _NUMBER),
    (DateType(), _DATE),
    (TimestampNTZType(), _MOMENT + r"\z"),
    (TimestampType(), _MOMENT + r" ?(Z|[+-][0-9]{2}:?[0-9]{2})\z"),
)


def infer_types(texts: DataFrame, names: Sequence[str]) -> StructType | None:
    """Return the types of some columns of texts, found over all rows; a column without a value is text.

    Returns:
        None where there is no row.
    """
    if not names:
        return StructType()
    fits = [F.bit_and(_kinds(column(name))).alias(f"c{number}") for number, name in enumerate(names)]
    found = texts.agg(*fits, F.count(F.lit(1)).alias("rows")).collect()[0]
    if not found["rows"]:
        return None
    return StructType([StructField(name, _type(found[number])) for number, name in enumerate(names)])


def converted(text: Column, kind: DataType) -> Column:
    """Return the value that a text says; NULL where it says none, or not just that one."""
    if isinstance(kind, StringType):
        return text
    value = text.try_cast(kind)
    return F.when(_is_exact(text, kind), value)


def is_value(text: Column) -> Column:
    """Say whether a text is one that has to become a value: an empty one is NULL in a column of another type."""
    return text.isNotNull() & (text != "")


def _kinds(text: Column) -> Column:
    """Return, as bits, which of the types a text can become; all of them where there is none."""
    bits = [
        F.when(converted(text, kind).isNotNull(), F.lit(1 << number)).otherwise(0)
        for number, (kind, _) in enumerate(_PATTERNS)
    ]
    total = bits[0]
    for bit in bits[1:]:
        total = total.bitwiseOR(bit)
    return F.when(is_value(text), total)


def _type(bits: int | None) -> DataType:
    fitting = [kind for number, (kind, _) in enumerate(_PATTERNS) if bits is not None and bits >> number & 1]
    return fitting[0] if fitting else StringType()


def _is_exact(text: Column, kind: DataType) -> Column:
    if isinstance(kind, IntegralType):
        return text.rlike(_WHOLE)
    if isinstance(kind, DoubleType | FloatType):
        digits = F.length(F.regexp_replace(F.regexp_replace(text, "[eE].*", ""), "[^0-9]", ""))
        return text.rlike(_NUMBER) & (digits <= _EXACT_DIGITS)
    if isinstance(kind, DecimalType):
        whole = DecimalType(38, max(kind.scale, 18))
        return text.rlike(_NUMBER) & (text.try_cast(whole) == text.try_cast(kind))
    pattern = next((pattern for known, pattern in _PATTERNS if known == kind), None)
    return text.rlike(pattern) if pattern else F.lit(True)

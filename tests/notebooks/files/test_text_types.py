"""What the texts of a CSV file become: a value that says what the text said, or a text."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.types import (
    DataType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    TimestampType,
)

from ingestion.files.text_types import converted, infer_types
from ingestion.platform.columns import column

TYPES: dict[str, list[str | None]] = {
    "bigint": ["0", "-1", "9223372036854775807", None],
    "boolean": ["true", "FALSE", "", None],
    "double": ["1.50", "-0.1", "1e5", "3"],
    "date": ["2026-02-28", "0001-01-01", None, None],
    "timestamp_ntz": ["2026-02-28 12:00", "2026-02-28T12:00:01.123456", None, None],
    "timestamp": ["2026-02-28T12:00:00Z", "2026-02-28 12:00:00.5+05:30", None, None],
}
# What would be another value, or none, as anything but a text.
TEXTS: list[list[str | None]] = [
    ["007", "1", None, None],
    ["+1", None, None, None],
    ["-0", "x", None, None],
    [" 1", None, None, None],
    ["1\n", None, None, None],
    ["1,5", None, None, None],
    ["9223372036854775808", "1", None, None],
    ["0.1234567890123456", None, None, None],
    ["2026-02-30", None, None, None],
    ["28.02.2026", None, None, None],
    ["2026-02-28T12:00:00.1234567", None, None, None],
    ["NaN", "1.5", None, None],
    ["1", "true", None, None],
    ["", "", None, None],
]
VALUES: list[tuple[DataType, str, Any]] = [
    (LongType(), "007", None),
    (LongType(), "7", 7),
    (IntegerType(), "2147483648", None),
    (DoubleType(), "1.5", 1.5),
    (DecimalType(9, 2), "1.50", Decimal("1.50")),
    (DecimalType(9, 2), "1.505", None),
    (DecimalType(9, 2), "12345678.00", None),
    (TimestampType(), "2026-02-28T12:00:00+01:00", datetime(2026, 2, 28, 11, tzinfo=UTC)),
]


def test_a_column_is_what_all_its_texts_say_and_else_text(spark: SparkSession) -> None:
    names = [*TYPES, *(f"text{number}" for number in range(len(TEXTS)))]
    rows = [tuple(row) for row in zip(*TYPES.values(), *TEXTS, strict=True)]
    texts = spark.createDataFrame(rows, ", ".join(f"{name} string" for name in names))
    found = infer_types(texts, names)
    assert found is not None
    assert {each.name: each.dataType.simpleString() for each in found} == {
        name: name if name in TYPES else "string" for name in names
    }
    assert infer_types(texts.limit(0), names) is None


def test_a_text_becomes_a_value_that_says_the_same_or_nothing(spark: SparkSession) -> None:
    texts = spark.createDataFrame(
        [tuple(text for _, text, _ in VALUES)], [f"c{number}" for number in range(len(VALUES))]
    )
    values = [converted(column(f"c{number}"), kind).alias(f"v{number}") for number, (kind, _, _) in enumerate(VALUES)]
    (row,) = texts.select(*values).collect()
    found = [each.replace(tzinfo=UTC) if isinstance(each, datetime) else each for each in row]
    assert found == [value for _, _, value in VALUES]

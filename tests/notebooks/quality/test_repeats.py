"""A key that more than one row has is found, whatever kind of key it is."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.quality.repeats import key_ends, key_hashes, repeated_keys, repeated_rows

LEAST, GREATEST = -(2**63), 2**63 - 1


def count_repeated(frame: DataFrame, *keys: str) -> int:
    found = repeated_by(frame, keys, key_ends(keys, frame.schema))
    # Few rows' keys are compared by their hashes, which comes to the same.
    assert repeated_by(frame, keys, key_hashes(keys, frame.schema, rows=1)) == found
    return found


def repeated_by(frame: DataFrame, keys: Sequence[str], metrics: Sequence[Column]) -> int:
    observed = frame.agg(*metrics).collect()[0].asDict() if metrics else {}
    return repeated_rows(lambda: frame, keys, frame.count(), observed)


def one_column(spark: SparkSession, kind: str, values: Iterable[Any]) -> DataFrame:
    if isinstance(values, range) and len(values) > 1000:
        return spark.range(values.start, values.stop).select(F.col("id").cast(kind).alias("the.id"))
    return spark.createDataFrame([(value,) for value in values], f"`the.id` {kind}")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        # Bits are kept in buckets of 32,768, on both sides of 0.
        ("bigint", range(-33_000, 33_000)),
        ("int", range(2**31 - 300, 2**31)),
        ("smallint", range(-(2**15), -(2**15) + 300)),
        ("tinyint", range(-128, 128)),
        ("bigint", range(LEAST, LEAST + 300)),
        ("bigint", range(GREATEST - 300, GREATEST + 1)),
        ("bigint", [LEAST, -1, 0, 1, GREATEST]),
        ("decimal(31,0)", [Decimal(number) for number in (10**30, 10**30 + 1, 0)]),
        ("string", ["a", "b", "A", ""]),
    ],
)
def test_a_key_that_several_rows_have_is_found(spark: SparkSession, kind: str, values: Sequence[Any]) -> None:
    frame = one_column(spark, kind, values).union(one_column(spark, kind, [None, None]))
    assert count_repeated(frame, "the.id") == 0
    again = one_column(spark, kind, [values[0], values[0], values[-1]])
    assert count_repeated(frame.union(again), "THE.ID") == 5


@pytest.mark.parametrize("values", [[], [None], [None, None]])
def test_where_no_row_has_a_key_none_is_repeated(spark: SparkSession, values: list[None]) -> None:
    assert count_repeated(one_column(spark, "int", values), "the.id") == 0


def test_a_key_of_several_columns_is_repeated_where_all_are_the_same_and_none_is_null(spark: SparkSession) -> None:
    rows = [(1, "a"), (1, "b"), (1, "a"), (None, "a"), (None, "a"), (2, "a"), (1, "a")]
    frame = spark.createDataFrame(rows, "id int, name string")
    assert [tuple(row) for row in repeated_keys(frame, ("id", "name")).collect()] == [(1, "a", 3)]
    assert [tuple(row) for row in repeated_keys(frame, ("ID",)).collect()] == [(1, 4)]
    assert count_repeated(frame, "id", "name") == 3


def test_keys_are_compared_by_their_hashes_where_rows_are_few_and_equal_keys_have_equal_hashes(
    spark: SparkSession,
) -> None:
    schema = spark.createDataFrame([(1, 0.0)], "id int, ratio double").schema
    assert key_hashes(("id",), schema, rows=None) == key_hashes(("id",), schema, rows=1_000_000) == []
    assert key_hashes(("id", "ratio"), schema, rows=1) == []
    assert len(key_hashes(("ID",), schema, rows=1)) == 2
    zeros = spark.createDataFrame([(0.0,), (-0.0,)], "ratio double")
    assert count_repeated(zeros, "ratio") == 2

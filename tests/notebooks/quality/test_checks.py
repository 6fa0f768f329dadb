"""The quality gate: which rows and tables keep to a check, and what is told of those that do not."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.quality.checks import (
    Check,
    Fresh,
    Gate,
    InRange,
    Matches,
    NotBefore,
    NotNull,
    OneOf,
    RowCheck,
    RowCount,
    Severity,
    Unique,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EMAIL = Matches("value", r"[^@\s]+@[^@\s]+\.[^@\s]+")


def gate(frame: DataFrame, *checks: Check, rows_before: int | None = None) -> Gate:
    return Gate(checks, frame.schema, now=NOW, rows_before=rows_before)


@pytest.mark.parametrize(
    ("check", "kind", "good", "bad"),
    [
        (NotNull("value"), "string", ["x", ""], [None]),
        (InRange("value", at_least=0), "decimal(12,2)", [Decimal(0), Decimal("9999999999.99")], [Decimal("-.01")]),
        (InRange("value", at_least=0), "double", [0.0, 1e308, None], [-0.1, float("nan")]),
        (InRange("value", at_most=9), "bigint", [9, -(2**63), None], [10, 2**63 - 1]),
        (InRange("value", 1.5, 2.5), "double", [1.5, 2.5, None], [1.4, float("nan"), float("inf")]),
        (InRange("value", at_least=date(1900, 1, 1)), "date", [date(1900, 1, 1), None], [date(1899, 12, 31)]),
        (Matches("value", "[A-Z]{2}"), "string", ["IN", None], ["in", "INX", "IN\n", " IN", "", "\nIN"]),
        (EMAIL, "string", ["zoë@example.com", None], ["zoë", "a@b", "a @b.c", "@b.c", "a@b.c\n"]),
        (OneOf("value", ("EUR", "USD")), "string", ["EUR", None], ["eur", "EUR "]),
        (OneOf("value", ()), "string", [], ["EUR"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_row_keeps_to_a_check_or_is_refused_with_the_check_as_the_reason(
    check: RowCheck, kind: str, good: list[Any], bad: list[Any], spark: SparkSession
) -> None:
    frame = spark.createDataFrame([(value,) for value in good + bad], f"value {kind}")
    tested = gate(frame, check)
    found = frame.select(tested.passes().alias("passes"), tested.reasons().alias("reasons")).collect()
    assert [row["passes"] for row in found] == [True] * len(good) + [False] * len(bad)
    assert [row["reasons"] for row in found] == [[]] * len(good) + [[str(check)]] * len(bad)


def test_a_moment_may_be_that_of_the_other_column_and_not_before_it(spark: SparkSession) -> None:
    pairs = [(NOW, NOW), (NOW, NOW - timedelta(seconds=1)), (NOW, None), (None, NOW), (NOW, NOW + timedelta(days=1))]
    frame = spark.createDataFrame(pairs, "updated timestamp, created timestamp")
    passes = frame.select(gate(frame, NotBefore("updated", "created")).passes().alias("passes")).collect()
    assert [row["passes"] for row in passes] == [True, True, True, True, False]


def test_a_row_that_breaks_several_checks_has_all_reasons(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(-1, None)], "a int, `b.c` string")
    checks = (InRange("a", at_least=0), NotNull("b.c"), InRange("a", at_most=5))
    (row,) = frame.select(gate(frame, *checks).reasons().alias("reasons")).collect()
    assert row["reasons"] == ["a is at least 0", "b.c is not null"]


def test_a_warning_refuses_no_row_and_is_counted(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1,), (None,), (None,)], "a int")
    tested = gate(frame, NotNull("a", severity=Severity.WARNING))
    assert frame.where(tested.passes()).count() == 3
    observed = frame.agg(*tested.metrics()).collect()[0].asDict()
    (result,) = tested.results(observed, 3)
    assert (result.rows, result.refuses_rows, result.stops_table) == (2, False, False)
    assert str(result) == "a is not null: not so in 2 of 3 rows"


@pytest.mark.parametrize(
    ("kind", "newest", "failure"),
    [
        ("timestamp", NOW - timedelta(days=30), None),
        ("timestamp", NOW - timedelta(days=30, minutes=1), "it is 2026-10-23 11:59 UTC"),
        ("timestamp_ntz", datetime(2026, 11, 1), None),
        ("timestamp_ntz", datetime(2025, 11, 1), "it is 2025-11-01 00:00 UTC"),
        ("date", date(2026, 10, 24), None),
        ("date", date(2026, 10, 1), "it is 2026-10-01 00:00 UTC"),
        ("timestamp", None, "at has no value in any row"),
    ],
)
def test_a_table_is_fresh_when_its_newest_moment_is(
    kind: str, newest: Any, failure: str | None, spark: SparkSession
) -> None:
    older = None if newest is None else newest - timedelta(days=400)
    frame = spark.createDataFrame([(older,), (newest,), (None,)], f"at {kind}")
    tested = gate(frame, Fresh("at", timedelta(days=30)))
    observed = frame.agg(*tested.metrics()).collect()[0].asDict()
    (result,) = tested.results(observed, 3)
    assert (result.failure, result.stops_table) == (failure, failure is not None)


@pytest.mark.parametrize(
    ("rows", "before", "failure"),
    [(50, 100, None), (49, 100, "49 rows after 100"), (0, None, None), (0, 0, None), (0, 1, "0 rows after 1")],
)
def test_a_table_must_not_shrink_too_much_since_the_landing_before(
    rows: int, before: int | None, failure: str | None, spark: SparkSession
) -> None:
    (result,) = gate(spark.range(1), RowCount(0.5), rows_before=before).results({}, rows)
    assert (result.failure, result.stops_table) == (failure, failure is not None)


def test_a_check_of_columns_that_are_not_there_is_not_applied_and_says_so(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1,)], "CUSTOMERID int")
    tested = gate(frame, NotNull("CustomerId"), NotNull("Email"), NotBefore("CustomerId", "Email"), Unique(("Email",)))
    assert tested.uniques == []
    assert frame.where(tested.passes()).count() == 1
    assert [result.applied for result in tested.results({}, 1)] == [True, False, False, False]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (InRange("a", 0, 9), "a is at least 0 and at most 9"),
        (InRange("a", at_most=9), "a is at most 9"),
        (OneOf("a", ("x", 1)), "a is one of x, 1"),
        (NotBefore("a", "b"), "a is not before b"),
        (Unique(("a", "b")), "a, b is unique"),
        (Fresh("a", timedelta(hours=36)), "the newest a is of the last 1.5 days"),
        (RowCount(0.5), "there are at least 50 % of the rows of the landing before"),
    ],
)
def test_a_check_says_its_rule_in_words(check: Check, words: str) -> None:
    assert str(check) == words
    assert str(replace(check, severity=Severity.WARNING)) == words


def test_without_checks_every_row_passes(spark: SparkSession) -> None:
    frame = spark.range(3)
    tested = gate(frame)
    assert frame.where(tested.passes()).count() == 3
    assert frame.select(F.size(tested.reasons()).alias("n")).where("n > 0").count() == 0
    assert tested.results({}, 3) == []


@pytest.mark.parametrize(
    ("check", "kind", "value"),
    [
        (InRange("value", at_least=0), "string", "12.50"),
        (InRange("value", at_least=date(1900, 1, 1)), "int", 7),
        (OneOf("value", ("EUR", "USD")), "int", 7),
        (OneOf("value", (1, 2)), "string", "one"),
        (Fresh("value", timedelta(days=1)), "string", "yesterday"),
        (NotBefore("value", "other"), "string", "x"),
    ],
    ids=str,
)
def test_a_check_of_another_kind_than_its_column_is_not_applied_and_raises_for_no_value(
    check: Check, kind: str, value: Any, spark: SparkSession
) -> None:
    frame = spark.createDataFrame([(value, 1)], f"value {kind}, other int")
    tested = gate(frame, check)
    assert [row[0] for row in frame.select(tested.passes()).collect()] == [True]
    (result,) = tested.results({}, 1)
    assert (result.applied, result.fits, result.failure) == (False, False, None)


@pytest.mark.parametrize(
    ("newest", "told"),
    [
        (datetime(20, 1, 1, tzinfo=UTC), "it is 0020-01-01 00:00 UTC"),
        (NOW + timedelta(days=2), "it is 2026-11-24 12:00 UTC, in the future"),
    ],
)
def test_a_moment_of_any_century_is_told(newest: datetime, told: str, spark: SparkSession) -> None:
    frame = spark.createDataFrame([(NOW,)], "value timestamp")
    micros = (newest - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    check = Fresh("value", timedelta(days=30))
    (result,) = gate(frame, check).results({str(check): micros}, 1)
    assert result.failure == told


def test_a_moment_after_the_year_9999_is_told(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(NOW,)], "value timestamp")
    check = Fresh("value", timedelta(days=30))
    five_digits = 576_115_200 * 10**9  # 20226-05-01, as a database may hold it
    (result,) = gate(frame, check).results({str(check): five_digits}, 1)
    assert result.failure is not None
    assert result.failure.startswith("it is 20226-")
    assert result.failure.endswith("in the future")

"""Two tables are held against each other row by row, and told by ranges of their keys."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.loads import comparison
from ingestion.loads.comparison import Counted, KeyRange, comparable, kind_of, paired

COLUMNS = ("id", "a", "b")


def table(
    spark: SparkSession, rows: Sequence[tuple[Any, ...]], columns: str = "id BIGINT, a STRING, b STRING"
) -> DataFrame:
    return spark.createDataFrame(list(rows), columns)


def compare(
    source: DataFrame, target: DataFrame, key: Sequence[str], columns: Sequence[str], counted: Counted
) -> list[KeyRange]:
    """Compare rows of which all may land but those that say no in the column b."""
    judged = source.withColumn("may", F.coalesce(F.col("b") != "no", F.lit(True)))
    return comparison.compare(judged, target, key, columns, counted, may_land="may")


def differences(found: list[KeyRange]) -> tuple[int, int, int]:
    return tuple(sum(getattr(each, name) for each in found) for name in ("missing", "different", "extra"))  # type: ignore[return-value]


def test_equal_tables_are_alike_in_every_range(spark: SparkSession) -> None:
    rows = [(number, f"a{number}", None) for number in range(100)]
    found = compare(table(spark, rows), table(spark, rows[::-1]), ("id",), COLUMNS, Counted())
    assert differences(found) == (0, 0, 0)
    assert len(found) == 16
    assert sum(each.source_rows for each in found) == sum(each.target_rows for each in found) == 100
    assert str(found[0]) == "id below 7: 7 rows in the source, 7 in the target: alike"


def test_what_differs_is_told_by_its_range_with_examples(spark: SparkSession) -> None:
    source = [(number, "x", "y") for number in range(160) if number != 150]
    target = [(number, "x", "changed" if number == 3 else "y") for number in range(160) if number != 77]
    found = compare(table(spark, source), table(spark, target), ("id",), COLUMNS, Counted())
    unlike = [each for each in found if each.differences]
    assert [(each.name, each.missing, each.different, each.extra) for each in unlike] == [
        ("id below 10", 0, 1, 0),
        ("id from 70 to 79", 1, 0, 0),
        ("id from 150 on", 0, 0, 1),
    ]
    assert [each.examples for each in unlike] == [("id = 3: different",), ("id = 77: missing",), ("id = 150: extra",)]


def test_keys_outside_of_what_the_target_has_belong_to_its_first_and_last_range(spark: SparkSession) -> None:
    source = [(number, "x", "y") for number in range(-50, 250)]
    found = compare(table(spark, source), table(spark, source[60:260]), ("id",), COLUMNS, Counted())
    assert [each.missing for each in found if each.missing] == [60, 40]


def test_a_null_that_changed_its_place_is_a_difference(spark: SparkSession) -> None:
    found = compare(table(spark, [(1, None, "x")]), table(spark, [(1, "x", None)]), ("id",), COLUMNS, Counted())
    assert differences(found) == (0, 1, 0)


def test_what_a_feed_means_to_keep_does_not_count(spark: SparkSession) -> None:
    source, target = [(1, "new", ""), (2, "", "")], [(1, "old", ""), (3, "", "")]
    found = compare(table(spark, source), table(spark, target), ("id",), COLUMNS, Counted(different=False, extra=False))
    assert differences(found) == (1, 0, 0)
    assert [each.examples for each in found if each.differences] == [("id = 2: missing",)]


def test_a_row_that_may_not_land_is_alike_whatever_the_target_has_of_it(spark: SparkSession) -> None:
    source, target = [(1, "x", "no"), (2, "x", "no"), (3, "x", "")], [(1, "x", "before"), (3, "x", "")]
    found = compare(table(spark, source), table(spark, target), ("id",), COLUMNS, Counted())
    assert differences(found) == (0, 0, 0)


def test_a_key_that_is_a_text_or_has_several_columns_is_one_range_or_divided_by_its_first(spark: SparkSession) -> None:
    source, target = table(spark, [(1, "k", "x"), (1, "l", "x")]), table(spark, [(1, "k", "x"), (1, "m", "x")])
    (found,) = compare(source, target, ("a",), COLUMNS, Counted())
    assert (found.name, found.missing, found.extra) == ("all keys", 1, 1)
    assert found.examples == ("a = l: missing", "a = m: extra")
    (found,) = compare(source, target, ("id", "a"), COLUMNS, Counted())
    assert found.examples == ("id = 1, a = l: missing", "id = 1, a = m: extra")


def test_types_that_were_widened_are_compared_as_the_target_has_them(spark: SparkSession) -> None:
    source = table(spark, [(1, "x", "y")], "id INT, a STRING, b STRING")
    assert differences(compare(source, table(spark, [(1, "x", "y")]), ("id",), COLUMNS, Counted())) == (0, 0, 0)


def test_columns_that_one_side_lacks_and_maps_are_not_compared(spark: SparkSession) -> None:
    source = table(spark, [], "id BIGINT, new STRING, m MAP<STRING, STRING>").schema
    target = table(spark, [], "id BIGINT, gone STRING, m MAP<STRING, STRING>").schema
    assert comparable(source, target) == ["id"]


def test_without_a_key_rows_are_counted(spark: SparkSession) -> None:
    source, target = [(1, "x", ""), (1, "x", ""), (2, "x", "")], [(1, "x", ""), (3, "x", "")]
    (found,) = compare(table(spark, source), table(spark, target), (), COLUMNS, Counted())
    assert (found.name, found.missing, found.extra) == ("all rows", 2, 1)
    (found,) = compare(table(spark, source), table(spark, target), (), COLUMNS, Counted(extra=False))
    assert (found.missing, found.extra) == (2, 0)


ROWS = st.dictionaries(st.integers(0, 30), st.sampled_from(["x", "y", None]), max_size=12)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(ROWS, ROWS)
def test_whatever_two_tables_hold_what_is_found_is_what_differs(
    spark: SparkSession, source: dict[int, str | None], target: dict[int, str | None]
) -> None:
    left, right = (table(spark, [(k, v, v) for k, v in rows.items()]) for rows in (source, target))
    found = compare(left, right, ("id",), COLUMNS, Counted())
    missing, extra = source.keys() - target.keys(), target.keys() - source.keys()
    changed = {key for key in source.keys() & target.keys() if source[key] != target[key]}
    assert differences(found) == (len(missing), len(changed), len(extra))
    wanted, surplus = kind_of(paired(left, right, ("id",), COLUMNS), Counted())
    assert {row["id"] for row in wanted.collect()} == missing | changed
    assert {row["id"] for row in surplus.collect()} == extra


def test_keys_may_lie_as_far_apart_as_their_type_lets_them(spark: SparkSession) -> None:
    for kind, most in (("BIGINT", 2**63 - 1), ("DECIMAL(38,0)", 10**38 - 1)):
        keys = [Decimal(key) if kind != "BIGINT" else key for key in (-most, -1, 0, most)]
        rows = table(spark, [(key, "x", "y") for key in keys], f"id {kind}, a STRING, b STRING")
        found = compare(rows, rows.where("id != 0"), ("id",), COLUMNS, Counted())
        assert [each.source_rows for each in found] == [1, 2, 1]
        [range_of_zero] = [each for each in found if each.differences]
        assert (range_of_zero.missing, range_of_zero.examples) == (1, ("id = 0: missing",))

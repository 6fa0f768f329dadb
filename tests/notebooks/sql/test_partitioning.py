"""How a table is split by its key: every row is in one range, and the ranges are about equal."""

import operator
import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingestion.platform.key_range import KeyRange
from ingestion.sql.partitioning import (
    bucket_bounds,
    crowded,
    equal_bounds,
    hash_predicates,
    partition_count,
    quantile_bounds,
    range_predicates,
)

COMPARE = {"<": operator.lt, ">=": operator.ge}
BIGINT = st.integers(-(2**63), 2**63 - 1)


def test_a_table_is_read_over_as_many_connections_as_rows_cores_and_the_setting_allow() -> None:
    assert partition_count(0, cores=8, connections=8) == 1
    assert partition_count(100_000, cores=8, connections=8) == 1
    assert partition_count(100_001, cores=8, connections=8) == 2
    assert partition_count(10**9, cores=4, connections=8) == 4
    assert partition_count(10**9, cores=64, connections=8) == 8


@given(st.lists(BIGINT, min_size=1, max_size=50), st.integers(1, 9), BIGINT)
def test_every_key_is_in_one_range_whatever_the_bounds(keys: list[int], parts: int, other: int) -> None:
    bounds = equal_bounds(KeyRange(len(keys), min(keys), max(keys)), parts)
    assert bounds == sorted(set(bounds))
    for key in (*keys, other):
        assert not bounds or sum(is_in(clause, key) for clause in range_predicates("k", bounds)) == 1


def is_in(clause: str, key: int) -> bool:
    """Say whether a database would find a key in a range."""
    return any(
        all(COMPARE[sign](key, int(bound)) for sign, bound in re.findall(r"k (<|>=) (-?\d+)", part))
        for part in clause.removesuffix(" OR k IS NULL").split(" OR ")
    )


def test_rows_without_a_key_are_in_the_first_range() -> None:
    assert range_predicates("[k]", [10, 20]) == ["[k] < 10 OR [k] IS NULL", "[k] >= 10 AND [k] < 20", "[k] >= 20"]


def test_rows_without_a_key_are_in_the_first_part_by_hash_too() -> None:
    assert hash_predicates("[k]", "H([k])", 3) == [
        "ABS(H([k]) % 3) = 0 OR [k] IS NULL",
        "ABS(H([k]) % 3) = 1 AND [k] IS NOT NULL",
        "ABS(H([k]) % 3) = 2 AND [k] IS NOT NULL",
    ]


def test_keys_without_gaps_are_divided_evenly() -> None:
    assert equal_bounds(KeyRange(100, 1, 100), 4) == [26, 51, 76]
    assert equal_bounds(KeyRange(2, 5, 6), 8) == [6]
    assert equal_bounds(KeyRange(3, None, None), 8) == []
    assert not KeyRange(100, 1, 200).may_be_skewed
    assert KeyRange(100, 1, 201).may_be_skewed


def split(keys: list[int], parts: int) -> list[int]:
    """Do with a list of keys what a database does, and return how many keys are in each range."""

    def count(low: int, high: int) -> list[KeyRange]:
        inside = [key for key in keys if low <= key <= high]
        bounds = [low, *bucket_bounds(KeyRange(len(inside), low, high)), high + 1]
        groups = ([key for key in inside if first <= key < end] for first, end in pairwise(bounds))
        return [KeyRange(len(group), min(group), max(group)) for group in groups if group]

    buckets = count(min(keys), max(keys))
    for _ in range(8):
        crowd = crowded(buckets, parts)
        if crowd is None:
            break
        position = buckets.index(crowd)
        buckets[position : position + 1] = count(crowd.least or 0, crowd.greatest or 0)
    bounds = [-(2**63), *quantile_bounds(buckets, parts), 2**63]
    return [sum(low <= key < high for key in keys) for low, high in pairwise(bounds)]


def test_one_far_key_does_not_leave_all_others_in_one_range() -> None:
    sizes = split([*range(1, 1000), 2**62], 4)
    assert sum(sizes) == 1000
    assert max(sizes) <= 500


def test_two_far_crowds_are_each_divided() -> None:
    sizes = split([*range(1000), *range(10**15, 10**15 + 3000)], 4)
    assert sum(sizes) == 4000
    assert max(sizes) <= 2000


@given(st.lists(BIGINT, min_size=1, max_size=300, unique=True), st.integers(2, 8))
def test_no_key_is_lost_by_quantiles(keys: list[int], parts: int) -> None:
    assert sum(split(keys, parts)) == len(keys)

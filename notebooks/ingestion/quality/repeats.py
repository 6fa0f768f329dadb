"""Finding keys that more than one row has. A key with NULL in it repeats nothing, as in SQL.

Of a few rows the hashes of their keys are compared in the pass that writes them, which costs no job of its own: where
all differ no key is repeated.

Whole numbers that lie close together are told apart by a bit for each, 32,768 of them in 4 KB: that takes half of the
time that grouping them does. Other keys are grouped.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import DoubleType, FloatType, IntegralType, StructType

from ingestion.platform.columns import column, quoted
from ingestion.platform.key_range import KeyRange
from ingestion.platform.names import own_name

# Rows whose keys' hashes fit well into what a pass observes: a megabyte of them.
_FEW_ROWS = 10_000


def key_hashes(keys: Sequence[str], schema: StructType, rows: int | None) -> list[Column]:
    """Return the aggregates by which `repeated_rows` compares keys; none where there may be more than a few rows.

    Args:
        keys: the columns of the key.
        schema: of the table.
        rows: about as many as it has; None where nobody knows.
    """
    names = {name.lower() for name in keys}
    types = [each.dataType for each in schema if each.name.lower() in names]
    # 0.0 and -0.0 are the same key, and have two hashes.
    if rows is None or rows > _FEW_ROWS or any(isinstance(kind, FloatType | DoubleType) for kind in types):
        return []
    columns = [quoted(key) for key in keys]
    complete = " AND ".join(f"{name} IS NOT NULL" for name in columns)
    hashes = f"size(collect_set(CASE WHEN {complete} THEN xxhash64({', '.join(columns)}) END))"
    return [
        F.expr(f"{text} AS {quoted(name)}")
        for text, name in zip((hashes, f"count_if({complete})"), _hash_names(keys), strict=True)
    ]


def key_ends(keys: Sequence[str], schema: StructType) -> list[Column]:
    """Return the aggregates that `repeated_rows` asks for: both ends of a key that is a whole number, else none."""
    names = {name.lower() for name in keys}
    types = [each.dataType for each in schema if each.name.lower() in names]
    if len(types) != 1 or not isinstance(types[0], IntegralType):
        return []
    ends = zip(("min", "max"), _end_names(keys), strict=True)
    return [F.expr(f"{end}({quoted(keys[0])}) AS {quoted(name)}") for end, name in ends]


def repeated_rows(frame: Callable[[], DataFrame], keys: Sequence[str], rows: int, observed: Mapping[str, Any]) -> int:
    """Return how many rows have a key that another row has, too.

    Args:
        frame: returns the table, which is then read, perhaps twice.
        keys: the columns of the key.
        rows: of the table.
        observed: what the aggregates of `key_hashes` and `key_ends`, if there were any, found in it, by their names.
    """
    different, complete = (observed.get(name) for name in _hash_names(keys))
    if different is not None and different == complete:
        return 0
    ends = [observed[name] for name in _end_names(keys) if name in observed]
    if ends and not KeyRange(rows, *ends).may_be_skewed and _differ(frame(), column(keys[0])):
        return 0
    repeated = repeated_keys(frame(), keys)
    return int(repeated.agg(F.sum(column(repeated.columns[-1]))).collect()[0][0] or 0)


def repeated_keys(frame: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Return the keys that more than one row has, and in the last column how many."""
    columns = [column(key) for key in keys]
    complete = reduce(Column.__and__, [key.isNotNull() for key in columns])
    rows = own_name("rows", keys)
    return frame.where(complete).groupBy(*columns).agg(F.count(F.lit(1)).alias(rows)).where(f"{rows} > 1")


def _hash_names(keys: Sequence[str]) -> tuple[str, str]:
    return f"the different hashes of {keys}", f"the complete keys of {keys}"


def _end_names(keys: Sequence[str]) -> tuple[str, str]:
    return f"the least {keys[0]}", f"the greatest {keys[0]}"


def _differ(frame: DataFrame, key: Column) -> bool:
    """Say whether all values of a column of whole numbers differ: whether as many bits are set as there are values."""
    bits = F.bitmap_count(F.bitmap_construct_agg(F.bitmap_bit_position(key)))
    buckets = frame.where(key.isNotNull()).groupBy(F.bitmap_bucket_number(key))
    return not buckets.agg(bits.alias("keys"), F.count(F.lit(1)).alias("rows")).where("keys < rows").collect()

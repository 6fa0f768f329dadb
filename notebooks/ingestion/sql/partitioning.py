"""How a table is split so that several connections read it at the same time: by ranges of a whole-numbered key, or by
the hash of another one. Pure.

The parts cover every key there is or will be, and NULL: stale numbers make them uneven, they lose no row.
"""

from collections.abc import Sequence
from itertools import pairwise

from ingestion.platform.key_range import KeyRange

# Fewer rows than this are not worth a connection of their own.
_ROWS_PER_PARTITION = 100_000
# Ranges of equal width in which keys are counted, to find where they crowd.
_BUCKETS = 16


def partition_count(rows: int, cores: int, connections: int) -> int:
    """Return how many connections are to read a table."""
    return max(1, min(connections, cores, -(-rows // _ROWS_PER_PARTITION)))


def equal_bounds(keys: KeyRange, parts: int) -> list[int]:
    """Return the least key of each range but the first; the ranges are equally wide, and at most as many as keys."""
    if keys.least is None:
        return []
    parts = min(parts, keys.width)
    return [keys.least + keys.width * part // parts for part in range(1, parts)]


def bucket_bounds(keys: KeyRange) -> list[int]:
    """Return the bounds of the buckets in which keys are to be counted."""
    return equal_bounds(keys, _BUCKETS)


def crowded(buckets: Sequence[KeyRange], parts: int) -> KeyRange | None:
    """Return the bucket that has to be looked into before the table can be split evenly, None when none has to."""
    fullest = max(buckets, key=lambda bucket: bucket.rows)
    rows = sum(bucket.rows for bucket in buckets)
    return fullest if fullest.width > 1 and fullest.rows * parts * 2 > rows and fullest.may_be_skewed else None


def quantile_bounds(buckets: Sequence[KeyRange], parts: int) -> list[int]:
    """Return bounds that leave about as many rows in each range, from buckets in the order of their keys."""
    rows = sum(bucket.rows for bucket in buckets)
    bounds: list[int] = []
    before = 0
    for bucket in buckets:
        # A bucket of many rows is itself divided evenly: its keys are spread, or it would have been looked into.
        for part in range(1, parts):
            wanted = rows * part // parts
            if before < wanted <= before + bucket.rows and bucket.least is not None:
                bounds.append(bucket.least + bucket.width * (wanted - before) // bucket.rows)
        before += bucket.rows
    return sorted(set(bounds))


def range_predicates(quoted_key: str, bounds: Sequence[int]) -> list[str]:
    """Return the WHERE clauses of the ranges between one or more bounds; together they hold for every row once."""
    first = f"{quoted_key} < {bounds[0]} OR {quoted_key} IS NULL"
    between = [f"{quoted_key} >= {low} AND {quoted_key} < {high}" for low, high in pairwise(bounds)]
    return [first, *between, f"{quoted_key} >= {bounds[-1]}"]


def hash_predicates(quoted_key: str, key_hash: str, parts: int) -> list[str]:
    """Return the WHERE clauses of parts by the remainder of a key's hash; together they hold for every row once.

    Args:
        quoted_key: the key; its NULLs are in the first part, whatever their hash.
        key_hash: the database's own expression, a whole number that may be negative.
        parts: how many.
    """
    first, *others = (f"ABS({key_hash} % {parts}) = {part}" for part in range(parts))
    return [f"{first} OR {quoted_key} IS NULL", *(f"{other} AND {quoted_key} IS NOT NULL" for other in others)]

"""Holding a target against its source, row by row, by the hashes of rows as they land; told by ranges of their keys.

Both sides are hashed by Spark, alike: no database's own hash is Spark's. So the whole source crosses the wire once, as
a full load's does; what it saves is the writing. Of the target only the compared columns are read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from types import MappingProxyType

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import DataType, DecimalType, IntegralType, MapType, StructType

from ingestion.lake.delta_sql import type_of
from ingestion.platform.columns import column, quoted
from ingestion.platform.names import own_name

_RANGES = 16
_MISSING, _DIFFERENT, _EXTRA, _SAME = "missing", "different", "extra", "same"
_HASH, _SOURCE, _TARGET, _KIND = "__h__", "__s__", "__t__", "__kind__"
_RANGE, _EXAMPLE, _MAY_LAND = "__range__", "__example__", "__may_land__"


@dataclass(frozen=True)
class KeyRange:
    """How the rows of one range of keys stand.

    Attributes:
        name: which keys, for people.
        source_rows, target_rows: in the range.
        missing: rows that only the source has, different: of one key and other values, extra: only the target has.
        examples: some of their keys.
    """

    name: str
    source_rows: int
    target_rows: int
    missing: int
    different: int
    extra: int
    examples: tuple[str, ...]

    @property
    def differences(self) -> int:
        """The rows that are not alike."""
        return self.missing + self.different + self.extra

    def __str__(self) -> str:
        """In one line, for people."""
        found = [(self.missing, _MISSING), (self.different, _DIFFERENT), (self.extra, "too many")]
        words = ", ".join(f"{number:,} {word}" for number, word in found if number) or "alike"
        return f"{self.name}: {self.source_rows:,} rows in the source, {self.target_rows:,} in the target: {words}"


@dataclass(frozen=True)
class Counted:
    """Which differences count; the others are as they are meant to be.

    Attributes:
        different: a row whose values changed; `append` keeps those that it had first.
        extra: a row that only the target has; a feed that ignores deletes keeps it.
    """

    different: bool = True
    extra: bool = True


def row_hash(names: Sequence[str], types: Mapping[str, DataType] = MappingProxyType({})) -> str:
    """Return a row's hash, as SQL; which of its values are NULL is part of it, which Spark's own hash leaves out.

    Args:
        names: of the columns.
        types: to which they are cast first; those that are not named stay as they are.
    """
    columns = [f"CAST({quoted(name)} AS {type_of(types[name])})" if name in types else quoted(name) for name in names]
    nulls = ", ".join(f"CASE WHEN {each} IS NULL THEN '1' ELSE '0' END" for each in columns)
    return f"xxhash64({', '.join(columns)}, concat({nulls}))"


def comparable(source: StructType, target: StructType) -> list[str]:
    """Return the columns that can be compared: those of the source that the target has; a map has no hash."""
    return [field.name for field in source if field.name in target.names and not _has_map(target[field.name].dataType)]


def paired(
    source: DataFrame, target: DataFrame, key: Sequence[str], columns: Sequence[str], may_land: str | None = None
) -> DataFrame:
    """Return a row a key of either side: the key under its own names, and in the last column how it stands.

    Args:
        source: its rows, of which no two have one key.
        target: its rows, likewise.
        key: the columns that tell one row from all others.
        columns: that are compared.
        may_land: the source's column that says whether a row may be in the target as it is; one that may not is alike,
            whatever the target has of it.
    """
    types = {field.name: field.dataType for field in target.schema}
    left = source.select(
        (column(may_land) if may_land else F.lit(True)).alias(_MAY_LAND),
        *(column(name).cast(types[name]).alias(f"s{number}") for number, name in enumerate(key)),
        F.expr(row_hash(columns, types)).alias(_SOURCE),
    )
    right = target.select(
        *(column(name).alias(f"t{number}") for number, name in enumerate(key)),
        F.expr(row_hash(columns)).alias(_TARGET),
    )
    same_key = reduce(Column.__and__, [F.col(f"s{number}") == F.col(f"t{number}") for number in range(len(key))])
    kind = (
        F.when(~F.col(_MAY_LAND), _SAME)
        .when(F.col(_TARGET).isNull(), _MISSING)
        .when(F.col(_SOURCE).isNull(), _EXTRA)
        .when(F.col(_SOURCE) != F.col(_TARGET), _DIFFERENT)
        .otherwise(_SAME)
    )
    own = [F.coalesce(F.col(f"s{number}"), F.col(f"t{number}")).alias(name) for number, name in enumerate(key)]
    return left.join(right, same_key, "full_outer").select(*own, kind.alias(own_name("_kind", key)))


def kind_of(paired_rows: DataFrame, counted: Counted) -> tuple[DataFrame, DataFrame]:
    """Return the keys whose rows the target lacks or has otherwise, and those that it has too many."""
    kind = paired_rows.columns[-1]
    wanted = [_MISSING, *([_DIFFERENT] if counted.different else [])]
    surplus = [_EXTRA] if counted.extra else []
    return (
        paired_rows.where(F.col(kind).isin(wanted)).drop(kind),
        paired_rows.where(F.col(kind).isin(surplus)).drop(kind),
    )


def compare(
    source: DataFrame,
    target: DataFrame,
    key: Sequence[str],
    columns: Sequence[str],
    counted: Counted,
    *,
    may_land: str,
) -> list[KeyRange]:
    """Return how the ranges of keys stand, in their order; without a key all rows are one range.

    A first key that is a whole number is divided into equal ranges of what the target has; another one is not. Rows
    that may not land are counted on either side as they are, and differ from nothing; see `paired`.
    """
    if not key:
        return [_compare_bags(source.where(column(may_land)), target, columns, counted)]
    kind = target.schema[key[0]].dataType
    least, greatest = None, None
    if _is_whole_number(kind):
        least, greatest = target.agg(F.min(column(key[0])), F.max(column(key[0]))).collect()[0]
    rows = paired(source, target, key, columns, may_land)
    place = F.lit(0)
    if least is not None and greatest is not None and greatest > least:
        whole = column(key[0]).cast("decimal(38,0)")
        begun = [F.when(whole >= F.lit(Decimal(edge)), 1).otherwise(0) for edge in _edges(int(least), int(greatest))]
        place = reduce(Column.__add__, begun)
    words = F.concat_ws(", ", *(F.concat(F.lit(f"{name} = "), column(name).cast("string")) for name in key))
    counts = {_MISSING: True, _DIFFERENT: counted.different, _EXTRA: counted.extra}
    kinds = [name for name, is_counted in counts.items() if is_counted]
    stands = F.col(rows.columns[-1])
    example = F.when(stands.isin(kinds), F.concat(words, F.lit(": "), stands))
    found = (
        rows.select(stands.alias(_KIND), place.alias(_RANGE), example.alias(_EXAMPLE))
        .groupBy(_RANGE)
        .agg(
            F.count_if(F.col(_KIND) != _EXTRA).alias("in_source"),
            F.count_if(F.col(_KIND) != _MISSING).alias("in_target"),
            *(F.count_if(F.col(_KIND) == name).alias(name) for name in (_MISSING, _DIFFERENT, _EXTRA)),
            F.array_distinct(F.array(F.min(_EXAMPLE), F.max(_EXAMPLE))).alias("examples"),
        )
        .orderBy(_RANGE)
        .collect()
    )
    return [_key_range(row, key[0], least, greatest, counted) for row in found]


def _key_range(row: Row, name: str, least: int | None, greatest: int | None, counted: Counted) -> KeyRange:
    return KeyRange(
        _name(row[_RANGE], name, least, greatest),
        row["in_source"],
        row["in_target"],
        row[_MISSING],
        row[_DIFFERENT] if counted.different else 0,
        row[_EXTRA] if counted.extra else 0,
        tuple(each for each in row["examples"] if each is not None),
    )


def _name(place: int, name: str, least: int | None, greatest: int | None) -> str:
    if least is None or greatest is None or greatest <= least:
        return "all keys"
    edges = [int(least), *_edges(int(least), int(greatest)), int(greatest) + 1]
    low, high = edges[place : place + 2]
    if place == 0:
        return f"{name} below {high}"
    return f"{name} from {low} on" if place == _RANGES - 1 else f"{name} from {low} to {high - 1}"


def _edges(least: int, greatest: int) -> list[int]:
    """Return the numbers at which the second range begins, and those after it; several where there are few numbers."""
    width = greatest - least + 1
    return [least - (-width * place // _RANGES) for place in range(1, _RANGES)]


def _compare_bags(source: DataFrame, target: DataFrame, columns: Sequence[str], counted: Counted) -> KeyRange:
    """Hold rows without a key against each other: how often each is there."""
    types = {field.name: field.dataType for field in target.schema}
    sides = []
    for frame, number in ((source, _SOURCE), (target, _TARGET)):
        hashed = F.expr(row_hash(columns, types)).alias(_HASH)
        sides.append(frame.select(hashed).groupBy(_HASH).agg(F.count(F.lit(1)).alias(number)))
    left, right = (F.coalesce(F.col(number), F.lit(0)) for number in (_SOURCE, _TARGET))
    more, fewer = F.greatest(left - right, F.lit(0)), F.greatest(right - left, F.lit(0))
    sums = [F.coalesce(F.sum(each), F.lit(0)) for each in (left, right, more, fewer)]
    rows, kept, missing, extra = sides[0].join(sides[1], _HASH, "full_outer").agg(*sums).collect()[0]
    return KeyRange("all rows", rows, kept, missing, 0, extra if counted.extra else 0, ())


def _is_whole_number(kind: DataType) -> bool:
    return isinstance(kind, IntegralType) or (isinstance(kind, DecimalType) and kind.scale == 0)


def _has_map(kind: DataType) -> bool:
    if isinstance(kind, StructType):
        return any(_has_map(field.dataType) for field in kind)
    return isinstance(kind, MapType)

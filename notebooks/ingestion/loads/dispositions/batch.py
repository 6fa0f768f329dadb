"""What one window brings to a table, and what came of it: the values that all write dispositions work with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.lake.changes import Changes
from ingestion.lake.delta_commits import Commit
from ingestion.lake.delta_tables import DeltaTable
from ingestion.platform.columns import column
from ingestion.platform.names import own_name, own_prefix


class News(Enum):
    """How much of a batch the table cannot have as it is: the method tells, and nobody has to look."""

    UNKNOWN = "unknown"
    SOME = "some"
    ALL = "all"


# What happens with a row, in the column that `Batch.action` names.
INSERT, UPDATE, DELETE, NOTHING, LEAVE_OUT = "insert", "update", "delete", "nothing", "leave out"


@dataclass(frozen=True)
class Counts:
    """How many rows of the table were inserted, updated, deleted; soft deletes are deletes."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    removed: int = 0

    @property
    def growth(self) -> int:
        """By how many rows the table grew."""
        return self.inserted - self.removed


@dataclass(frozen=True)
class Batch:
    """The rows of one window, written aside and checked, and the table that they are for.

    Attributes:
        table: the target.
        rows: with the helper columns of `changes`.
        present: has the keys that the source still has, where it told all of them: also of rows that may not land.
        changes: names the columns.
        key: the columns that tell one row from all others.
        begun: when the load began, as text of UTC; the same after a kill.
        deletes: what becomes of rows that were deleted: `ignore`, `hard`, `soft`.
        commit: whose commit it is.
        aside: writes a frame aside under a name, and returns it, to be read more than once.
        brake: told how many rows would be deleted, of how many; refuses too many.
        note: told what a person should know of the load.
        news: how many of the rows are new or changed for certain.
    """

    table: DeltaTable
    rows: DataFrame
    present: DataFrame
    changes: Changes
    key: Sequence[str]
    begun: str
    deletes: str
    commit: Commit
    aside: Callable[[DataFrame, str], DataFrame]
    brake: Callable[[int, int], None]
    note: Callable[[str], None]
    news: News = News.UNKNOWN

    @property
    def columns(self) -> list[str]:
        """The source's columns, which land."""
        return self.changes.columns

    @property
    def deleted_at(self) -> str | None:
        """The column that tells when a row was deleted; only soft deletes have it."""
        return own_name("_deleted_at", self.columns) if self.deletes == "soft" else None

    @property
    def is_deleted(self) -> Column:
        """Say whether a row of the source was deleted."""
        return column(self.changes.deleted) if self.changes.deleted else F.lit(False)

    @property
    def moment(self) -> Column:
        """The time of a change: the source's own, else the load's."""
        begun = F.lit(self.begun).cast("timestamp")
        return F.coalesce(column(self.changes.time), begun) if self.changes.time else begun

    def own(self, name: str) -> str:
        """Return a column's name of ours, beside all that the rows have."""
        return own_name(f"_{name}", self.rows.columns)

    @property
    def same(self) -> Column:
        """Say whether a row has the values of the table's row; see `there`."""
        pairs = [column(name).eqNullSafe(F.col(there)) for name, there in zip(self.columns, self._there, strict=True)]
        return reduce(Column.__and__, pairs)

    def is_older(self, guard: Column) -> Column:
        """Say whether a row is older than another, by what the source itself says of their age.

        Args:
            guard: the other row's.
        """
        own = self.changes.guard
        return F.lit(False) if own is None else F.coalesce(guard > F.expr(own), F.lit(False))

    def tell_older(self, rows: int) -> None:
        """Tell of rows that were left out, since the source itself says that they are older than those that landed."""
        if rows:
            self.note(f"{rows} rows that are older, by their cursor, than what landed before were left out")

    @property
    def guard(self) -> Column:
        """What is greater in the newer of two rows; NULL where nothing tells."""
        return F.lit(None) if self.changes.guard is None else F.expr(self.changes.guard)

    def there(self, frame: DataFrame, *more: Column) -> DataFrame:
        """Return the source's columns of the table, named so that no row of the source has them, and more."""
        return frame.select(
            *(column(name).alias(there) for name, there in zip(self.columns, self._there, strict=True)), *more
        )

    @property
    def on_key(self) -> Column:
        """The condition that a row has the key of the table's row; see `there`."""
        there = {name.lower(): there for name, there in zip(self.columns, self._there, strict=True)}
        return reduce(Column.__and__, [column(name) == F.col(there[name.lower()]) for name in self.key])

    @property
    def _there(self) -> list[str]:
        prefix = own_prefix("_there_", self.rows.columns)
        return [f"{prefix}{number}" for number, _ in enumerate(self.columns)]

    def without_keys_of(self, frame: DataFrame, other: DataFrame) -> DataFrame:
        """Return the rows of a frame whose key no row of another has."""
        prefix = own_prefix("_key_", frame.columns)
        own = {name: f"{prefix}{number}" for number, name in enumerate(self.key)}
        keys = other.select(*(column(name).alias(key) for name, key in own.items())).distinct()
        pairs = [column(name) == F.col(key) for name, key in own.items()]
        return frame.join(keys, reduce(Column.__and__, pairs), "left_anti")


def landing_rows(batch: Batch) -> DataFrame:
    """Return the rows of a batch as a table of one row a key has them; those that were deleted are not there."""
    rows = batch.rows.where(~batch.is_deleted).select(*map(column, batch.columns))
    return rows if batch.deleted_at is None else rows.withColumn(batch.deleted_at, F.lit(None).cast("timestamp"))

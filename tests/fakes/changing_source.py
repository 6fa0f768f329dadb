"""A source that changes, in memory: rows with a cursor, read as a method reads them, without a database between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window
from ingestion.platform.errors import PositionLostError

Result = TypeVar("Result")


@dataclass
class ChangingSource:
    """Rows of `columns`, whose cursor is the whole number in `at`; reading goes up to the greatest one.

    Attributes:
        spark: the session.
        columns: in Spark's DDL; the last one is `at`.
        rows: that are there.
        lookback: how far below the position is read again.
        is_ordered: rows say which of two is the newer one, as those of a database do.
        deletions: by cursor, the keys of rows that were deleted: told if `tells_deletes`.
        reads: how often rows were read.
    """

    spark: SparkSession
    columns: str = "id long, name string, at long"
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    key: tuple[str, ...] = ("id",)
    lookback: int = 0
    is_key_kept: bool = True
    may_skip_rows: bool = False
    has_versions: bool = False
    is_whole: bool = False
    is_ordered: bool = False
    deletions: list[tuple[int, int]] = field(default_factory=list)
    tells_deletes: bool = False
    is_exclusive: bool = False
    name: str = "one"
    reads: int = 0
    on_read: Callable[[], None] = lambda: None
    on_check: Callable[[], None] = lambda: None
    shown: str = "memory#rows"
    notes: list[str] = field(default_factory=list)

    @property
    def method(self) -> "ChangingSource":
        return self

    def identity(self) -> Mapping[str, str]:
        return {"database": self.name}

    def now(self, position: str | None) -> Reach:
        last = [row[-1] for row in self.rows if row[-1] is not None] + [at for at, _ in self.deletions]
        if self.is_whole:
            return Reach(None)
        return Reach(str(max([*last, int(position or 0)])) if last or position else None)

    def check(self, position: str, identity: Mapping[str, str]) -> None:
        if identity != self.identity():
            raise PositionLostError(f"memory: is {self.name}, and the position is of {identity['database']}.")

    def at(self, value: str) -> str:
        return value

    def changes(self, window: Window) -> Changes:
        self.reads += 1
        self.on_read()
        frame = self._frame(self._within(window))
        if self.is_whole:
            return Changes(frame, whole=True)
        end = int(window.end or 0)
        frame = frame.withColumn("_again", F.col("at").isNull() | (F.col("at") >= end - self.lookback))
        if self.is_exclusive:
            return Changes(frame.drop("_again"))
        if not self.tells_deletes:
            covers = f"at >= {int(window.start or 0) - self.lookback} and at <= {end} or at is null"
            order = "_order" if self.is_ordered else None
            frame = frame if order is None else frame.withColumn(order, F.col("at"))
            return Changes(frame, again="_again", covers=covers, order=order)
        gone = [(key, at) for at, key in self.deletions if window.start is None or int(window.start) < at <= end]
        dead = self.spark.createDataFrame(gone, "id long, _at long").withColumn("_dead", F.lit(True))
        live = frame.drop("_again").withColumns({"_dead": F.lit(False), "_at": F.col("at")})
        return Changes(live.unionByName(dead, allowMissingColumns=True), deleted="_dead", order="_at")

    def keys(self) -> DataFrame:
        return self._frame(self.rows).select(*self.key)

    def check_columns(self) -> None:
        self.on_check()

    def retry(self, task: Callable[[], Result]) -> Result:
        return task()

    def _within(self, window: Window) -> list[tuple[Any, ...]]:
        if self.is_whole:
            return self.rows
        low = int(window.start) - self.lookback if window.start is not None else None
        high = int(window.end) if window.end is not None else None
        chosen = []
        for row in self.rows:
            at = row[-1]
            above = low is None or (at > low if self.is_exclusive or self.tells_deletes else at >= low)
            below = high is not None and (at < high if window.half_open else at <= high)
            if above and below:
                chosen.append(row)
        return chosen

    def _frame(self, rows: Sequence[tuple[Any, ...]]) -> DataFrame:
        return self.spark.createDataFrame(list(rows), self.columns)

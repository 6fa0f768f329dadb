"""The rows of a database's table, as one load reads them."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pyspark.sql import DataFrame, SparkSession

from ingestion.feeds.model import Table
from ingestion.lake.manifest import without_credentials
from ingestion.loads.run_context import Run
from ingestion.platform.key_range import KeyRange
from ingestion.sql.database import Extent, SourceTable, SqlDatabase
from ingestion.sql.failures import retry_transient
from ingestion.sql.partitioning import partition_count

Result = TypeVar("Result")


@dataclass
class TableRows:
    """All rows of a table.

    Attributes:
        run: what the load works with.
        database: that has the table.
        feed: which table, and which of its columns.
        connections: the most that may read it at a time.
    """

    run: Run
    database: SqlDatabase
    feed: Table
    connections: int = 1
    problem: str | None = field(init=False, default=None)
    origin: tuple[str, ...] = field(init=False, default=())
    _table: SourceTable | None = field(init=False, default=None)
    _extent: Extent | None = field(init=False, default=None)

    @property
    def shown(self) -> str:
        """The database and the table, without credentials."""
        return f"{without_credentials(self.database.url)}#{self.feed.local_name}"

    @property
    def notes(self) -> list[str]:
        """Which columns land as text."""
        return self._table.notes if self._table else []

    def measure(self) -> int | None:
        """Return the number of rows; the database counts, unless its catalog says that they are few.

        Those are read in one stream however many they are, and counted on their way.
        """
        feed = self.feed
        self._table = self.database.describe(
            feed.local_name, columns=feed.columns, exclude_columns=feed.exclude_columns
        )
        most_rows = self._table.most_rows
        if most_rows is not None and not self._count_decides and partition_count(most_rows, 2, 2) == 1:
            self._extent = Extent(None, KeyRange(most_rows, None, None))
            return None
        self._extent = self.database.measure(self._table, self._key())
        return self._extent.rows

    @property
    def _count_decides(self) -> bool:
        """Whether it makes a difference how many rows there are: to whether they land, or to how keys are compared."""
        return self.feed.land_when_more_than is not None or any(check.kind == "unique" for check in self.feed.checks)

    def frame(self) -> DataFrame:
        """Return the rows, to be read over as many connections as they are worth."""
        if self._table is None or self._extent is None:
            self.measure()
        assert self._table is not None  # noqa: S101 - measured above
        assert self._extent is not None  # noqa: S101 - the same
        connections = partition_count(self._extent.rows, cores(self.run.spark), self.connections)
        return self.database.read(self._table, self._extent, connections)

    def rows_read(self, written: int) -> int:
        """Return the rows that were read: all of them are written."""
        return written

    def check_columns(self) -> None:
        """Make sure that the columns are what they were when the read began."""
        if self._table is not None:
            self.database.check_columns(self._table)

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads the table, again where it failed for a reason that passes."""
        return retry_transient(task, on_retry=self._report, sleep=self.run.sleep)

    def _key(self) -> str | None:
        """Return the column by which the table may be divided."""
        return self.feed.primary_key[0] if self.feed.primary_key else None

    def _report(self, error: Exception) -> None:
        self.run.log.retry(self.shown, error)
        self.database.adapt(error)


def cores(spark: SparkSession) -> int:
    """Return how many tasks run at a time: this machine's cores where Spark runs on it alone, else enough for any."""
    master = str(spark.conf.get("spark.master", "") or "")
    return (os.cpu_count() or 1) if master.startswith("local") else 64

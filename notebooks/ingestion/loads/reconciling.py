"""The mode `reconcile`: a feed's target is held against its source, and nothing is changed."""

from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame

from ingestion.feeds.model import Feed
from ingestion.lake.journal import Window, read_journal
from ingestion.lake.manifest import manifest_path, read_manifest
from ingestion.loads.changing_rows import ChangingRows
from ingestion.loads.comparison import Counted, KeyRange, comparable, compare
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.loads.staging import newest_of_each_key
from ingestion.platform.columns import column
from ingestion.platform.errors import InvalidSettingError
from ingestion.platform.names import own_name
from ingestion.quality.checks import Gate
from ingestion.quality.declared import declared_checks

_TOLD = 3


@dataclass(frozen=True)
class Reconciliation:
    """Holds one feed's target against its source.

    Rows that a feed's checks refuse are not meant to be in the target, nor are those that its cursor leaves out. What
    changes in the source while it is read is told as a difference: it is for quiet hours, or for looking twice.

    Attributes:
        run: what it works with.
        feed: whose target.
        rows: of the source.
        result: what comes of it.
    """

    run: Run
    feed: Feed
    rows: ChangingRows
    result: FeedResult

    def reconcile(self) -> list[KeyRange]:
        """Return how the ranges of keys stand, and tell of those that are not alike.

        Raises:
            InvalidSettingError: nothing was loaded yet, or records lie in files of their own.
            SourceError: the source cannot be read.
        """
        target = self._target()
        ranges = self.rows.retry(partial(self._compare, target))
        unlike = [each for each in ranges if each.differences]
        result = self.result
        result.rows_read, result.rows_in_target = (
            sum(each.source_rows for each in ranges),
            sum(each.target_rows for each in ranges),
        )
        result.differences = sum(each.differences for each in ranges)
        result.notes = [str(each) for each in unlike] or [f"{result.rows_read:,} rows are alike"]
        result.status = Status.FAILED if unlike else Status.SUCCEEDED
        if unlike:
            examples = [example for each in unlike for example in each.examples][:_TOLD]
            found = "; ".join(map(str, unlike[:_TOLD])) + ("; ..." if len(unlike) > _TOLD else "")
            result.error = (
                f"{result.differences:,} rows differ from the source: {found}. For example {'; '.join(examples)}. Mode "
                "repair loads these anew."
                if examples
                else f"{result.differences:,} rows differ from the source: {found}. Mode reload loads all anew."
            )
        return ranges

    def _compare(self, target: DataFrame) -> list[KeyRange]:
        source, may_land = self._source()
        columns = [name for name in comparable(source.schema, target.schema) if name != may_land]
        return compare(source, target, self.rows.key, columns, counted(self.feed), may_land=may_land)

    def _source(self) -> tuple[DataFrame, str]:
        """Return the rows that the source has, and the column that says whether they may be in the target."""
        method = self.rows.method
        reach = method.now(None)
        changes = method.changes(Window(0, None, reach.end, pinned=reach.pinned))
        frame = changes.frame
        if self.rows.key and not self.rows.is_key_kept:
            frame = newest_of_each_key(changes, self.rows.key, every_version=False)
        gate = Gate(declared_checks(self.feed.checks), frame.schema, now=self.run.log.clock(), rows_before=None)
        may_land = own_name("_may_land", frame.columns)
        return frame.select(*map(column, changes.columns), gate.passes().alias(may_land)), may_land

    def _target(self) -> DataFrame:
        """Return the rows that the target has now, no older versions and none that the source deleted."""
        run, feed = self.run, self.feed
        if feed.format == "json":
            raise InvalidSettingError(f"{feed.name}: lands as a file a record, which is not held against its source.")
        manifest = read_manifest(run.storage.read(manifest_path(feed.destination)))
        if read_journal(run.storage, feed.destination) is None and manifest is None:
            raise InvalidSettingError(f"{feed.name}: was not loaded yet: start it with mode load first.")
        if feed.format == "delta":
            return live_rows(run.delta_table(feed).read(), feed)
        reader = (
            run.spark.read if manifest is None or manifest.columns is None else run.spark.read.schema(manifest.columns)
        )
        return reader.parquet(run.storage.url(feed.destination))


def counted(feed: Feed) -> Counted:
    """Return which differences are none that a feed means to have."""
    keeps_what_is_gone = feed.deletes == "ignore" and feed.write_disposition != "replace"
    return Counted(different=feed.write_disposition != "append", extra=not keeps_what_is_gone)


def live_rows(table: DataFrame, feed: Feed) -> DataFrame:
    """Return the rows of a feed's table that are what the source has now."""
    # Ours come last: their names are the ones with the most `_`.
    if feed.deletes == "soft":
        table = table.where(column(_own("_deleted_at", table)).isNull())
    if feed.write_disposition == "scd2":
        table = table.where(column(_own("_is_current", table)))
    return table


def _own(name: str, table: DataFrame) -> str:
    """Return the name that our column has in a table: the longest one that ends so."""
    found = name
    while own_name(f"_{found}", table.columns) != f"_{found}":
        found = f"_{found}"
    return found

"""One window of a feed: its rows are read aside, held against the feed's rules, and committed to the target."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StructField, StructType

from ingestion.feeds.model import Feed, Table
from ingestion.lake.changes import Changes
from ingestion.lake.delta_commits import Commit
from ingestion.lake.journal import Journal, Overlap, Window
from ingestion.lake.parquet import read_parquet
from ingestion.loads.brake import check_deletes
from ingestion.loads.changing_rows import ChangingRows
from ingestion.loads.comparison import comparable, kind_of, paired
from ingestion.loads.dispositions import DISPOSITIONS, Batch, Counts, Disposition, News
from ingestion.loads.judgement import Judgement
from ingestion.loads.reconciling import counted, live_rows
from ingestion.loads.results import FeedResult
from ingestion.loads.run_context import Run
from ingestion.loads.schema_contract import agree
from ingestion.loads.staging import (
    Sight,
    Staged,
    is_new,
    newest_of_each_key,
    overlap_of,
    refuse_ties,
    sight_of,
    stage,
)
from ingestion.loads.target import Target
from ingestion.platform.columns import column
from ingestion.platform.errors import IngestionError, NothingYetError, StagingError
from ingestion.platform.names import own_name
from ingestion.platform.spark_errors import root_cause
from ingestion.quality.checks import Gate
from ingestion.quality.declared import declared_checks, readable
from ingestion.quality.metrics import Outcome


@dataclass(frozen=True)
class Applied:
    """What came of a window.

    Attributes:
        window: with the end that its rows told, where it had none.
        counts: of rows; None: nothing changed, and nothing was committed.
        commit: that was made, or would have been.
        overlap: what the next window reads again; None: nothing.
        columns: of the source, that land, in Spark's JSON form.
        must_look: the next window may hold rows that the target has already.
    """

    window: Window
    counts: Counts | None
    commit: Commit
    overlap: Overlap | None
    columns: dict[str, Any]
    must_look: bool = False


@dataclass
class WindowLoad:
    """Loads windows of one feed, while one run holds its target.

    Attributes:
        run: what it works with.
        feed: what lands.
        rows: of the feed.
        target: where they land.
        result: what comes of it.
        folder: of the lake, in which this run writes aside; it is gone at the end.
        check_lock: makes sure that this run still holds the target: before each commit.
    """

    run: Run
    feed: Feed
    rows: ChangingRows
    target: Target
    result: FeedResult
    folder: str
    check_lock: Callable[[], None]
    _judgement: Judgement = field(init=False)

    def __post_init__(self) -> None:
        self._shown = str(self.target.table)
        self._judgement = Judgement(self.run, self.feed, self.result, self._shown, self.rows.shown)
        self._disposition = DISPOSITIONS[self.feed.write_disposition]

    def is_idle(self, journal: Journal, window: Window) -> bool:
        """Say whether nothing is newer, and what windows share is as it was: then the target is not even looked at."""
        is_further = window.end != window.start
        if journal.version is None or window.start is None or window.end is None:
            return False
        if is_further and journal.overlap is not None:
            return False
        changes = self.rows.method.changes(window)
        agreed = agree(self.feed.schema_contract, journal.columns, _columns(changes), self._shown)
        if agreed.evolves or changes.whole:
            return False
        self._note(*self.rows.notes, *changes.notes, *agreed.notes)
        if changes.again is None:
            return changes.covers is None and (not is_further or changes.frame.isEmpty())
        return not is_further and overlap_of(changes.frame, agreed.columns.names, changes.again) == journal.overlap

    def apply(self, journal: Journal, window: Window) -> Applied | None:
        """Read a window, and commit what it changes; None where there are none yet, or too few to land.

        Raises:
            PositionLostError: the source no longer keeps what came after the window's start.
            IngestionError: it cannot land for another reason; the target is as it was.
        """
        with self._judgement.measured():
            try:
                changes, staged = self.rows.retry(partial(self._staged, journal, window))
            except NothingYetError as error:
                self._skip(str(error))
                return None
            if journal.position is not None:
                self.rows.retry(partial(self.rows.method.check, journal.position, window.identity))
            if self._is_too_little(staged):
                return None
            window = window if changes.end is None else replace(window, end=changes.end)
            commit = Commit(journal.application, window.number, self._metadata(window))
            batch = self._batch(commit, changes, staged.rows, staged.every, window.begun)
            must_look = bool(staged.written.refused_rows)
            overlap = None
            if self._tells_news(journal, window, changes):
                sight = sight_of(staged.every, changes, window.start or "", window.end or "")
                if not journal.must_look and not must_look:
                    batch = self._with_news(batch, journal, window, sight)
                overlap, must_look = sight.again, must_look or sight.is_ahead
            elif changes.whole or changes.again is not None:
                overlap = overlap_of(staged.every, changes.columns, changes.again)
            is_known = changes.whole and overlap == journal.overlap and journal.version is not None
            self.check_lock()
            counts = None if is_known else self._commit(journal, batch, staged.written.rows)
            self._judgement.metrics.outcome = Outcome.LANDED
        self._count(counts)
        return Applied(window, counts, commit, overlap, _columns(changes).jsonValue(), must_look)

    def repair(self, journal: Journal, window: Window) -> Applied:
        """Read all rows, and commit those that differ from the table's.

        Args:
            journal: of the feed.
            window: of all rows.

        Raises:
            DeletesRefusedError: too many would be deleted.
            IngestionError: it cannot be done; the target is as it was.
        """
        with self._judgement.measured():
            changes, staged = self.rows.retry(partial(self._staged, journal, window))
            commit = Commit(journal.application, window.number, self._metadata(window))
            if journal.columns != _columns(changes).jsonValue():
                self.target.table.evolve(_columns(changes))
            batch = self._batch(commit, changes, staged.rows, staged.every, window.begun)
            changes, rows = self._unlike(batch)
            self.check_lock()
            counts = self._repairing.apply(replace(batch, changes=changes, rows=rows))
            self._judgement.metrics.outcome = Outcome.LANDED
        self._count(counts)
        return Applied(window, counts, commit, None, _columns(changes).jsonValue())

    @property
    def _repairing(self) -> Disposition:
        """What repairs rows by their keys: a window is not what is replaced."""
        name = self.feed.write_disposition
        return DISPOSITIONS["merge" if name == "replace_window" else name]

    def _unlike(self, batch: Batch) -> tuple[Changes, DataFrame]:
        """Return as changes the rows that the table lacks or has otherwise, and deletes of those it has too many."""
        there, columns = live_rows(batch.table.read(), self.feed), batch.columns
        compared = comparable(batch.rows.schema, there.schema)
        pairs = self._aside(paired(batch.rows, there, batch.key, compared), "pairs")
        wanted, surplus = kind_of(pairs, counted(self.feed))
        deleted = own_name("_deleted", columns)
        rows = batch.rows.select(*map(column, columns)).join(wanted, list(batch.key), "left_semi")
        # A row that may not land as it is now is there all the same.
        gone = batch.without_keys_of(surplus, batch.present).withColumn(deleted, F.lit(True))
        changed = rows.withColumn(deleted, F.lit(False)).unionByName(gone, allowMissingColumns=True)
        rows = self._aside(changed, "unlike")
        return Changes(rows, deleted=deleted), rows

    def scan_keys(self, journal: Journal) -> tuple[Counts | None, Commit]:
        """Delete the rows whose key the source no longer has, in a commit of its own.

        Only keys are read, all of them or the feed fails; twice before any is taken for gone, where one that is there
        may be left out.

        Raises:
            DeletesRefusedError: they are too many.
            IngestionError: the keys cannot be read.
        """
        commit = Commit(journal.key_scans, None, {"run_id": self.run.log.run_id})
        with self.run.log.step("key scan", source=self.rows.shown, target=self._shown) as step:
            keys = self._keys()
            columns = StructType.fromJson(dict(journal.columns or {}))
            known = self.target.table.read().select(*map(column, columns.names)).limit(0)
            batch = self._batch(commit, Changes(known), known, keys, self.run.log.clock().isoformat())
            self.check_lock()
            counts = self._disposition.remove(batch)
            step.rows = counts.deleted if counts else 0
        self._count(counts)
        return counts, commit

    def _keys(self) -> DataFrame:
        """Return the keys that the source has, written aside."""
        read = partial(self.rows.retry, lambda: self._aside(self.rows.keys(), "keys"))
        keys = read()
        if not self.rows.may_skip_rows:
            return keys
        there = live_rows(self.target.table.read(), self.feed).select(*map(column, self.rows.key))
        is_any_gone = not there.join(keys, list(self.rows.key), "left_anti").isEmpty()
        return keys.unionByName(read()) if is_any_gone else keys

    def _staged(self, journal: Journal, window: Window) -> tuple[Changes, Staged]:
        """Read a window aside and judge its rows; they are those that may land."""
        changes = self.rows.method.changes(window)
        agreed = agree(self.feed.schema_contract, journal.columns, _columns(changes), self._shown)
        self._note(*self.rows.notes, *changes.notes, *agreed.notes)
        changes = self._needed(changes, agreed.columns, is_first=window.start is None)
        gate = Gate(
            [*readable(changes.problem), *declared_checks(self.feed.checks)],
            changes.frame.schema,
            now=self.run.log.clock(),
            rows_before=journal.rows if changes.whole else None,
            exempt=changes.deleted,
        )
        try:
            staged = stage(changes, self.run.storage.url(f"{self.folder}/{uuid4().hex}"), gate)
        except IngestionError:
            raise
        except Exception as error:
            raise StagingError(f"{self._shown}: cannot be written aside: {root_cause(error)}") from error
        self.rows.check_columns()
        if self.rows.key and not self._is_settled(changes):
            refuse_ties(staged.every, changes, self.rows.key, every_version=self._keeps_versions)
        self.result.rows_read = (self.result.rows_read or 0) + staged.rows_read
        self._judgement.judge(staged.written, gate, self.folder, expire=True)
        return changes, staged

    def _needed(self, changes: Changes, columns: StructType, *, is_first: bool) -> Changes:
        """Return the rows that land, with the helper columns that are needed: no other one is read."""
        is_settled, keeps_versions = self._is_settled(changes), self._keeps_versions
        tells_news = not is_first and changes.again is not None
        needed = replace(
            changes,
            order=changes.order if not is_settled or keeps_versions or tells_news else None,
            time=changes.time if keeps_versions or self.feed.deletes == "soft" else None,
        )
        needed = replace(needed, frame=changes.frame.select(*map(column, (*columns.names, *needed.helpers))))
        if is_settled or not self.rows.key:
            return needed
        return replace(needed, frame=newest_of_each_key(needed, self.rows.key, every_version=keeps_versions))

    def _is_settled(self, changes: Changes) -> bool:
        """Say whether each key comes once, by what the source itself keeps to."""
        return self.rows.is_key_kept and changes.deleted is None

    @property
    def _keeps_versions(self) -> bool:
        return self.feed.write_disposition == "scd2"

    def _is_too_little(self, staged: Staged) -> bool:
        more_than = self.feed.land_when_more_than
        if more_than is None or staged.written.rows > more_than:
            return False
        self._skip(f"{staged.written.rows} rows, and it lands when there are more than {more_than}.")
        return True

    def _skip(self, reason: str) -> None:
        self.result.error = reason
        self._judgement.metrics.outcome = Outcome.TOO_FEW_ROWS

    def _commit(self, journal: Journal, batch: Batch, rows: int) -> Counts | None:
        """Apply staged rows to the target in one commit; None where they change nothing, and nothing is committed."""
        changes = batch.changes
        if journal.version is None:
            self.target.replace(self._disposition.whole(batch), batch.commit, self.folder)
            return Counts(inserted=self.target.table.read().count())
        if not rows and not changes.whole and changes.covers is None:
            return None
        if journal.columns != _columns(changes).jsonValue():
            self.target.table.evolve(_columns(changes))
        return self._disposition.apply(batch)

    def _tells_news(self, journal: Journal, window: Window, changes: Changes) -> bool:
        """Say whether the cursor of a row tells that the table cannot have it as it is.

        It does so where it lands itself, and each write moves it on.
        """
        cursor = self.feed.incremental.cursor_column if isinstance(self.feed, Table) else None
        lands = cursor is not None and cursor.lower() in map(str.lower, changes.columns)
        is_told = lands and None not in (changes.order, changes.again) and changes.guard is None
        is_next = journal.version is not None and not window.half_open and None not in (window.start, window.end)
        return is_told and is_next and self.feed.write_disposition == "merge"

    def _with_news(self, batch: Batch, journal: Journal, window: Window, sight: Sight) -> Batch:
        """Return a batch that says how much of it is news; what was read before, and is as it was, is left out."""
        if not sight.new:
            return batch
        if sight.before != journal.overlap:
            return replace(batch, news=News.SOME)
        return replace(batch, news=News.ALL, rows=batch.rows.where(is_new(batch.changes, window.start or "")))

    def _batch(self, commit: Commit, changes: Changes, rows: DataFrame, present: DataFrame, begun: str) -> Batch:
        return Batch(
            table=self.target.table,
            rows=rows,
            present=present,
            changes=changes,
            key=self.rows.key,
            begun=begun,
            deletes=self.feed.deletes,
            commit=commit,
            aside=self._aside,
            brake=lambda deleted, live: check_deletes(deleted, live, self.feed.delete_limit, self._shown),
            note=self._note,
        )

    def _aside(self, frame: DataFrame, name: str) -> DataFrame:
        """Write a frame aside, and return it, to be read more than once."""
        folder = self.run.storage.url(f"{self.folder}/{name}-{uuid4().hex}")
        frame.write.parquet(folder)
        return read_parquet(frame.sparkSession, frame.schema, folder)

    def _metadata(self, window: Window) -> dict[str, Any]:
        return {"run_id": self.run.log.run_id, "position": window.end, "complete_until": window.complete_until}

    def _count(self, counts: Counts | None) -> None:
        if counts is None:
            return
        result = self.result
        result.inserted = (result.inserted or 0) + counts.inserted
        result.updated = (result.updated or 0) + counts.updated
        result.deleted = (result.deleted or 0) + counts.deleted
        self._judgement.metrics.rows_landed += counts.inserted + counts.updated

    def _note(self, *notes: str) -> None:
        for note in notes:
            if note not in self.result.notes:
                self.result.notes.append(note)
                self.run.log.note(self._shown, note)


def _columns(changes: Changes) -> StructType:
    """Return the columns that land, with their types."""
    landing = set(changes.columns)
    return StructType([StructField(f.name, f.dataType) for f in changes.frame.schema if f.name in landing])

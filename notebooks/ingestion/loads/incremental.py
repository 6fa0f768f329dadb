"""Loading only what changed: a window is written down, read aside, checked, and committed with its position."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql.types import StructField, StructType

from ingestion.feeds.model import Feed
from ingestion.feeds.rules import incremental_of
from ingestion.lake.changes import Changes, Reach
from ingestion.lake.delta_tables import Commit
from ingestion.lake.journal import Journal, Window, read_journal, write_journal
from ingestion.lake.parquet import read_parquet
from ingestion.lake.parquet_tables import TableLanding, table_landing
from ingestion.loads.brake import check_deletes
from ingestion.loads.dispositions import DISPOSITIONS, Batch, Counts
from ingestion.loads.judgement import Judgement
from ingestion.loads.method import Method
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.loads.schema_contract import agree
from ingestion.loads.staging import Staged, newest_of_each_key, overlap_of, refuse_ties, stage
from ingestion.loads.target import Target
from ingestion.platform.columns import column
from ingestion.platform.errors import IngestionError, PositionLostError, StagingError, TargetChangedError
from ingestion.platform.spark_errors import root_cause
from ingestion.quality.checks import Gate
from ingestion.quality.declared import declared_checks
from ingestion.quality.metrics import Outcome

Result = TypeVar("Result")


class ChangingRows(Protocol):
    """The rows of a feed whose changes can be told."""

    @property
    def shown(self) -> str:
        """Where they come from, without credentials."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell one row from all others; none where nobody says."""

    @property
    def is_key_kept(self) -> bool:
        """Whether the source itself keeps the key unique and not NULL."""

    @property
    def method(self) -> Method:
        """How their changes are told."""

    def keys(self) -> DataFrame:
        """Return all keys that there are, to be read when they are used."""

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads them, again where it failed for a reason that passes."""


@dataclass
class IncrementalLoad:
    """One run's load of what changed in a feed.

    Attributes:
        run: what it works with.
        feed: what lands, and where.
        rows: of the feed.
        result: what comes of it.
        wait: seconds to wait for another run that loads the same feed.
    """

    run: Run
    feed: Feed
    rows: ChangingRows
    result: FeedResult
    wait: float = 0
    _target: Target = field(init=False)
    _judgement: Judgement = field(init=False)

    def __post_init__(self) -> None:
        self._target = Target(self.run.spark, self.run.storage, self.feed.destination)
        self._judgement = Judgement(self.run, self.feed, self.result, str(self._target.table), self.rows.shown)

    def load(self) -> None:
        """Bring the target to where the source is now.

        Raises:
            PositionLostError: the source is not the one it was.
            TargetChangedError: the target is not as the last load left it.
            IngestionError: it cannot for another reason; the target is as it was, and so is the position.
        """
        with self._held() as landing:
            journal = self._journal(landing)
            self._target.check(journal)
            self.result.position_before = journal.position
            journal = self._finish_what_was_begun(journal, landing)
            journal = self._follow(journal, landing)
            self._tell(journal)

    def _held(self) -> AbstractContextManager[TableLanding]:
        """Hold the target, so that one run at a time loads it; what an earlier one wrote aside is gone."""
        run = self.run
        return table_landing(
            run.storage, self.feed.destination, run.log.run_id, clock=run.log.clock, wait=self.wait, as_delta=True
        )

    def _journal(self, landing: TableLanding) -> Journal:
        """Return the feed's journal, or a new one where nothing was loaded yet."""
        journal = read_journal(self.run.storage, self.feed.destination)
        if journal is None:
            if landing.before is None and self._target.newest() is not None:
                raise TargetChangedError(f"{self._target.table}: is there, but no load of this feed made it.")
            return self._new_journal()
        settings = self._settings()
        changed = [name for name, value in settings.items() if journal.settings.get(name) != value]
        if changed:
            words = ", ".join(f"{name} was {journal.settings.get(name)!r}" for name in changed)
            raise PositionLostError(f"{self.feed.name}: its position is one of other settings: {words}.")
        return journal

    def _finish_what_was_begun(self, journal: Journal, landing: TableLanding) -> Journal:
        """Finish the window of a run that was killed or failed, as it was; nothing is left to do if it is committed."""
        window = journal.window
        if window is None:
            return journal
        version = self._target.committed(journal, window.number)
        if version is None:
            return self._apply(journal, window, landing)
        rows = self._target.table.read().count()
        return self._keep(journal.done(window, version=version.number, rows=rows, overlap=None))

    def _follow(self, journal: Journal, landing: TableLanding) -> Journal:
        """Load what lies between the position and where the source is now."""
        method, position = self.rows.method, journal.position
        if position is not None:
            self.rows.retry(partial(method.check, position, journal.identity))
        reach = self.rows.retry(partial(method.now, position))
        window = self._window(journal, reach)
        if self.rows.retry(partial(self._is_idle, journal, window)):
            return self._keep(replace(journal, complete_until=window.complete_until))
        return self._apply(journal, window, landing)

    def _window(self, journal: Journal, reach: Reach) -> Window:
        """Return the window from the position to where the source is now."""
        return Window(
            journal.number + 1,
            journal.position,
            reach.end,
            self.rows.retry(self.rows.method.identity),
            begun=self.run.log.clock().isoformat(),
            clock=reach.clock.isoformat() if reach.clock else None,
            complete_until=reach.complete_until.isoformat() if reach.complete_until else None,
            pinned=reach.pinned,
        )

    def _is_idle(self, journal: Journal, window: Window) -> bool:
        """Say whether nothing is newer, and what windows share is as it was: then the target is not even looked at."""
        if journal.version is None or window.start is None or window.end != window.start:
            return False
        changes = self.rows.method.changes(window)
        if changes.columns != StructType.fromJson(dict(journal.columns or {"fields": []})).names:
            return False
        return changes.again is None or overlap_of(self._reduced(changes), changes) == journal.overlap

    def _apply(self, journal: Journal, window: Window, landing: TableLanding) -> Journal:
        """Read a window, and commit what it changes together with its end."""
        journal = self._keep(replace(journal, window=window))
        with self._judgement.measured():
            changes, staged = self.rows.retry(partial(self._staged, journal, window, landing))
            if window.start is not None:
                self.rows.retry(partial(self.rows.method.check, window.start, window.identity))
            if self._is_too_little(staged):
                return self._keep(replace(journal, window=None))
            window = window if changes.end is None else replace(window, end=changes.end)
            overlap = overlap_of(staged.every, changes)
            is_known = changes.whole and overlap == journal.overlap and journal.version is not None
            commit = Commit(journal.application, window.number, self._metadata(window))
            counts = None if is_known else self._commit(journal, commit, changes, staged, landing)
            self._judgement.metrics.outcome = Outcome.LANDED
        after: dict[str, Any] = {"overlap": overlap, "columns": _columns(changes).jsonValue()}
        if counts is not None:
            after["version"] = self._target.version_after(journal, commit)
            after["rows"] = (journal.rows or 0) + counts.growth
            self._count(counts)
        return self._keep(journal.done(window, **after))

    def _staged(self, journal: Journal, window: Window, landing: TableLanding) -> tuple[Changes, Staged]:
        """Read a window aside and judge its rows; they are those that may land."""
        changes = self.rows.method.changes(window)
        agreed = agree(self.feed.schema_contract, journal.columns, _columns(changes), self._judgement.target)
        self.result.notes += [note for note in (*changes.notes, *agreed.notes) if note not in self.result.notes]
        changes = replace(changes, frame=changes.frame.select(*map(column, (*agreed.columns.names, *changes.helpers))))
        changes = replace(changes, frame=self._reduced(changes))
        gate = Gate(
            declared_checks(self.feed.checks),
            changes.frame.schema,
            now=self.run.log.clock(),
            rows_before=journal.rows if changes.whole else None,
            exempt=changes.deleted,
        )
        folder = f"{landing.folder}/{uuid4().hex}"
        try:
            staged = stage(changes, self.run.storage.url(folder), gate)
        except IngestionError:
            raise
        except Exception as error:
            raise StagingError(f"{self._judgement.target}: cannot be written aside: {root_cause(error)}") from error
        if self.rows.key and not self._is_settled(changes):
            refuse_ties(staged.every, changes, self.rows.key, every_version=self._keeps_versions)
        self.result.rows_read = (self.result.rows_read or 0) + staged.rows_read
        self._judgement.judge(staged.written, gate, landing.folder, expire=journal.version is None)
        return changes, staged

    def _reduced(self, changes: Changes) -> DataFrame:
        """Return the rows of a window, of several of one key the newest, as far as the source does not see to that."""
        if not self.rows.key or self._is_settled(changes):
            return changes.frame
        return newest_of_each_key(changes, self.rows.key, every_version=self._keeps_versions)

    def _is_settled(self, changes: Changes) -> bool:
        """Say whether each key comes once, by what the source itself keeps to."""
        return self.rows.is_key_kept and changes.deleted is None and changes.order is None

    @property
    def _keeps_versions(self) -> bool:
        return self.feed.write_disposition == "scd2"

    def _is_too_little(self, staged: Staged) -> bool:
        more_than = self.feed.land_when_more_than
        if more_than is None or staged.written.rows > more_than:
            return False
        self.result.status = Status.SKIPPED
        self.result.error = f"{staged.written.rows} rows, and it lands when there are more than {more_than}."
        self._judgement.metrics.outcome = Outcome.TOO_FEW_ROWS
        return True

    def _commit(
        self, journal: Journal, commit: Commit, changes: Changes, staged: Staged, landing: TableLanding
    ) -> Counts | None:
        """Apply staged rows to the target in one commit; None where they change nothing, and nothing is committed."""
        disposition = DISPOSITIONS[self.feed.write_disposition]
        batch = self._batch(journal, commit, changes, staged.rows, landing)
        if journal.version is None:
            rows = disposition.whole(batch)
            self._target.replace(rows, commit, landing.folder)
            return Counts(inserted=self._target.table.read().count())
        if not staged.written.rows and not changes.whole:
            return None
        if journal.columns != _columns(changes).jsonValue():
            self._target.table.evolve(_columns(changes))
        return disposition.apply(batch)

    def _batch(
        self, journal: Journal, commit: Commit, changes: Changes, rows: DataFrame, landing: TableLanding
    ) -> Batch:
        window = journal.window
        return Batch(
            table=self._target.table,
            rows=rows,
            changes=changes,
            key=self.rows.key,
            begun=window.begun if window else self.run.log.clock().isoformat(),
            deletes=self.feed.deletes,
            commit=commit,
            aside=partial(self._aside, landing),
            brake=self._brake,
        )

    def _aside(self, landing: TableLanding, frame: DataFrame, name: str) -> DataFrame:
        """Write a frame aside, and return it, to be read more than once."""
        folder = self.run.storage.url(f"{landing.folder}/{name}-{uuid4().hex}")
        frame.write.parquet(folder)
        return read_parquet(frame.sparkSession, frame.schema, folder)

    def _brake(self, deleted: int, live: int) -> None:
        check_deletes(deleted, live, self.feed.delete_limit, self._judgement.target)

    def _settings(self) -> dict[str, Any]:
        """Return what a position depends on."""
        incremental = incremental_of(self.feed)
        cursor = getattr(incremental, "cursor_column", None) or getattr(incremental, "cursor_path", None)
        return {
            "method": incremental.method if incremental else "full",
            "cursor": None if cursor is None else str(cursor),
            "primary_key": list(self.rows.key),
            "write_disposition": self.feed.write_disposition,
            "deletes": self.feed.deletes,
        }

    def _new_journal(self) -> Journal:
        return Journal(f"{self.feed.name}/{uuid4().hex}", self._settings())

    def _metadata(self, window: Window) -> dict[str, Any]:
        return {"run_id": self.run.log.run_id, "position": window.end, "complete_until": window.complete_until}

    def _count(self, counts: Counts) -> None:
        result = self.result
        result.inserted = (result.inserted or 0) + counts.inserted
        result.updated = (result.updated or 0) + counts.updated
        result.deleted = (result.deleted or 0) + counts.deleted
        self._judgement.metrics.rows_landed = counts.inserted + counts.updated

    def _tell(self, journal: Journal) -> None:
        result = self.result
        if result.status is not Status.SKIPPED:
            result.status = Status.SUCCEEDED
        result.rows_in_target, result.position_after = journal.rows, journal.position
        for name in ("rows_read", "inserted", "updated", "deleted", "quarantined"):
            if getattr(result, name) is None:
                setattr(result, name, 0)
        for note in result.notes:
            self.run.log.note(self._judgement.target, note)

    def _keep(self, journal: Journal) -> Journal:
        write_journal(self.run.storage, self.feed.destination, journal)
        return journal


def _columns(changes: Changes) -> StructType:
    """Return the columns that land, with their types."""
    landing = set(changes.columns)
    return StructType([StructField(f.name, f.dataType) for f in changes.frame.schema if f.name in landing])

"""Loading only what changed: a window is written down, read aside, checked, and committed with its position."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from ingestion.feeds.model import Feed
from ingestion.feeds.rules import incremental_of
from ingestion.lake.changes import Reach
from ingestion.lake.delta_commits import Commit, Version
from ingestion.lake.journal import Journal, Window, read_journal, write_journal
from ingestion.lake.table_landing import TableLanding, table_landing
from ingestion.loads.changing_rows import ChangingRows
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.loads.target import Target
from ingestion.loads.window_load import WindowLoad
from ingestion.platform.errors import (
    IngestionError,
    InvalidSettingError,
    LakeError,
    PositionLostError,
    TargetChangedError,
)

# In what a window pins: it is a repair's.
_REPAIR = "repair"


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
    _windows: WindowLoad = field(init=False)

    def __post_init__(self) -> None:
        self._target = Target(self.run.delta_table(self.feed), self.run.storage, self.feed.destination)

    def load(self) -> None:
        """Bring the target to where the source is now.

        Raises:
            PositionLostError: the source is not the one it was.
            TargetChangedError: the target is not as the last load left it.
            IngestionError: it cannot for another reason; the target is as it was, and so is the position.
        """
        with self._held() as landing:
            journal = self._known_journal(landing)
            # What was read whole just now, and not by a run that was killed, has nothing that the source has not.
            is_first = journal.version is None and journal.window is None
            journal = self._follow(self._finish_what_was_begun(journal))
            self._tell(journal if is_first or journal.version is None else self._forget_what_is_gone(journal))

    def reload(self) -> None:
        """Load all from nothing, beside what is there, which all read until one commit takes its place.

        Raises:
            IngestionError: it cannot; the target is as it was, and so is the position.
        """
        with self._held():
            old = None
            # A journal that cannot be read is one of the reasons to load anew.
            with suppress(LakeError):
                old = read_journal(self.run.storage, self.feed.destination)
            journal = self._new_journal()
            window = self._window(journal, self.rows.retry(partial(self.rows.method.now, None)))
            self._tell(self._apply(journal, window, beside=old))

    def backfill(self, start: str, end: str) -> None:
        """Load a window of one's choice once more, its end not included; the position stays where it is.

        Raises:
            InvalidSettingError: it is no window, or the feed has none.
            IngestionError: as for `load`.
        """
        method = self.rows.method
        chosen = method.at(start), method.at(end)
        if self.feed.write_disposition == "append" and not self.rows.key:
            raise InvalidSettingError(
                f"{self.feed.name}: append without primary_key would add rows twice: name the key, or use mode reload."
            )
        with self._held() as landing:
            journal = self._known_journal(landing)
            if journal.version is None:
                raise InvalidSettingError(f"{self.feed.name}: was not loaded yet: start it with mode load first.")
            journal = self._finish_what_was_begun(journal)
            self.rows.retry(partial(method.check, journal.position or chosen[0], journal.identity))
            window = self._window(journal, Reach(chosen[1]))
            window = replace(window, start=chosen[0], half_open=True)
            try:
                self._tell(self._apply(journal, window))
            except IngestionError:
                # It was asked for once; no load is to stumble over it.
                self._keep(journal)
                raise

    def repair(self) -> None:
        """Load anew just the rows that differ from the source, in one commit; the position stays where it is.

        Raises:
            InvalidSettingError: nothing was loaded yet, or no key tells which rows differ.
            DeletesRefusedError: more rows would be deleted than `delete_limit` allows.
            IngestionError: as for `load`.
        """
        if not self.rows.key:
            raise InvalidSettingError(f"{self.feed.name}: has no key that tells which rows differ: use mode reload.")
        with self._held() as landing:
            journal = self._known_journal(landing)
            if journal.version is None:
                raise InvalidSettingError(f"{self.feed.name}: was not loaded yet: start it with mode load first.")
            journal = self._finish_what_was_begun(journal)
            if journal.position is not None:
                self.rows.retry(partial(self.rows.method.check, journal.position, journal.identity))
            window = self._window(journal, self.rows.retry(partial(self.rows.method.now, None)))
            window = replace(window, start=None, half_open=True, pinned={**window.pinned, _REPAIR: True})
            self._keep(replace(journal, window=window))
            try:
                applied = self._windows.repair(journal, replace(window, half_open=False))
            except IngestionError:
                self._keep(journal)
                raise
            after: dict[str, Any] = {"columns": applied.columns}
            if applied.counts is not None:
                after["version"] = self._version_after(journal, applied.commit)
                after["rows"] = (journal.rows or 0) + applied.counts.growth
            self._tell(self._keep(journal.done(window, **after)))

    @contextmanager
    def _held(self) -> Iterator[TableLanding]:
        """Hold the target, so that one run at a time loads it; what an earlier one wrote aside is gone."""
        run, name = self.run, self.feed.destination
        with table_landing(
            run.storage, name, run.log.run_id, place=run.place(self.feed), clock=run.log.clock, wait=self.wait
        ) as landing:
            self._windows = WindowLoad(
                run, self.feed, self.rows, self._target, self.result, landing.folder, landing.check
            )
            yield landing

    def _known_journal(self, landing: TableLanding) -> Journal:
        """Return the feed's journal, or a new one where nothing was loaded yet; the target is as it says."""
        journal = read_journal(self.run.storage, self.feed.destination)
        if journal is None:
            if landing.before is None and self._target.newest() is not None:
                raise TargetChangedError(f"{self._target.table}: is there, but no load of this feed made it.")
            return self._new_journal()
        if journal.reload is not None:
            journal = self._after_reload(journal, journal.reload)
        settings = self._settings()
        changed = [name for name, value in settings.items() if journal.settings.get(name) != value]
        if changed:
            words = ", ".join(
                f"{name} was {journal.settings.get(name)!r}, and is {settings[name]!r}" for name in changed
            )
            raise PositionLostError(f"{self.feed.name}: its position is one of other settings: {words}.")
        self.result.position_before = journal.position
        newest = self._target.check(journal)
        if newest == journal.version or journal.window is not None:
            return journal
        # Upkeep came after it, or deletes of a run that was killed before it could write them down.
        return replace(journal, version=newest, rows=self._target.table.read().count(), overlap=None)

    def _after_reload(self, journal: Journal, new: Journal) -> Journal:
        """Return the journal of a reload that was killed, if its commit was made, else the one before it."""
        version = self._target.committed(new, new.window.number) if new.window else None
        if version is None or new.window is None:
            return replace(journal, reload=None)
        return self._keep(self._done(new, new.window, version))

    def _finish_what_was_begun(self, journal: Journal) -> Journal:
        """Finish the window of a run that was killed or failed, as it was; nothing is left to do if it is committed."""
        window = journal.window
        if window is None:
            return journal
        version = self._target.committed(journal, window.number)
        if version is None and _REPAIR in window.pinned:
            # It was asked for once, and what differs has to be looked for anew.
            return self._keep(replace(journal, window=None))
        if version is None:
            return self._apply(journal, window)
        position = version.commit.metadata.get("position") if version.commit else None
        if position is not None and window.end is not None and position != window.end:
            raise TargetChangedError(f"{self._target.table}: has a load up to {position}, not the one that was begun.")
        return self._keep(self._done(journal, window, version))

    def _follow(self, journal: Journal) -> Journal:
        """Load what lies between the position and where the source is now."""
        method, position = self.rows.method, journal.position
        if position is not None or (journal.version is not None and self._reads_all):
            self.rows.retry(partial(method.check, position or "", journal.identity))
        window = self._window(journal, self.rows.retry(partial(method.now, position)))
        if self.rows.retry(partial(self._windows.is_idle, journal, window)):
            return self._keep(journal.done(window))
        return self._apply(journal, window)

    def _forget_what_is_gone(self, journal: Journal) -> Journal:
        """Delete what the source deleted, where only its keys tell, and it is time to ask for them."""
        feed, now = self.feed, self.run.log.clock()
        is_told = feed.delete_detection != "key_scan" or self._reads_all
        last = datetime.fromisoformat(journal.key_scan) if journal.key_scan else None
        is_early = last is not None and feed.key_scan_every is not None and now < last + feed.key_scan_every
        if feed.deletes == "ignore" or is_told or is_early:
            return journal
        counts, commit = self._windows.scan_keys(journal)
        journal = replace(journal, key_scan=now.isoformat())
        if counts is not None:
            version, rows = self._version_after(journal, commit), (journal.rows or 0) + counts.growth
            # A row that was deleted here may come back as it was: no window is known by what it shares with the last.
            journal = replace(journal, version=version, rows=rows, overlap=None)
        return self._keep(journal)

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

    def _apply(self, journal: Journal, window: Window, beside: Journal | None = None) -> Journal:
        """Write a window down, load it, and move on; beside a journal that is to stay until that is done."""
        journal = replace(journal, window=window)
        self._keep(journal if beside is None else replace(beside, reload=journal))
        applied = self._windows.apply(journal, window)
        if applied is None:
            self.result.status = Status.SKIPPED
            return self._keep(beside or replace(journal, window=None))
        after: dict[str, Any] = {"columns": applied.columns}
        if not window.half_open:
            after |= {"overlap": applied.overlap, "must_look": applied.must_look}
        if applied.counts is None:
            return self._keep(journal.done(applied.window, **after))
        after["version"] = self._target.version_after(journal, applied.commit)
        if after["version"] is None:
            return self._keep(self._done(journal, applied.window, self._made_by_a_killed_run(journal, window)))
        after["rows"] = (journal.rows or 0) + applied.counts.growth
        journal = self._keep(journal.done(applied.window, **after))
        self._target.keep_up(after["version"])
        return journal

    def _done(self, journal: Journal, window: Window, version: Version) -> Journal:
        """Return the journal after a commit of which only the table tells, where its rows did so up to where, too."""
        if window.end is None and version.commit is not None:
            window = replace(window, end=version.commit.metadata.get("position"))
        return journal.done(
            window, version=version.number, rows=self._target.table.read().count(), overlap=None, must_look=True
        )

    def _made_by_a_killed_run(self, journal: Journal, window: Window) -> Version:
        """Return the version in which a window is committed by the job of a killed run, which Spark let go on."""
        version = self._target.committed(journal, window.number)
        if version is None:
            raise self._untold()
        return version

    def _version_after(self, journal: Journal, commit: Commit) -> int:
        """Return the version that a commit of this run made, which no other run makes."""
        version = self._target.version_after(journal, commit)
        if version is None:
            raise self._untold()
        return version

    def _untold(self) -> LakeError:
        return LakeError(f"{self._target.table}: its history does not tell of the commit that was just made.")

    def _new_journal(self) -> Journal:
        return Journal(f"{self.feed.name}/{uuid4().hex}", self._settings())

    @property
    def _reads_all(self) -> bool:
        """Whether each load reads all rows: what is not among them is gone."""
        incremental = incremental_of(self.feed)
        return incremental is not None and incremental.method == "full"

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

    def _keep(self, journal: Journal) -> Journal:
        """Write the journal, if this run still holds the target: another's positions are newer."""
        self._windows.check_lock()
        write_journal(self.run.storage, self.feed.destination, journal)
        return journal

    def _tell(self, journal: Journal) -> None:
        result = self.result
        if result.status is not Status.SKIPPED:
            result.status = Status.SUCCEEDED
        result.rows_in_target, result.position_after = journal.rows, journal.position
        for name in ("rows_read", "inserted", "updated", "deleted", "quarantined"):
            if getattr(result, name) is None:
                setattr(result, name, 0)

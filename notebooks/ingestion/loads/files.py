"""Loading the files of a folder: those that are new are read, checked, written aside, and appended in one commit."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import uuid4

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StringType, StructField, StructType

from ingestion.feeds.model import Files, FilesSource
from ingestion.files.folder import Folder, FolderFiles
from ingestion.files.reading import Contents, no_contents, read_files
from ingestion.lake import delta_log
from ingestion.lake.delta_tables import Commit, DeltaTable
from ingestion.lake.journal import Journal, TableState, Window, journal_path, read_journal, write_journal
from ingestion.lake.locks import Lock, locked
from ingestion.lake.manifest import Manifest, compare
from ingestion.lake.parquet import read_parquet
from ingestion.loads.landing import WholeLanding
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.platform.columns import column
from ingestion.platform.errors import (
    LakeError,
    PositionLostError,
    SchemaChangedError,
    SourceError,
    TargetChangedError,
)
from ingestion.quality.checks import Gate, RowCheck
from ingestion.quality.declared import declared_checks
from ingestion.quality.metrics import Outcome
from ingestion.quality.table_writer import WrittenTable, write_table

Result = TypeVar("Result")
_SHOWN = 5


def load_files(run: Run, source: FilesSource, feed: Files, result: FeedResult, *, anew: bool, wait: float) -> None:
    """Append the rows of a folder's new files to the feed's table.

    Args:
        run: what it works with.
        source: that has the folder.
        feed: which files, and where they land.
        result: what comes of it.
        anew: all files are read, and take the place of what is there.
        wait: seconds to wait for another run that loads the same feed.

    Raises:
        SourceError: the folder or a file cannot be read.
        QualityError: too many lines are bad.
        IngestionError: nothing was landed for another reason; what was landed before is as it was.
    """
    if source.unset:
        raise SourceError("\n".join(source.unset))
    folder = Folder(run.spark, run.storage, source.url, feed.pattern, f"_checkpoints/{_one_name(feed.destination)}")
    FilesLanding(run, feed, _FolderRows(source.url), result, wait, files=feed, folder=folder, anew=anew).land()


@dataclass(frozen=True)
class _Readable(RowCheck):
    """A line can be read; the column says why it cannot be."""

    def holds(self, kinds: object) -> Column:
        """Return whether nothing is said."""
        return column(self.column).isNull()

    def __str__(self) -> str:
        """As people read it among the reasons of a refused row."""
        return "the line can be read"


@dataclass(frozen=True)
class _FolderRows:
    """What a landing tells of the rows of a folder's files: `shown` is the folder."""

    shown: str
    notes: list[str] = field(default_factory=list)

    def measure(self) -> None:
        """Nobody knows how many rows there are before they are read."""

    def frame(self) -> DataFrame:
        """Rows are read window by window, not here."""
        raise NotImplementedError

    def rows_read(self, written: int) -> int:
        """Return the rows that were read: all of them are written."""
        return written

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads the rows: what passes by itself Spark tries again."""
        return task()


@dataclass(frozen=True)
class _Aside:
    """Where a load writes aside."""

    folder: str
    before: Manifest | None = None


@dataclass(frozen=True)
class _Staged:
    """Rows that were written aside, and the columns that the table has with them: other ones than before, maybe."""

    written: WrittenTable
    columns: StructType
    has_new_columns: bool


@dataclass(kw_only=True)
class FilesLanding(WholeLanding):
    """One run's load of the files that are new in a folder.

    Attributes:
        files: the feed.
        folder: that has them.
        anew: all files are read, and take the place of what is there.
    """

    files: Files
    folder: Folder
    anew: bool
    _table: DeltaTable = field(init=False)
    _aside: _Aside = field(init=False)
    _files: FolderFiles = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._table = DeltaTable(self.run.spark, self._target)
        self._aside = _Aside(f"_landing/{_one_name(self.feed.destination)}/{self.run.log.run_id}")

    def land(self) -> int:
        """Append the good rows of new files and return their number; lines that are not good go to `quarantine/`."""
        with self._measured(), self.run.log.step("land", source=self.rows.shown, target=self._target) as step:
            step.rows = self._load()
        return step.rows

    def _load(self) -> int:
        storage, name = self.run.storage, self.feed.destination
        aside = self._aside.folder.rpartition("/")[0]
        with locked(storage, name, self.run.log.run_id, wait=self.wait) as lock:
            storage.delete(aside)
            try:
                return self._load_windows(lock)
            finally:
                with suppress(LakeError):
                    storage.delete(aside)

    def _load_windows(self, lock: Lock) -> int:
        """Load the window that an earlier run left, then what is new since, and return the rows of both."""
        journal = self._journal()
        self._files = files = self.folder.look(int(journal.position or 0))
        if files.last < int(journal.position or 0):
            raise PositionLostError(f"{self.rows.shown}: which of its files were read is gone from the lake.")
        if files.changed:
            self._note(f"{_several(files.changed)}: changed after it was read; mode reload reads all files anew")
        self.result.position_before = journal.position
        rows = 0
        if journal.window is not None:
            landed, journal = self._load_window(journal, journal.window, lock)
            rows += landed
        if files.last > int(journal.position or 0):
            window = Window(journal.number + 1, journal.position, str(files.last), {"folder": self.rows.shown})
            landed, journal = self._load_window(journal, window, lock)
            rows += landed
        elif journal.position is None:
            self._skip("there is no file yet that the pattern means.")
        return self._loaded(journal, rows)

    def _loaded(self, journal: Journal, rows: int) -> int:
        result = self.result
        result.position_after = journal.position
        result.rows_read = result.rows_read or 0
        if journal.position is not None and result.error is None:
            self._metrics.outcome, self._metrics.rows_landed = Outcome.LANDED, rows
            result.status, result.inserted, result.updated = Status.SUCCEEDED, rows, 0
            result.deleted = result.deleted or 0
            result.quarantined = result.quarantined or 0
            result.rows_in_target = journal.rows
        return rows

    def _journal(self) -> Journal:
        """Return where the feed stands; a new journal at its first load, and where all is read anew.

        Raises:
            TargetChangedError: the table is not as the last load left it.
            PositionLostError: the position is one in another folder.
        """
        storage, name = self.run.storage, self.feed.destination
        new = Journal(f"{self.feed.name}:{uuid4().hex}")
        if self.anew:
            return new
        journal, is_there = read_journal(storage, name), bool(storage.list(name))
        if journal is None or journal.table is None:
            if is_there and journal is None:
                raise TargetChangedError(f"{self._table}: there is a table that no load of this feed made.")
            return journal or new
        if not is_there:
            raise TargetChangedError(f"{self._table}: the table is gone.")
        is_ours = delta_log.versions(storage, name)[-1:] == [journal.table.version]
        for version in () if is_ours else self._table.changes_by_others(journal.table.version):
            raise TargetChangedError(
                f"{self._table}: {version.operation} of {version.timestamp:%Y-%m-%d %H:%M} UTC is by another."
            )
        if journal.identity["folder"] != self.rows.shown:
            raise PositionLostError(f"{self.rows.shown}: the files that were read are of {journal.identity['folder']}.")
        return journal

    def _load_window(self, journal: Journal, window: Window, lock: Lock) -> tuple[int, Journal]:
        """Load the files of a window and return the rows that were landed, and the journal after it."""
        storage, name = self.run.storage, self.feed.destination
        former = read_journal(storage, name)
        write_journal(storage, name, replace(journal, window=window))
        try:
            staged = self._stage(window)
        except Exception:
            # Nothing was committed: the next run may read later files with these, and these as they are by then.
            self._put_back(former)
            raise
        if staged is None:
            self._put_back(former)
            return 0, journal
        lock.check()
        done = self._commit(replace(journal, window=window), window, staged)
        write_journal(storage, name, done)
        return staged.written.rows, done

    def _put_back(self, former: Journal | None) -> None:
        if former is None:
            self.run.storage.delete(journal_path(self.feed.destination))
        else:
            write_journal(self.run.storage, self.feed.destination, replace(former, window=None))

    def _stage(self, window: Window) -> _Staged | None:
        """Write the good rows of a window's files aside; None where the window is not to count as read."""
        run, more_than = self.run, self.feed.land_when_more_than
        paths, gone = self._files.window(int(window.start or 0), int(window.end or 0))
        if gone:
            self._note(f"{_several(gone)}: gone before it was read")
        known = StructType() if window.start is None else self._table.columns()
        contents = read_files(run.spark, self.files, paths, known) if paths else None
        if contents is None:
            contents = no_contents(run.spark, known)
        columns = self._settled(known, contents)
        values = [_value(contents, each).alias(each.name) for each in columns]
        frame = contents.frame.select(*values, *[column(name) for name in contents.helpers])
        checks = [_Readable(contents.problem), *declared_checks(self.feed.checks)]
        gate = Gate(checks, frame.schema, now=run.log.clock())
        written = write_table(frame, run.storage.url(f"{self._aside.folder}/rows"), gate, helpers=contents.helpers)
        self._judge(written, gate, self._aside)
        self._tell_empty(paths, written, contents)
        if more_than is not None and written.rows <= more_than:
            self._too_few(written.rows)
            return None
        if window.start is None and not written.rows:
            self._skip("no file has a row yet.")
            return None
        return _Staged(written, columns, columns != known)

    def _settled(self, known: StructType, contents: Contents) -> StructType:
        """Return the columns that the table has after this load, as the feed's contract lets them change."""
        if not known.fields:
            return contents.columns
        contract, present = self.feed.schema_contract, {each.name: each for each in contents.columns}
        absent = [each for each in known if each.name not in present]
        change = compare(known, StructType([*contents.columns, *absent]))
        if not contents.gone and not change:
            return known
        words = [*contents.gone, *change.breaking, *change.added]
        self.run.log.schema_change(self._target, "; ".join(words))
        new = [each for each in contents.columns if each.name not in known.names]
        wider = {each.name for each in known if each.name in present and present[each.name].dataType != each.dataType}
        refusal = None
        if change.breaking:
            refusal = "Mend the files, or load the feed anew: mode reload."
        elif contents.gone and not self.run.settings.may_break_schema:
            refusal = (
                "If that is meant, set the widget schema_change or the variable SCHEMA_CHANGE to allow for one run."
            )
        elif (contract == "freeze" and change.added) or (contract == "discard_columns" and wider):
            refusal = f'schema_contract is {contract}: mend the files, or write schema_contract = "evolve".'
        if refusal:
            raise SchemaChangedError(f"{self._target}: {'; '.join(words)}. Nothing was landed. {refusal}")
        if contract == "discard_columns":
            self._note(f"new columns are left out: {', '.join(each.name for each in new)}")
            return known
        return StructType([*(present.get(each.name, each) for each in known), *new])

    def _commit(self, journal: Journal, window: Window, staged: _Staged) -> Journal:
        """Commit what was staged, once however often, and return the journal after it."""
        written = staged.written
        commit = Commit(journal.application, window.number, {"run_id": self.run.log.run_id, "rows": written.rows})
        rows = read_parquet(self.run.spark, staged.columns, written.passed)
        before = journal.rows or 0
        if window.start is None:
            self.result.deleted = self._rows() if self.anew else 0
            self._table.overwrite(rows, commit)
            before = 0
        elif written.rows:
            if staged.has_new_columns:
                self._table.evolve(staged.columns)
            self._table.append(rows, commit)
        version = delta_log.versions(self.run.storage, self.feed.destination)[-1]
        return journal.done(window, table=TableState("", version), rows=before + written.rows)

    def _rows(self) -> int:
        return self._table.read().count() if self.run.storage.list(self.feed.destination) else 0

    def _tell_empty(self, paths: Sequence[str], written: WrittenTable, contents: Contents) -> None:
        """Tell of files without a row."""
        full: set[str] = set()
        if written.folders:
            column_of_files = StructType([StructField(contents.file, StringType())])
            rows = read_parquet(self.run.spark, column_of_files, *written.folders).distinct().collect()
            full = {row[0] for row in rows}
        empty = [path for path in paths if path not in full]
        if empty:
            self._note(f"{_several(empty)}: has no row")

    def _skip(self, reason: str) -> None:
        self.result.status, self.result.error = Status.SKIPPED, reason
        self._metrics.outcome = Outcome.TOO_FEW_ROWS

    def _note(self, text: str) -> None:
        self.result.notes.append(text)
        self.run.log.note(self._target, text)


def _value(contents: Contents, each: StructField) -> Column:
    """Return a column of the table as the files have it: NULL where they do not."""
    return column(each.name) if each.name in contents.columns.names else F.lit(None).cast(each.dataType)


def _several(paths: Sequence[str]) -> str:
    """Return files by their names, not more than a few."""
    more = len(paths) - _SHOWN
    return ", ".join(paths[:_SHOWN]) + (f" and {more} others" if more > 0 else "")


def _one_name(name: str) -> str:
    return name.replace("/", "~")

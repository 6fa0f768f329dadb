"""Landing a table: it is replaced whole or not at all, with at most twelve calls of the storage, six for Delta.

New rows are written aside, in `_landing/NAME/RUN/`, checked, and take their place by rename; the table that was there
moves aside for that moment. A lock lets one run at a time do so. In the end `_landing/NAME/` is removed and the lock's
file with it: who finds the lock's file knows that a run died, and settles what it left before anything else.

A manifest is staged with a folder's rows, and published when they are in place. The commit of a Delta table tells what
its manifest does: it is written when the rows are in place, by the next run if this one dies before.

What a reader of a table finds at any instant: the old data, whole; then, between two renames, no table at all, which is
a clear error; then the new data, whole. Never a part, never a mixture, never an empty table. No file system can put a
folder in another's place in one step; only a table format with a log closes that gap: new rows of a Delta table that
is in place are committed to it. A reader that listed the old files and opens them after the renames gets "file not
found" and has to start again.

The fence: before it does anything else, who takes over a dead run's lock moves away what that run wrote. Should it wake
after all, it has nothing to promote, and no place to move the table to.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar
from uuid import uuid4

from pyspark.sql import DataFrame

from ingestion.lake.former_layout import settle_former_layout
from ingestion.lake.locks import Lock, locked
from ingestion.lake.manifest import (
    LAYOUT,
    Manifest,
    compare,
    data_files,
    dump_manifest,
    manifest_path,
    read_manifest,
    timestamp,
)
from ingestion.lake.parquet import count_parquet, read_parquet, rows_and_bytes
from ingestion.lake.parquet_footer import rows_of_footer
from ingestion.lake.places import ParquetFolder, Place, Staged
from ingestion.lake.storage import Storage
from ingestion.platform.errors import (
    IngestionError,
    LakeError,
    PathNotFoundError,
    PathTakenError,
    PromotionError,
    SchemaChangedError,
    StagingError,
)
from ingestion.platform.log import Clock, utc_now
from ingestion.platform.spark_errors import root_cause

# What engines read at their best: one task's worth.
_BYTES_PER_FILE = 128 * 1024 * 1024
# One small file is read here: Spark takes longer to start a job for it. Several would be as many calls.
_READ_AT_ONCE = 4 * 1024 * 1024
_MANIFEST, _PREVIOUS, _ROWS = "manifest.json", "previous", "rows"


class Written(Protocol):
    """What a writer says of the rows that it wrote into a folder: two folders in it, of which the first is to land."""

    @property
    def passed(self) -> str:
        """Folder of the rows that are to land, as Spark spells it."""

    @property
    def rows(self) -> int:
        """How many these are."""

    @property
    def refused(self) -> str:
        """Folder of the rows that are not; there is none when there are none."""

    @property
    def refused_rows(self) -> int:
        """How many these are."""

    @property
    def checksum(self) -> int:
        """Of the rows that are to land: the sum of `xxhash64` over all columns of each."""


AnyWritten = TypeVar("AnyWritten", bound=Written)
# Takes the rows, a new folder as Spark spells it, and how many rows a file may hold, 0 for no limit.
Writer = Callable[[DataFrame, str, int], AnyWritten]


class TableLanding:
    """One run's hold on a table: what it stages, it may promote. Made by `table_landing`.

    Attributes:
        target: where the table lands: the folder as Spark spells it, or the table's name.
        before: the manifest of the landing before; None where there is none that can be read.
        folder: of the lake, in which this run writes aside; it is gone at the end.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        place: Place,
        run_id: str,
        lock: Lock,
        *,
        clock: Clock,
        may_break_schema: bool,
        on_schema_change: Callable[[str, str], None],
    ) -> None:
        self._storage = storage
        self._name = name
        self._place = place
        self._run_id = run_id
        self._lock = lock
        self._clock = clock
        self._may_break_schema = may_break_schema
        self._on_schema_change = on_schema_change
        self._aside = f"_landing/{_one_name(name)}"
        self.folder = f"{self._aside}/{run_id}"
        self._started = timestamp(clock())
        self._staged: Staged | None = None
        self._is_promoted = False
        self._needs_settling = True
        self.target = place.address
        self.before = self._read_manifest()

    def begin(self) -> None:
        """Settle what an earlier run left.

        Raises:
            LakeError: it cannot be settled, or a file is where the table should be.
        """
        is_there = self._place.look()
        is_known = self.before is not None and self.before.layout == LAYOUT
        if self._lock.abandoned or not is_known or not is_there:
            is_changed = not is_known and settle_former_layout(self._storage, self._name, self._is_in_place)
            is_changed |= self._settle()
            if is_changed:
                self.before = self._read_manifest()
                self._place.look()
        self._needs_settling = False
        self._place.check()

    def check(self) -> None:
        """Make sure that this run still holds the table.

        Raises:
            LockLostError: another run took this one for dead.
        """
        self._lock.check()

    def stage(self, frame: DataFrame, write: Writer[AnyWritten], *, source: str | None = None) -> AnyWritten:
        """Write rows aside, and return what their writer says of them.

        Args:
            frame: the table, which is read now.
            write: writes its rows into a folder.
            source: where it came from, without credentials, for the manifest.

        Raises:
            SchemaChangedError: a column vanished or no longer holds what it held.
            StagingError: the source broke off, the lake refused, or not all rows are in the files.
        """
        self._check_schema(frame)
        folder = f"{self.folder}/{_ROWS}"
        try:
            written = write(frame, self._storage.url(folder), self._rows_per_file())
            passed = folder + written.passed.removeprefix(self._storage.url(folder))
            rows = read_parquet(frame.sparkSession, frame.schema, written.passed) if self._is_logged else frame
            files, size = self._check_rows(rows, written, passed)
        except IngestionError:
            raise
        except Exception as error:
            raise StagingError(f"{self.target}: cannot be written aside: {root_cause(error)}") from error
        manifest = Manifest(
            run_id=self._run_id,
            target=self.target,
            format=self._place.format,
            source=source,
            rows=written.rows,
            files=files,
            bytes=size,
            schema=frame.schema.jsonValue(),
            checksum=f"xxhash64-sum:{written.checksum}",
            started=self._started,
            finished=timestamp(self._clock()),
            layout=LAYOUT,
        )
        if not self._is_logged:
            self._storage.write(f"{self.folder}/{_MANIFEST}", dump_manifest(manifest))
        self._staged = Staged(manifest, passed, self.folder, rows)
        return written

    def promote(self) -> str | None:
        """Let what was staged take the place of the table landed before, and return what else is to be told of it.

        Raises:
            LockLostError: another run took this one for dead.
            PromotionError: it cannot; the old table is as it was.
        """
        if self._staged is None:
            raise PromotionError(f"{self.target}: nothing is staged.")
        self._lock.check()
        self._needs_settling = True
        try:
            note = self._place.put(self._staged)
        except (PathNotFoundError, PathTakenError) as error:
            raise PromotionError(f"{self.target}: cannot be replaced: {error}") from error
        except IngestionError:
            raise
        except Exception as error:  # Spark's own: what was staged is gone, say
            raise PromotionError(f"{self.target}: cannot be replaced: {root_cause(error)}") from error
        self._needs_settling = False
        self._is_promoted = True
        return note

    def end(self) -> None:
        """Leave nothing but what is in place, with its manifest.

        Raises:
            LakeError: the lake refuses; the next run does it.
        """
        if self._needs_settling:
            self._settle()
            return
        if self._is_promoted and self._staged:
            if self._is_logged:
                self._storage.write(manifest_path(self._name), dump_manifest(self._staged.manifest))
            else:
                self._storage.rename(f"{self.folder}/{_MANIFEST}", manifest_path(self._name), replace=True)
        self._storage.delete(self._aside)

    def _check_schema(self, frame: DataFrame) -> None:
        columns = self.before.columns if self.before else None
        change = compare(columns, frame.schema) if columns else None
        if not change:
            return
        self._on_schema_change(self.target, str(change))
        if change.breaking and not self._may_break_schema:
            raise SchemaChangedError(
                f"{self.target}: since the landing before, {'; '.join(change.breaking)}. Nothing was replaced. "
                "If that is meant, set the widget schema_change or the variable SCHEMA_CHANGE to allow for one run."
            )

    def _rows_per_file(self) -> int:
        """Return how many rows fit into a file if they are as wide as they were the last time; 0 if nobody knows."""
        before = self.before
        return _BYTES_PER_FILE * before.rows // before.bytes if before and before.rows and before.bytes else 0

    @property
    def _is_logged(self) -> bool:
        """Whether the table's own log names its files, and tells of each landing what its manifest does."""
        return self._place.format == "delta"

    def _check_rows(self, rows: DataFrame, written: Written, passed: str) -> tuple[dict[str, int], int]:
        """Make sure that all rows are in the files; return these, where no log names them, and their bytes."""
        files = {} if self._is_logged else data_files(self._storage.list(passed))
        size = sum(files.values())
        if self._is_logged:
            found, size = rows_and_bytes(rows, written.rows)
            found += self._count(rows, written.refused) if written.refused_rows else 0
        elif len(files) == 1 and not written.refused_rows and size <= _READ_AT_ONCE:
            (file,) = files
            found = rows_of_footer(self._storage.read(f"{passed}/{file}") or b"")
        else:
            parts = ((written.passed, written.rows), (written.refused, written.refused_rows))
            found = self._count(rows, *(folder for folder, number in parts if number))
        if found != written.rows + written.refused_rows:
            raise StagingError(
                f"{self.target}: {written.rows + written.refused_rows} rows were written aside, but the files' footers "
                f"name {found}. Nothing was replaced; start the run again."
            )
        return files, size

    def _count(self, rows: DataFrame, *folders: str) -> int:
        return count_parquet(rows.sparkSession, rows.schema, *folders) if folders else 0

    def _settle(self) -> bool:
        """Undo a promotion that was broken off, finish one that was done, and remove what is no longer needed.

        Returns:
            Whether there was anything.

        Raises:
            LakeError: the lake refuses; all is as it was, or one step nearer to its end.
        """
        runs = sorted(self._storage.list(self._aside), key=lambda entry: entry.modified, reverse=True)
        for run in runs:
            folder = f"{self._aside}/{run.name}"
            parts = {entry.name for entry in self._storage.list(folder)} if run.is_folder else set()
            if _PREVIOUS in parts and not self._storage.list(self._name):
                self._storage.rename(f"{folder}/{_PREVIOUS}", self._name)
            elif _MANIFEST in parts:
                manifest = read_manifest(self._storage.read(f"{folder}/{_MANIFEST}"))
                if manifest and self._is_in_place(manifest):
                    self._storage.rename(f"{folder}/{_MANIFEST}", manifest_path(self._name), replace=True)
        trash = f"_trash/{_one_name(self._name)}"
        if runs:
            # Away in one step first: a run that was taken for dead and wakes must not promote half of what it wrote.
            self._storage.rename(self._aside, f"{trash}/{uuid4().hex}")
        if self._lock.abandoned or self._staged:
            self._settle_manifest()
        if runs or self._lock.abandoned:
            self._storage.delete(trash)
        return bool(runs) or self._lock.abandoned

    def _settle_manifest(self) -> None:
        """Let the manifest be that of the last landing that the table's own log tells of."""
        landed = self._place.landed()
        if landed and not (self.before and self.before.run_id == landed.run_id):
            self._storage.write(manifest_path(self._name), dump_manifest(landed))

    def _is_in_place(self, manifest: Manifest) -> bool:
        """Say whether what a manifest describes was promoted, here or to the folder that was the place before."""
        place = self._place if manifest.target == self.target else ParquetFolder(self._storage, self._name)
        return place.holds(manifest)

    def _read_manifest(self) -> Manifest | None:
        return read_manifest(self._storage.read(manifest_path(self._name)))


@contextmanager
def table_landing(
    storage: Storage,
    name: str,
    run_id: str,
    *,
    place: Place | None = None,
    clock: Clock = utc_now,
    may_break_schema: bool = False,
    on_schema_change: Callable[[str, str], None] = lambda _target, _change: None,
    wait: float = 0,
) -> Iterator[TableLanding]:
    """Hold a table and settle what an earlier run left; what is not promoted is gone at the end.

    Args:
        storage: the lake.
        name: of the table in the lake.
        run_id: names what this run writes aside.
        place: where its rows go; by default the folder of that name, as Parquet.
        clock: the time, in UTC.
        may_break_schema: let the table land although a column vanished or no longer holds what it held.
        on_schema_change: told the target and what changed since the landing before.
        wait: seconds to wait for a living run that lands the same table.

    Raises:
        LockedError: another run is landing there.
        PromotionError: what is in place must stay.
        LakeError: what an earlier run left cannot be settled, or a file is where the table should be.
    """
    with locked(storage, name, run_id, wait=wait) as lock:
        lock.settled = False
        landing = TableLanding(
            storage,
            name,
            place or ParquetFolder(storage, name),
            run_id,
            lock,
            clock=clock,
            may_break_schema=may_break_schema,
            on_schema_change=on_schema_change,
        )
        try:
            landing.begin()
            yield landing
        finally:
            # What cannot be settled now is settled by the next run: it must not hide how this landing ended.
            with suppress(LakeError):
                lock.check()
                landing.end()
                lock.settled = True


def _one_name(path: str) -> str:
    """Return a path as the name of one folder, by the escapes of JSON pointers (RFC 6901)."""
    return path.replace("~", "~0").replace("/", "~1")

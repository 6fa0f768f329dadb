"""Landing in the lake: a table or a file is replaced whole or not at all.

New data is written aside, in `_staging/`, checked, and takes its place by rename; beside it waits its manifest. What
was there before moves to `_previous/` for that moment. `_settle` brings this to its end from whatever it finds: after
every landing, and before the next one, should a run have died. `_locks/` lets one run at a time do so. Readers ignore
folders whose names start with `_`.

What a reader of a Parquet table finds at any instant: the old data, whole; then, between two renames, no table at all,
which is a clear error; then the new data, whole. Never a part, never a mixture, never an empty table. No file system
that Hadoop reaches can put a folder in another's place in one step; only a table format with a log closes that gap:
new rows of a Delta table that is in place are committed to it. A reader that listed the old files and opens them after
the renames gets "file not found" and has to start again. A file takes the other's place in one step on a local file
system, and by the same two renames on ADLS Gen2.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import uuid4

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from ingestion.lake.delta import DeltaWriter, is_delta, last_landing
from ingestion.lake.filesystem import HadoopFileSystem
from ingestion.lake.jvm import root_cause
from ingestion.lake.lock import Lock
from ingestion.lake.manifest import Manifest, compare, dump_manifest, read_manifest
from ingestion.platform.errors import LakeError, PromotionError, SchemaChangedError, StagingError
from ingestion.platform.log import Clock, utc_now
from ingestion.quality.checks import Gate
from ingestion.quality.table_writer import WrittenTable, write_table

_MANIFEST = ".manifest.json"
# What engines read at their best: one task's worth.
_BYTES_PER_FILE = 128 * 1024 * 1024


@dataclass(frozen=True)
class StagedTable:
    """A table written aside, complete: what was written, its columns, the name it is to land under."""

    written: WrittenTable
    columns: StructType
    name: str
    lock: Lock = field(repr=False)

    @property
    def rows(self) -> int:
        """The number of rows that passed the gate, and will be landed."""
        return self.written.rows


class Lake:
    """A folder of tables and files.

    Args:
        files: the file system.
        root: the lake's folder.
        run_id: names what this run writes aside.
        clock: the time, in UTC.
        may_break_schema: let a table land although a column vanished or no longer holds what it held.
        on_schema_change: told the target and what changed since the landing before.
        delta: writes tables as Delta tables; None for Parquet.
    """

    def __init__(
        self,
        files: HadoopFileSystem,
        root: str,
        run_id: str,
        *,
        clock: Clock = utc_now,
        may_break_schema: bool = False,
        on_schema_change: Callable[[str, str], None] = lambda _target, _change: None,
        delta: DeltaWriter | None = None,
    ) -> None:
        self._files = files
        self._root = root
        self._run_id = run_id
        self._clock = clock
        self._may_break_schema = may_break_schema
        self._on_schema_change = on_schema_change
        self._delta = delta

    def path(self, name: str) -> str:
        """Return where a table (`customer_data`) or a file (`countries/india.json`) lands."""
        return f"{self._root}/{name}"

    def manifest_path(self, name: str) -> str:
        """Return where the manifest of a table or file lies."""
        return f"{self._root}/_manifests/{name.removesuffix('.json')}.json"

    def manifest(self, name: str) -> Manifest | None:
        """Return the manifest of what is in place; None where there is none that can be read."""
        return read_manifest(self._files.read(self.manifest_path(name)))

    def write_file(self, name: str, content: bytes, *, source: str | None = None) -> None:
        """Replace a file. `source` is where it came from, without credentials, for the manifest.

        Raises:
            LockedError: another run is landing there.
            LakeError: it cannot be written or promoted; the old file is as it was.
        """
        with self._staging(name) as (staged, lock):
            started = self._now()
            self._files.write(staged, content)
            manifest = Manifest(
                run_id=self._run_id,
                target=self.path(name),
                format="file",
                source=source,
                rows=None,
                files={name.rpartition("/")[2]: len(content)},
                bytes=len(content),
                schema=None,
                checksum=_checksum(content),
                started=started,
                finished=self._now(),
            )
            self._files.write(staged + _MANIFEST, dump_manifest(manifest))
            self._promote(staged, name, lock)

    def append_file(self, folder: str, file: str, content: bytes) -> None:
        """Add a file to a folder whose files are the rows of a table: readers find it whole or not at all.

        Raises:
            LockedError: another run is adding one.
            LakeError: it cannot be written.
        """
        with self._staging(folder) as (staged, lock):
            self._files.write(staged, content)
            lock.check()
            self._files.make_folder(self.path(folder))
            self._rename(staged, f"{self.path(folder)}/{file}")

    @contextmanager
    def staged_table(
        self, frame: DataFrame, name: str, *, source: str | None = None, gate: Gate | None = None
    ) -> Iterator[StagedTable]:
        """Write a table aside, and check and count its rows in the same pass. What is not promoted is gone at the end.

        Args:
            frame: the table, which is read now.
            name: its folder in the lake.
            source: where it came from, without credentials, for the manifest.
            gate: tells the rows that are to land from those that are not; without one all are.

        Raises:
            LockedError: another run is landing there.
            SchemaChangedError: a column vanished or no longer holds what it held.
            PromotionError: a Delta table is in place, and Parquet is to be landed.
            StagingError: its source broke off, the lake refused, or not all rows are in the files.
        """
        with self._staging(name) as (staged, lock):
            started = self._now()
            before = self.manifest(name)
            self._check_format(name)
            self._check_schema(frame, name, before)
            written = self._write_table(frame, staged, name, gate, before)
            files = self._check_files(written, name)
            manifest = Manifest(
                run_id=self._run_id,
                target=self.path(name),
                format="delta" if self._delta else "parquet",
                source=source,
                rows=written.rows,
                # Delta's own log names the files of a Delta table.
                files={} if self._delta else files,
                bytes=sum(files.values()),
                schema=frame.schema.jsonValue(),
                checksum=f"xxhash64-sum:{written.checksum}",
                started=started,
                finished=self._now(),
            )
            self._files.write(staged + _MANIFEST, dump_manifest(manifest))
            yield StagedTable(written, frame.schema, name, lock)

    def promote(self, table: StagedTable) -> None:
        """Let a staged table take the place of the one landed before.

        Raises:
            LockLostError: another run took this one for dead.
            PromotionError: it cannot; the old table is as it was.
        """
        staged, target = table.written.passed, self.path(table.name)
        if self._delta:
            landing = {"run_id": self._run_id, "rows": table.rows}
            if is_delta(self._files, target):
                table.lock.check()
                self._delta.overwrite(target, staged, table.columns, landing)
                # Files that no version of the last week needs; what cannot be removed now is by a later landing.
                with suppress(LakeError):
                    self._delta.vacuum(target)
                return
            # A new Delta table takes the place of whatever there was as a folder does.
            new_table = f"{self._staging_folder(table.name)}/{self._run_id}.delta"
            self._delta.overwrite(new_table, staged, table.columns, landing)
            staged = new_table
        self._promote(staged, table.name, table.lock)

    def remove(self, name: str) -> None:
        """Remove a table, in one step for its readers, and what a run that died left of it.

        Raises:
            LockedError: another run is landing there.
            LakeError: it cannot be removed.
        """
        traces = (self.path(name), self._previous(name), self._staging_folder(name), self._trash(name))
        if not any(map(self._files.exists, traces)) and not self._files.entries(self._locks(name)):
            return
        with self._staging(name) as (_, lock):
            lock.check()
            if self._files.exists(self.path(name)):
                self._to_trash(self.path(name), name)
            self._delete(self.manifest_path(name))

    def _check_format(self, name: str) -> None:
        if not self._delta and is_delta(self._files, self.path(name)):
            raise PromotionError(
                f"{self.path(name)}: is a Delta table, with all its versions; Parquet would take their place. Nothing "
                "was replaced. Set the widget table_format or the variable TABLE_FORMAT to delta, or move it away."
            )

    def _check_schema(self, frame: DataFrame, name: str, before: Manifest | None) -> None:
        columns = before.columns if before else None
        change = compare(columns, frame.schema) if columns else None
        if not change:
            return
        self._on_schema_change(self.path(name), str(change))
        if change.breaking and not self._may_break_schema:
            raise SchemaChangedError(
                f"{self.path(name)}: since the landing before, {'; '.join(change.breaking)}. Nothing was replaced. "
                "If that is meant, set the widget schema_change or the variable SCHEMA_CHANGE to allow for one run."
            )

    def _write_table(
        self, frame: DataFrame, folder: str, name: str, gate: Gate | None, before: Manifest | None
    ) -> WrittenTable:
        gate = gate or Gate((), frame.schema, now=self._clock())
        # As wide as its rows were the last time, so many fit into a file.
        rows_per_file = _BYTES_PER_FILE * before.rows // before.bytes if before and before.rows and before.bytes else 0
        try:
            return write_table(frame, folder, gate, rows_per_file=rows_per_file)
        except (Py4JJavaError, PySparkException) as error:
            raise StagingError(f"{self.path(name)}: cannot be written aside: {root_cause(error)}") from error

    def _check_files(self, written: WrittenTable, name: str) -> dict[str, int]:
        """Return the files of the rows that passed, and the bytes of each, if the files hold all rows."""
        for folder, rows in ((written.passed, written.rows), (written.refused, written.refused_rows)):
            found = sum(self._files.parquet_rows(f"{folder}/{file}") for file in self._data_files(folder))
            if found != rows:
                raise StagingError(
                    f"{self.path(name)}: {rows} rows were written aside, but the files' footers name {found}. "
                    "Nothing was replaced; start the run again."
                )
        return self._data_files(written.passed)

    @contextmanager
    def _staging(self, name: str) -> Iterator[tuple[str, Lock]]:
        """Hold the target, and yield where to write aside; afterwards, whatever happened, all is settled."""
        with Lock(self._files, self._locks(name), self.path(name), self._run_id).held() as lock:
            self._settle(name)
            try:
                yield f"{self._staging_folder(name)}/{self._run_id}", lock
            finally:
                # What cannot be settled now is settled by the next run: it must not hide how this landing ended.
                with suppress(LakeError):
                    lock.check()
                    self._settle(name)

    def _promote(self, staged: str, name: str, lock: Lock) -> None:
        target = self.path(name)
        is_folder = self._files.is_folder(staged)
        lock.check()
        if not self._files.exists(target):
            self._files.make_folder(_parent(target))
            self._rename(staged, target)
        elif self._files.is_folder(target) != is_folder:
            raise PromotionError(
                f"{target}: is a {'file' if is_folder else 'folder'}, which this landing cannot replace."
            )
        # Where the file system can, a file takes the other's place in one step.
        elif is_folder or not self._files.rename(staged, target):
            self._swap(staged, name)

    def _swap(self, staged: str, name: str) -> None:
        previous, target = self._previous(name), self.path(name)
        self._files.make_folder(_parent(previous))
        try:
            self._rename(target, previous)
            self._rename(staged, target)
        except BaseException:
            self._restore(name)
            raise

    def _restore(self, name: str) -> None:
        """Put the previous version back where nothing took its place."""
        previous, target = self._previous(name), self.path(name)
        if self._files.exists(previous) and not self._files.exists(target):
            self._files.make_folder(_parent(target))
            self._rename(previous, target)

    def _settle(self, name: str) -> None:
        """Undo a promotion that was broken off, finish one that was done, and remove what is no longer needed.

        Raises:
            LakeError: the file system refuses; all is as it was, or one step nearer to its end.
        """
        self._restore(name)
        self._delete(self._previous(name))
        staging = self._staging_folder(name)
        staged = [entry.name for entry in self._files.entries(staging)]
        for file in staged:
            if file.endswith(_MANIFEST) and self._is_in_place(f"{staging}/{file}", name):
                self._replace_manifest(f"{staging}/{file}", name)
        if staged:
            # Away in one step first: a run that was taken for dead and wakes must not promote half of what it wrote.
            self._to_trash(staging, name)
        self._delete(self._trash(name))

    def _is_in_place(self, manifest_path: str, name: str) -> bool:
        """Say whether what a manifest describes was promoted."""
        manifest = read_manifest(self._files.read(manifest_path))
        if manifest is None:
            return False
        if manifest.format == "file":
            content = self._files.read(self.path(name))
            return content is not None and manifest.checksum == _checksum(content)
        if manifest.format == "delta":
            landing = last_landing(self._files, self.path(name))
            return landing is not None and landing["run_id"] == manifest.run_id
        return manifest.files == self._data_files(self.path(name))

    def _data_files(self, path: str) -> dict[str, int]:
        """Return the files that readers of a table see, and the bytes of each."""
        return {file.name: file.bytes for file in self._files.entries(path) if not file.name.startswith(("_", "."))}

    def _replace_manifest(self, path: str, name: str) -> None:
        manifest = self.manifest_path(name)
        self._files.make_folder(_parent(manifest))
        if not self._files.rename(path, manifest):
            self._files.delete(manifest)
            self._rename(path, manifest)

    def _to_trash(self, path: str, name: str) -> None:
        self._files.make_folder(self._trash(name))
        self._rename(path, f"{self._trash(name)}/{uuid4().hex}")

    def _delete(self, path: str) -> None:
        if self._files.exists(path):
            self._files.delete(path)

    def _rename(self, path: str, new_path: str) -> None:
        if not self._files.rename(path, new_path):
            raise PromotionError(f"{path}: cannot be renamed to {new_path}.")

    def _previous(self, name: str) -> str:
        return f"{self._root}/_previous/{name}"

    def _locks(self, name: str) -> str:
        return f"{self._root}/_locks/{name}"

    def _trash(self, name: str) -> str:
        return f"{self._root}/_trash/{name}"

    def _staging_folder(self, name: str) -> str:
        return f"{self._root}/_staging/{name}"

    def _now(self) -> str:
        return self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _checksum(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"

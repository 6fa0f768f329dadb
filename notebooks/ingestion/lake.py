"""Landing in the lake: a table or a file is replaced whole or not at all.

New data is written aside, in `_staging/`, checked, and takes its place by rename; beside it waits its manifest. What
was there before moves to `_previous/` for that moment. `_settle` brings this to its end from whatever it finds: after
every landing, and before the next one, should a run have died. `_locks/` lets one run at a time do so. Readers ignore
folders whose names start with `_`.

What a reader of a Parquet table finds at any instant: the old data, whole; then, between two renames, no table at all,
which is a clear error; then the new data, whole. Never a part, never a mixture, never an empty table. No file system
that Hadoop reaches can put a folder in another's place in one step; only a table format with a log, as Delta, closes
that gap. A reader that listed the old files and opens them after the renames gets "file not found" and has to start
again. A file takes the other's place in one step on a local file system, and by the same two renames on ADLS Gen2.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import uuid4

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.errors import LakeError, PromotionError, SchemaChangedError, StagingError
from ingestion.filesystem import HadoopFileSystem
from ingestion.jvm import root_cause
from ingestion.lock import Lock
from ingestion.log import Clock, utc_now
from ingestion.manifest import Manifest, compare, dump_manifest, read_manifest

_MANIFEST = ".manifest.json"


@dataclass(frozen=True)
class StagedTable:
    """A table written aside, complete: where it lies, the name it is to land under, its number of rows."""

    path: str
    name: str
    rows: int
    lock: Lock = field(repr=False)


class Lake:
    """A folder of tables and files.

    Args:
        files: the file system.
        root: the lake's folder.
        run_id: names what this run writes aside.
        clock: the time, in UTC.
        may_break_schema: let a table land although a column vanished or no longer holds what it held.
        on_schema_change: told the target and what changed since the landing before.
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
    ) -> None:
        self._files = files
        self._root = root
        self._run_id = run_id
        self._clock = clock
        self._may_break_schema = may_break_schema
        self._on_schema_change = on_schema_change

    def path(self, name: str) -> str:
        """Return where a table (`customer_data`) or a file (`countries/india.json`) lands."""
        return f"{self._root}/{name}"

    def manifest_path(self, name: str) -> str:
        """Return where the manifest of a table or file lies."""
        return f"{self._root}/_manifests/{name.removesuffix('.json')}.json"

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

    @contextmanager
    def staged_table(self, frame: DataFrame, name: str, *, source: str | None = None) -> Iterator[StagedTable]:
        """Write a table aside, and count its rows in the same pass. What is not promoted is gone at the end.

        Args:
            frame: the table, which is read now.
            name: its folder in the lake.
            source: where it came from, without credentials, for the manifest.

        Raises:
            LockedError: another run is landing there.
            SchemaChangedError: a column vanished or no longer holds what it held.
            StagingError: its source broke off, the lake refused, or not all rows are in the files.
        """
        with self._staging(name) as (staged, lock):
            started = self._now()
            self._check_schema(frame, name)
            rows, checksum = self._write_table(frame, staged, name)
            files = self._check_files(staged, name, rows)
            manifest = Manifest(
                run_id=self._run_id,
                target=self.path(name),
                format="parquet",
                source=source,
                rows=rows,
                files=files,
                bytes=sum(files.values()),
                schema=frame.schema.jsonValue(),
                checksum=checksum,
                started=started,
                finished=self._now(),
            )
            self._files.write(staged + _MANIFEST, dump_manifest(manifest))
            yield StagedTable(staged, name, rows, lock)

    def promote(self, table: StagedTable) -> None:
        """Let a staged table take the place of the one landed before.

        Raises:
            LockLostError: another run took this one for dead.
            PromotionError: it cannot; the old table is as it was.
        """
        self._promote(table.path, table.name, table.lock)

    def _check_schema(self, frame: DataFrame, name: str) -> None:
        before = read_manifest(self._files.read(self.manifest_path(name)))
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

    def _write_table(self, frame: DataFrame, path: str, name: str) -> tuple[int, str]:
        """Write the table and return its rows and its checksum, both taken of what is written as it is written."""
        written = Observation()
        columns = [F.col("`" + column.replace("`", "``") + "`") for column in frame.columns]
        hashes = F.sum(F.xxhash64(*columns).cast("decimal(20,0)"))
        try:
            frame.observe(written, F.count(F.lit(1)).alias("rows"), hashes.alias("hashes")).write.parquet(path)
        except (Py4JJavaError, PySparkException) as error:
            raise StagingError(f"{self.path(name)}: cannot be written aside: {root_cause(error)}") from error
        return written.get["rows"], f"xxhash64-sum:{written.get['hashes'] or 0}"

    def _check_files(self, path: str, name: str, rows: int) -> dict[str, int]:
        """Return the table's files, and the bytes of each, if they hold all rows."""
        files = self._data_files(path)
        found = sum(self._files.parquet_rows(f"{path}/{file}") for file in files)
        if found != rows:
            raise StagingError(
                f"{self.path(name)}: {rows} rows were written aside, but the files' footers name {found}. "
                "Nothing was replaced; start the run again."
            )
        return files

    @contextmanager
    def _staging(self, name: str) -> Iterator[tuple[str, Lock]]:
        """Hold the target, and yield where to write aside; afterwards, whatever happened, all is settled."""
        with Lock(self._files, f"{self._root}/_locks/{name}", self.path(name), self._run_id).held() as lock:
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
            self._rename(previous, target)

    def _settle(self, name: str) -> None:
        """Undo a promotion that was broken off, finish one that was done, and remove what is no longer needed.

        Raises:
            LakeError: the file system refuses; all is as it was, or one step nearer to its end.
        """
        self._restore(name)
        self._delete(self._previous(name))
        staging, trash = self._staging_folder(name), f"{self._root}/_trash/{name}"
        staged = [entry.name for entry in self._files.entries(staging)]
        for file in staged:
            if file.endswith(_MANIFEST) and self._is_in_place(f"{staging}/{file}", name):
                self._replace_manifest(f"{staging}/{file}", name)
        if staged:
            # Away in one step first: a run that was taken for dead and wakes must not promote half of what it wrote.
            self._files.make_folder(trash)
            self._rename(staging, f"{trash}/{uuid4().hex}")
        self._delete(trash)

    def _is_in_place(self, manifest_path: str, name: str) -> bool:
        """Say whether what a manifest describes was promoted."""
        manifest = read_manifest(self._files.read(manifest_path))
        if manifest is None:
            return False
        if manifest.format == "file":
            content = self._files.read(self.path(name))
            return content is not None and manifest.checksum == _checksum(content)
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

    def _delete(self, path: str) -> None:
        if self._files.exists(path):
            self._files.delete(path)

    def _rename(self, path: str, new_path: str) -> None:
        if not self._files.rename(path, new_path):
            raise PromotionError(f"{path}: cannot be renamed to {new_path}.")

    def _previous(self, name: str) -> str:
        return f"{self._root}/_previous/{name}"

    def _staging_folder(self, name: str) -> str:
        return f"{self._root}/_staging/{name}"

    def _now(self) -> str:
        return self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _checksum(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"

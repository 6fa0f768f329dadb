"""Landing in the lake: a table or a file is replaced whole or not at all.

New data is written aside, in `_staging/`, and takes its place by rename once it is complete. What was there before
waits in `_previous/` until then, from where it goes back should the rename fail; a run that died in between is repaired
by the next one. Readers ignore folders whose names start with `_`.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.errors import LakeError, PromotionError, StagingError
from ingestion.filesystem import HadoopFileSystem
from ingestion.jvm import root_cause


@dataclass(frozen=True)
class StagedTable:
    """A table written aside, complete: where it lies, the name it is to land under, its number of rows."""

    path: str
    name: str
    rows: int


class Lake:
    """A folder of tables and files.

    Args:
        files: the file system.
        root: the lake's folder.
        run_id: names what this run writes aside.
    """

    def __init__(self, files: HadoopFileSystem, root: str, run_id: str) -> None:
        self._files = files
        self._root = root
        self._run_id = run_id

    def path(self, name: str) -> str:
        """Return where a table (`customer_data`) or a file (`countries/india.json`) lands."""
        return f"{self._root}/{name}"

    def write_file(self, name: str, content: bytes) -> None:
        """Replace a file.

        Raises:
            LakeError: it cannot be written or promoted; the old file is as it was.
        """
        with self._staging(name) as staged:
            self._files.write(staged, content)
            self._promote(staged, name)

    @contextmanager
    def staged_table(self, frame: DataFrame, name: str) -> Iterator[StagedTable]:
        """Write a table aside, and count its rows in the same pass. What is not promoted is gone at the end.

        Raises:
            StagingError: its source broke off, or the lake refused.
        """
        with self._staging(name) as path:
            written = Observation()
            try:
                frame.observe(written, F.count(F.lit(1)).alias("rows")).write.parquet(path)
            except (Py4JJavaError, PySparkException) as error:
                raise StagingError(f"{self.path(name)}: cannot be written aside: {root_cause(error)}") from error
            yield StagedTable(path, name, written.get["rows"])

    def promote(self, table: StagedTable) -> None:
        """Let a staged table take the place of the one landed before.

        Raises:
            PromotionError: it cannot; the old table is as it was.
        """
        self._promote(table.path, table.name)

    @contextmanager
    def _staging(self, name: str) -> Iterator[str]:
        self._repair(name)
        staging = f"{self._root}/_staging/{name}"
        path = f"{staging}/{self._run_id}"
        try:
            yield path
        except BaseException:
            self._clean_up(path)
            raise
        # One run at a time lands on a name, so whatever lies here was left behind by a run that died.
        self._clean_up(staging)

    def _repair(self, name: str) -> None:
        """Undo, or finish, the promotion of a run that died within it."""
        previous, target = self._previous(name), self.path(name)
        if not self._files.exists(previous):
            return
        if self._files.exists(target):
            self._files.delete(previous)
        elif not self._files.rename(previous, target):
            raise LakeError(f"{target}: its last version is in {previous} and cannot be moved back.")

    def _promote(self, staged: str, name: str) -> None:
        target = self.path(name)
        is_folder = self._files.is_folder(staged)
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
        self._rename(target, previous)
        try:
            self._rename(staged, target)
        except BaseException:
            self._rename(previous, target)
            raise
        self._clean_up(previous)

    def _clean_up(self, path: str) -> None:
        # What cannot be deleted now is deleted by the next run: it must not hide how this landing ended.
        with suppress(LakeError):
            self._files.delete(path)

    def _rename(self, path: str, new_path: str) -> None:
        if not self._files.rename(path, new_path):
            raise PromotionError(f"{path}: cannot be renamed to {new_path}.")

    def _previous(self, name: str) -> str:
        return f"{self._root}/_previous/{name}"


def _parent(path: str) -> str:
    return path.rpartition("/")[0]

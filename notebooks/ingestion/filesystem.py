"""The lake's files through Hadoop's FileSystem, so that abfss:// and a local folder are one and the same.

Reached through the Spark JVM (py4j): on Databricks that takes a cluster in dedicated (single user) access mode.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from ingestion.errors import LakeError
from ingestion.jvm import root_cause


class HadoopFileSystem:
    """The few operations that landing needs. Paths are text: `abfss://container@account/...` or `/folder/...`.

    Every operation raises LakeError, with the path and the file system's own words, when it fails.
    """

    def __init__(self, spark: SparkSession, root: str) -> None:
        jvm: Any = spark._jvm
        session: Any = spark._jsparkSession
        # A copy of the session's configuration, so that credentials set by spark.conf.set are known.
        configuration = session.sessionState().newHadoopConf()
        # Locally without checksum files: they are a second file to replace, never in the same instant as the first.
        configuration.set("fs.file.impl", "org.apache.hadoop.fs.RawLocalFileSystem")
        configuration.setBoolean("fs.file.impl.disable.cache", True)
        self._path = jvm.org.apache.hadoop.fs.Path
        with _failures_named(root):
            self._files = self._path(root).getFileSystem(configuration)

    def exists(self, path: str) -> bool:
        """Say whether there is a file or folder."""
        with _failures_named(path):
            return bool(self._files.exists(self._path(path)))

    def is_folder(self, path: str) -> bool:
        """Say whether there is a folder."""
        with _failures_named(path):
            return self.exists(path) and bool(self._files.getFileStatus(self._path(path)).isDirectory())

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, where they are not there yet."""
        with _failures_named(path):
            if not self._files.mkdirs(self._path(path)):
                raise LakeError(f"{path}: the folder cannot be made.")

    def rename(self, path: str, new_path: str) -> bool:
        """Rename a file or folder in one step; return False where the file system refuses, as for a taken name.

        A local file system, as POSIX has it, lets a file take the place of another; ADLS Gen2 and HDFS refuse.
        """
        with _failures_named(f"{path} -> {new_path}"):
            return bool(self._files.rename(self._path(path), self._path(new_path)))

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it; nothing happens where there is none."""
        with _failures_named(path):
            if not self._files.delete(self._path(path), True) and self.exists(path):
                raise LakeError(f"{path}: cannot be deleted.")

    def write(self, path: str, content: bytes) -> None:
        """Write a new file and the folders above it."""
        with _failures_named(path):
            stream = self._files.create(self._path(path), False)
            try:
                stream.write(bytearray(content))
            finally:
                stream.close()


@contextmanager
def _failures_named(path: str) -> Iterator[None]:
    try:
        yield
    except Py4JError as error:
        raise LakeError(f"{path}: {root_cause(error)}") from error

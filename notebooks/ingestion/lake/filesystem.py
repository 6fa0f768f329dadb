"""The lake's files through Hadoop's FileSystem, so that abfss:// and a local folder are one and the same.

Reached through the Spark JVM (py4j): on Databricks that takes a cluster in dedicated (single user) access mode.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import SparkSession

from ingestion.lake.jvm import root_cause
from ingestion.platform.errors import LakeError


@dataclass(frozen=True)
class FileEntry:
    """A file or folder within a folder: its name, and its size in bytes (0 for a folder)."""

    name: str
    bytes: int


class HadoopFileSystem:
    """The few operations that landing needs. Paths are text: `abfss://container@account/...` or `/folder/...`.

    Every operation raises LakeError, with the path and the file system's own words, when it fails.
    """

    def __init__(self, spark: SparkSession, root: str) -> None:
        jvm: Any = spark._jvm
        session: Any = spark._jsparkSession
        gateway: Any = spark.sparkContext._gateway
        # A copy of the session's configuration, so that credentials set by spark.conf.set are known.
        configuration = session.sessionState().newHadoopConf()
        # Locally without checksum files: they are a second file to replace, never in the same instant as the first.
        configuration.set("fs.file.impl", "org.apache.hadoop.fs.RawLocalFileSystem")
        configuration.setBoolean("fs.file.impl.disable.cache", True)
        self._parquet = jvm.org.apache.parquet.hadoop
        self._configuration = configuration
        self._path = jvm.org.apache.hadoop.fs.Path
        with _failures_named(root):
            self._files = self._path(root).getFileSystem(configuration)
        self._is_local = self._files.getUri().getScheme() == "file"
        if self._is_local:
            self._java_file, nio = jvm.java.io.File, jvm.java.nio.file
            self._java_files = nio.Files
            self._in_one_step = gateway.new_array(nio.CopyOption, 1)
            self._in_one_step[0] = nio.StandardCopyOption.ATOMIC_MOVE
            self._new_only = gateway.new_array(nio.OpenOption, 2)
            self._new_only[0], self._new_only[1] = nio.StandardOpenOption.CREATE_NEW, nio.StandardOpenOption.WRITE

    def exists(self, path: str) -> bool:
        """Say whether there is a file or folder."""
        with _failures_named(path):
            return bool(self._files.exists(self._path(path)))

    def is_folder(self, path: str) -> bool:
        """Say whether there is a folder."""
        with _failures_named(path):
            return self.exists(path) and bool(self._files.getFileStatus(self._path(path)).isDirectory())

    def entries(self, path: str) -> list[FileEntry]:
        """Return what lies directly in a folder, by name; nothing where there is no folder."""
        if not self.exists(path):
            return []
        with _failures_named(path):
            found = self._files.listStatus(self._path(path))
            entries = [FileEntry(status.getPath().getName(), status.getLen()) for status in found]
        return sorted(entries, key=lambda entry: entry.name)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, where they are not there yet."""
        with _failures_named(path):
            if not self._files.mkdirs(self._path(path)):
                raise LakeError(f"{path}: the folder cannot be made.")

    def rename(self, path: str, new_path: str) -> bool:
        """Rename a file or folder in one step; return False where the file system refuses, as for a taken name.

        A local file system, as POSIX has it, lets a file take the place of another; ADLS Gen2 and HDFS refuse. A
        folder that is there takes the renamed one *into* itself on ADLS Gen2 and HDFS: look first.
        """
        with _failures_named(f"{path} -> {new_path}"):
            if self._is_local:
                # Hadoop's own local rename falls back to copying, which is not one step.
                self._java_files.move(self._local(path), self._local(new_path), self._in_one_step)
                return True
            return bool(self._files.rename(self._path(path), self._path(new_path)))

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it; nothing happens where there is none."""
        with _failures_named(path):
            if not self._files.delete(self._path(path), True) and self.exists(path):
                raise LakeError(f"{path}: cannot be deleted.")

    def read(self, path: str) -> bytes | None:
        """Return what a small file holds, or None where there is none."""
        if not self.exists(path):
            return None
        try:
            with _failures_named(path):
                stream = self._files.open(self._path(path))
                try:
                    return bytes(stream.readAllBytes())
                finally:
                    stream.close()
        except LakeError as error:
            # Also what Java says of a folder, and of a file that this user may not read: these are there.
            if _java_class(error) == "FileNotFoundException" and not self.exists(path):
                return None
            raise

    def write(self, path: str, content: bytes) -> None:
        """Write a new file and the folders above it."""
        with _failures_named(path):
            _write(self._files.create(self._path(path), False), content)

    def create(self, path: str, content: bytes) -> bool:
        """Write a new file and return True, or return False where there is one: of several that try, one succeeds.

        The name is taken in one step; the content follows, so that others may find the file empty for an instant.
        """
        try:
            with _failures_named(path):
                stream = self._create_stream(path)
        except LakeError as error:
            if _java_class(error) == "FileAlreadyExistsException":
                return False
            raise
        try:
            with _failures_named(path):
                _write(stream, content)
        except LakeError:
            # As on a full disk. A file without its content must not keep others waiting.
            with suppress(LakeError):
                self.delete(path)
            raise
        return True

    def append(self, path: str, content: bytes) -> None:
        """Make a file that is there longer."""
        with _failures_named(path):
            _write(self._files.append(self._path(path)), content)

    def parquet_rows(self, path: str) -> int:
        """Return the number of rows that the footer of a Parquet file names: no data is read."""
        with _failures_named(path):
            file = self._parquet.util.HadoopInputFile.fromPath(self._path(path), self._configuration)
            reader = self._parquet.ParquetFileReader.open(file)
            try:
                return int(reader.getRecordCount())
            finally:
                reader.close()

    def _create_stream(self, path: str) -> Any:
        if not self._is_local:
            return self._files.create(self._path(path), False)
        # Hadoop's own local file system looks first and creates then: two steps.
        self._files.mkdirs(self._path(path).getParent())
        return self._java_files.newOutputStream(self._local(path), self._new_only)

    def _local(self, path: str) -> Any:
        return self._java_file(self._path(path).toUri().getPath()).toPath()


def _write(stream: Any, content: bytes) -> None:
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


def _java_class(error: LakeError) -> str | None:
    """Return the simple name of the Java exception's class that an error stands for."""
    cause = error.__cause__
    return str(cause.java_exception.getClass().getSimpleName()) if isinstance(cause, Py4JJavaError) else None

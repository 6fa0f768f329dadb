"""Which files a folder holds, which of them are new, and which changed after they were read.

Structured Streaming (`availableNow`; Auto Loader where there is one) tells each file once. It takes no rows but the
files' names, and appends them to a Delta table in the lake, with its checkpoint beside it and the number of the window
in which they are read: a file that was told stays told, whatever becomes of the run, and a window is the same files
whenever it is read again.

The stream tells of a file once, by its name. So the folder is listed besides: a file that was empty when the stream met
it is taken up when it has rows, and one that changed after it was read is seen. As many names as a folder has files are
in memory: those of Spark's own file source are, too.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.streaming.readwriter import DataStreamReader
from pyspark.sql.types import LongType, StringType, StructField, StructType, TimestampType

from ingestion.files.patterns import fixed_folder, pattern_regex
from ingestion.lake import delta_log
from ingestion.lake.delta_commits import Commit
from ingestion.lake.delta_tables import DeltaTable
from ingestion.lake.storage import Storage
from ingestion.platform.errors import IngestionError, SourceError
from ingestion.platform.spark_errors import root_cause

# A file as Spark's format `binaryFile` has it; its content is not asked for.
_BINARY_FILE = "path string, modificationTime timestamp, length bigint, content binary"
# `path` is percent-encoded, as Spark's column `_metadata` has it.
_FOUND = StructType(
    [
        StructField("path", StringType()),
        StructField("modified", TimestampType()),
        StructField("bytes", LongType()),
        StructField("window", LongType()),
    ]
)
# Spark's file source passes over what is older than the newest file by more than a week: here nothing is.
_ANY_AGE = "36500d"
_NO_AUTO_LOADER = "DATA_SOURCE_NOT_FOUND"
_NO_FOLDER = "PATH_NOT_FOUND"
_VERSIONS_BETWEEN_UPKEEPS = 50


@dataclass(frozen=True)
class FileState:
    """A file as it was found: what tells that it is another one by now."""

    modified: datetime
    bytes: int


@dataclass(frozen=True)
class FolderFiles:
    """A folder's files, by their addresses.

    Attributes:
        there: those that are there now.
        windows: those that were ever found, and the number of the window in which each is read.
        changed: those that changed after they were read.
    """

    there: frozenset[str]
    windows: Mapping[str, int]
    changed: tuple[str, ...] = ()

    @property
    def last(self) -> int:
        """The number of the last window; 0 where there is none."""
        return max(self.windows.values(), default=0)

    def window(self, start: int, end: int) -> tuple[list[str], list[str]]:
        """Return the files of the windows above `start` up to `end`, and those of them that are not there any more."""
        inside = sorted(path for path, number in self.windows.items() if start < number <= end)
        return [path for path in inside if path in self.there], [path for path in inside if path not in self.there]


class Folder:
    """A folder whose files are read once each.

    Args:
        spark: the session.
        storage: the lake.
        url: of the folder, as Spark takes it.
        pattern: of the files' names below it.
        state: the folder of the lake that keeps which files were found; whoever calls holds the feed's lock.
    """

    def __init__(self, spark: SparkSession, storage: Storage, url: str, pattern: str, state: str) -> None:
        self._spark = spark
        self._storage = storage
        self._url = url.rstrip("/") or url
        self._regex = pattern_regex(url, pattern)
        self._base = "/".join(filter(None, (self._url, fixed_folder(pattern))))
        self._state = state
        self._found = DeltaTable(spark, storage.url(f"{state}/found"))

    def look(self, read: int) -> FolderFiles:
        """Find what is new, and give it the number of a window after all others.

        Args:
            read: the number of the last window that was read.

        Raises:
            SourceError: the folder is not there, or cannot be read.
            LakeError: what was found cannot be kept.
        """
        there, found = self._list(), self._read_found()
        if not there.keys() <= found.keys():
            number = max(read, *(window for _, window in found.values()), 0) + 1
            self._stream(number)
            found = self._read_found()
            # What was empty when the stream met it, the stream does not tell again.
            self._keep({path: (state, number) for path, state in there.items() if path not in found})
            found = self._read_found()
        others = {path: found[path][1] for path, state in there.items() if path in found and found[path][0] != state}
        self._keep({path: (there[path], window) for path, window in others.items() if window > read})
        return FolderFiles(
            frozenset(map(unquote, there)),
            {unquote(path): window for path, (_, window) in found.items()},
            tuple(sorted(unquote(path) for path, window in others.items() if window <= read)),
        )

    def paths(self) -> list[str]:
        """Return the addresses of the files that are there."""
        return sorted(map(unquote, self._list()))

    def _list(self) -> dict[str, FileState]:
        """Return the files that are there, by their addresses, which are percent-encoded.

        Raises:
            SourceError: the folder is not there, or cannot be read.
        """
        for url in dict.fromkeys((self._base, self._url)):
            files = self._spark.read.format("binaryFile").option("recursiveFileLookup", True)
            try:
                rows = self._named(files.load(url)).collect()
            except Exception as error:
                if _NO_FOLDER not in str(error):
                    raise SourceError(f"{self._url}: cannot be listed: {root_cause(error)}") from error
            else:
                return {row["path"]: FileState(row["modified"], row["bytes"]) for row in rows if url == self._base}
        raise SourceError(
            f"{self._url}: there is no such folder, or it may not be read. Make it, or write another url in [source]."
        )

    def _named(self, files: DataFrame) -> DataFrame:
        """Return files of Spark's as they are kept here, those that the pattern means."""
        metadata = F.col("_metadata")
        return files.where(file_address(encoded=False).rlike(self._regex)).select(
            file_address(encoded=True).alias("path"),
            metadata["file_modification_time"].alias("modified"),
            metadata["file_size"].alias("bytes"),
        )

    def _read_found(self) -> dict[str, tuple[FileState, int]]:
        """Return all files that were found, as they were the last time, with the first of their windows."""
        versions = delta_log.versions(self._storage, f"{self._state}/found")
        if not versions:
            self._found.create(_FOUND)
            return {}
        if versions[-1] % _VERSIONS_BETWEEN_UPKEEPS == _VERSIONS_BETWEEN_UPKEEPS - 1:
            with self._failures():
                self._spark.sql(f"OPTIMIZE {self._found.identifier}").collect()
            self._found.vacuum()
        found: dict[str, tuple[FileState, int]] = {}
        with self._failures():
            rows = self._found.read().collect()
        for row in sorted(rows, key=lambda row: row["modified"]):
            state, window = FileState(row["modified"], row["bytes"]), row["window"]
            found[row["path"]] = state, min(window, found[row["path"]][1]) if row["path"] in found else window
        return found

    def _keep(self, files: Mapping[str, tuple[FileState, int]]) -> None:
        if files:
            rows = [(path, state.modified, state.bytes, window) for path, (state, window) in files.items()]
            self._found.append(self._spark.createDataFrame(rows, _FOUND), Commit(self._state, None))

    def _stream(self, number: int) -> None:
        """Let the stream append the files that it has not told yet, with the number of their window."""
        with self._failures():
            files = self._named(self._new_files()).withColumn("window", F.lit(number).cast("bigint"))
            query = (
                files.writeStream.format("delta")
                .outputMode("append")
                .option("checkpointLocation", self._storage.url(f"{self._state}/stream"))
                .trigger(availableNow=True)
                .start(str(self._found))
            )
            query.awaitTermination()

    def _new_files(self) -> DataFrame:
        auto_loader = {"cloudFiles.format": "binaryFile", "cloudFiles.includeExistingFiles": "true"}
        try:
            files = self._reader("cloudFiles").options(**auto_loader).load(self._base)
            files.schema  # noqa: B018 - over Spark Connect what is not there is told here
        except Exception as error:
            if _NO_AUTO_LOADER not in str(error):
                raise
            return self._reader("binaryFile").schema(_BINARY_FILE).option("maxFileAge", _ANY_AGE).load(self._base)
        return files

    def _reader(self, kind: str) -> DataStreamReader:
        return self._spark.readStream.format(kind).option("recursiveFileLookup", True)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except IngestionError:
            raise
        except Exception as error:
            raise SourceError(f"{self._url}: its files cannot be found: {root_cause(error)}") from error


def file_address(*, encoded: bool) -> Column:
    """Return the address of the file that a row comes from: percent-encoded, or as people write it."""
    address = F.regexp_replace(F.col("_metadata")["file_path"], "^file:/+", "file:/")
    return address if encoded else F.url_decode(F.replace(address, F.lit("+"), F.lit("%2B")))

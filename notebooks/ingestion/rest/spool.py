"""Records on their way to the lake: written page by page beside it as JSON lines, then read by Spark as one frame.

Memory holds a page and a piece of a few megabytes, however many records come. Nothing is landed here: a spool that is
discarded leaves nothing.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from threading import Event, Lock
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DataType, LongType, StringType, StructField, StructType

from ingestion.feeds.model import Endpoint, ForEachValue
from ingestion.lake.storage import Storage
from ingestion.platform import strict_json
from ingestion.platform.columns import column
from ingestion.platform.errors import UnexpectedAnswerError
from ingestion.platform.names import nearest
from ingestion.rest.answers import Record, Values
from ingestion.rest.cursor_window import CursorWindow, Place
from ingestion.rest.endpoint import EndpointReader, Page, named
from ingestion.rest.record_types import JsonType, absent, with_texts_for_nested

_PIECE = 8 * 1024 * 1024
# A line's parts: the record, the values it was asked for, its number, its cursor, the address that gave it.
_RECORD, _VALUES, _NUMBER, _CURSOR, _URL = "r", "v", "n", "c", "u"


@dataclass(frozen=True)
class SpooledRecord:
    """A record as it was read: the values that it was asked for, and the address that gave it."""

    values: Values
    record: Record
    url: str


class Spool:
    """The records of one load of an endpoint. Pages may come from several threads.

    Args:
        storage: the lake.
        folder: in it, of this load alone.
        endpoint: what is read.
        window: what of the records belongs to the load; None: all.
        piece: bytes after which a file is written.

    Attributes:
        rows: records so far.
        window: what of the records belongs to the load; None: all.
    """

    def __init__(
        self,
        storage: Storage,
        folder: str,
        endpoint: Endpoint,
        *,
        window: CursorWindow | None = None,
        piece: int = _PIECE,
    ) -> None:
        self._storage = storage
        self._folder = folder
        self._endpoint = endpoint
        self._piece = piece
        self._lock = Lock()
        self._lines: list[bytes] = []
        self._bytes = 0
        self._pieces = 0
        self._types = JsonType()
        self._value_types = JsonType()
        self._cursor_type = JsonType()
        self.rows = 0
        self.window = window

    def add(self, page: Page) -> None:
        """Take a page's records.

        Raises:
            LakeError: they cannot be written.
        """
        values = {name: value.value for name, value in page.values.items()}
        with self._lock:
            self._value_types.see(values)
            for record in page.records:
                self._add(record, values, page)

    def finish(self) -> None:
        """Write what is left. No page comes after this."""
        if self._lines:
            self._write()

    def discard(self) -> None:
        """Leave nothing behind."""
        self._storage.delete(self._folder)

    def absent(self, known: StructType | None) -> list[str]:
        """Return the columns that are known from before and that no record has."""
        return absent(self._types, known)

    def lacks_key(self, name: str) -> UnexpectedAnswerError:
        """Return the error that no record has a column of the key, with those that there are."""
        return UnexpectedAnswerError(
            f"{self._endpoint.name}: no record has {name!r}, which primary_key names. "
            f"{nearest(name, self._types.fields)} Where records stand further within the answer, data_selector says so."
        )

    def records(self) -> Iterator[SpooledRecord]:
        """Yield the records as they were read, a piece in memory at a time."""
        for number in range(self._pieces):
            for text in (self._storage.read(self._path(number)) or b"").splitlines():
                line = json.loads(text)
                values = {name: self._value(name, value) for name, value in line[_VALUES].items()}
                yield SpooledRecord(values, line[_RECORD], line[_URL])

    def value_columns(self, known: StructType | None = None) -> dict[str, str]:
        """Return, by the names of `for_each` and `parent`, the columns that carry their values: `_NAME`."""
        return {name: self._free(f"_{name}", known) for name in self._value_types.fields}

    def order_column(self, known: StructType | None = None) -> str:
        """Return the column that numbers records as they were read; it is not to be landed."""
        return self._free("_number", known)

    def cursor_column(self, known: StructType | None = None) -> str:
        """Return the column that is greater in the newer of two records; it does not land, and needs a window."""
        return self._free("_cursor", known)

    def time_column(self, known: StructType | None = None) -> str:
        """Return the name that is free for the time of a record's change; it is not to be landed."""
        return self._free("_time", known)

    def frame(self, spark: SparkSession, known: StructType | None = None) -> DataFrame:
        """Return the records: their columns, those of the values, the order's and, if there is one, the cursor's.

        Args:
            spark: the session.
            known: the columns that the target has; theirs come first, and keep their types where these hold all.

        Raises:
            UnexpectedAnswerError: the records' names cannot be columns.
        """
        value_columns = self.value_columns(known)
        ours = set(value_columns.values())
        before = StructType([field for field in known or () if field.name not in ours])
        schema = self._schema(before, known, value_columns)
        frame = (
            spark.read.schema(schema)
            .option("mode", "FAILFAST")
            .option("lineSep", "\n")
            .json(self._storage.url(self._folder))
            if self._pieces
            else spark.createDataFrame([], schema)
        )
        record = schema[_RECORD].dataType if _RECORD in schema.names else StructType()
        names = record.names if isinstance(record, StructType) else []
        selected = [column(_RECORD).getField(name).alias(name) for name in names]
        selected += [column(_VALUES).getField(name).alias(alias) for name, alias in value_columns.items()]
        selected.append(column(_NUMBER).alias(self.order_column(known)))
        if _CURSOR in schema.names:
            selected.append(column(_CURSOR).alias(self.cursor_column(known)))
        return frame.select(*selected)

    def _schema(self, before: StructType, known: StructType | None, value_columns: Mapping[str, str]) -> StructType:
        parts: list[tuple[str, DataType | None]] = [(_RECORD, self._types.struct(before))]
        if value_columns:
            types = {field.name: field.dataType for field in known or ()}
            values = [
                StructField(name, self._value_types.fields[name].spark_type(types.get(alias)) or StringType())
                for name, alias in value_columns.items()
            ]
            parts.append((_VALUES, StructType(values)))
        parts.append((_NUMBER, LongType()))
        parts.append((_CURSOR, self._cursor_type.spark_type()))
        return StructType([StructField(name, kind) for name, kind in parts if kind is not None])

    def _value(self, name: str, value: Any) -> ForEachValue:
        """Return what was asked for, with all that the file says of it."""
        asked = self._endpoint.for_each.get(name, ())
        return next((each for each in asked if each.value == value), ForEachValue(value))

    def _free(self, name: str, known: StructType | None) -> str:
        """Return a name of ours that no record has: with as many more `_` before it as that takes."""
        taken = {other.casefold() for other in self._types.fields}
        while name.casefold() in taken:
            name = f"_{name}"
        return name

    def _add(self, record: Record, values: Mapping[str, Any], page: Page) -> None:
        line: dict[str, Any] = {_RECORD: record, _NUMBER: self.rows}
        if self.window is not None:
            with named(page.url):
                place, line[_CURSOR] = self.window.take(record, page.clock)
            if place is Place.OUTSIDE:
                return
            self._cursor_type.see(line[_CURSOR])
        if self._endpoint.nested == "json" and self._endpoint.format != "json":
            line[_RECORD] = with_texts_for_nested(record, lambda value: strict_json.line(value).decode())
        self._types.see(line[_RECORD])
        if values:
            line[_VALUES] = values
        if self._endpoint.format == "json":
            line |= {_VALUES: values, _URL: page.url}
        text = strict_json.line(line)
        self._lines.append(text)
        self._bytes += len(text)
        self.rows += 1
        if self._bytes >= self._piece:
            self._write()

    def _write(self) -> None:
        self._storage.write(self._path(self._pieces), b"\n".join(self._lines) + b"\n")
        self._pieces += 1
        self._lines, self._bytes = [], 0

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:05}.json"


@contextmanager
def spooled(
    reader: EndpointReader,
    endpoint: Endpoint,
    storage: Storage,
    folder: str,
    *,
    window: CursorWindow | None = None,
    workers: int = 1,
    on_page: Callable[[Page], None] = lambda _page: None,
) -> Iterator[Spool]:
    """Read an endpoint whole, combinations of values side by side; the spool is gone when the block ends.

    Args:
        reader: of the source.
        endpoint: what to read.
        storage: the lake.
        folder: in it, for this load alone.
        window: what of it belongs to the load; None: all.
        workers: combinations read at a time.
        on_page: told of each page.

    Raises:
        ApiError: a page could not be read.
        LakeError: the records cannot be written aside.
    """
    spool = Spool(storage, folder, endpoint, window=window)
    since = window.since if window else None
    stopping = Event()

    def read(values: Values) -> None:
        for page in reader.pages(endpoint, values, since):
            if stopping.is_set():
                return
            spool.add(page)
            on_page(page)

    try:
        _side_by_side(reader.combinations(endpoint), read, workers, stopping)
        spool.finish()
        yield spool
    finally:
        spool.discard()


def _side_by_side(
    combinations: Iterator[Values], read: Callable[[Values], None], workers: int, stopping: Event
) -> None:
    """Read combinations of values, a batch of them at a time: a parent may give any number. The first error is it."""
    with ThreadPoolExecutor(workers) as pool:
        while batch := list(islice(combinations, workers * 16)):
            tasks = [pool.submit(read, values) for values in batch]
            wait(tasks, return_when=FIRST_EXCEPTION)
            error = next((error for task in tasks if task.done() and (error := task.exception())), None)
            if error is not None:
                stopping.set()
                pool.shutdown(cancel_futures=True)
                raise error

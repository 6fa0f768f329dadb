"""The records of an API's endpoint, as one load reads them: rows of a table, or a file each."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StructType

from ingestion.feeds.model import Endpoint
from ingestion.lake.documents import replace_document
from ingestion.lake.manifest import manifest_path, read_manifest
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.platform import strict_json
from ingestion.platform.columns import column
from ingestion.platform.errors import UnexpectedAnswerError
from ingestion.rest.endpoint import EndpointReader
from ingestion.rest.record_files import record_file
from ingestion.rest.spool import Spool, SpooledRecord, spooled

Result = TypeVar("Result")
_FILES_AT_A_TIME = 8


@dataclass
class EndpointRows:
    """All records of an endpoint, read and spooled. Made by `endpoint_rows`.

    Attributes:
        run: what the load works with.
        feed: which endpoint.
        shown: its address.
        spool: its records.
        known: the columns that the target has; None where there is none.
    """

    run: Run
    feed: Endpoint
    shown: str
    spool: Spool
    known: StructType | None

    @property
    def notes(self) -> list[str]:
        """Nothing is to be told."""
        return []

    @property
    def has_columns(self) -> bool:
        """Whether it is known what the columns are: from a record, or from a load before."""
        return self.spool.rows > 0 or self.known is not None

    def measure(self) -> int:
        """Return the number of records."""
        return self.spool.rows

    def frame(self) -> DataFrame:
        """Return the records; of several of one key the one that was read last.

        Raises:
            UnexpectedAnswerError: no record has a column of the key.
        """
        known = self._still_there()
        order = self.spool.order_column(known)
        frame = self.spool.frame(self.run.spark, known)
        key = [*self.feed.primary_key, *self.spool.value_columns(known).values()] if self.feed.primary_key else []
        missing = [name for name in key if name not in frame.columns]
        if missing:
            raise UnexpectedAnswerError(
                f"{self.feed.name}: no record has {missing[0]!r}, which primary_key names; they have: "
                f"{', '.join(name for name in frame.columns if name != order)[:500]}."
            )
        if key:
            frame = _last_of_each(frame, key, order)
        return frame.drop(order)

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do a task once: what passes by itself was tried again page by page."""
        return task()

    def _still_there(self) -> StructType | None:
        """Return the known columns that a record has; without any record, all of them."""
        if self.known is None or not self.spool.rows:
            return self.known
        ours = set(self.spool.value_columns(self.known).values())
        gone = set(self.spool.absent(self.known)) - ours
        return StructType([field for field in self.known if field.name not in gone])


@contextmanager
def endpoint_rows(run: Run, reader: EndpointReader, feed: Endpoint) -> Iterator[EndpointRows]:
    """Read an endpoint whole, and give its rows until the block ends.

    Raises:
        ApiError: a page could not be read: nothing is to be landed.
        LakeError: the records cannot be written aside.
    """
    before = read_manifest(run.storage.read(manifest_path(feed.destination)))
    with _spooled(run, reader, feed) as (shown, spool):
        yield EndpointRows(run, feed, shown, spool, before.columns if before else None)


def land_files(run: Run, reader: EndpointReader, feed: Endpoint, result: FeedResult) -> None:
    """Land each record of an endpoint in a file of its own, once all of them were read.

    Raises:
        ApiError: a page could not be read, or two records name one file: nothing was landed.
        LakeError: a file could not be replaced; it is as it was, others may have been replaced.
    """
    with _spooled(run, reader, feed) as (_, spool):
        names: set[str] = set()
        for record in spool.records():
            name = record_file(feed, record.values, record.record)
            if name in names:
                raise UnexpectedAnswerError(
                    f"{record.url}: a second record would be {name}: set file_name in {feed.name}."
                )
            names.add(name)

        def land(record: SpooledRecord) -> None:
            content = strict_json.dump(record.record)
            name, source = record_file(feed, record.values, record.record), run.secrets.redact(record.url)
            replace_document(run.storage, name, content, run_id=run.log.run_id, source=source, clock=run.log.clock)

        with (
            run.log.step("land", source=reader.shown(feed), target=run.storage.url(feed.destination)) as step,
            ThreadPoolExecutor(_FILES_AT_A_TIME) as pool,
        ):
            for landing in [pool.submit(land, record) for record in spool.records()]:
                landing.result()
            step.rows = len(names)
    result.status = Status.SUCCEEDED
    result.rows_read = result.inserted = result.rows_in_target = len(names)
    result.updated, result.deleted, result.quarantined = 0, 0, 0


@contextmanager
def _spooled(run: Run, reader: EndpointReader, feed: Endpoint) -> Iterator[tuple[str, Spool]]:
    shown = reader.shown(feed)
    folder = f"_landing/{feed.destination.replace('/', '%')}.pages/{run.log.run_id}"
    with ExitStack() as stack:
        with run.log.step("fetch", source=shown) as step:
            spool = stack.enter_context(spooled(reader, feed, run.storage, folder, workers=reader.connections))
            step.rows = spool.rows
        yield shown, spool


def _last_of_each(frame: DataFrame, key: list[str], order: str) -> DataFrame:
    """Return the rows that were read last of their key; a key that is NULL is nobody's."""
    rank = F.row_number().over(Window.partitionBy(*map(column, key)).orderBy(column(order).desc()))
    is_null = reduce(Column.__or__, [column(name).isNull() for name in key])
    name = f"_rank_{order}"
    return frame.withColumn(name, rank).where((F.col(name) == 1) | is_null).drop(name)

"""Loading an endpoint of a REST API: all its pages are read aside first, then its records land whole, or none."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from typing import TypeVar

import requests
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StructType

from ingestion.feeds.model import Endpoint, RestSource
from ingestion.lake.documents import landed_documents, remove_document, replace_document
from ingestion.lake.manifest import manifest_path, read_manifest
from ingestion.loads.landing import WholeLanding
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.platform import strict_json
from ingestion.platform.columns import column
from ingestion.platform.errors import SourceError
from ingestion.rest.client import ApiClient
from ingestion.rest.endpoint import EndpointReader
from ingestion.rest.record_files import record_file
from ingestion.rest.spool import Spool, SpooledRecord, spooled

Result = TypeVar("Result")
_FILES_AT_A_TIME = 8
_SHOWN = 10


def open_api(run: Run, source: RestSource) -> EndpointReader:
    """Return the reader of a source's endpoints; nothing is asked of it yet.

    Raises:
        SourceError: the source's file names a setting that nobody has set.
    """
    if source.unset:
        raise SourceError("\n".join(source.unset))
    run.secrets.hide_passwords_in(source.url)
    client = ApiClient(
        source,
        requests.Session(),
        lambda secret: run.configuration.require_secret(secret.secret),
        hide=run.secrets.hide,
        clock=run.log.clock,
        sleep=run.sleep,
        on_retry=run.log.retry,
    )
    return EndpointReader(client, source)


def load_endpoint(
    run: Run, source: RestSource, reader: EndpointReader, feed: Endpoint, result: FeedResult, *, wait: float
) -> None:
    """Read an endpoint whole and land its records: as a table, or each as a file.

    Raises:
        ApiError: a page could not be read; what was landed before is as it was.
        IngestionError: the records were not landed for another reason.
    """
    folder = f"_spool/{feed.destination.replace('/', '~')}/{run.log.run_id}"
    with ExitStack() as ending:
        with run.log.step("fetch", source=_address(source, feed), target=run.storage.url(folder)) as step:
            reading = spooled(reader, feed, run.storage, folder, workers=source.max_connections)
            spool = ending.enter_context(reading)
            step.rows = spool.rows
        if feed.format == "json":
            _land_files(run, feed, spool, result)
            return
        manifest = read_manifest(run.storage.read(manifest_path(feed.destination)))
        known = manifest.columns if manifest else None
        if known is None and not spool.rows:
            result.status, result.rows_read = Status.SKIPPED, 0
            result.error = "there is no record yet, so nothing tells its columns."
            return
        WholeLanding(run, feed, _SpooledRows(run, source, feed, spool, known), result, wait=wait).land()


@dataclass
class _SpooledRows:
    """The records of an endpoint, which were read aside; `known` are the columns that the target has."""

    run: Run
    source: RestSource
    feed: Endpoint
    spool: Spool
    known: StructType | None
    problem: str | None = field(init=False, default=None)
    origin: tuple[str, ...] = field(init=False, default=())

    @property
    def shown(self) -> str:
        """The endpoint's address, as its file says."""
        return _address(self.source, self.feed)

    @property
    def notes(self) -> list[str]:
        """Nothing: what JSON holds has its place."""
        return []

    def measure(self) -> int:
        """Return the number of records that were read."""
        return self.spool.rows

    def frame(self) -> DataFrame:
        """Return the records; of several of one key the one that was read last."""
        known = self._still_there()
        frame, order = self.spool.frame(self.run.spark, known), self.spool.order_column(known)
        frame = frame.drop(self.spool.cursor_column(known))
        if self.feed.primary_key:
            frame = self._last_of_each_key(frame, order, list(self.spool.value_columns(known).values()))
        return frame.drop(order)

    def rows_read(self, written: int) -> int:
        """Return the records that were read, older ones of a key too."""
        return self.spool.rows

    def check_columns(self) -> None:
        """Nothing to be made sure of: types are found over all records that were read."""

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads the records: they are in the lake, where nothing passes by waiting."""
        return task()

    def _still_there(self) -> StructType | None:
        """Return the known columns that a record has; the landing refuses that one is gone. Without records, all."""
        if self.known is None or not self.spool.rows:
            return self.known
        ours = set(self.spool.value_columns(self.known).values())
        gone = set(self.spool.absent(self.known)) - ours
        return StructType([field for field in self.known if field.name not in gone])

    def _last_of_each_key(self, frame: DataFrame, order: str, values: list[str]) -> DataFrame:
        """Return the rows that were read last of their key; one whose key is NULL is no other's."""
        missing = [name for name in self.feed.primary_key if name not in frame.columns]
        if missing and self.spool.rows:
            raise self.spool.lacks_key(missing[0])
        keys = [column(name) for name in (*self.feed.primary_key, *values) if name in frame.columns]
        newest = Window.partitionBy(*keys).orderBy(column(order).desc())
        is_null = reduce(Column.__or__, [key.isNull() for key in keys], F.lit(False))
        rank = f"_rank_{order}"
        return frame.withColumn(rank, F.row_number().over(newest)).where((F.col(rank) == 1) | is_null).drop(rank)


def _address(source: RestSource, feed: Endpoint) -> str:
    return f"{source.url.rstrip('/')}/{feed.path.lstrip('/')}"


def _land_files(run: Run, feed: Endpoint, spool: Spool, result: FeedResult) -> None:
    """Land each record as a file of its own, once all are read and each has a name; of two of one name the later.

    What was landed before and is no record any more goes, as a table's row would: the feed is replaced whole.
    """
    last = {_file_of(feed, record): number for number, record in enumerate(spool.records())}

    def land(record: SpooledRecord) -> None:
        content, source = strict_json.dump(record.record), run.secrets.redact(record.url)
        name = _file_of(feed, record)
        replace_document(run.storage, name, content, run_id=run.log.run_id, source=source, clock=run.log.clock)

    with ThreadPoolExecutor(_FILES_AT_A_TIME) as pool:
        chosen = (record for number, record in enumerate(spool.records()) if last[_file_of(feed, record)] == number)
        while batch := list(islice(chosen, _FILES_AT_A_TIME * 4)):
            for landing in [pool.submit(land, record) for record in batch]:
                landing.result()
    gone = [name for name in landed_documents(run.storage, feed.destination) if name not in last]
    for name in gone:
        remove_document(run.storage, name, run_id=run.log.run_id)
    if gone:
        shown = ", ".join(name.rpartition("/")[2] for name in gone[:_SHOWN])
        result.notes.append(f"removed, for no record has them any more: {shown}{' ...' if gone[_SHOWN:] else ''}")
        run.log.note(run.storage.url(feed.destination), result.notes[-1])
    result.status = Status.SUCCEEDED
    result.rows_read = spool.rows
    result.inserted = result.rows_in_target = len(last)
    result.updated, result.deleted, result.quarantined = 0, len(gone), 0


def _file_of(feed: Endpoint, record: SpooledRecord) -> str:
    return record_file(feed, record.values, record.record)

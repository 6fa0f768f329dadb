"""Loading an endpoint of a REST API: all its pages are read aside first, then its records land whole, or none."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import requests
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.feeds.model import Endpoint, ForEachValue, RestSource, Secret
from ingestion.lake.documents import replace_document
from ingestion.lake.manifest import manifest_path, read_manifest
from ingestion.loads.landing import WholeLanding
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.platform import strict_json
from ingestion.platform.columns import column
from ingestion.platform.errors import MissingSettingError, SourceError, UnexpectedAnswerError
from ingestion.rest.client import ApiClient
from ingestion.rest.endpoint import EndpointReader
from ingestion.rest.record_files import record_file
from ingestion.rest.spool import Spool, SpooledRecord, spooled

Result = TypeVar("Result")


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
        partial(_secret, run),
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
    with spooled(reader, feed, run.storage, folder, workers=source.max_connections) as spool:
        if feed.format == "json":
            _land_files(run, feed, spool, result)
            return
        WholeLanding(run, feed, _SpooledRows(run, source, feed, spool), result, wait=wait).land()


@dataclass
class _SpooledRows:
    """The records of an endpoint, which were read aside."""

    run: Run
    source: RestSource
    feed: Endpoint
    spool: Spool

    @property
    def shown(self) -> str:
        """The endpoint's address, as its file says."""
        return f"{self.source.url.rstrip('/')}/{self.feed.path.lstrip('/')}"

    @property
    def notes(self) -> list[str]:
        """Nothing: what JSON holds has its place."""
        return []

    def measure(self) -> int:
        """Return the number of records that were read."""
        return self.spool.rows

    def frame(self) -> DataFrame:
        """Return the records; of several of one key the one that was read last."""
        manifest = read_manifest(self.run.storage.read(manifest_path(self.feed.destination)))
        known = manifest.columns if manifest else None
        frame, order = self.spool.frame(self.run.spark, known), self.spool.order_column(known)
        frame = frame.drop(self.spool.cursor_column(known))
        if self.feed.primary_key:
            frame = self._last_of_each_key(frame, order, list(self.spool.value_columns(known).values()))
        return frame.drop(order)

    def rows_read(self, written: int) -> int:
        """Return the records that were read, older ones of a key too."""
        return self.spool.rows

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads the records: they are in the lake, where nothing passes by waiting."""
        return task()

    def _last_of_each_key(self, frame: DataFrame, order: str, values: list[str]) -> DataFrame:
        missing = [name for name in self.feed.primary_key if name not in frame.columns]
        if missing and self.spool.rows:
            raise UnexpectedAnswerError(f"{self.feed.name}: no record has {missing[0]}, which is in its primary_key.")
        keys = [column(name) for name in (*self.feed.primary_key, *values) if name in frame.columns]
        newest = Window.partitionBy(*keys).orderBy(column(order).desc())
        return frame.withColumn("_newest", F.row_number().over(newest)).where("_newest = 1").drop("_newest")


def _land_files(run: Run, feed: Endpoint, spool: Spool, result: FeedResult) -> None:
    """Land each record as a file of its own, once all are read and each has a name; of two of one name the later."""
    last = {_file_of(feed, record): number for number, record in enumerate(spool.records())}
    for number, record in enumerate(spool.records()):
        name = _file_of(feed, record)
        if last[name] == number:
            content, source = strict_json.dump(record.record), run.secrets.redact(record.url)
            replace_document(run.storage, name, content, run_id=run.log.run_id, source=source, clock=run.log.clock)
    result.status = Status.SUCCEEDED
    result.rows_read = spool.rows
    result.inserted = result.rows_in_target = len(last)
    result.updated = result.deleted = result.quarantined = 0


def _file_of(feed: Endpoint, record: SpooledRecord) -> str:
    """Return the path of a record's file; what else is known of a value of `for_each` may be part of it."""
    known = {name: {each.value: each for each in values} for name, values in feed.for_each.items()}
    values = {name: known.get(name, {}).get(value, ForEachValue(value)) for name, value in record.values.items()}
    return record_file(feed, values, record.record)


def _secret(run: Run, secret: Secret) -> str:
    reference = run.configuration.secret(secret.secret)
    value = run.secrets.find(reference)
    if value is None:
        raise MissingSettingError(f"secret {reference} is not stored.")
    return value

"""The records of an endpoint whose changes can be told, as one incremental load reads them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from ingestion.feeds.model import Endpoint, RestSource
from ingestion.feeds.rules import values_names
from ingestion.lake.journal import read_journal
from ingestion.loads.method import Method
from ingestion.loads.run_context import Run
from ingestion.platform.columns import column
from ingestion.platform.errors import NothingYetError
from ingestion.rest.cursor_window import CursorWindow
from ingestion.rest.endpoint import EndpointReader
from ingestion.rest.endpoint_cursor import EndpointCursor
from ingestion.rest.endpoint_full import EndpointFull
from ingestion.rest.spool import Spool, spooled

Result = TypeVar("Result")


@dataclass
class EndpointChanges:
    """What changed in an endpoint.

    Attributes:
        run: what the load works with.
        source: the API.
        reader: of its endpoints.
        feed: which endpoint, and how its changes are told.
    """

    run: Run
    source: RestSource
    reader: EndpointReader
    feed: Endpoint
    _stack: ExitStack = field(init=False, repr=False, default_factory=ExitStack)
    _spool: Spool | None = field(init=False, default=None)

    @contextmanager
    def opened(self) -> Iterator["EndpointChanges"]:
        """Keep what is read aside until the block ends."""
        with self._stack:
            yield self

    @property
    def shown(self) -> str:
        """The endpoint's address, as its file says."""
        return f"{self.source.url.rstrip('/')}/{self.feed.path.lstrip('/')}"

    @property
    def notes(self) -> list[str]:
        """Nothing: what JSON holds has its place."""
        return []

    @property
    def key(self) -> tuple[str, ...]:
        """The feed's key, and the columns that carry the values that were asked for."""
        if not self.feed.primary_key:
            return ()
        values = [f"_{name}" for name in values_names(self.feed)]
        if self._spool is not None:
            values = list(self._spool.value_columns(self._known()).values())
        return (*self.feed.primary_key, *values)

    @property
    def is_key_kept(self) -> bool:
        """Nobody keeps it: pages may repeat a record."""
        return False

    @property
    def may_skip_rows(self) -> bool:
        """A record that goes lets those after it move up by one: the first of the next page is on no page."""
        return True

    @cached_property
    def method(self) -> Method:
        """How the changes are told."""
        if self.feed.incremental.method == "cursor":
            return EndpointCursor(self.run.spark, self.feed, self._read, self._known)
        return EndpointFull(self.run.spark, self.feed, self._read, self._known)

    def keys(self) -> DataFrame:
        """Return all keys that there are."""
        frame = self._read().frame(self.run.spark, self._known())
        return frame.select(*map(column, self.key)).distinct()

    def check_columns(self) -> None:
        """Nothing to be made sure of: types are found over all records that were read."""

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads the records; the client itself tries again what passes."""
        return task()

    def _read(self, window: CursorWindow | None = None) -> Spool:
        """Read records aside.

        Raises:
            ApiError: a page could not be read.
            NothingYetError: nothing tells the columns.
        """
        folder = f"_spool/{self.feed.destination.replace('/', '~')}/{self.run.log.run_id}-{uuid4().hex[:8]}"
        workers = self.source.max_connections
        opened = spooled(self.reader, self.feed, self.run.storage, folder, window=window, workers=workers)
        self._spool = spool = self._stack.enter_context(opened)
        if not spool.rows and self._known() is None:
            raise NothingYetError("there is no record yet, so nothing tells its columns.")
        missing = [name for name in self.feed.primary_key if spool.rows and name in spool.absent(self._key_columns)]
        if missing:
            raise spool.lacks_key(missing[0])
        return spool

    @property
    def _key_columns(self) -> StructType:
        columns = StructType()
        for name in self.feed.primary_key:
            columns = columns.add(name, "string")
        return columns

    def _known(self) -> StructType | None:
        """Return the columns that the target has of the source; None before the first load."""
        journal = read_journal(self.run.storage, self.feed.destination)
        return StructType.fromJson(dict(journal.columns)) if journal and journal.columns else None

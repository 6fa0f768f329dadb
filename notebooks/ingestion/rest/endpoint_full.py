"""The method `full` of an endpoint: all records at each load, which are held against the target."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from ingestion.feeds.model import Endpoint
from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window
from ingestion.platform.errors import InvalidSettingError
from ingestion.rest.spool import Spool


@dataclass(frozen=True)
class EndpointFull:
    """Reads an endpoint whole.

    Attributes:
        spark: the session.
        endpoint: what is read.
        read: reads all of it aside; its records are there until the load ends.
        known: returns the columns that the target has; None before the first load.
    """

    spark: SparkSession
    endpoint: Endpoint
    read: Callable[[], Spool]
    known: Callable[[], StructType | None]

    def identity(self) -> Mapping[str, str]:
        """Return nothing: an API does not tell what it is."""
        return {}

    def now(self, position: str | None) -> Reach:
        """Tell that no position is known."""
        return Reach(None)

    def at(self, value: str) -> str:
        """Refuse: there is no window that could be chosen.

        Raises:
            InvalidSettingError: always.
        """
        raise InvalidSettingError(
            f"{self.endpoint.name}: all is read at each load: there is no window from {value[:80]!r}."
        )

    def check(self, position: str, identity: Mapping[str, str]) -> None:
        """Find nothing: there is no position to lose."""

    def changes(self, window: Window) -> Changes:
        """Return all records; of two of one key the one that was read last is the newer one."""
        spool, known = self.read(), self.known()
        return Changes(
            spool.frame(self.spark, known).drop(spool.cursor_column(known)),
            order=spool.order_column(known),
            whole=True,
        )

"""Loading one table by itself, as the notebooks of Customers and Products do."""

from collections.abc import Callable

from pyspark.sql import SparkSession

from ingestion.loads.databases import open_database
from ingestion.loads.landing import WholeLanding
from ingestion.loads.results import FeedResult
from ingestion.loads.run_context import Run, feed_of
from ingestion.loads.run_rows import kept
from ingestion.loads.table_rows import TableRows
from ingestion.platform.log import StepLog
from ingestion.platform.settings import Configuration
from ingestion.platform.slots import Slots


def load_table(
    spark: SparkSession, configuration: Configuration, log: StepLog, name: str, *, sleep: Callable[[float], None]
) -> int:
    """Land the table of a feed and return its rows; 0 where there are too few to land.

    Raises:
        IngestionError: it was not landed; what was landed before is as it was.
    """
    run = Run.begin(spark, configuration, log, sleep)
    result = FeedResult(name, "load")
    with kept(run.storage, log, result, run.secrets):
        source, feed = feed_of(run.sources(), name)
        rows = TableRows(run, open_database(run, source), feed)
        connections = source.max_connections or run.settings.sql_connections
        with Slots(source.url, connections).hold(connections) as rows.connections:
            return WholeLanding(run, feed, rows, result).land()

"""What the notebook `process_customer_data` calls: the customers, when they are many enough, from SQL to the lake."""

import time
from collections.abc import Callable

from pyspark.sql import SparkSession

from ingestion.loads.single_table import load_table
from ingestion.platform.log import Clock, utc_now
from ingestion.platform.log_ingestion import notebook_log
from ingestion.platform.settings import Configuration

# Lands when more than 500 good rows are there, as its `land_when_more_than` says.
_FEED = "azure_sql.Customers"
# What Data Factory is told in place of an exception; the pipeline turns it into a failure.
_FAILED = "-1"


def process_customers(
    spark: SparkSession,
    configuration: Configuration,
    *,
    clock: Clock = utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Land more than 500 good customers, and return what the notebook exits with.

    Args:
        spark: the session that reads and writes.
        configuration: where the settings come from.
        clock: the time, in UTC.
        sleep: waits a number of seconds between two tries of the database.

    Returns:
        The number of rows landed as text, "0" when there are not more than 500 good ones, "-1" on any error, whose
        whole reason is in the log.
    """
    log = notebook_log(configuration, clock)
    try:
        with log.run("process_customer_data") as run:
            run.rows = load_table(spark, configuration, log, _FEED, sleep=sleep)
            return str(run.rows)
    except Exception:  # noqa: BLE001 - the contract with the pipeline: "-1" on any error, which is logged by now
        return _FAILED

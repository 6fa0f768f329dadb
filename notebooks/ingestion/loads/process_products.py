"""What the notebook `process_product_data` calls: the products, after many enough customers, from SQL to the lake."""

import time
from collections.abc import Callable

from pyspark.sql import SparkSession

from ingestion.loads.single_table import load_table
from ingestion.platform.log import Clock, utc_now
from ingestion.platform.log_ingestion import notebook_log
from ingestion.platform.settings import Configuration, read_customer_count

_FEED = "azure_sql.Products"
_MORE_CUSTOMERS_THAN = 600


def process_products(
    spark: SparkSession,
    configuration: Configuration,
    *,
    clock: Clock = utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Land the products when more than 600 customers were landed, and return what the notebook exits with.

    Args:
        spark: the session that reads and writes.
        configuration: where the settings come from, `customer_count` among them.
        clock: the time, in UTC.
        sleep: waits a number of seconds between two tries of the database.

    Returns:
        The number of rows landed as text, "0" when there were not more than 600 customers.

    Raises:
        SettingError: `customer_count` is missing or no number, or another setting is wrong.
        IngestionError: the products were not landed; what was landed before is as it was.
    """
    log = notebook_log(configuration, clock)
    with log.run("process_product_data") as run:
        customers = read_customer_count(configuration)
        run.rows = 0
        if customers > _MORE_CUSTOMERS_THAN:
            run.rows = load_table(spark, configuration, log, _FEED, sleep=sleep)
        return str(run.rows)

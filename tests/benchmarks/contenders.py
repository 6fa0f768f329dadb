"""The ways of landing a table that are measured. To add one, write a function and name it in the list below it.

Each takes what its worker made ready, the source and a folder of its own, and returns where its Parquet files are.
What it wrote there before is replaced, as it is in a landing that runs twice a day.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pyspark.sql import DataFrame

from benchmarks.harness import BenchmarkError
from benchmarks.spark import Spark
from fakes.workspace import Settings
from ingestion.loads.databases import open_database
from ingestion.loads.landing import WholeLanding
from ingestion.loads.process_customers import process_customers
from ingestion.loads.results import FeedResult
from ingestion.loads.run_context import Run, feed_of
from ingestion.loads.table_rows import TableRows
from ingestion.platform.log import utc_now
from ingestion.platform.log_ingestion import notebook_log
from ingestion.platform.settings import Configuration

_FETCH_SIZE = 10_000
# Where the notebook lands Customers.
_FOLDER = "customer_data"
_CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Source:
    """A database with a table Customers, whose `CustomerId` are 1 to `rows`. `address` is HOST:PORT/DATABASE."""

    jdbc_url: str
    user: str
    password: str
    rows: int
    address: str = ""

    @property
    def uri(self) -> str:
        """The address as libpq and most of the others take it."""
        return f"postgresql://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.address}"


Contender = Callable[[Any, Source, Path], Path]


# On Spark


def this_landing(spark: Spark, source: Source, folder: Path) -> Path:
    """Land the table as the notebook process_customer_data does: counted, checked, observed, promoted."""
    landed = process_customers(spark.session, _configuration(source, folder))
    if landed != str(source.rows):
        raise BenchmarkError(f"process_customers returned {landed}")
    return folder / _FOLDER


def this_landing_delta(spark: Spark, source: Source, folder: Path) -> Path:
    """Land the table as above, into a Delta table that keeps the versions before."""
    landed = process_customers(spark.session, _configuration(source, folder, TABLE_FORMAT="delta"))
    if landed != str(source.rows):
        raise BenchmarkError(f"process_customers returned {landed}")
    return folder / _FOLDER


def landing_without_gate(spark: Spark, source: Source, folder: Path) -> Path:
    """Land the table with no checks declared; all else is the same."""
    configuration = _configuration(source, folder)
    run = Run.begin(spark.session, configuration, notebook_log(configuration, utc_now))
    source, customers = feed_of(run.sources(), "azure_sql.Customers")
    rows = TableRows(run, open_database(run, source), customers, run.settings.sql_connections)
    WholeLanding(run, replace(customers, checks=()), rows, FeedResult(customers.name, "load")).land()
    return folder / _FOLDER


def _configuration(source: Source, folder: Path, **settings: str) -> Configuration:
    environment = {"LAKE_ROOT": str(folder), "SQL_URL": source.jdbc_url, **settings}
    secrets = {"sql-user": source.user, "sql-password": source.password}
    return Settings(environment=environment, secrets=secrets).configuration()


def obvious_notebook(spark: Spark, source: Source, folder: Path) -> Path:
    """Count, then write."""
    return _count_and_write(spark.session.read.format("jdbc").options(**_jdbc(source)).load(), folder)


def partitioned_notebook(spark: Spark, source: Source, folder: Path) -> Path:
    """Count, then write, as many partitions at a time as there are cores, and 10,000 rows a fetch."""
    partitions = {
        "partitionColumn": "CustomerId",
        "lowerBound": "1",
        "upperBound": str(source.rows),
        "numPartitions": str(spark.cores),
        "fetchsize": str(_FETCH_SIZE),
    }
    return _count_and_write(spark.session.read.format("jdbc").options(**_jdbc(source), **partitions).load(), folder)


def _jdbc(source: Source) -> dict[str, str]:
    return {"url": source.jdbc_url, "dbtable": "Customers", "user": source.user, "password": source.password}


def _count_and_write(frame: DataFrame, folder: Path) -> Path:
    if frame.count() > 500:
        frame.write.mode("overwrite").parquet(str(folder))
    return folder


# Without Spark


@contextmanager
def quiet_dlt(folder: Path) -> Iterator[None]:
    """Keep dlt's files in a folder, and its telemetry at home."""
    os.environ |= {"DLT_DATA_DIR": str(folder / "dlt"), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    yield


def dlt_default(_ready: None, source: Source, folder: Path) -> Path:
    """dlt's sql_database source with its default backend (sqlalchemy)."""
    return _dlt(source, folder, "sqlalchemy")


def dlt_connectorx(_ready: None, source: Source, folder: Path) -> Path:
    """dlt's sql_database source with its connectorx backend."""
    return _dlt(source, folder, "connectorx")


def _dlt(source: Source, folder: Path, backend: str) -> Path:
    import dlt
    from dlt.sources.sql_database import sql_table

    # The address names no driver: connectorx knows none, and SQLAlchemy takes psycopg.
    table = sql_table(credentials=source.uri, table="customers", backend=backend)
    pipeline = dlt.pipeline(
        f"benchmark_{backend}",
        destination=dlt.destinations.filesystem(bucket_url=folder.as_uri()),
        dataset_name="raw",
        pipelines_dir=str(folder / "_pipelines"),
    )
    pipeline.run(table, loader_file_format="parquet", write_disposition="replace")
    return folder / "raw" / "customers"


def connectorx(_ready: None, source: Source, folder: Path) -> Path:
    """connectorx to Arrow, a connection a core, and pyarrow to Parquet."""
    import connectorx as cx
    import pyarrow.parquet as pq

    query = "SELECT * FROM Customers"
    table = cx.read_sql(source.uri, query, return_type="arrow", partition_on='"CustomerId"', partition_num=_CORES)
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / "customers.parquet")
    return folder


def duckdb(_ready: None, source: Source, folder: Path) -> Path:
    """DuckDB's postgres extension, and its own Parquet writer; a connection and a thread a core."""
    import duckdb as db
    import duckdb_extension_postgres_scanner as extension

    folder.mkdir(exist_ok=True)
    [file] = Path(next(iter(extension.__path__))).rglob("postgres_scanner.duckdb_extension")
    with db.connect(config={"threads": _CORES}) as connection:
        connection.load_extension(str(file))
        connection.execute(f"ATTACH '{source.uri}' AS source (TYPE postgres, READ_ONLY)")
        connection.execute(f"COPY (SELECT * FROM source.public.customers) TO '{folder / 'customers.parquet'}'")  # noqa: S608 - our own path
    return folder


# The first is the one that the others are compared with.
ON_SPARK: Mapping[str, Contender] = {
    "this landing": this_landing,
    "this landing, Delta": this_landing_delta,
    "this, no quality gate": landing_without_gate,
    "notebook: count, write": obvious_notebook,
    "notebook, partitioned": partitioned_notebook,
}
WITHOUT_SPARK: Mapping[str, Contender] = {
    "dlt": dlt_default,
    "dlt, connectorx": dlt_connectorx,
    "connectorx + pyarrow": connectorx,
    "DuckDB": duckdb,
}
ON_DERBY: Mapping[str, Contender] = {name: ON_SPARK[name] for name in ("this landing", "notebook: count, write")}
IN_SMALL_HEAP: Mapping[str, Contender] = {name: ON_SPARK[name] for name in ("this landing",)}

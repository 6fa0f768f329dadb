"""Spark's JDBC reader against native drivers that hand Arrow batches to Spark through a Python Data Source.

    PYTHONPATH=scripts:tests UV_PYTHON_DOWNLOADS=never .venv/bin/uv run --no-sync --with connectorx==0.4.6 \
        --with adbc-driver-postgresql==1.13.0 python -m benchmarks.arrow_readers [ROWS]

The drivers are laid over the project's environment for this one run; they are not part of its lock. First run
`make lint`, which sets the environment up, and install Debian's postgresql, libpostgresql-jdbc-java, mariadb-server and
libmariadb-java.

Customers (1,000,000 rows unless ROWS says otherwise), as infra/sql has them, are read from PostgreSQL and from MariaDB
in one and in two ranges of the key and written as zstd Parquet by Spark: every way in turn, once to warm up and then
five times. What each landed is compared with what JDBC landed. On PostgreSQL a table without a numeric key is also
read in two halves by the hash of its key, and by ROW_NUMBER. Prints Markdown tables; what came of it is in
arrow-readers.md.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import pyarrow as pa
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the field's own name
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from benchmarks.processes import family, processor_seconds, read
from fakes import mariadb, postgres
from local_factory.demo import rows
from local_factory.java import java_home

FETCH_SIZE = 10_000
TIMES = 5
KEY = "CustomerId"
CUSTOMERS = """
    "CustomerId" INT NOT NULL PRIMARY KEY,
    "FirstName" VARCHAR(100) NOT NULL,
    "LastName" VARCHAR(100) NOT NULL,
    "Email" VARCHAR(320) NOT NULL UNIQUE,
    "Phone" VARCHAR(32),
    "AddressLine" VARCHAR(200),
    "City" VARCHAR(100),
    "StateProvince" VARCHAR(100),
    "PostalCode" VARCHAR(20),
    "CountryCode" CHAR(2) NOT NULL,
    "DateOfBirth" DATE,
    "CreditLimit" DECIMAL(12, 2),
    "IsActive" BOOLEAN NOT NULL,
    "CreatedAt" {moment}(3) NOT NULL,
    "UpdatedAt" {moment}(3) NOT NULL
"""


@dataclass(frozen=True)
class Source:
    """A database that holds the customers.

    Attributes:
        name: for the table.
        jdbc: the options of Spark's reader.
        address: where a native driver finds it.
        drivers: the native drivers that know it.
        quotation: what stands around names.
        busy: counts the queries on the customers that it is at.
    """

    name: str
    jdbc: dict[str, str] = field(repr=False)
    address: str = field(repr=False)
    drivers: tuple[str, ...]
    quotation: str
    busy: Callable[[], int]


@dataclass(frozen=True)
class Way:
    """A way to read the customers."""

    name: str
    partitions: int
    read: Callable[[], DataFrame]


@dataclass
class KeyRange(InputPartition):
    """The condition that one partition's rows meet."""

    condition: str


class ArrowTable(DataSource):
    """Customers through a native driver. Options: driver, address, quotation, partitions, largest."""

    @classmethod
    def name(cls) -> str:
        """Return the format's name."""
        return "arrow_table"

    def reader(self, schema: StructType) -> DataSourceReader:
        """Return the reader of columns that the caller names."""
        return ArrowTableReader(schema, dict(self.options))


class ArrowTableReader(DataSourceReader):
    """One query, on a connection of its own, for each range of the key."""

    def __init__(self, schema: StructType, options: dict[str, str]) -> None:
        self.schema = schema
        self.options = options

    def partitions(self) -> list[InputPartition]:
        """Return ranges of equal width; the first and the last have no outer bound, so that no row is left out."""
        count, largest = int(self.options["partitions"]), int(self.options["largest"])
        key = self._quoted(KEY)
        bounds = [largest * number // count for number in range(1, count)]
        above = ["1 = 1", *(f"{key} > {bound}" for bound in bounds)]
        below = [*(f"{key} <= {bound}" for bound in bounds), "1 = 1"]
        return [KeyRange(f"{low} AND {high}") for low, high in zip(above, below, strict=True)]

    def read(self, partition: InputPartition) -> Iterator[Any]:
        """Yield the batches of a range, in the types that Spark was promised."""
        assert isinstance(partition, KeyRange)
        columns = ", ".join(self._quoted(name) for name in self.schema.names)
        query = f"SELECT {columns} FROM Customers WHERE {partition.condition}"  # noqa: S608 - our own names
        types = to_arrow_schema(self.schema)
        for batch in BATCHES[self.options["driver"]](self.options["address"], query):
            arrays = [cast(column, into.type) for column, into in zip(batch.columns, types, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, names=types.names)

    def _quoted(self, name: str) -> str:
        return self.options["quotation"] + name + self.options["quotation"]


def cast(column: Any, into: Any) -> Any:
    """Return a column in another type. ADBC gives PostgreSQL's NUMERIC as text in a type of its own."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    return column if column.type == into else column.cast(into)


def connectorx_batches(address: str, query: str) -> Iterator[Any]:
    """Yield what connectorx reads."""
    import connectorx

    yield from connectorx.read_sql(address, query, return_type="arrow_stream", batch_size=FETCH_SIZE)


def adbc_batches(address: str, query: str) -> Iterator[Any]:
    """Yield what ADBC's driver for PostgreSQL reads."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        yield from cursor.fetch_record_batch()


def ready_batches(address: str, query: str) -> Iterator[Any]:
    """Yield batches that lie ready in a file: no driver can be faster than one that does nothing."""
    with pa.memory_map(address) as source:
        reader = pa.ipc.open_file(source)
        half, whole = reader.num_record_batches // 2, reader.num_record_batches
        start = 0 if "WHERE 1 = 1" in query else half
        for number in range(start, whole if query.endswith("1 = 1") else half):
            yield reader.get_batch(number)


BATCHES: dict[str, Callable[[str, str], Iterator[Any]]] = {
    "connectorx": connectorx_batches,
    "ADBC": adbc_batches,
    "ready batches": ready_batches,
}


def fill(spark: SparkSession, count: int, folder: Path, postgres_server: Any, mariadb_server: Any) -> None:
    """Make the table in both databases, through a file that both load: tabs between, `\\N` for NULL."""
    customers = rows.customers(spark, count)
    files = folder / "rows"
    customers.withColumn("IsActive", customers["IsActive"].cast("int")).coalesce(1).write.options(
        sep="\t", nullValue=r"\N", timestampNTZFormat="yyyy-MM-dd HH:mm:ss.SSS", quote=""
    ).csv(str(files))
    (file,) = files.glob("part-*.csv")
    postgres_server.execute(f"CREATE TABLE Customers ({CUSTOMERS.format(moment='TIMESTAMP')})")
    postgres_server.execute(rf"\copy Customers FROM '{file}'", "ANALYZE Customers")
    mariadb_server.execute(f"CREATE TABLE Customers ({CUSTOMERS.format(moment='DATETIME')})")
    mariadb_server.execute(f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE Customers; ANALYZE TABLE Customers")


def sources(postgres_server: Any, mariadb_server: Any) -> list[Source]:
    """Return both databases."""
    login = {"user": postgres_server.user, "password": postgres_server.password}
    user, password = (quote(text, safe="") for text in login.values())
    where = f"127.0.0.1:{postgres_server.port}/{postgres_server.database}"

    def postgres_busy() -> int:
        activity = "FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
        return int(postgres_server.execute(f"SELECT COUNT(*) {activity} AND query ILIKE '%Customers%'"))

    def mariadb_busy() -> int:
        processes = "FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
        return int(mariadb_server.execute(f"SELECT COUNT(*) {processes} AND info LIKE '%Customers%'"))

    place = f"127.0.0.1:{mariadb_server.port}/{mariadb_server.database}"
    return [
        Source(
            "PostgreSQL",
            {"url": postgres_server.url, **login},
            f"postgresql://{user}:{password}@{where}",
            ("connectorx", "ADBC", "ready batches"),
            '"',
            postgres_busy,
        ),
        Source(
            "MariaDB",
            # Connector/J streams by itself once a fetch size is given: it needs no useCursorFetch.
            {"url": f"jdbc:mysql://{place}", "user": mariadb_server.user, "password": mariadb_server.password},
            f"mysql://{mariadb_server.user}:{mariadb_server.password}@{place}",
            ("connectorx",),
            "`",
            mariadb_busy,
        ),
    ]


def jdbc_reader(spark: SparkSession, source: Source) -> DataFrameReader:
    """Return Spark's reader with what the landing gives it."""
    options = {**source.jdbc, "fetchsize": str(FETCH_SIZE), "preferTimestampNTZ": "true"}
    return spark.read.format("jdbc").options(**options)


def ways(spark: SparkSession, source: Source, count: int, batches: Path) -> list[Way]:
    """Return what is compared on a database, the one to beat first for each number of partitions."""
    schema = jdbc_reader(spark, source).option("dbtable", "Customers").load().schema

    def jdbc(partitions: int) -> DataFrame:
        reader = jdbc_reader(spark, source).option("dbtable", "Customers")
        if partitions > 1:
            reader = reader.options(partitionColumn=KEY, lowerBound=1, upperBound=count, numPartitions=partitions)
        return reader.load()

    def native(driver: str, partitions: int) -> DataFrame:
        address = str(batches) if driver == "ready batches" else source.address
        options = {"driver": driver, "address": address, "quotation": source.quotation}
        reader = spark.read.format("arrow_table").schema(schema).options(**options)
        return reader.options(partitions=partitions, largest=count).load()

    def way(name: str, partitions: int) -> Way:
        if name == "JDBC":
            return Way(name, partitions, lambda: jdbc(partitions))
        return Way(name, partitions, lambda: native(name, partitions))

    return [way(name, partitions) for partitions in (1, 2) for name in ("JDBC", *source.drivers)]


def keyless_ways(spark: SparkSession, source: Source, count: int) -> list[Way]:
    """Return how to read two halves of a PostgreSQL table that has no key but a text, and the one stream to beat."""
    columns = jdbc_reader(spark, source).option("dbtable", "Customers").load().columns
    options = {"user": source.jdbc["user"], "password": source.jdbc["password"], "fetchsize": str(FETCH_SIZE)}

    def one() -> DataFrame:
        return jdbc_reader(spark, source).option("dbtable", "Customers").load()

    def by_hash() -> DataFrame:
        # hashtext() is negative for half of the texts, as is its remainder.
        halves = [f'ABS(MOD(HASHTEXT("Email"), 2)) = {half}' for half in (0, 1)]
        properties = {**options, "preferTimestampNTZ": "true"}
        return spark.read.jdbc(source.jdbc["url"], "Customers", predicates=halves, properties=properties)

    def by_row_number() -> DataFrame:
        numbered = 'SELECT *, ROW_NUMBER() OVER (ORDER BY "Email") AS number FROM Customers'
        reader = jdbc_reader(spark, source).option("dbtable", f"({numbered}) AS numbered")
        reader = reader.options(partitionColumn="number", lowerBound=1, upperBound=count, numPartitions=2)
        return reader.load().select(*columns)

    return [Way("one stream", 1, one), Way("by hash", 2, by_hash), Way("by ROW_NUMBER", 2, by_row_number)]


@contextmanager
def watched_memory() -> Iterator[list[float]]:
    """Yield a list that ends with the most megabytes that Spark's Python processes had at once, its Java not."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            peak[0] = max(peak[0], sum(map(megabytes, workers())))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def workers() -> Iterator[Path]:
    """Yield the Python processes that Spark started below this one."""
    return (process for process in family() if b"-m\0pyspark." in read(process / "cmdline"))


def megabytes(process: Path) -> float:
    """Return a process's share of the memory (PSS): what forks have in common counts once."""
    kilobytes = [line.split()[1] for line in read(process / "smaps_rollup").splitlines() if line.startswith(b"Pss:")]
    return int(kilobytes[0]) / 1000 if kilobytes else 0.0


def compare(spark: SparkSession, title: str, everyone: list[Way], count: int, folder: Path) -> None:
    """Print the table of one database: each way against the first of as many partitions, or the first of all."""
    seconds: dict[Way, list[float]] = {way: [] for way in everyone}
    processor: dict[Way, list[float]] = {way: [] for way in everyone}
    memory: dict[Way, float] = {}
    same: dict[Way, str] = {}
    reference = ""
    for turn in range(TIMES + 1):
        for way in everyone:
            target = str(folder / f"{title}-{turn}-{way.name}-{way.partitions}".replace(" ", "-"))
            with watched_memory() as peak:
                start, used = time.perf_counter(), processor_seconds()
                way.read().write.parquet(target)
                took = time.perf_counter() - start
            if turn:
                seconds[way].append(took)
                processor[way].append(processor_seconds() - used)
                memory[way] = max(peak[0], memory.get(way, 0))
                continue
            reference = reference or target
            same[way] = "yes" if fingerprint(spark, target) == fingerprint(spark, reference) else "no"
    print(f"\n| {title}, {count:,} rows | partitions | s | rows/s | times faster | CPU, s | same rows | Python, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for way in everyone:
        bases = [base for base in everyone if base.partitions == way.partitions and base.name == "JDBC"] or everyone
        # Each turn's pair ran close together: the machine's other work weighs on both alike.
        ratio = median(base / own for base, own in zip(seconds[bases[0]], seconds[way], strict=True))
        took, workers_ = median(seconds[way]), f"{memory[way]:.0f}" if way.name in BATCHES else ""
        where = "" if way.name == "ready batches" else same[way]
        speed = f"{took:.2f} | {count / took / 1000:,.0f}k | {ratio:.2f} | {median(processor[way]):.1f}"
        print(f"| {way.name} | {way.partitions} | {speed} | {where} | {workers_} |", flush=True)


def fingerprint(spark: SparkSession, folder: str) -> tuple[StructType, Any]:
    """Return the schema of what landed, the number of rows and the sum of their hashes: the same for the same rows."""
    landed = spark.read.parquet(folder)
    hashes = F.sum(F.xxhash64(*landed.columns).cast("decimal(38,0)"))
    return landed.schema, landed.select(F.count(F.lit(1)), hashes).first()


def cancelled(spark: SparkSession, source: Source, way: Way, target: Path) -> str:
    """Return how long after a cancelled job the database was still at work for it, in seconds."""
    failed = threading.Event()

    def write() -> None:
        spark.sparkContext.setJobGroup(str(target), way.name, interruptOnCancel=True)
        try:
            way.read().write.parquet(str(target))
        except Exception:  # noqa: BLE001 - that it fails is what is wanted
            failed.set()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    while not source.busy():
        if not thread.is_alive():
            return "was done before: take more rows"
        time.sleep(0.02)
    time.sleep(0.3)
    start = time.perf_counter()
    spark.sparkContext.cancelJobGroup(str(target))
    thread.join()
    gone = time.perf_counter() - start
    while source.busy():
        time.sleep(0.02)
    still = time.perf_counter() - start
    return f"job {gone:.1f} s, database {still:.1f} s" if failed.is_set() else "was done before: take more rows"


def save_batches(spark: SparkSession, source: Source, file: Path) -> None:
    """Put the whole table into a file of Arrow batches, in the types that Spark is promised."""
    schema = jdbc_reader(spark, source).option("dbtable", "Customers").load().schema
    options = {"quotation": source.quotation, "driver": "connectorx", "address": source.address}
    reader = ArrowTableReader(schema, {**options, "partitions": "1", "largest": "1"})
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, to_arrow_schema(schema)) as writer:
        for batch in reader.read(reader.partitions()[0]):
            writer.write_batch(batch)


def start_spark(folder: Path) -> SparkSession:
    """Return Spark on two cores, with both JDBC drivers."""
    jars = f"{postgres.JDBC_DRIVER}:{mariadb.JDBC_DRIVER}"
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "2g")
        .config("spark.driver.extraClassPath", jars)
        .config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("FATAL")  # the jobs that are cancelled say so at length
    spark.dataSource.register(ArrowTable)
    return spark


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    os.environ.update(JAVA_HOME=str(java_home()), PYSPARK_PYTHON=sys.executable)
    with (
        tempfile.TemporaryDirectory() as name,
        postgres.running_postgres() as postgres_server,
        mariadb.running_mariadb() as mariadb_server,
    ):
        folder = Path(name)
        spark = start_spark(folder)
        fill(spark, count, folder, postgres_server, mariadb_server)
        cancellations = []
        for source in sources(postgres_server, mariadb_server):
            batches = folder / "customers.arrow"
            if not batches.exists():
                save_batches(spark, source, batches)
            everyone = ways(spark, source, count, batches)
            compare(spark, source.name, everyone, count, folder)
            for way in everyone:
                if way.partitions == 2 and way.name != "ready batches":
                    took = cancelled(spark, source, way, folder / f"{source.name}-cancelled-{way.name}")
                    cancellations.append(f"| {source.name}, {way.name} | {took} |")
            if source.name == "PostgreSQL":
                compare(spark, "PostgreSQL by a text key", keyless_ways(spark, source, count), count, folder)
        print("\n| cancelled in mid-read | ends after |\n| --- | --- |", *cancellations, sep="\n")
        spark.stop()


if __name__ == "__main__":
    main()

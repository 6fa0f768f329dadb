"""One Spark for all notebooks: starting it in its JVM, attaching a notebook's process to it, stopping it.

A notebook runs in a Python process of its own that attaches to the JVM over Py4J, as on a cluster: so a run that
is cancelled or runs out of time can be ended, and nothing of one notebook's Python reaches another's.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from local_factory.cluster import connect, delta
from local_factory.cluster.jvm import Gateway, Jvm
from local_factory.cluster.redaction import Redactor

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Settings for small data on one machine. In Azure the cluster's own settings hold.
_SETTINGS: Mapping[str, str] = {
    "spark.master": "local[*]",
    "spark.app.name": "continuous-ingestion",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.catalogImplementation": "in-memory",
    # Where in Python each column of a plan was written: eight calls to the JVM for every one of them.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # Good and bad rows go into two files at a time: sorting them apart first takes longer when there are millions.
    "spark.sql.maxConcurrentOutputFileWriters": "2",
    # Of the classes that Spark generates it keeps a hundred by default: each merge pushes out what the next one needs.
    "spark.sql.codegen.cache.maxEntries": "1000",
}


@dataclass(frozen=True)
class Cluster:
    """A running Spark: the session of this process, the gateway for others, and what its log must not show."""

    session: "SparkSession"
    gateway: Gateway
    redactor: Redactor = field(default_factory=Redactor)

    def cancel(self, group: str) -> None:
        """Cancel the Spark jobs that a notebook's process left behind."""
        self.session.sparkContext.cancelJobGroup(group)
        if self.gateway.connect_port:
            connect.cancel_run(self.session, group)

    def count_rows(self, folder: Path) -> int:
        """Return how many rows a table holds, by Delta's log or by its Parquet files' footers."""
        if (folder / "_delta_log").is_dir():
            return self.session.read.format("delta").load(str(folder)).count()
        jvm: Any = self.session._jvm
        hadoop, parquet = jvm.org.apache.hadoop.fs, jvm.org.apache.parquet.hadoop
        configuration = self.session.sparkContext._jsc.hadoopConfiguration()
        rows = 0
        for file in folder.glob("[!_.]*.parquet"):
            # As a URI: of a text, Hadoop takes blanks and % as they are written.
            path = hadoop.Path(jvm.java.net.URI(file.resolve().as_uri()))
            reader = parquet.ParquetFileReader.open(parquet.util.HadoopInputFile.fromPath(path, configuration))
            rows += reader.getRecordCount()
            reader.close()
        return rows


@contextmanager
def start_cluster(
    jvm: Jvm, workdir: Path, settings: Mapping[str, str] = MappingProxyType({}), *, with_connect: bool = False
) -> Iterator[Cluster]:
    """Start Spark in its Java process, and stop it at the end, whatever happens.

    Args:
        jvm: the process; it is waited for.
        workdir: where the JVM's log (`spark.log`) and Spark's own files go.
        settings: Spark's settings that differ from those for a run on this machine.
        with_connect: let it have a server of Spark Connect, through which notebooks then run.

    Raises:
        JvmError: the Java process ended before it could be used.
    """
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    workdir.mkdir(parents=True, exist_ok=True)
    redactor = Redactor()
    jvm.log_to(workdir / "spark.log", redactor.text)
    folders = {"spark.local.dir": str(workdir / "spark"), "spark.sql.warehouse.dir": str(workdir / "spark/warehouse")}
    address = jvm.gateway()
    gateway = connect_gateway(address)
    context = None
    try:
        conf = SparkConf(loadDefaults=False)
        of_delta = delta.SETTINGS if delta.delta_jars() else {}
        of_connect = connect.server_settings(address) if with_connect else {}
        conf.setAll(list({**_SETTINGS, **of_delta, **of_connect, **folders, **settings}.items()))
        context = SparkContext(conf=conf, gateway=gateway)
        context.setLogLevel("WARN")
        _without_checksum_files(context)
        session = SparkSession(context)
        if with_connect:
            address = replace(address, connect_port=connect.start_server(session))
        yield Cluster(session, address, redactor)
    finally:
        if context and address.connect_port:
            connect.stop_server(session)
        if context:
            context.stop()
        gateway.shutdown()
        SparkContext._gateway = SparkContext._jvm = None


def attach(address: Gateway) -> "SparkSession":
    """Return a new session on a running JVM."""
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    # It would repeat every error as JSON on the notebook's output.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    gateway = connect_gateway(address)
    jvm, java_context = gateway.jvm, _java_context(gateway)
    conf = SparkConf(_jvm=jvm, _jconf=java_context.getConf())
    context = SparkContext(conf=conf, gateway=gateway, jsc=java_context)
    sessions = SparkSession._get_j_spark_session_class(jvm)
    shared = sessions.getDefaultSession().get()
    # The first session of a process is the one that code which asks for "the" session gets, as on a cluster.
    session = SparkSession(context, shared.newSession())
    sessions.setDefaultSession(shared)
    return session


def hadoop(address: Gateway) -> tuple[Any, Any]:
    """Return a running JVM, and the configuration of Hadoop's file systems in it."""
    gateway = connect_gateway(address)
    return gateway.jvm, _java_context(gateway).hadoopConfiguration()


def name_jobs(session: "SparkSession", group: str, description: str) -> None:
    """Let the jobs that this thread starts from now on carry a name, by which they can be cancelled."""
    session.sparkContext.setJobGroup(group, description, interruptOnCancel=True)


def _java_context(gateway: Any) -> Any:
    jvm = gateway.jvm
    return jvm.JavaSparkContext.fromSparkContext(jvm.org.apache.spark.SparkContext.getOrCreate())


def connect_gateway(address: Gateway) -> Any:
    """Return PySpark's own connection to a running JVM, for which it reads its environment variables."""
    from pyspark.java_gateway import launch_gateway

    os.environ.update(address.environment)
    try:
        gateway: Any = launch_gateway()  # type: ignore[no-untyped-call] # PySpark's own gap
    finally:
        for name in address.environment:
            del os.environ[name]
    # For each error of the JVM, and the end of what a job observed is one, PySpark asks 13 times for this class, by its
    # packages, too, which Java then looks for in all jars: a fifth of the time in which a small table lands.
    found = gateway.jvm.py4j.reflection.TypeUtil
    gateway.jvm.py4j = SimpleNamespace(reflection=SimpleNamespace(TypeUtil=found))
    return gateway


def _without_checksum_files(context: Any) -> None:
    """Keep Hadoop's `.crc` files out of the lake: a lake in Azure has none."""
    jvm = context._jvm
    path = jvm.org.apache.hadoop.fs.Path("file:///")
    path.getFileSystem(context._jsc.hadoopConfiguration()).setWriteChecksum(False)

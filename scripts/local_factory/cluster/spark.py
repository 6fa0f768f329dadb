"""One Spark JVM for all notebooks: starting it, attaching a notebook's process to it, stopping it.

A notebook runs in a Python process of its own that attaches to the JVM over Py4J, as on a cluster: so a run that
is cancelled or runs out of time can be ended, and nothing of one notebook's Python reaches another's.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

from local_factory.cluster.redaction import Redactor
from local_factory.java import java_home

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
    "spark.driver.memory": "2g",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.catalogImplementation": "in-memory",
}


@dataclass(frozen=True)
class Gateway:
    """Where the JVM listens for Python, and the word that it lets in. Under PySpark's own environment variables."""

    port: int
    secret: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables by which PySpark attaches to this JVM instead of starting one."""
        return {"PYSPARK_GATEWAY_PORT": str(self.port), "PYSPARK_GATEWAY_SECRET": self.secret}

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"Gateway(port={self.port})"


@dataclass(frozen=True)
class Cluster:
    """A running Spark: the session of this process, the gateway for others, and what its log must not show."""

    session: "SparkSession"
    gateway: Gateway
    redactor: Redactor = field(default_factory=Redactor)

    def cancel(self, group: str) -> None:
        """Cancel the Spark jobs that a notebook's process left behind."""
        self.session.sparkContext.cancelJobGroup(group)


@contextmanager
def start_cluster(workdir: Path, jars: Sequence[Path] = (), java_options: str = "") -> Iterator[Cluster]:
    """Start Spark, and stop it and its JVM at the end, whatever happens.

    Args:
        workdir: where the JVM's log (`spark.log`) and Spark's own files go.
        jars: JDBC drivers to put on the class path.
        java_options: further options of the JVM.

    Raises:
        JavaNotFoundError: there is no Java that Spark runs on.
    """
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    os.environ["JAVA_HOME"] = str(java_home())
    settings = {
        **_SETTINGS,
        "spark.local.dir": str(workdir / "spark"),
        "spark.sql.warehouse.dir": str(workdir / "spark" / "warehouse"),
        "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC {java_options}".strip(),
    }
    if jars:
        settings["spark.driver.extraClassPath"] = os.pathsep.join(str(jar.resolve()) for jar in jars)
    conf = SparkConf(loadDefaults=False)
    conf.setAll(list(settings.items()))
    workdir.mkdir(parents=True, exist_ok=True)
    redactor, context = Redactor(), None
    log, writer = _open_log(workdir / "spark.log", redactor)
    with log:
        gateway = launch_gateway(conf, {"stdout": log, "stderr": log})  # type: ignore[no-untyped-call] # PySpark's own gap
    try:
        context = SparkContext(conf=conf, gateway=gateway)
        context.setLogLevel("WARN")
        _without_checksum_files(context)
        yield Cluster(
            SparkSession(context),
            Gateway(gateway.gateway_parameters.port, gateway.gateway_parameters.auth_token),
            redactor,
        )
    finally:
        if context:
            context.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=30)
        writer.join(timeout=30)
        SparkContext._gateway = SparkContext._jvm = None


def _open_log(path: Path, redactor: Redactor) -> tuple[IO[bytes], Thread]:
    """Return a stream whose lines go to the end of a file, without secrets, and the thread that writes them there."""
    read, write = os.pipe()

    def copy() -> None:
        with os.fdopen(read, encoding="utf-8", errors="replace") as lines, path.open("a", encoding="utf-8") as log:
            for line in lines:
                log.write(redactor.text(line))
                log.flush()

    writer = Thread(target=copy, name="spark.log", daemon=True)
    writer.start()
    return os.fdopen(write, "wb"), writer


def attach(application: str, group: str) -> "SparkSession":
    """Return a new session on the JVM that the environment names; its jobs carry `group`, so they can be cancelled."""
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    # It would repeat every error as JSON on the notebook's output.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    gateway = launch_gateway()  # type: ignore[no-untyped-call] # PySpark's own gap
    jvm = gateway.jvm
    java_context = jvm.JavaSparkContext.fromSparkContext(jvm.org.apache.spark.SparkContext.getOrCreate())
    conf = SparkConf(_jvm=jvm, _jconf=java_context.getConf())
    context = SparkContext(conf=conf, gateway=gateway, jsc=java_context)
    context.setJobGroup(group, application, interruptOnCancel=True)
    sessions = SparkSession._get_j_spark_session_class(jvm)
    shared = sessions.getDefaultSession().get()
    # The first session of a process is the one that code which asks for "the" session gets, as on a cluster.
    session = SparkSession(context, shared.newSession())
    sessions.setDefaultSession(shared)
    return session


def _without_checksum_files(context: Any) -> None:
    """Keep Hadoop's `.crc` files out of the lake: a lake in Azure has none."""
    jvm = context._jvm
    path = jvm.org.apache.hadoop.fs.Path("file:///")
    path.getFileSystem(context._jsc.hadoopConfiguration()).setWriteChecksum(False)

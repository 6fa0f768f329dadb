"""The one Spark of all Spark contenders: the local factory's own settings, and what its garbage collector logs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession

from fakes.postgres import JDBC_DRIVER
from local_factory.cluster.jvm import start_jvm
from local_factory.cluster.spark import start_cluster

# A collection's line: heap before, after it and as a whole, as in `Pause Young (Normal) ... 245M->45M(512M) 3.1ms`.
_COLLECTION = re.compile(r"Pause .* \d+M->(\d+)M\(\d+M\)")
_MEGABYTE = 1024 * 1024


@dataclass
class Spark:
    """A session, and the log of its JVM's garbage collector."""

    session: SparkSession
    gc_log: Path
    read: int = 0

    @property
    def cores(self) -> int:
        """How many tasks run at a time."""
        return int(self.session.sparkContext.defaultParallelism)


@contextmanager
def start_spark(folder: Path, *, heap: str = "2g") -> Iterator[Spark]:
    """Start Spark as the local factory does: all cores, 2 GB of heap, the UI off, UTC; but with Java's best compiler.

    That is what a cluster has. A run on a laptop is over before it pays off, and does without.
    """
    log = folder / "gc.log"
    drivers = [JDBC_DRIVER] if JDBC_DRIVER.exists() else []
    options = ["-XX:TieredStopAtLevel=4", f"-Xmx{heap}", f"-Xlog:gc:file={log}"]
    with start_jvm(drivers, options) as jvm, start_cluster(jvm, folder) as cluster:
        yield Spark(cluster.session, log)


def collect_garbage(spark: Spark) -> None:
    """Have the JVM collect its garbage, and forget what its log has said so far."""
    spark.session.sparkContext._jvm.java.lang.System.gc()
    largest_heap(spark)


def largest_heap(spark: Spark) -> int:
    """Return the most heap, in bytes, that was in use right after a collection since the last call; 0 without any.

    What survives a collection is what a run needs, and some garbage that was promoted: so it is an upper bound, and
    unlike the memory of the process it does not count what the JVM took because it was there for the taking.
    """
    with spark.gc_log.open(encoding="utf-8") as log:
        log.seek(spark.read)
        text = log.read()
        spark.read = log.tell()
    return max((int(megabytes) for megabytes in _COLLECTION.findall(text)), default=0) * _MEGABYTE

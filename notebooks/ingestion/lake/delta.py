"""Tables in Delta's format: their commits are atomic by themselves, and keep the versions before for a while.

On Databricks Spark writes them. On a laptop Spark has no Delta, so the Python package `deltalake` does, to the same
format. Each commit carries the landing (run id, rows) as JSON in the field `userMetadata` of the table's log, where
`DESCRIBE HISTORY` shows it.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from ingestion.lake.jvm import root_cause
from ingestion.lake.parquet import read_parquet
from ingestion.lake.storage import Storage
from ingestion.platform.errors import LakeError, PromotionError

_USER_METADATA = "userMetadata"
_COMMIT = re.compile(r"\d{20}\.json")

Landing = Mapping[str, Any]


class DeltaWriter(Protocol):
    """Writes Delta tables."""

    def overwrite(self, table: str, parquet: str, columns: StructType, landing: Landing) -> None:
        """Commit the rows of a Parquet folder as all rows of a table; make the table where there is none.

        Args:
            table: the table's folder.
            parquet: the folder of the rows.
            columns: of the rows, which become the table's.
            landing: what the commit is to say of itself.

        Raises:
            PromotionError: it cannot be committed; readers find the table as it was.
        """

    def vacuum(self, table: str) -> None:
        """Remove files that no version of the last seven days, Delta's own default, needs.

        Raises:
            LakeError: they cannot be removed; nothing that readers find has changed.
        """


class SparkDelta:
    """Spark with Delta, as in the Databricks Runtime."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def overwrite(self, table: str, parquet: str, columns: StructType, landing: Landing) -> None:
        """Commit the rows of a Parquet folder as all rows of a table."""
        try:
            rows = read_parquet(self._spark, columns, parquet)
            rows.write.format("delta").mode("overwrite").options(
                overwriteSchema=True, **{_USER_METADATA: json.dumps(landing)}
            ).save(table)
        except (Py4JJavaError, PySparkException) as error:
            raise PromotionError(f"{table}: cannot be committed: {root_cause(error)}") from error

    def vacuum(self, table: str) -> None:
        """Remove files that no version of the last seven days needs."""
        try:
            self._spark.sql("VACUUM delta.`" + table.replace("`", "``") + "`")
        except (Py4JJavaError, PySparkException) as error:
            raise LakeError(f"{table}: cannot be vacuumed: {root_cause(error)}") from error


class DeltaRs:
    """The package `deltalake`, which needs no Java. It writes to a folder of this machine."""

    def overwrite(self, table: str, parquet: str, columns: StructType, landing: Landing) -> None:
        """Commit the rows of a Parquet folder as all rows of a table."""
        try:
            from deltalake import CommitProperties, write_deltalake
            from deltalake.exceptions import DeltaError
            from pyarrow.dataset import dataset
        except ImportError as error:
            raise PromotionError(
                f"{table}: this Spark has no Delta, nor this Python the packages deltalake and pyarrow: {error}. "
                "Install these, or set table_format to parquet."
            ) from error
        from pyspark.sql.pandas.types import to_arrow_schema

        rows = dataset(_local(parquet), schema=to_arrow_schema(columns), format="parquet")
        try:
            write_deltalake(
                _local(table),
                rows.scanner().to_reader(),
                mode="overwrite",
                schema_mode="overwrite",
                commit_properties=CommitProperties(custom_metadata={_USER_METADATA: json.dumps(landing)}),
            )
        except (DeltaError, OSError) as error:
            raise PromotionError(f"{table}: cannot be committed: {root_cause(error)}") from error

    def vacuum(self, table: str) -> None:
        """Remove files that no version of the last seven days needs."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            DeltaTable(_local(table)).vacuum(dry_run=False)
        except (DeltaError, OSError) as error:
            raise LakeError(f"{table}: cannot be vacuumed: {root_cause(error)}") from error


def delta_writer(spark: SparkSession) -> DeltaWriter:
    """Return what can write Delta tables here: Spark where it has Delta, else `deltalake`."""
    jvm: Any = spark._jvm
    with suppress(Py4JJavaError):
        jvm.java.lang.Thread.currentThread().getContextClassLoader().loadClass("io.delta.tables.DeltaTable")
        return SparkDelta(spark)
    return DeltaRs()


def is_delta(storage: Storage, table: str) -> bool:
    """Say whether a folder is a Delta table."""
    return bool(storage.list(f"{table}/_delta_log"))


def last_landing(storage: Storage, table: str) -> Landing | None:
    """Return what the newest landing says of itself in a table's log; None where it has none.

    Commits without that word are none of ours: the table's upkeep, as VACUUM and OPTIMIZE.
    """
    log = f"{table}/_delta_log"
    commits = [entry.name for entry in storage.list(log) if _COMMIT.fullmatch(entry.name)]
    for commit in reversed(commits):
        landing = _landing(storage.read(f"{log}/{commit}") or b"")
        if landing:
            return landing
    return None


def _landing(commit: bytes) -> Landing | None:
    """Return what a commit says of its landing; nothing where it is damaged, which is for Delta to complain of."""
    with suppress(ValueError):
        for line in commit.splitlines():
            metadata = json.loads(line).get("commitInfo", {}).get(_USER_METADATA)
            if metadata:
                landing: Landing = json.loads(metadata)
                return landing
    return None


def _local(path: str) -> str:
    """Return a folder of this machine without the scheme that Hadoop's paths may have."""
    return re.sub(r"^file:/+", "/", path)

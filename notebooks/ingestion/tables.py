"""Landing a database's table in the lake: read over JDBC, written aside, promoted when it has rows enough."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import DataFrame, SparkSession

from ingestion.configuration import TableSettings
from ingestion.entra import SQL_SCOPE, request_token
from ingestion.errors import InvalidSettingError, SourceError
from ingestion.filesystem import HadoopFileSystem
from ingestion.jvm import root_cause
from ingestion.lake import Lake
from ingestion.log import StepLog
from ingestion.secret_store import SecretStore

# Rows a driver fetches at a time. Its own default is a handful on several databases: 10,000 measured as good.
_FETCH_SIZE = 10_000


@dataclass(frozen=True)
class SqlDatabase:
    """A database to read over JDBC. Neither its URL nor its credentials are part of the repr.

    `credentials` are the options that the driver signs in with: `user` and `password`, or `accessToken`, or none.
    """

    spark: SparkSession = field(repr=False)
    url: str = field(repr=False)
    credentials: Mapping[str, str] = field(repr=False)

    def read(self, table: str) -> DataFrame:
        """Return a table, to be read when it is used. Names and types are the source's own.

        Raises:
            SourceError: the database cannot be reached, or has no such table.
        """
        return self._load("dbtable", table, table)

    def count(self, table: str) -> int:
        """Return the number of rows. The database counts: no row crosses the wire.

        Raises:
            SourceError: the database cannot be reached, or has no such table.
        """
        counted = self._load("query", f"SELECT COUNT(*) AS row_count FROM {table}", table)  # noqa: S608 - our own names
        try:
            return int(counted.collect()[0][0])
        except Exception as error:
            raise _unreadable(table, error) from error

    def _load(self, option: str, value: str, table: str) -> DataFrame:
        reader = (
            self.spark.read.format("jdbc")
            .option("url", self.url)
            .option("fetchsize", _FETCH_SIZE)
            # A timestamp without a zone stays one: it must not shift with the session's zone.
            .option("preferTimestampNTZ", True)
            .option(option, value)
            .options(**self.credentials)
        )
        try:
            return reader.load()
        except Exception as error:
            raise _unreadable(table, error) from error


def land_table(
    spark: SparkSession,
    settings: TableSettings,
    secrets: SecretStore,
    log: StepLog,
    *,
    table: str,
    name: str,
    more_than: int | None = None,
) -> int:
    """Land a table and return the number of rows landed: those written, not those of an earlier count.

    Args:
        spark: the session.
        settings: where the table comes from and goes to.
        secrets: where the database's user and password are; without both it is asked without.
        log: takes one line a step.
        table: its name in the database.
        name: its folder in the lake.
        more_than: with this many rows or fewer nothing is landed, and 0 returned; None lands any number.

    Raises:
        IngestionError: the table was not landed; what was landed before is as it was.
    """
    database = SqlDatabase(spark, settings.sql_url, _credentials(settings, secrets))
    lake = Lake(HadoopFileSystem(spark, settings.lake_root), settings.lake_root, log.run_id)
    source, target = f"{settings.sql_url}#{table}", lake.path(name)
    if more_than is not None:
        with log.step("count", source=source) as step:
            step.rows = database.count(table)
        if step.rows <= more_than:
            return 0
    with (
        log.step("land", source=source, target=target) as step,
        lake.staged_table(database.read(table), name) as staged,
    ):
        # The table may have shrunk since it was counted.
        enough = more_than is None or staged.rows > more_than
        if enough:
            lake.promote(staged)
        step.rows = staged.rows if enough else 0
    return step.rows


def _credentials(settings: TableSettings, secrets: SecretStore) -> Mapping[str, str]:
    if settings.entra:
        return {"accessToken": request_token(settings.entra, SQL_SCOPE, secrets)}
    user, password = secrets.find(settings.sql_user), secrets.find(settings.sql_password)
    if user is None and password is None:
        return {}
    if user is None or password is None:
        missing, given = settings.sql_user, settings.sql_password
        if user is not None:
            missing, given = given, missing
        raise InvalidSettingError(f"secret {given} is there, but {missing} is not: store both, or neither.")
    return {"user": user, "password": password}


def _unreadable(table: str, error: Exception) -> SourceError:
    return SourceError(f"{table}: cannot be read: {root_cause(error)}")

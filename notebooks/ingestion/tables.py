"""Landing a database's table in the lake: read over JDBC, written aside, promoted when it has rows enough."""

import time
from collections.abc import Callable, Mapping

from pyspark.sql import SparkSession

from ingestion.configuration import TableSettings
from ingestion.entra import SQL_SCOPE, request_token
from ingestion.errors import InvalidSettingError
from ingestion.filesystem import HadoopFileSystem
from ingestion.lake import Lake
from ingestion.log import StepLog
from ingestion.manifest import without_credentials
from ingestion.secret_store import SecretStore
from ingestion.sql_database import SqlDatabase, retry_transient


def land_table(
    spark: SparkSession,
    settings: TableSettings,
    secrets: SecretStore,
    log: StepLog,
    *,
    table: str,
    name: str,
    more_than: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
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
        sleep: waits a number of seconds between two tries.

    Raises:
        IngestionError: the table was not landed; what was landed before is as it was.
    """
    database = SqlDatabase(spark, settings.sql_url, _credentials(settings, secrets))
    lake = Lake(
        HadoopFileSystem(spark, settings.lake_root),
        settings.lake_root,
        log.run_id,
        clock=log.clock,
        may_break_schema=settings.may_break_schema,
        on_schema_change=log.schema_change,
    )
    source, target = f"{settings.sql_url}#{table}", lake.path(name)
    shown_source = secrets.redact(f"{without_credentials(settings.sql_url)}#{table}")

    def report(error: Exception) -> None:
        log.retry(source, error)

    def count() -> int:
        return database.count(table)

    def land() -> int:
        with lake.staged_table(database.read(table), name, source=shown_source) as staged:
            # The table may have shrunk since it was counted.
            if more_than is not None and staged.rows <= more_than:
                return 0
            lake.promote(staged)
        return staged.rows

    if more_than is not None:
        with log.step("count", source=source) as step:
            step.rows = retry_transient(count, on_retry=report, sleep=sleep)
        if step.rows <= more_than:
            return 0
    with log.step("land", source=source, target=target) as step:
        step.rows = retry_transient(land, on_retry=report, sleep=sleep)
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

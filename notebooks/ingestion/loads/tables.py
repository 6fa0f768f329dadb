"""Landing a database's table in the lake: counted, read over JDBC, checked, written aside, promoted when it is good."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from pyspark.sql import SparkSession

from ingestion.lake.delta import delta_writer
from ingestion.lake.filesystem import HadoopFileSystem
from ingestion.lake.lake import Lake, StagedTable
from ingestion.lake.manifest import without_credentials
from ingestion.loads.source_tables import SourceTable
from ingestion.platform.entra import SQL_SCOPE, request_token
from ingestion.platform.errors import InvalidSettingError, LakeError, QualityError
from ingestion.platform.log import StepLog
from ingestion.platform.secrets import SecretStore
from ingestion.platform.settings import TableSettings
from ingestion.quality.checks import Gate, Severity
from ingestion.quality.metrics import LandingMetrics, Outcome
from ingestion.quality.table_writer import WrittenTable
from ingestion.sql.database import Extent, SqlDatabase
from ingestion.sql.database import SourceTable as DatabaseTable
from ingestion.sql.failures import retry_transient
from ingestion.sql.partitioning import partition_count


def land_table(
    spark: SparkSession,
    settings: TableSettings,
    secrets: SecretStore,
    log: StepLog,
    table: SourceTable,
    *,
    more_than: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Land the good rows of a table and return their number; rows that are not go to `quarantine/`.

    Args:
        spark: the session.
        settings: where the table comes from and goes to.
        secrets: where the database's user and password are; without both it is asked without.
        log: takes one line a step, and one for each check that found something.
        table: what to land, and what its rows have to be like.
        more_than: with this many good rows or fewer nothing is landed, and 0 returned; None lands any number.
        sleep: waits a number of seconds between two tries.

    Raises:
        QualityError: too many rows are bad, or the table as a whole is.
        IngestionError: the table was not landed for another reason; what was landed before is as it was.
    """
    landing = _Landing(spark, settings, secrets, log, table)
    retry = partial(retry_transient, on_retry=landing.report_retry, sleep=sleep)
    with landing.measured() as metrics:
        with log.step("count", source=landing.source) as step:
            source, extent = retry(landing.measure)
            step.rows = extent.rows
        if more_than is not None and extent.rows <= more_than:
            metrics.outcome = Outcome.TOO_FEW_ROWS
            return 0
        with log.step("land", source=landing.source, target=landing.target) as step:
            step.rows = retry(partial(landing.land, source, extent, more_than))
        return step.rows


class _Landing:
    """One run's landing of one table."""

    def __init__(
        self, spark: SparkSession, settings: TableSettings, secrets: SecretStore, log: StepLog, table: SourceTable
    ) -> None:
        self._spark = spark
        self._settings = settings
        self._secrets = secrets
        self._log = log
        self._table = table
        self._database = SqlDatabase(spark, settings.sql_url, partial(_credentials, settings, secrets))
        files = HadoopFileSystem(spark, settings.lake_root)
        self._lake = Lake(
            files,
            settings.lake_root,
            log.run_id,
            clock=log.clock,
            may_break_schema=settings.may_break_schema,
            on_schema_change=log.schema_change,
            delta=delta_writer(spark) if settings.table_format == "delta" else None,
        )
        # What is kept out is as wide as the table is now: nobody has to agree to that.
        self._quarantine = Lake(files, settings.lake_root, log.run_id, clock=log.clock, may_break_schema=True)
        self._quarantine_folder = f"quarantine/{table.folder}"
        self._metrics = LandingMetrics(log.run_id, table.folder, log.clock())
        self.source = f"{settings.sql_url}#{table.name}"
        self.target = self._lake.path(table.folder)

    @contextmanager
    def measured(self) -> Iterator[LandingMetrics]:
        """Append the run's metrics to the lake, however it ends."""
        try:
            yield self._metrics
        except Exception as error:
            self._metrics.error = self._secrets.redact(f"{type(error).__name__}: {error}")
            raise
        finally:
            try:
                content = self._metrics.dump(self._log.clock())
                self._lake.append_file(self._metrics.folder, self._metrics.file, content)
            except LakeError as error:
                self._log.problem("append metrics", error)

    def report_retry(self, error: Exception) -> None:
        """Log the failure of a try that another one follows."""
        self._log.retry(self.source, error)
        self._database.adapt(error)

    def measure(self) -> tuple[DatabaseTable, Extent]:
        """Return how the table is read, and how large it is."""
        source = self._database.describe(self._table.name)
        return source, self._database.measure(source, self._table.key)

    def land(self, source: DatabaseTable, extent: Extent, more_than: int | None) -> int:
        """Land the good rows, if they are more than so many, and return their number, or 0."""
        cores = self._spark.sparkContext.defaultParallelism
        connections = partition_count(extent.rows, cores, self._settings.sql_connections)
        frame = self._database.read(source, extent, connections)
        before = self._lake.manifest(self._table.folder)
        gate = Gate(
            self._table.checks, frame.schema, now=self._log.clock(), rows_before=before.rows if before else None
        )
        shown_source = self._secrets.redact(f"{without_credentials(self._settings.sql_url)}#{self._table.name}")
        with self._lake.staged_table(frame, self._table.folder, source=shown_source, gate=gate) as staged:
            self._judge(staged, gate, shown_source)
            # There may be fewer than were counted: the table has changed since, or rows are bad.
            if more_than is not None and staged.rows <= more_than:
                self._metrics.outcome = Outcome.TOO_FEW_ROWS
                return 0
            self._lake.promote(staged)
        self._metrics.outcome = Outcome.LANDED
        self._metrics.rows_landed = staged.rows
        return staged.rows

    def _judge(self, staged: StagedTable, gate: Gate, source: str) -> None:
        """Log and measure what the checks found, put bad rows into quarantine, and refuse what is too bad to land."""
        written = staged.written
        rows = written.rows + written.refused_rows
        results = gate.results(written.observed, rows)
        self._metrics.rows_read = rows
        self._metrics.rows_quarantined = written.refused_rows
        self._metrics.checks = results
        failed = [result for result in results if result.failure]
        missing = [result.check for result in results if not result.applied]
        if missing:
            self._log.check(self.target, None, f"not applied for want of columns: {'; '.join(missing)}", is_error=False)
        for result in failed:
            self._log.check(self.target, result.rows, str(result), is_error=result.severity is Severity.ERROR)
        self._replace_quarantine(written, source)
        reasons = [str(result) for result in failed if result.stops_table]
        if written.refused_rows > rows * self._settings.quarantine_limit:
            bad = "; ".join(str(result) for result in failed if result.refuses_rows)
            reasons.append(
                f"{written.refused_rows} of {rows} rows ({written.refused_rows / rows:.2%}) are bad, more than the "
                f"{self._settings.quarantine_limit:.2%} that are allowed: {bad}. They are in "
                f"{self._quarantine.path(self._quarantine_folder)}, with the reasons. Mend them in the source, or set "
                "the widget quarantine_limit or the variable QUARANTINE_LIMIT to the per cent that may be left out"
            )
        if reasons:
            self._metrics.outcome = Outcome.REFUSED
            raise QualityError(f"{self.target}: nothing was replaced: {'; '.join(reasons)}.")

    def _replace_quarantine(self, written: WrittenTable, source: str) -> None:
        """Let the quarantine hold the bad rows of this run, and no others."""
        if written.refusals is None:
            self._quarantine.remove(self._quarantine_folder)
            return
        target = self._quarantine.path(self._quarantine_folder)
        with (
            self._log.step("quarantine", source=source, target=target) as step,
            self._quarantine.staged_table(written.refusals, self._quarantine_folder, source=source) as staged,
        ):
            self._quarantine.promote(staged)
            step.rows = staged.rows


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

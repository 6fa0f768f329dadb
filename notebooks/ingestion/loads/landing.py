"""Landing a feed whole: its rows are counted, read, checked, written aside, and take the old ones' place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from pyspark.sql import DataFrame

from ingestion.feeds.model import Feed
from ingestion.lake.places import Place
from ingestion.lake.quarantine import add_quarantine, expire_quarantine, quarantine_path
from ingestion.lake.table_landing import TableLanding, table_landing
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.platform.errors import LakeError, QualityError
from ingestion.quality.checks import Gate, Severity
from ingestion.quality.declared import declared_checks
from ingestion.quality.metrics import LandingMetrics, Outcome
from ingestion.quality.table_writer import WrittenTable, write_table

Result = TypeVar("Result")


class Rows(Protocol):
    """The rows of a feed, as one load reads them."""

    @property
    def shown(self) -> str:
        """Where they come from, without credentials."""

    @property
    def notes(self) -> list[str]:
        """What is to be told of how they are read."""

    def measure(self) -> int | None:
        """Return how many there are, if the source tells; None where it does not."""

    def frame(self) -> DataFrame:
        """Return them, to be read when they are used."""

    def rows_read(self, written: int) -> int:
        """Return how many were read of the source, of which so many were written: older ones of a key may not be."""

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads them, again where it failed for a reason that passes."""


@dataclass
class WholeLanding:
    """One run's landing of all rows of a feed.

    Attributes:
        run: what it works with.
        feed: what lands, and where.
        rows: of the feed.
        result: what comes of it.
        wait: seconds to wait for another run that lands the same feed.
    """

    run: Run
    feed: Feed
    rows: Rows
    result: FeedResult
    wait: float = 0
    _metrics: LandingMetrics = field(init=False)
    _place: Place = field(init=False)

    def __post_init__(self) -> None:
        self._metrics = LandingMetrics(self.run.log.run_id, self.feed.destination, self.run.log.clock())
        self._place = self.run.place(self.feed)
        self._target = self._place.address

    def land(self) -> int:
        """Land the good rows and return their number; rows that are not go to `quarantine/`.

        Raises:
            QualityError: too many rows are bad, or the table as a whole is.
            IngestionError: it was not landed for another reason; what was landed before is as it was.
        """
        log, more_than = self.run.log, self.feed.land_when_more_than
        with self._measured():
            with log.step("count", source=self.rows.shown) as step:
                step.rows = self.rows.retry(self.rows.measure)
            self.result.rows_read = step.rows
            if more_than is not None and step.rows is not None and step.rows <= more_than:
                return self._too_few(step.rows)
            with log.step("land", source=self.rows.shown, target=self._target) as step:
                step.rows = self.rows.retry(partial(self._land, more_than))
            return step.rows

    @contextmanager
    def _measured(self) -> Iterator[None]:
        """Append the run's metrics to the lake, however it ends."""
        try:
            yield
        except Exception as error:
            self._metrics.error = self.run.secrets.redact(f"{type(error).__name__}: {error}")
            raise
        finally:
            try:
                content = self._metrics.dump(self.run.log.clock())
                self.run.storage.create(f"{self._metrics.folder}/{self._metrics.file}", content)
            except LakeError as error:
                self.run.log.problem("append metrics", error)

    def _too_few(self, rows: int) -> int:
        self._metrics.outcome = Outcome.TOO_FEW_ROWS
        self.result.status = Status.SKIPPED
        self.result.error = f"{rows} rows, and it lands when there are more than {self.feed.land_when_more_than}."
        return 0

    def _land(self, more_than: int | None) -> int:
        """Land the good rows, if they are more than so many, and return their number, or 0."""
        run, name = self.run, self.feed.destination
        frame = self.rows.frame()
        self.result.notes = [*self.rows.notes]
        for note in self.rows.notes:
            run.log.note(self._target, note)
        source = run.secrets.redact(self.rows.shown)
        with table_landing(
            run.storage,
            name,
            run.log.run_id,
            place=self._place,
            clock=run.log.clock,
            may_break_schema=run.settings.may_break_schema,
            on_schema_change=run.log.schema_change,
            wait=self.wait,
        ) as landing:
            before = landing.before
            rows_before = before.rows if before else None
            checks = declared_checks(self.feed.checks)
            gate = Gate(checks, frame.schema, now=run.log.clock(), rows_before=rows_before)

            def write(rows: DataFrame, folder: str, rows_per_file: int) -> WrittenTable:
                return write_table(rows, folder, gate, rows_per_file=rows_per_file, rows=self.result.rows_read)

            written = landing.stage(frame, write, source=source)
            self._judge(written, gate, landing)
            # There may be fewer than were counted: the table has changed since, or rows are bad.
            if more_than is not None and written.rows <= more_than:
                return self._too_few(written.rows)
            landing.promote()
        self._metrics.outcome = Outcome.LANDED
        self._metrics.rows_landed = written.rows
        self.result.status = Status.SUCCEEDED
        self.result.inserted = self.result.rows_in_target = written.rows
        self.result.updated, self.result.deleted = 0, rows_before or 0
        return written.rows

    def _judge(self, written: WrittenTable, gate: Gate, landing: TableLanding) -> None:
        """Log and measure what the checks found, put bad rows into quarantine, and refuse what is too bad to land."""
        rows = written.rows + written.refused_rows
        results = gate.results(written.observed, rows)
        self._metrics.rows_read, self.result.rows_read = rows, self.rows.rows_read(rows)
        self._metrics.rows_quarantined = self.result.quarantined = written.refused_rows
        self._metrics.checks = results
        failed = [result for result in results if result.failure]
        for fits, reason in ((True, "for want of columns"), (False, "to columns of other types")):
            left_out = [result.check for result in results if not result.applied and result.fits is fits]
            if left_out:
                words = f"not applied {reason}: {'; '.join(left_out)}"
                self.run.log.check(self._target, None, words, is_error=False)
        for result in failed:
            self.run.log.check(self._target, result.rows, str(result), is_error=result.severity is Severity.ERROR)
        self._quarantine(written, landing)
        reasons = [str(result) for result in failed if result.stops_table]
        limit = self.run.settings.quarantine_limit
        limit = self.feed.quarantine_limit if limit is None else limit
        if written.refused_rows > rows * limit:
            bad = "; ".join(str(result) for result in failed if result.refuses_rows)
            reasons.append(
                f"{written.refused_rows} of {rows} rows ({written.refused_rows / rows:.2%}) are bad, more than the "
                f"{limit:.2%} that are allowed: {bad}. They are in "
                f"{self.run.storage.url(quarantine_path(self.feed.destination))}, with the reasons. Mend them in the "
                "source, or allow more: the feed's quarantine_limit, or the widget quarantine_limit or the variable "
                "QUARANTINE_LIMIT, in per cent, for all feeds of a run"
            )
        if reasons:
            self._metrics.outcome = Outcome.REFUSED
            raise QualityError(f"{self._target}: nothing was replaced: {'; '.join(reasons)}.")

    def _quarantine(self, written: WrittenTable, landing: TableLanding) -> None:
        """Add the bad rows of this run to the quarantine; once a day remove those that are too old."""
        run, name, today = self.run, self.feed.destination, self.run.log.clock().date()
        if written.refusals is not None:
            target = run.storage.url(quarantine_path(name))
            with run.log.step("quarantine", source=self.rows.shown, target=target) as step:
                add_quarantine(
                    run.storage,
                    name,
                    run.log.run_id,
                    written.refusals,
                    written.refused_rows,
                    staging=landing.folder,
                    today=today,
                )
                step.rows = written.refused_rows
        if written.refusals is not None or landing.before is None or landing.before.finished < today.isoformat():
            expire_quarantine(run.storage, name, today=today, days=run.settings.quarantine_days)

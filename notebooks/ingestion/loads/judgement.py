"""What the checks of a feed say of staged rows: told, measured, bad rows into quarantine, too many of them refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ingestion.feeds.model import Feed
from ingestion.lake.quarantine import add_quarantine, expire_quarantine, quarantine_path
from ingestion.loads.results import FeedResult
from ingestion.loads.run_context import Run
from ingestion.platform.errors import LakeError, QualityError
from ingestion.platform.spark_errors import without_stack
from ingestion.quality.checks import Gate, Severity
from ingestion.quality.metrics import LandingMetrics, Outcome
from ingestion.quality.table_writer import WrittenTable


@dataclass
class Judgement:
    """One run's judgement of the rows of a feed.

    Attributes:
        run: what the load works with.
        feed: whose rows.
        result: what comes of it.
        target: where they land, for people.
        shown: where they come from, without credentials.
        metrics: of the run, for the lake's own table.
    """

    run: Run
    feed: Feed
    result: FeedResult
    target: str
    shown: str
    metrics: LandingMetrics = field(init=False)

    def __post_init__(self) -> None:
        run_id, started = self.run.log.run_id, self.run.log.clock()
        self.metrics = LandingMetrics(run_id, self.feed.destination, self.feed.name, started)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Append the run's metrics to the lake, however it ends."""
        try:
            yield
        except Exception as error:
            self.metrics.error = self.run.secrets.redact(f"{type(error).__name__}: {without_stack(error)}")
            raise
        finally:
            try:
                content = self.metrics.dump(self.run.log.clock())
                self.run.storage.create(f"{self.metrics.folder}/{self.metrics.file}", content)
            except LakeError as error:
                self.run.log.problem("append metrics", error)

    def judge(self, written: WrittenTable, gate: Gate, folder: str, *, expire: bool) -> None:
        """Log and measure what the checks found, put bad rows into quarantine, and refuse what is too bad to land.

        Args:
            written: the rows, written aside.
            gate: that divided them.
            folder: of the lake, in which this run writes aside.
            expire: remove rows that lie in quarantine too long, also if there are no new ones.

        Raises:
            QualityError: too many rows are bad, or the table as a whole is.
        """
        rows = written.rows + written.refused_rows
        results = gate.results(written.observed, rows)
        self.metrics.rows_read = rows
        self.metrics.rows_quarantined = self.result.quarantined = written.refused_rows
        self.metrics.checks = results
        failed = [result for result in results if result.failure]
        for fits, reason in ((True, "for want of columns"), (False, "to columns of other types")):
            left_out = [result.check for result in results if not result.applied and result.fits is fits]
            if left_out:
                words = f"not applied {reason}: {'; '.join(left_out)}"
                self.result.notes.append(words)
                self.run.log.check(self.target, None, words, is_error=False)
        for result in failed:
            self.run.log.check(self.target, result.rows, str(result), is_error=result.severity is Severity.ERROR)
        self._quarantine(written, folder, expire=expire)
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
            self.metrics.outcome = Outcome.REFUSED
            raise QualityError(f"{self.target}: nothing was replaced: {'; '.join(reasons)}.")

    def _quarantine(self, written: WrittenTable, folder: str, *, expire: bool) -> None:
        """Add the bad rows of this run to the quarantine, and remove those that are too old."""
        run, name, today = self.run, self.feed.destination, self.run.log.clock().date()
        if written.refusals is not None:
            target = run.storage.url(quarantine_path(name))
            with run.log.step("quarantine", source=self.shown, target=target) as step:
                add_quarantine(
                    run.storage,
                    name,
                    run.log.run_id,
                    written.refusals,
                    written.refused_rows,
                    staging=folder,
                    today=today,
                )
                step.rows = written.refused_rows
        if written.refusals is not None or expire:
            expire_quarantine(run.storage, name, today=today, days=run.settings.quarantine_days)

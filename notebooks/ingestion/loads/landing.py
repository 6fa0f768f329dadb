"""Landing a feed whole: its rows are counted, read, checked, written aside, and take the old ones' place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from ingestion.feeds.model import Feed
from ingestion.lake.manifest import compare
from ingestion.lake.places import Place
from ingestion.lake.table_landing import table_landing
from ingestion.loads.judgement import Judgement
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.loads.schema_contract import agree
from ingestion.platform.columns import column
from ingestion.platform.errors import NothingYetError
from ingestion.quality.checks import Gate
from ingestion.quality.declared import declared_checks, readable
from ingestion.quality.metrics import Outcome
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

    @property
    def problem(self) -> str | None:
        """The column of `frame` that says why a row cannot be read; it does not land. None: there is no such."""

    @property
    def origin(self) -> tuple[str, ...]:
        """Columns of `frame` that tell where a row stands in its source; only the quarantine has them."""

    def measure(self) -> int | None:
        """Return how many there are, if the source tells; None where it does not."""

    def frame(self) -> DataFrame:
        """Return them, to be read when they are used."""

    def rows_read(self, written: int) -> int:
        """Return how many were read of the source, of which so many were written: older ones of a key may not be."""

    def check_columns(self) -> None:
        """Make sure, after they were read, that the columns are what they were when that began.

        Raises:
            SourceError: one changed meanwhile.
        """

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
    _judgement: Judgement = field(init=False)
    _place: Place = field(init=False)

    def __post_init__(self) -> None:
        self._place = self.run.place(self.feed)
        self._target = self._place.address
        self._judgement = Judgement(self.run, self.feed, self.result, self._target, self.rows.shown)

    def land(self) -> int:
        """Land the good rows and return their number; rows that are not go to `quarantine/`.

        Raises:
            QualityError: too many rows are bad, or the table as a whole is.
            IngestionError: it was not landed for another reason; what was landed before is as it was.
        """
        log, more_than = self.run.log, self.feed.land_when_more_than
        with self._judgement.measured():
            with log.step("count", source=self.rows.shown) as step:
                step.rows = self.rows.retry(self.rows.measure)
            self.result.rows_read = step.rows
            if more_than is not None and step.rows is not None and step.rows <= more_than:
                return self._too_few(step.rows)
            with log.step("land", source=self.rows.shown, target=self._target) as step:
                step.rows = self.rows.retry(partial(self._land, more_than))
            return step.rows

    def _too_few(self, rows: int) -> int:
        return self._skipped(f"{rows} rows, and it lands when there are more than {self.feed.land_when_more_than}.")

    def _skipped(self, reason: str) -> int:
        self._judgement.metrics.outcome = Outcome.TOO_FEW_ROWS
        self.result.status, self.result.error = Status.SKIPPED, reason
        return 0

    def _land(self, more_than: int | None) -> int:
        """Land the good rows, if they are more than so many, and return their number, or 0."""
        run, name = self.run, self.feed.destination
        try:
            frame = self.rows.frame()
        except NothingYetError as error:
            return self._skipped(str(error))
        self.result.notes = [*self.rows.notes]
        for note in self.rows.notes:
            run.log.note(self._target, note)
        source = run.secrets.redact(self.rows.shown)
        helpers = [name for name in (self.rows.problem, *self.rows.origin) if name is not None]
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
            agreed = self._agreed(before.columns if before else None, frame.drop(*helpers) if helpers else frame)
            if [*agreed.columns, *helpers] != frame.columns:
                frame = frame.select(*map(column, (*agreed.columns, *helpers)))
            checks = [*readable(self.rows.problem), *declared_checks(self.feed.checks)]
            gate = Gate(checks, frame.schema, now=run.log.clock(), rows_before=rows_before)

            def write(rows: DataFrame, folder: str, rows_per_file: int) -> WrittenTable:
                return write_table(
                    frame,
                    folder,
                    gate,
                    rows_per_file=rows_per_file,
                    rows=self.result.rows_read,
                    landing=rows.schema,
                )

            written = landing.stage(agreed, write, source=source)
            self.rows.check_columns()
            today = run.log.clock().date().isoformat()
            self.result.rows_read = self.rows.rows_read(written.rows + written.refused_rows)
            # Once a day rows that lie in quarantine too long are looked for.
            self._judgement.judge(written, gate, landing.folder, expire=before is None or before.finished < today)
            # There may be fewer than were counted: the table has changed since, or rows are bad.
            if more_than is not None and written.rows <= more_than:
                return self._too_few(written.rows)
            if told := landing.promote():
                self.result.notes.append(told)
                run.log.note(self._target, told)
        self._judgement.metrics.outcome = Outcome.LANDED
        self._judgement.metrics.rows_landed = written.rows
        self.result.status = Status.SUCCEEDED
        self.result.inserted = self.result.rows_in_target = written.rows
        self.result.updated, self.result.deleted = 0, rows_before or 0
        return written.rows

    def _agreed(self, before: StructType | None, frame: DataFrame) -> DataFrame:
        """Return the columns that land by the feed's contract; one that is gone is for the landing to refuse."""
        contract = self.feed.schema_contract
        if before is None or contract == "evolve" or compare(before, frame.schema).breaking:
            return frame
        agreed = agree(contract, before.jsonValue(), frame.schema, self._target)
        self.result.notes += agreed.notes
        for note in agreed.notes:
            self.run.log.note(self._target, note)
        return frame.select(*map(column, agreed.columns.names))

"""The lake's table `ingest_runs`: a row for each feed of each run, in a file of JSON lines for each run."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from ingestion.lake.storage import Storage
from ingestion.loads.results import FeedResult, run_lines
from ingestion.platform.errors import LakeError
from ingestion.platform.log import StepLog
from ingestion.platform.secrets import SecretStore
from ingestion.platform.spark_errors import without_stack


def keep_rows(
    storage: Storage, log: StepLog, results: Sequence[FeedResult], started: datetime, pipeline_run_id: str | None = None
) -> None:
    """Append a run's rows; that they cannot be is logged, and no reason for data not to land.

    Args:
        storage: the lake.
        log: of the run, whose identifier and clock the rows have.
        results: what came of each feed.
        started: when the run began, in UTC.
        pipeline_run_id: the run of the pipeline that asked; None where none did, or it did not say.
    """
    finished = log.clock()
    content = run_lines(results, log.run_id, pipeline_run_id, started, finished)
    try:
        storage.create(f"ingest_runs/{finished:%Y%m%dT%H%M%SZ}_{log.run_id[:8]}.json", content)
    except LakeError as error:
        log.problem("append ingest_runs", error)


@contextmanager
def timed(result: FeedResult, secrets: SecretStore) -> Iterator[None]:
    """Write into a feed's result how long its load took and, where it raises, why it failed."""
    began = time.monotonic()
    try:
        yield
    except Exception as error:
        result.error = secrets.redact(without_stack(error))
        raise
    finally:
        result.seconds = round(time.monotonic() - began, 3)


@contextmanager
def kept(storage: Storage, log: StepLog, result: FeedResult, secrets: SecretStore) -> Iterator[None]:
    """Append the row of a run that loads one feed, however it ends."""
    started = log.clock()
    try:
        with timed(result, secrets):
            yield
    finally:
        keep_rows(storage, log, [result], started)

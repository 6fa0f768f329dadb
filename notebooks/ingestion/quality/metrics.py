"""What each run did to a table, as a row of the lake's own table `quality_metrics`: a file of JSON for each run."""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from ingestion.quality.checks import CheckResult


class Outcome(StrEnum):
    """How a run ended for its table."""

    LANDED = "landed"
    TOO_FEW_ROWS = "too few rows"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass
class LandingMetrics:
    """One run's row. Rows are None where the run did not come so far.

    Attributes:
        run_id: as in the log and the manifest.
        table: its folder in the lake.
        feed: whose rows they are.
        started: in UTC.
        outcome: `failed` until the run says better.
        rows_read: from the source: those landed and those quarantined.
        rows_landed: now in the table; 0 where it was not replaced.
        rows_quarantined: kept out.
        checks: what came of each check.
        error: why it failed.
    """

    run_id: str
    table: str
    feed: str
    started: datetime
    outcome: Outcome = Outcome.FAILED
    rows_read: int | None = None
    rows_landed: int = 0
    rows_quarantined: int | None = None
    checks: list[CheckResult] = field(default_factory=list)
    error: str | None = None

    @property
    def folder(self) -> str:
        """The folder of the row, named as Spark names a partition's, so that readers may skip other tables' rows."""
        return f"quality_metrics/table={quote(self.table, safe='')}"

    @property
    def file(self) -> str:
        """The row's file: files are in the order of time."""
        return f"{self.started:%Y%m%dT%H%M%SZ}_{self.run_id[:8]}.json"

    def dump(self, finished: datetime) -> bytes:
        """Return the row as one line of JSON."""
        row = asdict(self) | {"started": self.started.isoformat(), "finished": finished.isoformat()}
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"

"""What a run did with each feed: a row of the notebook's exit, and of the lake's table `ingest_runs`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

# What Data Factory takes of a notebook's exit is 2 MB; a summary leaves room for the activity's own words.
_LONGEST_EXIT = 1_000_000
_LONGEST_ERROR = 2_000
_LONGEST_MESSAGE = 4_000
_LONGEST_REASON = 300


class Status(StrEnum):
    """How a feed's load ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"


@dataclass
class FeedResult:
    """One feed's row. Numbers are None where the run did not come so far.

    Attributes:
        feed: its name.
        mode: of the run: `load`, `discover`, ...
        status: `Failed` until the run says better.
        rows_read: from the source.
        inserted: rows that are new in the target, updated, deleted: likewise.
        quarantined: rows that were kept out.
        rows_in_target: after the run.
        position_before: where the run began to read, position_after: where the next one begins.
        seconds: that the load took.
        error: why it failed, or was skipped.
        notes: what is worth telling of a load that succeeded.
        toml: what `discover` proposes.
        differences: rows that `reconcile` found unlike.
        complete_until: the source's time up to which the target is known to be whole, as `status` tells.
        lag_seconds: how long ago that is.
        lag_rows: rows that the source has beyond the position.
        place: the file and the line of the feed, for who mends it: only in the exit's message.
    """

    feed: str
    mode: str
    status: Status = Status.FAILED
    rows_read: int | None = None
    inserted: int | None = None
    updated: int | None = None
    deleted: int | None = None
    quarantined: int | None = None
    rows_in_target: int | None = None
    position_before: str | None = None
    position_after: str | None = None
    seconds: float | None = None
    error: str | None = None
    notes: list[str] = field(default_factory=list)
    toml: str | None = None
    differences: int | None = None
    complete_until: str | None = None
    lag_seconds: float | None = None
    lag_rows: int | None = None
    place: str = ""

    def row(self) -> dict[str, Any]:
        """Return the row with all its keys."""
        return {name: value for name, value in asdict(self).items() if name != "place"}

    def to_json(self) -> dict[str, Any]:
        """Return the row, without the keys that only some have and this one has not."""
        row = self.row()
        for name in ("notes", "toml", "differences", "complete_until", "lag_seconds", "lag_rows"):
            if row[name] in (None, []):
                del row[name]
        return row


def exit_json(results: Sequence[FeedResult]) -> str:
    """Return what the notebook exits with: `status`, `feeds`, and as `message` the failures in words.

    Of many feeds with long errors only their beginnings are told, and then only the failed feeds.
    """
    failed = [result for result in results if result.status is Status.FAILED]
    document: dict[str, Any] = {
        "status": Status.FAILED if failed else Status.SUCCEEDED,
        "message": _message(failed, len(results)),
        "feeds": [result.to_json() for result in results],
    }
    if len(text := json.dumps(document, ensure_ascii=False)) <= _LONGEST_EXIT:
        return text
    document["feeds"] = [_shortened(result) for result in results]
    if len(text := json.dumps(document, ensure_ascii=False)) <= _LONGEST_EXIT:
        return text
    kept = failed or results
    document["feeds"] = [_shortened(result) for result in kept[: _LONGEST_EXIT // (2 * _LONGEST_ERROR)]]
    document["feeds_left_out"] = len(results) - len(document["feeds"])
    return json.dumps(document, ensure_ascii=False)


def run_lines(
    results: Sequence[FeedResult], run_id: str, pipeline_run_id: str | None, started: datetime, finished: datetime
) -> bytes:
    """Return the rows of `ingest_runs`: a line of JSON for each feed."""
    times = {"started": started.isoformat(), "finished": finished.isoformat()}
    run = {"run_id": run_id, "pipeline_run_id": pipeline_run_id, **times}
    rows = [result.row() | run for result in results]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _shortened(result: FeedResult) -> dict[str, Any]:
    row = result.to_json()
    row.pop("notes", None)
    if row["error"] and len(row["error"]) > _LONGEST_ERROR:
        row["error"] = row["error"][:_LONGEST_ERROR] + " …"
    return row


def _message(failed: Sequence[FeedResult], feeds: int) -> str:
    if not failed:
        return f"{feeds} {'feed' if feeds == 1 else 'feeds'} succeeded."
    reasons = "; ".join(map(_reason, failed))
    message = f"{len(failed)} of {feeds} feeds failed: {reasons}"
    return message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + " …"


def _reason(result: FeedResult) -> str:
    words = (result.error or "").strip().partition("\n")[0][:_LONGEST_REASON]
    return f"{result.feed}: {words} ({result.place})" if result.place else f"{result.feed}: {words}"

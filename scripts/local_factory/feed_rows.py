"""What a notebook that loads feeds did with each, read from its exit. Pure: no I/O."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_factory.runs import ActivityRun

_LOADED = ("inserted", "updated", "deleted")


@dataclass(frozen=True)
class FeedRow:
    """One feed of a run. Numbers are None where the run did not come so far.

    Attributes:
        name: `SOURCE.NAME`.
        status: `Succeeded`, `Failed` or `Skipped`.
        rows_read: from the source.
        changed: rows inserted, updated and deleted in the target.
        quarantined: rows that were kept out.
        rows_in_target: after the run.
        seconds: that the load took.
        reason: why it failed or was skipped, else what is worth telling.
    """

    name: str
    status: str
    rows_read: int | None
    changed: int | None
    quarantined: int | None
    rows_in_target: int | None
    seconds: float | None
    reason: str


def feed_rows(run: ActivityRun) -> tuple[FeedRow, ...]:
    """Return the feeds that a notebook's exit tells of, the failed ones first; none where it tells of none.

    What is secure is not shown. The exit may arrive as text, or as the object that the text means.
    """
    if run.activity_type != "DatabricksNotebook" or run.secure_output or not isinstance(run.output, Mapping):
        return ()
    document = run.output.get("runOutput")
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return ()
    feeds = document.get("feeds") if isinstance(document, Mapping) else None
    if not isinstance(feeds, list):
        return ()
    rows = [_row(feed) for feed in feeds if isinstance(feed, Mapping) and {"feed", "status"} <= feed.keys()]
    return tuple(sorted(rows, key=lambda row: row.status != "Failed"))


def _row(feed: Mapping[str, Any]) -> FeedRow:
    changes = [count for name in _LOADED if (count := _number(feed.get(name))) is not None]
    notes = feed.get("notes")
    return FeedRow(
        name=str(feed["feed"]),
        status=str(feed["status"]),
        rows_read=_number(feed.get("rows_read")),
        changed=sum(changes) if changes else None,
        quarantined=_number(feed.get("quarantined")),
        rows_in_target=_number(feed.get("rows_in_target")),
        seconds=float(feed["seconds"]) if isinstance(feed.get("seconds"), int | float) else None,
        reason=str(feed.get("error") or "") or "; ".join(map(str, notes if isinstance(notes, list) else ())),
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

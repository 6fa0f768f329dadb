"""The journal of a feed: its position, and the window that it is reading, as a small JSON document of the lake.

A window is written down before any of its rows is read, and stays until its commit is known to be done. A run that was
killed anywhere leaves it for the next one, which reads it again as it was; whether its rows are in the table already,
Delta's own transaction identifiers tell. The document outlives the table's log, of which Delta keeps 30 days.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ingestion.lake.storage import Storage
from ingestion.platform import strict_json
from ingestion.platform.errors import LakeError


@dataclass(frozen=True)
class Window:
    """What one load reads. Positions are texts of the method's own, to the last digit.

    Attributes:
        number: 1, 2, ... of this target: the version of its commit's transaction.
        start: the position below it; None: everything, a snapshot.
        end: the position above it, the next window's start; None where the source had none.
        identity: the source as it was: server, database, table as the database numbers them.
        half_open: rows from `start` on, those at `end` not included: a backfill, which moves no position.
        begun: when the load began, as text of UTC: the time of changes whose source tells none.
        clock: the source's own time, as text; None: it was not asked.
        complete_until: as text; see `Reach`.
        pinned: what else the method has to find again; JSON values.
    """

    number: int
    start: str | None
    end: str | None
    identity: Mapping[str, str] = field(default_factory=dict)
    half_open: bool = False
    begun: str = ""
    clock: str | None = None
    complete_until: str | None = None
    pinned: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Overlap:
    """The rows that the next window reads again, as they were: their number, and the sum of their hashes."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class Journal:
    """All that one feed's loads have to remember.

    Attributes:
        application: the name under which this generation of the target commits; a reload has a new one.
        settings: what the position depends on (method, cursor, key, disposition): with others it means nothing.
        number: of the last window that was committed.
        position: where the next window starts; None: nothing was loaded yet, or the source had no position.
        identity: of the source that the position is of.
        complete_until: the source's time up to which the target is known to be whole, as text.
        version: of the table, that our last commit made; None before the first. What came after is by others.
        rows: in the target.
        window: begun, and not known to be done.
        overlap: what the next window reads again; None: not known.
        columns: that the source had, in Spark's JSON form.
        key_scan: when the keys were scanned the last time, as text.
        reload: the journal of a reload that began; it takes this one's place with its commit.
        must_look: the next window may hold rows that the target has already: from beyond the position, as a backfill
            leaves them, or refused by a check; no guess is good enough.
    """

    application: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    position: str | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    complete_until: str | None = None
    version: int | None = None
    rows: int | None = None
    window: Window | None = None
    overlap: Overlap | None = None
    columns: Mapping[str, Any] | None = None
    key_scan: str | None = None
    reload: "Journal | None" = None
    must_look: bool = False

    @property
    def key_scans(self) -> str:
        """The name under which deletes are committed that a scan of the keys found."""
        return f"{self.application}/keys"

    def done(self, window: Window, **changes: Any) -> "Journal":
        """Return the journal after a window's commit: the position moves on, unless it was a backfill's."""
        after = replace(self, number=window.number, window=None, **changes)
        if window.half_open:
            return replace(after, must_look=True)
        return replace(after, position=window.end, identity=window.identity, complete_until=window.complete_until)


def journal_path(name: str) -> str:
    """Return where the journal of a target lies in the lake."""
    return f"_positions/{name}.json"


def read_journal(storage: Storage, name: str) -> Journal | None:
    """Return the journal of a target; None where there is none.

    Raises:
        LakeError: it cannot be read, or is damaged: a position must not be guessed.
    """
    content = storage.read(journal_path(name))
    if content is None:
        return None
    try:
        return _journal(json.loads(content))
    except (ValueError, TypeError, AttributeError) as error:
        raise LakeError(
            f"{storage.url(journal_path(name))}: is no journal of a feed: {error}. Restore it, or load the feed anew "
            "with mode reload."
        ) from error


def write_journal(storage: Storage, name: str, journal: Journal) -> None:
    """Write the journal of a target whole: readers find the old one or the new.

    Raises:
        LakeError: it cannot be written; the old one is there.
    """
    storage.write(journal_path(name), strict_json.dump(asdict(journal)))


def _journal(document: dict[str, Any]) -> Journal:
    for key, kind in (("window", Window), ("overlap", Overlap)):
        if document.get(key) is not None:
            document[key] = kind(**document[key])
    if document.get("reload") is not None:
        document["reload"] = _journal(document["reload"])
    return Journal(**document)

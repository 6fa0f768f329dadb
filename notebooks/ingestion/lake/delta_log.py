"""A Delta table's log as files of the lake: which commits it has, and which landing the newest of ours was."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ingestion.lake.delta_commits import Commit
from ingestion.lake.storage import Storage

_COMMIT = re.compile(r"(\d{20})\.json")


def versions(storage: Storage, table: str) -> list[int]:
    """Return the numbers of the commits that a table's log holds; none where the folder is no Delta table."""
    names = [_COMMIT.fullmatch(entry.name) for entry in storage.list(f"{table}/_delta_log")]
    return sorted(int(name[1]) for name in names if name)


def last_landing(storage: Storage, table: str) -> Mapping[str, Any] | None:
    """Return what the newest landing in a table's log tells of itself; None where it has none.

    Commits that say nothing of a landing are none of ours: the table's upkeep, as VACUUM and OPTIMIZE.
    """
    for version in reversed(versions(storage, table)):
        landing = _landing(storage.read(f"{table}/_delta_log/{version:020}.json") or b"")
        if landing:
            return landing
    return None


def last_run(storage: Storage, table: str) -> str | None:
    """Return the run of the newest landing in a table's log; None where it has none."""
    landing = last_landing(storage, table)
    return str(landing["run_id"]) if landing else None


def _landing(content: bytes) -> Mapping[str, Any] | None:
    """Return the landing that a commit tells of; nothing where it is damaged, which is for Delta to complain of."""
    with suppress(ValueError):
        for line in content.splitlines():
            text = json.loads(line).get("commitInfo", {}).get("userMetadata")
            if not text:
                continue
            commit = Commit.read(text)
            landing = commit.metadata if commit else json.loads(text)  # as landings of earlier releases say it
            if isinstance(landing, Mapping) and "run_id" in landing:
                return landing
    return None

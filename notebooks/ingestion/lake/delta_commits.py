"""Commits of Delta tables as values: whose each is, what it did, and how a table's history tells of it."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import Row

# How a MERGE's condition names its commit.
_MARK = re.compile(r"ingestion:([A-Za-z0-9_=-]+)")
# What leaves the rows as they are. An operation that is not known here counts as one that changes them.
_UPKEEP = frozenset(
    {
        *("OPTIMIZE", "REORG", "VACUUM START", "VACUUM END", "CLUSTER BY", "COMPUTE STATS", "AUTO COMPACTION"),
        *("CREATE TABLE", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "UPGRADE PROTOCOL", "DROP FEATURE"),
        *("ADD COLUMNS", "CHANGE COLUMN", "CHANGE COLUMNS", "ADD CONSTRAINT", "DROP CONSTRAINT"),
    }
)


@dataclass(frozen=True)
class Commit:
    """Whose commit it is: the same application and version are never committed twice.

    Without a version it is one that its application knows by its metadata, and may make again.

    Attributes:
        application: one writer's name, which no other writer of the table has.
        version: grows from commit to commit of the application.
        metadata: what is kept with the commit; JSON values.
    """

    application: str
    version: int | None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def dump(self) -> str:
        """Return the commit as the JSON text that the table's history keeps."""
        document = {"application": self.application, "version": self.version, "metadata": dict(self.metadata)}
        return json.dumps(document, ensure_ascii=False)

    @staticmethod
    def read(text: str | None) -> "Commit | None":
        """Return the commit that a text of a table's history holds; None where it is somebody else's."""
        with suppress(ValueError, TypeError, KeyError):
            document = json.loads(text or "")
            version = document["version"]
            return Commit(
                str(document["application"]), None if version is None else int(version), dict(document["metadata"])
            )
        return None


@dataclass(frozen=True)
class Version:
    """An entry of a table's history; `commit` is None where it is not one of ours."""

    number: int
    timestamp: datetime
    operation: str
    commit: Commit | None

    @property
    def is_foreign(self) -> bool:
        """Say whether somebody else may have changed the rows."""
        return self.commit is None and self.operation not in _UPKEEP


@dataclass(frozen=True)
class Changes:
    """How many rows a MERGE inserted, updated and deleted."""

    inserted: int
    updated: int
    deleted: int


def marked(commit: Commit) -> str:
    """Return a text that names a commit, for the condition of a MERGE."""
    return f"ingestion:{urlsafe_b64encode(commit.dump().encode()).decode()}"


def version_of(row: Row) -> Version:
    """Return the entry of a table's history that a row of DESCRIBE HISTORY tells of."""
    commit = Commit.read(row["userMetadata"])
    mark = _MARK.search((row["operationParameters"] or {}).get("predicate") or "")
    if commit is None and mark:
        with suppress(ValueError):
            commit = Commit.read(urlsafe_b64decode(mark[1]).decode())
    return Version(row["version"], row["timestamp"], row["operation"], commit)

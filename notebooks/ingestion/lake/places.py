"""Where the rows of a table go: a folder of Parquet, a folder that is a Delta table, or a Delta table of a catalog.

Each has its own way to let staged rows take the old ones' place, and to tell afterwards whether they did.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from pyspark.sql import DataFrame
from pyspark.sql.types import AtomicType, BinaryType, BooleanType, StructType

from ingestion.lake import delta_log
from ingestion.lake.delta_commits import Commit, Version
from ingestion.lake.delta_tables import DeltaTable
from ingestion.lake.manifest import LAYOUT, Manifest, data_files
from ingestion.lake.storage import FileEntry, Storage
from ingestion.platform.errors import LakeError, PromotionError

# Looking for files that no version of the last week needs takes longer than a landing.
_VERSIONS_BETWEEN_VACUUMS = 20
# How a table of a catalog tells which of the lake's names it has: another one's rows must not take its place.
DESTINATION = "ingestion.destination"
# What the commit of a landing tells.
_TOLD = ("run_id", "rows", "source", "bytes", "checksum", "started", "finished")
# Delta's own limits: columns to cluster by, and columns of which it keeps the least and the greatest value.
_MOST_CLUSTERING, _WITH_STATISTICS = 4, 32


@dataclass(frozen=True)
class Staged:
    """Rows that were written aside, checked, and are to take their place.

    Attributes:
        manifest: what they are.
        passed: the folder of the lake that holds them as Parquet.
        folder: of the lake, that is the run's own; the table that was there is moved into it for an instant.
        rows: read from there, if they are to be committed; else those that were written there.
    """

    manifest: Manifest
    passed: str
    folder: str
    rows: DataFrame


class Place(Protocol):
    """Where the rows of one table go."""

    @property
    def address(self) -> str:
        """The folder as Spark spells it, or the table's name."""

    @property
    def format(self) -> str:
        """What its manifest calls it: `parquet` or `delta`, whose log tells of each landing what its manifest does."""

    def look(self) -> bool:
        """Look what is there, and say whether there is anything."""

    def check(self) -> None:
        """Refuse to replace what was seen there, if it must stay.

        Raises:
            PromotionError: what stands in the way, and the way out.
        """

    def put(self, staged: Staged) -> str | None:
        """Let staged rows take the place of what was seen there, and return what else is to be told, if anything.

        Raises:
            LakeError: they cannot; what was there is as it was.
        """

    def holds(self, manifest: Manifest) -> bool:
        """Say whether what a manifest describes was put there, and nothing else since."""

    def landed(self) -> Manifest | None:
        """Return what the table's own log tells of the last landing; None where there is no log, or it does not."""


class ParquetFolder:
    """A folder of Parquet files: an old one is moved aside, the new one into its place.

    Args:
        storage: the lake.
        name: of the folder.
    """

    format = "parquet"

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self._name = name
        self._there: list[FileEntry] = []
        self.address = storage.url(name)

    def look(self) -> bool:
        """Look what is there."""
        self._there = self._storage.list(self._name)
        return bool(self._there)

    def check(self) -> None:
        """Refuse to replace a Delta table."""
        if any(entry.name == "_delta_log" for entry in self._there):
            raise PromotionError(
                f"{self.address}: is a Delta table, with all its versions; Parquet would take their place. Nothing "
                "was replaced. Set the widget table_format or the variable TABLE_FORMAT to delta, or move it away."
            )

    def put(self, staged: Staged) -> None:
        """Let the folder of staged rows take the folder's place."""
        self._swap(staged, staged.passed)

    def holds(self, manifest: Manifest) -> bool:
        """Compare the files, or ask a Delta table's log: a folder may have been either."""
        if manifest.format == "delta":
            return delta_log.last_run(self._storage, self._name) == manifest.run_id
        return manifest.files == data_files(self._storage.list(self._name))

    def landed(self) -> Manifest | None:
        """Return nothing: a folder tells nothing of how its files came."""
        return None

    def _swap(self, staged: Staged, folder: str) -> None:
        if self._there:
            # Only into a folder that is there: it is gone when another run took this one for dead.
            self._storage.rename(self._name, f"{staged.folder}/previous", parents=False)
        self._storage.rename(folder, self._name)


class DeltaFolder(ParquetFolder):
    """A folder that is a Delta table: rows are committed to one that is in place, a new one takes a folder's place.

    Args:
        table: the folder, as a Delta table.
        storage: the lake.
        name: of the folder.
    """

    format = "delta"

    def __init__(self, table: DeltaTable, storage: Storage, name: str) -> None:
        super().__init__(storage, name)
        self._table = table
        self._versions: list[int] = []

    def look(self) -> bool:
        """Look for the table's log, and where there is none for another folder."""
        self._versions = delta_log.versions(self._storage, self._name)
        return bool(self._versions) or super().look()

    def check(self) -> None:
        """Refuse nothing: a Delta table keeps its versions, and Parquet is replaced as by Parquet."""

    def put(self, staged: Staged) -> None:
        """Commit the staged rows."""
        commit = _commit(staged, self._name)
        if self._versions:
            self._table.overwrite(staged.rows, commit)
            _vacuum(self._table, self._versions[-1] + 1)
            return
        new_table = f"{staged.folder}/delta"
        DeltaTable(staged.rows.sparkSession, self._storage.url(new_table)).overwrite(staged.rows, commit)
        self._swap(staged, new_table)

    def landed(self) -> Manifest | None:
        """Read the newest landing's commit."""
        commit = delta_log.last_landing(self._storage, self._name)
        return _manifest_of(commit, self._table) if commit else None


class CatalogTable:
    """A managed table of a catalog.

    Args:
        table: the table.
        storage: the lake, in which rows are staged.
        name: of the table in the lake: its destination.
        key: the columns that tell one row from all others, if they are known.
    """

    format = "delta"

    def __init__(self, table: DeltaTable, storage: Storage, name: str, key: Sequence[str] = ()) -> None:
        self._table = table
        self._storage = storage
        self._name = name
        self._key = key
        self._newest: Version | None = None
        self.address = str(table)

    def look(self) -> bool:
        """Look for the table's newest version."""
        self._newest = self._table.newest()
        return self._newest is not None

    def check(self) -> None:
        """Refuse to replace the rows of a table that is another's."""
        if self._newest and not _is_of(self._newest, self._name):
            check_owner(self._table, self._name)

    def put(self, staged: Staged) -> str | None:
        """Commit the staged rows, to a new table where there is none."""
        commit = _commit(staged, self._name)
        if self._newest:
            self._table.overwrite(staged.rows, commit)
            _vacuum(self._table, self._newest.number + 1)
            return None
        return self._table.create_from(
            staged.rows,
            commit,
            properties={DESTINATION: self._name},
            comment=comment_of(staged.manifest.source),
            clustering=clustering_of(staged.rows.schema, self._key),
        )

    def holds(self, manifest: Manifest) -> bool:
        """Ask the table's history for the last landing."""
        # Not as it was seen before: the rows may have been committed since.
        commit = self._last_commit()
        return commit is not None and commit.metadata.get("run_id") == manifest.run_id

    def landed(self) -> Manifest | None:
        """Ask the table's history for the last landing."""
        commit = self._last_commit()
        return _manifest_of(commit.metadata, self._table) if commit else None

    def _last_commit(self) -> Commit | None:
        return self._table.last_commit(self._name) if self._table.exists() else None


def check_owner(table: DeltaTable, name: str) -> None:
    """Make sure that a table of a catalog is the one of a name in the lake.

    Raises:
        PromotionError: it is another's, or nobody knows whose.
    """
    owner = table.properties().get(DESTINATION)
    if owner == name:
        return
    whose = f"holds the rows of {owner}" if owner else "was not made by this bundle"
    raise PromotionError(
        f"{table}: is there, and {whose}; those of {name} would take their place. Nothing was replaced. Write another "
        f"destination, drop the table, or hand it over: ALTER TABLE {table.identifier} SET TBLPROPERTIES "
        f"('{DESTINATION}' = '{name}')."
    )


def comment_of(source: str | None) -> str | None:
    """Return what a table of a catalog says of itself."""
    return f"Ingested from {source}" if source else None


def clustering_of(columns: StructType, key: Sequence[str]) -> list[str]:
    """Return the columns by which rows lie together: those of the key, where Delta can keep them so."""
    fit = {
        column.name: column.name
        for column in columns.fields[:_WITH_STATISTICS]
        if isinstance(column.dataType, AtomicType) and not isinstance(column.dataType, BinaryType | BooleanType)
    }
    spelled = {name.lower(): name for name in fit}
    return [spelled[name.lower()] for name in key if name.lower() in spelled][:_MOST_CLUSTERING]


def _commit(staged: Staged, name: str) -> Commit:
    """Return a commit that tells what the manifest does, but for the columns, which the table has."""
    return Commit(name, None, {key: getattr(staged.manifest, key) for key in _TOLD})


def _manifest_of(told: Mapping[str, Any], table: DeltaTable) -> Manifest | None:
    """Return the manifest of a landing; None where its commit, of an earlier release, does not tell so much."""
    if any(key not in told for key in _TOLD):
        return None
    schema = table.columns().jsonValue()
    facts = {key: told[key] for key in _TOLD}
    return Manifest(target=str(table), format="delta", files={}, schema=schema, layout=LAYOUT, **facts)


def _is_of(version: Version, name: str) -> bool:
    return version.commit is not None and version.commit.application == name


def _vacuum(table: DeltaTable, version: int) -> None:
    """Remove now and then what no version of the last week needs; what cannot be removed now is by a later landing."""
    if version % _VERSIONS_BETWEEN_VACUUMS == 0:
        with suppress(LakeError):
            table.vacuum()

"""Where the rows of a table go: a folder of Parquet, a folder that is a Delta table, or a Delta table of a catalog.

Each has its own way to let staged rows take the old ones' place, and to tell afterwards whether they did.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pyspark.sql import DataFrame
from pyspark.sql.types import AtomicType, BinaryType, BooleanType, StructType

from ingestion.lake import delta_log
from ingestion.lake.delta_commits import Commit, Version
from ingestion.lake.delta_tables import DeltaTable
from ingestion.lake.manifest import Manifest, data_files
from ingestion.lake.parquet import read_parquet
from ingestion.lake.storage import FileEntry, Storage
from ingestion.platform.errors import LakeError, PromotionError

# Looking for files that no version of the last week needs takes longer than a landing.
_VERSIONS_BETWEEN_VACUUMS = 20
# How a table of a catalog tells which of the lake's names it has: another one's rows must not take its place.
DESTINATION = "ingestion.destination"
# Delta's own limits: columns to cluster by, and columns of which it keeps the least and the greatest value.
_MOST_CLUSTERING, _WITH_STATISTICS = 4, 32


@dataclass(frozen=True)
class Staged:
    """Rows that were written aside, checked, and are to take their place.

    Attributes:
        manifest: what they are.
        passed: the folder of the lake that holds them as Parquet.
        folder: of the lake, that is the run's own; the table that was there is moved into it for an instant.
        frame: has their columns.
    """

    manifest: Manifest
    passed: str
    folder: str
    frame: DataFrame


class Place(Protocol):
    """Where the rows of one table go."""

    @property
    def address(self) -> str:
        """The folder as Spark spells it, or the table's name."""

    @property
    def format(self) -> str:
        """What its manifest calls it: `parquet` or `delta`."""

    def look(self) -> bool:
        """Look what is there, and say whether there is anything."""

    def check(self) -> None:
        """Refuse to replace what was seen there, if it must stay.

        Raises:
            PromotionError: what stands in the way, and the way out.
        """

    def put(self, staged: Staged) -> None:
        """Let staged rows take the place of what was seen there.

        Raises:
            LakeError: they cannot; what was there is as it was.
        """

    def holds(self, manifest: Manifest) -> bool:
        """Say whether what a manifest describes was put there, and nothing else since."""


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

    def check(self) -> None:
        """Refuse nothing: a Delta table keeps its versions, and Parquet is replaced as by Parquet."""

    def put(self, staged: Staged) -> None:
        """Commit the staged rows."""
        rows, commit = _rows(staged, self._storage), _commit(staged, self._name)
        versions = delta_log.versions(self._storage, self._name)
        if versions:
            self._table.overwrite(rows, commit)
            _vacuum(self._table, versions[-1] + 1)
            return
        new_table = f"{staged.folder}/delta"
        DeltaTable(rows.sparkSession, self._storage.url(new_table)).overwrite(rows, commit)
        self._swap(staged, new_table)


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

    def put(self, staged: Staged) -> None:
        """Commit the staged rows, to a new table where there is none."""
        rows, commit = _rows(staged, self._storage), _commit(staged, self._name)
        if self._newest:
            self._table.overwrite(rows, commit)
            _vacuum(self._table, self._newest.number + 1)
            return
        self._table.create_from(
            rows,
            commit,
            properties={DESTINATION: self._name},
            comment=comment_of(staged.manifest.source),
            clustering=clustering_of(rows.schema, self._key),
        )

    def holds(self, manifest: Manifest) -> bool:
        """Ask the table's history for the last landing."""
        # Not as it was seen before: the rows may have been committed since.
        commit = self._table.last_commit(self._name) if self._table.exists() else None
        return commit is not None and commit.metadata.get("run_id") == manifest.run_id


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


def _rows(staged: Staged, storage: Storage) -> DataFrame:
    return read_parquet(staged.frame.sparkSession, staged.frame.schema, storage.url(staged.passed))


def _commit(staged: Staged, name: str) -> Commit:
    return Commit(name, None, {"run_id": staged.manifest.run_id, "rows": staged.manifest.rows})


def _is_of(version: Version, name: str) -> bool:
    return version.commit is not None and version.commit.application == name


def _vacuum(table: DeltaTable, version: int) -> None:
    """Remove now and then what no version of the last week needs; what cannot be removed now is by a later landing."""
    if version % _VERSIONS_BETWEEN_VACUUMS == 0:
        with suppress(LakeError):
            table.vacuum()

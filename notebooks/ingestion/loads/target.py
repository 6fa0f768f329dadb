"""The Delta table that a feed's windows are committed to, and what may have happened to it since the last one."""

from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from pyspark.sql import DataFrame

from ingestion.lake import delta_log
from ingestion.lake.delta_commits import Commit, Version
from ingestion.lake.delta_tables import DeltaTable
from ingestion.lake.journal import Journal
from ingestion.lake.places import DESTINATION, check_owner
from ingestion.lake.storage import Storage
from ingestion.platform.errors import LakeError, TargetChangedError

# Rows that change lie in all files of a table: they are marked there, and no file is written anew for them.
_PROPERTIES = MappingProxyType({"delta.enableDeletionVectors": "true"})
# Each takes longer than a load of a few rows.
_VERSIONS_BETWEEN_UPKEEP = 50
_FIRST_LOOK = 20  # versions, among which the commit that is looked for nearly always is


@dataclass(frozen=True)
class Target:
    """A feed's table.

    Attributes:
        table: a folder, or a table of a catalog.
        storage: the lake.
        name: of the table in the lake: its destination.
    """

    table: DeltaTable
    storage: Storage
    name: str

    def newest(self) -> int | None:
        """Return the number of the table's newest version; None where there is no table."""
        if not self.table.is_folder:
            newest = self.table.newest()
            return newest.number if newest else None
        versions = delta_log.versions(self.storage, self.name)
        return versions[-1] if versions else None

    def check(self, journal: Journal) -> int | None:
        """Make sure that the table is as the journal's last commit left it; upkeep changes nothing.

        Returns:
            The newest version; None where nothing was committed yet.

        Raises:
            TargetChangedError: it is gone, another one, was restored, or written by another.
        """
        if journal.version is None:
            return None
        newest = self.newest()
        if newest is None:
            raise TargetChangedError(f"{self.table}: is gone, or no Delta table any more.")
        if newest < journal.version:
            raise TargetChangedError(f"{self.table}: was deleted and made anew since the last load.")
        if newest == journal.version:
            return newest
        for version in reversed(self.table.history(newest - journal.version + 1)):
            if version.number == journal.version and not _is_of(version, journal):
                raise TargetChangedError(f"{self.table}: was deleted and made anew since the last load.")
            if version.number > journal.version and _is_by_another(version, journal):
                raise TargetChangedError(
                    f"{self.table}: was changed by another since the last load: version {version.number} is a "
                    f"{version.operation} of {version.timestamp:%Y-%m-%d %H:%M:%S}."
                )
        return newest

    def keep_up(self, version: int) -> None:
        """Now and then let small files be large ones, and remove what no version of the last week needs.

        What cannot be done now is by a later load.

        Args:
            version: that a load made.
        """
        if version and version % _VERSIONS_BETWEEN_UPKEEP == 0:
            with suppress(LakeError):
                self.table.optimize()
                self.table.vacuum()

    def committed(self, journal: Journal, number: int) -> Version | None:
        """Return the version in which a window of the journal was committed; None where it was not."""
        if self.newest() is None:
            return None
        for limit in (_FIRST_LOOK, None):
            versions = self.table.history(limit)
            for version in versions:
                if _is_of(version, journal) and version.commit and version.commit.version == number:
                    return version
            if versions[-1].number <= (journal.version or 0) or len(versions) < _FIRST_LOOK:
                return None
        return None

    def version_after(self, journal: Journal, commit: Commit) -> int | None:
        """Return the version that a commit of this run made; the one before it, if another wrote meanwhile.

        None where it made none: the job of a killed run that went on had committed the same before it.
        """
        limit: int | None = _FIRST_LOOK
        while True:
            versions = self.table.history(limit)
            ours = next((version for version in versions if version.commit == commit), None)
            if ours is not None:
                break
            if limit is None:
                return None
            limit = None
        if journal.version is None:
            return ours.number
        between = [version for version in versions if journal.version < version.number < ours.number]
        return journal.version if any(_is_by_another(version, journal) for version in between) else ours.number

    def replace(self, rows: DataFrame, commit: Commit, folder: str) -> None:
        """Let rows be the whole table, in one commit; where a folder of Parquet is, the table takes its place.

        Args:
            rows: all of them.
            commit: whose they are.
            folder: of the lake, in which this run writes aside.
        """
        spark = rows.sparkSession
        if not self.table.is_folder:
            self._replace_named(rows, commit)
            return
        there = self.storage.list(self.name)
        if not there or any(entry.name == "_delta_log" for entry in there):
            self.table.overwrite(rows, commit, properties=_PROPERTIES)
            return
        aside = f"{folder}/delta"
        DeltaTable(spark, self.storage.url(aside)).overwrite(rows, commit, properties=_PROPERTIES)
        self.storage.rename(self.name, f"{folder}/previous", parents=False)
        self.storage.rename(aside, self.name)

    def _replace_named(self, rows: DataFrame, commit: Commit) -> None:
        if self.table.newest() is None:
            # A commit that makes a table cannot say whose it is: the rows come with the next one.
            self.table.create(rows.schema, properties={**_PROPERTIES, DESTINATION: self.name})
        else:
            check_owner(self.table, self.name)
        self.table.overwrite(rows, commit)


def _is_of(version: Version, journal: Journal) -> bool:
    return version.commit is not None and version.commit.application in (journal.application, journal.key_scans)


def _is_by_another(version: Version, journal: Journal) -> bool:
    return version.is_foreign or (version.commit is not None and not _is_of(version, journal))

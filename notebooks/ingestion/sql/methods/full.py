"""The method `full`: all rows at each load. What changed is found by holding them against the target."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window
from ingestion.platform.errors import InvalidSettingError
from ingestion.sql.database import SourceTable, SqlDatabase
from ingestion.sql.methods.identity import check_identity


@dataclass(frozen=True)
class Full:
    """Reads a table whole.

    Attributes:
        database: that has the table.
        table: and its columns that are read.
        key: by which the rows are told apart; empty for none.
        connections: the most that may read at a time.
    """

    database: SqlDatabase
    table: SourceTable
    key: tuple[str, ...] = ()
    connections: int = 1

    def identity(self) -> Mapping[str, str]:
        """Return what the source is, as far as the reader may ask."""
        return self._identity

    def at(self, value: str) -> str:
        """Refuse: there is no window that could be chosen.

        Raises:
            InvalidSettingError: always.
        """
        raise InvalidSettingError(
            f"{self.table.name}: all is read at each load: there is no window from {value[:80]!r}."
        )

    def now(self, _position: str | None) -> Reach:
        """Tell that no position is known."""
        return Reach(None)

    def check(self, _position: str, identity: Mapping[str, str]) -> None:
        """Make sure that the source is the one that was read before."""
        check_identity(self.table.name, identity, self.identity())

    def changes(self, _window: Window) -> Changes:
        """Return all rows."""
        return Changes(self.database.read_part(self.table, None, self.key[:1], self.connections), whole=True)

    @cached_property
    def _identity(self) -> Mapping[str, str]:
        return self.database.identity(self.table.name)

"""The method `full`: all rows at each load. What changed is found by holding them against the target."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window
from ingestion.sql.methods.identity import check_identity
from ingestion.sql.methods.table_method import TableMethod


@dataclass(frozen=True)
class Full(TableMethod):
    """Reads a table whole."""

    no_window = "all is read at each load"

    def now(self, _position: str | None) -> Reach:
        """Tell that no position is known."""
        return Reach(None)

    def check(self, _position: str, identity: Mapping[str, str]) -> None:
        """Make sure that the source is the one that was read before."""
        check_identity(self.table.name, identity, self.identity())

    def changes(self, _window: Window) -> Changes:
        """Return all rows."""
        return Changes(self.database.read_part(self.table, None, self.key[:1], self.connections), whole=True)

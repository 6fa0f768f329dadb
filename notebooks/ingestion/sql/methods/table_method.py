"""What all methods by which a table is read have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from ingestion.feeds.model import TableIncremental
from ingestion.platform.errors import InvalidSettingError, SourceError
from ingestion.platform.names import nearest
from ingestion.sql.database import SourceTable, SqlDatabase


@dataclass(frozen=True)
class TableMethod:
    """Reads a table.

    Attributes:
        database: that has the table.
        table: and its columns that are read.
        key: by which the rows are told apart; empty for none.
        connections: the most that may read at a time.
    """

    # Why nobody can choose a window.
    no_window: ClassVar[str] = ""

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
            f"{self.table.name}: {value[:80]!r} is no position that could be chosen: {self.no_window}."
        )

    @cached_property
    def _identity(self) -> Mapping[str, str]:
        return self.database.identity(self.table.name)

    def _ask(self, query: str) -> dict[str, Any]:
        """Return the one row that answers a query, its columns in lower case."""
        row = self.database.ask(query, self.table.name)[0]
        return {name.lower(): value for name, value in row.asDict().items()}


@dataclass(frozen=True)
class ColumnMethod(TableMethod):
    """Reads a table by one of its columns.

    Attributes:
        incremental: what the feed says.
    """

    incremental: TableIncremental = field(default_factory=TableIncremental)

    def _declared(self) -> tuple[str, str]:
        """Return the column's name, as the database spells it, and its declared type.

        Raises:
            SourceError: the table has no such column.
        """
        declared, wanted = self.database.declared(self.table.name), self.incremental.cursor_column or ""
        alike = [name for name in declared if name == wanted] or [
            name for name in declared if name.lower() == wanted.lower()
        ]
        if not alike:
            raise SourceError(f"{self.table.name}: has no column {wanted}. {nearest(wanted, list(declared))}")
        return alike[0], declared[alike[0]]

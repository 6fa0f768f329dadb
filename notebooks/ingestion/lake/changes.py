"""What changed in a source: how far it can be read, and the rows of one window. Values that methods give to loads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Reach:
    """How far a source can be read now; asked before any of its rows is.

    Attributes:
        end: the position up to which a window may reach; None where the source holds nothing that has one.
        clock: the source's own time.
        complete_until: the source's time up to which all that was committed lies below `end`; None: not known.
        pinned: what else the method has to find again when it reads the window once more; JSON values.
    """

    end: str | None
    clock: datetime | None = None
    complete_until: datetime | None = None
    pinned: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """The rows of a window, to be read when they are used.

    Helper columns stand beside the table's own, under names that no column of the source has; None: there is no such.

    Attributes:
        frame: the rows as they land, and the helper columns.
        deleted: the column that says whether the row was deleted; then only its key counts.
        order: the column whose greater value is the newer of two rows of a key.
        time: the column with the source's own time of the change.
        problem: the column that says why a row cannot be read as it stands in its source; NULL where it can.
        origin: columns that tell where a row stands in its source; only the quarantine has them.
        again: the column that says whether the next window reads the row again (ties at its start, `lookback`, NULLs).
        whole: these are all rows of the source; a key that is not among them is gone.
        covers: the condition, in Spark's SQL over landed columns, of the table's rows whose place a window takes.
        guard: what is greater in the newer of two rows of a key, in Spark's SQL: an older row changes nothing.
        end: the position that the rows tell, where the window had none.
        notes: what is worth telling.
    """

    frame: DataFrame
    deleted: str | None = None
    order: str | None = None
    time: str | None = None
    again: str | None = None
    problem: str | None = None
    origin: tuple[str, ...] = ()
    whole: bool = False
    covers: str | None = None
    guard: str | None = None
    end: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def helpers(self) -> tuple[str, ...]:
        """The columns that do not land."""
        ours = (self.deleted, self.order, self.time, self.again, self.problem, *self.origin)
        return tuple(name for name in ours if name is not None)

    @property
    def columns(self) -> list[str]:
        """The columns that land, in the source's order."""
        return [name for name in self.frame.columns if name not in self.helpers]

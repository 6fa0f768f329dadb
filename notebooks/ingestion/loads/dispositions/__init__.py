"""What a load does with the rows of its window: a module a write disposition.

Each has three functions: `whole` returns the table that a load of all rows makes; `apply` changes the table that is
there in one commit, and returns what it changed, or None where nothing had to be; `remove` does so with the rows that
the source deleted, by the keys that it still has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from ingestion.loads.dispositions import append, merge, replace_window, scd2
from ingestion.loads.dispositions.batch import Batch, Counts, News, landing_rows

__all__ = ["DISPOSITIONS", "Batch", "Counts", "Disposition", "News"]


@dataclass(frozen=True)
class Disposition:
    """A write disposition's functions."""

    whole: Callable[[Batch], DataFrame]
    apply: Callable[[Batch], Counts | None]
    remove: Callable[[Batch], Counts | None]


DISPOSITIONS: Mapping[str, Disposition] = {
    "append": Disposition(landing_rows, append.apply, merge.remove),
    "merge": Disposition(landing_rows, merge.apply, merge.remove),
    "replace_window": Disposition(landing_rows, replace_window.apply, merge.remove),
    "scd2": Disposition(scd2.whole, scd2.apply, scd2.remove),
}

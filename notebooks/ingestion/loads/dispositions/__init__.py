"""What a load does with the rows of its window: a module a write disposition.

Each has `whole(batch)`, the table that a load of all rows makes, and `apply(batch)`, which changes the table that is
there in one commit and returns what it changed, or None where nothing had to be.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from ingestion.loads.dispositions import append, merge
from ingestion.loads.dispositions.batch import Batch, Counts

__all__ = ["DISPOSITIONS", "Batch", "Counts", "Disposition"]


@dataclass(frozen=True)
class Disposition:
    """A write disposition's two functions."""

    whole: Callable[[Batch], DataFrame]
    apply: Callable[[Batch], Counts | None]


DISPOSITIONS: Mapping[str, Disposition] = {
    "append": Disposition(append.whole, append.apply),
    "merge": Disposition(merge.whole, merge.apply),
}

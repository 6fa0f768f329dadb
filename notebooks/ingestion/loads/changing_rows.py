"""What an incremental load asks of a feed's rows, whatever their source."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from pyspark.sql import DataFrame

from ingestion.loads.method import Method

Result = TypeVar("Result")


class ChangingRows(Protocol):
    """The rows of a feed whose changes can be told."""

    @property
    def shown(self) -> str:
        """Where they come from, without credentials."""

    @property
    def notes(self) -> list[str]:
        """What is to be told of how they are read, and of what that cannot promise."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell one row from all others; none where nobody says."""

    @property
    def is_key_kept(self) -> bool:
        """Whether the source itself keeps the key unique and not NULL."""

    @property
    def may_skip_rows(self) -> bool:
        """Whether reading all of them may leave one out that is there, as others come and go meanwhile."""

    @property
    def method(self) -> Method:
        """How their changes are told."""

    def keys(self) -> DataFrame:
        """Return all keys that there are, to be read when they are used."""

    def check_columns(self) -> None:
        """Make sure, after they were read, that the columns are what they were when that began.

        Raises:
            SourceError: one changed meanwhile.
        """

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads them, again where it failed for a reason that passes."""

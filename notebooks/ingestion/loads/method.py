"""How only what changed is read: the questions that every method answers, whatever its source."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window


class Method(Protocol):
    """One feed's way to tell what changed. Nothing is remembered here: positions come from the journal."""

    def identity(self) -> Mapping[str, str]:
        """Return what the source is: server, database, table as the database numbers them, not as they are named.

        Raises:
            SourceError: it cannot be reached.
        """

    def now(self, position: str | None) -> Reach:
        """Tell how far the source can be read: never past its own clock, nor below `position`.

        Raises:
            PositionLostError: the source is behind the position.
            SourceError: it cannot be reached, or a cursor lies in the future and that fails the feed.
        """

    def check(self, position: str, identity: Mapping[str, str]) -> None:
        """Make sure that a position is still good, before a window is read and after.

        Args:
            position: where the window starts.
            identity: of the source that it is a position of.

        Raises:
            PositionLostError: the source is another one, was restored, or no longer keeps what came after it.
        """

    def changes(self, window: Window) -> Changes:
        """Return what lies in a window: all rows, where it has no start.

        Raises:
            SourceError: it cannot be read.
        """

    def at(self, value: str) -> str:
        """Return the position that a person means by a moment (ISO 8601) or a number.

        Raises:
            InvalidSettingError: it is none, or the method has no window that could be chosen.
        """


@runtime_checkable
class TellsLag(Protocol):
    """A method whose source counts what a feed has not loaded yet."""

    def behind(self, position: str) -> int:
        """Return how many rows, or changes, the source has beyond a position.

        Raises:
            SourceError: it cannot be reached.
        """

"""A clock on which ten seconds pass in one: leases and waits keep their order, and tests their time."""

import time
from threading import Event

from ingestion.lake.adls_storage import Clock

_SPEED = 10


class FastClock(Clock):
    """Seconds that pass ten times as fast."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def skip(self, seconds: float) -> None:
        """Let time have passed at once."""
        self._skipped += seconds

    def now(self) -> float:
        return time.monotonic() * _SPEED + self._skipped

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / _SPEED)

    def wait(self, event: Event, seconds: float) -> bool:
        return event.wait(seconds / _SPEED)

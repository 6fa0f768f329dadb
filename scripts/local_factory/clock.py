"""The time that runs see: the machine's, or in tests one that leaps over every wait in which nothing real happens."""

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any


def now() -> datetime:
    """Return the current time in UTC, as the running event loop counts it."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return datetime.now(UTC)
    leapt = loop.leapt if isinstance(loop, LeapingLoop) else 0.0
    return datetime.now(UTC) + timedelta(seconds=leapt)


@contextmanager
def real_work() -> Iterator[None]:
    """Mark what takes real time, such as a copy or a request: a leaping clock goes on as usual meanwhile."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, LeapingLoop):
        yield
        return
    loop.real_work += 1
    try:
        yield
    finally:
        loop.real_work -= 1


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock leaps to the next timer when all wait for one: an hour's Wait passes in no time.

    Timers fire in their order, so timeouts, retries and loops end as they would with the machine's clock.
    `leapt` is how many seconds were left out, `real_work` how much is under way that time must not leap over.
    """

    def __init__(self) -> None:
        self.leapt = 0.0
        self.real_work = 0
        super().__init__(_LeapingSelector(self))

    def time(self) -> float:
        """Return the loop's clock in seconds."""
        return super().time() + self.leapt


class _LeapingSelector(selectors.DefaultSelector):
    def __init__(self, loop: LeapingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if not timeout or self._loop.real_work:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self._loop.leapt += timeout
        return ready

"""How many runs of a pipeline go on at once: those beyond its `concurrency` queue, and start in their order."""

from asyncio import Future, get_running_loop
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """The runs that go on and those that wait, by pipeline."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[tuple[Future[None], int | None]]] = defaultdict(deque)

    def waiting(self, pipeline: str) -> int:
        """Return how many runs of a pipeline wait."""
        return len(self._waiting[pipeline])

    @asynccontextmanager
    async def taken(self, pipeline: str, concurrency: int | None) -> AsyncIterator[None]:
        """Wait until fewer than `concurrency` runs of the pipeline go on, then count as one; None is no bound."""
        turn: Future[None] = get_running_loop().create_future()
        self._waiting[pipeline].append((turn, concurrency))
        try:
            self._admit(pipeline)
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._leave(pipeline)
            else:
                self._waiting[pipeline] = deque(entry for entry in self._waiting[pipeline] if entry[0] is not turn)
                self._admit(pipeline)
            raise
        try:
            yield
        finally:
            self._leave(pipeline)

    def _leave(self, pipeline: str) -> None:
        self._running[pipeline] -= 1
        self._admit(pipeline)

    def _admit(self, pipeline: str) -> None:
        waiting = self._waiting[pipeline]
        while waiting:
            turn, concurrency = waiting[0]
            if concurrency and self._running[pipeline] >= concurrency:
                return
            waiting.popleft()
            if not turn.done():
                self._running[pipeline] += 1
                turn.set_result(None)

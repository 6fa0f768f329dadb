"""Tells open pages what changed, as it changes: each listener gets the kinds of change since it last looked."""

import asyncio
from collections.abc import AsyncIterator

# A page that is told more often than this is busy with redrawing.
_SECONDS_BETWEEN = 0.2
_SECONDS_OF_SILENCE = 15.0


class Events:
    """Who listens, and what happened that they were not told yet."""

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()
        self._closed = False

    def tell(self, kind: str) -> None:
        """Say that something of a kind changed: `runs`, `factory`, `triggers`."""
        for listener in self._listeners:
            listener.hear(kind)

    def close(self) -> None:
        """End every stream: the server stops."""
        self._closed = True
        for listener in self._listeners:
            listener.wake.set()

    async def stream(self) -> AsyncIterator[str]:
        """Yield server-sent events for one page until the server stops, and a comment after a silence."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            yield "retry: 1000\n\n"
            while not self._closed:
                try:
                    async with asyncio.timeout(_SECONDS_OF_SILENCE):
                        await listener.wake.wait()
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                for kind in listener.take():
                    yield f"event: {kind}\ndata: {{}}\n\n"
                await asyncio.sleep(_SECONDS_BETWEEN)
        finally:
            self._listeners.discard(listener)


class _Listener:
    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self._kinds: dict[str, None] = {}

    def hear(self, kind: str) -> None:
        self._kinds[kind] = None
        self.wake.set()

    def take(self) -> list[str]:
        kinds, self._kinds = list(self._kinds), {}
        self.wake.clear()
        return kinds

"""One data activity's work: it runs in a thread, with a DuckDB connection of its own, and can be cancelled."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from local_factory.clock import real_work
from local_factory.data.errors import copy_error

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")


class CancelledWorkError(Exception):
    """The activity was cancelled, or ran longer than its timeout."""


class Work:
    """What a piece of work has for itself: a connection, a folder, and the means to be stopped from outside."""

    def __init__(self) -> None:
        self._numbers = count()
        self._stops: list[Callable[[], object]] = []
        self._lock = Lock()
        self._is_cancelled = False

    @cached_property
    def connection(self) -> "DuckDBPyConnection":
        """A DuckDB connection in memory that spills into the work's folder."""
        import duckdb

        connection = duckdb.connect(config={"temp_directory": str(self.folder)})
        connection.execute("set timezone = 'UTC'")
        self._stops.append(connection.interrupt)
        return connection

    @cached_property
    def folder(self) -> Path:
        """A folder that goes when the work is done."""
        return Path(tempfile.mkdtemp(prefix="local-factory-"))

    def new_name(self, stem: str = "t") -> str:
        """Return a name that this work has not used yet."""
        return f"{stem}{next(self._numbers)}"

    def check(self) -> None:
        """Stop here if the work was cancelled.

        Raises:
            CancelledWorkError: it was.
        """
        if self._is_cancelled:
            raise CancelledWorkError

    @contextmanager
    def stopping(self, stop: Callable[[], object]) -> Iterator[None]:
        """Let `stop` be called, from another thread, when the work is cancelled within the block."""
        with self._lock:
            self.check()
            self._stops.append(stop)
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)

    def cancel(self) -> None:
        """Stop the work; called from another thread."""
        with self._lock:
            self._is_cancelled = True
            stops = list(self._stops)
        for stop in stops:
            stop()

    def close(self) -> None:
        """Give back what the work has."""
        if "connection" in self.__dict__:
            self.connection.close()
        if "folder" in self.__dict__:
            shutil.rmtree(self.folder, ignore_errors=True)


async def in_thread(function: Callable[[Work], T]) -> T:
    """Do a piece of work in a thread; cancelled, it is stopped, and only then left."""
    work = Work()

    def told() -> T:
        import duckdb

        try:
            return function(work)
        except duckdb.Error as error:
            work.check()
            raise copy_error("UserErrorInvalidData", " ".join(str(error).split())) from error

    with real_work():
        task = asyncio.ensure_future(asyncio.to_thread(told))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # it was stopped: what it says of that is of no interest
            raise
        finally:
            if task.done():
                await asyncio.to_thread(work.close)

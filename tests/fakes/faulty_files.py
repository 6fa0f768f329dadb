"""The real file system, of which one call fails: before it did its work, or after; or the run dies there."""

from collections.abc import Callable
from threading import current_thread, main_thread
from typing import Any

from pyspark.sql import SparkSession

from ingestion.lake.filesystem import HadoopFileSystem
from ingestion.platform.errors import LakeError

FAILS_BEFORE, FAILS_AFTER, DIES_AFTER = "fails before", "fails after", "dies after"
# After these, nothing is other than before: a fault after one is the same as a fault before the next call.
_READS = ("exists", "is_folder", "entries", "read", "parquet_rows")
FAULTS = (FAILS_BEFORE, FAILS_AFTER, DIES_AFTER)
_OPERATIONS = [name for name in vars(HadoopFileSystem) if not name.startswith("_")]


def is_new_case(fault: str, call: str) -> bool:
    """Say whether a fault at a call differs from those at the calls before."""
    return fault == FAILS_BEFORE or call.split(maxsplit=1)[0] not in _READS


class Died(BaseException):
    """The run's process is gone: nothing it would still do reaches the file system."""


class FaultyFiles(HadoopFileSystem):
    """The real file system with a fault at its Nth call; tells after each call.

    Args:
        spark: the session.
        root: the lake's folder.
        number: of the call at fault, from 1; 0 for none.
        fault: one of FAULTS.
        after_call: told what was called, after it took effect.
    """

    def __init__(
        self,
        spark: SparkSession,
        root: str,
        number: int = 0,
        fault: str = "",
        after_call: Callable[[str], None] = lambda _call: None,
    ) -> None:
        super().__init__(spark, root)
        self.calls: list[str] = []
        self._number = number
        self._fault = fault
        self._after_call = after_call
        self._within = False
        self._is_dead = False
        for operation in _OPERATIONS:
            setattr(self, operation, self._faulty(operation, getattr(self, operation)))

    def _faulty(self, operation: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            # What an operation does by way of others is one call; signs of life come when they come.
            if current_thread() is not main_thread() and self._is_dead:
                raise LakeError(f"{arguments[0]}: the run is dead, and gives no sign of life")
            if self._within or current_thread() is not main_thread():
                return do(*arguments)
            self.calls.append(f"{operation} {arguments[0]}")
            number = len(self.calls)
            if self._fault == DIES_AFTER and number > self._number:
                self._is_dead = True
                raise Died
            if self._fault == FAILS_BEFORE and number == self._number:
                raise LakeError(f"{self.calls[-1]}: Input/output error")
            self._within = True
            try:
                result = do(*arguments)
            finally:
                self._within = False
            self._after_call(self.calls[-1])
            if self._fault == FAILS_AFTER and number == self._number:
                raise LakeError(f"{self.calls[-1]}: Connection reset by peer")
            if self._fault == DIES_AFTER and number == self._number:
                self._is_dead = True
                raise Died
            return result

        return call


class FaultyFilesThatNeverReplace(FaultyFiles):
    """The same, but as ADLS Gen2: a rename onto a name that is taken is refused."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        rename = self.rename
        self.rename = lambda path, new_path: not HadoopFileSystem.exists(self, new_path) and rename(path, new_path)  # type: ignore[method-assign]

"""A real storage of which one call fails: before it did its work, or after; or the run dies there."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest.mock import patch

from ingestion.lake.adls_storage import AdlsLease
from ingestion.lake.delta_tables import DeltaTable
from ingestion.lake.folder_storage import FolderLease
from ingestion.lake.storage import FileEntry, Lease, Storage
from ingestion.platform.errors import LakeError

FAILS_BEFORE, FAILS_AFTER, DIES_AFTER = "fails before", "fails after", "dies after"
FAULTS = (FAILS_BEFORE, FAILS_AFTER, DIES_AFTER)
# After these, nothing is other than before: a fault after one is the same as a fault before the next call.
_READS = ("list", "read")
# What commits to a table of Delta's.
_COMMITS = ("append", "overwrite", "merge", "evolve")


def is_new_case(fault: str, call: str) -> bool:
    """Say whether a fault at a call differs from those at the calls before."""
    return fault == FAILS_BEFORE or call.split(maxsplit=1)[0] not in _READS


def is_commit(call: str) -> bool:
    """Say whether a call is a commit of Delta's."""
    return call.startswith(_COMMITS)


class Died(BaseException):
    """The run's process is gone: nothing it would still do reaches the storage."""


class FaultyStorage:
    """A storage with a fault at its Nth call; tells after each call, and keeps them.

    Args:
        storage: the real one.
        number: of the call at fault, from 1; 0 for none.
        fault: one of FAULTS.
        after_call: told what was called, after it took effect.
    """

    def __init__(
        self,
        storage: Storage,
        number: int = 0,
        fault: str = "",
        after_call: Callable[[str], None] = lambda _call: None,
    ) -> None:
        self.calls: list[str] = []
        self._storage = storage
        self._number = number
        self._fault = fault
        self._after_call = after_call
        self._lease: Lease | None = None
        self.is_dead = False

    @property
    def root(self) -> str:
        return self._storage.root

    def url(self, path: str) -> str:
        return self._storage.url(path)

    def list(self, path: str) -> list[FileEntry]:
        return self.faulty(f"list {path}", lambda: self._storage.list(path))

    def read(self, path: str) -> bytes | None:
        return self.faulty(f"read {path}", lambda: self._storage.read(path))

    def write(self, path: str, content: bytes) -> None:
        self.faulty(f"write {path}", lambda: self._storage.write(path, content))

    def create(self, path: str, content: bytes) -> bool:
        return self.faulty(f"create {path}", lambda: self._storage.create(path, content))

    def rename(self, path: str, new_path: str, *, replace: bool = False, parents: bool = True) -> None:
        call = f"rename {path} -> {new_path}"
        self.faulty(call, lambda: self._storage.rename(path, new_path, replace=replace, parents=parents))

    def delete(self, path: str) -> None:
        self.faulty(f"delete {path}", lambda: self._storage.delete(path))

    def lease(self, path: str, holder: str, wait: float) -> Lease:
        def take() -> Lease:
            self._lease = self._storage.lease(path, holder, wait)
            return self._lease

        return _FaultyLease(self, self.faulty(f"lease {path}", take), path)

    def faulty(self, call: str, do: Callable[[], Any]) -> Any:
        self.calls.append(call)
        number = len(self.calls)
        if self.is_dead:
            raise Died
        if self._fault == FAILS_BEFORE and number == self._number:
            self._let_go(call)
            raise LakeError(f"{call}: Input/output error")
        result = do()
        self._after_call(call)
        if number == self._number and self._fault == FAILS_AFTER:
            self._let_go(call)
            raise LakeError(f"{call}: Connection reset by peer")
        if number == self._number and self._fault == DIES_AFTER:
            self._let_go("lease")
            self.is_dead = True
            raise Died
        return result

    def _let_go(self, call: str) -> None:
        """Let a lock go that nobody will give back, as the system does when a process ends: its file is still there."""
        if not call.startswith(("lease", "release")):
            return
        if isinstance(self._lease, FolderLease):
            with suppress(OSError):  # given back already
                os.close(self._lease._descriptor)
        if isinstance(self._lease, AdlsLease):
            self._lease._ended.set()


class _FaultyLease:
    def __init__(self, storage: FaultyStorage, lease: Lease, path: str) -> None:
        self._storage = storage
        self._lease = lease
        self._path = path

    @property
    def abandoned(self) -> bool:
        return self._lease.abandoned

    def check(self) -> None:
        if self._storage.is_dead:
            raise Died
        # No call of the storage while the lease was renewed lately, and so not counted.
        self._lease.check()

    def release(self, *, settled: bool) -> None:
        self._storage.faulty(f"release {self._path}", lambda: self._lease.release(settled=settled))


@contextmanager
def commits_as_calls(storage: Callable[[], FaultyStorage]) -> Iterator[None]:
    """Let commits of Delta's count as calls of a storage until the block ends, with its faults.

    Args:
        storage: returns the one that counts.
    """
    with ExitStack() as stack:
        for name in _COMMITS:
            real = getattr(DeltaTable, name)

            def counted(table: DeltaTable, *given: Any, _real: Any = real, _name: str = name, **named: Any) -> Any:
                return storage().faulty(f"{_name} {table}", lambda: _real(table, *given, **named))

            stack.enter_context(patch.object(DeltaTable, name, counted))
        yield

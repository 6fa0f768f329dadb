"""One run at a time on a table: a lock in the lake that outlives no run that died."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from ingestion.lake.storage import Lease, Storage
from ingestion.platform.errors import LakeError


class Lock:
    """The hold of this run.

    Attributes:
        settled: whether nothing is left for the next holder to settle. Who writes aside says no until it is cleaned up.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self.settled = True

    @property
    def abandoned(self) -> bool:
        """Whether an earlier holder died, or left something to be settled."""
        return self._lease.abandoned

    def check(self) -> None:
        """Make sure that this run still holds the lock: before each step that others see.

        Raises:
            LockLostError: another run may hold it by now.
        """
        self._lease.check()


@contextmanager
def locked(storage: Storage, name: str, run_id: str, *, wait: float = 0) -> Iterator[Lock]:
    """Hold the lock of a table, and give it back at the end.

    Args:
        storage: the lake.
        name: of the table: its folder.
        run_id: whose hold it is.
        wait: seconds to wait for a living run that holds it.

    Raises:
        LockedError: a living run holds it; names it.
    """
    acquired = datetime.now(UTC).isoformat(timespec="seconds")
    holder = json.dumps({"run_id": run_id, "host": socket.gethostname(), "acquired": acquired})
    lease = storage.lease(f"_locks/{name}.lock", holder, wait)
    lock = Lock(lease)
    try:
        yield lock
    finally:
        # A lock that cannot be given back now is taken over by the next run.
        with suppress(LakeError):
            lease.release(settled=lock.settled)

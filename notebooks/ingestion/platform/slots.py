"""Connections to one address, over all processes of this machine: the runs of one cluster share its driver.

A connection is a lock of the operating system on a file of the temporary folder. What a process held is free at the
moment in which it dies, however it does.
"""

import fcntl
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path

_LOOKS_PER_SECOND = 20


class Slots:
    """So many connections to an address, and no more, however many processes ask for one.

    Args:
        address: of the source.
        count: the most connections at a time.
        folder: of the locks; by default one of this user in the machine's temporary folder.
    """

    def __init__(self, address: str, count: int, folder: Path | None = None) -> None:
        here = folder or Path(tempfile.gettempdir()) / f"ingestion-connections-{os.getuid()}"
        # An address may tell who signs in.
        self._folder = here / sha256(address.encode()).hexdigest()[:32]
        self._count = count

    @contextmanager
    def hold(self, wanted: int = 1) -> Iterator[int]:
        """Wait for a connection, take as many more as are free and wanted, and yield how many these are."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            while not self._take(held, 1):
                time.sleep(random.uniform(0.5, 1.5) / _LOOKS_PER_SECOND)  # noqa: S311 - not to look all at once
            yield 1 + self._take(held, wanted - 1)

    def _take(self, held: ExitStack, wanted: int) -> int:
        """Take free connections, and return how many."""
        taken = 0
        for number in range(self._count):
            if taken == wanted:
                break
            file = os.open(self._folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
            else:
                held.callback(os.close, file)
                taken += 1
        return taken

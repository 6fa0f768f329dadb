"""One run at a time lands on a target: a lock made of files in the lake, which outlives no run that died.

Who creates `lock` holds it, and makes it longer every few seconds. Who finds it there watches it, by his own clock:
a lock that changes has a living owner, and he gives way; one that stays the same for a whole lease has a dead one, and
he succeeds it by creating `after-ID`, named for the claim that died. So the last claim of the chain is the valid one,
every claim is taken in one step by one run only, and no clocks of two machines are compared. An owner that was only
asleep finds its successor when it looks before it promotes.
"""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Thread
from uuid import uuid4

from ingestion.lake.filesystem import HadoopFileSystem
from ingestion.platform.errors import LakeError, LockedError, LockLostError

# Seconds without a sign of life after which an owner counts as dead. The longest pause of a living one is far shorter.
LEASE_SECONDS = 30.0
_SIGNS_PER_LEASE = 6
_LOOKS_PER_LEASE = 30


@dataclass(frozen=True)
class _Claim:
    """A claim as found: its file and what that holds: a line of JSON, and a point for every sign of life."""

    path: str
    content: bytes

    @property
    def owner(self) -> str:
        """What the owner says of itself; nothing for the instant before the claim is written."""
        line, end, _ = self.content.partition(b"\n")
        return line.decode() if end else ""

    @property
    def claim_id(self) -> str | None:
        return str(json.loads(self.owner)["claim"]) if self.owner else None


class Lock:
    """The claim of one run on one target.

    Args:
        files: the file system.
        folder: where the claims on this target lie.
        target: what is locked, for messages.
        run_id: whose claim it is.
    """

    def __init__(self, files: HadoopFileSystem, folder: str, target: str, run_id: str) -> None:
        self._files = files
        self._folder = folder
        self._target = target
        self._claim_id = uuid4().hex
        acquired = datetime.now(UTC).isoformat(timespec="seconds")
        claim = {"run_id": run_id, "host": socket.gethostname(), "acquired": acquired, "claim": self._claim_id}
        self._content = json.dumps(claim).encode() + b"\n"
        self._path = f"{folder}/lock"

    @contextmanager
    def held(self) -> Iterator["Lock"]:
        """Hold the lock, and give it back at the end.

        Raises:
            LockedError: a living run holds it.
        """
        self._acquire()
        ended = Event()
        living = Thread(target=self._give_signs_of_life, args=(ended,), daemon=True)
        living.start()
        try:
            yield self
        finally:
            ended.set()
            # A sign under way would make the claim anew that is deleted now.
            living.join()
            # A claim that cannot be deleted now has no living owner: the next run succeeds it.
            with suppress(LakeError):
                self._release()

    def check(self) -> None:
        """Make sure that this run still holds the lock.

        Raises:
            LockLostError: another run holds it, because this one gave no sign of life for a whole lease.
        """
        chain = self._chain()
        if not chain or chain[-1].claim_id != self._claim_id:
            holder = chain[-1].owner if chain else "which has ended"
            raise LockLostError(
                f"{self._target}: this run gave no sign of life for {LEASE_SECONDS:g} s, so another took its place: "
                f"{holder}. Nothing was replaced by this run."
            )

    def _acquire(self) -> None:
        while not self._files.create(self._path, self._content):
            chain = self._chain()
            if chain:
                self._wait_until_dead(chain[-1])
            self._path = self._next_path(chain)

    def _next_path(self, chain: list[_Claim]) -> str:
        if not chain:
            return f"{self._folder}/lock"
        last = chain[-1]
        if last.claim_id is None:
            # Its owner died before it wrote a word: nobody can hold it.
            self._files.delete(last.path)
            return last.path
        return f"{self._folder}/after-{last.claim_id}"

    def _chain(self) -> list[_Claim]:
        """Return the claims, each followed by the one that succeeded it."""
        chain: list[_Claim] = []
        path = f"{self._folder}/lock"
        while (content := self._files.read(path)) is not None:
            chain.append(_Claim(path, content))
            if chain[-1].claim_id is None:
                break
            path = f"{self._folder}/after-{chain[-1].claim_id}"
        return chain

    def _wait_until_dead(self, claim: _Claim) -> None:
        deadline = time.monotonic() + LEASE_SECONDS
        while time.monotonic() < deadline:
            time.sleep(LEASE_SECONDS / _LOOKS_PER_LEASE)
            if self._files.read(claim.path) != claim.content:
                raise LockedError(
                    f"{self._target}: another run is landing here: {claim.owner or 'not yet named'}. "
                    "Nothing was replaced by this run; start it again when the other has ended."
                )

    def _give_signs_of_life(self, ended: Event) -> None:
        while not ended.wait(LEASE_SECONDS / _SIGNS_PER_LEASE):
            # A sign that fails is followed by others; without any, the check before promotion says so.
            with suppress(LakeError):
                if (self._files.read(self._path) or b"").startswith(self._content):
                    self._files.append(self._path, b".")

    def _release(self) -> None:
        chain = self._chain()
        if chain and chain[-1].claim_id == self._claim_id:
            for claim in chain:
                self._files.delete(claim.path)

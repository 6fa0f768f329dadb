"""One deployment to a factory at a time, across machines: a lease, kept as a file in the workspace.

The factory's API cannot create an object only if it is missing; the workspace's can: an import without `overwrite`
fails on a file that exists. So a lease is the file `ROOT.lock/FACTORY.N.json` beside the bundle's folder, and no object
of the factory is touched. It says who holds it and until when, and its holder renews it while it works. A holder that
died leaves a lease that runs out (at once, if it was a process of the same Linux machine); the next deployment then
creates lease N + 1, which again only one can, and removes the old one. Whoever created a lease looks again for others:
of two that ever overlap, at least one steps back.
"""

import dataclasses
import getpass
import json
import os
import platform
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deployment.errors import DeploymentError, ExistsAlreadyError, LockedError, LockLostError
from deployment.execution import Progress
from deployment.workspace import FileKind, Workspace, WorkspaceFile

LEASE = timedelta(minutes=15)

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Lease:
    """Who deploys, since when, and until when others wait."""

    id: str
    owner: str
    process: str
    acquired: str
    expires: str

    def is_over(self, now: datetime) -> bool:
        """Say whether the lease has run out, or its holder was a process of this machine that is gone."""
        machine, _, number = self.process.rpartition("/")
        dead = machine != "" and machine == _machine() and not Path("/proc", number).exists()
        return dead or datetime.fromisoformat(self.expires) <= now


class Lock:
    """The lock of one factory.

    Args:
        workspace: where leases are kept.
        root: the bundle's folder in it.
        factory: the factory's name.
        clock: says what time it is, with its zone.
    """

    def __init__(self, workspace: Workspace, root: str, factory: str, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._workspace = workspace
        self._folder = f"{root}.lock"
        self._factory = factory
        self._clock = clock
        self._lease: Lease | None = None
        self._path = ""

    @contextmanager
    def held(self, progress: Progress, *, take_over: bool = False) -> Iterator[None]:
        """Hold the lock for the time of a `with` block; `take_over` ends the lease of another holder first.

        Raises:
            LockedError: another deployment holds it.
        """
        self._acquire(take_over=take_over)
        try:
            yield
        finally:
            try:
                self._workspace.delete(self._path)
            except DeploymentError as error:
                progress(f"warning: the lock stays until {self._lease and self._lease.expires}: {error}")
            self._lease = None

    def renew(self) -> None:
        """Make sure that the lock is still held, and prolong the lease once a third of it is over.

        Raises:
            LockLostError: another deployment took it over.
        """
        lease = self._lease
        now = self._clock()
        if lease is None or now < datetime.fromisoformat(lease.expires) - LEASE * 2 / 3:
            return
        held = self._leases()
        if held.get(self._path) != lease or len(held) > 1:
            raise LockLostError(f"{self._path}: the lock of this deployment was taken over.")
        self._lease = dataclasses.replace(lease, expires=(now + LEASE).isoformat())
        self._workspace.write(_file(self._path, self._lease))

    def _acquire(self, *, take_over: bool) -> None:
        self._workspace.make_folder(self._folder)
        leases = self._leases()
        for path, lease in leases.items():
            if take_over:
                self._workspace.delete(path)
            elif lease is None or not lease.is_over(self._clock()):
                raise self._locked(path, lease)
        number = 1 if take_over else 1 + max(map(self._number, leases), default=0)
        self._path = f"{self._folder}/{self._factory}.{number}.json"
        now = self._clock()
        mine = Lease(uuid.uuid4().hex, _owner(), _process(), now.isoformat(), (now + LEASE).isoformat())
        try:
            self._workspace.write(_file(self._path, mine), overwrite=False)
        except ExistsAlreadyError:
            # Mine after all when the answer to a first try was lost.
            theirs = self._read(self._path)
            if theirs != mine:
                raise self._locked(self._path, theirs) from None
        self._lease = mine
        try:
            self._step_back_from_others(leases)
        except BaseException:
            self._workspace.delete(self._path)
            raise

    def _step_back_from_others(self, over: dict[str, Lease | None]) -> None:
        leases = self._leases()
        if leases.get(self._path) != self._lease:
            raise self._locked(self._path, leases.get(self._path))
        for path, lease in leases.items():
            if path != self._path and over.get(path) != lease:
                raise self._locked(path, lease)
        for path in leases.keys() - {self._path}:
            self._workspace.delete(path)

    def _leases(self) -> dict[str, Lease | None]:
        """Return the leases that are there; None for one that cannot be read."""
        paths = [path for _, path in self._workspace.list_files(self._folder) if self._number(path)]
        return {path: self._read(path) for path in sorted(paths)}

    def _number(self, path: str) -> int:
        match = re.fullmatch(re.escape(f"{self._folder}/{self._factory}.") + r"(\d+)\.json", path)
        return int(match[1]) if match else 0

    def _read(self, path: str) -> Lease | None:
        file = self._workspace.read(FileKind.FILE, path)
        try:
            return Lease(**json.loads(file.content)) if file else None
        except (ValueError, TypeError):
            return None

    def _locked(self, path: str, lease: Lease | None) -> LockedError:
        who = f"by {lease.owner} since {lease.acquired} until {lease.expires} at the latest" if lease else "by another"
        return LockedError(
            f"{self._factory}: locked {who} ({path}). Nothing was changed. "
            "Wait for it; if that deployment is dead, say --break-lock."
        )


def _file(path: str, lease: Lease) -> WorkspaceFile:
    return WorkspaceFile(FileKind.FILE, path, json.dumps(asdict(lease)).encode())


def _machine() -> str:
    """Return what tells this start of this machine, and this container on it, from all others; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _process() -> str:
    return f"{_machine()}/{os.getpid()}"


def _owner() -> str:
    if "GITHUB_RUN_ID" in os.environ:
        server, repository = os.environ.get("GITHUB_SERVER_URL", ""), os.environ.get("GITHUB_REPOSITORY", "")
        return f"{server}/{repository}/actions/runs/{os.environ['GITHUB_RUN_ID']}"
    return f"{getpass.getuser()}@{platform.node()} (process {os.getpid()})"

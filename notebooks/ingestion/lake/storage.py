"""The lake's files: one small interface, with a folder of this machine or a container of ADLS Gen2 behind it.

Paths are relative to the lake's root and use `/`; what Spark is given for one, `url` says. Every operation raises a
LakeError that names the path and the reason in one line.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ingestion.platform.errors import LakeError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


@dataclass(frozen=True)
class FileEntry:
    """A file or folder within a folder.

    Attributes:
        name: within its folder.
        size: in bytes, 0 for a folder.
        is_folder: which of the two it is.
        modified: when it was last written, in UTC, by the clock of who keeps it.
    """

    name: str
    size: int
    is_folder: bool
    modified: datetime


class Lease(Protocol):
    """The hold of one run on a lock."""

    @property
    def abandoned(self) -> bool:
        """Whether an earlier holder died, or left something to be settled: the lock was there and nobody held it."""

    def check(self) -> None:
        """Make sure that the lock is still held.

        Raises:
            LockLostError: another run may hold it by now.
            LakeError: that cannot be found out.
        """

    def release(self, *, settled: bool) -> None:
        """Give the lock back; one that is not settled is abandoned for whoever holds it next."""


class Storage(Protocol):
    """The few operations that landing needs."""

    @property
    def root(self) -> str:
        """The lake's root as Spark spells it: `/folder`, `abfss://container@account.dfs.core.windows.net/folder`."""

    def url(self, path: str) -> str:
        """Return what Spark is given for a path."""

    def list(self, path: str) -> list[FileEntry]:
        """Return what lies directly in a folder, by name; nothing where there is no folder."""

    def read(self, path: str) -> bytes | None:
        """Return what a file holds, None where there is none.

        Raises:
            IsFolderError: it is a folder.
        """

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole, and the folders above it: readers find what was there or the new, never a part."""

    def create(self, path: str, content: bytes) -> bool:
        """Write a file whole where there is none; False where there is one: of several that try one succeeds."""

    def rename(self, path: str, new_path: str, *, replace: bool = False, parents: bool = True) -> None:
        """Rename a file or folder in one step.

        Args:
            path: what is there.
            new_path: has to be free, or with `replace` may be a file that a file takes the place of.
            replace: see there.
            parents: make the folders above `new_path`; without, they have to be there.

        Raises:
            PathNotFoundError: nothing is at `path`, or the folders are not there.
            PathTakenError: something is at `new_path`.
        """

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it; nothing happens where there is none."""

    def lease(self, path: str, holder: str, wait: float) -> Lease:
        """Hold a lock, which is a file.

        Args:
            path: of the lock.
            holder: one line that tells others who holds it.
            wait: seconds to wait for a living holder. A dead one is waited for until its hold has ended.

        Raises:
            LockedError: a living run holds it; names it.
        """


def open_storage(root: str, find_credential: Callable[[], "TokenCredential | None"] = lambda: None) -> Storage:
    """Return the storage of a lake.

    Args:
        root: a folder of this machine, as a path or a `file:` address, or
            `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net[/FOLDER]`.
        find_credential: gives whom ADLS Gen2 lets in; not asked for a folder.

    Raises:
        LakeError: it is neither, or ADLS Gen2 is to be used without a credential.
    """
    scheme = _SCHEME.match(root)
    kind = scheme[1].lower() if scheme else "file"
    if kind in ("abfs", "abfss"):
        from ingestion.lake.adls_storage import AdlsStorage

        return AdlsStorage.at(root, find_credential())
    if kind != "file":
        raise LakeError(
            f"{root}: {kind} is no kind of lake that is known: give a folder, or "
            "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net[/FOLDER]."
        )
    from ingestion.lake.folder_storage import FolderStorage

    path = root[len(scheme[0]) :] if scheme else root
    # file:/x, file:///x and file://x all name the folder /x: an address of this machine has no host.
    return FolderStorage(str(Path("/" + path.lstrip("/") if scheme else path).absolute()))

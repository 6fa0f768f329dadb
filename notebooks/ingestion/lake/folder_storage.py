"""A lake that is a folder of this machine. A lock is held by the operating system, so a dead process's is free."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ingestion.lake.storage import FileEntry
from ingestion.platform.errors import (
    IsFolderError,
    LakeError,
    LockedError,
    LockLostError,
    PathNotFoundError,
    PathTakenError,
)

_LOOKS_PER_SECOND = 20


class FolderStorage:
    """Storage in a folder.

    Args:
        root: the folder's path; it is made when something is written.
    """

    def __init__(self, root: str) -> None:
        self._root = root

    @property
    def root(self) -> str:
        """The folder."""
        return self._root

    def url(self, path: str) -> str:
        """Return the path on this machine."""
        return f"{self._root}/{path}"

    def list(self, path: str) -> list[FileEntry]:
        """Return what lies directly in a folder."""
        folder = self._path(path)
        with _failures_named(folder):
            try:
                return sorted((_entry(found) for found in os.scandir(folder)), key=lambda entry: entry.name)
            except FileNotFoundError:
                return []

    def read(self, path: str) -> bytes | None:
        """Return what a file holds."""
        file = self._path(path)
        with _failures_named(file):
            try:
                return file.read_bytes()
            except FileNotFoundError:
                return None

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole."""
        file = self._path(path)
        with _failures_named(file), _written_beside(file, content) as beside:
            beside.replace(file)

    def create(self, path: str, content: bytes) -> bool:
        """Write a file whole where there is none."""
        file = self._path(path)
        with _failures_named(file), _written_beside(file, content) as beside:
            try:
                os.link(beside, file)
            except FileExistsError:
                return False
            return True

    def rename(self, path: str, new_path: str, *, replace: bool = False, parents: bool = True) -> None:
        """Rename a file or folder in one step."""
        source, target = self._path(path), self._path(new_path)
        with _failures_named(source):
            if not os.path.lexists(source):
                raise PathNotFoundError(f"{source}: is not there.")
        with _failures_named(target):
            if os.path.lexists(target) and not replace:
                raise PathTakenError(f"{target}: is there already.")
            if parents:
                target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it."""
        there = self._path(path)
        with _failures_named(there), suppress(FileNotFoundError):
            if there.is_dir() and not there.is_symlink():
                shutil.rmtree(there)
            else:
                there.unlink()

    def lease(self, path: str, holder: str, wait: float) -> "FolderLease":
        """Hold a lock. A process that died holds none, whatever it left."""
        file = self._path(path)
        deadline = time.monotonic() + wait
        with _failures_named(file):
            while True:
                descriptor = _locked(file)
                if descriptor is not None:
                    break
                if time.monotonic() >= deadline:
                    raise LockedError(
                        f"{file}: another run is landing here: {_first_line(file)}. Nothing was replaced by this run; "
                        "start it again when the other has ended."
                    )
                time.sleep(1 / _LOOKS_PER_SECOND)
            abandoned = os.fstat(descriptor).st_size > 0
            try:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{holder}\n".encode(), 0)
            except OSError:
                os.close(descriptor)
                raise
            return FolderLease(file, descriptor, abandoned=abandoned)

    def _path(self, path: str) -> Path:
        return Path(self._root, path)


class FolderLease:
    """A lock that this process holds until it gives it back or dies."""

    def __init__(self, file: Path, descriptor: int, *, abandoned: bool) -> None:
        self._file = file
        self._descriptor = descriptor
        self._abandoned = abandoned

    @property
    def abandoned(self) -> bool:
        """Whether an earlier holder did not settle what it began."""
        return self._abandoned

    def check(self) -> None:
        """Make sure that nobody removed the lock's file, which would let another run hold one of the same name."""
        if not _is_at(self._descriptor, self._file):
            raise LockLostError(f"{self._file}: was removed while this run held it. Nothing was replaced by this run.")

    def release(self, *, settled: bool) -> None:
        """Give the lock back."""
        try:
            with _failures_named(self._file):
                if settled and _is_at(self._descriptor, self._file):
                    self._file.unlink()
        finally:
            os.close(self._descriptor)


def _locked(file: Path) -> int | None:
    """Return a descriptor that holds a file's lock; None where another one does."""
    while True:
        descriptor = _opened(file)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        if _is_at(descriptor, file):
            return descriptor
        # Its holder removed it between the two calls.
        os.close(descriptor)


def _opened(file: Path) -> int:
    """Return a descriptor of a file, which is made with its folders where there is none."""
    flags = os.O_RDWR | os.O_CREAT
    try:
        return os.open(file, flags, 0o666)
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, flags, 0o666)


@contextmanager
def _written_beside(file: Path, content: bytes) -> Iterator[Path]:
    """Write content into a file beside the one that is meant, which readers do not see; it is gone at the end.

    It has one name, so that a process that died leaves one file at most, which the next one takes; its lock keeps
    two at a time apart.
    """
    beside = file.with_name(f".{file.name}.part")
    descriptor = None
    while descriptor is None:
        descriptor = _locked(beside)
        if descriptor is None:
            time.sleep(1 / _LOOKS_PER_SECOND)
        elif os.fstat(descriptor).st_nlink > 1:
            # Its process died as it had linked the file to its name: the content is that file's.
            beside.unlink()
            os.close(descriptor)
            descriptor = None
    try:
        if os.fstat(descriptor).st_size:
            os.ftruncate(descriptor, 0)
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            stream.write(content)
        yield beside
    finally:
        if _is_at(descriptor, beside):
            beside.unlink()
        os.close(descriptor)


def _is_at(descriptor: int, file: Path) -> bool:
    """Say whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False


def _entry(found: os.DirEntry[str]) -> FileEntry:
    status = found.stat(follow_symlinks=True)
    is_folder = found.is_dir()
    return FileEntry(
        found.name, 0 if is_folder else status.st_size, is_folder, datetime.fromtimestamp(status.st_mtime, UTC)
    )


def _first_line(file: Path) -> str:
    try:
        return file.read_text().partition("\n")[0] or "not yet named"
    except OSError:
        return "not yet named"


@contextmanager
def _failures_named(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise PathNotFoundError(f"{path}: {error.strerror}") from error
    except IsADirectoryError as error:
        raise IsFolderError(f"{path}: {error.strerror}") from error
    except OSError as error:
        raise LakeError(f"{path}: {_reason(path, error)}") from error


def _reason(path: Path, error: OSError) -> str:
    """Return what the system says, and which file it is that lies where a folder belongs."""
    in_the_way = next((folder for folder in path.parents if folder.exists() and not folder.is_dir()), None)
    return f"{error.strerror}: {in_the_way} is a file" if in_the_way else str(error.strerror)

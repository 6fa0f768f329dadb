"""A lake in a container of ADLS Gen2 with a hierarchical namespace, through Microsoft's own client.

Folders, renames and deletes go to the account's dfs endpoint, content and leases to its blob endpoint, as the client
itself does. Content is written by Put Blob, one call that readers see whole or not at all; the dfs endpoint takes three
(create, append, flush), between which they would find an empty file. So the network has to let both endpoints through.

Every call is tried again when the service is busy or the connection breaks, for as long as `_PATIENCE` says. A try
whose answer was lost may have had its effect: the next one knows its own work again.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    IncompleteReadError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.storage.blob import BlobLeaseClient, ContainerClient
from azure.storage.filedatalake import FileSystemClient
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from ingestion.lake.storage import FileEntry
from ingestion.platform.errors import (
    IsFolderError,
    LakeError,
    LockedError,
    LockLostError,
    PathNotFoundError,
    PathTakenError,
)

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_ADDRESS = re.compile(r"abfss?://([^@/]+)@([^/@]+)(?:/(.*))?", re.IGNORECASE)
# The service takes 15 to 60 seconds.
LEASE_SECONDS = 30
_RENEWALS_PER_LEASE = 3
_LOOKS_PER_LEASE = 15
# Of one call: tries, and seconds in all. A hold on a lock outlives a call only if its lease does, which is renewed.
_TRIES, _PATIENCE = 6, 60.0
_CONNECT_SECONDS, _SILENCE_SECONDS = 10, 30
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_LONGEST_REASON = 300

Result = TypeVar("Result")


class Clock:
    """Seconds as they pass on this machine."""

    def now(self) -> float:
        """Return the seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        time.sleep(seconds)

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait for an event, so many seconds at most, and say whether it came."""
        return event.wait(seconds)


class AdlsStorage:
    """Storage in a container.

    Args:
        root: the lake's root as Spark spells it.
        account_url: of the dfs endpoint; the blob endpoint's address follows from it.
        container: its name.
        folder: of the root within the container, without slashes around; empty for the container itself.
        credential: whom the service lets in.
        clock: tells the seconds, and waits.
    """

    def __init__(
        self,
        root: str,
        account_url: str,
        container: str,
        folder: str,
        *,
        credential: Any,
        clock: Clock | None = None,
    ) -> None:
        options: dict[str, Any] = {
            "retry_total": 0,  # its own retries know nothing of 429, nor of calls that had their effect
            "connection_timeout": _CONNECT_SECONDS,
            "read_timeout": _SILENCE_SECONDS,
        }
        self._root = root
        self._folder = folder
        self.clock = clock or Clock()
        self._files = FileSystemClient(account_url, container, credential, **options)
        self._blobs = ContainerClient(account_url.replace(".dfs.", ".blob.", 1), container, credential, **options)

    @classmethod
    def at(cls, root: str, credential: "TokenCredential | None") -> "AdlsStorage":
        """Return the storage at an address.

        Raises:
            LakeError: it is no address of a container, or there is no credential.
        """
        parts = _ADDRESS.fullmatch(root)
        if not parts:
            raise LakeError(f"{root}: must be abfss://CONTAINER@ACCOUNT.dfs.core.windows.net[/FOLDER].")
        if credential is None:
            raise LakeError(
                f"{root}: takes an identity: set CREDENTIAL to a service credential of Unity Catalog, or "
                "AZURE_TENANT_ID and the secrets of a service principal."
            )
        return cls(root, f"https://{parts[2]}", parts[1], (parts[3] or "").strip("/"), credential=credential)

    @property
    def root(self) -> str:
        """The container, or a folder in it."""
        return self._root

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"{self._root}/{path}"

    def list(self, path: str) -> list[FileEntry]:
        """Return what lies directly in a folder."""
        folder = self._path(path)

        def find(_again: bool) -> list[FileEntry]:
            try:
                found = list(self._files.get_paths(folder or None, recursive=False))
            except ResourceNotFoundError as error:
                if _code(error) == "FilesystemNotFound":
                    raise
                return []
            if [entry.name for entry in found if not entry.is_directory] == [folder]:
                raise LakeError(f"{self.url(path)}: is a file.")
            return [
                FileEntry(
                    entry.name.rpartition("/")[2],
                    0 if entry.is_directory else entry.content_length,
                    bool(entry.is_directory),
                    entry.last_modified.replace(tzinfo=UTC),
                )
                for entry in sorted(found, key=lambda entry: entry.name)
            ]

        return self._call(path, find)

    def read(self, path: str) -> bytes | None:
        """Return what a file holds."""

        def download(_again: bool) -> bytes | None:
            try:
                stream = self._blobs.download_blob(self._path(path))
                if (stream.properties.metadata or {}).get("hdi_isfolder") == "true":
                    raise IsFolderError(f"{self.url(path)}: is a folder.")
                return bytes(stream.readall())
            except ResourceNotFoundError as error:
                if _code(error) == "ContainerNotFound":
                    raise
                return None

        return self._call(path, download)

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole."""
        self._call(path, lambda _again: self._blobs.upload_blob(self._path(path), content, overwrite=True))

    def create(self, path: str, content: bytes) -> bool:
        """Write a file whole where there is none."""

        def upload(again: bool) -> bool:
            try:
                self._blobs.upload_blob(self._path(path), content, overwrite=False)
            except ResourceExistsError:
                # What an earlier try put there is this run's own.
                return again and self.read(path) == content
            return True

        return self._call(path, upload)

    def rename(self, path: str, new_path: str, *, replace: bool = False, parents: bool = True) -> None:
        """Rename a file or folder in one step."""
        # The client takes a source's name for one that is escaped, and a target's for one that is not.
        source = self._files.get_file_client(self._path(path).replace("%", "%25"))
        free: dict[str, Any] = {} if replace else {"match_condition": MatchConditions.IfMissing}

        def move(again: bool) -> None:
            try:
                source.rename_file(f"{self._files.file_system_name}/{self._path(new_path)}", **free)
            except ResourceNotFoundError as error:
                if _code(error) == "RenameDestinationParentPathNotFound" and parents:
                    self._files.create_directory(self._path(new_path).rpartition("/")[0])
                    move(again)
                # Gone, and an earlier try may have done it: it did if there is something now.
                elif not (again and _code(error) == "SourcePathNotFound" and self._exists(new_path)):
                    raise
            except ResourceExistsError as error:
                raise PathTakenError(f"{self.url(new_path)}: {_reason(error)}") from error

        self._call(path, move)

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it."""

        def remove(_again: bool) -> None:
            with suppress(ResourceNotFoundError):
                self._files.get_directory_client(self._path(path)).delete_directory()

        self._call(path, remove)

    def lease(self, path: str, holder: str, wait: float) -> "AdlsLease":
        """Hold a lock: a lease of its file, which the service ends when nobody renews it."""
        content = f"{holder}\n".encode()
        deadline = self.clock.now() + max(wait, LEASE_SECONDS + LEASE_SECONDS / _LOOKS_PER_LEASE)
        while True:
            is_new = self.create(path, content)
            lease = AdlsLease(self, path, abandoned=not is_new)
            if lease.acquire():
                break
            if self.clock.now() >= deadline:
                raise LockedError(
                    f"{self.url(path)}: another run is landing here: {self._holder(path)}. Nothing was replaced by "
                    "this run; start it again when the other has ended."
                )
            self.clock.sleep(LEASE_SECONDS / _LOOKS_PER_LEASE)
        try:
            if not is_new:
                lease.write(content)
        except BaseException:
            with suppress(LakeError):
                lease.release(settled=False)
            raise
        lease.keep()
        return lease

    def _holder(self, path: str) -> str:
        return (self.read(path) or b"").decode().partition("\n")[0] or "not yet named"

    def _exists(self, path: str) -> bool:
        return bool(self._files.get_file_client(self._path(path)).exists())

    def _path(self, path: str) -> str:
        return f"{self._folder}/{path}".strip("/")

    def _call(self, path: str, operation: Callable[[bool], Result]) -> Result:
        """Return what an operation does, tried again while the service is not to be had.

        Args:
            path: for messages.
            operation: is told whether an earlier try may have had its effect.
        """
        attempts = Retrying(
            sleep=self.clock.sleep,
            retry=retry_if_exception(_is_passing),
            stop=stop_after_attempt(_TRIES) | stop_after_delay(_PATIENCE),
            wait=_wait,
            reraise=True,
        )
        with _failures_named(self.url(path)):
            for attempt in attempts:
                with attempt:
                    return operation(attempt.retry_state.attempt_number > 1)
        raise AssertionError("tenacity returns or raises")


class AdlsLease:
    """A lease of a lock's file, renewed by a thread until it is given back."""

    def __init__(self, storage: AdlsStorage, path: str, *, abandoned: bool) -> None:
        self._storage = storage
        self._path = path
        self._abandoned = abandoned
        self._blob = storage._blobs.get_blob_client(storage._path(path))
        # A lease by a name of ours: to take it again is to have it, so that a lost answer does no harm.
        self._lease = BlobLeaseClient(self._blob, lease_id=str(uuid4()))
        self._valid_until = 0.0
        self._ended = Event()
        self._keeper = Thread(target=self._keep, daemon=True)

    @property
    def abandoned(self) -> bool:
        """Whether an earlier holder did not settle what it began."""
        return self._abandoned

    def acquire(self) -> bool:
        """Take the lease; False where another run has it, or gave its file back just now."""
        asked = self._storage.clock.now()
        try:
            self._storage._call(self._path, lambda _again: self._lease.acquire(lease_duration=LEASE_SECONDS))
        except PathNotFoundError:
            return False
        except LakeError as error:
            if _code(error.__cause__) in ("LeaseAlreadyPresent", "LeaseIsBreakingAndCannotBeAcquired"):
                return False
            raise
        self._valid_until = asked + LEASE_SECONDS
        return True

    def write(self, content: bytes) -> None:
        """Write into the lock's file."""
        upload = partial(self._blob.upload_blob, content, overwrite=True, lease=self._lease)
        self._storage._call(self._path, lambda _again: upload())

    def keep(self) -> None:
        """Renew the lease from now on."""
        self._keeper.start()

    def check(self) -> None:
        """Make sure that the lease holds for a while, which takes no call while it was renewed lately."""
        if self._ended.is_set():
            raise LockLostError(f"{self._storage.url(self._path)}: was given back.")
        if self._storage.clock.now() > self._valid_until - LEASE_SECONDS / 2:
            self._renew()

    def release(self, *, settled: bool) -> None:
        """Give the lock back, with its file when all is settled."""
        self._ended.set()
        if self._keeper.is_alive():
            self._keeper.join()
        if settled:
            file = self._storage._files.get_file_client(self._storage._path(self._path))
            self._storage._call(self._path, lambda _again: _gone(partial(file.delete_file, lease=self._lease.id)))
        else:
            self._storage._call(self._path, lambda _again: _gone(self._lease.release))

    def _keep(self) -> None:
        while not self._storage.clock.wait(self._ended, LEASE_SECONDS / _RENEWALS_PER_LEASE):
            # A renewal that fails is followed by others; without any, the check before promotion says so.
            with suppress(LakeError):
                self._renew()

    def _renew(self) -> None:
        asked = self._storage.clock.now()
        try:
            self._storage._call(self._path, lambda _again: self._lease.renew())
        except LakeError as error:
            if isinstance(error.__cause__, HttpResponseError) and error.__cause__.status_code in (404, 409, 412):
                raise LockLostError(
                    f"{self._storage.url(self._path)}: this run did not renew its lease for {LEASE_SECONDS} s, so "
                    f"another may have taken its place: {self._storage._holder(self._path)}. Nothing was replaced by "
                    "this run."
                ) from error
            raise
        self._valid_until = asked + LEASE_SECONDS


def _gone(remove: Callable[[], Any]) -> None:
    """Remove what may be gone already, or another run's by now."""
    try:
        remove()
    except HttpResponseError as error:
        if error.status_code not in (404, 409, 412):
            raise


def _is_passing(error: BaseException) -> bool:
    # An answer that was cut off has a class of its own, which says nothing of its status.
    if isinstance(error, HttpResponseError) and not isinstance(error, IncompleteReadError):
        return error.status_code in _PASSING
    return isinstance(error, IncompleteReadError | ServiceRequestError | ServiceResponseError)


def _wait(state: RetryCallState) -> float:
    """Return the seconds until the next try: as long as the service says, else growing and random."""
    error = state.outcome.exception() if state.outcome else None
    response = getattr(error, "response", None)
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    growing = wait_random_exponential(multiplier=0.5, max=10)(state)
    return max(float(asked), growing) if asked.isdigit() else growing


@contextmanager
def _failures_named(url: str) -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError as error:
        raise PathNotFoundError(f"{url}: {_reason(error)}") from error
    except AzureError as error:
        raise LakeError(f"{url}: {_reason(error)}") from error


def _code(error: BaseException | None) -> str | None:
    """Return the service's code of an error, such as `PathNotFound`."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code)) if code else None


def _reason(error: AzureError) -> str:
    """Return what the service says in one line: its code, and the first line of its text."""
    text = str(error.message).strip().partition("\n")[0][:_LONGEST_REASON]
    if isinstance(error, HttpResponseError):
        return f"status {error.status_code}: {_code(error) or error.reason}: {text}"
    return text or type(error).__name__

"""Storage events: files that come into a stand-in's folder, or go, as a trigger of blob events sees them.

Rules: https://learn.microsoft.com/azure/data-factory/how-to-create-event-trigger.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bundle.bundle import Bundle
from bundle.documents import items, mapping, text
from bundle.resources import Resource
from local_factory.data.stand_ins import Kind, StandIns
from local_factory.errors import ScheduleError

TYPE = "BlobEventsTrigger"
_CREATED, _DELETED = "Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted"
_STORES = frozenset({"AzureBlobStorage", "AzureBlobFS", "AzureStorage"})

Snapshot = Mapping[str, tuple[int, int]]
"""Size and time of change (ns) of each file, by its path below the account: container first."""


@dataclass(frozen=True)
class BlobEvent:
    """A file that came or went: the folder with its container, and its name."""

    folder: str
    file: str
    event: str

    @property
    def body(self) -> dict[str, Any]:
        """What `triggerBody()` says."""
        return {"fileName": self.file, "folderPath": self.folder}


@dataclass(frozen=True)
class BlobEvents:
    """A trigger of blob events, checked, with the folder that stands in for its account."""

    root: Path
    begins: str
    ends: str
    ignore_empty: bool
    events: frozenset[str]
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take what is there already as seen: only what comes later is an event."""
        self.seen.update(self.snapshot())

    def remember(self, settled: Snapshot, there: Snapshot) -> None:
        """Keep what was told: files that have come to rest, less those that went."""
        for path in self.seen.keys() - there.keys():
            del self.seen[path]
        self.seen.update(settled)

    def snapshot(self) -> Snapshot:
        """Return the files that are there now."""
        found: dict[str, tuple[int, int]] = {}
        for path in self.root.rglob("*"):
            if path.is_file() and not path.name.endswith(".partial"):
                status = path.stat()
                found[path.relative_to(self.root).as_posix()] = (status.st_size, status.st_mtime_ns)
        return found

    def between(self, before: Snapshot, after: Snapshot) -> Iterator[BlobEvent]:
        """Yield the events that lie between two looks, as far as the trigger wants them."""
        for path, (size, _) in sorted(after.items()):
            if before.get(path) != after[path] and not (self.ignore_empty and size == 0):
                yield from self._wanted(path, _CREATED)
        for path in sorted(before.keys() - after.keys()):
            if not (self.root / path).exists():
                yield from self._wanted(path, _DELETED)

    def _wanted(self, path: str, event: str) -> Iterator[BlobEvent]:
        container, _, blob = path.partition("/")
        shown = f"/{container}/blobs/{blob}"
        if event in self.events and blob and shown.startswith(self.begins) and blob.endswith(self.ends):
            folder, _, file = path.rpartition("/")
            yield BlobEvent(folder, file, event)


def read_blob_events(trigger: Resource, bundle: Bundle, stand_ins: StandIns) -> BlobEvents:
    """Read a trigger of blob events, and find the folder that stands in for its storage account.

    Raises:
        ScheduleError: no folder stands in, or several do and none is its account's.
    """
    properties = mapping(trigger.properties.get("typeProperties"))
    account = text(properties.get("scope")).rstrip("/").rpartition("/")[2]
    folders = {
        service.name: Path(stand_ins[service.name.casefold()].place)
        for service in bundle.of("linkedService")
        if service.properties.get("type") in _STORES
        and service.name.casefold() in stand_ins
        and stand_ins[service.name.casefold()].kind is Kind.FOLDER
    }
    of_account = {name: folder for name, folder in folders.items() if account and account in _text_of(bundle, name)}
    found = set((of_account or folders).values())
    if len(found) != 1:
        raise ScheduleError(
            f"{trigger.name}: {'several folders stand' if found else 'no folder stands'} in for the storage account "
            f"{account or 'that it names'}: name one with --linked-services (folder = ...)."
        )
    return BlobEvents(
        root=found.pop(),
        begins=text(properties.get("blobPathBeginsWith")),
        ends=text(properties.get("blobPathEndsWith")),
        ignore_empty=bool(properties.get("ignoreEmptyBlobs")),
        events=frozenset(items(properties.get("events"))) or frozenset({_CREATED}),
    )


def _text_of(bundle: Bundle, linked_service: str) -> str:
    found = next(entry for entry in bundle.of("linkedService") if entry.name == linked_service)
    return found.content.decode("utf-8", "replace")

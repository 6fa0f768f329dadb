"""Files of a stand-in's folder: where a dataset's location leads, and which files an activity means by it.

Rules: https://learn.microsoft.com/azure/data-factory/connector-azure-blob-storage and its sisters. A container or file
system is a folder in the stand-in's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from bundle.documents import mapping
from local_factory.data.datasets import Dataset
from local_factory.data.errors import copy_error
from local_factory.data.stand_ins import Kind
from local_factory.errors import ActivityError
from local_factory.functions.timestamps import parse_timestamp

# Legacy datasets say container and folder in one; their types have no `location`.
_BLOB_STORES = frozenset({"AzureBlobStorage", "AzureStorage"})


@dataclass(frozen=True)
class SourceFile:
    """A file that an activity reads: where it is, and its path below the dataset's folder."""

    path: Path
    relative: PurePosixPath


@dataclass(frozen=True)
class Location:
    """Where a dataset points: the stand-in's folder, the container in it, the folder and the file below that."""

    root: Path
    container: str
    folder: str
    file: str
    store_type: str
    dataset: str

    @property
    def base(self) -> Path:
        """The container's folder."""
        return self.inside(self.container)

    @property
    def folder_path(self) -> Path:
        """The dataset's folder."""
        return self.inside(self.container, self.folder)

    @property
    def path(self) -> Path:
        """The dataset's file, or its folder when it names no file."""
        return self.inside(self.container, self.folder, self.file)

    @property
    def shown(self) -> str:
        """The place as messages show it: below the stand-in's folder."""
        return "/".join(part.strip("/") for part in (self.container, self.folder, self.file) if part.strip("/"))

    def inside(self, *parts: str) -> Path:
        """Return a path below the stand-in's folder.

        Raises:
            ActivityError: it would lead out of there.
        """
        path = self.root
        for part in parts:
            path = path / part.replace("\\", "/").strip("/")
        # A link within the folder may lead out of it, so the path is judged as it is on the disk.
        resolved = path.resolve()
        if resolved != self.root and self.root not in resolved.parents:
            raise copy_error(
                "UserErrorInvalidPath",
                f"Dataset {self.dataset!r}: '{'/'.join(parts)}' leads out of the folder that stands in",
            )
        return path

    def missing(self, what: str | None = None) -> ActivityError:
        """Return the failure that something is not there, by the store's own error."""
        shown = what or self.shown
        if self.store_type in _BLOB_STORES:
            return copy_error(
                "UserErrorSourceBlobNotExist",
                f"The required Blob is missing. ContainerName: {self.container}, path: {shown}.",
                "Source",
            )
        return copy_error("UserErrorFileNotFound", f"Cannot find the file specified. Path: {shown}.", "Source")


def location_of(dataset: Dataset) -> Location:
    """Return where a dataset of files points.

    Raises:
        ActivityError: no folder stands in for its linked service, or the location is no text.
    """
    root = dataset.linked_service.of_kind(Kind.FOLDER).folder
    properties = dataset.properties
    if "location" in properties:
        place = mapping(properties["location"])
        container = _text(place.get("container") or place.get("fileSystem") or place.get("bucketName"))
        folder, file = _text(place.get("folderPath")), _text(place.get("fileName"))
    elif "bucketName" in properties:
        key = PurePosixPath(_text(properties.get("key") or properties.get("prefix")))
        container, folder, file = _text(properties["bucketName"]), str(key.parent), key.name
    else:
        container, folder, file = "", _text(properties.get("folderPath")), _text(properties.get("fileName"))
        if dataset.linked_service.type in _BLOB_STORES or dataset.type == "AzureBlob":
            container, _, folder = folder.strip("/").partition("/")
    folder = "" if folder in (".", "/") else folder
    return Location(root, container, folder, file, dataset.linked_service.type, dataset.name)


def source_files(location: Location, settings: Mapping[str, Any], *, recursive: bool = True) -> list[SourceFile]:
    """Return the files that a source's `storeSettings` mean, in the order of their paths.

    Args:
        location: where the dataset points.
        settings: `storeSettings`, evaluated.
        recursive: whether subfolders count when the settings do not say.

    Raises:
        ActivityError: what is named is not there, or a path leads out of the stand-in's folder.
    """
    if settings.get("fileListPath"):
        return [file for file in _listed(location, settings) if _in_window(file.path, settings)]
    recursive = _boolean(settings.get("recursive"), default=recursive)
    wildcard = _text(settings.get("wildcardFileName"))
    wildcard_folder = _text(settings.get("wildcardFolderPath"))
    if settings.get("prefix"):
        files = _with_prefix(location, _text(settings["prefix"]))
    elif wildcard or wildcard_folder:
        found = list(_matching(location, wildcard_folder, wildcard or "*", recursive=recursive))
        if not found:
            pattern = "/".join(part.strip("/") for part in (location.container, wildcard_folder, wildcard) if part)
            raise location.missing(pattern)
        files = found
    elif location.file and not _is_pattern(location.file):
        if not location.path.is_file():
            raise location.missing()
        return [SourceFile(location.path, PurePosixPath(location.file))]
    elif location.file:  # legacy datasets may have a wildcard in fileName
        files = list(_matching(location, location.folder, location.file, recursive=False))
    elif location.folder_path.is_file():
        return [SourceFile(location.folder_path, PurePosixPath(location.folder_path.name))]
    else:
        if not location.folder_path.is_dir():
            raise location.missing()
        files = [_below(path, location.folder_path) for path in _walk(location.folder_path, recursive=recursive)]
    return [file for file in files if _in_window(file.path, settings)]


def wildcard_pattern(wildcard: str) -> re.Pattern[str]:
    """Return the pattern of one wildcard: `*` any characters, `?` none or one, `^` takes the next as it is."""
    return _wildcard_pattern(wildcard)


@lru_cache(maxsize=512)
def _wildcard_pattern(wildcard: str) -> re.Pattern[str]:
    parts, escaped = [], False
    for character in wildcard:
        if escaped:
            parts.append(re.escape(character))
            escaped = False
        elif character == "^":
            escaped = True
        else:
            parts.append({"*": "[^/]*", "?": "[^/]?"}.get(character, re.escape(character)))
    return re.compile("".join(parts), re.DOTALL)


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


def _matching(location: Location, folder: str, wildcard: str, *, recursive: bool) -> Iterator[SourceFile]:
    """Yield the files whose folder and name match. The folder's wildcard starts at the container."""
    folder = folder or location.folder
    if not _is_pattern(folder):
        bases = [location.inside(location.container, folder)]
    else:
        parts = [part for part in folder.replace("\\", "/").split("/") if part]
        bases = list(_matching_folders(location.base, parts))
    name = wildcard_pattern(wildcard)
    for base in bases:
        if base.is_dir():
            for path in _walk(base, recursive=recursive):
                if name.fullmatch(path.name):
                    location.inside(path.relative_to(location.root).as_posix())
                    yield _below(path, base)


def _matching_folders(base: Path, parts: list[str]) -> Iterator[Path]:
    if not parts:
        yield base
        return
    if not base.is_dir():
        return
    if not _is_pattern(parts[0]):
        yield from _matching_folders(base / parts[0], parts[1:])
        return
    pattern = wildcard_pattern(parts[0])
    for folder in sorted(entry for entry in base.iterdir() if entry.is_dir()):
        if pattern.fullmatch(folder.name):
            yield from _matching_folders(folder, parts[1:])


def _with_prefix(location: Location, prefix: str) -> list[SourceFile]:
    """Return the blobs of the container whose name begins so; the last slash of the prefix parts folder and rest."""
    base = location.base
    folder = location.inside(location.container, prefix.rpartition("/")[0])
    files = [path for path in _walk(base, recursive=True) if path.relative_to(base).as_posix().startswith(prefix)]
    return [_below(path, folder) for path in files]


def _listed(location: Location, settings: Mapping[str, Any]) -> Iterator[SourceFile]:
    listing = location.inside(_text(settings["fileListPath"]))
    if not listing.is_file():
        raise location.missing(_text(settings["fileListPath"]))
    for line in listing.read_text(encoding="utf-8-sig").splitlines():
        name = line.strip()
        if name:
            path = location.inside(location.container, location.folder, name)
            if not path.is_file():
                raise location.missing("/".join((location.container, location.folder, name)))
            yield SourceFile(path, PurePosixPath(name.replace("\\", "/").strip("/")))


def _walk(folder: Path, *, recursive: bool) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            if recursive:
                yield from _walk(entry, recursive=True)
        else:
            yield entry


def _below(path: Path, folder: Path) -> SourceFile:
    return SourceFile(path, PurePosixPath(path.relative_to(folder).as_posix()))


def modified(path: Path) -> datetime:
    """Return when a file or folder was last changed."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _in_window(path: Path, settings: Mapping[str, Any]) -> bool:
    start, end = settings.get("modifiedDatetimeStart"), settings.get("modifiedDatetimeEnd")
    moment = modified(path)
    return (not start or moment >= _moment(start)) and (not end or moment < _moment(end))


def in_window(path: Path, settings: Mapping[str, Any]) -> bool:
    """Say whether a file was changed from `modifiedDatetimeStart` on and before `modifiedDatetimeEnd`."""
    return _in_window(path, settings)


def _moment(value: Any) -> datetime:
    try:
        return parse_timestamp(str(value), datetime.now(UTC).date()).moment.replace(tzinfo=UTC)
    except ValueError as error:
        raise copy_error("UserErrorInvalidDateTime", f"modifiedDatetimeStart or End: {error}") from None


def _boolean(value: Any, *, default: bool) -> bool:
    if value is None:
        return default
    return value if isinstance(value, bool) else str(value).strip().lower() == "true"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise copy_error("UserErrorInvalidPath", f"expected a text as part of a path, got {value!r}")


def with_file(location: Location, folder: str, file: str) -> Location:
    """Return a location below another's folder."""
    return replace(location, folder=f"{location.folder.rstrip('/')}/{folder}".strip("/"), file=file)

"""Copying files as they are: https://learn.microsoft.com/azure/data-factory/format-binary."""

import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bundle.documents import mapping
from local_factory.data import compression
from local_factory.data.datasets import Dataset
from local_factory.data.errors import copy_error
from local_factory.data.folders import SourceFile, location_of
from local_factory.data.sinks import written_aside
from local_factory.data.sources import input_files
from local_factory.data.work import Work


@dataclass
class Moved:
    """What a copy of files came to."""

    files_read: int = 0
    bytes_read: int = 0
    files: int = 0
    bytes: int = 0


def copy_files(
    work: Work, source_dataset: Dataset, source: Mapping[str, Any], sink_dataset: Dataset, sink: Mapping[str, Any]
) -> Moved:
    """Copy the files that a source means, unpacking and packing where the datasets say so.

    Raises:
        ActivityError: what is named is not there or cannot be written.
    """
    moved = Moved()
    files = input_files(work, source_dataset, source)
    target = location_of(sink_dataset)
    store = mapping(sink.get("storeSettings"))
    behavior = str(store.get("copyBehavior") or sink.get("copyBehavior") or "PreserveHierarchy")
    unpack, pack = compression.codec_of(source_dataset.properties), compression.codec_of(sink_dataset.properties)
    unpack, pack = ("", "") if unpack == pack else (unpack, pack)
    merged = work.folder / "merged"
    for file in files:
        work.check()
        moved.files_read += 1
        moved.bytes_read += file.path.stat().st_size
        for plain, name in _contents(work, file, unpack, source):
            if behavior == "MergeFiles":
                with plain.open("rb") as part, merged.open("ab") as whole:
                    shutil.copyfileobj(part, whole)
                continue
            relative = (
                PurePosixPath(f"data_{uuid.uuid4()}_{uuid.uuid4()}{name.suffix}")
                if behavior == "FlattenHierarchy"
                else name
            )
            if target.file and len(files) > 1:
                raise copy_error(
                    "UserErrorInvalidFolderToFile",
                    f"{len(files)} files cannot go to the one file {target.shown!r}: name none, or set copyBehavior to "
                    "MergeFiles",
                    "Sink",
                )
            extension = compression.EXTENSIONS.get(pack, "") if not target.file else ""
            place = target.file or f"{relative.as_posix()}{extension}"
            _put(plain, target.inside(target.container, target.folder, place), pack, moved, target)
    if behavior == "MergeFiles" and files:
        merged.touch()
        place = target.file or f"data_{uuid.uuid4()}_{uuid.uuid4()}"
        _put(merged, target.inside(target.container, target.folder, place), pack, moved, target)
    if str(mapping(source.get("storeSettings")).get("deleteFilesAfterCompletion", "")).lower() == "true":
        for file in files:
            file.path.unlink()
    return moved


def _contents(
    work: Work, file: SourceFile, codec: str, source: Mapping[str, Any]
) -> Iterator[tuple[Path, PurePosixPath]]:
    """Yield the file itself, or what is in it: in a folder named after an archive unless that is switched off."""
    if not codec:
        yield file.path, file.relative
        return
    settings = mapping(mapping(source.get("formatSettings")).get("compressionProperties"))
    key = "preserveZipFileNameAsFolder" if codec == "zipdeflate" else "preserveCompressionFileNameAsFolder"
    as_folder = str(settings.get(key, True)).lower() == "true"
    for path, inner in compression.unpacked(file.path, codec, work.folder / work.new_name("unpacked-")):
        if compression.is_archive(codec):
            folder = file.relative.parent / file.path.name if as_folder else file.relative.parent
            yield path, folder / inner
        else:
            yield path, file.relative.parent / inner


def _put(source: Path, target: Path, codec: str, moved: Moved, location: Any) -> None:
    with written_aside(target, location) as aside:
        if codec:
            compression.pack(source, codec, aside, target.name.removesuffix(compression.EXTENSIONS.get(codec, "")))
        else:
            shutil.copyfile(source, aside)
    moved.files += 1
    moved.bytes += target.stat().st_size

"""Compressed files and archives, by the codecs that Data Factory names."""

import bz2
import gzip
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from local_factory.data.errors import copy_error

_ARCHIVES = frozenset({"zipdeflate", "targzip", "tar"})
# What a codec adds to a file's name.
EXTENSIONS: Mapping[str, str] = {
    "gzip": ".gz",
    "bzip2": ".bz2",
    "deflate": ".deflate",
    "zipdeflate": ".zip",
    "tar": ".tar",
    "targzip": ".tar.gz",
}
_ROOM = 1024 * 1024


def codec_of(properties: Mapping[str, Any]) -> str:
    """Return the codec, in lower case, that a dataset says in either form; empty for none."""
    compression = properties.get("compression")
    kind = properties.get("compressionCodec") or (compression.get("type") if isinstance(compression, Mapping) else None)
    name = str(kind or "").strip().lower()
    return "" if name == "none" else name


def is_archive(codec: str) -> bool:
    """Say whether a codec holds several files."""
    return codec in _ARCHIVES


def unpacked(path: Path, codec: str, folder: Path) -> list[tuple[Path, PurePosixPath]]:
    """Unpack a file below a folder and return what was in it: each file, and its path within the archive.

    Raises:
        ActivityError: the file is not of that codec, or the codec is not known here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if codec == "zipdeflate":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)  # noqa: S202 - zipfile leaves out what leads outside
        elif codec in ("targzip", "tar"):
            with tarfile.open(path, "r:gz" if codec == "targzip" else "r:") as tar:
                tar.extractall(folder, filter="data")
        else:
            target = folder / (path.stem if path.suffix == EXTENSIONS.get(codec) else path.name)
            with _opened(path, codec) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _ROOM)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
        raise copy_error(
            "UserErrorInvalidCompression", f"'{path.name}' cannot be read as {codec}: {error}", "Source"
        ) from None
    files = sorted(entry for entry in folder.rglob("*") if entry.is_file())
    return [(file, PurePosixPath(file.relative_to(folder).as_posix())) for file in files]


def pack(path: Path, codec: str, target: Path, name: str) -> None:
    """Write a file in packed form; `name` is what it is called within an archive.

    Raises:
        ActivityError: the codec is not known here.
    """
    if codec == "zipdeflate":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, name)
    elif codec in ("targzip", "tar"):
        with tarfile.open(target, "w:gz" if codec == "targzip" else "w:") as tar:
            tar.add(path, name)
    elif codec == "deflate":
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)  # as .NET's DeflateStream: without zlib's header
        with path.open("rb") as source, target.open("wb") as sink:
            while block := source.read(_ROOM):
                sink.write(packer.compress(block))
            sink.write(packer.flush())
    else:
        openers: Mapping[str, Callable[..., IO[bytes]]] = {"gzip": gzip.open, "bzip2": bz2.open}  # type: ignore[dict-item]
        if codec not in openers:
            raise copy_error(
                "UserErrorUnsupportedCompression", f"compression '{codec}' does not run on this machine", "Sink"
            )
        with path.open("rb") as source, openers[codec](target, "wb") as sink:
            shutil.copyfileobj(source, sink, _ROOM)


def _opened(path: Path, codec: str) -> Any:
    if codec == "gzip":
        return gzip.open(path, "rb")
    if codec == "bzip2":
        return bz2.open(path, "rb")
    if codec == "deflate":
        return _Inflated(path)
    raise copy_error("UserErrorUnsupportedCompression", f"compression '{codec}' does not run on this machine", "Source")


class _Inflated:
    """The content of a file that .NET's DeflateStream wrote, or one with zlib's header."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        head = self._file.read(2)
        self._file.seek(0)
        has_header = len(head) == 2 and head[0] & 0x0F == zlib.DEFLATED and (head[0] * 256 + head[1]) % 31 == 0  # noqa: PLR2004
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)

    def read(self, _size: int = -1) -> bytes:
        while block := self._file.read(_ROOM):
            data = self._unpacker.decompress(block)
            if data:
                return data
        return self._unpacker.flush()

    def __enter__(self) -> "_Inflated":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

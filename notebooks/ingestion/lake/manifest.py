"""The manifest of a landing: what was landed, from where, when; and how a schema differs from the one before. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pyspark.sql.types import (
    ArrayType,
    ByteType,
    DataType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    ShortType,
    StructType,
)

from ingestion.lake.storage import FileEntry
from ingestion.platform import strict_json

# Each type holds every value of those before it.
_INTEGERS = (ByteType(), ShortType(), IntegerType(), LongType())
_FLOATS = (FloatType(), DoubleType())
# The layout of what this version writes aside, and leaves when it dies.
LAYOUT = 2
_DATABASE_NAME = re.compile(r"(?i)\bdatabase(?:Name)?=([^;&?]+)")


@dataclass(frozen=True)
class Manifest:
    """What one landing put in place.

    Attributes:
        run_id: of the run that landed it, as in its log.
        target: the table's or file's path.
        format: `parquet`, `delta` or `file`.
        source: where it came from, without credentials; None when not told.
        rows: landed; None for a file.
        files: their names, and the bytes of each.
        bytes: of all files together.
        schema: a table's columns in Spark's JSON form; None for a file.
        checksum: of a file `sha256:HEX` of its bytes; of a table `xxhash64-sum:N`, the sum of `xxhash64` over all
            columns of each row, which does not depend on the rows' order.
        started: when the landing began, in UTC.
        finished: when all was written and checked, just before it was promoted, in UTC.
        layout: of what a landing writes aside; 1 are those before `ingestion.lake.former_layout` was one.
    """

    run_id: str
    target: str
    format: str
    source: str | None
    rows: int | None
    files: Mapping[str, int]
    bytes: int
    schema: Mapping[str, Any] | None
    checksum: str
    started: str
    finished: str
    layout: int = 1

    @property
    def columns(self) -> StructType | None:
        """The schema as Spark's own type; None where there is none, or none that this Spark understands."""
        try:
            return StructType.fromJson(dict(self.schema)) if self.schema else None
        except (ValueError, KeyError, TypeError):
            return None


def manifest_path(name: str) -> str:
    """Return where the manifest of a table or file lies in the lake."""
    return f"_manifests/{name.removesuffix('.json')}.json"


def data_files(entries: Iterable[FileEntry]) -> dict[str, int]:
    """Return the files that readers of a folder see, and the bytes of each."""
    return {entry.name: entry.size for entry in entries if not entry.name.startswith(("_", "."))}


def timestamp(moment: datetime) -> str:
    """Return a moment as a manifest has it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def dump_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as a JSON document."""
    return strict_json.dump(asdict(manifest))


def read_manifest(content: bytes | None) -> Manifest | None:
    """Return the manifest that a JSON document holds, or None where there is none, or only a part of one.

    A manifest that somebody damaged must not keep new data out: it only loses the comparison with it.
    """
    try:
        return Manifest(**json.loads(content or b""))
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True)
class SchemaChange:
    """How a table's columns differ from those of the landing before. Each entry is shown to people as it is.

    Attributes:
        added: new columns, and columns whose type now holds more.
        breaking: columns that vanished, or whose type no longer holds what it held.
    """

    added: tuple[str, ...]
    breaking: tuple[str, ...]

    def __str__(self) -> str:
        """All differences, the breaking ones first."""
        return "; ".join((*self.breaking, *self.added))

    def __bool__(self) -> bool:
        """Say whether anything differs."""
        return bool(self.added or self.breaking)


def compare(old: StructType, new: StructType) -> SchemaChange:
    """Compare two schemas by column name and type; the order of columns and nullability do not count."""
    before = {field.name: field.dataType for field in old}
    after = {field.name: field.dataType for field in new}
    added = [f"new column {name} ({kind.simpleString()})" for name, kind in after.items() if name not in before]
    breaking = [f"column {name} ({kind.simpleString()}) vanished" for name, kind in before.items() if name not in after]
    for name in sorted(before.keys() & after.keys()):
        old_type, new_type = before[name], after[name]
        if new_type != old_type:
            change = f"column {name} changed from {old_type.simpleString()} to {new_type.simpleString()}"
            (added if _is_wider(new_type, old_type) else breaking).append(change)
    return SchemaChange(tuple(added), tuple(breaking))


def without_credentials(jdbc_url: str) -> str:
    """Return a JDBC address with server and database, but without user, password and every other property."""
    base = re.split(r"[;?]", jdbc_url, maxsplit=1)[0]
    # jdbc:oracle:thin:user/password@host, jdbc:mysql://user:password@host
    scheme, at, host = base.rpartition("@")
    if at:
        base = ":".join(scheme.split(":")[:2]) + "://" + host.lstrip("/")
    database = _DATABASE_NAME.search(jdbc_url)
    return f"{base};databaseName={database[1]}" if database else base


def _is_wider(new: DataType, old: DataType) -> bool:
    if isinstance(new, ArrayType) and isinstance(old, ArrayType):
        return _is_wider(new.elementType, old.elementType)
    if isinstance(new, StructType) and isinstance(old, StructType):
        # What is new within a column comes after what was there, as Delta adds it.
        return new.names[: len(old.names)] == old.names and all(
            after.dataType == before.dataType or _is_wider(after.dataType, before.dataType)
            for before, after in zip(old, new, strict=False)
        )
    if isinstance(new, DecimalType) and isinstance(old, DecimalType):
        return new.scale >= old.scale and new.precision - new.scale >= old.precision - old.scale
    return any(
        old in ladder and new in ladder and ladder.index(new) > ladder.index(old) for ladder in (_INTEGERS, _FLOATS)
    )

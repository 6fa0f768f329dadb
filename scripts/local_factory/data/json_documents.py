"""JSON documents as rows and back: https://learn.microsoft.com/azure/data-factory/format-json.

A source may hold one object, lines, objects one after the other or an array; which, is found out.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from local_factory.data.errors import copy_error
from local_factory.data.rows import Rows, in_batches, load
from local_factory.data.types import Column
from local_factory.data.work import Work

_MAX_INT = 2**63 - 1
_STEP = re.compile(r"\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\[(\d+)\]|\.?([^.\[\]]+)")

Path_ = Sequence[str | int]


def read_documents(path: Path, encoding: str, shown: str) -> list[Any]:
    """Return the JSON values of a file: the elements of an array, else each object in it.

    Raises:
        ActivityError: the file is not JSON; the message names it and the place.
    """
    with path.open("rb") as stream:
        head = stream.read(4)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    try:
        text = path.read_text(encoding="utf-8-sig" if encoding == "utf-8" else encoding)
        return documents(text)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise copy_error(
            "JsonInvalidDataFormat", f"Error occurred when deserializing source JSON file '{shown}': {error}", "Source"
        ) from None


def documents(text: str) -> list[Any]:
    """Return the JSON values of a text: the elements of an array, else each value in it.

    Raises:
        ValueError: the text is not JSON.
    """
    decoder = json.JSONDecoder()
    found: list[Any] = []
    position = _next_token(text, 0)
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        found += value if isinstance(value, list) else [value]
        position = _next_token(text, position)
    return found


_SPACE = re.compile(r"[\s,]*")


def _next_token(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def parse_json_path(text: str) -> tuple[bool, Path_]:
    """Return (whether it starts at the root, steps) of a path such as `$['a']['b']`, `['b']`, `$.a[0]` or `a.b`."""
    stripped = text.strip()
    steps: list[str | int] = []
    rest = stripped.removeprefix("$")
    for quoted, double, index, plain in _STEP.findall(rest):
        if index:
            steps.append(int(index))
        else:
            steps.append(re.sub(r"\\(.)", r"\1", quoted or double) or plain)
    return stripped.startswith("$"), steps


def at_path(value: Any, steps: Path_) -> Any:
    """Return what a JSON value has at a path; None when there is nothing."""
    for step in steps:
        if isinstance(value, Mapping) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            return None
    return value


def with_path(document: dict[str, Any], steps: Path_, value: Any) -> None:
    """Put a value into a JSON object, making the objects on the way."""
    for step in steps[:-1]:
        document = document.setdefault(str(step), {})
    document[str(steps[-1])] = value


def flat_rows(work: Work, found: Sequence[Any], rows: Rows) -> Rows:
    """Return documents as rows: a column for each key at the top, in the order in which they come up."""
    names = list(dict.fromkeys(key for document in found if isinstance(document, Mapping) for key in document))
    if any(not isinstance(document, Mapping) for document in found):
        names = names or ["value"]
    values = [
        [document.get(name) if isinstance(document, Mapping) else document for name in names] for document in found
    ]
    return rows_of(work, names, values, rows)


def rows_of(work: Work, names: Sequence[str], values: Sequence[Sequence[Any]], origin: Rows) -> Rows:
    """Return JSON values as rows, each column of the narrowest type that holds all of its values."""
    if not names:
        return Rows("select 1 as c0 where false", (), origin.file, origin.documents, origin.rejected, origin.bytes_read)
    columns = tuple(Column(name, _type_of(row[index] for row in values)) for index, name in enumerate(names))
    plain = (tuple(_plain(value, column.type) for value, column in zip(row, columns, strict=True)) for row in values)
    sql = load(work, columns, in_batches(plain))
    return Rows(sql, columns, origin.file, origin.documents, origin.rejected, origin.bytes_read)


def _type_of(values: Iterable[Any]) -> str:
    kinds = {_kind(value) for value in values if value is not None}
    if kinds == {"BIGINT", "DOUBLE"}:
        return "DOUBLE"
    return kinds.pop() if len(kinds) == 1 else "VARCHAR"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT" if -_MAX_INT - 1 <= value <= _MAX_INT else "DOUBLE"
    return "DOUBLE" if isinstance(value, float) else "VARCHAR"


def _plain(value: Any, kind: str) -> Any:
    if value is None or (kind != "VARCHAR" and not isinstance(value, str)):
        return float(value) if kind == "DOUBLE" and value is not None else value
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_documents(found: Iterable[Any], sink: IO[bytes], encoding: str, *, as_array: bool) -> int:
    """Write JSON values, a line each or as an array, and return how many there were."""
    count = 0
    sink.write(b"[" if as_array else b"")
    for count, document in enumerate(found, 1):
        line = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=json_value)
        before, after = (",\r\n" if count > 1 else "", "") if as_array else ("", "\r\n")
        sink.write(f"{before}{line}{after}".encode(encoding))
    sink.write(b"]" if as_array else b"")
    return count


def json_value(value: Any) -> Any:
    """Return a value of a database or a file as JSON has it, in the forms that Data Factory writes.

    Raises:
        TypeError: it is nothing that a column holds.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) <= _MAX_INT else float(value)
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat()
        if value.tzinfo is None:
            return f"{text}Z"
        return f"{text}{value.isoformat()[-6:]}"
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00Z"
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _timespan(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        import base64

        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [json_value(item) for item in value]
    raise TypeError(f"a value of type {type(value).__name__} has no form in JSON")


def _timespan(value: timedelta) -> str:
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{value.days}." if value.days else ""
    fraction = f".{value.microseconds:06d}0" if value.microseconds else ""
    return f"{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def objects(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows as JSON objects."""
    for row in rows:
        yield {name: json_value(value) for name, value in zip(names, row, strict=True)}

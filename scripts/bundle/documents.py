"""JSON documents of any shape: read without trust in their types; a place in them is named by its JSON path."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bundle.expressions import is_dynamic

ROOT = "$"
_CONTAINERS = (dict, list, Mapping)


def child_path(path: str, key: str | int) -> str:
    """Return the JSON path of a child: `$.a`, `$.a[0]`, and `$['odd key']` where a key is not a plain word."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{key!r}]"


def children(value: object, path: str = ROOT) -> Iterator[tuple[str, str | int, Any]]:
    """Yield (JSON path, key or index, value) of every direct child of a JSON value; nothing of a scalar."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield child_path(path, key), key, child
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield child_path(path, index), index, child


def walk(value: object, path: str = ROOT) -> Iterator[tuple[str, Any]]:
    """Yield (JSON path, value) of a JSON value and of each object and array in it, parents first, in document order."""
    pending = [(path, value)]
    while pending:
        place, item = pending.pop()
        yield place, item
        inner = [(child, value) for child, _, value in children(item, place) if isinstance(value, _CONTAINERS)]
        pending.extend(reversed(inner))


def mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[Any]:
    """Return the value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """Return the value if it is a JSON string, else an empty one."""
    return value if isinstance(value, str) else ""


def is_integer(value: object) -> bool:
    """Say whether a JSON value is a whole number (`true` is none, though Python thinks so)."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_evaluated(value: object) -> bool:
    """Say whether Data Factory evaluates a value: an expression as text, or as `{"value", "type": "Expression"}`."""
    if isinstance(value, str):
        return is_dynamic(value)
    return isinstance(value, Mapping) and value.get("type") == "Expression"

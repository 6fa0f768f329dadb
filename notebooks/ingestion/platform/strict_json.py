"""JSON that means one thing only: what lenient readers let pass is refused before it can be landed."""

import json
import math
from collections import Counter
from typing import Any, NoReturn

from ingestion.platform.errors import MalformedJsonError
from ingestion.platform.excerpt import excerpt

# A country record nests five deep.
_MAX_DEPTH = 64


def parse(content: bytes) -> object:
    """Return the value of a UTF-8 JSON document.

    Raises:
        MalformedJsonError: the document is cut off, not UTF-8, repeats a key in one object, holds NaN, a number out
            of range or half a surrogate pair, or nests too deep. (RFC 8259 leaves all of these open to the reader.)
    """
    try:
        value = json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_object_without_repeats,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
        )
        if _is_deeper(value, _MAX_DEPTH):
            raise MalformedJsonError(f"the JSON nests deeper than {_MAX_DEPTH} levels.")
        # Half a surrogate pair is found by encoding, which is fast without the indentation of a dump.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise MalformedJsonError(f"the JSON is not valid UTF-8: {error}") from error
    except ValueError as error:
        raise MalformedJsonError(f"not well-formed JSON, {len(content)} bytes: {error}") from error
    except RecursionError:
        raise MalformedJsonError(f"the JSON nests deeper than {_MAX_DEPTH} levels.") from None
    return value


def dump(value: object) -> bytes:
    """Return a value as a JSON document in UTF-8, keys in their own order, made to be read by people too."""
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode("utf-8")


def line(value: object) -> bytes:
    """Return a value as a JSON document on one line, without its end."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        [(repeated, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"key {excerpt(repr(repeated), 80)} appears twice in one object")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is out of range")
    return number


def _is_deeper(value: object, levels: int) -> bool:
    """Say whether objects and lists lie this many levels deep; a level at a time, which costs less than recursion."""
    layer: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        layer = [
            child
            for parent in layer
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not layer:
            return False
    return bool(layer)

"""Paths into a JSON value: the part of JSONPath (RFC 9535) that configurations use. Pure: no I/O.

`data.items`, `$.data[0]`, `items[*].id`, `['a.b']`. Own code, because no library of JSONPath is on a cluster, and a
library there would have to be installed at each start; filters, slices and `..` are refused by name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_SEGMENT = re.compile(
    r"""
    \.?\[\s*(?P<index>-?(?:0|[1-9][0-9]*))\s*\]
    | \.?\[\s*(?P<all>\*)\s*\]
    | \.?\[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\]
    | \.?\[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]
    | \.(?P<any>\*)
    | \.(?P<name>[^\s.\[\]'"*?@,()]+)
    """,
    re.VERBOSE,
)
# A step of a path: a key of an object, an index of a list (from its end where negative), None for all of them.
Step = str | int | None


@dataclass(frozen=True)
class JsonPath:
    """A path into a JSON value: its text, and its steps."""

    text: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """The path as it was written."""
        return self.text

    def find(self, value: Any) -> list[Any]:
        """Return all values the path leads to; none where it leads nowhere."""
        found = [value]
        for step in self.steps:
            found = [child for parent in found for child in _children(parent, step)]
        return found

    def first(self, value: Any) -> Any:
        """Return the first value that the path leads to, None where it leads nowhere."""
        return next(iter(self.find(value)), None)


def parse_json_path(text: str) -> JsonPath:
    """Return the path that a text says; a `$` before it may be left out.

    Raises:
        ValueError: it is no path, or one with a filter, a slice or `..`.
    """
    if text in ("$", ""):
        if not text:
            raise ValueError("it is empty; write a path as data.items, or leave it out")
        return JsonPath(text, ())
    rest = text[1:] if text.startswith(("$.", "$[")) else text
    if not rest.startswith((".", "[")):
        rest = f".{rest}"
    steps: list[Step] = []
    while rest:
        segment = _SEGMENT.match(rest)
        if not segment:
            raise ValueError(
                f"{text[:80]!r} cannot be read at {rest[:20]!r}; write names, indexes and stars, as data.items, "
                "data['a.b'][0] or items[*].id: filters, slices and .. are not taken"
            )
        steps.append(_step(segment))
        rest = rest[segment.end() :]
    return JsonPath(text, tuple(steps))


def _step(segment: re.Match[str]) -> Step:
    if segment["index"] is not None:
        return int(segment["index"])
    if segment["all"] or segment["any"]:
        return None
    quoted = segment["single"] if segment["single"] is not None else segment["double"]
    return segment["name"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)


def _children(value: Any, step: Step) -> Iterator[Any]:
    if step is None:
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list):
            yield from value
    elif isinstance(step, str):
        if isinstance(value, dict) and step in value:
            yield value[step]
    elif _is_list(value) and -len(value) <= step < len(value):
        yield value[step]


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)

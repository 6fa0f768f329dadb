"""Paths into JSON documents: `properties.activities[RunNotebook].policy.retry`.

A step is a key, an index, or the `name` of an element of a list: positions move when an activity is added, names stay.
A key that is no plain word stands in quotes: `newClusterSparkConf['spark.master']`. A leading `$.` is allowed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bundle.errors import JsonPathError

Step = str | int

_STEP = re.compile(
    r"""(?:^|(?<=.)\.)(?P<key>[^.\[\]'"]+)      # a key, after a dot unless it is the first
      | \[(?P<index>\d+)\]
      | \['(?P<quoted>(?:[^'\\]|\\.)+)'\]
      | \[(?P<name>[^\[\]'"]+)\]""",
    re.VERBOSE,
)
_WORD = re.compile(r"[A-Za-z_$@][\w$@-]*")


def parse_path(text: str) -> tuple[Step, ...]:
    """Return the steps of a path.

    Raises:
        JsonPathError: the text is not a path.
    """
    rest = text.strip().removeprefix("$").removeprefix(".")
    steps: list[Step] = []
    position = 0
    while position < len(rest):
        step = _STEP.match(rest, position)
        if not step:
            break
        if step["index"] is not None:
            steps.append(int(step["index"]))
        else:
            quoted = re.sub(r"\\(.)", r"\1", step["quoted"]) if step["quoted"] else None
            steps.append(step["key"] or quoted or step["name"])
        position = step.end()
    if not steps or position < len(rest):
        raise JsonPathError(f"{text!r} is no JSON path. Write one such as properties.typeProperties.baseUrl.")
    return tuple(steps)


def format_path(steps: Sequence[Step]) -> str:
    """Return the text of a path: what `parse_path` reads back as the same steps."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _WORD.fullmatch(step):
            text += f".{step}" if text else step
        else:
            quoted = step.replace("\\", "\\\\").replace("'", "\\'")
            text += f"['{quoted}']"
    return text


def replace_value(document: Any, path: str, value: Any) -> Any:
    """Return a copy of a document in which the value at an existing path is another.

    Raises:
        JsonPathError: the path leads nowhere; the message says how far it leads.
    """
    return _replace(document, parse_path(path), (), value)


def _replace(node: Any, steps: tuple[Step, ...], walked: tuple[Step, ...], value: Any) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    here = format_path(walked) or "the document"
    if isinstance(node, Mapping):
        if step not in node:
            raise JsonPathError(f"{format_path((*walked, step))}: no such key; {here} has {', '.join(node) or 'none'}.")
        return {
            key: _replace(item, rest, (*walked, step), value) if key == step else item for key, item in node.items()
        }
    if isinstance(node, list):
        position = step if isinstance(step, int) else _position_of(step, node)
        if position is None or position >= len(node):
            raise JsonPathError(f"{format_path((*walked, step))}: {here} is a list without that element.")
        changed = _replace(node[position], rest, (*walked, step), value)
        return [*node[:position], changed, *node[position + 1 :]]
    raise JsonPathError(f"{format_path((*walked, step))}: {here} is a plain value.")


def _position_of(name: str, elements: list[Any]) -> int | None:
    for position, element in enumerate(elements):
        if isinstance(element, Mapping) and element.get("name") == name:
            return position
    return None

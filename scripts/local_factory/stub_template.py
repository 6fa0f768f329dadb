"""A first file of stubs for a pipeline: an entry for each activity that needs one, with the shape of its output."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bundle.bundle import Pipeline
from bundle.documents import mapping
from bundle.expressions import Access, Call, Expression, Interpolation, Literal
from local_factory.startup_checks import Lack

# What an activity of each type answers at least, where it is not what the pipeline reads of it.
_SHAPES: Mapping[str, Mapping[str, Any]] = {
    "Copy": {"dataRead": 0, "dataWritten": 0, "rowsRead": 0, "rowsCopied": 0, "copyDuration": 1},
    "Lookup": {"firstRow": {}},
    "GetMetadata": {"exists": True},
    "Delete": {"filesDeleted": 0},
    "Script": {"resultSetCount": 0, "resultSets": [], "recordsAffected": 0},
    "ExecuteDataFlow": {"runStatus": {"metrics": {}}},
    "DatabricksNotebook": {"runPageUrl": "", "runOutput": ""},
    "SynapseNotebook": {"status": {"Output": {"result": {"exitValue": ""}}}},
}

_HEAD = """\
# What these activities answer instead of running. Besides output: status = "Failed",
# error = {errorCode = "", message = ""}, seconds = 5, tries = [{...}, {...}] for one try after the other.
# Texts that begin with @ are expressions.
"""


def stub_template(lacking: Sequence[Lack]) -> str:
    """Return TOML that stubs the activities that lack something.

    An output has the keys that Microsoft documents for the type, and those that the pipeline's expressions read.
    """
    entries: dict[str, str] = {}
    for lack in lacking:
        name = f"{lack.pipeline.resource.name}/{lack.activity.name}"
        output = dict(_SHAPES.get(lack.activity.type, {}))
        if lack.activity.type == "Lookup" and lack.activity.type_properties.get("firstRowOnly") is False:
            output = {"count": 0, "value": []}
        for path in _paths_read(lack.pipeline, lack.activity.name):
            output = _with_path(output, path)
        lines = [f"# {lack.activity.type}", f"[{_quoted(name)}]", f"output = {_toml(output)}"]
        entries.setdefault(name, "\n".join(lines))
    return "\n".join([_HEAD, "\n\n".join(entries.values()), ""])


def _paths_read(pipeline: Pipeline, activity: str) -> Iterator[list[str | int]]:
    """Yield the paths below `activity('NAME').output` that a pipeline's expressions read."""
    for placed in pipeline.expressions:
        if placed.tree is not None:
            for steps in _accesses(placed.tree, activity):
                if steps and str(steps[0]).casefold() == "output" and len(steps) > 1:
                    yield steps[1:]


def _accesses(expression: Expression, activity: str) -> Iterator[list[str | int]]:
    match expression:
        case Access():
            steps: list[str | int] = []
            node: Expression = expression
            while isinstance(node, Access):
                key = node.key.value if isinstance(node.key, Literal) else None
                steps = [key, *steps] if isinstance(key, str | int) else []
                node = node.target
            if _is_activity(node, activity):
                yield steps
            else:
                yield from _accesses(expression.target, activity)
                yield from _accesses(expression.key, activity)
        case Call():
            for argument in expression.arguments:
                yield from _accesses(argument, activity)
        case Interpolation():
            for part in expression.parts:
                yield from _accesses(part, activity)


def _is_activity(node: Expression, activity: str) -> bool:
    if not isinstance(node, Call) or node.function.lower() != "activity" or len(node.arguments) != 1:
        return False
    name = node.arguments[0]
    return isinstance(name, Literal) and str(name.value).casefold() == activity.casefold()


def _with_path(value: Any, path: Sequence[str | int]) -> Any:
    """Return a JSON value that has something at a path: an empty text where there was nothing."""
    if not path:
        return "" if value is None else value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items = list(value) if isinstance(value, list) else []
        items += [None] * (step + 1 - len(items))
        items[step] = _with_path(items[step], rest)
        return ["" if item is None else item for item in items]
    known = dict(mapping(value))
    key = next((name for name in known if name.casefold() == step.casefold()), step)
    return {**known, key: _with_path(known.get(key), rest)}


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "_").replace("_", "a").isalnum() else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

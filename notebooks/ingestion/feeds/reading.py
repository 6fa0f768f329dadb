"""Reads TOML values into the dataclasses of `model`, whatever those are: types decide what is taken.

Own code in place of a library for this: each notebook would pay for importing one, its messages would have to be made
anew to name the way out, and `schema.json` comes from the same types.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from ingestion.feeds.checks import read_check
from ingestion.feeds.durations import parse_duration
from ingestion.feeds.json_path import JsonPath, parse_json_path
from ingestion.feeds.model import AtLeast, Between, CheckSpec, ForEachValue, Secret
from ingestion.feeds.settings import is_open
from ingestion.feeds.toml_lines import Path
from ingestion.platform.names import nearest

# What is told of a value: where it stands, what is wrong and the way out.
Report = Callable[[Path, str], None]
WRONG: Any = object()
_SECRET_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    datetime: "a date and time",
    date: "a date",
    time: "a time",
}


def keys_of(kind: Any) -> Mapping[str, Field[Any]]:
    """Return the keys that a table may have, by the dataclass that it is read into."""
    return _keys(kind)


def hints_of(kind: Any) -> Mapping[str, Any]:
    """Return the types of a dataclass's fields."""
    return _hints(kind)


@cache
def _keys(kind: Any) -> Mapping[str, Field[Any]]:
    return {field.name.rstrip("_"): field for field in fields(kind) if not field.metadata.get("computed")}


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def read(kind: Any, value: Any, path: Path, report: Report) -> Any:  # noqa: PLR0911 - one line a kind of type
    """Return a TOML value as a type says, or `WRONG` when something was reported."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _bounded(kind, value, path, report)
    if origin is Literal:
        return _one_of(get_args(kind), value, path, report)
    if origin in (Union, UnionType):
        return _either(get_args(kind), value, path, report)
    if origin is tuple:
        return _list(get_args(kind)[0], value, path, report)
    if origin is Mapping or origin is dict:
        return _mapping(get_args(kind)[1], value, path, report)
    if kind is timedelta:
        return _parsed(parse_duration, value, path, report)
    if kind is JsonPath:
        return _parsed(parse_json_path, value, path, report)
    if kind is CheckSpec:
        return _told(read_check(value, path, report))
    if kind is ForEachValue:
        return _for_each_value(value, path, report)
    if kind is Secret:
        return _secret(value, path, report)
    if is_dataclass(kind):
        return read_table(kind, value, path, report)
    return _scalar((kind,), value, path, report)


def read_table(kind: Any, value: Any, path: Path, report: Report) -> Any:
    """Return a table as a dataclass, or `WRONG`; every key that is wrong is reported."""
    if not isinstance(value, Mapping):
        return _refuse(path, f"it is {shown(value)}; write a table: {{ {', '.join(keys_of(kind))} }}", report)
    keys, types = keys_of(kind), hints_of(kind)
    arguments: dict[str, Any] = {}
    is_wrong = False
    for key, item in value.items():
        if key not in keys:
            report((*path, key), f"no such key. {nearest(key, keys)}")
            is_wrong = True
            continue
        field = keys[key]
        if is_open(item) and types[field.name] is not str and not _is_required(field):
            continue
        arguments[field.name] = read(types[field.name], item, (*path, key), report)
        is_wrong |= arguments[field.name] is WRONG
    for key, field in keys.items():
        if key not in value and _is_required(field):
            report((*path, key), "is missing, and has no default")
            is_wrong = True
    return WRONG if is_wrong else kind(**arguments)


def shown(value: Any) -> str:
    """Return what a value is, for a message: a short text as it is, of all else the kind."""
    if isinstance(value, str):
        return repr(value[:80])
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return "a list" if isinstance(value, list) else "a table" if isinstance(value, Mapping) else f"{value}"


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _refuse(path: Path, message: str, report: Report) -> Any:
    report(path, message)
    return WRONG


def _told(value: Any) -> Any:
    return WRONG if value is None else value


def _bounded(kind: Any, value: Any, path: Path, report: Report) -> Any:
    number, bound = get_args(kind)
    found = read(number, value, path, report)
    if found is WRONG:
        return WRONG
    match bound:
        case AtLeast(least) if not found >= least:
            return _refuse(path, f"it is {value}; the least is {least:g}", report)
        case Between(least, most) if not least <= found <= most:
            return _refuse(path, f"it is {value}; write a number from {least:g} to {most:g}", report)
    return found


def _one_of(words: Sequence[str], value: Any, path: Path, report: Report) -> Any:
    if value in words and isinstance(value, str):
        return value
    if is_open(value):
        return words[0]
    if isinstance(value, str):
        return _refuse(path, f"{value[:80]!r} is not known. {nearest(value, words)}", report)
    return _refuse(path, f"it is {shown(value)}; write one of {', '.join(map(repr, words))}", report)


def _either(kinds: Sequence[Any], value: Any, path: Path, report: Report) -> Any:
    kinds = [kind for kind in kinds if kind is not NoneType]
    if len(kinds) == 1:
        return read(kinds[0], value, path, report)
    tagged = {tag: kind for kind in kinds if is_dataclass(kind) for tag in _tags(kind)}
    if tagged:
        return _tagged(tagged, value, path, report)
    if Secret in kinds and isinstance(value, Mapping):
        return _secret(value, path, report)
    return _scalar([kind for kind in kinds if kind is not Secret], value, path, report)


def _tags(kind: Any) -> Sequence[str]:
    return get_args(hints_of(kind)["type"]) if "type" in hints_of(kind) else ()


def _tagged(kinds: Mapping[str, Any], value: Any, path: Path, report: Report) -> Any:
    if not isinstance(value, Mapping):
        first = next(iter(kinds))
        return _refuse(path, f'it is {shown(value)}; write a table, as {{ type = "{first}" }}', report)
    tag = value.get("type")
    if tag is None:
        return _refuse(path, f"has no type. {nearest('', kinds)}", report)
    if tag not in kinds if isinstance(tag, str) else True:
        return _refuse((*path, "type"), f"{shown(tag)} is not known. {nearest(str(tag), kinds)}", report)
    return read_table(kinds[tag], value, path, report)


def _list(kind: Any, value: Any, path: Path, report: Report) -> Any:
    if not isinstance(value, list):
        return _refuse(path, f"it is {shown(value)}; write a list: [...]", report)
    items = [read(kind, item, (*path, number), report) for number, item in enumerate(value)]
    if WRONG in items:
        return WRONG
    return tuple(items)


def _mapping(kind: Any, value: Any, path: Path, report: Report) -> Any:
    if not isinstance(value, Mapping):
        return _refuse(path, f"it is {shown(value)}; write a table: {{ NAME = VALUE }}", report)
    items = {key: read(kind, item, (*path, key), report) for key, item in value.items()}
    return WRONG if any(item is WRONG for item in items.values()) else items


def _parsed(parse: Callable[[str], Any], value: Any, path: Path, report: Report) -> Any:
    if not isinstance(value, str):
        return _refuse(path, f"it is {shown(value)}; write a text", report)
    try:
        return parse(value)
    except ValueError as error:
        return _refuse(path, str(error), report)


def _for_each_value(value: Any, path: Path, report: Report) -> Any:
    kind = str | int | float | bool
    if not isinstance(value, Mapping):
        found = read(kind, value, path, report)
        return WRONG if found is WRONG else ForEachValue(found)
    if "value" not in value:
        return _refuse(path, 'is a table without the key "value", which the column and {NAME} take', report)
    items = {key: read(kind, item, (*path, key), report) for key, item in value.items()}
    if any(item is WRONG for item in items.values()):
        return WRONG
    return ForEachValue(items.pop("value"), items)


def _secret(value: Any, path: Path, report: Report) -> Any:
    """Read the name of a secret. What stands in its place is never shown: it may be the secret."""
    if not isinstance(value, Mapping):
        return _refuse(
            path,
            'is a secret in plain text; store it in the secret scope, and write its name: { secret = "KEY" }',
            report,
        )
    found = read_table(Secret, value, path, report)
    if found is not WRONG and not _SECRET_NAME.fullmatch(found.secret):
        return _refuse((*path, "secret"), "is no secret's name: letters, digits, - _ and . only", report)
    return found


def _scalar(kinds: Sequence[Any], value: Any, path: Path, report: Report) -> Any:
    for kind in kinds:
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return float(value)
    wanted = " or ".join(_NAMES[kind] for kind in kinds)
    return _refuse(path, f"it is {shown(value)}; write {wanted}", report)

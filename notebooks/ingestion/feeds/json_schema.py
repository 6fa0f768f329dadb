"""The JSON Schema of a source's file, made of the dataclasses of `model`: `python -m ingestion.feeds.json_schema`.

Editors complete and check by it. `notebooks/sources/schema.json` is its output, checked in.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import MISSING, Field
from datetime import date, datetime, time, timedelta
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from ingestion.feeds.checks import FORMS, SEVERITIES
from ingestion.feeds.durations import PATTERN
from ingestion.feeds.json_path import JsonPath
from ingestion.feeds.model import AtLeast, Between, CheckSpec, ForEachValue
from ingestion.feeds.reading import hints_of, keys_of
from ingestion.feeds.sources import TYPES

Schema = dict[str, Any]
_SETTING: Schema = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}
_SIMPLE: Mapping[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    # What a TOML date is to an editor that checks by JSON Schema differs; it is let pass.
    datetime: {},
    date: {},
    time: {},
    timedelta: {"type": "string", "pattern": PATTERN},
    JsonPath: {"type": "string", "minLength": 1},
}
_ARGUMENTS: Mapping[str, Schema] = {
    "text": {"type": "string", "minLength": 1},
    "bound": {},
    "list": {"type": "array", "minItems": 1},
    "share": {"type": "number", "minimum": 0, "maximum": 1},
    "duration": _SIMPLE[timedelta],
}


def json_schema() -> Schema:
    """Return the schema."""
    definitions: dict[str, Schema] = {}
    files = [_file(name, definitions) for name in TYPES]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A source and its feeds",
        "description": "One source system of continuous-ingestion: what is ingested, as data.",
        "type": "object",
        "required": ["source"],
        "properties": {
            "source": {"type": "object", "required": ["type"], "properties": {"type": {"enum": list(TYPES)}}}
        },
        "oneOf": files,
        "definitions": dict(sorted(definitions.items())),
    }


def main() -> int:
    """Print the schema."""
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
    return 0


def _file(name: str, definitions: dict[str, Schema]) -> Schema:
    kind = TYPES[name]
    feed = _table(kind.feed, definitions)
    definitions[kind.feed.__name__] = feed
    own = ("name", "destination")
    place = f"#/definitions/{kind.feed.__name__}"
    defaults = {key: {"$ref": f"{place}/properties/{key}"} for key in feed["properties"] if key not in own}
    # What else a feed needs, a default may say.
    definitions[kind.feed.__name__] = {**feed, "required": [key for key in feed["required"] if key in own]}
    return {
        "type": "object",
        "required": ["source"],
        "properties": {
            "source": _schema(kind.source, definitions),
            "defaults": {
                "description": f"Any key of [[{kind.feeds_key}]], for all of them.",
                "type": "object",
                "properties": defaults,
                "additionalProperties": False,
            },
            kind.feeds_key: {"type": "array", "minItems": 1, "items": {"$ref": place}},
        },
        "additionalProperties": False,
    }


def _schema(kind: Any, definitions: dict[str, Schema]) -> Schema:  # noqa: PLR0911 - one line a kind of type
    origin = get_origin(kind)
    if origin is Annotated:
        number, bound = get_args(kind)
        match bound:
            case AtLeast(least):
                return _SIMPLE[number] | {"minimum": least}
            case Between(least, most):
                return _SIMPLE[number] | {"minimum": least, "maximum": most}
    if origin is Literal:
        words = list(get_args(kind))
        return {"const": words[0]} if len(words) == 1 else {"anyOf": [{"enum": words}, _SETTING]}
    if origin in (Union, UnionType):
        return _any_of([member for member in get_args(kind) if member is not NoneType], definitions)
    if origin is tuple:
        return {"type": "array", "items": _schema(get_args(kind)[0], definitions)}
    if origin is Mapping or origin is dict:
        return {"type": "object", "additionalProperties": _schema(get_args(kind)[1], definitions)}
    if kind is CheckSpec:
        return _named("Check", definitions, _check)
    if kind is ForEachValue:
        return _named("ForEachValue", definitions, _for_each_value)
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    return _named(kind.__name__, definitions, lambda: _table(kind, definitions))


def _any_of(kinds: list[Any], definitions: dict[str, Schema]) -> Schema:
    schemas = [_schema(kind, definitions) for kind in kinds]
    if {} in schemas:
        return {}
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _named(name: str, definitions: dict[str, Schema], make: Any) -> Schema:
    if name not in definitions:
        definitions[name] = {}
        definitions[name] = make()
    return {"$ref": f"#/definitions/{name}"}


def _table(kind: Any, definitions: dict[str, Schema]) -> Schema:
    types, texts = hints_of(kind), _descriptions(kind)
    properties = {}
    for key, field in keys_of(kind).items():
        schema = _schema(types[field.name], definitions)
        properties[key] = _described(schema, texts.get(field.name), _default(field))
    table: Schema = {
        "description": cleandoc(kind.__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    required = [
        key for key, field in keys_of(kind).items() if field.default is MISSING and field.default_factory is MISSING
    ]
    return table | ({"required": required} if required else {})


def _described(schema: Schema, text: str | None, default: Any) -> Schema:
    # In this draft what stands beside a $ref is not read.
    described: Schema = {"allOf": [schema]} if "$ref" in schema and (text or default is not None) else dict(schema)
    if text:
        described["description"] = text
    if default is not None:
        described["default"] = default
    return described


def _default(field: Field[Any]) -> Any:
    value = field.default
    return value if isinstance(value, str | int | float) and value != "" else None


def _descriptions(kind: Any) -> dict[str, str]:
    """Return what the docstrings of a dataclass and its bases say of their fields."""
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        _, _, attributes = cleandoc(base.__dict__.get("__doc__") or "").partition("Attributes:\n")
        for name, text in re.findall(r"^    (\w+): ((?:.|\n(?!    \w+: ))*)", attributes, re.MULTILINE):
            texts[name] = re.sub(r"\s+", " ", text).strip().replace("`", "")
    return texts


def _check() -> Schema:
    column: Schema = {"type": "string", "minLength": 1}
    forms: Mapping[str | None, Schema] = {
        "one": column,
        "several": {"anyOf": [column, {"type": "array", "items": column, "minItems": 1}]},
        None: {"const": True},
    }
    return {
        "description": "What rows have to be like.",
        "oneOf": [
            {
                "type": "object",
                "required": [kind, *(form.arguments if form.needed == "all" else ())],
                "properties": {
                    kind: forms[form.columns],
                    **{key: _ARGUMENTS[argument] for key, argument in form.arguments.items()},
                    "severity": {"enum": list(SEVERITIES)},
                },
                "additionalProperties": False,
            }
            for kind, form in FORMS.items()
        ],
    }


def _for_each_value() -> Schema:
    scalar: Schema = {"type": ["string", "number", "boolean"]}
    return {"anyOf": [scalar, {"type": "object", "required": ["value"], "additionalProperties": scalar}]}


if __name__ == "__main__":
    sys.exit(main())

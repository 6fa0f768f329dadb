"""The form of "Trigger now": a field for each parameter of a pipeline, by its declared type."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_factory.parameters import WrongTypeError, read_argument

_LONG_TEXT = 60


@dataclass(frozen=True)
class Field:
    """One parameter as a form shows it: `kind` is `text`, `secret`, `number`, `choice` or `json`."""

    name: str
    type: str
    kind: str
    value: str
    required: bool
    default: str | None
    long: bool
    problem: str = ""


def read_form(
    declared: Mapping[str, Any], given: Mapping[str, str] | None = None
) -> tuple[Sequence[Field], dict[str, Any]]:
    """Return a pipeline's fields, and the values that were filled in.

    Args:
        declared: the pipeline's `parameters`, `{name: {"type", "defaultValue"}}`.
        given: what was filled in, None for a form that nobody filled in yet.

    Returns:
        The fields, with a problem where what was filled in does not fit; and the values by name, without those that
        were left at their default.
    """
    fields: list[Field] = []
    values: dict[str, Any] = {}
    for name, declaration in declared.items():
        type_name = str(declaration.get("type", "String"))
        default = declaration.get("defaultValue")
        shown = None if default is None else _as_text(default, type_name)
        kind = _KINDS.get(type_name.lower(), "text")
        preset = "" if kind == "secret" or shown is None else shown
        entered = preset if given is None else given.get(name, "").replace("\r\n", "\n")
        problem = ""
        if given is not None:
            problem = _read(name, entered, type_name, shown, values)
        long = kind == "json" or "\n" in entered or len(entered) > _LONG_TEXT
        # A secret is not sent back to the page.
        value = "" if kind == "secret" else entered
        fields.append(Field(name, type_name, kind, value, default is None, shown, long, problem))
    return fields, values


_KINDS: Mapping[str, str] = {
    "securestring": "secret",
    "int": "number",
    "float": "number",
    "bool": "choice",
    "array": "json",
    "object": "json",
}


def _read(name: str, entered: str, type_name: str, default: str | None, values: dict[str, Any]) -> str:
    """Take a field's value up; return what is wrong with it, empty when nothing is."""
    text_type = type_name.lower() in ("string", "securestring")
    if entered == "" and (default is None or not text_type or type_name.lower() == "securestring"):
        return f"{name} is required." if default is None else ""
    if entered == default:
        return ""
    try:
        values[name] = read_argument(entered if text_type else _json_text(entered, type_name), type_name)
    except WrongTypeError:
        return f"{name} must be {_EXPECTED.get(type_name.lower(), type_name)}; this is not."
    return ""


_EXPECTED: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": 'a JSON array, such as ["a", "b"]',
    "object": 'a JSON object, such as {"key": "value"}',
}


def _json_text(entered: str, type_name: str) -> str:
    return entered.strip().lower() if type_name.lower() == "bool" else entered.strip()


def _as_text(value: Any, type_name: str) -> str:
    if isinstance(value, str):
        return value
    indent = 2 if type_name.lower() in ("array", "object") and value else None
    return json.dumps(value, ensure_ascii=False, indent=indent)

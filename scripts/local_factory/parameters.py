"""Values of declared types: pipeline parameters and variables, as given in JSON, by a caller or on the command line."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from local_factory.errors import ArgumentError

# What monitoring shows in place of a secret.
MASK = "********"


class WrongTypeError(Exception):
    """A value does not fit the type that was declared for it; the text says what was expected and what came."""


def resolve(declared: Mapping[str, Any], given: Mapping[str, Any], pipeline: str) -> dict[str, Any]:
    """Return the value of every declared parameter: the given one, else its default.

    Args:
        declared: the pipeline's `parameters` object, `{name: {"type": ..., "defaultValue": ...}}`.
        given: values by name.
        pipeline: the pipeline's name, for messages.

    Raises:
        ArgumentError: a value is of the wrong type, a required one is missing, or one is given that is not declared.
    """
    names = {name.lower(): name for name in declared}
    unknown = [name for name in given if name.lower() not in names]
    if unknown:
        raise ArgumentError(
            f"{pipeline}: has no parameter {unknown[0]!r}. It declares: {', '.join(declared) or 'none'}."
        )
    values = {names[name.lower()]: value for name, value in given.items()}
    resolved = {}
    for name, declaration in declared.items():
        if name not in values and declaration.get("defaultValue") is None:
            raise ArgumentError(
                f"{pipeline}: parameter {name!r} ({declaration['type']}) is required and was not given. "
                f"Pass it: --param {name}=VALUE."
            )
        value = values.get(name, declaration.get("defaultValue"))
        try:
            resolved[name] = convert(value, declaration["type"])
        except WrongTypeError as error:
            raise ArgumentError(f"{pipeline}: parameter {name!r}: {error}") from None
    return resolved


def without_secrets(declared: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as monitoring may show them: a SecureString's value is masked."""
    secure = secure_names(declared)
    return {name: MASK if name.lower() in secure else value for name, value in values.items()}


def secure_names(declared: Mapping[str, Any]) -> frozenset[str]:
    """Return the names, in lower case, of the parameters whose values are secrets."""
    return frozenset(
        name.lower() for name, declaration in declared.items() if declaration["type"].lower() == "securestring"
    )


def convert(value: Any, type_name: str) -> Any:
    """Return a JSON value as the declared type wants it.

    A String takes numbers and booleans as text, and numbers take text that is one, since a notebook's "601" may
    arrive either way; nothing else is converted.

    Raises:
        WrongTypeError: the value does not fit the type.
    """
    kind = type_name.lower()
    if kind in ("string", "securestring") and isinstance(value, str | int | float):
        return _as_text(value)
    if kind in ("int", "integer") and _is_integer(value):
        return int(value)
    if kind == "float" and _is_number(value):
        return float(value)
    if kind in ("bool", "boolean") and isinstance(value, bool):
        return value
    if kind == "array" and isinstance(value, list):
        return value
    if kind == "object" and isinstance(value, dict | list):
        return value
    raise WrongTypeError(f"expected {type_name}, got {json.dumps(value, ensure_ascii=False)}")


def read_argument(text: str, type_name: str) -> Any:
    """Return a command line's text as a value of the declared type: String as it is, the others as JSON.

    Raises:
        WrongTypeError: the text is not JSON, or not of the type.
    """
    if type_name.lower() in ("string", "securestring"):
        return text
    try:
        return convert(json.loads(text), type_name)
    except ValueError:
        raise WrongTypeError(f"expected {type_name} as JSON, got {text!r}") from None


def read_arguments(arguments: Sequence[str], declared: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the parameters that `NAME=VALUE` arguments give to each pipeline that declares them.

    Args:
        arguments: the command line's `NAME=VALUE` texts.
        declared: each pipeline's `parameters` object, by the pipeline's name.

    Raises:
        ArgumentError: an argument is not of that form, is of the wrong type, or is declared nowhere; or a pipeline's
            required parameter is not given.
    """
    given: dict[str, dict[str, Any]] = {pipeline: {} for pipeline in declared}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals or not name:
            raise ArgumentError(f"--param {argument}: expected NAME=VALUE.")
        takers = [(p, d) for p, parameters in declared.items() for d in parameters if d.lower() == name.lower()]
        if not takers:
            raise ArgumentError(f"--param {name}: none of {', '.join(declared)} declares this parameter.")
        for pipeline, parameter in takers:
            try:
                given[pipeline][parameter] = read_argument(text, declared[pipeline][parameter]["type"])
            except WrongTypeError as error:
                raise ArgumentError(f"--param {name}: {pipeline}: {error}.") from None
    for pipeline, parameters in declared.items():
        resolve(parameters, given[pipeline], pipeline)
    return given


def check_variable(value: Any, type_name: str) -> None:
    """Refuse a value that a variable of this type does not take: no conversion happens on assignment.

    Raises:
        WrongTypeError: the value is not of the variable's type.
    """
    kinds: Mapping[str, type | tuple[type, ...]] = {
        "string": str,
        "boolean": bool,
        "bool": bool,
        "integer": int,
        "int": int,
        "float": (int, float),
        "array": list,
    }
    kind = type_name.lower()
    numeric_bool = isinstance(value, bool) and kind not in ("boolean", "bool")
    if numeric_bool or not isinstance(value, kinds.get(kind, object)):
        raise WrongTypeError(f"expected {type_name}, got {json.dumps(value, ensure_ascii=False)}")


def _as_text(value: str | float) -> str:
    return value if isinstance(value, str) else str(value)


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return value.strip().lstrip("+-").isdigit()
    return isinstance(value, int)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | float) and not isinstance(value, bool)

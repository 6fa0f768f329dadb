"""Values of declared types: pipeline parameters and variables, as given in JSON, by a caller or on the command line."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_factory.errors import ArgumentError

# What monitoring shows in place of a secret.
MASK = "********"


class WrongTypeError(Exception):
    """A value does not fit the type that was declared for it; the text says what was expected and what came."""


def resolve(declared: Mapping[str, Any], given: Mapping[str, Any], pipeline: str) -> dict[str, Any]:
    """Return the value of every declared parameter: the given one, else its default, else null.

    As the service does, a caller may leave out what has no default, give null, and give what is not declared (which is
    ignored): pipelines in production are built on each of these. Whoever starts a run by hand is asked for more, see
    `check_given`.

    Args:
        declared: the pipeline's `parameters` object, `{name: {"type": ..., "defaultValue": ...}}`.
        given: values by name; names ignore case.
        pipeline: the pipeline's name, for messages.

    Raises:
        ArgumentError: a value is of the wrong type.
    """
    values = {name.casefold(): value for name, value in given.items()}
    resolved = {}
    for name, declaration in declared.items():
        value = values.get(name.casefold(), declaration.get("defaultValue"))
        try:
            resolved[name] = None if value is None else convert(value, declaration["type"])
        except WrongTypeError as error:
            if name.casefold() in values:
                raise ArgumentError(f"{pipeline}: parameter {name!r}: {error}") from None
            resolved[name] = value  # a default is not looked at until it is used
    return resolved


def check_given(declared: Mapping[str, Any], given: Mapping[str, Any], pipeline: str) -> None:
    """Refuse to start a run by hand without a parameter that has no default, or with one that is not declared.

    Raises:
        ArgumentError: the message names the pipeline and the parameter.
    """
    names = {name.casefold() for name in given}
    known = {name.casefold() for name in declared}
    if unknown := [name for name in given if name.casefold() not in known]:
        raise ArgumentError(
            f"{pipeline}: has no parameter {unknown[0]!r}. It declares: {', '.join(declared) or 'none'}."
        )
    for name, declaration in declared.items():
        if name.casefold() not in names and declaration.get("defaultValue") is None:
            raise ArgumentError(
                f"{pipeline}: parameter {name!r} ({declaration['type']}) is required and was not given. "
                f"Pass it: --param {name}=VALUE."
            )


def default_of_variable(declaration: Mapping[str, Any], evaluate: Callable[[Any], Any]) -> Any:
    """Return what a variable holds when the run starts: its default, evaluated, else the empty value of its type.

    Raises:
        ExpressionError: the default cannot be evaluated.
    """
    default = evaluate(declaration.get("defaultValue"))
    if default is None:
        return _EMPTY.get(declaration["type"].lower())
    try:
        return convert(default, declaration["type"])
    except WrongTypeError:
        return default


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

    A String takes numbers and booleans as text, the others take text that spells one: a notebook's "601" may arrive
    either way, and Studio's defaults are often text. Nothing else is converted.

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
    if kind in ("bool", "boolean") and _is_boolean(value):
        return str(value).lower() == "true"
    if kind in _COMPOUND:
        compound = _from_json(value) if isinstance(value, str) else value
        if isinstance(compound, _COMPOUND[kind]):
            return compound
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
        check_given(parameters, given[pipeline], pipeline)
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


# What a variable without default holds, by its type. Source: Microsoft's data-factory-testing-framework.
_EMPTY: Mapping[str, Any] = {
    "string": "",
    "boolean": False,
    "bool": False,
    "integer": 0,
    "int": 0,
    "float": 0.0,
    "array": [],
}


_COMPOUND: Mapping[str, type | tuple[type, ...]] = {"array": list, "object": (dict, list)}


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _as_text(value: str | float) -> str:
    return value if isinstance(value, str) else str(value)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return value.strip().lstrip("+-").isdecimal()
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | float) and not isinstance(value, bool)

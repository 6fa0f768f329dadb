"""Evaluating Data Factory expressions: each is compiled to Python closures once, and then called with its scope.

Held to Microsoft's own engine by tests/local_factory/conformance_expressions.json.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from bundle import expression_functions as signatures
from bundle.errors import ExpressionSyntaxError
from bundle.expression_functions import CONTEXTS
from bundle.expressions import (
    Access,
    Call,
    Expression,
    Interpolation,
    Literal,
    expression_object_text,
    parse,
    problems,
)
from local_factory.errors import LocalFactoryError
from local_factory.functions import FUNCTIONS
from local_factory.functions.signature import Kind
from local_factory.functions.values import describe, find_key, join_surrogates, quote, to_text

Scope = Mapping[str, Any]
"""What expressions see: `pipeline` (RunId, ..., `parameters`, `globalParameters`), `variables`, `activities`, and where
there are such `item`, `trigger`, `triggerBody`, `dataset` and `linkedService`."""

Compiled = Callable[[Scope], Any]

_SHOWN = 200  # characters of an expression that a message quotes


class ExpressionError(LocalFactoryError):
    """An expression cannot be evaluated: base of this module's errors."""


class InvalidExpressionError(ExpressionError):
    """A text is not an expression: wrong syntax, an unknown function, or a wrong number of arguments."""


class EvaluationError(ExpressionError):
    """An expression fails on the values it meets."""


def evaluate(value: Any, scope: Scope) -> Any:
    """Return a JSON value with every expression in it evaluated.

    Expressions are strings such as `@add(1, 2)` and `run @{pipeline().RunId}`, and objects such as
    `{"value": "@add(1, 2)", "type": "Expression"}`. What a scope lacks is an error only when it is used. Arrays and
    objects may be the scope's own: they are for reading.

    Raises:
        InvalidExpressionError: a text is not an expression.
        EvaluationError: an expression fails; the message names it and the reason.
    """
    if isinstance(value, str):
        return _evaluate_text(value, scope) if "@" in value else value
    try:
        return _evaluate_nested(value, scope)
    except RecursionError:
        raise EvaluationError("The value is nested too deeply to be evaluated.") from None


def _evaluate_nested(value: Any, scope: Scope) -> Any:
    if isinstance(value, str):
        return _evaluate_text(value, scope) if "@" in value else value
    if isinstance(value, list):
        return [_evaluate_nested(item, scope) for item in value]
    if isinstance(value, Mapping):
        text = expression_object_text(value)
        if text is not None:
            return _evaluate_text(text, scope)
        return {key: _evaluate_nested(item, scope) for key, item in value.items()}
    return value


def _evaluate_text(text: str, scope: Scope) -> Any:
    try:
        return _compiled(text)(scope)
    except (EvaluationError, ValueError) as error:
        raise EvaluationError(f"{_shortened(text)}: {error}") from error
    except RecursionError:
        raise EvaluationError(f"{_shortened(text)}: a value is nested too deeply.") from None


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Compiled:
    try:
        expression = parse(text)
    except ExpressionSyntaxError as error:
        raise InvalidExpressionError(str(error)) from error
    if wrong := list(problems(expression)):
        raise InvalidExpressionError(f"{_shortened(text)}: {'; '.join(wrong)}")
    return _compile(expression)


def _compile(expression: Expression) -> Compiled:
    match expression:
        case Literal():
            value = expression.value
            return lambda _: value
        case Access():
            return _compile_access(expression)
        case Interpolation():
            return _compile_interpolation(expression)
        case Call():
            name = expression.function.lower()
            return _compile_context(name, expression) if name in CONTEXTS else _compile_function(name, expression)


def _compile_interpolation(interpolation: Interpolation) -> Compiled:
    parts = [_compile(part) for part in interpolation.parts]
    return lambda scope: join_surrogates("".join(to_text(part(scope)) for part in parts))


def _compile_access(access: Access) -> Compiled:
    target, key, optional = _compile(access.target), _compile(access.key), access.optional
    return lambda scope: _get(target(scope), key(scope), optional=optional)


def _get(target: Any, key: Any, *, optional: bool) -> Any:
    """Return a property or an item. With `?` one that is missing is null, and so is any of null."""
    if isinstance(target, Mapping) and isinstance(key, str):
        found = find_key(target, key)
        if found is not None:
            return target[found]
        reason = f"there is no {_named(key)}{_one_of(target)}"
    elif isinstance(target, list) and type(key) is int:
        if 0 <= key < len(target):
            return target[key]
        reason = f"there is no item {key} in an array of {len(target)}"
    elif target is None:
        reason = f"null has no {_named(key)}"
    else:
        raise EvaluationError(f"{describe(target)} has no {_named(key)}")
    if optional:
        return None
    raise EvaluationError(reason)


def _compile_context(name: str, call: Call) -> Compiled:
    """Compile what reads the scope: `activity` and `variables` take a name, the others stand for their key."""
    if not call.arguments:
        context = CONTEXTS[name].name
        return lambda scope: _from_scope(scope, context, context)
    key = {"activity": "activities"}.get(name, name)
    argument = _compile(call.arguments[0])
    thing = {"activity": "activity", "variables": "variable"}[name]

    def named(scope: Scope) -> Any:
        known, wanted = _from_scope(scope, key, name), argument(scope)
        found = find_key(known, wanted) if isinstance(wanted, str) else None
        if found is None:
            raise EvaluationError(f"there is no {thing} {_quoted(wanted)} to be seen here{_one_of(known)}")
        return known[found]

    return named


def _from_scope(scope: Scope, key: str, name: str) -> Any:
    try:
        return scope[key]
    except KeyError:
        raise EvaluationError(f"{name}() has no value here") from None


def _compile_function(name: str, call: Call) -> Compiled:
    function, shown = FUNCTIONS[name], signatures.FUNCTIONS[name].name
    implementation = function.implementation
    arguments = [
        _compile_argument(shown, position, _compile(argument), kind)
        for position, (argument, kind) in enumerate(
            zip(call.arguments, function.kinds(len(call.arguments)), strict=True), 1
        )
    ]

    def run(scope: Scope) -> Any:
        if function.lazy:
            values = [partial(argument, scope) for argument in arguments]
        else:
            values = [argument(scope) for argument in arguments]
        try:
            return implementation(*values)
        except (ValueError, ArithmeticError) as error:
            raise EvaluationError(f"{shown}: {error}") from error

    return run


def _compile_argument(function: str, position: int, argument: Compiled, kind: Kind) -> Compiled:
    if kind.types is None:
        return argument
    types = kind.types

    def checked(scope: Scope) -> Any:
        value = argument(scope)
        if type(value) not in types:
            raise EvaluationError(f"{function}: argument {position} must be {kind.name}, is {describe(value)}")
        return value

    return checked


def _named(key: object) -> str:
    return f"property {quote(key)}" if isinstance(key, str) else f"item {describe(key)}"


def _quoted(name: object) -> str:
    return quote(name) if isinstance(name, str) else describe(name)


def _one_of(known: Mapping[str, Any]) -> str:
    return f" (there are: {', '.join(known)})" if known else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

"""The syntax of Data Factory's expression language: reading it, checking its calls, and finding what it refers to.

Source of the rules: https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions.
What an expression gives when it is evaluated is the local factory's business, not this module's.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any

from lark import Lark, TextSlice, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from bundle.errors import ExpressionSyntaxError
from bundle.expression_functions import CONTEXTS, FUNCTIONS

MAX_LENGTH = 8192
"""Characters Data Factory takes in one expression (its documented limit)."""

MAX_DEPTH = 100
"""Levels of calls, properties and indexers in one another that we follow; no sane expression comes near."""

MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
"""Integers of the language have 64 bits."""

_LAST_BMP = "\uffff"
_SHOWN = 200  # characters of an expression that a message quotes


@dataclass(frozen=True)
class Literal:
    """A constant: a text, a number, true, false or null."""

    value: str | int | float | bool | None


@dataclass(frozen=True)
class Call:
    """A function call: the name as written, the arguments, and the name's column in the text (from 1)."""

    function: str
    arguments: tuple["Expression", ...]
    column: int


@dataclass(frozen=True)
class Access:
    """A property or item: `target.key`, `target['key']`, `target[0]`; `optional` with a question mark before."""

    target: "Expression"
    key: "Expression"
    optional: bool


@dataclass(frozen=True)
class Interpolation:
    """A text with expressions in it, `run @{pipeline().RunId}`: its parts in order, plain ones as literals."""

    parts: tuple["Expression", ...]


Expression = Literal | Call | Access | Interpolation


@dataclass(frozen=True)
class Reference:
    """What an expression reads from its surroundings.

    Attributes:
        context: the function that offers it, in its documented spelling: `activity`, `pipeline`, `variables`, ...
        name: its argument when that is a literal text (`activity('Copy')`), else None.
        path: the properties and indexes read from it, as far as they are literals: `("parameters", "day")`.
        optional: whether the path has a question mark, so that a missing property is no error.
        column: where it stands in the text (from 1).
    """

    context: str
    name: str | None
    path: tuple[str | int, ...]
    optional: bool
    column: int


@dataclass(frozen=True)
class Occurrence:
    """A text with an expression in a JSON document: where it is (`properties.activities[0].name`), and the text."""

    path: str
    text: str


def parse(text: str) -> Expression:
    """Read a string of factory JSON: plain text, `@expression`, or text with `@{expression}` in it.

    `@@` at the start makes all that follows plain text, and `@@{` anywhere stands for `@{`. `@` alone is itself.
    Functions are not looked up: see `problems`.

    Raises:
        ExpressionSyntaxError: what is wrong, at which column, and what was expected there.
    """
    if "@" not in text or text == "@":
        return Literal(text)
    return _parse(text)


@lru_cache(maxsize=4096)
def _parse(text: str) -> Expression:
    if text.startswith("@@"):
        return Literal(text[1:])
    if text.startswith("@") and not text.startswith("@{"):
        return _parse_body(text, 1, len(text))
    if not is_dynamic(text):
        return Literal(_MARKERS.sub(lambda escaped: escaped[0][1:], text))
    return Interpolation(tuple(_parts(text)))


def is_dynamic(text: str) -> bool:
    """Say whether a string of factory JSON has anything to evaluate: it starts with `@`, or holds `@{`, unescaped."""
    if text.startswith("@@") or text == "@":
        return False
    if text.startswith("@") and not text.startswith("@{"):
        return True
    return any(not match[0].startswith("@@") for match in _MARKERS.finditer(text))


def expression_object_text(value: object) -> str | None:
    """Return the text of `{"value": "...", "type": "Expression"}`, the form of typed fields; None for all else."""
    if isinstance(value, Mapping) and value.keys() == {"value", "type"} and value["type"] == "Expression":
        text = value["value"]
        return text if isinstance(text, str) else None
    return None


def find_expressions(value: Any, path: str = "") -> Iterator[Occurrence]:
    """Yield every string with something to evaluate in a JSON value, in document order; `path` is the value's own."""
    pending: list[tuple[str, Any]] = [(path, value)]
    while pending:
        at, current = pending.pop()
        if isinstance(current, str):
            if is_dynamic(current):
                yield Occurrence(at, current)
        elif isinstance(current, Mapping):
            pending += [(_property_path(at, key), item) for key, item in reversed([*current.items()])]
        elif isinstance(current, list):
            pending += [(f"{at}[{index}]", current[index]) for index in reversed(range(len(current)))]


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all it is made of, from left to right."""
    pending = [expression]
    while pending:
        current = pending.pop()
        yield current
        pending += reversed(_children(current))


def problems(expression: Expression) -> Iterator[str]:
    """Yield what is wrong with an expression's calls: functions that do not exist, wrong numbers of arguments."""
    for node in walk(expression):
        if not isinstance(node, Call):
            continue
        signature = FUNCTIONS.get(node.function.lower()) or CONTEXTS.get(node.function.lower())
        if signature is None:
            yield f"column {node.column}: {node.function} is not a function of Data Factory{_suggestion(node.function)}"
        elif not signature.takes(len(node.arguments)):
            yield f"column {node.column}: {signature.name} takes {signature.arity}, not {len(node.arguments)}"


def calls(expression: Expression) -> Iterator[Call]:
    """Yield the calls of an expression, of functions and contexts alike, from left to right."""
    return (node for node in walk(expression) if isinstance(node, Call))


def references(expression: Expression) -> Iterator[Reference]:
    """Yield what an expression reads from its surroundings, from left to right."""
    pending = [expression]
    while pending:
        root = pending.pop()
        chain: list[Access] = []
        while isinstance(root, Access):
            chain.append(root)
            root = root.target
        chain.reverse()
        if isinstance(root, Call) and root.function.lower() in CONTEXTS:
            yield _reference(root, chain)
        pending += reversed([*_children(root), *(access.key for access in chain)])


def _reference(root: Call, chain: list[Access]) -> Reference:
    argument = root.arguments[0] if root.arguments else None
    name = argument.value if isinstance(argument, Literal) and isinstance(argument.value, str) else None
    path: list[str | int] = []
    for access in chain:
        key = access.key.value if isinstance(access.key, Literal) else None
        if not isinstance(key, str | int):
            break
        path.append(key)
    optional = any(access.optional for access in chain[: len(path)])
    return Reference(CONTEXTS[root.function.lower()].name, name, tuple(path), optional, root.column)


def _children(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Call():
            return expression.arguments
        case Access():
            return (expression.target, expression.key)
        case Interpolation():
            return expression.parts
        case Literal():
            return ()


def _suggestion(name: str) -> str:
    known = {**FUNCTIONS, **CONTEXTS}
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.75)
    return f"; is {known[close[0]].name} meant?" if close else ""


def _property_path(path: str, key: str) -> str:
    if not key.isidentifier():
        return f"{path}[{key!r}]"
    return f"{path}.{key}" if path else key


# An escaped or a whole `@{...}`, or one that does not end. Texts in single quotes may hold braces.
_MARKERS = re.compile(r"@@\{|@\{(?P<body>(?:[^'}]++|'[^']*+')*+)\}|@\{")


def _parts(text: str) -> Iterator[Expression]:
    """Take a text with `@` in it apart into literals and expressions."""
    end = 0
    for match in _MARKERS.finditer(text):
        if match.start() > end:
            yield Literal(text[end : match.start()])
        end = match.end()
        if match[0].startswith("@@"):
            yield Literal(match[0][1:])
        elif match["body"] is None:
            raise _syntax_error(text, match.start(), "@{ is not closed; expected }")
        else:
            yield _parse_body(text, *match.span("body"))
    if end < len(text):
        yield Literal(text[end:])


_GRAMMAR = r"""
    ?start: expression

    ?expression: literal
        | access

    ?access: call
        | access "." NAME                     -> property
        | access "?." NAME                    -> optional_property
        | access "[" expression "]"           -> item
        | access "?[" expression "]"          -> optional_item

    call: NAME "(" [expression ("," expression)*] ")"

    ?literal: STRING -> string
        | NUMBER     -> number
        | TRUE       -> true
        | FALSE      -> false
        | NULL       -> null

    TRUE.2: /true\b/i
    FALSE.2: /false\b/i
    NULL.2: /null\b/i
    NAME: /(?:[^\W\d]|\$)[\w$]*/
    STRING: /'(?:[^']|'')*'/
    NUMBER: /(?:[+-]?[0-9]+(?:\.[0-9]*)?|[+-]\.[0-9]+)(?:[eE][+-]?[0-9]+)?/

    %ignore /\s+/
"""

# A name after a dot that ends where the text ends, and what goes on as if it were one.
_DOTTED_NAME = re.compile(r"\.([\w$]+)\Z")
_REST_OF_NAME = re.compile(r"[-:][-:\w$]+")

_EXPECTED = {
    "NAME": "a name",
    "STRING": "a text in single quotes",
    "NUMBER": "a number",
    "TRUE": "true",
    "FALSE": "false",
    "NULL": "null",
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "COMMA": ",",
    "DOT": ".",
    "$END": "the end",
}
_EXPRESSION_START = {"STRING", "NUMBER", "TRUE", "FALSE", "NULL", "NAME"}


class _Builder(Transformer[Token, Expression]):
    """Makes the nodes while the parser reads, so that no tree is walked recursively."""

    def string(self, children: list[Token]) -> Expression:
        return Literal(children[0][1:-1].replace("''", "'"))

    def number(self, children: list[Token]) -> Expression:
        return Literal(_number(children[0]))

    def true(self, _: list[Token]) -> Expression:
        return Literal(True)

    def false(self, _: list[Token]) -> Expression:
        return Literal(False)

    def null(self, _: list[Token]) -> Expression:
        return Literal(None)

    def call(self, children: list[Any]) -> Expression:
        name, *arguments = children
        return Call(str(name), tuple(arguments), (name.start_pos or 0) + 1)

    def property(self, children: list[Any]) -> Expression:
        return Access(children[0], Literal(_property_name(children[1])), optional=False)

    def optional_property(self, children: list[Any]) -> Expression:
        return Access(children[0], Literal(_property_name(children[1])), optional=True)

    def item(self, children: list[Any]) -> Expression:
        return Access(children[0], children[1], optional=False)

    def optional_item(self, children: list[Any]) -> Expression:
        return Access(children[0], children[1], optional=True)


class _TokenError(Exception):
    """A token that the grammar takes and Data Factory does not; `offset` is where in it."""

    def __init__(self, token: Token, reason: str, offset: int = 0) -> None:
        super().__init__(reason)
        self.position = (token.start_pos or 0) + offset


def _property_name(token: Token) -> str:
    """Return the name after a dot. Its letters and decimal digits are one UTF-16 unit each, no other numerals."""
    for offset, character in enumerate(token):
        if character not in "_$" and not (character <= _LAST_BMP and (character.isalpha() or character.isdecimal())):
            raise _TokenError(token, _no_name(str(token), character), offset)
    return str(token)


def _no_name(name: str, character: str) -> str:
    return f"a name after a dot holds no {character!r}: write ['{name}'] in place of .{name}"


_TOO_LARGE = "the number is too large for 64 bits"


def _number(token: Token) -> int | float:
    if any(mark in token for mark in ".eE"):
        number = float(token)
        if math.isinf(number):
            raise _TokenError(token, _TOO_LARGE)
        return number
    if len(token.lstrip("+-0")) > len(str(MAX_INTEGER)) or not MIN_INTEGER <= int(token) <= MAX_INTEGER:
        raise _TokenError(token, _TOO_LARGE)
    return int(token)


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", transformer=_Builder(), maybe_placeholders=False)


def _parse_body(text: str, start: int, end: int) -> Expression:
    """Read the expression that stands at text[start:end], without its `@` or `@{}`."""
    if end - start > MAX_LENGTH:
        raise _syntax_error(text, start, f"{end - start} characters, Data Factory takes at most {MAX_LENGTH}")
    if not text[start:end].strip():
        raise _syntax_error(text, start, "an expression is expected after @; write @@ for the character itself")
    try:
        expression: Expression = _parser().parse(TextSlice(text, start, end))  # type: ignore[assignment] # the builder makes nodes, not trees
    except UnexpectedInput as error:
        raise _unexpected(error, text, end) from None
    except _TokenError as error:
        raise _syntax_error(text, error.position, str(error)) from None
    if _depth(expression) > MAX_DEPTH:
        raise _syntax_error(text, start, f"nested more than {MAX_DEPTH} levels deep")
    return expression


def _unexpected(error: UnexpectedInput, text: str, end: int) -> ExpressionSyntaxError:
    if isinstance(error, UnexpectedCharacters):
        position = error.pos_in_stream or 0
        found, expected = repr(text[position]), set(error.allowed)
        if text[position] == '"':
            return _syntax_error(text, position, "unexpected '\"'; texts stand in single quotes")
        if text[position] == "'":
            return _syntax_error(text, position, "the text is not closed; expected '")
    elif isinstance(error, UnexpectedToken) and error.token.type != "$END":
        position, found, expected = (
            error.token.start_pos or 0,
            repr(str(error.token)),
            set(error.accepts or error.expected),
        )
    else:
        position, found, expected = end, "end", set(error.accepts or error.expected)  # type: ignore[attr-defined]
    name, rest = _DOTTED_NAME.search(text, 0, position), _REST_OF_NAME.match(text, position)
    if name and rest:
        return _syntax_error(text, position, _no_name(f"{name[1]}{rest[0]}", text[position]))
    return _syntax_error(text, position, f"unexpected {found}; expected {_expected_words(expected)}")


def _expected_words(terminals: set[str]) -> str:
    words = ["an expression"] if terminals >= _EXPRESSION_START else []
    left = terminals - _EXPRESSION_START if words else terminals
    words += sorted({_EXPECTED[name] for name in left if name in _EXPECTED})
    return " or ".join(words)


def _syntax_error(text: str, position: int, reason: str) -> ExpressionSyntaxError:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return ExpressionSyntaxError(f"{shown}: column {position + 1}: {reason}")


def _depth(expression: Expression) -> int:
    deepest = 0
    pending = [(expression, 1)]
    while pending:
        current, depth = pending.pop()
        deepest = max(deepest, depth)
        pending += [(child, depth + 1) for child in _children(current)]
    return deepest

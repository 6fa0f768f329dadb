"""DAX, as far as the measures use it: its grammar as a tree."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

_GRAMMAR = r"""
?start: disjunction
?disjunction: conjunction | disjunction "||" conjunction -> or_
?conjunction: comparison | conjunction "&&" comparison -> and_
?comparison: joined | joined COMPARED joined -> compare
?joined: sum | joined "&" sum -> join
?sum: product | sum ADDED product -> arithmetic
?product: signed | product MULTIPLIED signed -> arithmetic
?signed: atom | "-" signed -> negative | "NOT"i signed -> not_
?atom: "(" disjunction ")" | NUMBER -> number | TEXT -> text
    | NAME "(" [disjunction ("," disjunction)*] ")" -> call
    | table BRACKETED -> column | BRACKETED -> measure | table -> table
?table: QUOTED -> quoted | NAME -> plain
COMPARED: "==" | "<>" | "<=" | ">=" | "=" | "<" | ">"
ADDED: "+" | "-"
MULTIPLIED: "*" | "/"
NUMBER: /\d+(\.\d+)?/
TEXT: /"(?:[^"]|"")*"/
QUOTED: /'(?:[^']|'')*'/
BRACKETED: /\[[^\]]+\]/
NAME: /[A-Za-z_]\w*/
%ignore /\s+/
"""


class DaxError(Exception):
    """A formula that cannot be read, or asks for what is not known here."""


@dataclass(frozen=True)
class Column:
    """`Table[Column]`."""

    table: str
    name: str


@dataclass(frozen=True)
class Measure:
    """`[Measure]`."""

    name: str


@dataclass(frozen=True)
class Table:
    """A table, or a word that a function knows."""

    name: str


@dataclass(frozen=True)
class Value:
    """A number or a text."""

    value: Any


@dataclass(frozen=True)
class Call:
    """A function or an operator with its arguments; operators have names as they are written, `-1` is the sign."""

    name: str
    arguments: tuple[Any, ...]


Node = Column | Measure | Table | Value | Call


@v_args(inline=True)
class _Tree(Transformer[Token, Node]):
    """The tree of a text."""

    def quoted(self, token: Token) -> str:
        return token[1:-1].replace("''", "'")

    def plain(self, token: Token) -> str:
        return str(token)

    def table(self, name: str) -> Node:
        return Table(name)

    def column(self, table: str, bracketed: Token) -> Node:
        return Column(table, bracketed[1:-1])

    def measure(self, bracketed: Token) -> Node:
        return Measure(bracketed[1:-1])

    def number(self, token: Token) -> Node:
        return Value(float(token) if "." in token else int(token))

    def text(self, token: Token) -> Node:
        return Value(token[1:-1].replace('""', '"'))

    def call(self, name: Token, *arguments: Node | None) -> Node:
        return Call(name.upper(), tuple(argument for argument in arguments if argument is not None))

    def negative(self, value: Node) -> Node:
        return Call("-1", (value,))

    def not_(self, value: Node) -> Node:
        return Call("NOT", (value,))

    def and_(self, left: Node, right: Node) -> Node:
        return Call("&&", (left, right))

    def or_(self, left: Node, right: Node) -> Node:
        return Call("||", (left, right))

    def join(self, left: Node, right: Node) -> Node:
        return Call("&", (left, right))

    def compare(self, left: Node, operator: Token, right: Node) -> Node:
        return Call(str(operator), (left, right))

    def arithmetic(self, left: Node, operator: Token, right: Node) -> Node:
        return Call(str(operator), (left, right))


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="earley", maybe_placeholders=True)


@cache
def parse(text: str) -> Node:
    """Return a formula's tree.

    Raises:
        DaxError: it cannot be read.
    """
    try:
        return _Tree().transform(_parser().parse(text))
    except UnexpectedInput as error:
        raise DaxError(f"{text}: cannot be read: {str(error).splitlines()[0]}") from error


def walk(node: Node) -> Iterator[Node]:
    """Give a node and all in it."""
    yield node
    if isinstance(node, Call):
        for argument in node.arguments:
            yield from walk(argument)

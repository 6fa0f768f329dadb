"""What the M of a partition asks the lake: each call of `LakeQuery`, its SQL and the columns that it promises.

Read of M are texts, names, `&`, calls and `type table [...]`; a SQL text made of anything else is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_TOKEN = re.compile(r'\s+|(?P<text>"(?:[^"]|"")*")|(?P<name>#"(?:[^"]|"")*"|[A-Za-z_][\w.]*)|(?P<sign>.)', re.DOTALL)


class PowerQueryError(Exception):
    """M that cannot be read here."""


@dataclass(frozen=True)
class LakeQuery:
    """A call of `LakeQuery`.

    Attributes:
        sql: with the parameters' values in it.
        columns: name -> M type.
    """

    sql: str
    columns: Mapping[str, str]


def lake_queries(m: str, parameters: Mapping[str, str]) -> list[LakeQuery]:
    """Return the questions to the lake in an expression of M.

    Args:
        m: the expression.
        parameters: texts that stand for names: `LakeRoot`, `TableFormat`, and for `CalendarStart` as SQL writes it.
    """
    tokens = [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(m) if match.lastgroup]
    queries = []
    for start, (_, word) in enumerate(tokens):
        if word == "LakeQuery":
            arguments = _arguments(tokens[start + 1 :])
            if len(arguments) != 2:
                raise PowerQueryError(f"LakeQuery takes a text and a type, not {len(arguments)} arguments")
            queries.append(LakeQuery(_text(arguments[0], parameters), _columns(arguments[1])))
    return queries


def names(m: str) -> set[str]:
    """Return the names that an expression of M mentions, without the functions of M's library (`Table.Buffer`)."""
    return {
        match["name"].removeprefix("#").strip('"')
        for match in _TOKEN.finditer(m)
        if match["name"] and "." not in match["name"]
    }


_Tokens = list[tuple[str, str]]


def _arguments(tokens: _Tokens) -> list[_Tokens]:
    """Return the arguments of a call, whose tokens begin with its bracket."""
    arguments: list[_Tokens] = [[]]
    depth = 0
    for token in tokens:
        depth += token[1] in ("(", "[", "{")
        depth -= token[1] in (")", "]", "}")
        if depth == 0:
            return arguments
        if token == ("sign", ",") and depth == 1:
            arguments.append([])
        elif depth > 1 or token[1] != "(":
            arguments[-1].append(token)
    raise PowerQueryError("a bracket is not closed")


def _text(tokens: _Tokens, parameters: Mapping[str, str]) -> str:
    parts = []
    while tokens:
        kind, word = tokens[0]
        if kind == "text":
            parts.append(word[1:-1].replace('""', '"'))
            tokens = tokens[1:]
        elif word in parameters:
            parts.append(parameters[word])
            tokens = tokens[1:]
        elif word == "LakeTable" and len(tokens) >= 4:
            parts.append(f"{parameters['TableFormat']}.`{parameters['LakeRoot']}/{tokens[2][1][1:-1]}`")
            tokens = tokens[4:]
        elif word == "Date.ToText" and len(tokens) >= 6 and tokens[4][1] == '"yyyy-MM-dd"':
            parts.append(parameters[tokens[2][1]])
            tokens = tokens[6:]
        else:
            raise PowerQueryError(f"{word}: no text, parameter or table of the lake")
        if tokens and tokens[0] != ("sign", "&"):
            raise PowerQueryError(f"{tokens[0][1]}: & is missing before it")
        tokens = tokens[1:]
    return "".join(parts)


def _columns(tokens: _Tokens) -> dict[str, str]:
    words = [word.removeprefix("#").strip('"') for _, word in tokens]
    if words[:3] != ["type", "table", "["]:
        raise PowerQueryError(f"{' '.join(words)}: is not type table [...]")
    columns = {}
    for number in range(3, len(words), 4):
        name, equals, kind = words[number : number + 3]
        if equals != "=" or name in columns:
            raise PowerQueryError(f"{name}: is not NAME = TYPE, once")
        columns[name] = kind
    return columns


def made(m: str) -> set[str]:
    """Return the names that an expression of M gives itself: steps, fields, parameters of a function."""
    tokens = [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(m) if match.lastgroup]
    following = [word for _, word in tokens[1:]] + [""]
    before = ["", *(word for _, word in tokens[:-1])]
    return {
        word
        for (kind, word), after, ahead in zip(tokens, following, before, strict=True)
        if kind == "name" and (after in ("=", "as") or (ahead, after) == ("[", "]"))
    }

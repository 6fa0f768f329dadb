"""TOML with line numbers: `tomllib` alone decides what a file says; this adds on which line each value stands.

A file is taken apart into statements, each the fewest lines that `tomllib` reads by themselves, so that no second
grammar of TOML can disagree with the first. A list over several lines is closed after each of them, which tells where
its items begin.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ingestion.feeds.toml_hints import PAIR, way_out

# A key of a table or an index of a list, from the file's top down.
Path = tuple[str | int, ...]
_AT_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)")
# What ends a list or a text of several lines.
_ENDS = ("]", '"""', "'''")
_AT_END = "(at end of document)"


class TomlError(ValueError):
    """A text is not TOML. Says on which line (from 1), at which key where one is there, and what may be meant."""

    def __init__(self, message: str, line: int, key: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.key = key


@dataclass(frozen=True)
class TomlDocument:
    """What a file says; its lines are looked for only when somebody asks."""

    values: Mapping[str, Any]
    text: str

    def line(self, path: Path) -> int:
        """Return the line (from 1) of a value, or of the nearest one around it that is there."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    @cached_property
    def _lines(self) -> Mapping[Path, int]:
        return _index(self.text.split("\n"))


def parse_toml(text: str) -> TomlDocument:
    """Return what a text says.

    Raises:
        TomlError: it is not TOML.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _located(str(error), text) from None
    except RecursionError:
        raise TomlError("it nests too deep", 1) from None
    return TomlDocument(values, text)


def _index(lines: list[str]) -> dict[Path, int]:
    """Return the first line of each value, of a file that is TOML."""
    index: dict[Path, int] = {}
    table: Path = ()
    at = 0
    while at < len(lines):
        length, statement = _statement(lines[at:])
        chunk = lines[at : at + length]
        if chunk[0].lstrip().startswith("["):
            is_list = chunk[0].lstrip().startswith("[[")
            table = _open_table(statement, index, is_list=is_list)
            if is_list:
                index.setdefault(table[:-1], at + 1)
            index[table] = at + 1
        elif statement:
            _note(statement, table, at + 1, index)
            if length > 1:
                _note_items(chunk, table, at + 1, index)
        at += length
    return index


def _statement(lines: list[str]) -> tuple[int, dict[str, Any]]:
    """Return how many lines the first statement takes, and what it says by itself."""
    for length in range(1, len(lines) + 1):
        # What goes over several lines is a list or a text, and ends where one can end.
        if length > 1 and not any(end in lines[length - 1] for end in _ENDS):
            continue
        try:
            return length, tomllib.loads("\n".join(lines[:length]))
        except tomllib.TOMLDecodeError:
            continue
    return 1, {}


def _open_table(header: Mapping[str, Any], index: Mapping[Path, int], *, is_list: bool) -> Path:
    """Return the path that a header opens; a list of tables on the way means its last one so far."""
    names: list[str] = []
    value: Any = header
    while isinstance(value, Mapping) and value:
        [name] = value
        names.append(name)
        value = value[name]
    path: Path = ()
    for name in names[:-1]:
        path = (*path, name)
        count = _items(path, index)
        if count:
            path = (*path, count - 1)
    path = (*path, names[-1])
    return (*path, _items(path, index)) if is_list else path


def _items(path: Path, index: Mapping[Path, int]) -> int:
    count = 0
    while (*path, count) in index:
        count += 1
    return count


def _note(value: Any, path: Path, line: int, index: dict[Path, int]) -> None:
    """Note a line for all values within one statement."""
    if path:
        index.setdefault(path, line)
    children = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        _note(child, (*path, key), line, index)


def _note_items(chunk: list[str], table: Path, first: int, index: dict[Path, int]) -> None:
    """Note the lines of a list's items, where a list goes over several lines: those between two that end an item."""
    path, items = _only_list(tomllib.loads("\n".join(chunk)), table)
    known = begins = 0
    for length in range(1, len(chunk) + 1):
        text = "\n".join(chunk[begins:length])
        try:
            opened = text if begins == 0 else f"items = [\n{text}"
            _, found = _only_list(tomllib.loads(opened if length == len(chunk) else f"{opened}\n]"), ())
        except tomllib.TOMLDecodeError:
            continue
        while begins < length - 1 and _is_blank(chunk[begins]):
            begins += 1
        for number in range(known, min(known + len(found), len(items))):
            _renote(items[number], (*path, number), first + begins, index)
        known, begins = known + len(found), length


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _only_list(statement: Any, path: Path) -> tuple[Path, list[Any]]:
    while isinstance(statement, Mapping) and len(statement) == 1:
        [(key, statement)] = statement.items()
        path = (*path, key)
    return path, statement if isinstance(statement, list) else []


def _renote(value: Any, path: Path, line: int, index: dict[Path, int]) -> None:
    index[path] = line
    children = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        _renote(child, (*path, key), line, index)


def _located(message: str, text: str) -> TomlError:
    found = _AT_LINE.search(message)
    if found:
        said, number = _AT_LINE.sub("", message), int(found[1])
        line = text.split("\n")[number - 1]
        # What was not closed began above this line.
        pair = None if said.startswith("Unclosed") else PAIR.match(line)
        return TomlError(f"{said}{way_out(said, line)}", number, pair["key"] if pair else "")
    # What was begun and never ended: the first line from which on nothing can be read.
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        length, statement = _statement(lines[at:])
        if length == 1 and not statement and not _is_blank(lines[at]):
            break
        at += length
    return TomlError(message.replace(_AT_END, "before the end of the file").strip(), min(at, len(lines) - 1) + 1)

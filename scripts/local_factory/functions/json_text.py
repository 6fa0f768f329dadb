"""JSON text as the service reads it: Newtonsoft.Json takes more than RFC 8259.

Single quotes, names without quotes, comments, line ends in texts, hexadecimal and octal numbers, a comma too many, what
stands behind the value, and arrays and objects that end with the text after one of their values.
"""

import math
import re
from typing import Any

from local_factory.functions.values import WHITE_SPACE, Json

_SPACE = re.compile(rf"(?:[{WHITE_SPACE}]|/\*.*?\*/|//[^\r\n]*)*", re.DOTALL)
_NAME = re.compile(r"[\w$]+")
_NUMBER = re.compile(r"[-+.0-9a-fA-FxX]+")
_WORD = re.compile(r"-?[A-Za-z]+")
_END_OF_SCALAR = re.compile(rf"[{WHITE_SPACE},\]}})/]|\Z")
_DECIMAL = re.compile(r"-?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?", re.ASCII)
_MOST_DIGITS = 380
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_HALF = re.compile("[\ud800-\udfff]")


def read_json(text: str) -> Json:
    """Return the value that a text begins with; null when there is none.

    Raises:
        ValueError: what is wrong, and at which character (from 1).
    """
    return _Reader(text).read()


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> Json:
        return self._value() if self._next() else None

    def _next(self) -> str:
        """Pass over white space and comments and return the next character; nothing at the end."""
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _value(self) -> Json:
        first = self._next()
        if first == "{":
            return self._object()
        if first == "[":
            return self._array()
        if first in ("'", '"'):
            return self._quoted()
        if first in set("-.0123456789") and not self._text.startswith("-I", self._at):
            return self._number()
        return self._word()

    def _object(self) -> dict[str, Any]:
        self._at += 1
        members: dict[str, Any] = {}
        while self._next() != "}":
            name = self._member_name()
            members[name] = self._value()
            if not self._goes_on("}"):
                return members
        self._at += 1
        return members

    def _member_name(self) -> str:
        first = self._next()
        if first in ("'", '"'):
            name = self._quoted()
        else:
            match = _NAME.match(self._text, self._at)
            if match is None:
                raise self._wrong("a name is expected")
            name, self._at = match[0], match.end()
        while self._text[self._at : self._at + 1] in set(WHITE_SPACE):
            self._at += 1
        if self._text[self._at : self._at + 1] != ":":
            raise self._wrong(f"a colon is expected after {name!r}")
        self._at += 1
        return name

    def _array(self) -> list[Any]:
        self._at += 1
        items: list[Any] = []
        while self._next() != "]":
            items.append(self._value())
            if not self._goes_on("]"):
                return items
        self._at += 1
        return items

    def _goes_on(self, end: str) -> bool:
        """Say, after a value, whether the array or object goes on: with a comma, or its end. Else the text ends."""
        following = self._next()
        if following == ",":
            self._at += 1
        elif following and following != end:
            raise self._wrong(f"a comma or {end} is expected")
        return bool(following)

    def _quoted(self) -> str:
        quote, start = self._text[self._at], self._at
        pieces: list[str] = []
        self._at += 1
        while (character := self._text[self._at : self._at + 1]) != quote:
            if not character:
                self._at = start
                raise self._wrong("the text is not closed")
            pieces.append(self._escape() if character == "\\" else character)
            self._at += 1
        self._at += 1
        joined = "".join(pieces)
        if _HALF.search(joined):
            return joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return joined

    def _escape(self) -> str:
        """Return what the escape at this place stands for, and go to its last character."""
        self._at += 1
        letter = self._text[self._at : self._at + 1]
        if letter == "u":
            digits = self._text[self._at + 1 : self._at + 5]
            if not re.fullmatch("[0-9a-fA-F]{4}", digits):
                raise self._wrong("four hexadecimal digits are expected after \\u")
            self._at += 4
            return chr(int(digits, 16))
        if letter not in _ESCAPES:
            raise self._wrong(f"there is no escape \\{letter}")
        return _ESCAPES[letter]

    def _number(self) -> int | float:
        match = _NUMBER.match(self._text, self._at)
        written = match[0] if match else ""
        number = _read_number(written)
        if number is None or not _END_OF_SCALAR.match(self._text, self._at + len(written)):
            raise self._wrong("a number is expected")
        if isinstance(number, float) and not math.isfinite(number):
            raise ValueError(f"{written} is not a finite number, which JSON does not have")
        self._at += len(written)
        return number

    def _word(self) -> Json:
        match = _WORD.match(self._text, self._at)
        word = match[0] if match else ""
        if (word not in _WORDS and word not in _NOT_FINITE) or not _END_OF_SCALAR.match(
            self._text, self._at + len(word)
        ):
            raise self._wrong("a value is expected")
        if word in _NOT_FINITE:
            raise ValueError(f"{word} is not a finite number, which JSON does not have")
        self._at += len(word)
        return _WORDS[word]

    def _wrong(self, reason: str) -> ValueError:
        found = repr(self._text[self._at]) if self._at < len(self._text) else "the end"
        return ValueError(f"the text is not JSON: {reason} at character {self._at + 1}, found {found}")


def _read_number(written: str) -> int | float | None:
    """Return a number as Newtonsoft.Json reads it: one that begins with 0 is hexadecimal or octal."""
    if len(written) > 1 and written[0] == "0" and written[1] not in ".eE":
        base, digits = (16, written[2:]) if written[1] in "xX" else (8, written)
        try:
            number = int(digits, base)
        except ValueError:
            return None
        if "_" in digits or number >= 2**64:
            return None
        return number - 2**64 if number >= 2**63 else number
    if len(written) > _MOST_DIGITS or not _DECIMAL.fullmatch(written):
        return None
    return float(written) if set(written) & set(".eE") else int(written)

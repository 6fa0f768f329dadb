"""JSON values as the service's engine (.NET, Newtonsoft.Json) sees them: kinds, text form, equality, UTF-16 text."""

import json
import math
from collections.abc import Mapping
from typing import Any

from bundle.expressions import MAX_INTEGER, MIN_INTEGER
from local_factory.functions.content import find_content

Json = str | int | float | bool | list[Any] | dict[str, Any] | None
"""A JSON value. 3 is not 3.0, and true is not 1."""

WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What .NET takes for white space. Python's `strip()` would remove U+001C to U+001F too."""

LAST_BMP = "\uffff"
"""The last character that is one UTF-16 unit."""
_LAST_BEFORE_SURROGATES = "\ud7ff"
_QUOTED_LENGTH = 60


def describe(value: object) -> str:
    """Return a value for a message: what it is and, shortened, what it says."""
    if value is None:
        return "null"
    kinds: dict[type, str] = {str: "the text", list: "the array", dict: "the object"}
    text = quote(value) if isinstance(value, str) else to_json(value)
    if len(text) > _QUOTED_LENGTH:
        text = f"{text[:_QUOTED_LENGTH]}..."
    return f"{kinds.get(type(value), '')} {text}".strip()


def quote(text: str) -> str:
    """Return a text as a literal of the language, for messages."""
    return "'" + text.replace("'", "''") + "'"


def checked_integer(number: int) -> int:
    """Return an integer that 64 bits hold.

    Raises:
        ValueError: they don't.
    """
    if not MIN_INTEGER <= number <= MAX_INTEGER:
        raise ValueError("the result is too large for a 64-bit integer")
    return number


def checked_float(number: float) -> float:
    """Return a finite number: JSON has no others.

    Raises:
        ValueError: it is infinite or not a number.
    """
    if not math.isfinite(number):
        raise ValueError("the result is not a finite number")
    return number


def to_text(value: object) -> str:
    """Return what `string`, `concat` and `@{}` make of a value.

    null is empty, true is "True", 1.0 is "1", arrays and objects are compact JSON, and binary content is its text.

    Raises:
        ValueError: the value is binary content that is broken.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, float):
        return _float_text(value).removesuffix(".0")
    content = find_content(value)
    return content.text() if content else to_json(value)


def to_json(value: object, *, sort_keys: bool = False) -> str:
    """Return compact JSON as Newtonsoft.Json writes it."""
    if isinstance(value, str):
        return _json_string(value)
    if isinstance(value, float):
        return _float_text(value)
    if value is None or isinstance(value, int):
        return json.dumps(value)
    if isinstance(value, list):
        return f"[{','.join([to_json(item, sort_keys=sort_keys) for item in value])}]"
    if isinstance(value, Mapping):
        items = sorted(value.items()) if sort_keys else value.items()
        return f"{{{','.join([f'{_json_string(k)}:{to_json(v, sort_keys=sort_keys)}' for k, v in items])}}}"
    raise ValueError(f"a {type(value).__name__} is no JSON value")


def identity(value: object) -> str:
    """Return a text that is the same for equal values only, to any depth; numbers of different kinds differ."""
    return to_json(value, sort_keys=True)


def find_key(value: Mapping[str, Any], name: str) -> str | None:
    """Return an object's key for a property name: the exact one, else the first that differs in case only."""
    if name in value:
        return name
    lower = name.lower()
    return next((key for key in value if key.lower() == lower), None)


def utf16_length(text: str) -> int:
    """Return the number of UTF-16 units, which is what the service calls a text's length."""
    return len(text) + sum(character > LAST_BMP for character in text)


def utf16_slice(text: str, start: int, end: int) -> str:
    """Return the UTF-16 units from `start` to before `end`."""
    if text.isascii() or max(text, default="") <= LAST_BMP:
        return text[start:end]
    return text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "surrogatepass")


def join_surrogates(text: str) -> str:
    """Return a text whose halves of a character, where they have come to stand together, are the character again."""
    if text.isascii() or not any(_LAST_BEFORE_SURROGATES < character < "\ue000" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def to_utf8(text: str) -> bytes:
    """Return a text's bytes; half a character becomes U+FFFD, as in .NET."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _float_text(number: float) -> str:
    """Return a number as .NET writes it: it turns to exponents at 1E+17, Python at 1e+16."""
    text = repr(number)
    if not text.endswith("e+16"):
        return text.upper()
    digits = text.removesuffix("e+16").replace(".", "")
    return f"{digits.ljust(len(digits.rstrip('0123456789')) + 17, '0')}.0"


def _json_string(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    if quoted.isascii():
        return quoted
    for character in "\x85\u2028\u2029":
        quoted = quoted.replace(character, f"\\u{ord(character):04x}")
    return quoted

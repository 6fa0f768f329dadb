"""The string functions. Positions and lengths count UTF-16 units, as in the service."""

import uuid

from local_factory.functions.signature import ANY, INTEGER, TEXT, Function
from local_factory.functions.values import WHITE_SPACE, join_surrogates, to_text, utf16_length, utf16_slice


def new_guid() -> uuid.UUID:
    """Return a random GUID. Tests replace this."""
    return uuid.uuid4()


def _concat(*parts: object) -> str:
    return join_surrogates("".join(map(to_text, parts)))


def _ends_with(text: str, search: str) -> bool:
    return _fold(text).endswith(_fold(search))


def _guid(form: str = "D") -> str:
    """Source: .NET's Guid.ToString formats."""
    guid = new_guid()
    match form.upper():
        case "D":
            return str(guid)
        case "N":
            return guid.hex
        case "B":
            return f"{{{guid}}}"
        case "P":
            return f"({guid})"
        case "X":
            first, second, third = guid.fields[:3]
            tail = ",".join(f"0x{byte:02x}" for byte in guid.bytes[8:])
            return f"{{0x{first:08x},0x{second:04x},0x{third:04x},{{{tail}}}}}"
        case _:
            raise ValueError(f"{form!r} is no GUID format; there are N, D, B, P and X")


def _index_of(text: str, search: str) -> int:
    return _utf16_index(text, _fold(text).find(_fold(search)))


def _last_index_of(text: str, search: str) -> int:
    return _utf16_index(text, _fold(text).rfind(_fold(search)))


def _replace(text: str, old: str, new: str) -> str:
    if text and not old:
        raise ValueError("the text to replace is empty")
    return join_surrogates(text.replace(old, new)) if text else ""


def _split(text: str, delimiter: str) -> list[str]:
    return text.split(delimiter) if delimiter else [text]


def _starts_with(text: str, search: str) -> bool:
    return _fold(text).startswith(_fold(search))


def _substring(text: str, start: int, length: int | None = None) -> str:
    size = utf16_length(text)
    if not 0 <= start < size:
        raise ValueError(f"start {start} is not inside a text of {size} characters")
    end = size if length is None else start + length
    if not start <= end <= size:
        raise ValueError(f"{length} characters from {start} are not inside a text of {size} characters")
    return utf16_slice(text, start, end)


def _to_lower(text: str) -> str:
    return text.lower() if text.isascii() else "".join(map(_lower, text))


def _to_upper(text: str) -> str:
    return text.upper() if text.isascii() else "".join(map(_upper, text))


def _trim(text: str) -> str:
    return text.strip(WHITE_SPACE)


def _upper(character: str) -> str:
    """Return the one capital letter of a letter; where .NET has none, as of ß and the dotless i, the letter itself."""
    if character == "\u0131":
        return character
    return next((mapped for mapped in (character.upper(), character.title()) if len(mapped) == 1), character)


def _lower(character: str) -> str:
    mapped = character.lower()
    return mapped if len(mapped) == 1 else character


def _fold(text: str) -> str:
    """Return a text as searches compare it: case does not count; the long s is another letter than s."""
    return text.upper() if text.isascii() else "".join(c if c == "\u017f" else _upper(c) for c in text)


def _utf16_index(text: str, index: int) -> int:
    return index if index < 0 else utf16_length(text[:index])


FUNCTIONS = {
    "concat": Function(_concat, ANY),
    "endsWith": Function(_ends_with, TEXT, TEXT),
    "guid": Function(_guid, TEXT),
    "indexOf": Function(_index_of, TEXT, TEXT),
    "lastIndexOf": Function(_last_index_of, TEXT, TEXT),
    "replace": Function(_replace, TEXT, TEXT, TEXT),
    "split": Function(_split, TEXT, TEXT),
    "startsWith": Function(_starts_with, TEXT, TEXT),
    "substring": Function(_substring, TEXT, INTEGER, INTEGER),
    "toLower": Function(_to_lower, TEXT),
    "toUpper": Function(_to_upper, TEXT),
    "trim": Function(_trim, TEXT),
}

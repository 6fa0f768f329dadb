"""Binary content as the service keeps it in JSON: `{"$content-type": MIME type, "$content": base64}`."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

BINARY = "application/octet-stream"
XML = "application/xml;charset=utf-8"
JSON = "application/json;charset=utf-8"
PLAIN_TEXT = "text/plain;charset=utf-8"

_TYPE, _CONTENT = "$content-type", "$content"
_WORD = r"[!#$%&'*+\-.^`|~\w]+"
_MEDIA_TYPE = re.compile(rf"\s*({_WORD}/{_WORD})\s*(?:;[\t -~]*)?", re.ASCII)
_DATA_URI = re.compile(
    r"data:(?P<type>(?:[^,;]+(?:;[^,]*?)??)??)(?P<base64>;base64|(?<=:)base64)?,(?P<data>.*)", re.DOTALL | re.IGNORECASE
)
_ESCAPED_UNIT = re.compile(r"%u([0-9a-fA-F]{4})")

# The character sets of .NET, by the names that it takes in a media type, as Python's codecs.
_CODECS = {
    **dict.fromkeys(("utf-8", "unicode-1-1-utf-8", "unicode-2-0-utf-8"), "utf-8"),
    **dict.fromkeys(("utf-16", "utf-16le", "unicode", "ucs-2"), "utf-16-le"),
    **dict.fromkeys(("utf-16be", "unicodefffe"), "utf-16-be"),
    **dict.fromkeys(("utf-32", "utf-32le", "ucs-4"), "utf-32-le"),
    "utf-32be": "utf-32-be",
    **dict.fromkeys(("us-ascii", "ascii", "ansi_x3.4-1968", "us", "iso646-us"), "ascii"),
    **dict.fromkeys(("iso-8859-1", "latin1", "l1", "iso_8859-1"), "latin-1"),
}


@dataclass(frozen=True)
class Content:
    """Binary content: its MIME type and its base64 text, as they were given."""

    content_type: str
    base64: str

    def to_json(self) -> dict[str, Any]:
        """Return the content as a JSON value."""
        return {_TYPE: self.content_type, _CONTENT: self.base64}

    @property
    def is_xml(self) -> bool:
        """Say whether the type is one of XML. `text/xml` is text to the service."""
        media_type = _media_type(self.content_type)
        return media_type == "application/xml" or media_type.endswith("+xml")

    def data(self) -> bytes:
        """Return the bytes.

        Raises:
            ValueError: the content is not base64.
        """
        return decode_base64(self.base64)

    def text(self) -> str:
        """Return the bytes as text, in the character set that the type names, else UTF-8.

        Raises:
            ValueError: the content is not base64, or there is no such character set.
        """
        return decode(self.data(), charset(self.content_type) or "utf-8")


def make_content(data: bytes, content_type: str) -> dict[str, Any]:
    """Return bytes as a JSON value."""
    return Content(content_type, encode_base64(data)).to_json()


def find_content(value: object) -> Content | None:
    """Return the binary content that a JSON value is, or None when it is none.

    Raises:
        ValueError: its MIME type is none.
    """
    if not isinstance(value, Mapping):
        return None
    found = {key.lower(): item for key, item in value.items() if key.lower() in (_TYPE, _CONTENT)}
    content_type, content = found.get(_TYPE), found.get(_CONTENT)
    if not (isinstance(content_type, str | int | float) and isinstance(content, str | int | float)):
        return None
    _media_type(str(content_type))
    return Content(str(content_type), str(content))


def charset(content_type: str) -> str | None:
    """Return the character set that a MIME type names, as written; None when it names none."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value
    return None


def decode(data: bytes, name: str) -> str:
    """Return bytes as text of a character set, by the name that .NET knows.

    Raises:
        ValueError: there is no such character set.
    """
    codec = _CODECS.get(name.strip().strip('"').lower())
    if codec is None:
        raise ValueError(
            f"{name!r} is no character set of content; there are utf-8, utf-16, utf-32, us-ascii, iso-8859-1"
        )
    if codec == "ascii":
        return "".join(chr(byte) if byte < 128 else "?" for byte in data)  # noqa: PLR2004 - the end of ASCII
    return data.decode(codec, "replace")


def encode_base64(data: bytes) -> str:
    """Return bytes as base64 text."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Return the bytes that base64 text stands for; white space in it is skipped, as .NET does.

    Raises:
        ValueError: it is not base64.
    """
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the text is not base64") from None


@dataclass(frozen=True)
class DataUri:
    """A `data:` URI (RFC 2397): its MIME type, its data as written, and whether that is base64."""

    content_type: str
    written: str
    is_base64: bool

    def content(self) -> Content:
        """Return the binary content.

        Raises:
            ValueError: the MIME type is none, or names a character set that does not exist.
        """
        _media_type(self.content_type)
        if (name := charset(self.content_type)) is not None:
            decode(b"", name)
        return Content(self.content_type, self.written if self.is_base64 else encode_base64(unescape(self.written)))

    def text(self, name: str) -> str:
        """Return the data as text; base64 is text of a character set.

        Raises:
            ValueError: the data is not base64, or there is no such character set.
        """
        if self.is_base64:
            return decode(decode_base64(self.written), name)
        decode(b"", name)
        return unescape(self.written).decode("utf-8", "replace")


def read_data_uri(uri: str) -> DataUri:
    """Return the parts of a `data:` URI.

    Raises:
        ValueError: it is no data URI.
    """
    match = _DATA_URI.fullmatch(uri)
    if match is None:
        raise ValueError("the text is not a data URI, such as data:text/plain;charset=utf-8;base64,aGVsbG8=")
    return DataUri(match["type"] or "text/plain", match["data"], match["base64"] is not None)


def unescape(text: str) -> bytes:
    """Undo URI escapes, `%u0041` among them; a plus sign is a space, as in forms."""
    spaced = _ESCAPED_UNIT.sub(lambda match: chr(int(match[1], 16)), text.replace("+", " "))
    return unquote_to_bytes(spaced.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode())


def _media_type(content_type: str) -> str:
    match = _MEDIA_TYPE.fullmatch(content_type)
    if match is None:
        raise ValueError(f"the content type {content_type!r} is not well formed; write it as text/plain;charset=utf-8")
    return match[1].lower()


def media_type(content_type: str) -> str:
    """Return a MIME type without its parameters, in lower case, whatever it looks like."""
    return content_type.partition(";")[0].strip().lower()

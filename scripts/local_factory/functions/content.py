"""Binary content as the service keeps it in JSON: `{"$content-type": MIME type, "$content": base64}`."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

BINARY = "application/octet-stream"
XML = "application/xml;charset=utf-8"
PLAIN_TEXT = "text/plain;charset=utf-8"

_TYPE, _CONTENT = "$content-type", "$content"
_DATA_URI = re.compile(r"data:(?P<type>[^,]*?)(?P<base64>;base64)?,(?P<data>.*)", re.DOTALL | re.IGNORECASE)
_DATA_URI_DEFAULT_TYPE = "text/plain;charset=US-ASCII"  # RFC 2397


def make_content(data: bytes, content_type: str) -> dict[str, Any]:
    """Return bytes as a JSON value."""
    return {_TYPE: content_type, _CONTENT: encode_base64(data)}


def is_content(value: object) -> bool:
    """Say whether a JSON value is binary content."""
    return isinstance(value, Mapping) and value.keys() == {_TYPE, _CONTENT} and isinstance(value[_CONTENT], str)


def read_content(value: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the bytes of binary content and their MIME type.

    Raises:
        ValueError: it is no binary content, or not base64.
    """
    if not is_content(value):
        raise ValueError(f'an object is taken only as binary content: {{"{_TYPE}": ..., "{_CONTENT}": base64}}')
    return decode_base64(value[_CONTENT]), str(value[_TYPE])


def is_text(content_type: str) -> bool:
    """Say whether content of a MIME type is text or XML, which `string` gives decoded."""
    return is_xml(content_type) or content_type.lower().startswith("text/")


def is_xml(content_type: str) -> bool:
    """Say whether a MIME type is that of XML."""
    return content_type.lower().startswith(("application/xml", "text/xml"))


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


def read_data_uri(uri: str) -> tuple[bytes, str]:
    """Return the bytes and the MIME type of a `data:` URI (RFC 2397).

    Raises:
        ValueError: it is no data URI.
    """
    match = _DATA_URI.fullmatch(uri)
    if match is None:
        raise ValueError("the text is not a data URI, such as data:text/plain;charset=utf-8;base64,aGVsbG8=")
    data = unquote_to_bytes(match["data"])
    if match["base64"]:
        data = decode_base64(data.decode("ascii", "replace"))
    return data, match["type"] or _DATA_URI_DEFAULT_TYPE

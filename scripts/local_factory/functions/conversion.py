"""The conversion functions: between the kinds of JSON values, base64, URIs, binary content and XML."""

import re
from collections.abc import Callable
from decimal import Decimal
from operator import call
from typing import Any
from urllib.parse import quote

from local_factory.functions.content import (
    BINARY,
    JSON,
    PLAIN_TEXT,
    XML,
    Content,
    charset,
    decode,
    decode_base64,
    encode_base64,
    find_content,
    make_content,
    media_type,
    read_data_uri,
    unescape,
)
from local_factory.functions.json_text import read_json
from local_factory.functions.signature import ANY, BOOLEAN_NUMBER_OR_TEXT, COLLECTION, TEXT, Function, Kind
from local_factory.functions.values import Json, checked_float, checked_integer, describe, to_text, to_utf8
from local_factory.functions.xml import XmlText, evaluate_xpath, from_json, read_xml

# What .NET reads as a number under en-US: white space around, a sign, commas between digits, a fraction, an exponent.
# Of a float a sign may stand behind.
_NUMBER = re.compile(
    r"\s*+(?P<number>[+-]?(?:[0-9][0-9,]*+\.?[0-9]*+|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?)(?P<sign>[+-]?)\s*", re.ASCII
)
_INTEGER_DIGITS = 20  # more before the decimal point than any 64-bit integer has

_NOT_NULL = Kind("a value other than null", frozenset({bool, int, float, str, list, dict}))
_OBJECT = Kind("an object", frozenset({dict}))
_TEXT_OR_OBJECT = Kind("a text or an object", frozenset({str, dict}))


def _array(value: Json) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _create_array(*items: Json) -> list[Any]:
    return list(items)


def _coalesce(*values: Callable[[], Json]) -> Json:
    return next((value for value in map(call, values) if value is not None), None)


def _string(value: Json) -> str:
    return to_text(value)


def _bool(value: bool | float | str) -> bool:
    if isinstance(value, str):
        words = {"true": True, "false": False}
        if (word := value.strip().lower()) not in words:
            raise ValueError(f"{describe(value)} is neither true nor false")
        return words[word]
    return bool(value)


def _int(value: float | str) -> int:
    """Convert a whole number: 601.0 and '1,000' are, 601.5 is not."""
    number = _decimal(value, sign_behind=False) if isinstance(value, str) else Decimal(value)
    if number.adjusted() >= _INTEGER_DIGITS:
        raise ValueError(f"{describe(value)} is too large for a 64-bit integer")
    if number != number.to_integral_value():
        raise ValueError(f"{describe(value)} is not a whole number")
    return checked_integer(int(number))


def _float(value: float | str) -> float:
    return checked_float(float(_decimal(value, sign_behind=True) if isinstance(value, str) else value))


def _decimal(text: str, *, sign_behind: bool) -> Decimal:
    match = _NUMBER.fullmatch(text)
    if match is None or (match["sign"] and (not sign_behind or match["number"][0] in "+-")):
        raise ValueError(f"{describe(text)} is not a number")
    return Decimal(f"{match['sign']}{match['number']}".replace(",", ""))


def _json(value: str | dict[str, Any]) -> Json:
    """Read JSON text, or convert XML content."""
    if isinstance(value, str):
        return read_json(value)
    content = find_content(value)
    if content is None:
        raise ValueError("takes a text or XML; the value is an object already")
    return read_xml(content.text()).to_json() if content.is_xml else read_json(content.text())


def _base64(value: str | list[Any] | dict[str, Any]) -> str:
    content = find_content(value)
    return content.base64 if content else encode_base64(to_utf8(to_text(value)))


def _base64_to_binary(text: str) -> dict[str, Any]:
    decode_base64(text)
    return Content(BINARY, text).to_json()


def _base64_to_string(text: str) -> str:
    return decode(decode_base64(text), "utf-8")


def _binary(value: Json) -> Json:
    content = find_content(value)
    if content is None:
        return make_content(to_utf8(to_text(value)), BINARY)
    return Content(BINARY, content.base64).to_json() if content.is_xml else value


def _data_uri(value: Json) -> str:
    content = find_content(value)
    if content is None:
        data = encode_base64(to_utf8(to_text(value)))
        content = Content(PLAIN_TEXT if isinstance(value, str) else JSON, data)
    return f"data:{content.content_type};base64,{content.base64}"


def _data_uri_to_binary(uri: str) -> dict[str, Any]:
    return read_data_uri(uri).content().to_json()


def _data_uri_to_string(uri: str) -> str:
    read = read_data_uri(uri)
    name = charset(read.content_type)
    if name is not None and name.lower() != "utf-8":
        raise ValueError(f"the character set {name!r} is not taken; UTF-8 is")
    return read.text("utf-8")


def _decode_data_uri(uri: str) -> Json:
    """Give text as text, JSON as its value, and all else as binary content. The character set is ASCII by default."""
    read = read_data_uri(uri)
    name = charset(read.content_type) or "us-ascii"
    kind = media_type(read.content_type)
    if kind.startswith("text/"):
        return read.text(name)
    if kind == "application/json" or kind.endswith("+json"):
        return read_json(read.text(name))
    decode(b"", name)
    data = read.written if read.is_base64 else encode_base64(unescape(read.written))
    return Content(f"{kind};charset={name}", data).to_json()


def _uri_component(*values: Json) -> str:
    """Escape all but RFC 3986's unreserved characters."""
    return quote(to_utf8("".join(map(to_text, values))), safe="-._~")


def _uri_component_to_binary(text: str) -> dict[str, Any]:
    return make_content(unescape(text), BINARY)


def _uri_component_to_string(text: str) -> str:
    return decode(unescape(text), "utf-8")


def _xml(value: str | dict[str, Any]) -> dict[str, Any]:
    """Make XML content of XML text, or of an object with one property, the root element."""
    if isinstance(value, str):
        return make_content(to_utf8(read_xml(value).to_text()), XML)
    content = find_content(value)
    return Content(XML, content.base64).to_json() if content else make_content(to_utf8(from_json(value)), XML)


def _xpath(value: dict[str, Any], path: str) -> Json:
    content = find_content(value)
    if content is None or not content.is_xml:
        raise ValueError(f"takes XML, as xml() makes it, not {describe(value)}")
    result = evaluate_xpath(read_xml(content.text()), path)
    if isinstance(result, list):
        return [make_content(to_utf8(node.text), XML) if isinstance(node, XmlText) else node for node in result]
    return result


FUNCTIONS = {
    "array": Function(_array, ANY),
    "base64": Function(_base64, COLLECTION),
    "base64ToBinary": Function(_base64_to_binary, TEXT),
    "base64ToString": Function(_base64_to_string, TEXT),
    "binary": Function(_binary, _NOT_NULL),
    "bool": Function(_bool, BOOLEAN_NUMBER_OR_TEXT),
    "coalesce": Function(_coalesce, ANY, lazy=True),
    "createArray": Function(_create_array, ANY),
    "dataUri": Function(_data_uri, _NOT_NULL),
    "dataUriToBinary": Function(_data_uri_to_binary, TEXT),
    "dataUriToString": Function(_data_uri_to_string, TEXT),
    "decodeBase64": Function(_base64_to_string, TEXT),
    "decodeDataUri": Function(_decode_data_uri, TEXT),
    "decodeUriComponent": Function(_uri_component_to_string, TEXT),
    "encodeUriComponent": Function(_uri_component, ANY),
    "float": Function(_float, BOOLEAN_NUMBER_OR_TEXT),
    "int": Function(_int, BOOLEAN_NUMBER_OR_TEXT),
    "json": Function(_json, _TEXT_OR_OBJECT),
    "string": Function(_string, ANY),
    "uriComponent": Function(_uri_component, ANY),
    "uriComponentToBinary": Function(_uri_component_to_binary, TEXT),
    "uriComponentToString": Function(_uri_component_to_string, TEXT),
    "xml": Function(_xml, _TEXT_OR_OBJECT),
    "xpath": Function(_xpath, _OBJECT, TEXT),
}

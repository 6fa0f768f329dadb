"""The conversion functions: between the kinds of JSON values, base64, URIs, binary content and XML."""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import quote, unquote_to_bytes

from local_factory.functions.content import (
    BINARY,
    PLAIN_TEXT,
    XML,
    decode_base64,
    encode_base64,
    is_content,
    is_xml,
    make_content,
    read_content,
    read_data_uri,
)
from local_factory.functions.signature import ANY, CONTENT, TEXT, Function, Kind
from local_factory.functions.values import Json, checked_float, checked_integer, describe, to_text, to_utf8
from local_factory.functions.xml import evaluate_xpath, from_json, parse_xml, to_json_value

# What .NET reads as a number under en-US: white space around, a sign, commas between digits, a fraction, an exponent.
_NUMBER = re.compile(r"\s*+(?P<number>[+-]?(?:[0-9][0-9,]*+\.?[0-9]*+|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?)\s*", re.ASCII)
_INTEGER_DIGITS = 20  # more before the decimal point than any 64-bit integer has

_NUMBER_OR_TEXT = Kind("a number or a text", frozenset({int, float, str}))
_BOOLEAN_NUMBER_OR_TEXT = Kind("true, false, a number or a text", frozenset({bool, int, float, str}))
_TEXT_CONTENT_OR_NULL = Kind("a text, XML or null", frozenset({str, dict, type(None)}))


def _array(value: Json) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _create_array(*items: Json) -> list[Any]:
    return list(items)


def _coalesce(*values: Json) -> Json:
    return next((value for value in values if value is not None), None)


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
    number = _decimal(value) if isinstance(value, str) else Decimal(value)
    if number.adjusted() >= _INTEGER_DIGITS:
        raise ValueError(f"{describe(value)} is too large for a 64-bit integer")
    if number != number.to_integral_value():
        raise ValueError(f"{describe(value)} is not a whole number")
    return checked_integer(int(number))


def _float(value: float | str) -> float:
    return checked_float(float(_decimal(value) if isinstance(value, str) else value))


def _decimal(text: str) -> Decimal:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{describe(text)} is not a number")
    return Decimal(match["number"].replace(",", ""))


def _json(value: str | dict[str, Any] | None) -> Json:
    """Read JSON text, or convert XML. The documentation gives an empty object for null."""
    if value is None:
        return {}
    if isinstance(value, dict):
        data, content_type = read_content(value) if is_content(value) else (b"", "")
        if not is_xml(content_type):
            raise ValueError("takes a text or XML; the value is an object already")
        return to_json_value(data)
    try:
        document: Json = json.loads(value, parse_constant=_refuse_constant, parse_float=_read_float)
    except json.JSONDecodeError as error:
        raise ValueError(f"the text is not JSON: {error}") from None
    return document


def _read_float(text: str) -> float:
    return checked_float(float(text))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the text is not JSON: it has the number {name}")


def _base64(value: str | dict[str, Any]) -> str:
    return encode_base64(_bytes(value))


def _base64_to_binary(text: str) -> dict[str, Any]:
    return make_content(decode_base64(text), BINARY)


def _base64_to_string(text: str) -> str:
    return _text(decode_base64(text))


def _binary(value: str | dict[str, Any]) -> dict[str, Any]:
    return make_content(_bytes(value), BINARY)


def _data_uri(value: str | dict[str, Any]) -> str:
    content_type = read_content(value)[1] if isinstance(value, dict) else PLAIN_TEXT
    return f"data:{content_type};base64,{_base64(value)}"


def _data_uri_to_binary(uri: str) -> dict[str, Any]:
    return make_content(*read_data_uri(uri))


def _data_uri_to_string(uri: str) -> str:
    return _text(read_data_uri(uri)[0])


def _uri_component(text: str) -> str:
    """Escape all but RFC 3986's unreserved characters."""
    return quote(to_utf8(text), safe="-._~")


def _uri_component_to_binary(text: str) -> dict[str, Any]:
    return make_content(_unescape(text), BINARY)


def _uri_component_to_string(text: str) -> str:
    return _text(_unescape(text))


def _unescape(text: str) -> bytes:
    """Undo URI escapes; a plus sign is a space, as in forms."""
    return unquote_to_bytes(to_utf8(text.replace("+", " ")))


def _xml(value: str | dict[str, Any]) -> dict[str, Any]:
    """Make XML content of XML text, or of an object with one property, the root element."""
    if isinstance(value, dict) and not is_content(value):
        return make_content(from_json(value), XML)
    data = _bytes(value)
    parse_xml(data)
    return make_content(data, XML)


def _xpath(value: str | dict[str, Any], path: str) -> Json:
    result = evaluate_xpath(_bytes(value), path)
    if isinstance(result, list):
        return [make_content(node, XML) if isinstance(node, bytes) else node for node in result]
    return result


def _bytes(value: str | dict[str, Any]) -> bytes:
    return to_utf8(value) if isinstance(value, str) else read_content(value)[0]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


FUNCTIONS = {
    "array": Function(_array, ANY),
    "base64": Function(_base64, CONTENT),
    "base64ToBinary": Function(_base64_to_binary, TEXT),
    "base64ToString": Function(_base64_to_string, TEXT),
    "binary": Function(_binary, CONTENT),
    "bool": Function(_bool, _BOOLEAN_NUMBER_OR_TEXT),
    "coalesce": Function(_coalesce, ANY),
    "createArray": Function(_create_array, ANY),
    "dataUri": Function(_data_uri, CONTENT),
    "dataUriToBinary": Function(_data_uri_to_binary, TEXT),
    "dataUriToString": Function(_data_uri_to_string, TEXT),
    "decodeBase64": Function(_base64_to_string, TEXT),
    "decodeDataUri": Function(_data_uri_to_binary, TEXT),
    "decodeUriComponent": Function(_uri_component_to_string, TEXT),
    "encodeUriComponent": Function(_uri_component, TEXT),
    "float": Function(_float, _NUMBER_OR_TEXT),
    "int": Function(_int, _NUMBER_OR_TEXT),
    "json": Function(_json, _TEXT_CONTENT_OR_NULL),
    "string": Function(_string, ANY),
    "uriComponent": Function(_uri_component, TEXT),
    "uriComponentToBinary": Function(_uri_component_to_binary, TEXT),
    "uriComponentToString": Function(_uri_component_to_string, TEXT),
    "xml": Function(_xml, CONTENT),
    "xpath": Function(_xpath, CONTENT, TEXT),
}

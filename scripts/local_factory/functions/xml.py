"""XML: reading it safely, XPath 1.0, and the conversions from and to JSON that Newtonsoft.Json makes.

lxml does the work: the standard library has no full XPath 1.0 and loses namespace prefixes.
"""

import re
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from local_factory.functions.values import Json, checked_float, quote, to_text, to_utf8

# lxml wants text to be UTF-8, whatever encoding its declaration names: it is text of the expression by now.
_DECLARATION = re.compile(rb"\A\s*<\?xml\s(?P<attributes>.*?)\?>", re.DOTALL)
_DECLARATION_ATTRIBUTE = re.compile(rb"""(version|encoding|standalone)\s*=\s*["']([^"']*)["']""")


def parse_xml(data: bytes) -> Any:
    """Return the root element of XML in UTF-8.

    Raises:
        ValueError: it is not well-formed, or declares a document type, which could make it grow without bounds.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, encoding="utf-8")
    try:
        root = etree.fromstring(_DECLARATION.sub(b"", data).strip(), parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"the text is not well-formed XML: {error.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("XML with a document type declaration is not taken")
    return root


def evaluate_xpath(data: bytes, path: str) -> str | float | bool | list[str | bytes]:
    """Evaluate an XPath 1.0 expression.

    Returns:
        A text, number or truth value, or the nodes found: elements as XML in UTF-8, attributes as `name="value"`,
        texts as they are.

    Raises:
        ValueError: the XML or the expression is wrong, or its number is none that JSON knows (NaN, infinity).
    """
    root = parse_xml(data)
    try:
        result = root.getroottree().xpath(path)
    except etree.XPathError as error:
        raise ValueError(f"the XPath {quote(path)} is wrong: {error}") from None
    if isinstance(result, list):
        return [_node(item) for item in result]
    if isinstance(result, bool):
        return result
    return checked_float(result) if isinstance(result, float) else str(result)


def _node(item: Any) -> str | bytes:
    if isinstance(item, tuple):  # a namespace node: (prefix, URI)
        prefix, uri = item
        return f'xmlns{f":{prefix}" if prefix else ""}="{_escape_attribute(uri)}"'
    if not isinstance(item, str):
        return bytes(etree.tostring(item, encoding="utf-8", xml_declaration=False, with_tail=False))
    attribute = getattr(item, "attrname", None)
    if attribute is None:
        return str(item)
    return f'{_prefixed(attribute, item.getparent())}="{_escape_attribute(item)}"'  # type: ignore[attr-defined] # lxml's own text


def _escape_attribute(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def _prefixed(name: str, element: Any) -> str:
    """Return a name as it is written in the document: `prefix:name`, where lxml says `{namespace}name`."""
    qualified = etree.QName(name)
    if qualified.namespace is None:
        return str(qualified.localname)
    prefixes = {uri: prefix for prefix, uri in element.nsmap.items() if prefix}
    prefix = prefixes.get(qualified.namespace, "xml" if qualified.namespace.endswith("/XML/1998/namespace") else "")
    return f"{prefix}:{qualified.localname}" if prefix else str(qualified.localname)


def to_json_value(data: bytes) -> dict[str, Any]:
    """Return XML as JSON: attributes as `@name`, repeated elements as arrays, text beside others as `#text`.

    Raises:
        ValueError: the XML is wrong.
    """
    root = parse_xml(data)
    document: dict[str, Any] = {}
    if declaration := _DECLARATION.match(data):
        attributes = _DECLARATION_ATTRIBUTE.findall(declaration["attributes"])
        document["?xml"] = {f"@{name.decode()}": value.decode() for name, value in attributes}
    document[_element_name(root)] = _element_value(root, {})
    return document


def _element_value(element: Any, outer_namespaces: dict[str | None, str]) -> Json:
    members: dict[str, Any] = {}
    for prefix, uri in element.nsmap.items():
        if outer_namespaces.get(prefix) != uri:
            members[f"@xmlns:{prefix}" if prefix else "@xmlns"] = uri
    for name, value in element.attrib.items():
        members[f"@{_prefixed(name, element)}"] = value
    texts = [text for text in (element.text, *(child.tail for child in element)) if text and text.strip()]
    repeated: dict[str, list[Json]] = {}
    for child in element.iterchildren(etree.Element):
        repeated.setdefault(_element_name(child), []).append(_element_value(child, element.nsmap))
    if not members and not repeated:
        return "".join(texts) or None
    for name, values in repeated.items():
        members[name] = values[0] if len(values) == 1 else values
    if texts:
        members["#text"] = texts[0] if len(texts) == 1 else texts
    return members


def _element_name(element: Any) -> str:
    name = str(etree.QName(element).localname)
    return f"{element.prefix}:{name}" if element.prefix else name


def from_json(value: dict[str, Any]) -> bytes:
    """Return XML in UTF-8 for an object with one property, the root: the other way round from `to_json_value`.

    Raises:
        ValueError: the object has no single root, or a name is not one of XML.
    """
    roots = {name: content for name, content in value.items() if not name.startswith("?")}
    if len(roots) != 1 or isinstance(next(iter(roots.values())), list):
        raise ValueError("XML has one root: an object with exactly one property is needed, which is not an array")
    written = "".join(_write(name, content) for name, content in roots.items())
    data = to_utf8(written)
    parse_xml(data)
    return data


def _write(name: str, content: Json) -> str:
    """Return the elements of a name: one for each item of an array, else one. `#text` is the text between elements."""
    if isinstance(content, list):
        return "".join(_write(name, item) for item in content)
    if name == "#text":
        return escape(_plain(content))
    if content is None:
        return f"<{name}/>"
    if not isinstance(content, dict):
        return f"<{name}>{escape(_plain(content))}</{name}>"
    attributes = {key[1:]: value for key, value in content.items() if key.startswith("@")}
    start = "".join(f' {key}="{_escape_attribute(_plain(value))}"' for key, value in attributes.items())
    inner = "".join(_write(key, value) for key, value in content.items() if not key.startswith("@"))
    return f"<{name}{start}>{inner}</{name}>"


def _plain(content: Json) -> str:
    return str(content).lower() if isinstance(content, bool) else to_text(content)

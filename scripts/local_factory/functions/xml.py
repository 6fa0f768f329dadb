"""XML as .NET's XmlDocument has it: reading and writing, XPath 1.0, and Newtonsoft.Json's conversions from and to JSON.

expat reads, since it tells `<a/>` from `<a></a>` and CDATA from text, which JSON shows; lxml evaluates XPath.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, overload
from xml.parsers import expat
from xml.sax.saxutils import escape

from lxml import etree

from local_factory.functions.values import Json, checked_float, quote, to_text

_BLANK = re.compile(r"[ \t\r\n]*")
_ELEMENT = etree.Element
_NAME_START = (
    r"A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\ud7ff\uf900-\ufffd"
)
_NOT_IN_NAME = re.compile(rf"[^-.0-9\xb7\u0300-\u036f\u203f\u2040:{_NAME_START}]|(?<![\s\S])[^{_NAME_START}]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class XmlText:
    """A node of a document, written as XML."""

    text: str


@dataclass
class _Leaf:
    """A text, CDATA section, comment or processing instruction (whose name is its target)."""

    kind: str
    text: str
    name: str = ""


@dataclass
class _Element:
    """An element: `closed` is one written without an end tag."""

    name: str
    attributes: list[tuple[str, str]]
    children: list["_Element | _Leaf"] = field(default_factory=list)
    closed: bool = False

    @property
    def leaves_only(self) -> bool:
        """Say whether all its children are text."""
        return all(isinstance(child, _Leaf) and child.kind == _TEXT for child in self.children)


_TEXT, _CDATA, _COMMENT, _INSTRUCTION = "#text", "#cdata-section", "#comment", "?"
_Node = _Element | _Leaf


@dataclass
class XmlDocument:
    """A document: its declaration's attributes, and its nodes, one of which is the root element."""

    declaration: dict[str, str]
    nodes: list[_Node]

    @property
    def root(self) -> _Element:
        """The root element."""
        return next(node for node in self.nodes if isinstance(node, _Element))

    def to_text(self) -> str:
        """Return the document on one line, as XmlDocument writes it."""
        attributes = "".join(f' {name}="{value}"' for name, value in self.declaration.items())
        return (f"<?xml{attributes}?>" if attributes else "") + "".join(map(_written, self.nodes))

    def to_json(self) -> dict[str, Any]:
        """Return the document as JSON: attributes as `@name`, repeated elements as arrays, text as `#text`."""
        declaration = {f"@{name}": value for name, value in self.declaration.items()}
        return {**({"?xml": declaration} if declaration else {}), **_members(self.nodes)}


def read_xml(text: str) -> XmlDocument:
    """Read a document; white space between elements is left out, unless it says `xml:space="preserve"`.

    Raises:
        ValueError: it is not well-formed, or declares a document type, which could make it grow without bounds.
    """
    if text.startswith("\ufeff"):
        raise ValueError("the text is not well-formed XML: it begins with a byte order mark")
    try:
        expat.ParserCreate("utf-8", " ").Parse(text, True)
        return _Builder().read(text.lstrip(" \t\r\n") if not text.lstrip().startswith("<?xml") else text)
    except expat.ExpatError as error:
        raise ValueError(f"the text is not well-formed XML: {error}") from None


class _Builder:
    """Makes a document of what expat reads."""

    def __init__(self) -> None:
        self._document = XmlDocument({}, [])
        self._open: list[_Element] = []
        self._text: list[str] = []
        self._in_cdata = False
        self._source = b""
        self._preserve = [False]
        parser = self._parser = expat.ParserCreate(
            "utf-8"
        )  # whatever encoding its declaration names: it is text by now
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.StartElementHandler = self._element
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.CommentHandler = lambda text: self._add(_Leaf(_COMMENT, text))
        parser.ProcessingInstructionHandler = lambda target, text: self._add(_Leaf(_INSTRUCTION, text, target))
        parser.StartCdataSectionHandler = self._start_cdata
        parser.EndCdataSectionHandler = self._end_cdata
        parser.XmlDeclHandler = self._declare
        parser.StartDoctypeDeclHandler = self._refuse

    def read(self, text: str) -> XmlDocument:
        self._source = text.encode("utf-8", "replace")
        self._parser.Parse(self._source, True)
        return self._document

    def _element(self, name: str, attributes: list[str]) -> None:
        element = _Element(name, list(zip(attributes[::2], attributes[1::2], strict=True)))
        self._add(element)
        self._open.append(element)
        space = dict(element.attributes).get("xml:space")
        self._preserve.append(self._preserve[-1] if space is None else space == "preserve")

    def _end(self, _name: str) -> None:
        self._flush()
        self._preserve.pop()
        element = self._open.pop()
        place = self._parser.CurrentByteIndex  # behind a tag without content, else where the end tag begins
        element.closed = not element.children and self._source[:place].endswith(b"/>")

    def _start_cdata(self) -> None:
        self._flush()
        self._in_cdata = True

    def _end_cdata(self) -> None:
        self._in_cdata = False
        self._add(_Leaf(_CDATA, "".join(self._text)), flush=False)
        self._text.clear()

    def _declare(self, version: str, encoding: str | None, standalone: int) -> None:
        words = {"version": version, "encoding": encoding, "standalone": {0: "no", 1: "yes"}.get(standalone)}
        self._document.declaration = {name: value for name, value in words.items() if value is not None}

    def _refuse(self, *_: object) -> None:
        raise ValueError("XML with a document type declaration is not taken")

    def _add(self, node: _Node, *, flush: bool = True) -> None:
        if flush:
            self._flush()
        (self._open[-1].children if self._open else self._document.nodes).append(node)

    def _flush(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        if self._open and text and (self._preserve[-1] or not _BLANK.fullmatch(text)):
            self._open[-1].children.append(_Leaf(_TEXT, text))


def _written(node: _Node, indent: str | None = None, inherited: str = "") -> str:
    """Return a node as XML: on one line, or, with an indent, in lines until a text comes."""
    if isinstance(node, _Leaf):
        return _written_leaf(node)
    attributes = "".join(f' {name}="{_escape_attribute(value)}"' for name, value in node.attributes) + inherited
    if not node.children:
        return f"<{node.name}{attributes} />" if node.closed else f"<{node.name}{attributes}></{node.name}>"
    written = f"<{node.name}{attributes}>"
    deeper = None if indent is None else f"{indent}  "
    for child in node.children:
        if isinstance(child, _Leaf) and child.kind in (_TEXT, _CDATA):
            deeper = None
        written += ("" if deeper is None else f"\n{deeper}") + _written(child, deeper)
    return written + ("" if deeper is None else f"\n{indent}") + f"</{node.name}>"


def _written_leaf(leaf: _Leaf) -> str:
    match leaf.kind:
        case "#cdata-section":
            return f"<![CDATA[{leaf.text}]]>"
        case "#comment":
            return f"<!--{leaf.text}-->"
        case "?":
            return f"<?{leaf.name}{' ' if leaf.text else ''}{leaf.text}?>"
        case _:
            return _escape_control(escape(leaf.text))


def _escape_attribute(text: str) -> str:
    return _escape_control(escape(text, {'"': "&quot;", "\n": "&#xA;", "\r": "&#xD;"}))


def _escape_control(text: str) -> str:
    return _CONTROL.sub(lambda match: f"&#x{ord(match[0]):X};", text)


def _members(nodes: list[_Node]) -> dict[str, Any]:
    """Return nodes beside each other as an object's members, each name at its first place."""
    groups: dict[str, list[Json]] = {}
    for node in nodes:
        if isinstance(node, _Element):
            groups.setdefault(node.name, []).append(_value(node))
        elif node.kind == _INSTRUCTION:
            groups.setdefault(f"?{node.name}", []).append(node.text)
        elif node.kind != _COMMENT:
            groups.setdefault(node.kind, []).append(node.text)
    return {name: values[0] if len(values) == 1 else values for name, values in groups.items()}


def _value(element: _Element) -> Json:
    if not element.attributes:
        if not element.children:
            return None if element.closed else ""
        if len(element.children) == 1 and element.leaves_only:
            return element.children[0].text  # type: ignore[union-attr] # it is a text
    return {**{f"@{name}": value for name, value in element.attributes}, **_members(element.children)}


def from_json(value: dict[str, Any]) -> str:
    """Return XML for an object with one property, the root: the other way round from `XmlDocument.to_json`.

    Raises:
        ValueError: the object has more than one root.
    """
    document = XmlDocument({}, [])
    for name, content in value.items():
        if name == "?xml" and isinstance(content, dict):
            document.declaration = {key.lstrip("@"): _plain(item) for key, item in content.items()}
        else:
            document.nodes += _nodes(name, content)
    roots = sum(isinstance(node, _Element) for node in document.nodes)
    if roots > 1 or any(isinstance(node, _Leaf) and node.kind in (_TEXT, _CDATA) for node in document.nodes):
        raise ValueError("XML has one root: an object with exactly one property is needed, which is one value")
    if any(name.startswith("@") for name in value):
        raise ValueError("XML has one root, an element: an attribute cannot stand beside it")
    return document.to_text()


def _nodes(name: str, content: Json) -> Iterator[_Node]:
    """Yield the nodes of a member: one for each item of an array, else one; none for an attribute."""
    if isinstance(content, list):
        for item in content:
            yield from (
                [_Element(_xml_name(name), [], _children({name: item}))]
                if isinstance(item, list)
                else _nodes(name, item)
            )
    elif name in (_TEXT, _CDATA):
        yield _Leaf(name, _plain(content))
    elif name.startswith("?"):
        yield _Leaf(_INSTRUCTION, _plain(content), name[1:])
    elif not name:
        raise ValueError("an element has a name; a property's is empty")
    elif content is None:
        yield _Element(_xml_name(name), [], closed=True)
    elif isinstance(content, dict):
        attributes = [(_xml_name(key[1:]), _plain(item)) for key, item in content.items() if key.startswith("@")]
        children = _children(content)
        yield _Element(_xml_name(name), attributes, children, closed=not children)
    else:
        text = _plain(content)
        yield _Element(_xml_name(name), [], [_Leaf(_TEXT, text)] if text else [])


def _children(members: dict[str, Any]) -> list[_Node]:
    return [node for key, item in members.items() if not key.startswith("@") for node in _nodes(key, item)]


def _plain(content: Json) -> str:
    return str(content).lower() if isinstance(content, bool) else to_text(content)


def _xml_name(name: str) -> str:
    """Return a property's name as an element's: what XML does not take is written as its code, `_x0020_`."""
    return _NOT_IN_NAME.sub(lambda match: f"_x{ord(match[0]):04X}_", name)


def evaluate_xpath(document: XmlDocument, path: str) -> str | float | bool | list[str | XmlText]:
    """Evaluate an XPath 1.0 expression.

    Returns:
        A text, number or truth value, or the nodes found: elements as XML, attributes as `name="value"`, texts as they
        are.

    Raises:
        ValueError: the expression is wrong, or gives comments or namespaces, or a number that JSON does not have.
    """
    if path.strip() == "/":
        return [XmlText("\n".join(_written(_navigated(node), "") for node in document.nodes))]
    root = etree.fromstring(document.to_text().encode("utf-8", "replace"), _parser())
    try:
        result = root.getroottree().xpath(path)
    except etree.XPathError as error:
        raise ValueError(f"the XPath {quote(path)} is wrong: {error}") from None
    if isinstance(result, bool):
        return result
    if isinstance(result, list):
        elements = dict(zip(root.iter(_ELEMENT), _elements(document.root), strict=True))
        return [_found(item, elements, path) for item in result]
    return checked_float(result) if isinstance(result, float) else str(result)


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, encoding="utf-8")


def _elements(element: _Element) -> Iterator[_Element]:
    yield element
    for child in element.children:
        if isinstance(child, _Element):
            yield from _elements(child)


def _found(item: Any, elements: dict[Any, _Element], path: str) -> str | XmlText:
    if item in elements:
        return XmlText(_outer(item, elements[item]))
    attribute = getattr(item, "attrname", None)
    if attribute is None and isinstance(item, str):
        return str(item)
    if attribute is None:
        raise ValueError(f"the XPath {quote(path)} gives nodes that are neither elements, attributes nor texts")
    return f'{_prefixed(attribute, item.getparent())}="{item}"'


def _outer(item: Any, element: _Element) -> str:
    """Return an element as XPathNavigator writes it: indented, with the namespaces that it is in."""
    navigated = _navigated(element)
    own = [(name, value) for name, value in navigated.attributes if not _is_namespace(name)]
    declared = {f"xmlns:{prefix}" if prefix else "xmlns": uri for prefix, uri in item.nsmap.items()}
    inherited = "".join(f' {name}="{_escape_attribute(uri)}"' for name, uri in declared.items())
    return _written(_Element(element.name, own, navigated.children, element.closed), "", inherited)


@overload
def _navigated(node: _Element) -> _Element: ...
@overload
def _navigated(node: _Leaf) -> _Leaf: ...
def _navigated(node: _Node) -> _Node:
    """Return a node as XPathNavigator sees it: CDATA is text, and namespaces stand behind attributes."""
    if isinstance(node, _Leaf):
        return _Leaf(_TEXT, node.text) if node.kind == _CDATA else node
    attributes = sorted(node.attributes, key=lambda attribute: _is_namespace(attribute[0]))
    return _Element(node.name, attributes, [_navigated(child) for child in node.children], node.closed)


def _is_namespace(name: str) -> bool:
    return name == "xmlns" or name.startswith("xmlns:")


def _prefixed(name: str, element: Any) -> str:
    """Return a name as it is written in the document: `prefix:name`, where lxml says `{namespace}name`."""
    qualified = etree.QName(name)
    if qualified.namespace is None:
        return str(qualified.localname)
    prefixes = {uri: prefix for prefix, uri in element.nsmap.items() if prefix}
    prefix = prefixes.get(qualified.namespace, "xml" if qualified.namespace.endswith("/XML/1998/namespace") else "")
    return f"{prefix}:{qualified.localname}" if prefix else str(qualified.localname)

"""What a semantic model's TMDL says: objects with their properties, by the lines' indentation.

The rules are those of the language's description (learn.microsoft.com/analysis-services/tmdl/tmdl-overview), as far as
Power BI Desktop's files of a model without calculation groups use them. A line that is none of them is refused.
`test_microsoft_reader.py` compares what is read here with what Microsoft's own library reads.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# The kinds of objects that are read; each may have a name, and after `=` an expression or a value.
_KINDS = {"cultureInfo", "database", "expression", "model", "ref", "relationship", "table"}
_INNER_KINDS = {"annotation", "changedProperty", "column", "dataAccessOptions", "measure", "partition"}
# Properties whose value is an expression of several lines.
_EXPRESSIONS = ("source",)
_NAME = r"(?:'(?:[^']|'')*'|[^\s'=:]+)"
_OBJECT = re.compile(rf"(?P<kind>\w+)(?: (?P<name>{_NAME}(?: {_NAME})?))?(?:\s*=\s*(?P<value>.*))?$")
_PROPERTY = re.compile(r"(?P<name>\w+):\s*(?P<value>.*)$")
_FLAG = re.compile(r"\w+$")


class TmdlError(Exception):
    """A line that is no TMDL, by file and number."""


@dataclass
class Node:
    """An object.

    Attributes:
        kind: `table`, `column`, `measure`, ...
        name: without its quotes.
        value: what stands after `=`, its lines without the indentation they share.
        description: of its `///` lines.
        properties: by name; of a flag True.
        children: the objects in it.
        place: its file and line.
    """

    kind: str
    name: str
    value: str = ""
    description: str = ""
    properties: dict[str, str | bool] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)
    place: str = ""

    def all(self, kind: str) -> list["Node"]:
        """Return the objects of a kind that stand in it."""
        return [child for child in self.children if child.kind == kind]


@dataclass(frozen=True)
class _Line:
    place: str
    depth: int
    text: str


def read_model(definition: Path) -> Node:
    """Return the model of a folder `definition`: all files' objects in one."""
    model = Node("model", "Model")
    files = sorted(definition.rglob("*.tmdl"))
    for file in files:
        for node in read(file.read_text(encoding="utf-8"), file.relative_to(definition).as_posix()):
            if node.kind == "model":
                model.properties, model.place = node.properties, node.place
                model.children += node.children
            else:
                model.children.append(node)
    return model


def read(text: str, file: str) -> list[Node]:
    """Return the objects of a file.

    Raises:
        TmdlError: a line is none that is known.
    """
    lines = [
        _Line(f"{file}:{number}", len(line) - len(line.lstrip("\t")), line.lstrip("\t").rstrip())
        for number, line in enumerate(text.splitlines(), 1)
    ]
    root = Node("file", file)
    rest = _children(root, lines, 0)
    if rest:
        raise TmdlError(f"{rest[0].place}: is indented further than what it stands in")
    return root.children


def _children(node: Node, lines: list[_Line], depth: int) -> list[_Line]:
    """Read into a node what stands in it; return the lines that come after."""
    description: list[str] = []
    while lines:
        line = lines[0]
        if not line.text:
            lines = lines[1:]
            continue
        if line.depth < depth:
            return lines
        if line.depth > depth:
            raise TmdlError(f"{line.place}: is indented further than what it stands in")
        if line.text.startswith("///"):
            description.append(line.text.removeprefix("///").strip())
            lines = lines[1:]
            continue
        lines = _statement(node, lines, depth, " ".join(description))
        description = []
    return lines


def _statement(node: Node, lines: list[_Line], depth: int, description: str) -> list[_Line]:
    line, lines = lines[0], lines[1:]
    if property_ := _PROPERTY.match(line.text):
        _set(node, property_["name"], property_["value"], line)
        return lines
    object_ = _OBJECT.match(line.text)
    if object_ and object_["kind"] in _EXPRESSIONS and object_["name"] is None:
        value, lines = _expression(object_["value"] or "", lines, depth)
        _set(node, object_["kind"], value, line)
        return lines
    if object_ and object_["kind"] in _KINDS | _INNER_KINDS:
        child = Node(object_["kind"], _unquoted(object_["name"] or ""), description=description, place=line.place)
        if object_["value"] is not None:
            child.value, lines = _expression(object_["value"], lines, depth)
        node.children.append(child)
        return _children(child, lines, depth + 1)
    if _FLAG.match(line.text):
        _set(node, line.text, True, line)
        return lines
    raise TmdlError(f"{line.place}: is neither an object nor a property: {line.text}")


def _expression(first: str, lines: list[_Line], depth: int) -> tuple[str, list[_Line]]:
    """Return the text after `=`: that of the line, or of the lines below that are indented by two and more."""
    if first:
        return first, lines
    body: list[_Line] = []
    while lines and (not lines[0].text or lines[0].depth > depth + 1):
        body.append(lines[0])
        lines = lines[1:]
    return "\n".join("\t" * max(line.depth - depth - 2, 0) + line.text for line in body).strip("\n"), lines


def _set(node: Node, name: str, value: str | bool, line: _Line) -> None:
    if name in node.properties:
        raise TmdlError(f"{line.place}: {node.kind} {node.name} has {name} twice")
    node.properties[name] = value


def _unquoted(name: str) -> str:
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def split_reference(reference: str) -> tuple[str, str]:
    """Return the table and the column of `Table.Column`, either of which may be quoted.

    Raises:
        TmdlError: it is no such reference.
    """
    match = re.fullmatch(rf"({_NAME[:-1]}|[^\s'=:.]+))\.({_NAME})", reference)
    if match is None:
        raise TmdlError(f"{reference}: is not Table.Column")
    return _unquoted(match[1]), _unquoted(match[2])


def walk(node: Node) -> Iterator[Node]:
    """Give a node and all in it."""
    yield node
    for child in node.children:
        yield from walk(child)

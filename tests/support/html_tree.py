"""A page as a tree, strictly read: a tag that is not closed, or closed where it was not open, is an error."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

_VOID = frozenset({"meta", "link", "br", "wbr", "hr", "img", "input"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    content: list["Element | str"] = field(default_factory=list)

    def all(self, tag: str, css_class: str | None = None) -> Iterator["Element"]:
        """Yield the elements below this one, in order, by tag and one of their classes."""
        for child in self.content:
            if isinstance(child, Element):
                if child.tag == tag and (css_class is None or css_class in child.classes):
                    yield child
                yield from child.all(tag, css_class)

    def one(self, tag: str, css_class: str | None = None) -> "Element":
        return next(self.all(tag, css_class))

    @property
    def classes(self) -> list[str]:
        return (self.attributes.get("class") or "").split()

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.content)

    @property
    def words(self) -> str:
        """The text with each run of white space as one space."""
        return " ".join(self.text.split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        self.open[-1].content.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].content.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> where <{self.open[-1].tag}> is open, line {self.getpos()[0]}"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].content.append(data)


def read_page(path: Path) -> Element:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == [reader.root], f"<{reader.open[-1].tag}> is not closed"
    return reader.root

"""What the run report and the notebook pages share: the templates, the filters they use, writing a page.

A page is one file that opens from disk: it loads nothing, and its content security policy forbids it to and allows no
script. What runs, notebooks and servers said is text to the templates, never markup.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from rich.filesize import decimal

from local_factory.formatting import count, duration
from local_factory.run_tree import sum_up

if TYPE_CHECKING:
    from jinja2 import Environment
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict
    from markupsafe import Markup

# Colouring a text takes about a second per million characters.
_LONGEST_COLOURED = 50_000
_TERMINAL_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
# Where a name may break across lines: after a separator, and between a lower and an upper case letter.
_BREAKS = re.compile(r"(?<=[_./\\:-])(?=[^_./\\:-])|(?<=[a-z])(?=[A-Z])")
_NOT_FOR_HTML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def write_page(template: str, path: Path, **values: object) -> None:
    """Render a template into a file, making its folder.

    Args:
        template: the template's file name.
        path: the page; replaced when it exists.
        values: what the template shows, by the names it uses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(template, **values), encoding="utf-8")


def render(template: str, *folders: Path, **values: object) -> str:
    """Return a page as HTML.

    Args:
        template: the template's file name.
        folders: where templates are besides those that all pages share.
        values: what the template shows, by the names it uses.
    """
    html = _environment(folders).get_template(template).render(values)
    return _NOT_FOR_HTML.sub("\N{REPLACEMENT CHARACTER}", html)


def plain(text: str) -> str:
    """Return a terminal's text without colour codes, each line as its last carriage return left it."""
    lines = _TERMINAL_CODES.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def pretty_json(value: object) -> str:
    """Return a value as indented JSON; what JSON cannot say stands as text."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def coloured(text: str, language: str) -> "Markup":
    """Return source text as markup with its syntax coloured; of an unknown language, or a very long one, just escaped.

    Args:
        text: the source.
        language: a name that Pygments knows: `python`, `sql`, `json`, `bash`, `scala`, `r`.
    """
    from markupsafe import Markup, escape
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(text)
    if len(text) > _LONGEST_COLOURED:
        return escape(text)
    return Markup(highlight(text, lexer, HtmlFormatter(nowrap=True)))  # noqa: S704 - Pygments escapes the text


def markdown(text: str) -> "Markup":
    """Return Markdown as markup: raw HTML is shown as text, an image as a link to it (a page loads nothing)."""
    from markupsafe import Markup

    return Markup(_markdown_parser().render(text))  # noqa: S704 - the parser escapes HTML


def breakable(name: str) -> "Markup":
    """Return a name as markup that may break at its joints: `PL_`, `Copy_`, `Data`, `Run`, `Customer`."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in _BREAKS.split(name))


def lines(source: "Markup") -> "list[Markup]":
    """Return coloured source line by line; Pygments ends its text with a line break and no span crosses one."""
    return source.removesuffix("\n").split("\n")


def address(path: str) -> str:
    """Return a relative path of a file as a link's address."""
    return quote(path)


@cache
def _environment(folders: tuple[Path, ...]) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([*folders, Path(__file__).parent / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {
        "address": address,
        "breakable": breakable,
        "coloured": coloured,
        "count": count,
        "duration": duration,
        "lines": lines,
        "markdown": markdown,
        "plain": plain,
        "pretty_json": pretty_json,
        "size": decimal,
        "sum_up": sum_up,
    }
    environment.filters.update(filters)
    return environment


@cache
def _markdown_parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image_as_link)
    parser.add_render_rule("heading_open", _heading_below_title)
    parser.add_render_rule("heading_close", _heading_below_title)
    return parser


def _image_as_link(
    renderer: "RendererHTML", tokens: "Sequence[Token]", index: int, options: "OptionsDict", env: "EnvType"
) -> str:
    from markupsafe import Markup

    image = tokens[index]
    text = renderer.renderInlineAsText(image.children, options, env) or image.attrGet("src")
    return Markup('<a href="{}">{}</a>').format(image.attrGet("src"), text)


def _heading_below_title(
    renderer: "RendererHTML", tokens: "Sequence[Token]", index: int, options: "OptionsDict", env: "EnvType"
) -> str:
    heading = tokens[index]
    heading.tag = f"h{min(int(heading.tag[1]) + 1, 6)}"
    return renderer.renderToken(tokens, index, options, env)

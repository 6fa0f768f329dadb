"""The lines of a TOML file's values, whatever way they are written."""

import pytest

from ingestion.feeds.toml_lines import TomlError, parse_toml

TEXT = '''\
# a comment with [brackets] and "quotes"
top = 1

[a]  # a comment
b.c = 2
"quoted key" = """
[not.a.table]
x = 1
"""
list = [
  1, 2,
  # a comment, with a ]
  { d = "]" }, { e = [
    3,
  ] },
  """
]
""",
]
inline = { f = { g = 4 } }

[[a.items]]
name = "first"
[a.items.sub]
h = 5
[[a.items]]
  name = 'second'
  [[a.items.deep]]
  i = 6
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("a",), 4),
        (("a", "b", "c"), 5),
        (("a", "quoted key"), 6),
        (("a", "list"), 10),
        (("a", "list", 0), 11),
        (("a", "list", 1), 11),
        (("a", "list", 2, "d"), 13),
        (("a", "list", 3, "e"), 13),
        (("a", "list", 4), 16),
        (("a", "inline", "f", "g"), 20),
        (("a", "items"), 22),
        (("a", "items", 0), 22),
        (("a", "items", 0, "name"), 23),
        (("a", "items", 0, "sub"), 24),
        (("a", "items", 0, "sub", "h"), 25),
        (("a", "items", 1, "name"), 27),
        (("a", "items", 1, "deep", 0, "i"), 29),
        (("a", "items", 1, "missing"), 26),
        (("nothing",), 1),
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_each_value_has_its_line(path: tuple[str | int, ...], line: int, ends: str) -> None:
    document = parse_toml("\ufeff" + TEXT.replace("\n", ends))
    assert document.line(path) == line


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nb = \n", 2, "Invalid value"),
        ("a = 1\n\na = 2\n", 3, "Cannot overwrite"),
        ("a = 1\n[b\n", 2, "Expected ']'"),
        ('a = 1\n\n# c\nb = """\nx\n', 4, "before the end of the file"),
        ("a = [\n1,\n", 1, "before the end of the file"),
        ("a = 2026-02-30\n", 1, "Invalid date"),
        ("x = " + "[" * 5000, 1, "nests too deep"),
    ],
)
def test_what_is_no_toml_is_named_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(TomlError, match=words) as raised:
        parse_toml(text)
    assert raised.value.line == line

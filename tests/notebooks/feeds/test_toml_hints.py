"""The way out of the mistakes that people make in TOML."""

import pytest

from ingestion.feeds.toml_lines import TomlError, parse_toml


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ("name = Orders", "name", 'a text stands in quotes: name = "Orders"'),
        ("name = Orders # all", "name", 'a text stands in quotes: name = "Orders"'),
        ("name = \u201cOrders\u201d", "name", 'write straight quotes: name = "Orders"'),
        ("header = True", "header", "write header = true"),
        ("tags = None", "tags", "leave out a key that has no value"),
        ("tags =", "tags", "leave out a key that has no value"),
        ('url = "C:\\drop"', "url", "url = 'C:\\drop'"),
        ("[[tables]", "", "write [[tables]] for one of several, [tables] for the only one"),
        ("[source", "", "write [[source]] for one of several, [source] for the only one"),
        ("source:", "", "or [source] for a table"),
        ("type: sql", "", 'write type = "sql"'),
    ],
)
def test_a_mistake_in_toml_comes_with_the_line_that_is_meant(line: str, key: str, words: str) -> None:
    with pytest.raises(TomlError) as raised:
        parse_toml(f"[first]\na = 1\n{line}\nb = 2\n")
    assert (raised.value.line, raised.value.key) == (3, key)
    assert words in str(raised.value)


def test_what_is_meant_is_not_guessed_where_no_mistake_is_known() -> None:
    with pytest.raises(TomlError, match=r"^[^;]*$"):
        parse_toml("a = 2026-02-30\n")


def test_a_key_that_is_there_twice_is_named() -> None:
    with pytest.raises(TomlError, match="there twice") as raised:
        parse_toml("a = 1\na = 2\n")
    assert (raised.value.line, raised.value.key) == (2, "a")

"""Paths into JSON documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.errors import JsonPathError
from bundle.json_path import format_path, parse_path, replace_value

DOCUMENT = {
    "properties": {"activities": [{"name": "A", "n": 1}, {"name": "B b", "n": 2}], "conf": {"spark.master": "x"}}
}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("properties.a", ("properties", "a")),
        ("$.properties.a", ("properties", "a")),
        ("a[0].b", ("a", 0, "b")),
        ("a[Name].b", ("a", "Name", "b")),
        ("a['spark.master']", ("a", "spark.master")),
        (r"a['it\'s']", ("a", "it's")),
        ("$['odd key'].b", ("odd key", "b")),
    ],
)
def test_a_path_is_read_into_its_steps(text: str, steps: tuple[str | int, ...]) -> None:
    assert parse_path(text) == steps


@pytest.mark.parametrize("text", ["", "$", "a..b", ".a.", "a[", "a[]", "a]b", "a['x"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(JsonPathError, match="no JSON path"):
        parse_path(text)


@given(st.lists(st.one_of(st.text(min_size=1), st.integers(0, 99)), min_size=1).filter(lambda s: isinstance(s[0], str)))
def test_a_path_that_was_written_is_read_back(steps: list[str | int]) -> None:
    assert parse_path(format_path(steps)) == tuple(steps)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("properties.activities[A].n", lambda document: document["properties"]["activities"][0]["n"]),
        ("properties.activities['B b'].n", lambda document: document["properties"]["activities"][1]["n"]),
        ("properties.activities[1].n", lambda document: document["properties"]["activities"][1]["n"]),
        ("properties.conf['spark.master']", lambda document: document["properties"]["conf"]["spark.master"]),
    ],
)
def test_a_value_is_replaced_in_a_copy(path: str, found) -> None:
    changed = replace_value(DOCUMENT, path, "new")
    assert found(changed) == "new"
    assert found(DOCUMENT) != "new"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("properties.conf.none", "properties.conf.none: no such key; properties.conf has spark.master."),
        (
            "properties.activities[C].n",
            "properties.activities.C: properties.activities is a list without that element.",
        ),
        (
            "properties.activities[7].n",
            r"properties.activities[7]: properties.activities is a list without that element.",
        ),
        ("properties.activities[A].n.x", "properties.activities.A.n.x: properties.activities.A.n is a plain value."),
    ],
)
def test_a_path_that_leads_nowhere_says_how_far_it_leads(path: str, said: str) -> None:
    with pytest.raises(JsonPathError) as caught:
        replace_value(DOCUMENT, path, 1)
    assert str(caught.value) == said

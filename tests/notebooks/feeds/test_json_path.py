"""Paths into JSON: what they lead to, and what is not taken."""

from typing import Any

import pytest

from ingestion.feeds.json_path import parse_json_path

DOCUMENT = {
    "data": {"objects": [{"id": 1, "n": {"x": "a"}}, {"id": 2}], "a.b": True, "it's": 0},
    "next": None,
    "links": {"next": "u"},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [DOCUMENT]),
        ("next", [None]),
        ("data.objects[0].id", [1]),
        ("$.data.objects[-1].id", [2]),
        ("data.objects[*].id", [1, 2]),
        ("data['objects'][*].n.x", ["a"]),
        ("$['data'][\"a.b\"]", [True]),
        (r"data['it\'s']", [0]),
        ("links.*", ["u"]),
        ("data.objects.*.id", [1, 2]),
        ("data.objects.id", []),
        ("data.objects[7]", []),
        ("missing.key", []),
        ("next.key", []),
    ],
)
def test_a_path_leads_to_values(path: str, found: list[Any]) -> None:
    parsed = parse_json_path(path)
    assert (parsed.find(DOCUMENT), str(parsed)) == (found, path)
    assert parsed.first(DOCUMENT) == next(iter(found), None)


@pytest.mark.parametrize("path", ["", "a..b", "a[?(@.b)]", "a[0:2]", "a[", "a b", "a.", "$x[", "a['b]", "@", "a[01]"])
def test_what_is_no_such_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"empty|cannot be read"):
        parse_json_path(path)

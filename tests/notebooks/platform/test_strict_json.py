"""Only JSON that means one thing is let in, and what is let in goes out as it came."""

import json

import pytest

from ingestion.platform import strict_json
from ingestion.platform.errors import MalformedJsonError


def test_a_document_goes_out_with_its_values_order_and_letters() -> None:
    value = {"b": "भारत £ 🇮🇳", "a": [1, 2.5, 3287590.0, None, True, {}], "": -0.0}
    content = strict_json.dump(strict_json.parse(json.dumps(value).encode()))
    assert list(json.loads(content)) == ["b", "a", ""]
    assert json.loads(content) == value
    assert "भारत £ 🇮🇳" in content.decode("utf-8")


def test_a_byte_order_mark_is_no_part_of_the_document() -> None:
    assert strict_json.parse(b"\xef\xbb\xbf[1]") == [1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 bytes"),
        (b'[{"cca2": "IN", "na', "19 bytes"),
        (b"[1] [2]", "Extra data"),
        (b'{"cca2": "IN", "cca2": "PK"}', "'cca2' appears twice"),
        (b'[{"a": {"b": 1, "b": 1}}]', "'b' appears twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "1e999 is out of range"),
        (b"[" + b"9" * 5000 + b"]", "not well-formed"),
        (b'["\xff\xfe"]', "UTF-8"),
        (b'["\\ud800"]', "UTF-8"),
        ("[]".encode("utf-16"), "UTF-8"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b"[" * 100_000 + b"]" * 100_000, "deeper than 64"),
        (b'{"a":' * 100_000, "deeper than 64"),
        (b"['IN']", "not well-formed"),
    ],
)
def test_what_a_lenient_reader_would_let_pass_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(MalformedJsonError, match=words):
        strict_json.parse(content)


def test_nesting_as_deep_as_allowed_passes() -> None:
    assert strict_json.parse(b"[" * 64 + b"]" * 64)

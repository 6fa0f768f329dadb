"""The beginning of a long text, and never the half of a word."""

import pytest

from ingestion.platform.excerpt import excerpt


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("short", "short"),
        (" on\n one  line ", "on one line"),
        ("ten letters", "ten letters"),
        ("eleven and more", "eleven and …"),
        ("eleven secret-word", "eleven …"),
        ("one-word-that-is-long", " …"),
    ],
)
def test_a_text_is_cut_between_two_words(text: str, shown: str) -> None:
    assert excerpt(text, 11) == shown

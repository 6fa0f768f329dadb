"""The list of what others lost names tests that are there."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_each_test_that_the_list_names_is_there() -> None:
    text = (TESTS / "soak/known_losses.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+\.py)::(\w+)`", text))
    assert len(named) > 40
    missing = [
        f"{file}::{name}"
        for file, name in sorted(named)
        if f"def {name}(" not in (TESTS / file).read_text(encoding="utf-8")
    ]
    assert missing == []
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| told", "| ---"))]
    assert [row for row in rows if not re.search(r"::|no test|same test|as above|see AUTO", row)] == []

"""The oracle can fail: each promise names what is broken in rows that break it."""

import pytest

from soak.promises import (
    Promise,
    Source,
    TargetRow,
    each_version_once,
    equal,
    keeps_deleted,
    marks_deleted,
    versions,
)

ONE, TWO, OLD_TWO, GONE, NEVER = ("1", "a"), ("2", "b"), ("2", "old"), ("3", "c"), ("2", "x")
SOURCE = Source([ONE, TWO], {ONE, TWO, OLD_TWO, GONE})


def plain(*rows):
    return [TargetRow(row) for row in rows]


def version(row, valid_from, valid_to=None):
    return TargetRow(row, valid_from=valid_from, valid_to=valid_to, is_current=valid_to is None)


@pytest.mark.parametrize(
    ("promise", "target"),
    [
        (equal, plain(TWO, ONE)),
        (keeps_deleted, plain(ONE, TWO, GONE)),
        (marks_deleted, [*plain(ONE, TWO), TargetRow(GONE, deleted_at="2026")]),
        (each_version_once, plain(ONE, TWO, OLD_TWO, GONE)),
        (versions, [version(ONE, "1"), version(OLD_TWO, "1", "2"), version(TWO, "2"), version(GONE, "1", "5")]),
        # A, gone, A: the same row twice, with a gap between.
        (versions, [version(ONE, "1", "2"), version(ONE, "3"), version(TWO, "1")]),
        # 12:00:01.5 comes after 12:00:01, and before 12:00:01.51.
        (versions, [version(ONE, "12:00:01"), version(OLD_TWO, "12:00:01", "12:00:01.5"), version(TWO, "12:00:01.5")]),
    ],
)
def test_what_is_right_breaks_no_promise(promise: Promise, target: list[TargetRow]) -> None:
    assert promise(SOURCE, target) == []


@pytest.mark.parametrize(
    ("promise", "target", "word"),
    [
        (equal, plain(ONE), "1 missing"),
        (equal, plain(ONE, TWO, TWO), "1 surplus"),
        (equal, plain(ONE, OLD_TWO), "1 missing"),
        (equal, plain(ONE, TWO, GONE), "1 surplus"),
        (keeps_deleted, plain(ONE), "1 missing"),
        (keeps_deleted, plain(ONE, TWO, OLD_TWO), "1 surplus"),
        (keeps_deleted, plain(ONE, TWO, GONE, GONE), "the key of a deleted row twice"),
        (keeps_deleted, plain(ONE, TWO, ("9", "z")), "never in the source"),
        (marks_deleted, plain(ONE, TWO, GONE), "1 surplus"),
        (marks_deleted, [*plain(ONE), TargetRow(TWO, deleted_at="2026")], "1 missing"),
        (marks_deleted, [*plain(ONE, TWO), TargetRow(TWO, deleted_at="2026")], "marked deleted, and in the source"),
        (each_version_once, plain(ONE), "1 missing"),
        (each_version_once, plain(ONE, TWO, OLD_TWO, OLD_TWO), "1 twice"),
        (each_version_once, plain(ONE, TWO, NEVER), "never in the source"),
        (versions, [version(ONE, "1")], "1 missing"),
        (versions, [version(ONE, "1"), version(TWO, "2"), version(TWO, "3")], "1 surplus"),
        (versions, [version(ONE, "1"), version(TWO, "3"), version(OLD_TWO, "2", "4")], "overlap"),
        (versions, [version(ONE, "1"), version(TWO, "5"), version(OLD_TWO, "5", "4")], "ended before it began"),
        (versions, [version(ONE, "1"), version(TWO, "1", "2"), version(TWO, "2")], "a version for no change"),
        (versions, [version(ONE, "1"), version(TWO, "3"), version(NEVER, "1", "2")], "never in the source"),
        (versions, [version(ONE, "1"), TargetRow(TWO, valid_from="1", is_current=False)], "neither current nor ended"),
    ],
)
def test_what_is_wrong_is_told(promise: Promise, target: list[TargetRow], word: str) -> None:
    assert any(word in problem for problem in promise(SOURCE, target)), promise(SOURCE, target)

"""What a target promises of its source, whatever happened on the way: pure functions of rows that name what is broken.

A row is a tuple of texts, the key first; NULL is None. Targets' rows have our own columns beside.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Row = tuple[str | None, ...]
_SHOWN = 5


@dataclass(frozen=True)
class TargetRow:
    """A row of a target: what is the source's, and what the load added.

    Attributes:
        row: the source's columns.
        deleted_at: of soft deletes.
        valid_from: of scd2, as are the others.
        valid_to: None: still.
        is_current: the version that counts.
    """

    row: Row
    deleted_at: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    is_current: bool | None = None


@dataclass(frozen=True)
class Source:
    """What the source holds now, and all rows that it ever held."""

    rows: Sequence[Row]
    past: Collection[Row]

    @property
    def keys(self) -> set[str | None]:
        return {row[0] for row in self.rows}


Promise = Callable[[Source, Sequence[TargetRow]], list[str]]


def equal(source: Source, target: Sequence[TargetRow]) -> list[str]:
    """Row by row the same."""
    return _differences(source.rows, [each.row for each in target])


def keeps_deleted(source: Source, target: Sequence[TargetRow]) -> list[str]:
    """The same, but for rows that the source deleted: they stay as they once were."""
    here, gone = _parted(target, lambda each: each.row[0] in source.keys)
    return [
        *_differences(source.rows, [each.row for each in here]),
        *_repeated("the key of a deleted row", (each.row[0] for each in gone)),
        *_never_there(source, gone),
    ]


def marks_deleted(source: Source, target: Sequence[TargetRow]) -> list[str]:
    """The same, and rows that the source deleted stay as they once were, marked."""
    here, gone = _parted(target, lambda each: each.deleted_at is None)
    return [
        *_differences(source.rows, [each.row for each in here]),
        *_repeated("the key of a row marked deleted", (each.row[0] for each in gone)),
        *_told("marked deleted, and in the source", [each.row for each in gone if each.row[0] in source.keys]),
        *_never_there(source, gone),
    ]


def each_version_once(source: Source, target: Sequence[TargetRow]) -> list[str]:
    """All that the source holds is there; what is there beside was there once; nothing is there twice."""
    found = Counter(each.row for each in target)
    return [
        *_told("missing", [row for row in source.rows if row not in found]),
        *_told("twice", [row for row, times in found.items() if times > 1]),
        *_never_there(source, target),
    ]


def versions(source: Source, target: Sequence[TargetRow]) -> list[str]:
    """The current versions are the source; those of a key follow each other, without overlap, gap or repetition."""
    current, ended = _parted(target, lambda each: bool(each.is_current))
    problems = [
        *_differences(source.rows, [each.row for each in current]),
        *_never_there(source, target),
        *_told("current, and ended", [each.row for each in current if each.valid_to is not None]),
        *_told("neither current nor ended", [each.row for each in ended if each.valid_to is None]),
        *_told(
            "ended before it began", [each.row for each in ended if _moment(each.valid_to) < _moment(each.valid_from)]
        ),
    ]
    by_key = defaultdict(list)
    for each in target:
        by_key[each.row[0]].append(each)
    for of_key in by_key.values():
        of_key.sort(key=lambda each: (_moment(each.valid_from), each.valid_to is None, _moment(each.valid_to)))
        for earlier, later in pairwise(of_key):
            if earlier.valid_to is None or _moment(earlier.valid_to) > _moment(later.valid_from):
                problems += _told("overlap", [earlier, later])
            if earlier.row == later.row and earlier.valid_to == later.valid_from:
                problems += _told("a version for no change", [earlier, later])
    return problems


def _moment(text: str | None) -> str:
    """Return a moment as a text that sorts as it does: the digits of a second that are zeros are not written."""
    if text is None:
        return ""
    seconds, _, fraction = text.partition(".")
    return f"{seconds}.{fraction:0<9}"


def _differences(expected: Iterable[Row], found: Iterable[Row]) -> list[str]:
    expected, found = Counter(expected), Counter(found)
    missing, surplus = expected - found, found - expected
    return _told("missing", list(missing.elements())) + _told("surplus", list(surplus.elements()))


def _repeated(what: str, keys: Iterable[str | None]) -> list[str]:
    return _told(f"{what} twice", [key for key, times in Counter(keys).items() if times > 1])


def _never_there(source: Source, target: Iterable[TargetRow]) -> list[str]:
    return _told("never in the source", [each.row for each in target if each.row not in source.past])


def _parted(
    rows: Iterable[TargetRow], condition: Callable[[TargetRow], bool]
) -> tuple[list[TargetRow], list[TargetRow]]:
    rows = list(rows)
    return [each for each in rows if condition(each)], [each for each in rows if not condition(each)]


def _told(what: str, rows: Sequence[object]) -> list[str]:
    if not rows:
        return []
    shown = "; ".join(sorted(map(str, rows))[:_SHOWN])
    return [f"{len(rows)} {what}: {shown}{' …' if len(rows) > _SHOWN else ''}"]

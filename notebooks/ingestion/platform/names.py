"""Names: those that people misspell, and those of ours beside a source's."""

from collections.abc import Iterable
from difflib import get_close_matches


def own_name(name: str, taken: Iterable[str]) -> str:
    """Return a column's name of ours, with another `_` before it for each name that the source has already."""
    names = {each.lower() for each in taken}
    while name.lower() in names:
        name = f"_{name}"
    return name


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; is X meant?` for the known name nearest to one that is not known; nothing where none is near."""
    spelled = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), spelled, n=1)
    return f"; is {spelled[found[0]]} meant?" if found else ""

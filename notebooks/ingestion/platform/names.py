"""Names: those that people misspell, and those of ours beside a source's."""

from collections.abc import Iterable
from difflib import get_close_matches

# A database may have thousands of tables.
_SHOWN = 40


def own_name(name: str, taken: Iterable[str]) -> str:
    """Return a column's name of ours, with another `_` before it for each name that the source has already."""
    names = {each.lower() for each in taken}
    while name.lower() in names:
        name = f"_{name}"
    return name


def own_prefix(prefix: str, taken: Iterable[str]) -> str:
    """Return what names of ours begin with, with another `_` before it until no name of the source does so."""
    names = tuple(each.lower() for each in taken)
    while any(name.startswith(prefix.lower()) for name in names):
        prefix = f"_{prefix}"
    return prefix


def twins(names: Iterable[str]) -> tuple[str, str] | None:
    """Return two names that Spark takes for one: they differ only in upper and lower case, or not at all."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.casefold(), name)
        if other is not name:
            return other, name
    return None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message: the known name nearest to one that is not known, or which there are."""
    names = list(known)
    spelled = {each.lower(): each for each in names}
    close = get_close_matches(name.lower(), spelled, n=1)
    if close:
        return f"Did you mean {spelled[close[0]]!r}?"
    if not names:
        return "There are none."
    more = len(names) - _SHOWN
    return f"Known are: {', '.join(names[:_SHOWN])}{f' and {more} more' if more > 0 else ''}."

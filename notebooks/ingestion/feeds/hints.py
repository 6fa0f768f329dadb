"""What somebody may have meant by a word that is not known. Pure: no I/O."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of a message: the known word that is nearest, or all of them where none is near."""
    words = list(known)
    by_lower = {name.lower(): name for name in words}
    close = get_close_matches(word.lower(), by_lower, n=1)
    if close:
        return f"Did you mean {by_lower[close[0]]!r}?"
    return f"Known are: {', '.join(words)}." if words else "There are none."

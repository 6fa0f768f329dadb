"""Words that messages share."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return `; is X meant?` for the known name that is closest, empty when none is close."""
    folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(str(name).casefold(), folded, n=1)
    return f"; is {folded[close[0]]!r} meant?" if close else ""


def nearest(name: object, known: Iterable[str], shown: int = 10) -> str:
    """Return `; is X meant?` for the known name that is closest, and where none is close which names there are."""
    names = list(known)
    more = ", ..." if len(names) > shown else ""
    return did_you_mean(name, names) or f"; there are: {', '.join(names[:shown]) or 'none'}{more}."

"""Where feeds may land: folders of the lake that hide no other one. Pure: no I/O."""

import re
from collections.abc import Iterator, Sequence

# The lake's own folders beside those that begin with `_`.
_RESERVED = ("quarantine", "quality_metrics", "ingest_runs")
# What Spark takes for a pattern or a partition, what a path or an address ends or begins with, control characters.
_UNFIT = re.compile(r"[\\:*?\"<>|{}\[\]=#%,;\x00-\x1f\x7f]")
_LONGEST = 200
_NO_NAME = re.compile(r"[^a-z0-9_]")


def unfit(destination: str) -> str | None:
    """Return why a destination cannot be a folder of the lake; None where it can."""
    parts = destination.split("/")
    strange = _UNFIT.search(destination)
    reasons = {
        "has an empty part; write names with one / between them, none before or after": not all(map(str.strip, parts)),
        "leaves the lake or stands still; write names without . and ..": not {".", ".."}.isdisjoint(parts),
        "has a part that begins with _ or .: such folders are the lake's own, and Spark does not see them": any(
            part.startswith(("_", ".")) for part in parts
        ),
        "has a part with a blank at its ends or a dot at its end, which storage drops": any(
            part != part.strip() or part.endswith(".") for part in parts
        ),
        f"has more than {_LONGEST} characters": len(destination) > _LONGEST,
        f"has {strange and strange[0]!r} in it, which means something else to Spark or to the storage": bool(strange),
        f"is in the lake's own folder {parts[0]!r}; choose another name": parts[0].lower() in _RESERVED,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def table_name(destination: str) -> str:
    """Return the name of a destination as a table of a catalog: any catalog takes a-z, 0-9 and `_`, in lower case."""
    return _NO_NAME.sub("_", destination.lower())


def unfit_as_table(destination: str) -> str | None:
    """Return why a destination cannot be a table's name; None where it can."""
    if re.search("[a-z0-9]", table_name(destination)):
        return None
    return "has no letter a-z and no digit to call a table by, as CATALOG is set; choose another name"


def clashes(destinations: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the places (later, earlier) of destinations that are one folder, or one within the other, case apart."""
    first: dict[str, int] = {}
    for number, destination in enumerate(destinations):
        folded = destination.casefold()
        for other, at in first.items():
            if folded == other or folded.startswith(f"{other}/") or other.startswith(f"{folded}/"):
                yield number, at
                break
        first.setdefault(folded, number)

"""Where the engine is not followed: its own bugs, and what its host (.NET 8 on Linux) does otherwise than Azure's.

Each has its reason. Nothing that the documentation settles in the engine's favour belongs here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bundle.errors import ExpressionSyntaxError
from bundle.expressions import Literal, calls, parse, walk
from local_factory.functions.date import time_zone
from oracle.comparison import Difference


@dataclass(frozen=True)
class Known:
    """A kind of difference that stays: its reason, and how to tell one."""

    reason: str
    covers: Callable[[Difference], bool]


def reason_for(difference: Difference) -> str | None:
    """Return why a difference stays, or None when nothing says so."""
    return next((known.reason for known in KNOWN if known.covers(difference)), None)


def _without_narrow_blanks(difference: Difference) -> bool:
    theirs = difference.theirs.get("value")
    return isinstance(theirs, str) and theirs.replace("\u202f", " ") == difference.ours.get("value")


def _era(difference: Difference) -> bool:
    mine, theirs = difference.ours.get("value"), difference.theirs.get("value")
    if not (isinstance(mine, str) and isinstance(theirs, str)):
        return False
    pattern = re.escape(theirs.replace("\u202f", " ")).replace("AD", r"A\.D\.?")  # F takes a point before it away
    return "A.D" in mine and re.fullmatch(pattern, mine) is not None


def _not_finite(difference: Difference) -> bool:
    mine = difference.ours.get("error", "")
    no_number = any(
        words in mine for words in ("not a finite number", "too large for 64 bits", "'NaN' is not a number")
    )
    return no_number and bool(re.search("Infinity|NaN|-9223372036854775808", str(difference.theirs.get("value"))))


def _cut_to_32_bits(difference: Difference) -> bool:
    """Say whether a count or an interval is beyond 32 bits."""
    numbers = [part["value"] for part in difference.parts if type(part.get("value")) is int]
    called = {_function(difference)}
    if not difference.parts:  # a text that was never a term
        try:
            expression = parse(difference.expression)
        except ExpressionSyntaxError:
            return False
        numbers = [node.value for node in walk(expression) if isinstance(node, Literal) and type(node.value) is int]
        called = {call.function.lower() for call in calls(expression)}
    return bool(called & _COUNTING) and any(not -(2**31) < number < 2**31 for number in numbers)


_COUNTING = {
    *("skip", "take", "substring", "range", "adddays", "addhours", "addminutes", "addseconds"),
    *("addtotime", "subtractfromtime", "getfuturetime", "getpasttime"),
}


def _int_by_way_of_double(difference: Difference) -> bool:
    value = difference.ours.get("value")
    return _function(difference) == "int" and type(value) is int and abs(value) > 2**53


def _undefined(difference: Difference) -> bool:
    return "undefined" in difference.expression and "the text is not JSON" in difference.ours.get("error", "")


def _unit_by_number(difference: Difference) -> bool:
    return bool(re.search(r"'\d' is no unit of time", difference.ours.get("error", "")))


def _document_type(difference: Difference) -> bool:
    return "document type declaration" in difference.ours.get("error", "")


def _large_integer(difference: Difference) -> bool:
    numbers = re.findall(r"\d{19,}", f"{difference.expression}{[part.get('value') for part in difference.parts]}")
    return "error" in difference.theirs and any(int(number) >= 2**63 for number in numbers)


def _windows_zone_in_other_case(difference: Difference) -> bool:
    return "time zone id" in difference.theirs.get("error", "") and "value" in difference.ours


def _no_summer_time(difference: Difference) -> bool:
    """Say whether a clock change is refused that is no summer time, an hour or so ahead of today's standard time."""
    refused = re.search(r"(\S+) comes (?:twice|never, .*) in '(.+)'", difference.ours.get("error", ""))
    if refused is None or "value" not in difference.theirs:
        return False
    zone, local = time_zone(refused[2]), datetime.fromisoformat(refused[1])
    sides = [local.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    ahead = max(side.dst() or timedelta() for side in sides)
    standard = {_standard(moment) for moment in (*sides, datetime(2024, 1, 1, tzinfo=zone))}
    return ahead <= timedelta() or len(standard) > 1


def _standard(moment: datetime) -> timedelta:
    return (moment.utcoffset() or timedelta()) - (moment.dst() or timedelta())


def _refused_before_it_is_reached(difference: Difference) -> bool:
    mine = difference.ours.get("error", "")
    lazy = re.search(r"\b(and|or|if|coalesce)\s*\(", difference.expression, re.IGNORECASE)
    return lazy is not None and bool(re.search(r": column \d+: .* (takes .*, not \d+|is not a function)", mine))


def _half_a_character(difference: Difference) -> bool:
    error = difference.theirs.get("error", "")
    return "half a character" in error or "surrogate" in error or "codec can't decode" in error


def _collation(difference: Difference) -> bool:
    """Say whether texts with signs that only ICU weighs so are compared or searched."""
    texts = [part["value"] for part in difference.parts if isinstance(part.get("value"), str)]
    return _function(difference) in _COMPARING and any(_UNUSUAL.search(text) for text in texts)


_COMPARING = {
    *("less", "lessorequals", "greater", "greaterorequals"),
    *("indexof", "lastindexof", "startswith", "endswith"),
}
_UNUSUAL = re.compile("[^\t\n\v\f\r -~\xa1-\u024f]")


def _function(difference: Difference) -> str:
    match = re.match(r"@(\w+)\s*\(", difference.expression)
    return match[1].lower() if match else ""


KNOWN = (
    Known(
        "Under ICU 72 .NET writes U+202F before AM and PM; Azure's hosts are Windows, the documentation has a blank.",
        _without_narrow_blanks,
    ),
    Known("ICU calls the era AD; .NET's documentation, and Windows, A.D.", _era),
    Known(
        "JSON has no infinity and no NaN: the engine lets such a number become the text 'Infinity', and goes on.",
        _not_finite,
    ),
    Known(
        "Counts and intervals beyond 32 bits are cut to 32 without a word: skip(x, 4294967296) skips nothing.",
        _cut_to_32_bits,
    ),
    Known(
        "int() takes the way over a double: of whole numbers beyond 2^53 digits are lost, near 2^63 it fails.",
        _int_by_way_of_double,
    ),
    Known("json('undefined') is no JSON; the engine makes something of it that it cannot write down.", _undefined),
    Known("A unit of time is taken by its number in the engine's source, '1' for Second.", _unit_by_number),
    Known("XML with a document type is refused here on purpose: its entities can grow without bounds.", _document_type),
    Known(
        "An integer of more than 64 bits comes out of json(), but functions fail on it with words from inside .NET.",
        _large_integer,
    ),
    Known(
        "On Linux .NET takes Windows' zone names in one spelling only; on Windows, where Azure runs, in any case.",
        _windows_zone_in_other_case,
    ),
    Known(
        "The host's time zone data have Morocco's clock in Ramadan, and Ireland's in winter, as behind standard time: "
        "where that or standard time itself changes, .NET on Linux sees no hour that comes twice or never.",
        _no_summer_time,
    ),
    Known(
        "Wrong calls are refused here before anything runs; the engine never looks where a lazy function stops short.",
        _refused_before_it_is_reached,
    ),
    Known("Half a character cannot leave .NET through its bridge to Python.", _half_a_character),
    Known(
        "Texts are compared and searched by the host's collation, ICU here, Windows' own in Azure: they differ in what "
        "characters beyond Latin letters and ASCII marks weigh.",
        _collation,
    ),
)

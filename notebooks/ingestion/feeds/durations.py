"""Spans of time as people write them in a TOML file: `15 minutes`, `1 day`. Pure: no I/O."""

import re
from datetime import timedelta

_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
PATTERN = rf"^\d+ ({'|'.join(_UNITS)})s?$"
_DURATION = re.compile(PATTERN, re.ASCII)
WANTED = 'a number and a unit, as "15 minutes"; units are seconds, minutes, hours, days, weeks'


def parse_duration(text: str) -> timedelta:
    """Return the span of time that a text says.

    Raises:
        ValueError: it is none, or longer than any calendar.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no span of time; write {WANTED}")
    number, unit = text.split()
    try:
        return int(number) * _UNITS[unit.removesuffix("s")]
    except (OverflowError, ValueError):
        raise ValueError(f"{text[:80]!r} is longer than any calendar") from None

"""Durations as ADF writes them: `D.HH:MM:SS`."""

import re

_TIMESPAN = re.compile(r"(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2})")


def timespan_seconds(text: str) -> int:
    """Return the seconds of a time span such as `0.00:30:00` or `02:00:00`.

    Raises:
        ValueError: the text is no such time span.
    """
    match = _TIMESPAN.fullmatch(text.strip())
    if not match:
        raise ValueError(f"expected a time span D.HH:MM:SS, got {text!r}")
    days, hours, minutes, seconds = (int(match[name] or 0) for name in ("days", "hours", "minutes", "seconds"))
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds

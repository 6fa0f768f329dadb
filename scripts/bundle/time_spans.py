"""Time spans as Data Factory writes them: `D.HH:MM:SS`."""

import re
from datetime import timedelta

# Azure's published schema has two digits each; the service is .NET, which reads fewer, a span without seconds, whole
# days, and fractions of a second as well.
_IN_FULL = re.compile(r"(\d+\.)?([01]\d|2[0-3]):[0-5]\d:[0-5]\d")
_READABLE = re.compile(
    r"(?:(?P<days>\d{1,8})\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{1,2})(?::(?P<seconds>\d{1,2})(?:\.\d{1,7})?)?"
)
_WHOLE_DAYS = re.compile(r"\d{1,8}")
_HOURS_OF_A_DAY, _MINUTES_OF_AN_HOUR = 24, 60


def read_time_span(value: object) -> timedelta | None:
    """Return the span that a text means, such as `0.12:00:00`, `02:00:00` or `1:00:00`; None when it means none."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _WHOLE_DAYS.fullmatch(text):
        return timedelta(days=int(text))
    found = _READABLE.fullmatch(text)
    if not found:
        return None
    hours, minutes, seconds = (int(found[part] or 0) for part in ("hours", "minutes", "seconds"))
    if hours >= _HOURS_OF_A_DAY or minutes >= _MINUTES_OF_AN_HOUR or seconds >= _MINUTES_OF_AN_HOUR:
        return None
    return timedelta(days=int(found["days"] or 0), hours=hours, minutes=minutes, seconds=seconds)


def is_in_full(value: str) -> bool:
    """Say whether a span is written as the schema wants it, with two digits for hours, minutes and seconds."""
    return _IN_FULL.fullmatch(value) is not None

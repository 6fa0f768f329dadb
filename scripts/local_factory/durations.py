"""Durations as ADF writes them: `D.HH:MM:SS`."""

from bundle.time_spans import read_time_span
from local_factory.errors import ActivityError


def timespan_seconds(text: str) -> int:
    """Return the seconds of a time span such as `0.00:30:00` or `02:00:00`.

    Raises:
        ActivityError: the text is no such time span.
    """
    span = read_time_span(text)
    if span is None:
        raise ActivityError("InvalidTemplate", f"expected a time span D.HH:MM:SS, got {text!r}")
    return int(span.total_seconds())

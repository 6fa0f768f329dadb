"""Durations and counts as people read them, the same in the terminal and on the pages."""

from datetime import datetime

from local_factory.runs import ActivityRun, PipelineRun

_MINUTE, _HOUR = 60, 3600


def duration(seconds: float) -> str:
    """Return a duration in at most two units: `420 ms`, `12.4 s`, `2 min 05 s`, `1 h 02 min`."""
    if round(seconds, 3) < 1:
        return f"{round(seconds * 1000)} ms"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f} s"
    if round(seconds) < _HOUR:
        return f"{round(seconds) // _MINUTE} min {round(seconds) % _MINUTE:02} s"
    minutes = round(seconds / _MINUTE)
    return f"{minutes // 60} h {minutes % 60:02} min"


def elapsed(run: PipelineRun | ActivityRun, now: datetime) -> float:
    """Return the seconds a run took, or has taken until `now` while it has no end."""
    return max(((run.end or now) - run.start).total_seconds(), 0)


def count(number: int, noun: str) -> str:
    """Return `1 file`, `2 files`, `1,204 files`; the noun is one that takes an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

"""Timestamps as .NET's DateTime has them: ticks of 100 ns, reading of text under en-US, format strings."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from local_factory.functions.values import describe

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
MAX_TICKS = 3_155_378_975_999_999_999
"""9999-12-31T23:59:59.9999999."""

OUT_OF_RANGE = "the time is outside the years 1 to 9999"

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True)
class Timestamp:
    """A point in time: ticks since 0001-01-01, and whether they are known to be UTC."""

    ticks: int
    is_utc: bool

    def __post_init__(self) -> None:
        """Refuse what the calendar does not hold."""
        if not 0 <= self.ticks <= MAX_TICKS:
            raise ValueError(OUT_OF_RANGE)

    @classmethod
    def of(cls, moment: datetime, *, is_utc: bool, ticks: int = 0) -> "Timestamp":
        """Return the timestamp of a datetime, whose time zone is disregarded, plus further ticks."""
        since = moment.replace(tzinfo=None) - datetime.min
        return cls((since.days * 86_400 + since.seconds) * TICKS_PER_SECOND + since.microseconds * 10 + ticks, is_utc)

    def plus(self, ticks: int) -> "Timestamp":
        """Return the timestamp so many ticks later, or earlier."""
        return Timestamp(self.ticks + ticks, self.is_utc)

    @property
    def moment(self) -> datetime:
        """The same as a datetime without a time zone, to the microsecond."""
        return datetime.min + timedelta(microseconds=self.ticks // 10)

    @property
    def fraction(self) -> int:
        """The ticks since the last full second."""
        return self.ticks % TICKS_PER_SECOND

    @property
    def day_of_week(self) -> int:
        """0 for Sunday to 6 for Saturday."""
        return (self.ticks // TICKS_PER_DAY + 1) % 7


def parse_timestamp(text: str) -> Timestamp:
    """Read a timestamp as .NET does under en-US; one with an offset or a Z becomes UTC.

    Raises:
        ValueError: the text is no timestamp, or names a day or hour that does not exist.
    """
    spaced = " ".join(text.split())
    match = next((found for pattern in _PATTERNS if (found := pattern.fullmatch(spaced))), None)
    if match is None:
        raise ValueError(f"{describe(text)} is not a timestamp, such as 2024-01-31T18:30:00Z or 1/31/2024 6:30 PM")
    parts = match.groupdict(default="")
    try:
        moment = datetime(
            _year(parts["year"]),
            _month(parts["month"]),
            int(parts.get("day") or 1),
            _hour(parts["hour"], parts["half"] or parts["half_alone"]),
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
        )
    except ValueError as error:
        raise ValueError(f"{describe(text)} is not a timestamp: {error}") from None
    timestamp = Timestamp.of(moment, is_utc=bool(parts["zone"]), ticks=_fraction(parts["fraction"]))
    weekday = parts.get("weekday")
    if weekday and not _DAYS[timestamp.day_of_week].lower().startswith(weekday.lower()):
        raise ValueError(f"{describe(text)} is not a timestamp: that day is a {_DAYS[timestamp.day_of_week]}")
    return timestamp.plus(-_offset(parts["zone"]))


_TIME = r"""
    (?: (?:\s*T\s*|\s+) (?P<hour>\d{1,2})
        (?: : (?P<minute>\d{2}) (?: : (?P<second>\d{2}) (?: [.,] (?P<fraction>\d+) )? )? \s* (?P<half>[AP]M)?
          | \s* (?P<half_alone>[AP]M) )
        \s* (?P<zone> Z | GMT | UTC | [+-]\d{1,2} (?: :?\d{2} )? )?
    )? \s*
"""
_MONTH_NAME = rf"(?P<month>{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in _MONTHS)})\.?"
_WEEKDAY = rf"(?: (?P<weekday>{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in _DAYS)}) ,? \s* )?"
_DATES = (
    r"(?P<year>\d{4}) (?P<separator>[-/.]) (?P<month>\d{1,2}) (?: (?P=separator) (?P<day>\d{1,2}) )?",
    r"(?P<month>\d{1,2}) (?P<separator>[-/.]) (?P<day>\d{1,2}) (?P=separator) (?P<year>\d{4}|\d{2})",
    rf"{_WEEKDAY} {_MONTH_NAME} \s* (?P<day>\d{{1,2}}) (?: \s*,\s* | \s+ ) (?P<year>\d{{4}})",
    rf"{_WEEKDAY} (?P<day>\d{{1,2}}) [\s-]* {_MONTH_NAME} [\s,-]* (?P<year>\d{{4}})",
    rf"{_MONTH_NAME} [\s,]+ (?P<year>\d{{4}})",
)
_PATTERNS = tuple(re.compile(rf"\s* {date} {_TIME}", re.VERBOSE | re.IGNORECASE | re.ASCII) for date in _DATES)
_LAST_SHORT_YEAR = 49  # .NET: two digits mean 1950 to 2049


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 4:  # noqa: PLR2004 - digits of a full year
        return year
    return year + (2000 if year <= _LAST_SHORT_YEAR else 1900)


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    return next(number for number, name in enumerate(_MONTHS, 1) if name.lower().startswith(text[:3].lower()))


def _hour(text: str, half: str) -> int:
    hour = int(text or 0)
    if not half:
        return hour
    if not 1 <= hour <= 12:  # noqa: PLR2004 - hours of a half day
        raise ValueError(f"there is no {hour} {half}")
    return hour % 12 + (12 if half.upper() == "PM" else 0)


def _fraction(digits: str) -> int:
    """Return the ticks of a fraction of a second, rounded."""
    return round(int(digits[:9].ljust(9, "0")) / 100) if digits else 0


def _offset(zone: str) -> int:
    """Return the ticks that a zone such as `+05:30` is ahead of UTC."""
    if not zone.startswith(("+", "-")):
        return 0
    digits = zone[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")  # noqa: PLR2004 - minutes follow
    ahead = (int(hours) * 60 + int(minutes)) * 60 * TICKS_PER_SECOND
    if ahead > 14 * 3600 * TICKS_PER_SECOND or int(minutes) > 59:  # noqa: PLR2004 - the limits of offsets
        raise ValueError(f"there is no offset {zone}")
    return -ahead if zone.startswith("-") else ahead


def format_timestamp(timestamp: Timestamp, pattern: str = "o") -> str:
    """Write a timestamp with a .NET format string: one standard letter, or a custom pattern.

    Source: .NET's standard and custom date and time format strings, under en-US.

    Raises:
        ValueError: the format string is wrong.
    """
    if len(pattern) == 1:
        if pattern not in _STANDARD:
            raise ValueError(f"{pattern!r} is no format; the standard ones are {' '.join(_STANDARD)}")
        pattern = _STANDARD[pattern]
    elif not pattern:
        pattern = _STANDARD["G"]
    written: list[str] = []
    position = 0
    while position < len(pattern):
        match = _TOKEN.match(pattern, position)
        if match is None:
            raise ValueError(f"the format {pattern!r} is wrong from {pattern[position:]!r} on")
        position = match.end()
        written.append(_write(timestamp, match))
    return "".join(written)


_STANDARD = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "f": "dddd, MMMM d, yyyy h:mm tt",
    "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt",
    "m": "MMMM d",
    "M": "MMMM d",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "U": "dddd, MMMM d, yyyy h:mm:ss tt",
    "y": "MMMM yyyy",
    "Y": "MMMM yyyy",
}

_TOKEN = re.compile(
    r"""(?P<text> '(?P<single>(?:\\.|[^'\\])*)' | "(?P<double>(?:\\.|[^"\\])*)" )
      | \\(?P<escaped>.)
      | (?P<point>\.?) (?P<optional_fraction>F{1,7}(?!F))
      | (?P<field> d+ | f{1,7}(?!f) | g+ | h+ | H+ | K | m+ | M+ | s+ | t+ | y+ | z+ )
      | %(?=[dfghHKmMstyzF])  # stands before a field that is all of a pattern
      | (?P<other>[^\\'"%fF])""",
    re.VERBOSE | re.DOTALL,
)


def _write(timestamp: Timestamp, match: re.Match[str]) -> str:
    if match["text"] is not None:
        return re.sub(r"\\(.)", r"\1", match["single"] or match["double"] or "", flags=re.DOTALL)
    if match["optional_fraction"] is not None:
        digits = f"{timestamp.fraction:07}"[: len(match["optional_fraction"])].rstrip("0")
        return f"{match['point']}{digits}" if digits else ""
    if match["field"] is not None:
        return _FIELDS[match["field"][0]](timestamp, len(match["field"]))
    return match["escaped"] or match["other"] or ""


def _number(value: int, width: int) -> str:
    return f"{value:0{min(width, _DIGITS)}}"


def _name_or_number(name: str, value: int, width: int) -> str:
    if width <= _DIGITS:
        return _number(value, width)
    return name[:3] if width == _DIGITS + 1 else name


_DIGITS = 2  # letters for a number; three mean a name's first letters, more the whole name
_NOON = 12

# How each letter of a custom pattern is written, given how often it stands in a row.
_FIELDS: dict[str, Callable[[Timestamp, int], str]] = {
    "y": lambda time, width: f"{time.moment.year if width > _DIGITS else time.moment.year % 100:0{width}}",
    "M": lambda time, width: _name_or_number(_MONTHS[time.moment.month - 1], time.moment.month, width),
    "d": lambda time, width: _name_or_number(_DAYS[time.day_of_week], time.moment.day, width),
    "h": lambda time, width: _number(time.moment.hour % 12 or 12, width),
    "H": lambda time, width: _number(time.moment.hour, width),
    "m": lambda time, width: _number(time.moment.minute, width),
    "s": lambda time, width: _number(time.moment.second, width),
    "f": lambda time, width: f"{time.fraction:07}"[:width],
    "t": lambda time, width: ("AM" if time.moment.hour < _NOON else "PM")[:width],
    "g": lambda _, __: "A.D.",
    "K": lambda time, _: "Z" if time.is_utc else "",
    "z": lambda _, width: {1: "+0", 2: "+00"}.get(width, "+00:00"),
}

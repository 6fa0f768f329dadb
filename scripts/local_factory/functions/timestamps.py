"""Timestamps as .NET's DateTime has them: ticks of 100 ns, reading of text under en-US, format strings."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from local_factory.functions.values import LAST_BMP, describe

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


class Clock(Enum):
    """Whose clock a timestamp shows, as far as it says so: .NET's DateTimeKind, and how the format `K` writes it."""

    UNSPECIFIED = ""
    UTC = "Z"
    LOCAL = "+00:00"
    """The service's own, which is UTC: what comes with an offset is brought to it."""


@dataclass(frozen=True)
class Timestamp:
    """A point in time: ticks since 0001-01-01, and whose clock that is."""

    ticks: int
    clock: Clock = Clock.UNSPECIFIED

    def __post_init__(self) -> None:
        """Refuse what the calendar does not hold."""
        if not 0 <= self.ticks <= MAX_TICKS:
            raise ValueError(OUT_OF_RANGE)

    @classmethod
    def of(cls, moment: datetime, clock: Clock = Clock.UNSPECIFIED, *, ticks: int = 0) -> "Timestamp":
        """Return the timestamp of a datetime, whose time zone is disregarded, plus further ticks."""
        since = moment.replace(tzinfo=None) - datetime.min
        return cls((since.days * 86_400 + since.seconds) * TICKS_PER_SECOND + since.microseconds * 10 + ticks, clock)

    def plus(self, ticks: int) -> "Timestamp":
        """Return the timestamp so many ticks later, or earlier."""
        return Timestamp(self.ticks + ticks, self.clock)

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


def parse_timestamp(text: str, today: date) -> Timestamp:
    """Read a timestamp as .NET does under en-US: a date, a time, or both; one with an offset is brought to UTC.

    Args:
        text: what to read.
        today: the date of a time without one; its year is that of a date without one.

    Raises:
        ValueError: the text is no timestamp, or names a day or hour that does not exist.
    """
    try:
        return _read(" ".join(text.split()), today)
    except _NoTimestampError:
        raise ValueError(
            f"{describe(text)} is not a timestamp, such as 2024-01-31T18:30:00Z or 1/31/2024 6:30 PM"
        ) from None
    except ValueError as error:
        raise ValueError(f"{describe(text)} is not a timestamp: {error}") from None


class _NoTimestampError(ValueError):
    """A text does not look like a timestamp at all."""


_ZONE = re.compile(
    r"""(?P<before> .* ) \s? (?P<name> Z | GMT )
      | (?P<before_time_zone> .* (?: :\s?\d{1,2} (?:[.,]\d*)? | \d\s?[AP]M ) (?:\s?[AP]M)? ) \s?
        (?P<time_offset> [+-]\d{1,2} (?: :?\d{1,2} )? )
      | (?P<before_date_zone> .*\d ) \s? (?P<date_offset> \+\d{1,2} (?: :?\d{1,2} )? | -\d{1,2}:\d{1,2} )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_WORD = re.compile(
    rf"""(?P<time> (?P<hour>\d{{1,2}})
              (?: \s?:\s? (?P<minute>\d{{1,2}})
                   (?: \s?:\s? (?P<second>\d{{1,2}}) (?: [.,] (?P<fraction>\d*) )? )? (?! \d | \s?: )
                | (?=\s?[AP]M\b) )
              (?: \s? (?P<half>[AP]M)\b )?
            )
      | (?P<half_alone>[AP]M)\b
      | (?P<number> \d+ )
      | (?P<month> (?:{"|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)}) (?![A-Z]) )
      | (?P<weekday> (?:{"|".join(f"{name[:3]}(?:{name[3:]})?" for name in _DAYS)}) (?![A-Z]) )
      | (?P<separator> \s?[-/]\s? )
      | (?P<point> \s?\.\s? )
      | (?P<then> \s?T\s? (?=\d) )
      | (?P<blank> [\s,]+ )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_KINDS = {"then": "T"}  # any other kind of word is known by its first letter
# How words follow each other: date and time, the other way round, or one of them.
_DATE = r"(?:w[bp]?)?[nm](?:[spb]?[nm])*p?"
_SHAPE = re.compile(rf"b?(?:{_DATE}(?:bt|bh)?|t(?:b{_DATE})?)(?:b?w)?b?")
_ISO_SHAPE = re.compile(r"b?(?:w[bp]?)?n[spb]n[spb]nTt")
_ISO_TIME = re.compile(r"\d{2}\s?:\s?\d{2}(?:\s?:\s?\d{2}(?:[.,]\d+)?)?", re.ASCII)
_SHORT = 2  # digits of a day, a month or a year without its century


def _read(text: str, today: date) -> Timestamp:
    zone = _ZONE.fullmatch(text)
    offset = (zone["time_offset"] or zone["date_offset"] or "") if zone else ""
    rest = (zone["before"] or zone["before_time_zone"] or zone["before_date_zone"] or "") if zone else text
    words = _words(rest.rstrip())
    kinds = "".join(_KINDS.get(kind, kind[0]) for kind, _ in words)
    iso = _ISO_SHAPE.fullmatch(kinds) is not None
    if not (iso or _SHAPE.fullmatch(kinds)):
        raise _NoTimestampError
    time = next((match for kind, match in words if kind in ("time", "half_alone")), None)
    if iso and ((time and not _ISO_TIME.fullmatch(time[0])) or (zone and zone["name"] and len(zone["name"]) > 1)):
        raise _NoTimestampError
    dated = [(kind, match[0]) for kind, match in words if kind in ("number", "month")]
    year, month, day = _date(_year_first(dated) if iso else dated, today)
    parts = time.groupdict(default="") if time else {}
    moment = datetime(
        year,
        month,
        day,
        _hour(parts.get("hour", ""), parts.get("half", "") or parts.get("half_alone", "")),
        int(parts.get("minute") or 0),
        int(parts.get("second") or 0),
    )
    timestamp = Timestamp.of(moment, ticks=_fraction(parts.get("fraction", "")))
    weekday = next((match[0] for kind, match in words if kind == "weekday" and not iso), "")
    if not _DAYS[timestamp.day_of_week].lower().startswith(weekday[:3].lower()):
        raise ValueError(f"that day is a {_DAYS[timestamp.day_of_week]}")
    if zone and zone["name"]:
        return Timestamp(timestamp.ticks, Clock.UTC)
    return _to_local(timestamp, _offset(offset)) if offset else timestamp


def _words(text: str) -> list[tuple[str, re.Match[str]]]:
    """Return a text's words, each with its kind."""
    words = []
    position = 0
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None or match.lastgroup is None:
            raise _NoTimestampError
        words.append((match.lastgroup, match))
        position = match.end()
    return words


def _year_first(words: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the three numbers of a date that a `T` follows: .NET takes it behind year, month and day alone.

    The year has more than two digits; it may stand second. A weekday before is not looked at.
    """
    ordered = [*sorted(words[:2], key=lambda word: len(word[1]) <= _SHORT), words[2]]
    if len(ordered[0][1]) <= _SHORT:
        raise _NoTimestampError
    return ordered


def _date(words: list[tuple[str, str]], today: date) -> tuple[int, int, int]:
    """Return the year, month and day that numbers and a month's name stand for, in the order of en-US.

    A number of more than two digits is the year. Two numbers are month and day; a number before a month's name is the
    year, one behind it the day.
    """
    numbers = [text for kind, text in words if kind == "number"]
    names = [text for kind, text in words if kind == "month"]
    long = [text for text in numbers if len(text) > _SHORT]
    short = [text for text in numbers if len(text) <= _SHORT]
    if not words:
        return today.year, today.month, today.day
    match len(names), len(long), len(short):
        case 1, 0, 1 if words[0][0] == "month":
            year, month, day = str(today.year), names[0], short[0]
        case 1, 0 | 1, 0 | 1 if len(numbers) == 1:
            year, month, day = numbers[0], names[0], "1"
        case 1, 1, 1:
            year, month, day = long[0], names[0], short[0]
        case 1, 0, 2:
            day, year, month = *short, names[0]
        case 0, 0, 2:
            year, month, day = str(today.year), *short
        case 0, 1, 1:
            year, month, day = long[0], short[0], "1"
        case 0, 0, 3:
            month, day, year = short
        case 0, 1, 2 if numbers[1] in short and numbers.index(long[0]) != 1:
            year, (month, day) = long[0], short
        case _:
            raise _NoTimestampError
    return _year(year), _month(month), int(day)


_LAST_SHORT_YEAR = 49  # .NET: two digits mean 1950 to 2049


def _year(text: str) -> int:
    year = int(text)
    if len(text) > _SHORT:
        return year
    return year + (2000 if year <= _LAST_SHORT_YEAR else 1900)


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    return next(number for number, name in enumerate(_MONTHS, 1) if name.lower().startswith(text[:3].lower()))


def _hour(text: str, half: str) -> int:
    """Return an hour of 24. As in .NET, 13 PM is 13, but there is no 13 AM."""
    hour = int(text or 0)
    if half.upper() == "AM" and hour > _NOON:
        raise ValueError(f"there is no {hour} AM")
    if not half or hour > _NOON:
        return hour
    return hour % _NOON + (_NOON if half.upper() == "PM" else 0)


def _fraction(digits: str) -> int:
    """Return the ticks of a fraction of a second, rounded."""
    return round(float(f"0.{digits}") * TICKS_PER_SECOND) if digits else 0


def _offset(zone: str) -> int:
    """Return the ticks that a zone such as `+05:30` is ahead of UTC."""
    digits = zone[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")  # noqa: PLR2004 - minutes follow
    if ":" in zone:
        hours, minutes = zone[1:].split(":")
    ahead = (int(hours) * 60 + int(minutes)) * 60 * TICKS_PER_SECOND
    if ahead > 14 * 3600 * TICKS_PER_SECOND or int(minutes) > 59:  # noqa: PLR2004 - the limits of offsets
        raise ValueError(f"there is no offset {zone}")
    return -ahead if zone.startswith("-") else ahead


def _to_local(timestamp: Timestamp, ahead: int) -> Timestamp:
    """Return the time by the service's clock. As in .NET, one before the calendar begins is on its first day."""
    ticks = timestamp.ticks - ahead
    return Timestamp(ticks + TICKS_PER_DAY if ticks < 0 else ticks, Clock.LOCAL)


def format_timestamp(timestamp: Timestamp, pattern: str = "o") -> str:
    """Write a timestamp with a .NET format string: one standard letter, or a custom pattern.

    Source: .NET's standard and custom date and time format strings, under en-US.

    Raises:
        ValueError: the format string is wrong.
    """
    if len(pattern) == 1 and pattern <= LAST_BMP:
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
        piece = _write(timestamp, match)
        if match["optional_fraction"] and not piece and written and written[-1].endswith("."):
            written[-1] = written[-1][:-1]  # the point before a fraction that is not written
        written.append(piece)
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
      | (?P<optional_fraction>F{1,7}(?!F))
      | (?P<field> d+ | f{1,7}(?!f) | g+ | h+ | H+ | K | m+ | M+ | s+ | t+ | y+ | z+ )
      | %(?P<alone>[^%\\'"])  # a pattern of this one character
      | (?P<other>[^\\'"%fF])""",
    re.VERBOSE | re.DOTALL,
)


def _write(timestamp: Timestamp, match: re.Match[str]) -> str:
    if match["text"] is not None:
        return re.sub(r"\\(.)", r"\1", match["single"] or match["double"] or "", flags=re.DOTALL)
    if match["optional_fraction"] is not None:
        return f"{timestamp.fraction:07}"[: len(match["optional_fraction"])].rstrip("0")
    if match["field"] is not None:
        return _FIELDS[match["field"][0]](timestamp, len(match["field"]))
    if match["alone"] is not None:
        return format_timestamp(timestamp, f"{match['alone']}''")
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
    "K": lambda time, width: time.clock.value * width,
    "z": lambda _, width: {1: "+0", 2: "+00"}.get(width, "+00:00"),
}

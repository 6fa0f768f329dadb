"""When a schedule trigger fires: its coming moments, in its own time zone.

The rules are those of Microsoft's article "Create a trigger that runs a pipeline on a schedule"
(how-to-create-schedule-trigger):

- Intervals are counted from `startTime`. Nothing fires before it or after `endTime`; past slots are not made up.
- Hours and minutes that the schedule leaves out are those of `startTime`.
- Day, Week and Month follow the zone's clock through daylight saving. Minute and Hour fire at regular intervals
  regardless; there a schedule's hours limit the slots, and its minutes limit them (Minute) or name them (Hour).
- A month without the day asked for is left out; negative days and occurrences count from the month's end.

At a change of the clock it follows Logic Apps' published example for 2019: a slot that the spring change skips (02:30)
fires when it would have without the change (03:30); one that the autumn change repeats fires the first time only.

Where Microsoft says nothing: a week begins on Monday (of interest when `interval` is above 1).
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from local_factory.recurrence import Frequency, Recurrence, read_recurrence

# Datetimes end with the year 9999; one year of room for the change to and from UTC.
_LAST_DAY = date(9998, 12, 31)
# A step of minutes or hours reaches every clock time that it can reach within so many steps,
# and a zone shows all its offsets within two years: a slot that did not come by then never comes.
_STEPS_IN_A_CYCLE = 24 * 60
_CLOCK_CYCLE = timedelta(days=2 * 366)


def fire_times(trigger: Mapping[str, Any], after: datetime) -> Iterator[datetime]:
    """Return the moments at which a schedule trigger fires later than `after`, in order, in the trigger's time zone.

    Args:
        trigger: a trigger's document (`{"name", "properties"}`) or its properties.
        after: an aware moment; a slot at this very moment is not returned.

    Returns:
        Aware datetimes. They end with the trigger's `endTime`, and go on for ever without one; there are none when no
        slot can ever come (the 30th of each February).

    Raises:
        ScheduleError: the trigger is not a schedule trigger or is not well-formed; names the JSON path.
        ValueError: `after` has no time zone.
    """
    if after.tzinfo is None:
        raise ValueError(f"after: {after.isoformat()} has no time zone")
    return _fire_times(read_recurrence(trigger), after.astimezone(UTC))


def _fire_times(recurrence: Recurrence, after: datetime) -> Iterator[datetime]:
    since = max(recurrence.start, after)
    regular = recurrence.frequency in (Frequency.MINUTE, Frequency.HOUR)
    last = after
    for slot in _regular_slots(recurrence, since) if regular else _clock_slots(recurrence, since):
        if recurrence.end and slot > recurrence.end:
            return
        # Slots that the spring change moves may fall on one another.
        if slot >= recurrence.start and slot > last:
            last = slot
            yield slot.astimezone(recurrence.zone)


def _regular_slots(recurrence: Recurrence, since: datetime) -> Iterator[datetime]:
    """Yield the UTC slots of a Minute or Hour recurrence, from a little before `since`."""
    by_hour = recurrence.frequency is Frequency.HOUR
    step = timedelta(hours=recurrence.interval) if by_hour else timedelta(minutes=recurrence.interval)
    first, offsets, minutes = recurrence.start, [timedelta()], recurrence.minutes
    if by_hour and minutes is not None:
        first -= timedelta(minutes=recurrence.local_start.minute)
        offsets = [timedelta(minutes=minute) for minute in minutes]
        minutes = None
    begin = first + max(0, (since - first) // step) * step
    found = begin
    while begin - found <= max(_STEPS_IN_A_CYCLE * step, _CLOCK_CYCLE):
        for offset in offsets:
            slot = begin + offset
            local = slot.astimezone(recurrence.zone)
            hour_fits = recurrence.hours is None or local.hour in recurrence.hours
            minute_fits = minutes is None or local.minute in minutes
            if hour_fits and minute_fits:
                found = begin
                yield slot
        begin += step


def _clock_slots(recurrence: Recurrence, since: datetime) -> Iterator[datetime]:
    """Yield the UTC slots of a Day, Week or Month recurrence, from a little before `since`."""
    start = recurrence.local_start
    times = [
        time(hour, minute, start.second, start.microsecond)
        for hour in recurrence.hours or (start.hour,)
        for minute in recurrence.minutes or (start.minute,)
    ]
    # The spring change may move a slot to the next day.
    for day in _days(recurrence, since.astimezone(recurrence.zone).date() - timedelta(days=1)):
        # A skipped time is read with the offset before the change, and a repeated one as the first: the rules above.
        yield from sorted(datetime.combine(day, clock, recurrence.zone).astimezone(UTC) for clock in times)


def _days(recurrence: Recurrence, since: date) -> Iterator[date]:
    """Yield the days of a Day, Week or Month recurrence in order, from the period that holds `since`."""
    start = recurrence.local_start.date()
    if recurrence.frequency is Frequency.MONTH:
        for month in _periods(
            _month_number(start), _month_number(since), recurrence.interval, _month_number(_LAST_DAY)
        ):
            yield from _days_of_month(recurrence, *divmod(month, 12))
    elif recurrence.frequency is Frequency.WEEK:
        monday = start.toordinal() - start.weekday()
        for week in _periods(monday, since.toordinal(), 7 * recurrence.interval, _LAST_DAY.toordinal()):
            for weekday in recurrence.week_days or (start.weekday(),):
                yield date.fromordinal(week + weekday)
    else:
        for day in _periods(start.toordinal(), since.toordinal(), recurrence.interval, _LAST_DAY.toordinal()):
            yield date.fromordinal(day)


def _periods(first: int, since: int, step: int, last: int) -> range:
    """Return `first`, `first + step`, ... up to `last`, less what lies wholly before `since`."""
    return range(first + max(0, (since - first) // step) * step, last, step)


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _days_of_month(recurrence: Recurrence, year: int, month_index: int) -> list[date]:
    month = month_index + 1
    first_weekday, length = monthrange(year, month)
    if recurrence.monthly_occurrences is not None:
        days = {day for one in recurrence.monthly_occurrences for day in one.days(length, first_weekday)}
    else:
        wanted = recurrence.month_days or (recurrence.local_start.day,)
        days = {day if day > 0 else length + 1 + day for day in wanted}
    return [date(year, month, day) for day in sorted(days) if 1 <= day <= length]

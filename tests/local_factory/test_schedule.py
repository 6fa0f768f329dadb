"""When schedule triggers fire: zones, daylight saving, calendars, and what is wrong with a trigger."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule
from hypothesis import given
from hypothesis import strategies as st

from local_factory.errors import ScheduleError
from local_factory.schedule import fire_times

REPOSITORY = Path(__file__).resolve().parents[2]
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)


def trigger(frequency="Day", start="2026-01-01T00:00:00Z", zone="UTC", schedule=None, **recurrence):
    recurrence = {"frequency": frequency, "interval": 1, "startTime": start, "timeZone": zone, **recurrence}
    if schedule is not None:
        recurrence["schedule"] = schedule
    return {"type": "ScheduleTrigger", "typeProperties": {"recurrence": recurrence}}


def local(times, count):
    return [moment.strftime("%Y-%m-%d %H:%M%z") for moment in islice(times, count)]


def utc(times, count):
    return [moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") for moment in islice(times, count)]


def test_our_trigger_fires_at_midnight_and_noon_in_india():
    path = REPOSITORY / "adf/trigger/TR_Ingest_Country_Data_Twice_Daily.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    after = datetime(2026, 3, 8, 12, tzinfo=UTC)
    assert utc(fire_times(document, after), 3) == ["2026-03-08 18:30", "2026-03-09 06:30", "2026-03-09 18:30"]
    assert local(fire_times(document, after), 2) == ["2026-03-09 00:00+0530", "2026-03-09 12:00+0530"]


@pytest.mark.parametrize("zone", ["India Standard Time", "Asia/Kolkata"])
def test_windows_and_iana_zone_names_mean_the_same(zone):
    times = fire_times(trigger(start="2026-01-01T06:00:00", zone=zone), LONG_AGO)
    assert utc(times, 2) == ["2026-01-01 00:30", "2026-01-02 00:30"]


class TestStartAndEnd:
    def test_the_first_fire_is_the_first_slot_at_or_after_start_time(self):
        schedule = {"hours": [8, 17], "minutes": [30]}
        at_a_slot = fire_times(trigger(start="2026-05-01T08:30:00Z", schedule=schedule), LONG_AGO)
        assert utc(at_a_slot, 2) == ["2026-05-01 08:30", "2026-05-01 17:30"]
        past_a_slot = fire_times(trigger(start="2026-05-01T08:31:00Z", schedule=schedule), LONG_AGO)
        assert utc(past_a_slot, 2) == ["2026-05-01 17:30", "2026-05-02 08:30"]

    def test_past_slots_are_not_made_up_and_intervals_count_from_start_time(self):
        """The example of Microsoft's article: every two days from 7 April, asked on the 8th."""
        times = fire_times(trigger(start="2017-04-07T14:00:00Z", interval=2), datetime(2017, 4, 8, 13, tzinfo=UTC))
        assert utc(times, 3) == ["2017-04-09 14:00", "2017-04-11 14:00", "2017-04-13 14:00"]

    def test_the_moment_asked_from_is_not_returned_again(self):
        times = fire_times(trigger(), datetime(2026, 1, 2, tzinfo=UTC))
        assert utc(times, 1) == ["2026-01-03 00:00"]

    def test_end_time_is_the_last_moment_that_may_fire(self):
        times = fire_times(trigger(endTime="2026-01-03T00:00:00Z"), LONG_AGO)
        assert utc(times, 9) == ["2026-01-01 00:00", "2026-01-02 00:00", "2026-01-03 00:00"]

    def test_a_trigger_that_has_ended_never_fires(self):
        ended = trigger("Minute", endTime="2026-01-03T00:00:00Z")
        assert utc(fire_times(ended, datetime(2027, 1, 1, tzinfo=UTC)), 1) == []

    def test_seconds_and_ticks_of_the_start_time_are_kept(self):
        first = next(fire_times(trigger(start="2018-06-16T00:39:13.8441801Z"), LONG_AGO))
        assert first == datetime(2018, 6, 16, 0, 39, 13, 844180, tzinfo=UTC)

    def test_the_moment_asked_from_may_be_in_any_zone_but_not_in_none(self):
        times = fire_times(trigger(), datetime(2026, 1, 2, 1, tzinfo=ZoneInfo("Asia/Tokyo")))
        assert utc(times, 1) == ["2026-01-02 00:00"]
        with pytest.raises(ValueError, match="no time zone"):
            fire_times(trigger(), datetime(2026, 1, 2))


class TestDaylightSaving:
    """Changes: New York 2026-03-08 02:00 and 2026-11-01 02:00, London 2026-03-29 01:00 and 2026-10-25 02:00."""

    @pytest.mark.parametrize(
        ("zone", "start", "expected"),
        [
            ("Eastern Standard Time", "2026-03-07T09:00:00", ["03-07 14:00", "03-08 13:00", "03-09 13:00"]),
            ("Eastern Standard Time", "2026-10-31T09:00:00", ["10-31 13:00", "11-01 14:00", "11-02 14:00"]),
            ("GMT Standard Time", "2026-03-28T09:00:00", ["03-28 09:00", "03-29 08:00", "03-30 08:00"]),
            ("GMT Standard Time", "2026-10-24T09:00:00", ["10-24 08:00", "10-25 09:00", "10-26 09:00"]),
        ],
    )
    def test_a_daily_trigger_keeps_its_clock_time(self, zone, start, expected):
        assert utc(fire_times(trigger(start=start, zone=zone), LONG_AGO), 3) == [f"2026-{one}" for one in expected]

    def test_a_slot_in_the_spring_gap_fires_an_hour_later_by_the_clock(self):
        """Logic Apps' published example for Central Time, 2019."""
        times = fire_times(trigger(start="2019-03-09T02:30:00", zone="Central Standard Time"), LONG_AGO)
        assert local(times, 3) == ["2019-03-09 02:30-0600", "2019-03-10 03:30-0500", "2019-03-11 02:30-0500"]

    def test_a_slot_in_the_repeated_autumn_hour_fires_once_the_first_time(self):
        """Logic Apps' published example for Central Time, 2019."""
        times = fire_times(trigger(start="2019-11-02T01:30:00", zone="Central Standard Time"), LONG_AGO)
        assert utc(times, 3) == ["2019-11-02 06:30", "2019-11-03 06:30", "2019-11-04 07:30"]

    def test_a_moved_slot_does_not_fire_beside_the_one_it_falls_on(self):
        schedule = {"hours": [1, 2, 3], "minutes": [0, 30]}
        twice = trigger(start="2026-03-08T00:00:00", zone="America/New_York", schedule=schedule)
        assert local(fire_times(twice, LONG_AGO), 5) == [
            "2026-03-08 01:00-0500",
            "2026-03-08 01:30-0500",
            "2026-03-08 03:00-0400",
            "2026-03-08 03:30-0400",
            "2026-03-09 01:00-0400",
        ]

    def test_asked_within_the_repeated_hour_the_slot_that_fired_does_not_fire_again(self):
        daily = trigger(start="2026-01-01T01:30:00", zone="America/New_York")
        between = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)  # 01:00 for the second time
        assert local(fire_times(daily, between), 1) == ["2026-11-02 01:30-0500"]

    def test_a_day_that_a_zone_skipped_fires_nothing_twice(self):
        """Samoa went from 29 to 31 December 2011."""
        schedule = {"hours": [8, 20], "minutes": [0]}
        samoa = trigger(start="2011-12-29T00:00:00", zone="Samoa Standard Time", schedule=schedule)
        times = local(fire_times(samoa, LONG_AGO), 5)
        assert [one[8:16] for one in times] == ["29 08:00", "29 20:00", "31 08:00", "31 20:00", "01 08:00"]

    @pytest.mark.parametrize("frequency", ["Hour", "Minute"])
    def test_hours_and_minutes_fire_at_regular_intervals(self, frequency):
        interval = {"Hour": 6, "Minute": 360}[frequency]
        regular = trigger(frequency, "2026-03-07T21:00:00", "Eastern Standard Time", interval=interval)
        times = fire_times(regular, LONG_AGO)
        assert local(times, 3) == ["2026-03-07 21:00-0500", "2026-03-08 04:00-0400", "2026-03-08 10:00-0400"]


class TestHoursAndMinutes:
    @pytest.mark.parametrize(
        ("frequency", "schedule", "expected"),
        [
            ("Day", {"hours": [5]}, ["01 05:25", "02 05:25"]),
            ("Day", {"minutes": [15, 45]}, ["01 03:45", "02 03:15", "02 03:45"]),
            ("Day", {"minutes": 15, "hours": 5}, ["01 05:15", "02 05:15"]),
            ("Day", {}, ["01 03:25", "02 03:25"]),
            ("Week", {"weekDays": ["tuesday", "THURSDAY"]}, ["01 03:25", "06 03:25", "08 03:25"]),
            ("Month", {"monthDays": [14, 1]}, ["01 03:25", "14 03:25"]),
        ],
    )
    def test_what_the_schedule_leaves_out_comes_from_start_time(self, frequency, schedule, expected):
        times = utc(fire_times(trigger(frequency, "2026-01-01T03:25:00Z", schedule=schedule), LONG_AGO), len(expected))
        assert [one[8:] for one in times] == expected

    def test_an_hourly_trigger_fires_at_each_minute_named(self):
        quarters = trigger("Hour", "2026-01-01T03:25:00Z", schedule={"minutes": [0, 15, 30, 45]})
        times = utc(fire_times(quarters, LONG_AGO), 4)
        assert [one[11:] for one in times] == ["03:30", "03:45", "04:00", "04:15"]

    def test_an_hourly_interval_counts_from_the_hour_of_start_time(self):
        third_hour = trigger("Hour", "2026-01-01T03:25:00Z", interval=3, schedule={"minutes": [10, 40]})
        times = utc(fire_times(third_hour, LONG_AGO), 3)
        assert [one[11:] for one in times] == ["03:40", "06:10", "06:40"]

    def test_hours_limit_an_hourly_trigger_and_minutes_a_minutely_one(self):
        office = trigger("Hour", schedule={"hours": [9, 10]})
        assert [one[8:] for one in utc(fire_times(office, LONG_AGO), 3)] == ["01 09:00", "01 10:00", "02 09:00"]
        every_ten = trigger("Minute", interval=10, schedule={"hours": [9], "minutes": [20, 40]})
        assert [one[8:] for one in utc(fire_times(every_ten, LONG_AGO), 3)] == ["01 09:20", "01 09:40", "02 09:20"]

    @pytest.mark.timeout(20)
    @pytest.mark.parametrize(
        "never",
        [
            trigger("Minute", interval=2, schedule={"hours": [0], "minutes": [1]}),
            trigger("Hour", interval=24, schedule={"hours": [5]}),
            trigger("Month", "2026-02-01T00:00:00Z", interval=12, schedule={"monthDays": [30]}),
        ],
    )
    def test_a_schedule_whose_slots_never_come_ends(self, never):
        assert list(fire_times(never, LONG_AGO)) == []


class TestWeeks:
    def test_an_interval_counts_weeks_from_the_week_of_start_time(self):
        # 2026-01-01 is a Thursday: its week, then the week after the next.
        fortnight = trigger("Week", interval=2, schedule={"weekDays": ["Sunday", "Monday", "Friday"]})
        times = utc(fire_times(fortnight, LONG_AGO), 5)
        assert [one[5:10] for one in times] == ["01-02", "01-04", "01-12", "01-16", "01-18"]

    def test_without_week_days_it_is_the_weekday_of_start_time(self):
        times = utc(fire_times(trigger("Week", interval=3), LONG_AGO), 3)
        assert [one[5:10] for one in times] == ["01-01", "01-22", "02-12"]


class TestMonths:
    @pytest.mark.parametrize(
        ("days", "expected"),
        [
            ([31], ["01-31", "03-31", "05-31", "07-31", "08-31", "10-31", "12-31"]),
            ([-1], ["01-31", "02-28", "03-31", "04-30"]),
            ([1, -1], ["01-01", "01-31", "02-01", "02-28"]),
            ([-31], ["01-01", "03-01", "05-01"]),
            ([28, -1], ["01-28", "01-31", "02-28", "03-28"]),
        ],
    )
    def test_month_days_count_from_either_end(self, days, expected):
        times = utc(fire_times(trigger("Month", schedule={"monthDays": days}), LONG_AGO), len(expected))
        assert [one[5:10] for one in times] == expected

    def test_29_february_fires_in_leap_years_only(self):
        yearly = trigger("Month", "2096-02-01T00:00:00Z", interval=12, schedule={"monthDays": [29]})
        times = utc(fire_times(yearly, LONG_AGO), 3)
        assert [one[:10] for one in times] == ["2096-02-29", "2104-02-29", "2108-02-29"]

    def test_the_last_day_of_february_follows_leap_years(self):
        monthly = trigger("Month", "2028-02-01T00:00:00Z", interval=12, schedule={"monthDays": -1})
        times = utc(fire_times(monthly, LONG_AGO), 2)
        assert [one[:10] for one in times] == ["2028-02-29", "2029-02-28"]

    def test_a_start_on_the_31st_leaves_shorter_months_out(self):
        times = utc(fire_times(trigger("Month", "2026-01-31T10:00:00Z"), LONG_AGO), 3)
        assert [one[5:] for one in times] == ["01-31 10:00", "03-31 10:00", "05-31 10:00"]

    @pytest.mark.parametrize(
        ("occurrences", "expected"),
        [
            ([{"day": "friday", "occurrence": 1}], ["01-02", "02-06"]),
            ([{"day": "Friday", "occurrence": -1}], ["01-30", "02-27"]),
            ([{"day": "Friday", "occurrence": -3}], ["01-16", "02-13"]),
            ([{"day": "Friday", "occurrence": 5}], ["01-30", "05-29"]),
            ([{"day": "Friday", "occurrence": -5}], ["01-02", "05-01"]),
            ([{"day": "Friday", "occurrence": 1}, {"day": "Friday", "occurrence": -1}], ["01-02", "01-30", "02-06"]),
            ([{"day": "Sunday"}], ["01-04", "01-11", "01-18", "01-25", "02-01"]),
        ],
    )
    def test_monthly_occurrences_name_weekdays_of_the_month(self, occurrences, expected):
        monthly = trigger("Month", schedule={"monthlyOccurrences": occurrences})
        assert [one[5:10] for one in utc(fire_times(monthly, LONG_AGO), len(expected))] == expected


RULES = {"Day": rrule.DAILY, "Week": rrule.WEEKLY, "Month": rrule.MONTHLY}


class TestAgainstAnotherImplementation:
    """`dateutil` knows iCalendar's recurrence rules, which agree with these in a zone without daylight saving."""

    @given(
        frequency=st.sampled_from(sorted(RULES)),
        interval=st.integers(1, 5),
        start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda one: one.replace(microsecond=0)),
        wait=st.timedeltas(timedelta(0), timedelta(days=900)),
        hours=st.lists(st.integers(0, 23), max_size=3, unique=True),
        minutes=st.lists(st.integers(0, 59), max_size=3, unique=True),
        days=st.lists(st.sampled_from(rrule.weekdays), max_size=3, unique=True),
        month_days=st.lists(st.one_of(st.integers(-31, -1), st.integers(1, 31)), max_size=3, unique=True),
    )
    def test_days_weeks_and_months_agree(self, *, frequency, interval, start, wait, hours, minutes, days, month_days):
        schedule, rule = {"hours": hours, "minutes": minutes}, {}
        if frequency == "Week" and days:
            names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
            schedule["weekDays"], rule["byweekday"] = [names[day.weekday] for day in days], days
        if frequency == "Month" and month_days:
            schedule["monthDays"], rule["bymonthday"] = month_days, month_days
        oracle = rrule.rrule(
            RULES[frequency],
            dtstart=start,
            interval=interval,
            byhour=hours or None,
            byminute=minutes or None,
            until=datetime(2060, 1, 1),
            **rule,
        )
        after = start + wait
        ours = trigger(frequency, f"{start.isoformat()}Z", interval=interval, schedule=schedule)
        times = islice(fire_times(ours, after.replace(tzinfo=UTC)), 20)
        assert [one.replace(tzinfo=None) for one in times if one.year < 2060] == list(oracle.xafter(after, 20))

    @given(
        frequency=st.sampled_from(["Minute", "Hour", "Day", "Week", "Month"]),
        interval=st.integers(1, 40),
        zone=st.sampled_from(["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata"]),
        start=st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)),
        after=st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
        hours=st.lists(st.integers(0, 23), max_size=4),
    )
    def test_times_only_go_forward_and_do_not_depend_on_when_one_asks(
        self, *, frequency, interval, zone, start, after, hours
    ):
        schedule = {"hours": hours} if frequency in ("Day", "Week", "Month") else {}
        ours = trigger(frequency, start.isoformat(), zone, schedule, interval=interval)
        times = list(islice(fire_times(ours, after), 8))
        instants = [one.astimezone(UTC) for one in times]
        assert all(earlier < later for earlier, later in pairwise([after, *instants]))
        assert instants[0] >= start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        again = list(islice(fire_times(ours, times[3]), 4))
        assert [one.astimezone(UTC) for one in again] == instants[4:]


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"type": "TumblingWindowTrigger", "typeProperties": {}}, "properties.type"),
        ({"name": "T", "properties": []}, "properties"),
        ({"type": "ScheduleTrigger"}, "properties.typeProperties"),
        ({"type": "ScheduleTrigger", "typeProperties": {"recurrence": []}}, "properties.typeProperties.recurrence"),
        (trigger("Year"), "frequency"),
        (trigger(None), "frequency"),
        (trigger(interval=0), "interval"),
        (trigger(interval=1001), "interval"),
        (trigger(interval="1"), "interval"),
        (trigger(interval=True), "interval"),
        (trigger(start=None), "startTime"),
        (trigger(start="2026-01-01"), "startTime"),
        (trigger(start="2026-13-01T00:00:00Z"), "startTime"),
        (trigger(start="2026-01-01T00:00:00"), "startTime"),
        (trigger(start="2026-01-01T00:00:00Z", zone="India Standard Time"), "startTime"),
        (trigger(start="2026-01-01T00:00:00+05:30", zone="India Standard Time"), "startTime"),
        (trigger(endTime="2025-01-01T00:00:00Z"), "endTime"),
        (trigger(endTime=7), "endTime"),
        (trigger(zone="Mars/Olympus"), "timeZone"),
        (trigger(zone="Europe"), "timeZone"),
        (trigger(zone="../etc/passwd"), "timeZone"),
        (trigger(zone=""), "timeZone"),
        (trigger(zone=5), "timeZone"),
        (trigger(schedule=[]), "schedule"),
        (trigger(schedule={"hour": [1]}), "schedule.hour"),
        (trigger(schedule={"hours": [24]}), "schedule.hours"),
        (trigger(schedule={"hours": ["1"]}), "schedule.hours"),
        (trigger(schedule={"minutes": [-1]}), "schedule.minutes"),
        (trigger(schedule={"minutes": 60}), "schedule.minutes"),
        (trigger(schedule={"weekDays": ["Monday"]}), "schedule.weekDays"),
        (trigger("Week", schedule={"weekDays": ["Mon"]}), "schedule.weekDays"),
        (trigger("Week", schedule={"monthDays": [1]}), "schedule.monthDays"),
        (trigger("Month", schedule={"monthDays": [0]}), "schedule.monthDays"),
        (trigger("Month", schedule={"monthDays": [32]}), "schedule.monthDays"),
        (trigger("Month", schedule={"monthlyOccurrences": {}}), "schedule.monthlyOccurrences"),
        (trigger("Month", schedule={"monthlyOccurrences": [{}]}), "schedule.monthlyOccurrences[0].day"),
        (
            trigger("Month", schedule={"monthlyOccurrences": [{"day": "Friday", "occurrence": 6}]}),
            "schedule.monthlyOccurrences[0].occurrence",
        ),
        (
            trigger("Month", schedule={"monthDays": [1], "monthlyOccurrences": [{"day": "Friday"}]}),
            "schedule.monthlyOccurrences",
        ),
    ],
)
def test_a_bad_trigger_is_an_error_that_names_its_json_path(wrong, path):
    whole = path if path.startswith("properties") else f"properties.typeProperties.recurrence.{path}"
    with pytest.raises(ScheduleError) as error:
        fire_times(wrong, LONG_AGO)
    assert str(error.value).startswith(f"{whole}: ")


def test_a_schedule_of_years_ago_is_asked_at_once():
    """No slot of the past is walked through: 40 years of minutes would take minutes."""
    started = time.process_time()
    old = trigger("Minute", "1990-01-01T00:00:00Z")
    assert next(fire_times(old, datetime(2030, 1, 1, tzinfo=UTC))).date() == date(2030, 1, 1)
    assert time.process_time() - started < 5

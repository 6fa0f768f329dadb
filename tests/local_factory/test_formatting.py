"""Durations and counts."""

from datetime import UTC, datetime, timedelta

import pytest

from local_factory.formatting import count, duration, elapsed
from support.sample_runs import START, at, pipeline


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0004, "0 ms"),
        (0.42, "420 ms"),
        (0.9996, "1.0 s"),
        (12.44, "12.4 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (3720, "1 h 02 min"),
        (90_000, "25 h 00 min"),
    ],
)
def test_a_duration_has_at_most_two_units_and_never_sixty_of_one(seconds, text):
    assert duration(seconds) == text


def test_a_run_without_an_end_has_taken_the_time_until_now():
    assert elapsed(pipeline("P", 0, None), START + timedelta(seconds=7)) == 7


def test_a_clock_that_went_back_takes_no_negative_time():
    assert elapsed(pipeline("P", 5, 3), datetime.now(UTC)) == 0
    assert elapsed(pipeline("P", 5, None), at(0)) == 0


def test_a_count_has_thousands_parted_and_its_noun_in_number():
    assert [count(number, "file") for number in (0, 1, 1204)] == ["0 files", "1 file", "1,204 files"]

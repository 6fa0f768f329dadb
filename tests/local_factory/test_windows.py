"""The windows of a tumbling window trigger: without gaps or overlaps, each due when it has closed."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_factory.errors import ScheduleError
from local_factory.windows import read_windows

START = datetime(2026, 1, 31, tzinfo=UTC)


def trigger(**properties):
    given_properties = {"frequency": "Hour", "interval": 1, "startTime": "2026-01-31T00:00:00Z", **properties}
    return {"type": "TumblingWindowTrigger", "typeProperties": given_properties}


@given(
    st.sampled_from(["Minute", "Hour", "Month"]), st.integers(1, 40), st.timedeltas(timedelta(0), timedelta(days=700))
)
def test_windows_follow_one_another_and_begin_where_the_last_ended(frequency, interval, offset):
    windows = read_windows(trigger(frequency=frequency, interval=interval))
    first = next(windows.after(START + offset))
    assert first.start <= START + offset < first.end
    found = list(islice(windows.after(START + offset), 4))
    assert all(one.end == other.start for one, other in pairwise(found))
    assert list(islice(windows.after(found[0].end), 3)) == found[1:]


def test_a_month_that_is_shorter_ends_sooner_and_the_next_has_its_day_again():
    edges = [
        window.start.isoformat()[:10] for window in islice(read_windows(trigger(frequency="Month")).after(None), 4)
    ]
    assert edges == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]


def test_a_window_is_due_after_its_delay_and_none_ends_after_the_end():
    windows = list(read_windows(trigger(delay="00:10:00", endTime="2026-01-31T02:30:00Z")).after(None))
    assert [window.due.isoformat()[11:16] for window in windows] == ["01:10", "02:10"]


@pytest.mark.parametrize(
    ("properties", "place"),
    [
        ({"frequency": "Day"}, "frequency"),
        ({"interval": 0}, "interval"),
        ({"startTime": "soon"}, "startTime"),
        ({"delay": "long"}, "delay"),
        ({"maxConcurrency": 0}, "maxConcurrency"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(properties, place):
    with pytest.raises(ScheduleError, match=rf"properties\.typeProperties\.{place}"):
        read_windows(trigger(**properties))

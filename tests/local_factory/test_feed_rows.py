"""What a notebook's exit tells of feeds, whatever else notebooks exit with."""

from typing import Any

import pytest

from local_factory.feed_rows import feed_rows
from support.sample_runs import FEEDS, feeds_run


def test_failed_feeds_come_first_and_changes_are_summed() -> None:
    gone, orders = feed_rows(feeds_run(*FEEDS).activity_runs[0])
    assert (gone.name, gone.status, gone.rows_read, gone.changed) == ("shop.dbo.Gone", "Failed", None, None)
    assert (orders.rows_read, orders.changed, orders.rows_in_target, orders.seconds) == (1200, 11, 51200, 2.5)
    assert (gone.reason, orders.reason) == ("no <table> Gone\nmore", "column At is text")


def test_an_exit_that_arrives_as_an_object_is_read_too() -> None:
    run = feeds_run().activity_runs[0]
    run.output = {"runOutput": {"feeds": [*FEEDS]}}
    assert len(feed_rows(run)) == 2


@pytest.mark.parametrize(
    "exit_value", [None, "601", "no JSON {", '["a"]', '{"feeds": 3}', '{"feeds": [1, {"feed": "x"}]}']
)
def test_another_exit_tells_of_no_feed(exit_value: Any) -> None:
    run = feeds_run().activity_runs[0]
    run.output = {"runOutput": exit_value}
    assert feed_rows(run) == ()


def test_what_is_secure_is_not_shown() -> None:
    run = feeds_run(*FEEDS).activity_runs[0]
    run.secure_output = True
    assert feed_rows(run) == ()

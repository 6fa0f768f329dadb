"""Which feeds a run takes."""

import pytest

from ingestion.feeds.choice import choose, expand, is_chosen
from ingestion.feeds.model import Feed, Table
from ingestion.platform.errors import InvalidSettingError

FEEDS = [
    Table(name="sales.dbo.Orders", source="sales", tags=("hourly",)),
    Table(name="sales.dbo.*", source="sales", exclude=("dbo.sys*",)),
    Feed(name="tracker.issues", source="tracker", tags=("hourly", "api")),
]


@pytest.mark.parametrize(
    ("names", "tags", "chosen"),
    [
        ("*", "", [0, 1, 2]),
        ("", "", [0, 1, 2]),
        ("sales.*, tracker.issues", "", [0, 1, 2]),
        ("tracker.*", "", [2]),
        ("sales.dbo.Orders", "", [0, 1]),
        ("sales.dbo.Lines", "", [1]),
        ("*", "hourly", [0, 2]),
        ("*", "api, weekly,hourly".replace(" weekly,", ""), [0, 2]),
        ("sales.*", "hourly", [0]),
    ],
)
def test_feeds_are_chosen_by_names_globs_and_tags(names: str, tags: str, chosen: list[int]) -> None:
    assert choose(FEEDS, names, tags) == [FEEDS[number] for number in chosen]


@pytest.mark.parametrize(
    ("names", "tags", "words"),
    [
        ("tracker.isues", "", "Did you mean 'tracker.issues'?"),
        ("sales.*,nothing.*", "", "'nothing.*' is no feed"),
        ("*", "hourli", "Did you mean 'hourly'?"),
        ("sales.*", "api", "no feed of 'sales.*' carries one of the tags 'api'"),
    ],
)
def test_what_means_no_feed_is_refused(names: str, tags: str, words: str) -> None:
    with pytest.raises(InvalidSettingError) as raised:
        choose(FEEDS, names, tags)
    assert words in str(raised.value)


def test_a_pattern_gives_way_to_the_tables_that_are_there() -> None:
    tables = [feed for feed in FEEDS if isinstance(feed, Table)]
    found = expand(tables, ["dbo.Orders", "dbo.Lines", "dbo.sysdiagrams", "other.Lines", "dbo.lines"])
    assert [feed.name for feed in found] == ["sales.dbo.Orders", "sales.dbo.Lines", "sales.dbo.lines"]
    assert found[1].destination == "sales/dbo_lines"
    assert found[0] is tables[0]
    assert [is_chosen(feed.name, "sales.dbo.O*, x") for feed in found] == [True, False, False]

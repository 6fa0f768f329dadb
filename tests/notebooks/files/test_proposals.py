"""What is proposed for a folder: a feed for each kind of file."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.feeds.sources import read_sources
from ingestion.files.patterns import pattern_regex
from ingestion.files.proposals import Sample, groups_of, proposal, sample_of_csv, sample_of_json


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["orders_2026-01.csv", "orders_2026-02.csv"], [("orders", "*.csv", "csv")]),
        (["customers.csv"], [("customers", "*.csv", "csv")]),
        (
            ["orders_1.csv", "customers_1.csv"],
            [("customers", "customers*.csv", "csv"), ("orders", "orders*.csv", "csv")],
        ),
        # `orders*` would mean the archive, too.
        (["orders_1.csv", "orders_archive_1.csv"], [("files", "*.csv", "csv")]),
        (["in/a.jsonl", "in/b.jsonl"], [("a", "in/a*.jsonl", "json"), ("b", "in/b*.jsonl", "json")]),
        (["events/day=1/p-0.parquet", "events/day=2/p-0.parquet"], [("events", "events/**/*.parquet", "parquet")]),
        (["x.json.gz"], [("x", "*.json.gz", "json")]),
        (["a [1]/x1.csv"], [("a_1", "a ?1?/*.csv", "csv")]),
        (["x.csv", "x.json"], [("x_csv", "*.csv", "csv"), ("x_json", "*.json", "json")]),
    ],
)
def test_files_of_one_kind_are_a_feed(paths: list[str], expected: list[tuple[str, str, str]]) -> None:
    groups, others = groups_of(paths)
    assert [(group.name, group.pattern, group.file_format) for group in groups] == expected
    assert others == []


def test_what_is_no_format_is_told() -> None:
    groups, others = groups_of(["a.xlsx", "_SUCCESS", "b.csv"])
    assert ([group.name for group in groups], others) == (["b"], ["_SUCCESS", "a.xlsx"])
    assert "(csv, json, parquet): _SUCCESS and 1 more" in proposal({}, [], others)


# Spark passes over names that begin with a dot or an underscore.
_NAMES = st.text("abz019_-. ä", min_size=1, max_size=8).filter(lambda name: name[0] not in "._")
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_FILES = st.builds("{}.{}".format, _PATHS, st.sampled_from(["csv", "json", "json.gz", "parquet", "txt", "CSV"]))


@given(st.sets(_FILES, max_size=12))
def test_each_file_is_meant_by_the_pattern_of_its_own_feed_alone(paths: set[str]) -> None:
    groups, others = groups_of(paths)
    meant = {
        group.name: sorted(path for path in paths if re.search(pattern_regex("/d", group.pattern), f"/d/{path}"))
        for group in groups
    }
    assert meant == {group.name: sorted(group.paths) for group in groups}
    assert sorted(others + [path for group in groups for path in group.paths]) == sorted(paths)


@pytest.mark.parametrize(
    ("lines", "ending", "options", "key"),
    [
        (["id,name", "1,a", "2,b"], "csv", {"header": True}, "id"),
        (["id;name", "1;a", "1;b"], "csv", {"header": True, "sep": ";"}, None),
        (["Name\tOrderNo", "a\t1", "b\t2"], "tsv", {"header": True, "sep": "\t"}, "OrderNo"),
        (["1,a", "2,b"], "csv", {"header": False}, None),
        (["paid,code", "1,x", "2,y"], "csv", {"header": True}, "code"),
        (["id,name"], "csv", {"header": True}, None),
        ([], "csv", {"header": True}, None),
        (["id,note", '1,"a, b"', "2,c"], "csv", {"header": True}, "id"),
    ],
)
def test_the_first_lines_of_csv_tell_header_separator_and_key(
    lines: list[str], ending: str, options: dict[str, object], key: str | None
) -> None:
    sample = sample_of_csv(lines, ending)
    assert (sample.options, sample.key) == (options, key)


def test_the_first_records_of_json_tell_the_key() -> None:
    lines = ['{"event": {"id": 1}, "event_id": 7}', "", "broken", '{"event_id": 8, "event": {"id": 1}}']
    assert sample_of_json(lines).key == "event_id"
    assert sample_of_json([*lines, '{"event": {}}']).key is None


def test_a_proposal_can_be_read_as_it_is(tmp_path: Path) -> None:
    groups, others = groups_of(["in/a_1.csv", "in/b_1.csv", "x.parquet", "y.xlsx"])
    text = proposal(
        {"type": "files", "url": "/drop"}, [(group, sample_of_csv(["id", "1"], "csv")) for group in groups], others
    )
    (tmp_path / "drop.toml").write_text(text.replace("# primary_key", "primary_key").replace("# write", "write"))
    [source] = read_sources(tmp_path)
    assert [(feed.name, feed.primary_key, feed.write_disposition) for feed in source.feeds] == [
        ("drop.x", ("id",), "merge"),
        ("drop.a", ("id",), "merge"),
        ("drop.b", ("id",), "merge"),
    ]
    assert tomllib.loads(text)["paths"][0]["options"] == {"header": True}
    assert Sample().key is None

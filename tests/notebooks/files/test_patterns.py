"""Which files a pattern means, whatever characters their names have."""

import re

import pytest

from ingestion.files.patterns import fixed_folder, pattern_regex

LAKE = "abfss://raw@acct.dfs.core.windows.net/in"


@pytest.mark.parametrize(
    ("url", "pattern", "address"),
    [
        ("/data", "*.csv", "file:/data/a b.csv"),
        ("/data/", "*.csv", "file:///data/a.csv"),
        ("file:///data", "*.csv", "file:/data/.a.csv"),
        ("/da.ta", "20??-*.json", "file:/da.ta/2026-x.json"),
        ("/data", "**/*.csv", "file:/data/a.csv"),
        ("/data", "**/*.csv", "file:/data/x/y/a.csv"),
        ("/data", "x/**/a.csv", "file:/data/x/a.csv"),
        ("/data", "{a,b.c}[0-9].csv", "file:/data/b.c7.csv"),
        ("/data", "[!x]+(1).csv", "file:/data/y+(1).csv"),
        (LAKE, "*/*.parquet", f"{LAKE}/day=1/part-0.parquet"),
        ("/Volumes/c/s/v", "*.csv", "dbfs:/Volumes/c/s/v/a.csv"),
    ],
)
def test_a_pattern_means_a_file(url: str, pattern: str, address: str) -> None:
    assert re.search(pattern_regex(url, pattern), address)


@pytest.mark.parametrize(
    ("url", "pattern", "address"),
    [
        ("/data", "*.csv", "file:/data/x/a.csv"),
        ("/data", "*.csv", "file:/data2/a.csv"),
        ("/data", "*.csv", "file:/other/data/a.csv"),
        ("/data", "*.csv", "file:/data/a.csv.tmp"),
        ("/da.ta", "*.csv", "file:/daxta/a.csv"),
        ("/data", "a.csv", "file:/data/abcsv"),
        (LAKE, "*.csv", "abfss://raw@acct.dfs.core.windows.net/inn/a.csv"),
    ],
)
def test_a_pattern_does_not_mean_another_file(url: str, pattern: str, address: str) -> None:
    assert not re.search(pattern_regex(url, pattern), address)


def test_only_the_folders_that_a_pattern_names_are_looked_into() -> None:
    assert [fixed_folder(p) for p in ("*.csv", "a/b/*.csv", "a/*/c/*.csv", "**/x.csv", "a/b.csv")] == [
        "",
        "a/b",
        "a",
        "",
        "a",
    ]

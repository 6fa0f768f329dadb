"""Folders: each new file lands once, whatever becomes of a run; bad lines are kept out, changed files are told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fakes.workspace import Settings
from ingestion.files.folder import Folder
from ingestion.loads import incremental
from ingestion.loads.run import run_feeds
from support.lakes import table_rows

DROP = """\
[source]
type = "files"
url = "${DROP}"

[[paths]]
name = "events"
pattern = "*.csv"
file_format = "csv"
options = { header = true }
"""
FEED = "drop.events"
Load = Callable[..., dict[str, Any]]


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def load(spark: SparkSession, lake: Path, tmp_path: Path, drop: Path) -> Load:
    """Return a function that loads the folder's feed, and returns its row of the exit."""
    folder = tmp_path / "sources"
    folder.mkdir()

    def load(text: str = DROP, mode: str = "load", **environment: str) -> dict[str, Any]:
        (folder / "drop.toml").write_text(text, encoding="utf-8")
        settings = Settings(
            widgets={"sources": str(folder), "mode": mode},
            environment={"LAKE_ROOT": str(lake), "DROP": str(drop), **environment},
        )
        (row,) = json.loads(run_feeds(spark, settings.configuration(), sleep=lambda _seconds: None))["feeds"]
        return dict(row)

    return load


def landed(lake: Path) -> list[tuple[Any, ...]]:
    return sorted(table_rows(lake / "drop/events"), key=str)


def test_each_new_file_is_read_once(load: Load, drop: Path, lake: Path) -> None:
    row = load()
    assert (row["status"], row["error"]) == ("Skipped", f"{drop}: no file that '*.csv' means has a row yet.")
    (drop / "a [1], b+c%20.csv").write_text('id,name,code\n1,"x, y",007\n2,,1\n')
    (drop / "other.txt").write_text("nothing")
    row = load()
    assert (row["status"], row["rows_read"], row["inserted"], row["rows_in_target"]) == ("Succeeded", 2, 2, 2), row
    assert landed(lake) == [(1, "x, y", "007"), (2, None, "1")]
    (drop / "b.csv").write_text("id,name,code\n3,z,2\n")
    row = load()
    assert (row["rows_read"], row["inserted"], row["rows_in_target"]) == (1, 1, 3), row
    versions = len(list((lake / "drop/events/_delta_log").glob("*.json")))
    row = load()
    assert (row["status"], row["inserted"], row["rows_in_target"]) == ("Succeeded", 0, 3), row
    assert len(list((lake / "drop/events/_delta_log").glob("*.json"))) == versions
    assert landed(lake) == [(1, "x, y", "007"), (2, None, "1"), (3, "z", "2")]


def test_bad_lines_go_to_the_quarantine_with_the_line_and_the_file(
    load: Load, drop: Path, spark: SparkSession, lake: Path
) -> None:
    text = DROP.replace("options = ", 'quarantine_limit = 0.9\nchecks = [{ in_range = "n", at_least = 0 }]\noptions = ')
    (drop / "a.csv").write_text("id,n,code\n1,5,A\n2,-5,B\n3,5\n4,5,D,x\n")
    row = load(text)
    assert (row["status"], row["rows_read"], row["inserted"], row["quarantined"]) == ("Succeeded", 4, 1, 3), row
    (drop / "b.csv").write_text("id,n,code\n5,007,E\n6,7,F\n")
    row = load(text)
    assert (row["inserted"], row["quarantined"]) == (1, 1), row
    assert landed(lake) == [(1, 5, "A"), (6, 7, "F")]
    bad = spark.read.parquet(str(lake / "quarantine/drop/events")).orderBy("id").collect()
    assert [(each["id"], each["_file"], each["_line"], each["_errors"]) for each in bad] == [
        (2, f"file:{drop}/a.csv", None, ["n is at least 0"]),
        (3, f"file:{drop}/a.csv", "3,5", ["the line can be read"]),
        (4, f"file:{drop}/a.csv", "4,5,D,x", ["the line can be read"]),
        (5, f"file:{drop}/b.csv", "5,007,E", ["the line can be read"]),
    ]
    assert [each["_problem"] for each in bad][3] == "column n: 007 is no bigint"


def test_columns_change_as_the_contract_says(load: Load, drop: Path, lake: Path) -> None:
    (drop / "a.csv").write_text("id,name\n1,x\n")
    load()
    (drop / "b.csv").write_text("Extra,ID\n2026-01-02,2\n")
    row = load()
    assert f"column name (string) is not in file:{drop}/b.csv. Nothing was landed." in row["error"]
    assert landed(lake) == [(1, "x")]
    (drop / "b.csv").write_text("Extra,name,ID\n2026-01-02,y,2\n")
    assert (
        "schema_contract is 'freeze'" in load(DROP.replace("options", 'schema_contract = "freeze"\noptions'))["error"]
    )
    row = load()
    assert (row["status"], row["inserted"]) == ("Succeeded", 1), row
    assert [(each[0], each[1], str(each[2])) for each in landed(lake)] == [
        (1, "x", "None"),
        (2, "y", "2026-01-02"),
    ]
    (drop / "c.csv").write_text("id,name,Extra,more\n3,z,,9\n")
    row = load(DROP.replace("options", 'schema_contract = "discard_columns"\noptions'))
    assert row["inserted"] == 1
    assert row["notes"] == ["new column more (bigint) is left out, as schema_contract says"]


def test_what_cannot_be_read_once_more_is_told(load: Load, drop: Path, lake: Path) -> None:
    (drop / "a.csv").write_text("id,name\n1,x\n")
    (drop / "empty.csv").write_text("")
    (drop / "header.csv").write_text("id,name\n")
    row = load()
    assert (row["inserted"], row["notes"]) == (1, [f"file:{drop}/header.csv: has no row"]), row
    (drop / "a.csv").write_text("id,name\n1,changed\n")
    (drop / "empty.csv").write_text("id,name\n2,late\n")
    row = load()
    assert row["notes"] == [f"file:{drop}/a.csv: changed after it was read; mode reload reads all files anew"]
    assert landed(lake) == [(1, "x"), (2, "late")]
    row = load(mode="reload")
    assert (row["status"], row["inserted"], row["rows_in_target"]) == ("Succeeded", 2, 2), row
    assert landed(lake) == [(1, "changed"), (2, "late")]
    assert load()["inserted"] == 0


def test_a_folder_that_is_not_there_is_named(load: Load, drop: Path) -> None:
    assert load(DROP=f"{drop}/gone")["error"].startswith(f"{drop}/gone: there is no such folder")


def test_json_lines_and_parquet_land_alike(load: Load, drop: Path, spark: SparkSession, lake: Path) -> None:
    text = DROP.replace("*.csv", "**/*.json").replace(
        '"csv"\noptions = { header = true }', '"json"\nquarantine_limit = 0.5'
    )
    (drop / "2026").mkdir()
    (drop / "2026/a.json").write_text('{"id": 1, "who": {"name": "x"}, "none": null}\n{"id": 2}\n{"id": oops\n')
    row = load(text)
    assert (row["status"], row["inserted"], row["quarantined"]) == ("Succeeded", 2, 1), row
    (drop / "b.json").write_text('{"id": "text", "who": null}\n{"id": 3, "who": {"name": "y"}, "tags": [1]}\n')
    row = load(text)
    assert (row["status"], row["inserted"], row["quarantined"]) == ("Succeeded", 1, 1), row
    assert [(each[0], each[1] and each[1]["name"], each[2]) for each in landed(lake)] == [
        (1, "x", None),
        (2, None, None),
        (3, "y", [1]),
    ]
    spark.createDataFrame([(1, "a")], "id int, name string").coalesce(1).write.parquet(str(drop / "p1"))
    spark.createDataFrame([(2**40, "b")], "id bigint, name string").coalesce(1).write.parquet(str(drop / "p2"))
    text = (
        DROP.replace("events", "parts")
        .replace("*.csv", "p1/*.parquet")
        .replace('"csv"\noptions = { header = true }', '"parquet"')
    )
    assert load(text)["inserted"] == 1
    row = load(text.replace("p1/", "p?/"))
    assert (row["status"], row["inserted"]) == ("Succeeded", 1), row
    widened = spark.read.format("delta").load(str(lake / "drop/parts"))  # which no other reader knows yet
    assert sorted(map(tuple, widened.collect())) == [(1, "a"), (2**40, "b")]


def test_a_field_that_is_new_within_a_column_of_json_lands_as_the_contract_says(
    load: Load, drop: Path, spark: SparkSession, lake: Path
) -> None:
    text = DROP.replace("*.csv", "*.json").replace('"csv"\noptions = { header = true }', '"json"')
    (drop / "a.json").write_text('{"id": 1, "who": {"name": "x"}, "lines": [{"no": 1}]}\n')
    assert load(text)["status"] == "Succeeded"
    (drop / "b.json").write_text('{"id": 2, "who": {"age": 7, "name": "y"}, "lines": [{"no": 1, "at": {"d": 5}}]}\n')
    frozen = load(text.replace("file_format", 'schema_contract = "freeze"\nfile_format'))
    assert "schema_contract is 'freeze'" in frozen["error"]
    row = load(text)
    assert (row["status"], row["inserted"]) == ("Succeeded", 1), row
    assert sorted(row["notes"]) == ["column lines got a wider type", "column who got a wider type"]
    rows = spark.read.format("delta").load(str(lake / "drop/events")).orderBy("id").collect()
    assert [each.asDict(recursive=True) for each in rows] == [
        {"id": 1, "who": {"name": "x", "age": None}, "lines": [{"no": 1, "at": None}]},
        {"id": 2, "who": {"name": "y", "age": 7}, "lines": [{"no": 1, "at": {"d": 5}}]},
    ]
    (drop / "c.json").write_text('{"id": 3, "who": {"name": "z", "size": 1}, "lines": []}\n')
    row = load(text.replace("file_format", 'schema_contract = "discard_columns"\nfile_format'))
    assert (row["status"], row["inserted"]) == ("Succeeded", 1), row
    (drop / "d.json").write_text('{"id": 4, "who": {"name": "w"}, "lines": [{"no": 2}]}\n')
    assert load(text)["inserted"] == 1
    rows = spark.read.format("delta").load(str(lake / "drop/events")).orderBy("id").collect()
    assert [(each["id"], each["who"]["name"], each["who"]["age"]) for each in rows[2:]] == [
        (3, "z", None),
        (4, "w", None),
    ]


def test_of_several_rows_of_a_key_the_one_in_the_later_file_counts(
    load: Load, drop: Path, spark: SparkSession, lake: Path
) -> None:
    text = DROP.replace("options", 'primary_key = ["id"]\nwrite_disposition = "merge"\nquarantine_limit = 0.5\noptions')
    (drop / "a.csv").write_text("id,name\n1,x\n2,y\n1,z\n3\n")
    assert load(text)["inserted"] == 2
    (bad,) = spark.read.parquet(str(lake / "quarantine/drop/events")).drop("quarantined_on", "quarantined_by").collect()
    assert set(bad.asDict()) == {"id", "name", "_file", "_line", "_problem", "_errors"}
    (drop / "b.csv").write_text("id,name\n2,new\n3,w\n")
    row = load(text)
    assert (row["inserted"], row["updated"], row["rows_in_target"]) == (1, 1, 3), row
    assert landed(lake) == [(1, "z"), (2, "new"), (3, "w")]


def test_replace_lands_all_that_is_there(load: Load, drop: Path, spark: SparkSession, lake: Path) -> None:
    text = DROP.replace("options", 'format = "parquet"\nwrite_disposition = "replace"\nquarantine_limit = 0.5\noptions')
    (drop / "a.csv").write_text("id,name\n1,x\n")
    assert load(text)["inserted"] == 1
    (drop / "a.csv").write_text("id,name\n2,y\nz,z\n")
    row = load(text)
    assert (row["status"], row["inserted"], row["deleted"], row["quarantined"]) == ("Succeeded", 1, 1, 1), row
    assert [tuple(each) for each in spark.read.parquet(str(lake / "drop/events")).collect()] == [(2, "y")]


@pytest.fixture
def landed_ids(lake: Path) -> Callable[[], list[int]]:
    return lambda: [each[0] for each in landed(lake)]


class Died(BaseException):
    """The process is killed here."""


@pytest.mark.parametrize(("owner", "name"), [(Folder, "_read_found"), (incremental, "write_journal")])
def test_a_load_that_was_killed_anywhere_is_finished_by_the_next(
    owner: Any, name: str, load: Load, drop: Path, landed_ids: Callable[[], list[int]]
) -> None:
    """Killed when the stream has told of files, and when their rows are committed and nothing else knows of it."""
    (drop / "a.csv").write_text("id\n1\n")
    load()
    (drop / "b.csv").write_text("id\n2\n")
    real, calls = getattr(owner, name), []

    def dies(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise Died
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Died):
        patched.setattr(owner, name, dies)
        load()
    (drop / "c.csv").write_text("id\n3\n")
    row = load()
    assert row["status"] == "Succeeded", row
    assert landed_ids() == [1, 2, 3]
    assert row["rows_in_target"] == 3

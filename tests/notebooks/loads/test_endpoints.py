"""APIs: endpoints land as tables or files, whole or not at all, and one that fails holds back no other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fakes.country_records import SEARCHES, v3_answer, v3_record
from fakes.faulty_http import FaultyServer, json_answer
from fakes.paging_api import PagingApi
from fakes.workspace import Settings
from ingestion.loads.run import run_feeds
from support.lakes import leftovers

API = """\
[source]
type = "rest"
url = "${API_URL}"
auth = { type = "bearer", token = { secret = "api-token" } }

[defaults]
format = "parquet"

[[endpoints]]
name = "items"
path = "cursor"
data_selector = "items"
paginator = { type = "cursor", cursor_path = "meta.after", cursor_param = "after" }
primary_key = ["id"]
checks = [{ not_null = "name" }]

[[endpoints]]
name = "members"
path = "groups/{group}"
for_each = { group = ["a", "b"] }

[[endpoints]]
name = "files"
path = "single"
data_selector = "items"
format = "json"
primary_key = ["id"]
"""


@pytest.fixture
def api(server: FaultyServer) -> PagingApi:
    api = PagingApi(server, [{"id": number, "name": f"n{number}", "at": {"x": number / 2}} for number in range(7)])
    for group in "ab":
        server.answer(f"/groups/{group}", json_answer([{"who": group * 2}]))
    return api


@pytest.fixture
def load(spark: SparkSession, server: FaultyServer, lake: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that loads feeds of the API, and returns the results by the feeds' names."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "api.toml").write_text(API, encoding="utf-8")
    settings = Settings(
        widgets={"sources": str(folder)},
        environment={"LAKE_ROOT": str(lake), "API_URL": server.url},
        secrets={"api-token": "t0ken"},
    )

    def load(feeds: str = "*", text: str = API, **environment: str) -> dict[str, Any]:
        (folder / "api.toml").write_text(text, encoding="utf-8")
        settings.widgets["feeds"] = feeds
        settings.environment |= environment
        document = json.loads(run_feeds(spark, settings.configuration(), sleep=lambda _seconds: None))
        return {row["feed"]: row for row in document["feeds"]}

    return load


def rows(spark: SparkSession, lake: Path, name: str) -> list[dict[str, Any]]:
    return [row.asDict(recursive=True) for row in spark.read.parquet(str(lake / "api" / name)).collect()]


def test_endpoints_land_as_tables_and_files(
    load: Callable[..., dict[str, Any]], api: PagingApi, spark: SparkSession, lake: Path, server: FaultyServer
) -> None:
    results = load()
    assert {name: (row["status"], row["rows_in_target"]) for name, row in results.items()} == {
        "api.items": ("Succeeded", 7),
        "api.members": ("Succeeded", 2),
        "api.files": ("Succeeded", 7),
    }
    assert sorted(row["id"] for row in rows(spark, lake, "items")) == list(range(7))
    assert {(row["who"], row["_group"]) for row in rows(spark, lake, "members")} == {("aa", "a"), ("bb", "b")}
    assert json.loads((lake / "api/files/3.json").read_text()) == api.records[3]
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer t0ken"}
    assert leftovers(lake) == []
    assert list((lake / "_spool").rglob("*.json")) == []


def test_files_of_records_that_are_gone_go_too(
    load: Callable[..., dict[str, Any]], api: PagingApi, lake: Path, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    load("api.files")
    (lake / "api/files/mine.json").write_text("{}")
    del api.records[2:]
    log_lines()
    row = load("api.files")["api.files"]
    assert (row["inserted"], row["deleted"], row["rows_in_target"]) == (2, 5, 2)
    assert row["notes"] == ["removed, for no record has them any more: 2.json, 3.json, 4.json, 5.json, 6.json"]
    assert sorted(path.name for path in (lake / "api/files").iterdir()) == ["0.json", "1.json", "mine.json"]
    (fetch,) = [line for line in log_lines() if line["step"] == "fetch"]
    assert (fetch["source"].endswith("/single"), fetch["rows"]) == (True, 2)


def test_a_page_that_fails_leaves_the_old_rows_and_the_other_feeds_land(
    load: Callable[..., dict[str, Any]], api: PagingApi, spark: SparkSession, lake: Path, server: FaultyServer
) -> None:
    load()
    api.records.append({"id": 7, "name": "new"})
    server.answer("/cursor?after=Ng%3D%3D", json_answer({"message": "Broken t0ken"}, 500))
    server.answer("/groups/b", json_answer([{"who": "changed"}]))
    results = load("api.items,api.members")
    assert results["api.items"]["status"] == "Failed"
    assert "status 500: Broken [REDACTED]" in results["api.items"]["error"]
    assert len(rows(spark, lake, "items")) == 7
    assert {row["who"] for row in rows(spark, lake, "members")} == {"aa", "changed"}
    assert list((lake / "_spool").rglob("*.json")) == []


def test_a_record_that_moved_between_pages_lands_once_as_it_was_read_last(
    load: Callable[..., dict[str, Any]], api: PagingApi, spark: SparkSession, lake: Path
) -> None:
    api.records.append({"id": 0, "name": "later"})
    assert load("api.items")["api.items"]["rows_in_target"] == 7
    assert next(row["name"] for row in rows(spark, lake, "items") if row["id"] == 0) == "later"


def test_bad_records_go_to_the_quarantine(
    load: Callable[..., dict[str, Any]], api: PagingApi, spark: SparkSession, lake: Path
) -> None:
    api.records[3]["name"] = None
    text = API.replace('checks = [{ not_null = "name" }]', 'checks = [{ not_null = "name" }]\nquarantine_limit = 0.5')
    result = load("api.items", text)["api.items"]
    assert (result["rows_read"], result["rows_in_target"], result["quarantined"]) == (7, 6, 1)


def test_types_stay_from_run_to_run_and_a_column_that_is_gone_is_refused(
    load: Callable[..., dict[str, Any]], api: PagingApi, spark: SparkSession, lake: Path
) -> None:
    load("api.items")
    for record in api.records:
        record["at"] = {"x": 1}
        record["name"] = record["name"] if record["id"] else None
    text = API.replace('checks = [{ not_null = "name" }]\n', "")
    assert load("api.items", text)["api.items"]["status"] == "Succeeded"
    assert {row["at"]["x"] for row in rows(spark, lake, "items")} == {1.0}
    for record in api.records:
        del record["name"]
    result = load("api.items", text)["api.items"]
    assert result["status"] == "Failed"
    assert "name" in result["error"]
    assert len(rows(spark, lake, "items")) == 7


def test_an_api_that_nobody_answers_for_fails_every_feed_with_one_reason(
    load: Callable[..., dict[str, Any]], api: PagingApi
) -> None:
    results = load(API_URL="http://127.0.0.1:1")
    assert {row["status"] for row in results.values()} == {"Failed"}
    assert all("no connection" in row["error"] for row in results.values())


def test_a_key_that_no_record_has_is_named(load: Callable[..., dict[str, Any]], api: PagingApi) -> None:
    result = load("api.items", API.replace('primary_key = ["id"]', 'primary_key = ["ID"]', 1))["api.items"]
    assert "no record has 'ID'" in result["error"]


def test_an_api_without_any_record_yet_is_skipped_and_later_emptied(
    load: Callable[..., dict[str, Any]], api: PagingApi, spark: SparkSession, lake: Path
) -> None:
    records, api.records = api.records, []
    result = load("api.items")["api.items"]
    assert result["status"] == "Skipped"
    assert "no record yet" in result["error"]
    api.records = records
    load("api.items")
    api.records = []
    assert load("api.items")["api.items"]["rows_in_target"] == 0
    assert rows(spark, lake, "items") == []


def test_a_secret_that_is_not_stored_is_named(load: Callable[..., dict[str, Any]], api: PagingApi) -> None:
    result = load("api.members", API.replace("api-token", "other-token"))["api.members"]
    assert "secret ingestion/other-token is not stored" in result["error"]


def test_the_bundles_countries_are_a_feed_too(spark: SparkSession, server: FaultyServer, lake: Path) -> None:
    for search in SEARCHES:
        server.answer(f"/name/{search}", json_answer(v3_answer(search)))
    settings = Settings(
        widgets={"feeds": "restcountries.*"}, environment={"LAKE_ROOT": str(lake), "COUNTRY_API_URL": server.url}
    )
    document = json.loads(run_feeds(spark, settings.configuration()))
    assert [(row["feed"], row["status"], row["rows_read"]) for row in document["feeds"]] == [
        ("restcountries.countries", "Succeeded", 5)
    ]
    assert json.loads((lake / "countries" / "uk.json").read_text()) == v3_record("GB")

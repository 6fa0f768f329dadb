"""Records on their way to the lake: as they were read, with types that hold them and stay from run to run."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql.types import LongType, StringType, StructType

from fakes.faulty_http import FaultyServer, Request, json_answer
from fakes.paging_api import PagingApi
from ingestion.feeds.json_path import parse_json_path
from ingestion.feeds.model import Cursor, Endpoint, EndpointIncremental, ForEachValue, PageNumber, RestSource
from ingestion.lake.storage import Storage, open_storage
from ingestion.platform.errors import ApiError, UnexpectedAnswerError
from ingestion.rest.client import ApiClient, RetryPolicy
from ingestion.rest.cursor_window import CursorWindow
from ingestion.rest.endpoint import EndpointReader, Page
from ingestion.rest.record_files import record_file
from ingestion.rest.record_types import JsonType
from ingestion.rest.spool import Spool, spooled

ITEMS = Endpoint(name="api.items", source="api", path="items", destination="api/items")
FOLDER = "_staging/items"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path / "lake"))


@pytest.fixture
def spool(storage: Storage) -> Callable[..., Spool]:
    """Return a function that spools these records, in pages of two and pieces of a few."""

    def spool(records: list[dict[str, Any]], endpoint: Endpoint = ITEMS, **values: Any) -> Spool:
        storage.delete(FOLDER)
        window = CursorWindow(endpoint.incremental) if endpoint.incremental.method == "cursor" else None
        made = Spool(storage, FOLDER, endpoint, window=window, piece=100)
        for start in range(0, len(records), 2):
            named = {name: ForEachValue(value) for name, value in values.items()}
            made.add(Page("http://x/items", named, records[start : start + 2]))
        made.finish()
        return made

    return spool


def types(schema: StructType) -> dict[str, str]:
    return {field.name: field.dataType.simpleString() for field in schema}


RECORDS = [
    {"id": 1, "name": "a", "price": 1, "big": 2**63, "huge": 10**38, "on": True, "odd": 1, "tags": [], "none": None},
    {"id": 2, "name": "b\u2028\n", "price": 1.5, "big": 1, "huge": 1, "on": None, "odd": "x", "tags": ["x"], "at": {}},
    {"id": 3, "price": None, "at": {"lat": 1.5, "names": [{"en": "Ü"}]}, "odd": {"deep": [1]}, "tags": None},
]


def test_records_become_rows_with_types_that_hold_them(spool: Callable[..., Spool], spark: SparkSession) -> None:
    frame = spool(RECORDS).frame(spark)
    assert types(frame.schema) == {
        "id": "bigint",
        "name": "string",
        "price": "double",
        "big": "decimal(38,0)",
        "huge": "string",
        "on": "boolean",
        "odd": "string",
        "tags": "array<string>",
        "at": "struct<lat:double,names:array<struct<en:string>>>",
        "_number": "bigint",
    }
    rows = [row.asDict(recursive=True) for row in frame.orderBy("_number").collect()]
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert [row["name"] for row in rows] == ["a", "b\u2028\n", None]
    assert [int(row["big"]) for row in rows[:2]] == [2**63, 1]
    assert [row["huge"] for row in rows[:2]] == [str(10**38), "1"]
    assert [row["odd"] for row in rows] == ["1", "x", '{"deep":[1]}']
    assert rows[2]["at"] == {"lat": 1.5, "names": [{"en": "Ü"}]}


def test_nested_values_may_be_json_texts(spool: Callable[..., Spool], spark: SparkSession) -> None:
    frame = spool(RECORDS, replace(ITEMS, nested="json")).frame(spark)
    assert types(frame.schema)["at"] == "string"
    [row] = frame.where("id = 3").collect()
    assert json.loads(row["at"]) == RECORDS[2]["at"]


def test_what_a_column_was_it_stays_while_it_holds_all(spool: Callable[..., Spool], spark: SparkSession) -> None:
    first = spool(RECORDS).frame(spark).drop("_number").schema
    later = spool([{"new": 1, "price": 2, "id": 4, "odd": 5, "at": {"alt": 2}, "tags": [], "big": 3}])
    second = later.frame(spark, first).drop("_number").schema
    grown = {**types(first), "at": "struct<lat:double,names:array<struct<en:string>>,alt:bigint>", "new": "bigint"}
    assert types(second) == grown
    assert second.names == [*first.names, "new"]
    assert later.absent(first) == ["name", "huge", "on"]
    [row] = later.frame(spark, first).collect()
    assert (row["price"], row["odd"], row["name"], row["at"]["alt"]) == (2.0, "5", None, 2)
    nothing = spool([]).frame(spark, first).drop("_number")
    assert (types(nothing.schema), nothing.count()) == (types(first), 0)


def test_a_value_that_no_longer_fits_changes_the_type(spool: Callable[..., Spool], spark: SparkSession) -> None:
    first = spool([{"id": 1, "at": "x"}]).frame(spark).drop("_number").schema
    assert types(spool([{"id": "one"}]).frame(spark, first).schema)["id"] == "string"
    assert isinstance(first["id"].dataType, LongType)


@pytest.mark.parametrize("record", [{"id": 1, "ID": 2}, {"x": {"straße": 1, "STRASSE": 2}}])
def test_names_that_spark_takes_for_one_are_refused(
    record: Any, spool: Callable[..., Spool], spark: SparkSession
) -> None:
    with pytest.raises(UnexpectedAnswerError, match="one column to Spark"):
        spool([record]).frame(spark)


def test_values_asked_for_are_columns_that_hide_none_of_the_records(
    spool: Callable[..., Spool], spark: SparkSession
) -> None:
    made = spool([{"id": 1, "_repo": "theirs", "_number": "theirs", "a.b `c`": 1}], repo="a/b", state=7)
    assert made.value_columns() == {"repo": "__repo", "state": "_state"}
    [row] = made.frame(spark).collect()
    assert row.asDict() == {
        "id": 1,
        "_repo": "theirs",
        "_number": "theirs",
        "a.b `c`": 1,
        "__repo": "a/b",
        "_state": 7,
        "__number": 0,
    }


def test_the_cursor_is_a_column_beside(spool: Callable[..., Spool], spark: SparkSession) -> None:
    incremental = EndpointIncremental(method="cursor", cursor_path=parse_json_path("meta.at"), param="since")
    endpoint = replace(ITEMS, incremental=replace(incremental, on_null="include"))
    made = spool([{"meta": {"at": "2026-01-02"}}, {"meta": {}}], endpoint)
    found = [row["_cursor"] for row in made.frame(spark).orderBy("_number").collect()]
    assert found == [f"2026-01-02T00:00:00.{18 * '0'}", None]


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False, width=32),
        st.text(max_size=5),
    ),
    lambda values: st.one_of(
        st.lists(values, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "c.d", "é"]), values, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(st.dictionaries(st.sampled_from(["k", "l", "m"]), json_values), min_size=1, max_size=5))
def test_whatever_json_comes_is_read_without_loss(
    records: list[dict[str, Any]], spool: Callable[..., Spool], spark: SparkSession
) -> None:
    frame = spool(records).frame(spark)
    rows = [row.asDict(recursive=True) for row in frame.orderBy("_number").collect()]
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        for name, value in record.items():
            assert same(row.get(name), value, frame.schema[name].dataType if name in frame.columns else None)


def same(found: Any, value: Any, kind: Any) -> bool:
    """Say whether a row's value is a record's: of several kinds as JSON text, of an empty object or list as nothing."""
    if value is None or value == {} or kind is None:
        return found is None or not found or isinstance(found, str | dict)
    if isinstance(kind, StringType):
        return value == found if isinstance(value, str) else json.loads(found) == value
    if isinstance(value, dict):
        return all(
            same(found[name], inner, kind[name].dataType if name in kind.names else None)
            for name, inner in value.items()
            if name in kind.names
        )
    if isinstance(value, list):
        return len(found) == len(value) and all(
            same(*pair, kind.elementType) for pair in zip(found, value, strict=True)
        )
    return bool(found == value) and isinstance(found, bool) == isinstance(value, bool)


def test_what_was_seen_in_any_order_has_one_type() -> None:
    def of(*values: Any) -> Any:
        seen = JsonType()
        for value in values:
            seen.see(value)
        return seen.spark_type()

    for values in ([1, 1.5, None], [{"a": 1}, {"a": None}], [[1], [], ["x"]], [True, 1], [2**60, 0.5]):
        assert of(*values) == of(*values[::-1])


def reader(server: FaultyServer, endpoint: Endpoint, connections: int = 4) -> EndpointReader:
    source = RestSource(type="rest", url=server.url, feeds=(endpoint,), max_connections=connections)
    client = ApiClient(source, requests.Session(), str, retries=RetryPolicy(tries=1))
    return EndpointReader(client, source)


def test_a_page_that_fails_leaves_nothing(server: FaultyServer, storage: Storage, tmp_path: Path) -> None:
    cursor = Cursor("cursor", parse_json_path("meta.after"), "after")
    endpoint = Endpoint(name="cursor", path="cursor", data_selector=parse_json_path("items"), paginator=cursor)
    PagingApi(server, [{"id": number} for number in range(10)])
    server.answer("/cursor?after=Ng%3D%3D", json_answer({"message": "Broken"}, 500))
    with pytest.raises(ApiError, match="Broken"), spooled(reader(server, endpoint), endpoint, storage, FOLDER):
        raise AssertionError("nothing is to be had")
    assert [path for path in (tmp_path / "lake").rglob("*") if path.is_file()] == []


def test_combinations_are_read_side_by_side_and_one_that_fails_fails_all(
    server: FaultyServer, storage: Storage, spark: SparkSession, tmp_path: Path
) -> None:
    barrier = Barrier(4, timeout=240)

    def together(request: Request, handler: Any) -> None:
        barrier.wait()
        json_answer([{"path": request.path}])(handler)

    for number in range(8):
        server.route(f"/of/{number}", lambda request: lambda handler: together(request, handler))
    endpoint = Endpoint(name="of", path="of/{n}", for_each={"n": tuple(map(ForEachValue, range(8)))})
    with spooled(reader(server, endpoint), endpoint, storage, FOLDER, workers=4) as spool:
        rows = spool.frame(spark).collect()
        assert sorted((row["path"], row["_n"]) for row in rows) == [(f"/of/{number}", number) for number in range(8)]
        assert sorted(row["_number"] for row in rows) == list(range(8))
    server.route("/of/5", lambda _request: json_answer({}, 404))
    barrier.reset()
    for number in (0, 1, 2, 3, 4, 6, 7):
        server.route(f"/of/{number}", lambda _request: json_answer([]))
    with (
        pytest.raises(ApiError, match="/of/5: status 404"),
        spooled(reader(server, endpoint), endpoint, storage, FOLDER),
    ):
        raise AssertionError("nothing is to be had")
    assert [path for path in (tmp_path / "lake").rglob("*") if path.is_file()] == []


@contextmanager
def bounded_memory(most: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_records(storage: Storage) -> None:
    spool = Spool(storage, FOLDER, ITEMS, piece=200_000)
    with bounded_memory(2_000_000):
        for page in range(100):
            records = [{"id": page * 100 + number, "text": "x" * 100} for number in range(100)]
            spool.add(Page("http://x", {}, records))
        spool.finish()
    assert spool.rows == 10_000
    assert len(storage.list(FOLDER)) > 5


def test_a_record_is_given_back_as_it_was_for_its_file(spool: Callable[..., Spool]) -> None:
    files = replace(ITEMS, format="json", primary_key=("id",), nested="json")
    [first, *_] = spool(RECORDS, files, repo="a").records()
    assert (first.values, first.record) == ({"repo": ForEachValue("a")}, RECORDS[0])
    assert record_file(files, {"repo": ForEachValue("a")}, first.record) == "api/items/a_1.json"
    named = replace(files, file_name="{repo}-{name}")
    assert record_file(named, {"repo": ForEachValue("a")}, first.record) == "api/items/a-a.json"


@pytest.mark.parametrize("value", [None, "", "..", "a/b", "_x", {"x": 1}, "x" * 200])
def test_what_names_no_file_is_refused(value: Any) -> None:
    with pytest.raises(UnexpectedAnswerError, match="file"):
        record_file(replace(ITEMS, primary_key=("id",)), {}, {"id": value})


def test_a_page_number_paginator_is_spooled_too(server: FaultyServer, storage: Storage) -> None:
    PagingApi(server, [{"id": number} for number in range(7)])
    endpoint = Endpoint(
        name="p", path="page_number", data_selector=parse_json_path("items"), paginator=PageNumber("page_number")
    )
    pages: list[int] = []
    with spooled(
        reader(server, endpoint), endpoint, storage, FOLDER, on_page=lambda page: pages.append(len(page.records))
    ) as spool:
        assert spool.rows == 7
    assert pages == [3, 3, 1, 0]

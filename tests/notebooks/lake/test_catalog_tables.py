"""Tables of a catalog: Spark's own stands in for Unity Catalog. Each landing is one commit, its own or another's."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fakes.changing_source import ChangingSource
from fakes.derby import Derby
from fakes.faulty_storage import DIES_AFTER, FAILS_BEFORE, Died, FaultyStorage
from fakes.workspace import Settings
from ingestion.feeds.model import Table, TableIncremental
from ingestion.lake.delta_tables import DeltaTable
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.places import CatalogTable, check_owner
from ingestion.lake.storage import Storage
from ingestion.lake.table_landing import table_landing
from ingestion.loads.incremental import IncrementalLoad
from ingestion.loads.process_customers import process_customers
from ingestion.loads.results import FeedResult
from ingestion.loads.run_context import Run
from ingestion.loads.target import Target
from ingestion.platform.errors import LakeError, PromotionError, TargetChangedError
from ingestion.platform.log import StepLog, utc_now
from support.lakes import leftovers
from support.tables import land_rows, write_checked

NAME = "sales/orders"
OLD, NEW, NEXT = 3, 5, 7


@pytest.fixture
def schema(spark: SparkSession, tmp_path: Path) -> Iterator[str]:
    name = f"ingestion_{tmp_path.name[-1]}"
    location = tmp_path / "warehouse"
    spark.sql(f"CREATE SCHEMA {name} LOCATION '{location}'")
    yield f"spark_catalog.{name}"
    spark.sql(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def table(spark: SparkSession, schema: str) -> DeltaTable:
    return DeltaTable(spark, f"{schema}.sales_orders")


Land = Callable[..., None]


@pytest.fixture
def land(spark: SparkSession, table: DeltaTable) -> Land:
    """Return a function that lands so many rows in the table."""

    def rows_land(storage: Storage, run_id: str, rows: int, name: str = NAME) -> None:
        place = CatalogTable(table, storage, name, key=["ID"])
        land_rows(storage, spark.range(rows, numPartitions=1), name, run_id, place=place, source="jdbc:x:it's#Orders")

    return rows_land


def manifest(lake: Path, name: str = NAME) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((lake / "_manifests" / f"{name}.json").read_bytes())
    return found


def test_a_table_says_what_it_is_and_keeps_what_people_add_to_it(
    spark: SparkSession, lake: Path, table: DeltaTable, land: Land
) -> None:
    storage = FolderStorage(str(lake))
    land(storage, "run-1", OLD)
    detail = spark.sql(f"DESCRIBE DETAIL {table.identifier}").collect()[0]
    assert detail["description"] == "Ingested from jdbc:x:it's#Orders"
    assert detail["properties"]["ingestion.destination"] == NAME
    assert spark.sql(f"DESCRIBE EXTENDED {table.identifier}").where("data_type = 'MANAGED'").count() == 1
    clustered = [each for each in table.history() if each.operation == "CLUSTER BY"]
    assert len(clustered) == 1
    spark.sql(f"COMMENT ON TABLE {table.identifier} IS 'Orders, a row each'")
    spark.sql(f"ALTER TABLE {table.identifier} ALTER COLUMN id COMMENT 'its number'")
    land(storage, "run-2", NEW)
    assert table.read().count() == NEW
    assert table.read(version=0).count() == OLD
    assert spark.sql(f"DESCRIBE DETAIL {table.identifier}").collect()[0]["description"] == "Orders, a row each"
    assert table.columns()["id"].metadata["comment"] == "its number"
    assert (manifest(lake)["target"], manifest(lake)["rows"]) == (str(table), NEW)
    assert not (lake / NAME).exists()
    assert leftovers(lake) == []


def test_rows_that_cannot_lie_by_their_key_land_and_it_is_told(
    spark: SparkSession, lake: Path, table: DeltaTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.lake.places.clustering_of", lambda _columns, _key: ["nowhere"])
    storage = FolderStorage(str(lake))
    with table_landing(storage, NAME, "run-1", place=CatalogTable(table, storage, NAME)) as landing:
        landing.stage(spark.range(OLD), write_checked)
        note = landing.promote()
    assert note is not None
    assert f"{table}: its rows are there, but cannot be clustered: " in note
    assert f"ALTER TABLE {table.identifier} CLUSTER BY (`nowhere`)" in note
    assert table.read().count() == OLD


def test_columns_may_come_and_go_where_that_is_allowed(
    spark: SparkSession, lake: Path, table: DeltaTable, land: Land
) -> None:
    storage, place = FolderStorage(str(lake)), CatalogTable(table, FolderStorage(str(lake)), NAME)
    land(storage, "run-1", OLD)
    wider = spark.range(2).selectExpr("id", "'x' AS `Full Name`")
    land_rows(storage, wider, NAME, "run-2", place=place)
    assert table.read().columns == ["id", "Full Name"]
    land_rows(
        storage,
        spark.range(1).selectExpr("cast(id AS string) AS id"),
        NAME,
        "run-3",
        place=place,
        may_break_schema=True,
    )
    assert [tuple(row) for row in table.read().collect()] == [("0",)]
    assert table.properties()["ingestion.destination"] == NAME


@pytest.mark.parametrize("made_by", ["another name", "somebody"])
def test_the_table_of_another_is_left_alone(
    made_by: str, spark: SparkSession, lake: Path, table: DeltaTable, land: Land
) -> None:
    storage = FolderStorage(str(lake))
    if made_by == "somebody":
        spark.range(OLD).write.format("delta").saveAsTable(table.identifier)
    else:
        land(storage, "run-1", OLD, name="sales_orders")
    words = {"somebody": "was not made by this bundle", "another name": "holds the rows of sales_orders"}
    with pytest.raises(PromotionError, match=f"{words[made_by]}.*SET TBLPROPERTIES"):
        land(storage, "run-2", NEW)
    assert table.read().count() == OLD
    assert leftovers(lake) == []
    spark.sql(f"ALTER TABLE {table.identifier} SET TBLPROPERTIES ('ingestion.destination' = '{NAME}')")
    check_owner(table, NAME)
    land(storage, "run-3", NEXT)
    assert table.read().count() == NEXT


def test_a_source_that_breaks_off_makes_no_table(spark: SparkSession, lake: Path, table: DeltaTable) -> None:
    storage = FolderStorage(str(lake))
    broken = spark.range(3).selectExpr("if(id = 2, raise_error('connection lost'), id) AS id")
    with pytest.raises(LakeError, match="connection lost"):
        land_rows(storage, broken, NAME, "run-1", place=CatalogTable(table, storage, NAME))
    assert not table.exists()
    assert leftovers(lake) == []


def test_a_run_that_ends_at_any_call_leaves_whole_rows_and_the_manifest_follows_them(
    spark: SparkSession, lake: Path, table: DeltaTable, land: Land
) -> None:
    storage = FolderStorage(str(lake))
    land(storage, "run-0", 0)
    clean = FaultyStorage(storage)
    land(clean, "run-1", 1)
    numbers = [number for number, call in enumerate(clean.calls, 1) if call.startswith(("write", "rename"))]
    # What is between the commit and the manifest is no call of the storage: it fails before that.
    ends = [*((DIES_AFTER, number) for number in numbers), (FAILS_BEFORE, numbers[-1])]
    for rows, (fault, number) in enumerate(ends, 2):
        with suppress(LakeError, Died):
            land(FaultyStorage(storage, number, fault), f"run-{rows}", rows)
        with table_landing(storage, NAME, "run-next", place=CatalogTable(table, storage, NAME)):
            pass
        assert manifest(lake)["run_id"] == f"run-{table.read().count()}", (fault, clean.calls[number - 1])
        assert leftovers(lake) == []
    assert table.read().count() == rows


def test_a_run_that_wakes_after_another_took_its_place_commits_nothing(
    spark: SparkSession, lake: Path, table: DeltaTable, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FolderStorage(str(lake))

    def land_twice() -> None:
        with table_landing(storage, NAME, "asleep", place=CatalogTable(table, storage, NAME)) as late:
            late.stage(spark.range(OLD), write_checked)
            monkeypatch.setattr(late._lock, "check", lambda: None)
            lock = lake / "_locks" / f"{NAME}.lock"
            lock.rename(lock.with_name("asleep"))
            lock.write_text("dead")
            land(storage, "awake", NEW)
            late.promote()

    with pytest.raises(PromotionError):
        land_twice()
    assert table.read().count() == NEW


def test_the_notebook_saves_its_table_in_the_catalog(
    spark: SparkSession, derby: Derby, lake: Path, schema: str
) -> None:
    environment = {"LAKE_ROOT": str(lake), "SQL_URL": derby.url, "TABLE_FORMAT": "delta"}
    catalog, _, name = schema.partition(".")
    workspace = Settings(environment=environment, widgets={"catalog": catalog, "schema": name})
    for rows in (601, 501):
        derby.create("Customers", rows)
        assert process_customers(spark, workspace.configuration()) == str(rows)
    assert spark.table(f"{schema}.customer_data").count() == 501
    assert not (lake / "customer_data").exists()
    assert leftovers(lake) == []


def test_loads_of_what_changed_merge_into_a_table_of_the_catalog(spark: SparkSession, lake: Path, schema: str) -> None:
    catalog, _, name = schema.partition(".")
    workspace = Settings(environment={"LAKE_ROOT": str(lake)}, widgets={"catalog": catalog, "schema": name})
    run = Run.begin(spark, workspace.configuration(), StepLog(lambda text: text, utc_now))
    source = ChangingSource(spark, rows=[(number, "a", 10) for number in range(20)], is_ordered=True)
    feed = Table(
        name="shop.orders",
        source="shop",
        destination=NAME,
        write_disposition="merge",
        primary_key=("id",),
        incremental=TableIncremental(method="cursor", cursor_column="at"),
        deletes="hard",
        delete_detection="key_scan",
    )
    table = DeltaTable(spark, f"{schema}.sales_orders")

    def load(mode: str = "load") -> tuple[int | None, ...]:
        result = FeedResult(feed.name, mode)
        this = IncrementalLoad(run, feed, source, result)
        this.reload() if mode == "reload" else this.load()
        assert sorted(map(tuple, table.read().collect())) == source.rows
        return result.inserted, result.updated, result.deleted, result.rows_in_target

    assert load() == (20, 0, 0, 20)
    assert table.properties()["delta.enableDeletionVectors"] == "true"
    assert table.properties()["ingestion.destination"] == NAME
    source.rows = [*source.rows[1:18], (18, "b", 20), (19, "a", 10), (20, "c", 30)]
    assert load() == (1, 1, 1, 20)
    newest = table.version()
    assert load() == (0, 0, 0, 20)
    assert table.version() == newest
    Target(table, run.storage, NAME).keep_up(50)
    assert {version.operation for version in table.history()} >= {"OPTIMIZE", "VACUUM END"}
    source.rows = [(1, "d", 40), *source.rows[1:]]
    assert load() == (0, 1, 0, 20)
    spark.sql(f"DELETE FROM {table.identifier} WHERE id = 1")  # noqa: S608 - our own name
    with pytest.raises(TargetChangedError, match=r"is a DELETE .*mode reload"):
        load()
    assert load("reload")[0] == 20
    assert table.properties()["ingestion.destination"] == NAME
    assert not (lake / NAME).exists()
    assert leftovers(lake) == []

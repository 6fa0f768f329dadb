"""Delta tables: each landing is one commit, the versions before can be read, the log says whose commit it is."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from fakes.derby import Derby
from fakes.faulty_storage import DIES_AFTER, Died, FaultyStorage
from fakes.workspace import Settings
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.manifest import read_manifest
from ingestion.lake.table_landing import table_landing
from ingestion.loads.process_customers import process_customers
from ingestion.platform.errors import LakeError, PromotionError
from support.lakes import delta_rows, leftovers, rows_found
from support.tables import delta_folder, land_rows, write_checked

TABLE = "customer_data"
MOST_CALLS = 6


def land(spark: SparkSession, lake: Path, run_id: str, rows: int, *, delta: bool = True) -> None:
    storage = FolderStorage(str(lake))
    land_rows(storage, spark.range(rows), TABLE, run_id, as_delta=delta)


def rows_of(lake: Path, version: int | None = None) -> int:
    return delta_rows(lake / TABLE, version)


def manifest(lake: Path) -> dict[str, Any]:
    return json.loads((lake / "_manifests" / f"{TABLE}.json").read_bytes())


def test_each_landing_is_a_version_and_the_one_before_can_be_read(spark: SparkSession, lake: Path) -> None:
    for number, rows in enumerate((3, 5, 0)):
        land(spark, lake, f"run-{number}", rows)
    assert rows_of(lake) == 0
    assert [rows_of(lake, version) for version in (0, 1, 2)] == [3, 5, 0]
    commits = [json.loads(commit["userMetadata"]) for commit in reversed(DeltaTable(lake / TABLE).history())]
    landings = [(commit["metadata"]["run_id"], commit["metadata"]["rows"]) for commit in commits]
    assert landings == [("run-0", 3), ("run-1", 5), ("run-2", 0)]
    assert (manifest(lake)["run_id"], manifest(lake)["format"], manifest(lake)["rows"]) == ("run-2", "delta", 0)
    assert leftovers(lake) == []


def test_a_table_that_is_in_place_takes_at_most_six_calls(spark: SparkSession, lake: Path) -> None:
    land(spark, lake, "run-1", 9)
    counted = FaultyStorage(FolderStorage(str(lake)))
    land_rows(counted, spark.range(3), TABLE, "run-2", as_delta=True)
    assert len(counted.calls) <= MOST_CALLS, counted.calls
    assert (rows_of(lake), manifest(lake)["rows"]) == (3, 3)


def test_the_manifest_is_of_the_table_that_is_in_place_wherever_a_run_dies(spark: SparkSession, lake: Path) -> None:
    """Once the next run has settled what it found, even if it then lands nothing."""
    land(spark, lake, "run-3", 3)
    clean = FaultyStorage(FolderStorage(str(lake)))
    land_rows(clean, spark.range(4), TABLE, "run-4", as_delta=True)
    for rows, call in enumerate(clean.calls, 5):
        dying = FaultyStorage(FolderStorage(str(lake)), clean.calls.index(call) + 1, DIES_AFTER)
        with suppress(LakeError, Died):
            land_rows(dying, spark.range(rows), TABLE, f"run-{rows}", as_delta=True)
        storage = FolderStorage(str(lake))
        with table_landing(storage, TABLE, "run-next", place=delta_folder(spark, storage, TABLE)) as landing:
            assert landing.before == read_manifest((lake / "_manifests" / f"{TABLE}.json").read_bytes())
        found = manifest(lake)
        assert (found["run_id"], found["rows"]) == (f"run-{rows_of(lake)}", rows_of(lake)), call
        assert found["schema"]["fields"][0]["name"] == "id", call
        assert leftovers(lake) == [], call


def test_a_delta_table_takes_the_place_of_a_parquet_table(spark: SparkSession, lake: Path) -> None:
    land(spark, lake, "run-1", 9, delta=False)
    land(spark, lake, "run-2", 3)
    assert rows_of(lake) == 3
    assert {file.suffix for file in (lake / TABLE).iterdir() if file.is_file()} == {".parquet"}
    assert leftovers(lake) == []


def test_a_parquet_table_does_not_take_the_place_of_a_delta_table(spark: SparkSession, lake: Path) -> None:
    land(spark, lake, "run-1", 9)
    with pytest.raises(PromotionError, match=r"is a Delta table.*TABLE_FORMAT"):
        land(spark, lake, "run-2", 3, delta=False)
    assert rows_of(lake) == 9
    assert leftovers(lake) == []


def test_what_is_not_promoted_is_no_version(spark: SparkSession, lake: Path) -> None:
    land(spark, lake, "run-1", 9)
    storage = FolderStorage(str(lake))
    with table_landing(storage, TABLE, "run-2", place=delta_folder(spark, storage, TABLE)) as landing:
        landing.stage(spark.range(3), write_checked)
    assert DeltaTable(lake / TABLE).version() == 0
    assert (rows_of(lake), manifest(lake)["run_id"]) == (9, "run-1")


def test_the_manifest_is_of_the_last_landing_whatever_upkeep_came_after_it(spark: SparkSession, lake: Path) -> None:
    land(spark, lake, "run-1", 9)
    storage = FolderStorage(str(lake))
    with table_landing(storage, TABLE, "run-2", place=delta_folder(spark, storage, TABLE)) as landing:
        landing.stage(spark.range(3), write_checked)
        landing.promote()
        DeltaTable(lake / TABLE).optimize.compact()
        DeltaTable(lake / TABLE).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert manifest(lake)["run_id"] == "run-2"


def test_a_table_that_cannot_be_committed_is_named_and_stays_as_it_was(spark: SparkSession, lake: Path) -> None:
    land(spark, lake, "run-1", 9)
    log = lake / TABLE / "_delta_log" / "00000000000000000000.json"
    content = log.read_bytes()
    log.write_bytes(content[:50])
    with pytest.raises(LakeError, match=f"{TABLE}: cannot be committed"):
        land(spark, lake, "run-2", 3)
    log.write_bytes(content)
    assert rows_of(lake) == 9


def test_the_notebook_lands_delta_and_keeps_the_version_before(spark: SparkSession, derby: Derby, lake: Path) -> None:
    workspace = Settings(environment={"LAKE_ROOT": str(lake), "SQL_URL": derby.url, "TABLE_FORMAT": "delta"})
    for rows in (601, 501):
        derby.create("Customers", rows)
        assert process_customers(spark, workspace.configuration()) == str(rows)
    assert rows_found(lake / TABLE) == 501
    assert rows_of(lake, version=0) == 601
    assert leftovers(lake) == []

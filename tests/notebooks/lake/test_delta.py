"""Delta tables: each landing is one commit, the versions before can be read, the log says whose commit it is."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark import cloudpickle
from pyspark.sql import SparkSession

from fakes import spark_delta
from fakes.derby import Derby
from fakes.workspace import Settings
from ingestion.lake.delta import DeltaRs, SparkDelta, delta_writer
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.parquet_tables import table_landing
from ingestion.loads.process_customers import process_customers
from ingestion.platform.errors import LakeError, PromotionError
from support.lakes import leftovers, rows_found
from support.tables import land_rows, write_checked

TABLE = "customer_data"


def land(spark: SparkSession, lake: Path, run_id: str, rows: int, *, delta: bool = True) -> None:
    storage = FolderStorage(str(lake))
    land_rows(storage, spark.range(rows), TABLE, run_id, delta=DeltaRs() if delta else None)


def rows_of(lake: Path, version: int | None = None) -> int:
    return len(DeltaTable(lake / TABLE, version=version).to_pyarrow_table())


def manifest(lake: Path) -> dict[str, Any]:
    return json.loads((lake / "_manifests" / f"{TABLE}.json").read_bytes())


def test_each_landing_is_a_version_and_the_one_before_can_be_read(spark: SparkSession, lake: Path) -> None:
    for number, rows in enumerate((3, 5, 0)):
        land(spark, lake, f"run-{number}", rows)
    assert rows_of(lake) == 0
    assert [rows_of(lake, version) for version in (0, 1, 2)] == [3, 5, 0]
    landings = [json.loads(commit["userMetadata"]) for commit in reversed(DeltaTable(lake / TABLE).history())]
    assert landings == [{"run_id": f"run-{number}", "rows": rows} for number, rows in enumerate((3, 5, 0))]
    assert (manifest(lake)["run_id"], manifest(lake)["format"], manifest(lake)["rows"]) == ("run-2", "delta", 0)
    assert leftovers(lake) == []


def test_a_delta_table_takes_the_place_of_a_parquet_table(spark: SparkSession, lake: Path) -> None:
    land(spark, lake, "run-1", 9, delta=False)
    land(spark, lake, "run-2", 3)
    assert rows_of(lake) == 3
    assert [file.suffix for file in (lake / TABLE).iterdir() if file.is_file()] == [".parquet"]
    assert leftovers(lake) == []


def test_a_parquet_table_does_not_take_the_place_of_a_delta_table(spark: SparkSession, lake: Path) -> None:
    land(spark, lake, "run-1", 9)
    with pytest.raises(PromotionError, match=r"is a Delta table.*TABLE_FORMAT"):
        land(spark, lake, "run-2", 3, delta=False)
    assert rows_of(lake) == 9
    assert leftovers(lake) == []


def test_what_is_not_promoted_is_no_version(spark: SparkSession, lake: Path) -> None:
    land(spark, lake, "run-1", 9)
    with table_landing(FolderStorage(str(lake)), TABLE, "run-2", delta=DeltaRs()) as landing:
        landing.stage(spark.range(3), write_checked)
    assert DeltaTable(lake / TABLE).version() == 0
    assert (rows_of(lake), manifest(lake)["run_id"]) == (9, "run-1")


def test_the_manifest_is_of_the_last_landing_whatever_upkeep_came_after_it(spark: SparkSession, lake: Path) -> None:
    land(spark, lake, "run-1", 9)
    with table_landing(FolderStorage(str(lake)), TABLE, "run-2", delta=DeltaRs()) as landing:
        landing.stage(spark.range(3), write_checked)
        landing.promote()
        DeltaTable(lake / TABLE).optimize.compact()
        DeltaTable(lake / TABLE).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert manifest(lake)["run_id"] == "run-2"


def test_values_are_the_same_as_in_parquet(spark: SparkSession, lake: Path) -> None:
    moment = datetime(2026, 3, 29, 1, 59, 59, 123456)
    row = (1, "Zoë 陈", Decimal("-9999999999.99"), moment.date(), moment, moment.replace(tzinfo=UTC), True, b"\x00\xff")
    columns = "id long, name string, amount decimal(12,2), born date, made timestamp_ntz, seen timestamp"
    frame = spark.createDataFrame([row, (None,) * len(row)], f"{columns}, ok boolean, raw binary")
    land_rows(FolderStorage(str(lake)), frame, TABLE, "run-1", delta=DeltaRs())
    found = DeltaTable(lake / TABLE).to_pyarrow_table()
    assert found.to_pylist()[0 if found["id"][0].is_valid else 1] == {
        "id": 1,
        "name": "Zoë 陈",
        "amount": Decimal("-9999999999.99"),
        "born": moment.date(),
        "made": moment,
        "seen": moment.replace(tzinfo=UTC),
        "ok": True,
        "raw": b"\x00\xff",
    }


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


def test_where_spark_has_delta_it_is_asked_to_overwrite_in_one_commit(spark: SparkSession, tmp_path: Path) -> None:
    cloudpickle.register_pickle_by_value(spark_delta)
    spark.dataSource.register(spark_delta.DeltaDataSource)
    spark.range(7).coalesce(1).write.parquet(str(tmp_path / "rows"))
    table = tmp_path / "table"
    SparkDelta(spark).overwrite(str(table), str(tmp_path / "rows"), spark.range(0).schema, {"run_id": "1", "rows": 7})
    (asked,) = [json.loads(line) for line in table.with_suffix(".asked").read_text().splitlines()]
    assert asked["mode"] == "overwrite"
    assert asked["rows"] == 7
    options = {key.lower(): value for key, value in asked.items()}
    assert json.loads(options["usermetadata"]) == {"run_id": "1", "rows": 7}
    assert options["overwriteschema"] == "true"


def test_this_spark_has_no_delta(spark: SparkSession) -> None:
    assert isinstance(delta_writer(spark), DeltaRs)

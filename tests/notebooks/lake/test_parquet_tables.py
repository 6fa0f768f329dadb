"""A table is replaced whole or not at all, whatever happens on the way, in a few calls of the storage."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from fakes.faulty_storage import FaultyStorage
from ingestion.lake import table_landing as landing_module
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.storage import Storage, open_storage
from ingestion.lake.table_landing import table_landing
from ingestion.platform.errors import LakeError, PathTakenError, PromotionError, SchemaChangedError, StagingError
from support.lakes import leftovers
from support.tables import land_rows, write_checked, write_rows

TABLE = "customer_data"
MOST_CALLS = 12


class FailingFolder(FolderStorage):
    """The real folder, of which the Nth rename is refused, or every delete."""

    refused: tuple[int, ...] = ()
    renames = 0
    deletes = True

    def delete(self, path: str) -> None:
        if not self.deletes:
            raise LakeError(f"{path}: Permission denied")
        super().delete(path)

    def rename(self, path: str, new_path: str, *, replace: bool = False, parents: bool = True) -> None:
        self.renames += 1
        if self.renames in self.refused:
            raise PathTakenError(f"{new_path}: is there already.")
        super().rename(path, new_path, replace=replace, parents=parents)


@pytest.fixture
def storage(lake: Path) -> FailingFolder:
    return FailingFolder(str(lake))


def frame(spark: SparkSession, rows: int, mark: str = "new") -> DataFrame:
    return spark.range(rows).select("id", F.lit(mark).alias("Full Name"))


def land(spark: SparkSession, storage: Storage, rows: int, mark: str = "new", run_id: str = "run-1") -> int:
    return land_rows(storage, frame(spark, rows, mark), TABLE, run_id)


def assert_landed(spark: SparkSession, lake: Path, rows: int, mark: str) -> None:
    """The table is what was landed, and nothing else lies about."""
    landed = spark.read.parquet(str(lake / TABLE))
    assert_df_equality(landed, frame(spark, rows, mark), ignore_row_order=True, ignore_nullable=True)
    assert leftovers(lake) == []


def test_a_table_lands_where_there_was_none(spark: SparkSession, storage: FailingFolder, lake: Path) -> None:
    assert land(spark, storage, 7) == 7
    assert_landed(spark, lake, 7, "new")


def test_a_table_takes_the_place_of_the_one_before(spark: SparkSession, storage: FailingFolder, lake: Path) -> None:
    land(spark, storage, 9, "old")
    assert land(spark, storage, 3) == 3
    assert_landed(spark, lake, 3, "new")


def test_a_table_takes_at_most_twelve_calls(spark: SparkSession, lake: Path) -> None:
    first, second = FaultyStorage(FolderStorage(str(lake))), FaultyStorage(FolderStorage(str(lake)))
    land(spark, first, 9, "old")
    land(spark, second, 3)
    assert len(first.calls) <= MOST_CALLS, first.calls
    assert len(second.calls) <= MOST_CALLS, second.calls


def test_any_writer_will_do(spark: SparkSession, storage: FailingFolder, lake: Path) -> None:
    with table_landing(storage, TABLE, "run-1") as landing:
        landing.stage(frame(spark, 5), write_rows)
        landing.promote()
    assert_landed(spark, lake, 5, "new")


def test_a_table_below_a_folder_lands_and_is_apart_from_one_above(
    spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    with table_landing(storage, "sales/orders", "run-1") as landing:
        landing.stage(frame(spark, 5), write_rows)
        land_rows(storage, frame(spark, 2), "sales~1orders", "run-2")
        landing.promote()
    assert spark.read.parquet(str(lake / "sales" / "orders")).count() == 5
    assert json.loads((lake / "_manifests" / "sales" / "orders.json").read_bytes())["rows"] == 5
    assert leftovers(lake) == []


def test_a_table_without_rows_keeps_its_columns(spark: SparkSession, storage: FailingFolder, lake: Path) -> None:
    assert land(spark, storage, 0) == 0
    assert_landed(spark, lake, 0, "new")


def test_a_table_that_is_not_promoted_leaves_the_old_one_and_no_trace(
    spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    land(spark, storage, 9, "old")
    with table_landing(storage, TABLE, "run-2") as landing:
        assert landing.stage(frame(spark, 3), write_checked).rows == 3
    assert_landed(spark, lake, 9, "old")
    assert manifest(lake)["run_id"] == "run-1"


def test_what_is_not_staged_cannot_be_promoted(storage: FailingFolder) -> None:
    with pytest.raises(PromotionError, match="nothing is staged"), table_landing(storage, TABLE, "run-1") as landing:
        landing.promote()


def test_a_source_that_breaks_off_leaves_the_old_table(spark: SparkSession, storage: FailingFolder, lake: Path) -> None:
    land(spark, storage, 9, "old")
    broken = spark.range(1000, numPartitions=4).select(
        "id", F.when(F.col("id") == 999, F.raise_error(F.lit("connection lost"))).otherwise("new").alias("Full Name")
    )
    with pytest.raises(StagingError, match="connection lost"):
        land_rows(storage, broken, TABLE, "run-2")
    assert_landed(spark, lake, 9, "old")


def test_an_error_between_staging_and_promotion_leaves_the_old_table(
    spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    land(spark, storage, 9, "old")
    with pytest.raises(KeyboardInterrupt), table_landing(storage, TABLE, "run-2") as landing:
        landing.stage(frame(spark, 3), write_checked)
        raise KeyboardInterrupt
    assert_landed(spark, lake, 9, "old")


@pytest.mark.parametrize("refused", [1, 2])
def test_a_refused_rename_leaves_the_old_table(
    refused: int, spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    land(spark, storage, 9, "old")
    storage.renames, storage.refused = 0, (refused,)
    with pytest.raises(PromotionError, match=TABLE):
        land(spark, storage, 3)
    assert_landed(spark, lake, 9, "old")


def leave_dead(lake: Path, run_id: str = "dead") -> Path:
    """Leave what a killed run leaves: its lock's file, and half of its rows; return its folder."""
    lock = lake / "_locks" / f"{TABLE}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({"run_id": run_id}))
    rows = lake / "_landing" / TABLE / run_id / "rows"
    rows.mkdir(parents=True)
    (rows / "part-0.parquet").write_bytes(b"half a file")
    return rows.parent


def test_a_run_that_died_before_the_new_table_was_in_place_is_undone_by_the_next(
    spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    land(spark, storage, 9, "old")
    (lake / TABLE).rename(leave_dead(lake) / "previous")
    with table_landing(storage, TABLE, "run-2"):
        assert spark.read.parquet(str(lake / TABLE)).count() == 9
    assert_landed(spark, lake, 9, "old")


def test_the_old_table_is_put_back_even_if_somebody_removed_the_locks(
    spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    land(spark, storage, 9, "old")
    dead = leave_dead(lake)
    (lake / TABLE).rename(dead / "previous")
    (lake / "_locks" / f"{TABLE}.lock").unlink()
    with table_landing(storage, TABLE, "run-2"):
        pass
    assert_landed(spark, lake, 9, "old")


def test_a_run_that_died_after_the_new_table_was_in_place_is_finished_by_the_next(
    spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    land(spark, storage, 9, "old")
    dead = leave_dead(lake)
    (dead / "previous").mkdir()
    (dead / "previous" / "part-0.parquet").write_bytes(b"older still")
    (dead / "manifest.json").write_text(json.dumps(manifest(lake) | {"run_id": "dead"}))
    with table_landing(storage, TABLE, "run-2"):
        pass
    assert_landed(spark, lake, 9, "old")
    assert manifest(lake)["run_id"] == "dead"


def test_who_takes_over_moves_away_what_a_run_that_wakes_would_promote(
    spark: SparkSession, storage: FailingFolder, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one that does not notice: its lock says nothing."""

    def land_twice() -> None:
        with table_landing(storage, TABLE, "asleep") as late:
            late.stage(frame(spark, 9, "late"), write_checked)
            monkeypatch.setattr(late._lock, "check", lambda: None)
            (lake / "_locks" / f"{TABLE}.lock").rename(lake / "_locks" / "asleep")
            leave_dead(lake, "dead")
            land(spark, storage, 3, run_id="awake")
            late.promote()

    land(spark, storage, 1, "old")
    with pytest.raises(PromotionError, match="cannot be replaced"):
        land_twice()
    assert spark.read.parquet(str(lake / TABLE)).count() == 3
    assert manifest(lake)["run_id"] == "awake"


def test_what_cannot_be_cleaned_up_is_left_to_the_next_run(
    spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    land(spark, storage, 9, "old")
    storage.deletes = False
    assert land(spark, storage, 5, "newer") == 5
    assert leftovers(lake)
    storage.deletes = True
    land(spark, storage, 3, run_id="run-3")
    assert_landed(spark, lake, 3, "new")


def test_what_other_tables_have_staged_is_left_alone(spark: SparkSession, storage: FailingFolder, lake: Path) -> None:
    other = lake / "_landing" / "product_data" / "run-9" / "part-0.parquet"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"being written")
    land(spark, storage, 3)
    assert leftovers(lake) == [str(other.relative_to(lake))]


def test_a_file_where_a_table_should_be_is_left_alone(spark: SparkSession, storage: FailingFolder, lake: Path) -> None:
    lake.mkdir()
    (lake / TABLE).write_text("somebody's notes")
    with pytest.raises(LakeError, match=f"{TABLE}: Not a directory"):
        land(spark, storage, 3)
    assert (lake / TABLE).read_text() == "somebody's notes"


@pytest.mark.parametrize("form", ["{path}", "file:{path}", "file://{path}"])
@pytest.mark.parametrize("folder", ["lake", "my lake é", "lake=1"])
def test_a_local_lake_may_be_a_path_or_an_address(form: str, folder: str, spark: SparkSession, tmp_path: Path) -> None:
    storage = open_storage(form.format(path=tmp_path / folder))
    storage.write("document.json", b"x")
    land(spark, storage, 2)
    assert (tmp_path / folder / "document.json").read_bytes() == b"x"
    assert_landed(spark, tmp_path / folder, 2, "new")


def manifest(lake: Path, name: str = TABLE) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((lake / "_manifests" / f"{name}.json").read_bytes())
    return found


def test_a_manifest_beside_the_data_says_what_was_landed(
    spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    moments = iter(datetime(2026, 3, 29, 1, 59, second, tzinfo=UTC) for second in (1, 2))
    source = "jdbc:derby:source#Customers"
    with table_landing(storage, TABLE, "run-1", clock=lambda: next(moments)) as landing:
        landing.stage(frame(spark, 7), write_checked, source=source)
        landing.promote()
    sizes = {file.name: file.stat().st_size for file in (lake / TABLE).glob("*.parquet")}
    landed = spark.read.parquet(str(lake / TABLE))
    checksum = landed.selectExpr("sum(cast(xxhash64(*) as decimal(20,0)))").collect()[0][0]
    assert manifest(lake) == {
        "run_id": "run-1",
        "target": f"{lake}/{TABLE}",
        "format": "parquet",
        "source": source,
        "rows": 7,
        "files": sizes,
        "bytes": sum(sizes.values()),
        "schema": frame(spark, 7).schema.jsonValue(),
        "checksum": f"xxhash64-sum:{checksum}",
        "started": "2026-03-29T01:59:01.000Z",
        "finished": "2026-03-29T01:59:02.000Z",
        "layout": 2,
    }


def test_equal_rows_have_equal_checksums_whatever_their_order(
    spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    rows = frame(spark, 100)
    checksums = set()
    for table in (rows, rows.orderBy(F.desc("id")).repartition(3), rows.where("id <> 7")):
        land_rows(storage, table, TABLE, "run-1")
        checksums.add(manifest(lake)["checksum"])
    assert len(checksums) == 2


@pytest.mark.parametrize("files", [1, 2])
def test_rows_that_are_not_in_the_files_are_noticed(
    files: int, spark: SparkSession, storage: FailingFolder, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(spark, storage, 9, "old")
    if files == 1:
        footer = landing_module.rows_of_footer
        monkeypatch.setattr(landing_module, "rows_of_footer", lambda content: footer(content) - 1)
    count = landing_module.count_parquet
    monkeypatch.setattr(landing_module, "count_parquet", lambda *arguments: count(*arguments) - 1)
    with pytest.raises(StagingError, match="3 rows were written aside, but the files' footers name 2"):
        land_rows(storage, frame(spark, 3).coalesce(files), TABLE, "run-2")
    assert_landed(spark, lake, 9, "old")


@pytest.mark.parametrize(
    ("columns", "change"),
    [
        (["id"], "column Full Name (string) vanished"),
        (["cast(id as int) as id", "`Full Name`"], "column id changed from bigint to int"),
        (["id", "`Full Name` as name"], "column Full Name (string) vanished"),
    ],
)
def test_a_schema_that_breaks_readers_is_refused_before_anything_is_replaced(
    columns: list[str], change: str, spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    land(spark, storage, 9, "old")
    changes: list[str] = []
    with pytest.raises(SchemaChangedError, match=re.escape(change)):
        land_rows(
            storage,
            frame(spark, 3).selectExpr(*columns),
            TABLE,
            "run-2",
            on_schema_change=lambda _target, text: changes.append(text),
        )
    assert change in changes[0]
    assert_landed(spark, lake, 9, "old")


def test_a_schema_that_breaks_readers_may_be_allowed(spark: SparkSession, storage: FailingFolder, lake: Path) -> None:
    land(spark, storage, 9, "old")
    land_rows(storage, spark.range(3).toDF("id"), TABLE, "run-2", may_break_schema=True)
    assert spark.read.parquet(str(lake / TABLE)).columns == ["id"]


def test_a_new_column_is_told_and_landed(spark: SparkSession, storage: FailingFolder, lake: Path) -> None:
    land(spark, storage, 9, "old")
    changes: list[tuple[str, str]] = []
    wider = frame(spark, 3).withColumn("age", F.lit(1))
    land_rows(storage, wider, TABLE, "run-2", on_schema_change=lambda *change: changes.append(change))
    assert changes == [(f"{lake}/{TABLE}", "new column age (int)")]
    assert "age" in spark.read.parquet(str(lake / TABLE)).columns


def test_a_damaged_manifest_keeps_no_data_out(spark: SparkSession, storage: FailingFolder, lake: Path) -> None:
    land(spark, storage, 9, "old")
    (lake / "_manifests" / f"{TABLE}.json").write_text("{half")
    land(spark, storage, 3, run_id="run-2")
    assert manifest(lake)["run_id"] == "run-2"


@pytest.mark.parametrize("column", ["a.b", "`", "with space", "é", "COUNT(*)"])
def test_any_name_of_a_column_can_be_landed(
    column: str, spark: SparkSession, storage: FailingFolder, lake: Path
) -> None:
    land_rows(storage, spark.range(2).toDF(column), TABLE, "run-1")
    assert spark.read.parquet(str(lake / TABLE)).columns == [column]

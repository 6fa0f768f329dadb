"""A table or file is replaced whole or not at all, whatever happens on the way."""

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.lake import lock
from ingestion.lake.filesystem import HadoopFileSystem
from ingestion.lake.lake import Lake
from ingestion.platform.errors import LakeError, PromotionError, SchemaChangedError, StagingError

TABLE = "customer_data"
FILE = "countries/india.json"


class FailingFileSystem(HadoopFileSystem):
    """The real file system, of which the Nth rename is refused, or every delete."""

    refused: tuple[int, ...] = ()
    renames = 0
    deletes = True

    def delete(self, path: str) -> None:
        if not self.deletes:
            raise LakeError(f"{path}: Permission denied")
        super().delete(path)

    def rename(self, path: str, new_path: str) -> bool:
        self.renames += 1
        return self.renames not in self.refused and super().rename(path, new_path)


class FileSystemThatNeverReplaces(HadoopFileSystem):
    """The real file system, but as ADLS Gen2: a rename onto a name that is taken is refused."""

    def rename(self, path: str, new_path: str) -> bool:
        return not self.exists(new_path) and super().rename(path, new_path)


@pytest.fixture(autouse=True)
def _short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LEASE_SECONDS", 0.6)


@pytest.fixture
def files(spark: SparkSession, lake: Path) -> FailingFileSystem:
    return FailingFileSystem(spark, str(lake))


def on(files: HadoopFileSystem, lake: Path, run_id: str = "run-1") -> Lake:
    return Lake(files, str(lake), run_id)


def frame(spark: SparkSession, rows: int, mark: str = "new") -> DataFrame:
    return spark.range(rows).select("id", F.lit(mark).alias("Full Name"))


def land(spark: SparkSession, lake: Lake, rows: int, mark: str = "new") -> int:
    with lake.staged_table(frame(spark, rows, mark), TABLE) as staged:
        lake.promote(staged)
    return staged.rows


def assert_landed(spark: SparkSession, lake: Path, rows: int, mark: str) -> None:
    """The table is what was landed, and nothing else lies about."""
    landed = spark.read.parquet(str(lake / TABLE))
    assert_df_equality(landed, frame(spark, rows, mark), ignore_row_order=True, ignore_nullable=True)
    assert leftovers(lake) == []


def leftovers(lake: Path) -> list[Path]:
    return [path for aside in ("_staging", "_previous") for path in (lake / aside).rglob("*") if path.is_file()]


def test_a_table_lands_where_there_was_none(spark: SparkSession, files: FailingFileSystem, lake: Path) -> None:
    assert land(spark, on(files, lake), 7) == 7
    assert_landed(spark, lake, 7, "new")


def test_a_table_takes_the_place_of_the_one_before(spark: SparkSession, files: FailingFileSystem, lake: Path) -> None:
    land(spark, on(files, lake), 9, "old")
    assert land(spark, on(files, lake, "run-2"), 3) == 3
    assert_landed(spark, lake, 3, "new")


def test_a_table_without_rows_keeps_its_columns(spark: SparkSession, files: FailingFileSystem, lake: Path) -> None:
    assert land(spark, on(files, lake), 0) == 0
    assert_landed(spark, lake, 0, "new")


def test_a_table_that_is_not_promoted_leaves_the_old_one_and_no_trace(
    spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    land(spark, on(files, lake), 9, "old")
    with on(files, lake, "run-2").staged_table(frame(spark, 3), TABLE) as staged:
        assert staged.rows == 3
    assert_landed(spark, lake, 9, "old")


def test_a_source_that_breaks_off_leaves_the_old_table(
    spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    land(spark, on(files, lake), 9, "old")
    broken = spark.range(1000, numPartitions=4).select(
        "id", F.when(F.col("id") == 999, F.raise_error(F.lit("connection lost"))).otherwise("new").alias("Full Name")
    )
    with pytest.raises(StagingError, match="connection lost"), on(files, lake, "run-2").staged_table(broken, TABLE):
        pass
    assert_landed(spark, lake, 9, "old")


def test_an_error_between_staging_and_promotion_leaves_the_old_table(
    spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    land(spark, on(files, lake), 9, "old")
    with pytest.raises(KeyboardInterrupt), on(files, lake, "run-2").staged_table(frame(spark, 3), TABLE):
        raise KeyboardInterrupt
    assert_landed(spark, lake, 9, "old")


@pytest.mark.parametrize("refused", [1, 2])
def test_a_refused_rename_leaves_the_old_table(
    refused: int, spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    land(spark, on(files, lake), 9, "old")
    files.renames, files.refused = 0, (refused,)
    with pytest.raises(PromotionError, match=TABLE):
        land(spark, on(files, lake, "run-2"), 3)
    assert_landed(spark, lake, 9, "old")


def test_a_run_that_died_before_the_new_table_was_in_place_is_undone_by_the_next(
    spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    land(spark, on(files, lake), 9, "old")
    # What a killed run leaves: its staged data, and the old table moved aside.
    (lake / "_previous").mkdir(exist_ok=True)
    (lake / TABLE).rename(lake / "_previous" / TABLE)
    (lake / "_staging" / TABLE / "dead").mkdir(parents=True)
    (lake / "_staging" / TABLE / "dead" / "part-0.parquet").write_bytes(b"half a file")
    with on(files, lake, "run-2").staged_table(frame(spark, 3), TABLE):
        assert spark.read.parquet(str(lake / TABLE)).count() == 9
    assert_landed(spark, lake, 9, "old")


def test_a_run_that_died_after_the_new_table_was_in_place_is_finished_by_the_next(
    spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    land(spark, on(files, lake), 9, "old")
    (lake / "_previous" / TABLE).mkdir(parents=True)
    (lake / "_previous" / TABLE / "part-0.parquet").write_bytes(b"older still")
    land(spark, on(files, lake, "run-2"), 3)
    assert_landed(spark, lake, 3, "new")


def test_what_cannot_be_cleaned_up_is_left_to_the_next_run(
    spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    land(spark, on(files, lake), 9, "old")
    files.deletes = False
    assert land(spark, on(files, lake, "run-2"), 5, "newer") == 5
    assert leftovers(lake)
    files.deletes = True
    land(spark, on(files, lake, "run-3"), 3)
    assert_landed(spark, lake, 3, "new")


def test_what_other_tables_have_staged_is_left_alone(spark: SparkSession, files: FailingFileSystem, lake: Path) -> None:
    other = lake / "_staging" / "product_data" / "run-9" / "part-0.parquet"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"being written")
    land(spark, on(files, lake), 3)
    assert leftovers(lake) == [other]


@pytest.mark.parametrize("kind", [HadoopFileSystem, FileSystemThatNeverReplaces])
def test_a_file_is_replaced_whole(kind: type[HadoopFileSystem], spark: SparkSession, lake: Path) -> None:
    for content in ("भारत £".encode(), b"", b"x" * 100_000):
        on(kind(spark, str(lake)), lake).write_file(FILE, content)
        assert (lake / FILE).read_bytes() == content
    assert [path.name for path in (lake / "countries").iterdir()] == ["india.json"]
    assert leftovers(lake) == []


@pytest.mark.parametrize("refused", [(1, 2), (1, 3)])
def test_a_refused_rename_leaves_the_old_file(refused: tuple[int, ...], files: FailingFileSystem, lake: Path) -> None:
    on(files, lake).write_file(FILE, b"old")
    files.renames, files.refused = 0, refused
    with pytest.raises(PromotionError, match=FILE):
        on(files, lake, "run-2").write_file(FILE, b"new")
    assert (lake / FILE).read_bytes() == b"old"
    assert leftovers(lake) == []


def test_a_reader_never_finds_half_a_file(spark: SparkSession, lake: Path) -> None:
    landing, ended, seen = on(HadoopFileSystem(spark, str(lake)), lake), Event(), set()
    landing.write_file(FILE, b"0" * 200_000)

    def read() -> None:
        while not ended.is_set():
            content = (lake / FILE).read_bytes()
            seen.add((len(content), len(set(content))))
            ended.wait(0.0005)  # leaves the interpreter to the writer

    reader = Thread(target=read)
    reader.start()
    for number in range(1, 30):
        landing.write_file(FILE, str(number % 10).encode() * 200_000)
    ended.set()
    reader.join()
    assert seen == {(200_000, 1)}


def test_a_file_where_a_table_should_be_is_left_alone(
    spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    lake.mkdir()
    (lake / TABLE).write_text("somebody's notes")
    with pytest.raises(PromotionError, match="is a file"):
        land(spark, on(files, lake), 3)
    assert (lake / TABLE).read_text() == "somebody's notes"


def test_a_folder_where_a_file_should_be_is_left_alone(files: FailingFileSystem, lake: Path) -> None:
    (lake / FILE).mkdir(parents=True)
    with pytest.raises(PromotionError, match="is a folder"):
        on(files, lake).write_file(FILE, b"new")
    assert (lake / FILE).is_dir()


def test_a_lake_that_cannot_be_written_is_named(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("no folder")
    root = tmp_path / "lake"
    with pytest.raises(LakeError, match=str(root)):
        on(HadoopFileSystem(spark, str(root)), root).write_file(FILE, b"new")
    assert root.read_text() == "no folder"


def test_an_unknown_kind_of_lake_is_named(spark: SparkSession) -> None:
    with pytest.raises(LakeError, match=r"nosuch://x.*nosuch"):
        HadoopFileSystem(spark, "nosuch://x/lake")


@pytest.mark.parametrize("form", ["{path}", "file:{path}", "file://{path}"])
@pytest.mark.parametrize("folder", ["lake", "my lake é", "lake=1"])
def test_a_local_lake_may_be_a_path_or_an_address(form: str, folder: str, spark: SparkSession, tmp_path: Path) -> None:
    root: Any = form.format(path=tmp_path / folder)
    landing = Lake(HadoopFileSystem(spark, root), root, "run-1")
    landing.write_file(FILE, b"x")
    land(spark, landing, 2)
    assert (tmp_path / folder / FILE).read_bytes() == b"x"
    assert_landed(spark, tmp_path / folder, 2, "new")


def manifest(lake: Path, name: str = TABLE) -> dict[str, Any]:
    return json.loads((lake / "_manifests" / f"{name}.json").read_bytes())


def test_a_manifest_beside_the_data_says_what_was_landed(
    spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    moments = iter(datetime(2026, 3, 29, 1, 59, second, tzinfo=UTC) for second in (1, 1, 2))
    landing = Lake(files, str(lake), "run-1", clock=lambda: next(moments))
    with landing.staged_table(frame(spark, 7), TABLE, source="jdbc:derby:source#Customers") as staged:
        landing.promote(staged)
    sizes = {file.name: file.stat().st_size for file in (lake / TABLE).glob("*.parquet")}
    landed = spark.read.parquet(str(lake / TABLE))
    checksum = landed.selectExpr("sum(cast(xxhash64(*) as decimal(20,0)))").collect()[0][0]
    assert manifest(lake) == {
        "run_id": "run-1",
        "target": f"{lake}/{TABLE}",
        "format": "parquet",
        "source": "jdbc:derby:source#Customers",
        "rows": 7,
        "files": sizes,
        "bytes": sum(sizes.values()),
        "schema": frame(spark, 7).schema.jsonValue(),
        "checksum": f"xxhash64-sum:{checksum}",
        "started": "2026-03-29T01:59:01.000Z",
        "finished": "2026-03-29T01:59:02.000Z",
    }


def test_the_manifest_of_a_file_has_the_checksum_that_others_find(files: FailingFileSystem, lake: Path) -> None:
    on(files, lake).write_file(FILE, b"content", source="https://api.example/name/india")
    found = manifest(lake, "countries/india")
    assert found["checksum"] == "sha256:" + hashlib.sha256(b"content").hexdigest()
    assert (found["bytes"], found["rows"], found["source"]) == (7, None, "https://api.example/name/india")


def test_equal_rows_have_equal_checksums_whatever_their_order(
    spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    rows = frame(spark, 100)
    checksums = set()
    for table in (rows, rows.orderBy(F.desc("id")).repartition(3), rows.where("id <> 7")):
        landing = on(files, lake)
        with landing.staged_table(table, TABLE) as staged:
            landing.promote(staged)
        checksums.add(manifest(lake)["checksum"])
    assert len(checksums) == 2


def test_a_table_that_is_not_promoted_leaves_the_old_manifest(
    spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    land(spark, on(files, lake), 9, "old")
    with on(files, lake, "run-2").staged_table(frame(spark, 3), TABLE):
        pass
    assert manifest(lake)["run_id"] == "run-1"


def test_rows_that_are_not_in_the_files_are_noticed(
    spark: SparkSession, files: FailingFileSystem, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(spark, on(files, lake), 9, "old")
    monkeypatch.setattr(files, "parquet_rows", lambda path: HadoopFileSystem.parquet_rows(files, path) - 1)
    with pytest.raises(StagingError, match="3 rows were written aside, but the files' footers name"):
        land(spark, on(files, lake, "run-2"), 3)
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
    columns: list[str], change: str, spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    land(spark, on(files, lake), 9, "old")
    changes: list[str] = []
    landing = Lake(files, str(lake), "run-2", on_schema_change=lambda _target, text: changes.append(text))
    with (
        pytest.raises(SchemaChangedError, match=re.escape(change)),
        landing.staged_table(frame(spark, 3).selectExpr(*columns), TABLE),
    ):
        pass
    assert change in changes[0]
    assert_landed(spark, lake, 9, "old")


def test_a_schema_that_breaks_readers_may_be_allowed(spark: SparkSession, files: FailingFileSystem, lake: Path) -> None:
    land(spark, on(files, lake), 9, "old")
    landing = Lake(files, str(lake), "run-2", may_break_schema=True)
    with landing.staged_table(spark.range(3), TABLE) as staged:
        landing.promote(staged)
    assert spark.read.parquet(str(lake / TABLE)).columns == ["id"]


def test_a_new_column_is_told_and_landed(spark: SparkSession, files: FailingFileSystem, lake: Path) -> None:
    land(spark, on(files, lake), 9, "old")
    changes: list[tuple[str, str]] = []
    landing = Lake(files, str(lake), "run-2", on_schema_change=lambda *change: changes.append(change))
    with landing.staged_table(frame(spark, 3).withColumn("age", F.lit(1)), TABLE) as staged:
        landing.promote(staged)
    assert changes == [(f"{lake}/{TABLE}", "new column age (int)")]
    assert "age" in spark.read.parquet(str(lake / TABLE)).columns


def test_a_damaged_manifest_keeps_no_data_out(spark: SparkSession, files: FailingFileSystem, lake: Path) -> None:
    land(spark, on(files, lake), 9, "old")
    (lake / "_manifests" / f"{TABLE}.json").write_text("{half")
    land(spark, on(files, lake, "run-2"), 3)
    assert manifest(lake)["run_id"] == "run-2"


@pytest.mark.parametrize("column", ["a.b", "`", "with space", "é", "COUNT(*)"])
def test_any_name_of_a_column_can_be_landed(
    column: str, spark: SparkSession, files: FailingFileSystem, lake: Path
) -> None:
    landing = on(files, lake)
    with landing.staged_table(spark.range(2).toDF(column), TABLE) as staged:
        landing.promote(staged)
    assert spark.read.parquet(str(lake / TABLE)).columns == [column]

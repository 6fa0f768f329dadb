"""Delta tables: every change is one commit that is never made twice, and the history says whose it is."""

import json
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, lit, raise_error, when
from pyspark.sql.types import IntegerType, LongType, StringType, StructField, StructType

from ingestion.lake.delta_commits import Changes, Commit
from ingestion.lake.delta_sql import Clause, upsert
from ingestion.lake.delta_tables import DeltaTable
from ingestion.platform.errors import LakeError, SchemaChangedError
from support.standard_compute import refuse_settings, take_settings

APPLICATION = "sales.orders"
COLUMNS = ("id", "name")


@pytest.fixture
def table(spark: SparkSession, tmp_path: Path) -> DeltaTable:
    return DeltaTable(spark, str(tmp_path / "lake" / "orders"))


def commit(version: int, **metadata: Any) -> Commit:
    return Commit(APPLICATION, version, metadata)


def rows(spark: SparkSession, *values: tuple[Any, ...], columns: str = "id long, name string") -> DataFrame:
    return spark.createDataFrame(list(values), columns)


def found(table: DeltaTable) -> list[tuple[Any, ...]]:
    """Return the rows as a reader finds them who is not Spark."""
    return sorted(tuple(row.values()) for row in deltalake.DeltaTable(str(table)).to_pyarrow_table().to_pylist())


def operations(table: DeltaTable) -> list[str]:
    return [version.operation for version in reversed(table.history())]


def test_what_was_committed_is_not_committed_again(spark: SparkSession, table: DeltaTable) -> None:
    for _ in range(2):
        table.overwrite(rows(spark, (1, "a"), (2, "b")), commit(1))
    for _ in range(2):
        table.append(rows(spark, (3, "c")), commit(2))
    for changes in (Changes(inserted=1, updated=1, deleted=0), None):
        assert table.merge(rows(spark, (2, "B"), (4, "d")), ["id"], upsert(COLUMNS), commit(3)) == changes
    for _ in range(2):
        table.overwrite(rows(spark, (4, "D")), commit(4), replace_where="id >= 4")
    assert found(table) == [(1, "a"), (2, "B"), (3, "c"), (4, "D")]
    assert [version.commit.version for version in reversed(table.history()) if version.commit] == [1, 2, 3, 4]


def test_the_metadata_of_a_commit_is_found_again(spark: SparkSession, table: DeltaTable) -> None:
    position = {"position": "2026-11-28T00:00:00Z", "note": 'it\'s {odd} \\ "Zoë" `陈`'}
    table.overwrite(rows(spark, (1, "a")), commit(1, **position))
    assert table.last_commit(APPLICATION) == Commit(APPLICATION, 1, position)
    table.merge(rows(spark, (1, "b")), ["id"], upsert(COLUMNS), commit(2, **position))
    assert table.last_commit(APPLICATION) == Commit(APPLICATION, 2, position)
    assert table.last_commit("sales.customers") is None
    table.append(rows(spark, (2, "c")), Commit("sales.customers", 1))
    assert table.last_commit(APPLICATION) == Commit(APPLICATION, 2, position)
    (newest, *_) = deltalake.DeltaTable(str(table)).history(1)
    assert json.loads(newest["userMetadata"])["application"] == "sales.customers"


@pytest.mark.parametrize("of_the_session", [refuse_settings, take_settings])
def test_a_merge_is_committed_once_whether_the_session_takes_settings_or_not(
    spark: SparkSession,
    table: DeltaTable,
    monkeypatch: pytest.MonkeyPatch,
    of_the_session: Callable[[pytest.MonkeyPatch, type], None],
) -> None:
    of_the_session(monkeypatch, type(spark.conf))
    table.overwrite(rows(spark, (1, "a")), commit(1))
    position = {"position": "2026-11-28T00:00:00Z", "note": 'it\'s {odd} \\ "Zoë" `陈`'}
    changed = rows(spark, (1, "A"), (2, "b"))
    assert table.merge(changed, ["id"], upsert(COLUMNS), commit(2, **position)) == Changes(1, 1, 0)
    assert table.last_commit(APPLICATION) == commit(2, **position)
    assert table.merge(changed, ["id"], upsert(COLUMNS), commit(2, **position)) is None
    assert found(table) == [(1, "A"), (2, "b")]
    assert table.changes_by_others(since=0) == []


def test_a_merge_does_what_its_clauses_say_and_leaves_the_sessions_settings_alone(
    spark: SparkSession, table: DeltaTable
) -> None:
    table.overwrite(rows(spark, (1, "a"), (2, "b"), (3, "c"), (4, "d")), commit(1))
    clauses = (
        Clause("MATCHED", "DELETE", when="source.op = 'D'"),
        Clause("MATCHED", "UPDATE", {"name": "source.new"}, when="source.new > target.name"),
        Clause("NOT MATCHED", "INSERT", {"id": "source.key", "name": "source.new"}, when="source.op <> 'D'"),
        Clause("NOT MATCHED BY SOURCE", "UPDATE", {"name": "'gone'"}),
    )
    changes = [(1, "z", "U"), (2, "B", "U"), (3, None, "D"), (5, "e", "U"), (6, "f", "D")]
    source = rows(spark, *changes, columns="key long, new string, op string")
    assert table.merge(source, {"id": "source.key"}, clauses, commit(2)) == Changes(inserted=1, updated=2, deleted=1)
    table.append(rows(spark, (7, "g")), Commit("another writer", 1))
    assert found(table) == [(1, "z"), (2, "b"), (4, "gone"), (5, "e"), (7, "g")]
    assert [version.commit for version in table.history(2)] == [Commit("another writer", 1), commit(2)]


def test_merges_of_two_threads_are_each_their_own_commit(
    spark: SparkSession, table: DeltaTable, tmp_path: Path
) -> None:
    tables = [table, DeltaTable(spark, str(tmp_path / "lake" / "customers"))]
    for each in tables:
        each.create(rows(spark, (1, "a")).schema)
    made: dict[str, Changes | None] = {}

    def merge(number: int) -> None:
        name = f"application {number}"
        made[name] = tables[number].merge(rows(spark, (number, "x")), ["id"], upsert(COLUMNS), Commit(name, 1))

    threads = [threading.Thread(target=merge, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == {"application 0": Changes(1, 0, 0), "application 1": Changes(1, 0, 0)}
    assert [each.last_commit(f"application {number}") for number, each in enumerate(tables)] == [
        Commit(f"application {number}", 1) for number in range(2)
    ]


def test_new_columns_and_wider_types_are_taken_and_all_else_is_refused(spark: SparkSession, table: DeltaTable) -> None:
    table.overwrite(rows(spark, (1, Decimal(2), "a"), columns="id int, amount decimal(5,2), name string"), commit(1))
    wider = StructType.fromDDL("id long, amount decimal(12,2), Name string, `unit; (price)` double")
    table.evolve(wider)
    assert table.columns() == StructType.fromDDL("id long, amount decimal(12,2), name string, `unit; (price)` double")
    table.append(spark.createDataFrame([(2**40, Decimal("1234567.89"), "b", 0.5)], wider), commit(2))
    with pytest.raises(SchemaChangedError, match=r"column id changed from bigint to string"):
        table.evolve(StructType.fromDDL("id string, other int"))
    with pytest.raises(LakeError, match="cannot be appended to"):
        table.append(rows(spark, ("no number",), columns="id string"), commit(3))
    with pytest.raises(LakeError, match="cannot be appended to"):
        table.append(rows(spark, (1, 1), columns="id long, other int"), commit(3))
    assert [tuple(row) for row in table.read().orderBy("id").collect()] == [
        (1, Decimal("2.00"), "a", None),
        (2**40, Decimal("1234567.89"), "b", 0.5),
    ]
    assert table.changes_by_others(since=0) == []


def test_what_others_do_to_the_rows_is_told_and_upkeep_is_not(spark: SparkSession, table: DeltaTable) -> None:
    table.overwrite(rows(spark, (1, "a"), (2, "b")), commit(1))
    table.append(rows(spark, (3, "c")), commit(2))
    spark.sql(f"ALTER TABLE {table.identifier} SET TBLPROPERTIES ('team' = 'sales')")
    spark.sql(f"COMMENT ON TABLE {table.identifier} IS 'orders'")
    spark.sql(f"OPTIMIZE {table.identifier}")
    assert table.changes_by_others(since=0) == []
    spark.sql(f"RESTORE TABLE {table.identifier} TO VERSION AS OF 0")
    last = table.last_commit(APPLICATION)
    assert last == commit(2)  # ahead of the rows, which only the next line tells
    restored, *_ = table.changes_by_others(since=1)
    assert (restored.operation, restored.commit) == ("RESTORE", None)
    assert table.changes_by_others(since=restored.number) == []
    deltalake.write_deltalake(str(table), rows(spark, (9, "z")).toArrow(), mode="append")
    assert [change.operation for change in table.changes_by_others(since=restored.number)] == ["WRITE"]


def test_a_commit_is_known_for_longer_than_the_log_is_kept(spark: SparkSession, table: DeltaTable) -> None:
    table.create(rows(spark, (1, "a")).schema, properties={"delta.checkpointInterval": "2"})
    table.append(rows(spark, (1, "a")), commit(7, position=1))
    table.append(rows(spark, (2, "b")), Commit("another writer", 1))
    log = Path(str(table)) / "_delta_log"
    assert (log / f"{2:020}.checkpoint.parquet").exists()
    for version in (0, 1):  # which is what Delta's own clean-up removes after 30 days
        (log / f"{version:020}.json").unlink()
    assert [version.number for version in table.history()] == [2]
    assert table.last_commit(APPLICATION) == commit(7)
    table.append(rows(spark, (1, "a")), commit(7))
    assert found(table) == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("kind", ["folder", "catalog"])
def test_a_table_is_made_once_with_comments_properties_and_clustering(
    spark: SparkSession, tmp_path: Path, kind: str
) -> None:
    table = DeltaTable(spark, str(tmp_path / "it's {a} `lake`" / "t") if kind == "folder" else "spark_catalog.lake.t")
    if kind == "catalog":
        spark.sql("CREATE SCHEMA IF NOT EXISTS lake")
    assert not table.exists()
    inner = StructType([StructField("a, b", IntegerType()), StructField("c", StringType())])
    columns = StructType(
        [
            StructField("id", LongType(), nullable=False, metadata={"comment": "the order's number"}),
            StructField("Größe; (cm)", inner),
            StructField("_it's `odd`", StringType()),
        ]
    )
    for _ in range(2):
        table.create(columns, properties={"team": "it's us"}, comment="Orders of \\sales\\", clustering=["id"])
    assert table.exists()
    detail = spark.sql(f"DESCRIBE DETAIL {table.identifier}").collect()[0]
    assert (detail["description"], detail["clusteringColumns"]) == ("Orders of \\sales\\", ["id"])
    assert detail["properties"]["team"] == "it's us"
    assert [field.metadata.get("comment") for field in table.columns()] == ["the order's number", None, None]
    frame = spark.createDataFrame([(1, (2, "x"), "y")], columns)
    for _ in range(2):
        table.append(frame, commit(1))
        table.merge(spark.createDataFrame([(2, None, "z")], columns), ["id"], upsert(columns.names), commit(2))
    assert [tuple(row) for row in table.read().orderBy("id").collect()] == [(1, (2, "x"), "y"), (2, None, "z")]
    for _ in range(2):
        table.overwrite(spark.createDataFrame([("new", 1)], "name string, `a b` int"), commit(3))
    assert [tuple(row) for row in table.read().collect()] == [("new", 1)]
    assert operations(table)[:2] == ["CREATE TABLE", "WRITE"]
    assert table.last_commit(APPLICATION) == commit(3)
    assert table.version() == 3
    spark.sql(f"DROP TABLE IF EXISTS {table.identifier}")


def test_a_folder_without_a_delta_log_is_no_table(spark: SparkSession, table: DeltaTable) -> None:
    assert not table.exists()
    spark.range(1).write.parquet(str(table))
    assert not table.exists()
    with pytest.raises(LakeError, match="its history cannot be read") as failure:
        table.history()
    assert "\n" not in str(failure.value)


def test_a_table_holds_after_any_failures_and_repetitions_what_was_committed(
    spark: SparkSession, table: DeltaTable
) -> None:
    """Each step meets a source that breaks off, is made, and is repeated as after a kill; a dict is the truth."""
    schema = "id long, name string"
    chance = random.Random(20261128)  # noqa: S311 - steps to be tried, no secret
    truth: dict[int, str] = {}
    table.create(StructType.fromDDL(schema))
    for number in range(1, 5):
        changed = {key: f"{key} of {number}" for key in chance.sample(range(8), 4)}
        frame = rows(spark, *changed.items())
        broken = frame.withColumn(
            "name", when(col("id") == max(changed), raise_error(lit("broken off"))).otherwise("x")
        )
        if number % 3:
            truth |= changed
            steps: list[Callable[[DataFrame], Any]] = [
                lambda source, n=number: table.merge(source, ["id"], upsert(COLUMNS), commit(n))
            ]
        else:
            truth = dict(changed)
            steps = [lambda source, n=number: table.overwrite(source, commit(n))]
        for step in steps:
            with pytest.raises(LakeError, match="broken off"):
                step(broken)
            for _ in range(chance.randint(1, 2)):
                step(frame)
        assert table.last_commit(APPLICATION) == commit(number)
    assert found(table) == sorted(truth.items())


def test_values_are_the_same_as_in_parquet(spark: SparkSession, table: DeltaTable) -> None:
    moment = datetime(2026, 3, 29, 1, 59, 59, 123456)
    row = (1, "Zoë 陈", Decimal("-9999999999.99"), moment.date(), moment, moment.replace(tzinfo=UTC), True, b"\x00\xff")
    columns = "id long, name string, amount decimal(12,2), born date, made timestamp_ntz, seen timestamp"
    frame = rows(spark, row, (None,) * len(row), columns=f"{columns}, ok boolean, raw binary")
    table.overwrite(frame, commit(1))
    read = deltalake.DeltaTable(str(table)).to_pyarrow_table().to_pylist()
    assert sorted((tuple(values.values()) for values in read), key=str) == [row, (None,) * len(row)]

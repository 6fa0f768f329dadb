"""Loading only what changed, whatever the source: windows, positions, dispositions, and what may come between."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fakes.changing_source import ChangingSource
from fakes.workspace import Settings
from ingestion.feeds.model import CheckSpec, Table, TableIncremental
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.journal import Journal, journal_path, read_journal, write_journal
from ingestion.lake.storage import Storage
from ingestion.loads import target
from ingestion.loads.incremental import IncrementalLoad
from ingestion.loads.results import FeedResult
from ingestion.loads.run_context import Run
from ingestion.platform.errors import (
    DeletesRefusedError,
    PositionLostError,
    QualityError,
    SchemaChangedError,
    SourceError,
    TargetChangedError,
)
from ingestion.platform.log import StepLog, utc_now
from local_factory.cluster.spark import Cluster
from local_factory.server.monitor.tables import read_table
from support.lakes import table_rows

FEED = Table(
    name="shop.orders",
    source="shop",
    destination="shop/orders",
    write_disposition="merge",
    primary_key=("id",),
    incremental=TableIncremental(method="cursor", cursor_column="at"),
)
Load = Callable[..., FeedResult]
Found = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def source(spark: SparkSession) -> ChangingSource:
    return ChangingSource(spark, rows=[(1, "a", 10), (2, "b", 20)])


@pytest.fixture
def load(spark: SparkSession, source: ChangingSource, lake: Path) -> Load:
    """Return a function that loads the feed, some of whose keys may be others, and returns what came of it."""

    def run(
        mode: str = "load",
        feed: Table = FEED,
        storage: Storage | None = None,
        start: str = "",
        end: str = "",
        **keys: Any,
    ) -> FeedResult:
        settings = Settings(environment={"LAKE_ROOT": str(lake)})
        log = StepLog(lambda text: text, utc_now)
        this = Run.begin(spark, settings.configuration(), log, sleep=lambda _seconds: None)
        this = this if storage is None else replace(this, storage=storage)
        result = FeedResult(feed.name, mode)
        this_load = IncrementalLoad(this, replace(feed, **keys), source, result)
        match mode:
            case "reload":
                this_load.reload()
            case "backfill":
                this_load.backfill(start, end)
            case _:
                this_load.load()
        return result

    return run


@pytest.fixture
def found(lake: Path) -> Found:
    """Return a function that returns the rows of the target, all columns or some."""

    def read(*columns: str) -> list[tuple[Any, ...]]:
        rows = table_rows(lake / "shop/orders", *columns)
        return sorted(rows, key=lambda row: tuple((value is not None, str(value)) for value in row))

    return read


def commits(lake: Path) -> int:
    return len(list((lake / "shop/orders/_delta_log").glob("*.json")))


def journal(lake: Path) -> Journal:
    found = read_journal(FolderStorage(str(lake)), "shop/orders")
    assert found is not None
    return found


def compiled_classes(cluster: Cluster) -> int:
    """Return how many classes Spark has generated and compiled so far."""
    metrics = cluster.session._jvm.org.apache.spark.metrics.source.CodegenMetrics
    return int(metrics.METRIC_COMPILATION_TIME().getCount())


def test_a_merge_has_each_key_once_with_the_last_values_and_no_change_makes_no_commit(
    load: Load, found: Found, source: ChangingSource, lake: Path
) -> None:
    first = load()
    assert (first.inserted, first.rows_in_target, first.position_before, first.position_after) == (2, 2, None, "20")
    assert found() == [(1, "a", 10), (2, "b", 20)]
    source.rows = [(1, "A", 30), (2, "b", 20), (3, "c", 30)]
    second = load()
    assert (second.rows_read, second.inserted, second.updated, second.deleted) == (3, 1, 1, 0)
    assert (second.rows_in_target, second.position_before, second.position_after) == (3, "20", "30")
    assert found() == [(1, "A", 30), (2, "b", 20), (3, "c", 30)]
    shown = read_table(lake / "shop/orders", 10)
    assert (shown.rows, sorted(shown.first)) == (3, [["1", "A", "30"], ["2", "b", "20"], ["3", "c", "30"]])
    before = commits(lake)
    idle = load()
    assert (idle.rows_read, idle.inserted, idle.updated, idle.rows_in_target) == (0, 0, 0, 3)
    assert commits(lake) == before
    assert journal(lake).window is None


def test_a_late_row_at_the_position_is_read_and_one_within_lookback_too(
    load: Load, found: Found, source: ChangingSource, lake: Path
) -> None:
    load()
    source.rows += [(3, "tie", 20)]
    assert load().inserted == 1
    source.rows += [(4, "late", 15)]
    assert load().inserted == 0, "below the position, and there is no lookback"
    source.lookback = 5
    assert load().inserted == 1
    assert {row[0] for row in found()} == {1, 2, 3, 4}


def test_rows_that_only_come_again_make_no_commit(load: Load, source: ChangingSource, lake: Path) -> None:
    source.lookback = 100
    load()
    before = commits(lake)
    source.rows += [(1, "a", 10)][:0]
    source.lookback = 99  # other rows are read again than the journal knows of: they are held against the target
    load()
    assert commits(lake) == before


def test_what_was_read_before_and_is_as_it_was_is_no_part_of_the_merge_that_news_make(
    load: Load, found: Found, source: ChangingSource, spark: SparkSession, lake: Path
) -> None:
    source.is_ordered, source.lookback = True, 5
    known = [*((number, "a", 10) for number in range(2, 8)), (8, "a", 50), (9, "a", 49)]
    source.rows = [(0, "a", 10), (1, "a", 10), *known]
    load()
    source.rows = [(0, "b", 60), (1, "a", 60), *known, (10, "c", 60)]
    row = load()
    assert (row.rows_read, row.inserted, row.updated, row.rows_in_target) == (5, 1, 2, 11)
    assert found() == sorted(source.rows, key=lambda values: str(values[0]))
    last = spark.sql(f"DESCRIBE HISTORY delta.`{lake / 'shop/orders'}` LIMIT 1").collect()[0]
    assert (last["operation"], last["operationMetrics"]["numSourceRows"]) == ("MERGE", "3")


def test_a_row_that_changed_below_the_position_is_merged_with_the_news_and_the_others_stay_as_they_are(
    load: Load, found: Found, source: ChangingSource
) -> None:
    source.is_ordered, source.lookback = True, 100
    load(deletes="soft")
    source.rows = [(1, "late", 10), (2, "b", 20), (3, "c", 30), (4, "lost", 5)]
    row = load(deletes="soft")
    assert (row.rows_read, row.inserted, row.updated, row.rows_in_target) == (4, 2, 1, 4)
    assert found("id", "name", "at") == sorted(source.rows)


@pytest.mark.classic_only("asks the JVM what it compiled")
def test_of_a_merge_like_the_one_before_hardly_any_code_is_compiled_anew(
    load: Load, source: ChangingSource, spark_cluster: Cluster
) -> None:
    load()
    classes = []
    for number in range(3):
        before = compiled_classes(spark_cluster)
        source.rows = [(1, f"changed {number}", 30 + number), *source.rows[1:], (3 + number, "new", 30 + number)]
        row = load()
        assert (row.inserted, row.updated) == (1, 1)
        classes.append(compiled_classes(spark_cluster) - before)
    # A merge has some hundred, which is what Spark keeps unless it is told otherwise: each pushed out the last ones.
    assert classes[-1] <= 10, classes


def test_rows_that_a_backfill_brought_already_make_no_commit(
    load: Load, found: Found, source: ChangingSource, lake: Path
) -> None:
    source.is_ordered = True
    load()
    source.rows += [(3, "c", 30)]
    assert load("backfill", start="30", end="31").inserted == 1
    before = commits(lake)
    row = load()
    assert (row.rows_read, row.inserted, row.updated, row.position_after) == (2, 0, 0, "30")
    assert commits(lake) == before
    source.rows += [(4, "d", 40)]
    assert load().inserted == 1
    assert found() == source.rows


def test_a_row_that_a_check_refused_lands_once_the_check_takes_it(
    load: Load, found: Found, source: ChangingSource
) -> None:
    source.is_ordered, source.lookback = True, 100
    source.rows = [*((number, "a", 10) for number in range(30)), (30, None, 10)]
    assert load(checks=(CheckSpec("not_null", ("name",), {}),)).quarantined == 1
    source.rows += [(31, "b", 20)]
    assert load().inserted == 2
    assert found("id")[-1] == (9,), "ordered as text"
    assert len(found()) == 32


def test_every_so_many_versions_small_files_become_one_and_loads_go_on(
    load: Load, source: ChangingSource, lake: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "_VERSIONS_BETWEEN_UPKEEP", 3)
    load()
    for number in range(3, 6):
        source.rows += [(number, "new", number * 10)]
        load()
    kept = spark.sql(f"DESCRIBE HISTORY delta.`{lake / 'shop/orders'}`").collect()
    assert [row["operation"] for row in kept if row["version"] in {4, 5, 6}][::-1] == [
        "OPTIMIZE",
        "VACUUM START",
        "VACUUM END",
    ]
    assert spark.sql(f"DESCRIBE DETAIL delta.`{lake / 'shop/orders'}`").collect()[0]["numFiles"] == 1
    source.rows = [(1, "later", 60), *source.rows[1:]]
    row = load()
    assert (row.updated, row.inserted, row.rows_in_target) == (1, 0, 5)
    assert spark.read.format("delta").load(str(lake / "shop/orders")).count() == 5


def test_columns_in_another_order_are_no_change(load: Load, source: ChangingSource, lake: Path) -> None:
    load()
    before = commits(lake)
    source.columns, source.rows = "name string, id long, at long", [("a", 1, 10), ("b", 2, 20)]
    row = load()
    assert (row.inserted, row.updated, commits(lake)) == (0, 0, before)


def test_what_is_kept_of_a_load_does_not_grow_with_ties_or_history(
    load: Load, source: ChangingSource, lake: Path
) -> None:
    def size() -> int:
        return len((lake / journal_path("shop/orders")).read_bytes())

    load()
    small = size()
    source.rows = [(number, "tie", 30) for number in range(2000)]
    load()
    source.rows += [(9000, "next", 31)]
    load()
    assert size() < small + 50


def test_of_several_rows_of_a_key_the_newest_counts_and_a_tie_of_different_rows_fails(
    load: Load, found: Found, source: ChangingSource, lake: Path
) -> None:
    source.is_key_kept, source.tells_deletes = False, True
    source.rows = [(1, "old", 10), (1, "new", 11), (1, "new", 11)]
    assert load().rows_in_target == 1
    assert found() == [(1, "new", 11)]
    source.rows += [(2, "this", 20), (2, "that", 20)]
    with pytest.raises(SourceError, match=r"different rows have one key, and none of them is the newest: id = 2"):
        load()
    source.rows = [(None, "nobody", 20)]
    with pytest.raises(SourceError, match=r"rows have no key: id = None"):
        load()
    assert found() == [(1, "new", 11)]
    assert journal(lake).position == "11"


@pytest.mark.parametrize("deletes", ["hard", "soft"])
def test_told_deletes_are_applied_and_a_key_that_comes_back_is_there_again(
    load: Load, found: Found, source: ChangingSource, deletes: str
) -> None:
    source.tells_deletes = True
    source.rows = [(number, "a", 10) for number in range(20)]
    load(deletes=deletes)
    source.rows = [(1, "back", 30), *source.rows[2:]]
    source.deletions = [(20, 0), (20, 1), (20, 99)]
    row = load(deletes=deletes)
    assert (row.inserted, row.updated, row.deleted) == (0, 1, 1), "0 went, 1 came back, 99 never was there"
    names = {values[0]: values for values in found()}
    assert names[1][:3] == (1, "back", 30)
    assert (0 in names) is (deletes == "soft")
    if deletes == "soft":
        assert names[0][1] == "a", "its last values are kept"
        assert names[0][3] is not None
        source.rows += [(0, "again", 40)]
        load(deletes=deletes)
        assert {values[0]: values for values in found()}[0] == (0, "again", 40, None)


def test_an_append_takes_no_row_whose_key_it_has(load: Load, found: Found, source: ChangingSource, lake: Path) -> None:
    load(write_disposition="append")
    source.rows += [(3, "tie", 20), (1, "changed", 30)]
    assert load(write_disposition="append").inserted == 1
    assert found() == [(1, "a", 10), (2, "b", 20), (3, "tie", 20)]
    before = commits(lake)
    source.rows += [(1, "changed", 40)]
    assert load(write_disposition="append").inserted == 0
    assert commits(lake) == before


def test_an_append_without_a_key_reads_windows_that_do_not_overlap(
    load: Load, found: Found, source: ChangingSource
) -> None:
    source.key, source.is_exclusive = (), True
    for _ in range(2):
        load(write_disposition="append", primary_key=())
    source.rows += [(2, "b", 21)]
    load(write_disposition="append", primary_key=())
    assert found() == [(1, "a", 10), (2, "b", 20), (2, "b", 21)]


def test_a_window_is_replaced_whole(load: Load, found: Found, source: ChangingSource, lake: Path) -> None:
    source.key, source.lookback = (), 5
    source.rows = [(1, "a", 10), (2, "b", 18), (3, "c", 20)]
    load(write_disposition="replace_window", primary_key=())
    source.rows = [(1, "a", 10), (3, "C", 20), (3, "C", 20), (4, "d", 25)]
    load(write_disposition="replace_window", primary_key=())
    assert found() == [(1, "a", 10), (3, "C", 20), (3, "C", 20), (4, "d", 25)]
    before = commits(lake)
    load(write_disposition="replace_window", primary_key=())
    assert commits(lake) == before


def test_scd2_has_each_version_once_also_one_that_comes_again(
    load: Load, found: Found, source: ChangingSource, lake: Path
) -> None:
    source.tells_deletes, source.columns = True, "id long, name string, at long"
    versions: list[tuple[Any, ...]] = []

    def scd2() -> list[tuple[Any, ...]]:
        load(write_disposition="scd2", deletes="soft", delete_limit=0.9)
        return sorted(found("at", "id", "name", "_is_current"), key=str)

    source.rows = [(1, "A", 10), (2, "x", 10), (3, "y", 10)]
    versions = [(10, 1, "A", True), (10, 2, "x", True), (10, 3, "y", True)]
    assert scd2() == versions
    source.rows = [(1, "B", 20), (1, "A", 30), (2, "x", 10), (3, "y", 10)]
    versions = [(10, 1, "A", False), (10, 2, "x", True), (10, 3, "y", True), (20, 1, "B", False), (30, 1, "A", True)]
    assert scd2() == versions
    before = commits(lake)
    assert scd2() == versions
    assert commits(lake) == before, "no version for no change"
    source.rows = [(1, "A", 50), (2, "x", 10), (3, "y", 10)]
    source.deletions = [(40, 1), (40, 2)]
    assert scd2() == [
        (10, 1, "A", False),
        (10, 2, "x", False),
        (10, 3, "y", True),
        (20, 1, "B", False),
        (30, 1, "A", False),
        (50, 1, "A", True),
    ]
    ended = {values[:2]: values[2:] for values in found("id", "at", "_valid_to", "_deleted_at")}
    assert ended[2, 10][1] is not None, "it was deleted"
    assert ended[1, 30][1] is not None, "it was deleted, too, before it came back"
    assert ended[1, 20][1] is None, "it was not deleted, but changed"
    assert ended[1, 50] == (None, None)


def test_a_scan_of_the_keys_finds_what_is_gone_and_an_empty_one_deletes_nothing(
    load: Load, found: Found, source: ChangingSource, lake: Path
) -> None:
    scan = {"deletes": "hard", "delete_detection": "key_scan"}
    source.rows = [(number, "a", 10) for number in range(20)]
    load(**scan)
    source.rows = source.rows[1:]
    assert load(**scan).deleted == 1
    assert len(found()) == 19
    before = commits(lake)
    assert load(**scan).deleted == 0
    assert commits(lake) == before
    source.rows = source.rows[5:]
    with pytest.raises(DeletesRefusedError, match=r"5 rows are gone from the source, 26\.32% of the 19 rows"):
        load(**scan)
    source.rows, kept = [], source.rows
    with pytest.raises(DeletesRefusedError, match="all 19 rows"):
        load(**scan, delete_limit=1.0)
    assert len(found()) == 19
    source.rows = kept
    later = {"key_scan_every": timedelta(days=1)}
    assert load(**scan, **later, delete_limit=0.5).deleted == 0, "the last scan was today"
    assert load(**scan, delete_limit=0.5).deleted == 5


def test_what_is_gone_since_a_first_load_that_was_killed_after_its_commit_is_found_by_the_next_run(
    load: Load, found: Found, source: ChangingSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = {"deletes": "hard", "delete_detection": "key_scan", "delete_limit": 0.9}
    writes: list[Journal] = []

    def die_at_the_second(storage: Storage, name: str, journal: Journal) -> None:
        writes.append(journal)
        if len(writes) > 1:
            raise KeyboardInterrupt
        write_journal(storage, name, journal)

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr("ingestion.loads.incremental.write_journal", die_at_the_second)
        load(**scan)
    source.rows = source.rows[1:]
    assert load(**scan).deleted == 1
    assert [row[0] for row in found()] == [2]


def test_a_row_that_a_scan_deleted_and_that_comes_back_as_it_was_is_there_again(
    load: Load, found: Found, source: ChangingSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = {"deletes": "hard", "delete_detection": "key_scan", "delete_limit": 0.9}
    load(**scan)
    with monkeypatch.context() as while_it_was_gone:
        while_it_was_gone.setattr(source, "keys", lambda: source._frame(source.rows[:1]).select("id"))
        assert load(**scan).deleted == 1
    result = load(**scan)
    assert (result.inserted, result.rows_in_target) == (1, 2)
    assert found() == source.rows


def test_a_reload_takes_the_place_of_the_table_in_one_commit_and_a_failed_one_leaves_all_as_it_was(
    load: Load, found: Found, source: ChangingSource, lake: Path
) -> None:
    load()
    source.rows = [(7, "z", 5), (None, "bad", 6)]
    source.is_key_kept = False
    before, position = commits(lake), journal(lake).position
    with pytest.raises(SourceError):
        load("reload")
    assert commits(lake) == before
    source.rows = [(7, "z", 5)]
    source.is_key_kept = True
    assert load("reload").position_after == "5"
    assert position == "20"
    assert found() == [(7, "z", 5)]
    assert commits(lake) == before + 1
    source.rows += [(8, "y", 6)]
    assert load().inserted == 1


def test_a_backfill_reads_from_up_to_without_its_end_and_leaves_the_position(
    load: Load, found: Found, source: ChangingSource
) -> None:
    load()
    source.rows = [(1, "late", 10), (2, "later", 15), (3, "c", 12)]
    row = load("backfill", start="10", end="15")
    assert (row.inserted, row.updated, row.position_after) == (1, 1, "20")
    assert found() == [(1, "late", 10), (2, "b", 20), (3, "c", 12)]


def test_a_full_read_is_merged_as_a_comparison_of_what_was_with_what_is(
    load: Load, found: Found, source: ChangingSource, lake: Path
) -> None:
    source.is_whole = True
    feed = replace(FEED, incremental=TableIncremental(method="full"), deletes="hard", delete_detection="key_scan")
    source.rows = [(number, "a", 10) for number in range(20)]
    load(feed=feed)
    source.rows = [(0, "b", 10), *source.rows[2:], (20, "c", 10)]
    row = load(feed=feed)
    assert (row.inserted, row.updated, row.deleted, row.rows_in_target) == (1, 1, 1, 20)
    assert {values[0] for values in found()} == {0, *range(2, 21)}
    before = commits(lake)
    load(feed=feed)
    assert commits(lake) == before
    source.rows = []
    with pytest.raises(DeletesRefusedError):
        load(feed=feed, delete_limit=1.0)


def test_what_a_source_must_not_become_fails_the_feed_and_says_reload(
    load: Load, source: ChangingSource, lake: Path
) -> None:
    load()
    source.name = "another"
    with pytest.raises(PositionLostError, match="mode reload"):
        load()
    source.name = "one"
    with pytest.raises(PositionLostError, match=r"primary_key was \['id'\], and is \['id', 'name'\].*mode reload"):
        source.key = ("id", "name")
        load(primary_key=("id", "name"))
    source.key = ("id",)
    with pytest.raises(PositionLostError, match=r"deletes was 'ignore', and is 'soft'.*mode reload"):
        load(deletes="soft", delete_detection="key_scan")


def test_a_target_that_another_touched_fails_the_feed_and_says_reload_and_upkeep_does_not(
    load: Load, source: ChangingSource, spark: SparkSession, lake: Path
) -> None:
    load()
    table = f"delta.`{lake / 'shop/orders'}`"
    source.rows += [(3, "c", 30)]
    spark.sql(f"OPTIMIZE {table}")
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('who' = 'me')")
    assert load().inserted == 1
    spark.sql(f"RESTORE TABLE {table} TO VERSION AS OF 0")
    with pytest.raises(TargetChangedError, match=r"is a RESTORE .*mode reload"):
        load()
    load("reload")
    spark.sql(f"DELETE FROM {table} WHERE id = 1")  # noqa: S608 - our own name
    with pytest.raises(TargetChangedError, match=r"is a DELETE .*mode reload"):
        load()
    shutil.rmtree(lake / "shop/orders")
    with pytest.raises(TargetChangedError, match=r"is gone.*mode reload"):
        load()
    load("reload")
    shutil.rmtree(lake / "_positions")
    with pytest.raises(TargetChangedError, match=r"no load of this feed made it.*mode reload"):
        load()


def test_columns_that_come_go_or_change(load: Load, found: Found, source: ChangingSource, lake: Path) -> None:
    load()
    source.columns, source.rows = "id long, name string, more string, at long", [(3, "c", "new", 30)]
    with pytest.raises(SchemaChangedError, match=r"new column more.*schema_contract is 'freeze'"):
        load(schema_contract="freeze")
    assert load(schema_contract="discard_columns").notes == [
        "new column more (string) is left out, as schema_contract says"
    ]
    assert found() == [(1, "a", 10), (2, "b", 20), (3, "c", 30)]
    source.rows += [(4, "d", "newer", 40)]
    assert load().notes == [
        "new column more (string): rows that were loaded before have NULL there until they change; mode reload fills "
        "them"
    ]
    assert found("id", "more") == [(1, None), (2, None), (3, "new"), (4, "newer")], "the row at the position came again"
    source.columns, source.rows = "id long, name string, at long", [(5, "e", 50)]
    with pytest.raises(SchemaChangedError, match=r"column more \(string\) vanished.*mode reload"):
        load()
    source.columns, source.rows = "id long, name int, more string, at long", [(5, 5, "e", 50)]
    with pytest.raises(SchemaChangedError, match=r"column name changed from string to int"):
        load()
    source.columns, source.rows = "id long, name string, more string, at long", [(5, "e", "e", 50)]
    assert load().inserted == 1


def test_a_column_that_changes_while_it_is_read_fails_the_feed_and_nothing_of_that_read_lands(
    load: Load, found: Found, source: ChangingSource
) -> None:
    def changed() -> None:
        raise SourceError("memory: columns changed while they were read")

    load()
    source.rows += [(3, "c", 30)]
    source.on_check = changed
    with pytest.raises(SourceError, match="changed while they were read"):
        load()
    assert found("id") == [(1,), (2,)]
    source.on_check = lambda: None
    assert load().inserted == 1


def test_columns_of_ours_give_way_to_those_of_the_source(load: Load, found: Found, source: ChangingSource) -> None:
    source.columns, source.rows = "id long, _valid_from string, at long", [(1, "theirs", 10)]
    load(write_disposition="scd2")
    assert found("_valid_from", "_is_current")[0] == ("theirs", True)
    assert found("__valid_from")[0][0] is not None


def test_rows_that_break_a_check_are_kept_out_and_deleted_ones_have_nothing_to_break(
    load: Load, found: Found, source: ChangingSource
) -> None:
    source.tells_deletes = True
    source.rows = [(number, "a", 10) for number in range(20)]
    checks = (CheckSpec("not_null", ("name",), {}),)
    load(checks=checks, deletes="hard")
    source.rows += [(20, None, 20), *((number, "b", 20) for number in range(21, 60))]
    source.deletions = [(20, 0)]
    row = load(checks=checks, deletes="hard")
    assert (row.quarantined, row.inserted, row.deleted) == (1, 39, 1)
    source.rows += [(number, None, 70) for number in range(70, 80)]
    with pytest.raises(QualityError, match="nothing was replaced"):
        load(checks=checks, deletes="hard")


def test_too_few_rows_wait_and_the_position_with_them(load: Load, source: ChangingSource) -> None:
    load()
    source.rows += [(3, "c", 30)]
    row = load(land_when_more_than=2)
    assert (row.status, row.position_after) == ("Skipped", "20")
    assert load().inserted == 1

"""Loading only what changed, whatever the source: windows, positions, dispositions, and what may come between."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fakes.changing_source import ChangingSource
from fakes.workspace import Settings
from ingestion.feeds.model import Table, TableIncremental
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.journal import Journal, read_journal
from ingestion.lake.storage import Storage
from ingestion.loads.incremental import IncrementalLoad
from ingestion.loads.results import FeedResult
from ingestion.loads.run_context import Run
from ingestion.platform.log import StepLog, utc_now

FEED = Table(
    name="shop.orders",
    source="shop",
    destination="shop/orders",
    write_disposition="merge",
    primary_key=("id",),
    incremental=TableIncremental(method="cursor", cursor_column="at"),
)
Load = Callable[..., FeedResult]


@pytest.fixture
def source(spark: SparkSession) -> ChangingSource:
    return ChangingSource(spark, rows=[(1, "a", 10), (2, "b", 20)])


@pytest.fixture
def load(spark: SparkSession, source: ChangingSource, lake: Path) -> Load:
    """Return a function that loads the feed, some of whose keys may be others, and returns what came of it."""

    def run(feed: Table = FEED, storage: Storage | None = None, **changes: Any) -> FeedResult:
        settings = Settings(environment={"LAKE_ROOT": str(lake)})
        log = StepLog(lambda text: text, utc_now)
        this = Run.begin(spark, settings.configuration(), log, sleep=lambda _seconds: None)
        this = this if storage is None else replace(this, storage=storage)
        result = FeedResult(feed.name, "load")
        IncrementalLoad(this, replace(feed, **changes), source, result).load()
        return result

    return run


@pytest.fixture
def found(spark: SparkSession, lake: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Return a function that returns the rows of the target, all columns or some."""

    def read(*columns: str) -> list[tuple[Any, ...]]:
        rows = spark.read.format("delta").load(str(lake / "shop/orders")).collect()
        return sorted(
            (tuple(row[name] for name in columns) if columns else tuple(row) for row in rows),
            key=lambda row: tuple((value is not None, str(value)) for value in row),
        )

    return read


def commits(lake: Path) -> int:
    return len(list((lake / "shop/orders/_delta_log").glob("*.json")))


def journal(lake: Path) -> Journal:
    found = read_journal(FolderStorage(str(lake)), "shop/orders")
    assert found is not None
    return found


def test_a_merge_has_each_key_once_with_the_last_values_and_no_change_makes_no_commit(
    load: Load, found: Callable[..., Any], source: ChangingSource, lake: Path
) -> None:
    first = load()
    assert (first.inserted, first.rows_in_target, first.position_before, first.position_after) == (2, 2, None, "20")
    assert found() == [(1, "a", 10), (2, "b", 20)]
    source.rows = [(1, "A", 30), (2, "b", 20), (3, "c", 30)]
    second = load()
    assert (second.rows_read, second.inserted, second.updated, second.deleted) == (3, 1, 1, 0)
    assert (second.rows_in_target, second.position_before, second.position_after) == (3, "20", "30")
    assert found() == [(1, "A", 30), (2, "b", 20), (3, "c", 30)]
    before = commits(lake)
    idle = load()
    assert (idle.rows_read, idle.inserted, idle.updated, idle.rows_in_target) == (0, 0, 0, 3)
    assert commits(lake) == before
    assert journal(lake).window is None


def test_a_late_row_at_the_position_is_read_and_one_within_lookback_too(
    load: Load, found: Callable[..., Any], source: ChangingSource, lake: Path
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

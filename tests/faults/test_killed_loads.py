"""A run that dies at any call of the storage, or at any commit, is followed by one after which all is equal."""

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fakes.changing_source import ChangingSource
from fakes.faulty_storage import DIES_AFTER, Died, FaultyStorage, commits_as_calls, is_commit, is_new_case
from fakes.workspace import Settings
from ingestion.feeds.model import Table, TableIncremental
from ingestion.lake.delta_tables import DeltaTable
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.journal import read_journal
from ingestion.lake.storage import Storage
from ingestion.loads.incremental import IncrementalLoad
from ingestion.loads.results import FeedResult
from ingestion.loads.run_context import Run
from ingestion.platform.errors import LakeError
from ingestion.platform.log import StepLog, utc_now
from support.lakes import leftovers, table_rows

FEED = Table(
    name="shop.orders",
    source="shop",
    destination="orders",
    write_disposition="merge",
    primary_key=("id",),
    incremental=TableIncremental(method="cursor", cursor_column="at"),
    deletes="hard",
    delete_limit=0.9,
)
FIRST = [(1, "a", 10), (2, "b", 20), (3, "c", 20), (4, "d", 20)]
MORE = [(5, "e", 30), (6, "f", 30)]
LAST = (7, "g", 40)
APPENDED: dict[str, Any] = {"write_disposition": "append", "primary_key": (), "deletes": "ignore"}


def load(spark: SparkSession, storage: Storage, source: ChangingSource, mode: str, **keys: Any) -> None:
    settings = Settings(environment={"LAKE_ROOT": storage.root})
    run = Run.begin(spark, settings.configuration(), StepLog(str, utc_now, write=lambda _line: None))
    feed = replace(FEED, **keys)
    this = IncrementalLoad(replace(run, storage=storage), feed, source, FeedResult(feed.name, mode), wait=60)
    match mode:
        case "backfill":
            this.backfill("10", "15")
        case _:
            getattr(this, mode)()


def rows(lake: Path, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(table_rows(lake / "orders", *(columns or ("id", "name", "at"))), key=str)


class DyingCommits:
    """Lets the run die before a table's commit, or after it; counts commits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dies: str | None = None
        self.storage: FaultyStorage | None = None
        for name in ("append", "overwrite", "merge"):
            monkeypatch.setattr(DeltaTable, name, self._dying(getattr(DeltaTable, name)))

    def _dying(self, commit: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any, **keys: Any) -> Any:
            if self.dies == "before":
                self._die()
            result = commit(*arguments, **keys)
            if self.dies == "after":
                self._die()
            return result

        return dying

    def _die(self) -> None:
        assert self.storage is not None
        self.dies = None
        self.storage._let_go("lease")
        self.storage.is_dead = True
        raise Died


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def source(spark: SparkSession) -> ChangingSource:
    return ChangingSource(spark, rows=list(FIRST), key=(), is_exclusive=True)


def next_run(spark: SparkSession, lake: Path, source: ChangingSource, **keys: Any) -> None:
    load(spark, FolderStorage(str(lake)), source, "load", **keys)


# Loads call the storage alike: a call is killed in the sweep of one of the four dispositions, a commit in every sweep.
# SWEEPS=all: each call in each.
IS_WHOLE = os.environ.get("SWEEPS") == "all"


@dataclass(frozen=True)
class Sweep:
    """A load that is killed at each of its calls.

    Attributes:
        mode: of the run.
        keys: of the feed.
        changed: the source's rows when it runs; None: nothing was loaded before.
        expected: rows that the table holds after it and another run; None: the source's.
        columns: of them.
        declared: the source's columns from then on; None: as before.
    """

    mode: str = "load"
    keys: dict[str, Any] = field(default_factory=dict)
    changed: Sequence[tuple[Any, ...]] | None = ((2, "B", 35), (3, "c", 20), (4, "d", 20), (5, "e", 30), (6, "f", 30))
    expected: Sequence[tuple[Any, ...]] | None = None
    columns: tuple[str, ...] = ("id", "name", "at")
    declared: str | None = None


_SCAN = {"delete_detection": "key_scan"}
_VERSIONS = [
    (1, "a", False),
    (2, "B", True),
    (2, "b", False),
    (3, "c", True),
    (4, "d", True),
    (5, "e", True),
    (6, "f", True),
]
SWEEPS = {
    "append": Sweep(keys=APPENDED, changed=(*FIRST, *MORE)),
    "merge": Sweep(keys=_SCAN),
    "scd2": Sweep(
        keys={"write_disposition": "scd2", **_SCAN}, expected=_VERSIONS, columns=("id", "name", "_is_current")
    ),
    # The rows of the window from 20 on: 1 is below it.
    "replace_window": Sweep(
        keys={"write_disposition": "replace_window", "deletes": "ignore"},
        changed=(FIRST[0], (3, "C", 20), *MORE),
    ),
    "a new column": Sweep(
        changed=tuple((*row[:2], "more", row[2]) for row in (*FIRST, *MORE)),
        expected=[
            *((*row[:2], "more" if row[2] == FIRST[-1][2] else None, row[2]) for row in FIRST),
            *((*row[:2], "more", row[2]) for row in MORE),
        ],
        columns=("id", "name", "more", "at"),
        declared="id long, name string, more string, at long",
    ),
    "first load": Sweep(changed=None),
    "reload": Sweep("reload", changed=((1, "Z", 5), (9, "z", 20))),
    "backfill": Sweep("backfill", changed=((1, "silent", 10), *FIRST[1:])),
    "repair": Sweep("repair", changed=((1, "silent", 10), *FIRST[2:], (7, "late", 5))),
}


@pytest.mark.parametrize("name", SWEEPS)
def test_whenever_a_run_dies_the_next_one_makes_all_equal(
    spark: SparkSession, source: ChangingSource, tmp_path: Path, name: str
) -> None:
    """After every commit, and at every call of the storage that changes it in one of the sweeps; then it runs again."""
    sweep = SWEEPS[name]
    if name != "append":
        # Of a merge's rows the source tells which are news; the table is not looked at before.
        source = replace(source, key=("id",), is_exclusive=False, is_ordered=name == "merge")
    before = tmp_path / "before"
    if sweep.changed is not None:
        next_run(spark, before, source, **sweep.keys)
    else:
        before.mkdir()

    source.columns = sweep.declared or source.columns

    def run(number: int) -> tuple[Path, FaultyStorage]:
        source.rows = list(FIRST if sweep.changed is None else sweep.changed)
        lake = shutil.copytree(before, tmp_path / str(number))
        storage = FaultyStorage(FolderStorage(str(lake)), number, DIES_AFTER)
        with commits_as_calls(lambda: storage), suppress(Died, LakeError):
            load(spark, storage, source, sweep.mode, **sweep.keys)
        return lake, storage

    def assert_equal(lake: Path, call: str) -> None:
        expected = source.rows if sweep.expected is None else sweep.expected
        assert rows(lake, *sweep.columns) == sorted(expected, key=str), call
        journal = read_journal(FolderStorage(str(lake)), "orders")
        assert journal is not None
        assert (journal.rows, journal.window) == (len(expected), None), call
        assert leftovers(lake) == [], call

    lake, clean = run(0)
    assert_equal(lake, "none")
    cases = [(number, call) for number, call in enumerate(clean.calls, 1) if is_new_case(DIES_AFTER, call)]
    turn = list(SWEEPS).index(name)
    numbers = [number for place, (number, call) in enumerate(cases) if IS_WHOLE or is_commit(call) or place % 4 == turn]
    assert any(is_commit(call) for call in clean.calls)
    for number in numbers:
        lake, storage = run(number)
        assert storage.is_dead
        if name == "append":
            # What comes meanwhile belongs to the next window, not to the one that was begun.
            source.rows.append(LAST)
        load(spark, FolderStorage(str(lake)), source, sweep.mode, **sweep.keys)
        assert_equal(lake, storage.calls[number - 1])


def test_what_a_scan_of_keys_deleted_before_it_died_is_counted_by_the_next_run(
    spark: SparkSession, source: ChangingSource, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = replace(source, key=("id",))
    scan = {"delete_detection": "key_scan"}
    next_run(spark, lake, source, **scan)
    commits = DyingCommits(monkeypatch)
    commits.storage, commits.dies = FaultyStorage(FolderStorage(str(lake))), "after"
    source.rows = source.rows[1:]
    with suppress(Died):
        load(spark, commits.storage, source, "load", **scan)
    assert rows(lake) == source.rows
    next_run(spark, lake, source, **scan)
    journal = read_journal(FolderStorage(str(lake)), "orders")
    assert journal is not None
    assert journal.rows == len(source.rows)


@pytest.mark.parametrize("dies", ["before", "after"])
def test_a_reload_that_dies_at_its_commit_leaves_the_old_position_or_the_new_one(
    spark: SparkSession, source: ChangingSource, lake: Path, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    source = replace(source, key=("id",), is_exclusive=False)
    next_run(spark, lake, source)
    commits = DyingCommits(monkeypatch)
    commits.storage, commits.dies = FaultyStorage(FolderStorage(str(lake))), dies
    source.rows = [(1, "Z", 5), (9, "z", 20)]
    with suppress(Died):
        load(spark, commits.storage, source, "reload")
    source.rows += [(8, "y", 30)]
    next_run(spark, lake, source)
    reloaded = [(1, "Z", 5), (8, "y", 30), (9, "z", 20)]
    kept = sorted([*FIRST, (8, "y", 30), (9, "z", 20)])
    assert rows(lake) == (kept if dies == "before" else reloaded)


@pytest.mark.parametrize("name", ["append", "scd2"])
def test_two_runs_at_once_load_each_row_once(
    spark: SparkSession, source: ChangingSource, lake: Path, name: str
) -> None:
    sweep = SWEEPS[name]
    if name != "append":
        source = replace(source, key=("id",), is_exclusive=False)
    for changed in (FIRST, sweep.changed or ()):
        source.rows = list(changed)
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(next_run, spark, lake, source, **sweep.keys) for _ in range(2)]:
                done.result()
    expected = source.rows if sweep.expected is None else sweep.expected
    assert rows(lake, *sweep.columns) == sorted(expected, key=str)


def test_a_run_that_lost_its_lock_moves_no_position(spark: SparkSession, source: ChangingSource, lake: Path) -> None:
    next_run(spark, lake, source, **APPENDED)
    source.rows += [(6, "f", 40)]

    def overtaken() -> None:
        source.on_read = lambda: None
        (lake / "_locks" / "orders.lock").unlink()
        next_run(spark, lake, source, **APPENDED)
        source.rows += [(7, "g", 50)]
        next_run(spark, lake, source, **APPENDED)

    source.on_read = overtaken
    with pytest.raises(LakeError):
        next_run(spark, lake, source, **APPENDED)
    source.rows += [(8, "h", 60)]
    next_run(spark, lake, source, **APPENDED)
    assert [row[0] for row in rows(lake)] == [1, 2, 3, 4, 6, 7, 8]


@pytest.mark.parametrize("tells_news", [False, True])
def test_a_killed_runs_job_that_commits_the_window_before_the_next_run_does_is_taken_for_it(
    spark: SparkSession, source: ChangingSource, lake: Path, monkeypatch: pytest.MonkeyPatch, tells_news: bool
) -> None:
    source = replace(source, key=("id",), is_exclusive=not tells_news, is_ordered=tells_news)
    next_run(spark, lake, source)
    merge = DeltaTable.merge

    def merge_after_the_dead(table: DeltaTable, frame: Any, *more: Any, is_stored: bool = False) -> Any:
        *how, commit = more
        assert is_stored == tells_news
        dead = replace(commit, metadata={**commit.metadata, "run_id": "dead"})
        assert merge(table, frame, *how, dead, is_stored=is_stored) is not None
        return merge(table, frame, *how, commit, is_stored=is_stored)

    monkeypatch.setattr(DeltaTable, "merge", merge_after_the_dead)
    source.rows = [(1, "A", 31), *source.rows[1:], (9, "i", 32)]
    next_run(spark, lake, source)
    assert rows(lake) == sorted(source.rows)
    journal = read_journal(FolderStorage(str(lake)), "orders")
    assert journal is not None
    assert (journal.rows, journal.window) == (len(source.rows), None)

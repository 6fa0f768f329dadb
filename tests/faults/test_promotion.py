"""A fault at every call of the storage, at every step of a landing: readers see whole data, the next run is clean.

A fault is a call that fails before it did its work, one that fails after it did, or the death of the run at that point,
after which nothing it would still do takes effect, not even to clean up.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count, groupby
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fakes.faulty_storage import DIES_AFTER, FAULTS, Died, FaultyStorage, is_new_case
from ingestion.lake.documents import replace_document
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.storage import Storage
from ingestion.lake.table_landing import table_landing
from ingestion.platform.errors import LakeError, LockedError
from support.lakes import leftovers, rows_found
from support.tables import land_rows, write_rows

pytestmark = pytest.mark.usefixtures("impatient")

TABLE = "customer_data"
FILE = "countries/india.json"
OLD, NEW, NEXT = 3, 5, 7

Land = Callable[[Storage, str, int], None]
Find = Callable[[Path], int | None]


def land_document(storage: Storage, run_id: str, number: int) -> None:
    replace_document(storage, FILE, json.dumps([number] * 1000).encode(), run_id=run_id)


def test_a_reader_of_a_table_finds_it_whole_whatever_fails(spark: SparkSession, tmp_path: Path) -> None:
    def land(storage: Storage, run_id: str, rows: int) -> None:
        land_rows(storage, spark.range(rows, numPartitions=1), TABLE, run_id)

    gaps = try_every_fault(land, lambda lake: rows_found(lake / TABLE), tmp_path, manifest=TABLE)
    # The documented gap: the run dies after the old folder was moved aside, and before the new one was in place.
    assert len(gaps) == 1
    assert gaps[0].startswith("dies after rename customer_data -> ")


def test_a_reader_of_a_delta_table_never_finds_it_gone_whenever_a_run_dies(spark: SparkSession, tmp_path: Path) -> None:
    def land(storage: Storage, run_id: str, rows: int) -> None:
        land_rows(storage, spark.range(rows, numPartitions=1), TABLE, run_id, as_delta=True)

    def find(lake: Path) -> int | None:
        return rows_found(lake / TABLE)

    assert not try_every_fault(land, find, tmp_path, manifest=TABLE, faults=(DIES_AFTER,))


def test_a_reader_of_a_document_finds_it_whole_whatever_fails(tmp_path: Path) -> None:
    def find(lake: Path) -> int | None:
        if not (lake / FILE).exists():
            return None
        content = json.loads((lake / FILE).read_bytes())
        assert len(content) == 1000
        return int(content[0])

    assert not try_every_fault(land_document, find, tmp_path, manifest="countries/india")


def try_every_fault(
    land: Land, find: Find, folder: Path, *, manifest: str, faults: Sequence[str] = FAULTS
) -> list[str]:
    """Land with each fault at each call, and again without one; return after which a reader finds nothing at all."""
    gaps = []
    before = folder / "before"
    land(FolderStorage(str(before)), "run-old", OLD)
    shutil.copytree(before, folder / "clean")
    clean = FaultyStorage(FolderStorage(str(folder / "clean")))
    land(clean, "run-new", NEW)
    for fault in faults:
        for number, call in enumerate(clean.calls, 1):
            if not is_new_case(fault, call):
                continue
            lake = folder / f"{fault} {number}"
            shutil.copytree(before, lake)
            seen: list[int | None] = [OLD]
            real = FolderStorage(str(lake))
            storage = FaultyStorage(real, number, fault, lambda _call, lake=lake, seen=seen: seen.append(find(lake)))
            succeeded = False
            with suppress(LakeError, Died):
                land(storage, "run-new", NEW)
                succeeded = True
            where = f"{fault} {storage.calls[number - 1]}"
            found = [state for state, _ in groupby(seen)]
            assert found in ([OLD], [OLD, NEW], [OLD, None, NEW], [OLD, None, OLD], [OLD, None]), where
            if find(lake) is None:
                assert fault == DIES_AFTER, where
                gaps.append(where)
            if succeeded:
                assert find(lake) == NEW, where
            land(real, "run-next", NEXT)
            assert find(lake) == NEXT, where
            assert leftovers(lake) == [], where
            assert json.loads((lake / "_manifests" / f"{manifest}.json").read_bytes())["run_id"] == "run-next", where
    return gaps


@pytest.mark.parametrize("fault", FAULTS)
def test_the_manifest_is_of_the_document_that_is_in_place_whatever_fails(fault: str, tmp_path: Path) -> None:
    """Once the next run has settled what it found, even if it then lands nothing."""

    for lake in lakes_after_faults(land_document, fault, tmp_path):
        with suppress(LakeError, Died):
            land_document(FaultyStorage(FolderStorage(str(lake)), 2, DIES_AFTER), "run-next", NEXT)
        with suppress(LakeError):
            land_document(RefusesToWrite(str(lake)), "run-last", 0)
        number = json.loads((lake / FILE).read_bytes())[0]
        assert manifest_of(lake, "countries/india") == {OLD: "run-old", NEW: "run-new", NEXT: "run-next"}[number]
        assert leftovers(lake) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_the_manifest_is_of_the_table_that_is_in_place_whatever_fails(
    fault: str, spark: SparkSession, tmp_path: Path
) -> None:
    def land(storage: Storage, run_id: str, rows: int) -> None:
        land_rows(storage, spark.range(rows, numPartitions=1), TABLE, run_id)

    for lake in lakes_after_faults(land, fault, tmp_path):
        # Lands nothing, but settles.
        with table_landing(FolderStorage(str(lake)), TABLE, "run-next"):
            pass
        assert manifest_of(lake, TABLE) == {OLD: "run-old", NEW: "run-new"}[rows_found(lake / TABLE) or 0]
        assert leftovers(lake) == []


def lakes_after_faults(land: Land, fault: str, folder: Path) -> list[Path]:
    """Return lakes on which a second landing met a fault at each of its calls."""
    lakes = []
    for number in count(1):
        lake = folder / str(number)
        land(FolderStorage(str(lake)), "run-old", OLD)
        storage = FaultyStorage(FolderStorage(str(lake)), number, fault)
        with suppress(LakeError, Died):
            land(storage, "run-new", NEW)
        if number > len(storage.calls):
            return lakes
        lakes.append(lake)
    raise AssertionError


def manifest_of(lake: Path, name: str) -> str:
    return str(json.loads((lake / "_manifests" / f"{name}.json").read_bytes())["run_id"])


class RefusesToWrite(FolderStorage):
    """The real folder, but no document can be written."""

    def write(self, path: str, content: bytes) -> None:
        raise LakeError(f"{path} is no country of {len(content)} bytes")


def test_two_runs_at_once_on_one_table_one_wins_whole_the_other_fails_clearly(
    spark: SparkSession, tmp_path: Path
) -> None:
    storage = FolderStorage(str(tmp_path))
    with table_landing(storage, TABLE, "run-1") as first:
        first.stage(spark.range(NEW), write_rows)
        with pytest.raises(LockedError, match=r"another run is landing here.*run-1"):
            table_landing(storage, TABLE, "run-2").__enter__()
        first.promote()
    assert rows_found(tmp_path / TABLE) == NEW
    assert leftovers(tmp_path) == []


def test_a_run_whose_lock_was_taken_away_replaces_nothing(spark: SparkSession, tmp_path: Path) -> None:
    storage = FolderStorage(str(tmp_path))

    def land_twice() -> None:
        with table_landing(storage, TABLE, "asleep") as late:
            late.stage(spark.range(OLD), write_rows)
            (tmp_path / "_locks" / f"{TABLE}.lock").unlink()
            land_rows(storage, spark.range(NEW), TABLE, "awake")
            late.promote()

    with pytest.raises(LakeError, match="was removed while this run held it"):
        land_twice()
    assert rows_found(tmp_path / TABLE) == NEW
    assert manifest_of(tmp_path, TABLE) == "awake"

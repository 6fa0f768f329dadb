"""A fault at every call of the file system, at every step of a landing: readers see whole data, the next run is clean.

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

from fakes.faulty_files import DIES_AFTER, FAULTS, Died, FaultyFiles, FaultyFilesThatNeverReplace, is_new_case
from ingestion.lake.delta import DeltaRs
from ingestion.lake.filesystem import HadoopFileSystem
from ingestion.lake.lake import Lake
from ingestion.platform.errors import LakeError
from support.lakes import leftovers, rows_found

pytestmark = pytest.mark.usefixtures("impatient")

TABLE = "customer_data"
FILE = "countries/india.json"
OLD, NEW, NEXT = 3, 5, 7

Land = Callable[[HadoopFileSystem, Path, str, int], None]
Find = Callable[[Path], int | None]


def test_a_reader_of_a_table_finds_it_whole_whatever_fails(spark: SparkSession, tmp_path: Path) -> None:
    def land(files: HadoopFileSystem, lake: Path, run_id: str, rows: int) -> None:
        landing = Lake(files, str(lake), run_id)
        with landing.staged_table(spark.range(rows, numPartitions=1), TABLE) as staged:
            landing.promote(staged)

    gaps = try_every_fault(FaultyFiles, land, lambda lake: rows_found(lake / TABLE), spark, tmp_path, manifest=TABLE)
    # The documented gap: the run dies after the old folder was moved aside, and before the new one was in place.
    assert len(gaps) == 1
    assert gaps[0].startswith("dies after rename")


def test_a_reader_of_a_delta_table_never_finds_it_gone_whenever_a_run_dies(spark: SparkSession, tmp_path: Path) -> None:
    def land(files: HadoopFileSystem, lake: Path, run_id: str, rows: int) -> None:
        landing = Lake(files, str(lake), run_id, delta=DeltaRs())
        with landing.staged_table(spark.range(rows, numPartitions=1), TABLE) as staged:
            landing.promote(staged)

    def find(lake: Path) -> int | None:
        return rows_found(lake / TABLE)

    assert not try_every_fault(FaultyFiles, land, find, spark, tmp_path, manifest=TABLE, faults=(DIES_AFTER,))


@pytest.mark.parametrize("kind", [FaultyFiles, FaultyFilesThatNeverReplace])
def test_a_reader_of_a_file_finds_it_whole_whatever_fails(
    kind: type[FaultyFiles], spark: SparkSession, tmp_path: Path
) -> None:
    def land(files: HadoopFileSystem, lake: Path, run_id: str, number: int) -> None:
        Lake(files, str(lake), run_id).write_file(FILE, json.dumps([number] * 1000).encode())

    def find(lake: Path) -> int | None:
        if not (lake / FILE).exists():
            return None
        content = json.loads((lake / FILE).read_bytes())
        assert len(content) == 1000
        return int(content[0])

    gaps = try_every_fault(kind, land, find, spark, tmp_path, manifest="countries/india")
    assert len(gaps) == (0 if kind is FaultyFiles else 1)


def try_every_fault(
    kind: type[FaultyFiles],
    land: Land,
    find: Find,
    spark: SparkSession,
    folder: Path,
    *,
    manifest: str,
    faults: Sequence[str] = FAULTS,
) -> list[str]:
    """Land with each fault at each call, and again without one; return after which a reader finds nothing at all."""
    gaps = []
    before = folder / "before"
    land(HadoopFileSystem(spark, str(before)), before, "run-old", OLD)
    clean = kind(spark, str(folder / "clean"))
    shutil.copytree(before, folder / "clean")
    land(clean, folder / "clean", "run-new", NEW)
    for fault in faults:
        for number, call in enumerate(clean.calls, 1):
            if not is_new_case(fault, call):
                continue
            lake = folder / f"{fault} {number}"
            shutil.copytree(before, lake)
            seen: list[int | None] = [OLD]
            files = kind(spark, str(lake), number, fault, lambda _call, lake=lake, seen=seen: seen.append(find(lake)))
            succeeded = False
            with suppress(LakeError, Died):
                land(files, lake, "run-new", NEW)
                succeeded = True
            where = f"{fault} {files.calls[number - 1].replace(str(lake), '')}"
            found = [state for state, _ in groupby(seen)]
            assert found in ([OLD], [OLD, NEW], [OLD, None, NEW], [OLD, None, OLD], [OLD, None]), where
            if find(lake) is None:
                assert fault == DIES_AFTER, where
                gaps.append(where)
            if succeeded:
                assert find(lake) == NEW, where
            land(HadoopFileSystem(spark, str(lake)), lake, "run-next", NEXT)
            assert find(lake) == NEXT, where
            assert leftovers(lake) == [], where
            assert json.loads((lake / "_manifests" / f"{manifest}.json").read_bytes())["run_id"] == "run-next", where
    return gaps


@pytest.mark.parametrize("fault", FAULTS)
def test_the_manifest_is_of_the_data_that_is_in_place_whatever_fails(
    fault: str, spark: SparkSession, tmp_path: Path
) -> None:
    """Once the next run has settled what it found, even if it then lands nothing."""
    for number in count(1):
        lake = tmp_path / str(number)
        Lake(HadoopFileSystem(spark, str(lake)), str(lake), "run-old").write_file(FILE, b'"old"')
        files = FaultyFiles(spark, str(lake), number, fault)
        with suppress(LakeError, Died):
            Lake(files, str(lake), "run-new").write_file(FILE, b'"new"')
        if number > len(files.calls):
            break
        with pytest.raises(LakeError, match="is no country"):
            Lake(RefusesToStage(spark, str(lake)), str(lake), "run-next").write_file(FILE, b'"next"')
        content = json.loads((lake / FILE).read_bytes())
        manifest = json.loads((lake / "_manifests" / FILE).read_bytes())
        assert manifest["run_id"] == f"run-{content}"
        assert leftovers(lake) == []


class RefusesToStage(HadoopFileSystem):
    """The real file system, but nothing can be written aside."""

    def write(self, path: str, content: bytes) -> None:
        raise LakeError(f"{path} is no country of {len(content)} bytes")


def test_two_runs_at_once_on_one_table_one_wins_whole_the_other_fails_clearly(
    spark: SparkSession, tmp_path: Path
) -> None:
    files = HadoopFileSystem(spark, str(tmp_path))
    first, second = Lake(files, str(tmp_path), "run-1"), Lake(files, str(tmp_path), "run-2")
    with first.staged_table(spark.range(NEW), TABLE) as staged:
        with pytest.raises(LakeError, match=r"another run is landing here.*run-1"):
            second.staged_table(spark.range(NEXT), TABLE).__enter__()
        first.promote(staged)
    assert rows_found(tmp_path / TABLE) == NEW
    assert leftovers(tmp_path) == []


def test_a_run_that_was_taken_for_dead_and_wakes_replaces_nothing(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.lake.lock.Lock._give_signs_of_life", lambda _lock, _ended: None)
    files = HadoopFileSystem(spark, str(tmp_path))
    asleep, awake = Lake(files, str(tmp_path), "asleep"), Lake(files, str(tmp_path), "awake")

    def land_twice() -> None:
        with asleep.staged_table(spark.range(OLD), TABLE) as late:
            with awake.staged_table(spark.range(NEW), TABLE) as staged:
                awake.promote(staged)
            asleep.promote(late)

    with pytest.raises(LakeError, match="no sign of life"):
        land_twice()
    assert rows_found(tmp_path / TABLE) == NEW
    assert json.loads((tmp_path / "_manifests" / f"{TABLE}.json").read_bytes())["run_id"] == "awake"

"""One run at a time: a living owner is never robbed, a dead one never in the way for longer than a lease."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from ingestion.lake import lock
from ingestion.lake.filesystem import HadoopFileSystem
from ingestion.lake.lock import Lock
from ingestion.platform.errors import LakeError, LockedError, LockLostError

LEASE = 0.9

Claim = Callable[[str], Lock]


@pytest.fixture
def folder(lake: Path) -> Path:
    return lake / "_locks" / "customer_data"


@pytest.fixture
def claim(spark: SparkSession, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Claim:
    """Return a function that makes a run's claim on one target."""
    monkeypatch.setattr(lock, "LEASE_SECONDS", LEASE)
    files = HadoopFileSystem(spark, str(folder))
    return lambda run_id: Lock(files, str(folder), "customer_data", run_id)


def leave_dead(folder: Path, name: str = "lock", claim_id: str = "dead") -> None:
    """Leave the claim of a run that died."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({"run_id": "run-0", "claim": claim_id}) + "\n.")


def claims(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_lock_is_given_back(claim: Claim, folder: Path) -> None:
    for run_id in ("run-1", "run-2"):
        with claim(run_id).held() as held:
            held.check()
            assert claims(folder) == ["lock"]
            assert json.loads((folder / "lock").read_text())["run_id"] == run_id
        assert claims(folder) == []


def test_a_lock_is_given_back_after_an_error(claim: Claim, folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), claim("run-1").held():
        raise KeyboardInterrupt
    assert claims(folder) == []


def test_a_living_owner_is_named_and_not_robbed_however_long_it_takes(claim: Claim) -> None:
    with claim("run-1").held() as held:
        for _ in range(3):
            with (
                pytest.raises(LockedError, match=r"customer_data: another run is landing here.*run-1"),
                claim("run-2").held(),
            ):
                pass
            time.sleep(LEASE)
        held.check()


def test_the_place_of_a_dead_owner_is_taken_after_a_lease_and_not_before(claim: Claim, folder: Path) -> None:
    leave_dead(folder)
    started = time.monotonic()
    with claim("run-1").held() as held:
        assert LEASE <= time.monotonic() - started < 4 * LEASE
        held.check()
        assert claims(folder) == ["after-dead", "lock"]
    assert claims(folder) == []


def test_a_whole_line_of_dead_owners_is_succeeded(claim: Claim, folder: Path) -> None:
    leave_dead(folder)
    leave_dead(folder, "after-dead", "also-dead")
    with claim("run-1").held() as held:
        held.check()
    assert claims(folder) == []


@pytest.mark.parametrize("content", ["", '{"run_id": "cut o'])
def test_an_owner_that_died_while_it_wrote_its_claim_is_succeeded(content: str, claim: Claim, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "lock").write_text(content)
    with claim("run-1").held() as held:
        held.check()
    assert claims(folder) == []


def test_an_owner_that_was_taken_for_dead_notices(claim: Claim, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lock, "_give_signs_of_life", lambda _self, _ended: None)
    with claim("asleep").held() as asleep, claim("run-2").held() as held:
        with pytest.raises(LockLostError, match=r"no sign of life.*run-2"):
            asleep.check()
        held.check()


def test_an_owner_that_was_taken_for_dead_leaves_its_successors_claim_alone(
    claim: Claim, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lock, "_give_signs_of_life", lambda _self, _ended: None)
    asleep = claim("asleep")
    with asleep.held():
        successor = claim("run-2").held()
        held = successor.__enter__()
    held.check()
    successor.__exit__(None, None, None)
    assert claims(folder) == []


@pytest.mark.parametrize("dead", [False, True])
def test_of_many_at_once_one_gets_it(dead: bool, claim: Claim, folder: Path) -> None:
    if dead:
        leave_dead(folder)
    together, done = threading.Barrier(4), threading.Barrier(4)
    outcomes: list[str] = []

    def contend(run_id: str) -> None:
        together.wait()
        try:
            with claim(run_id).held() as held:
                held.check()
                outcomes.append("held")
                done.wait(timeout=30)
                held.check()
        except LockedError:
            outcomes.append("gave way")
            done.wait(timeout=30)

    threads = [threading.Thread(target=contend, args=(f"run-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["gave way"] * 3 + ["held"]
    assert claims(folder) == []


def test_a_sign_of_life_that_fails_is_followed_by_others(
    claim: Claim, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, failures = HadoopFileSystem.append, iter([True, True])

    def fail_twice(files: HadoopFileSystem, path: str, content: bytes) -> None:
        if next(failures, False):
            raise LakeError(f"{path}: server busy")
        append(files, path, content)

    monkeypatch.setattr(HadoopFileSystem, "append", fail_twice)
    with claim("run-1").held():
        time.sleep(LEASE)
        assert (folder / "lock").read_text().endswith(".")

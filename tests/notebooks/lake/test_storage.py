"""What every storage holds to, the folder and ADLS Gen2 alike."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest

from fakes.dfs_service import DfsService
from fakes.fast_clock import FastClock
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.storage import Storage, open_storage
from ingestion.platform.errors import LakeError, LockedError, LockLostError, PathNotFoundError, PathTakenError

NAMES = ["a", "with blank", "ünï 陈", "50%25 a#b?c:d&e=f+g", "~1", "a'b\"c"]


@pytest.fixture(params=["folder", "container", "folder of a container"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "folder":
        yield FolderStorage(str(tmp_path / "lake"))
        return
    clock = FastClock()
    with DfsService(page=2, seconds=clock.now) as service:
        yield service.storage("" if request.param == "container" else "a lake/ü", clock)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_read_as_it_was_written(storage: Storage, name: str) -> None:
    path = f"{name}/{name}.json"
    assert storage.read(path) is None
    for content in (b"", b"new", "भारत".encode() * 100_000):
        storage.write(path, content)
        assert storage.read(path) == content
    assert [entry.name for entry in storage.list(name)] == [f"{name}.json"]
    storage.rename(path, f"{name}/other/{name}")
    assert storage.read(f"{name}/other/{name}") == content
    storage.delete(name)
    assert storage.list("") == []


def test_a_folder_is_listed_by_name_and_one_that_is_not_there_is_empty(storage: Storage) -> None:
    for path in ("b", "a/below/far", "c"):
        storage.write(path, path.encode())
    entries = storage.list("")
    assert [(entry.name, entry.size, entry.is_folder) for entry in entries] == [
        ("a", 0, True),
        ("b", 1, False),
        ("c", 1, False),
    ]
    assert all(abs(entry.modified - datetime.now(UTC)) < timedelta(minutes=1) for entry in entries)
    assert [entry.name for entry in storage.list("a")] == ["below"]
    assert storage.list("nowhere") == []


def test_of_many_that_create_a_file_one_succeeds_and_its_content_is_whole(storage: Storage) -> None:
    together, outcomes = Barrier(6), {}

    def create(number: int) -> None:
        together.wait()
        outcomes[number] = storage.create("lock", str(number).encode() * 1000)

    threads = [Thread(target=create, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = (number for number, succeeded in outcomes.items() if succeeded)
    assert storage.read("lock") == str(winner).encode() * 1000


def test_a_file_takes_the_place_of_a_file_only_where_that_is_meant(storage: Storage) -> None:
    storage.write("old", b"old")
    storage.write("new", b"new")
    with pytest.raises(PathTakenError, match="old"):
        storage.rename("new", "old")
    assert storage.read("old") == b"old"
    storage.rename("new", "old", replace=True)
    assert (storage.read("old"), storage.read("new")) == (b"new", None)


def test_a_folder_moves_with_all_in_it_and_never_onto_or_into_another(storage: Storage) -> None:
    storage.write("new/part", b"new")
    storage.write("old/part", b"old")
    with pytest.raises(PathTakenError, match="old"):
        storage.rename("new", "old")
    assert [entry.name for entry in storage.list("old")] == ["part"]
    storage.rename("old", "far/away/old")
    storage.rename("new", "old")
    assert (storage.read("old/part"), storage.read("far/away/old/part")) == (b"new", b"old")


def test_what_is_not_there_cannot_be_renamed(storage: Storage) -> None:
    with pytest.raises(PathNotFoundError, match="nothing"):
        storage.rename("nothing", "something")


def test_a_folder_that_has_to_be_there_is_not_made(storage: Storage) -> None:
    storage.write("table/part", b"rows")
    with pytest.raises(PathNotFoundError):
        storage.rename("table", "gone/previous", parents=False)
    assert storage.read("table/part") == b"rows"
    assert storage.list("gone") == []


def test_deleting_twice_is_no_error(storage: Storage) -> None:
    for path in ("file", "folder/below/file"):
        storage.write(path, b"x")
    for path in ("file", "folder", "file", "folder", "nothing"):
        storage.delete(path)
    assert storage.list("") == []


def test_a_folder_is_no_file(storage: Storage) -> None:
    storage.write("folder/file", b"x")
    for fails in (lambda: storage.read("folder"), lambda: storage.write("folder", b"y")):
        with pytest.raises(LakeError, match="folder"):
            fails()
    assert storage.read("folder/file") == b"x"
    assert not storage.create("folder", b"y")


def test_a_file_is_no_folder(storage: Storage) -> None:
    storage.write("file", b"x")
    with pytest.raises(LakeError, match="file"):
        storage.list("file")
    with pytest.raises(LakeError, match="file"):
        storage.write("file/below", b"y")
    assert storage.read("file") == b"x"


def test_a_lock_is_held_by_one_and_given_back(storage: Storage) -> None:
    for number in (1, 2):
        lease = storage.lease("_locks/t.lock", f"run-{number}", 0)
        assert not lease.abandoned
        lease.check()
        with pytest.raises(LockedError, match=rf"another run is landing here: run-{number}"):
            storage.lease("_locks/t.lock", "run-9", 0)
        lease.check()
        lease.release(settled=True)
        assert storage.read("_locks/t.lock") is None


def test_a_lock_that_is_not_settled_is_abandoned_for_the_next(storage: Storage) -> None:
    storage.lease("t.lock", "run-1", 0).release(settled=False)
    lease = storage.lease("t.lock", "run-2", 0)
    assert lease.abandoned
    lease.release(settled=True)
    lease = storage.lease("t.lock", "run-3", 0)
    assert not lease.abandoned
    lease.release(settled=True)


def test_who_waits_gets_the_lock_when_it_is_given_back(storage: Storage) -> None:
    first = storage.lease("t.lock", "run-1", 0)
    held = []
    waiting = Thread(target=lambda: held.append(storage.lease("t.lock", "run-2", 60)))
    waiting.start()
    assert not held
    first.release(settled=True)
    waiting.join()
    held[0].check()
    held[0].release(settled=True)


def test_a_lock_whose_file_was_removed_is_lost(storage: Storage) -> None:
    lease = storage.lease("t.lock", "run-1", 0)
    if isinstance(storage, FolderStorage):
        storage.delete("t.lock")
        with pytest.raises(LockLostError, match="was removed"):
            lease.check()
    lease.release(settled=True)


def test_a_part_that_a_dead_process_left_does_no_harm(tmp_path: Path) -> None:
    """Even where it died between the two names of one file."""
    storage = FolderStorage(str(tmp_path))
    storage.write("file", b"old")
    (tmp_path / ".file.part").hardlink_to(tmp_path / "file")
    (tmp_path / ".other.part").write_bytes(b"a long part of something")
    assert not storage.create("file", b"new")
    assert storage.read("file") == b"old"
    storage.write("other", b"new")
    assert storage.read("other") == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "other"]


@pytest.mark.parametrize(
    ("root", "words"),
    [
        ("nosuch://x/lake", r"nosuch://x/lake: nosuch is no kind of lake.*abfss://"),
        ("s3://bucket/lake", "s3 is no kind of lake"),
        ("abfss://account.dfs.core.windows.net/lake", "must be abfss://CONTAINER@ACCOUNT"),
        ("abfss://raw@account.dfs.core.windows.net/lake", "takes an identity: set CREDENTIAL"),
    ],
)
def test_a_lake_of_no_known_kind_is_refused(root: str, words: str) -> None:
    with pytest.raises(LakeError, match=words):
        open_storage(root)

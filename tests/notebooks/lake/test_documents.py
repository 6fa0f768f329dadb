"""A document is replaced whole, with its manifest, in at most four calls; one run at a time; dead ones are settled."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from fakes.faulty_storage import DIES_AFTER, Died, FaultyStorage
from ingestion.lake import documents
from ingestion.lake.documents import landed_documents, remove_document, replace_document
from ingestion.lake.folder_storage import FolderStorage
from ingestion.platform.errors import LakeError, LockedError, LockLostError
from support.lakes import leftovers

FILE = "countries/india.json"
MOST_CALLS = 4

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def storage(lake: Path) -> FolderStorage:
    return FolderStorage(str(lake))


def manifest(lake: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((lake / "_manifests" / "countries" / "india.json").read_bytes())
    return found


def test_a_document_is_replaced_whole(storage: FolderStorage, lake: Path) -> None:
    for content in ("भारत £".encode(), b"", b"x" * 100_000):
        replace_document(storage, FILE, content, run_id="run-1")
        assert (lake / FILE).read_bytes() == content
    assert [path.name for path in (lake / "countries").iterdir()] == ["india.json"]
    assert leftovers(lake) == []


def test_a_document_takes_at_most_four_calls(storage: FolderStorage) -> None:
    for content in (b"first", b"second"):
        counted = FaultyStorage(storage)
        replace_document(counted, FILE, content, run_id="run-1")
        assert len(counted.calls) <= MOST_CALLS, counted.calls


def test_the_manifest_has_the_checksum_that_others_find(storage: FolderStorage, lake: Path) -> None:
    replace_document(storage, FILE, b"content", run_id="run-1", source="https://api.example/name/india")
    found = manifest(lake)
    assert found["checksum"] == "sha256:" + hashlib.sha256(b"content").hexdigest()
    assert (found["bytes"], found["rows"], found["source"]) == (7, None, "https://api.example/name/india")
    assert found["target"] == f"{lake}/{FILE}"


def test_a_document_goes_with_its_manifest_whenever_a_run_dies(storage: FolderStorage, lake: Path) -> None:
    (lake / "countries").mkdir(parents=True)
    (lake / "countries" / "mine.json").write_text("{}")
    for dies_at in range(1, 6):
        replace_document(storage, FILE, b"content", run_id="run-1")
        assert landed_documents(storage, "countries") == [FILE]
        with suppress(Died):
            remove_document(FaultyStorage(storage, dies_at, DIES_AFTER), FILE, run_id="run-2")
        for name in landed_documents(storage, "countries"):
            remove_document(storage, name, run_id="run-3")
        assert [path.name for path in (lake / "countries").iterdir()] == ["mine.json"]
        assert landed_documents(storage, "countries") == []


def test_a_reader_never_finds_half_a_document(storage: FolderStorage, lake: Path) -> None:
    ended, seen = Event(), set()
    replace_document(storage, FILE, b"0" * 200_000, run_id="run-0")

    def read() -> None:
        while not ended.is_set():
            content = (lake / FILE).read_bytes()
            seen.add((len(content), len(set(content))))
            ended.wait(0.0005)  # leaves the interpreter to the writer

    reader = Thread(target=read)
    reader.start()
    for number in range(1, 30):
        replace_document(storage, FILE, str(number % 10).encode() * 200_000, run_id=f"run-{number}")
    ended.set()
    reader.join()
    assert seen == {(200_000, 1)}


def test_of_many_at_once_each_lands_whole_and_the_manifest_is_of_the_last(
    storage: FolderStorage, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine a thread that lives may give no sign for longer than the impatient lease.
    monkeypatch.setattr(documents, "LEASE_SECONDS", 60.0)
    monkeypatch.setattr(documents, "_LOOKS_PER_LEASE", 1200)
    threads = [
        Thread(
            target=replace_document, args=(storage, FILE, f"content-{number}".encode()), kwargs={"run_id": f"{number}"}
        )
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = (lake / FILE).read_text()
    assert content == f"content-{manifest(lake)['run_id']}"
    assert leftovers(lake) == []


@pytest.mark.parametrize("number", [1, 2])
def test_a_run_that_died_is_settled_after_a_lease_and_not_before(
    number: int, storage: FolderStorage, lake: Path
) -> None:
    replace_document(storage, FILE, b"old", run_id="old")
    with pytest.raises(Died):
        replace_document(FaultyStorage(storage, number, DIES_AFTER), FILE, b"dead", run_id="dead")
    assert leftovers(lake) == [f"_claims/{FILE}"]
    calls = FaultyStorage(storage)
    replace_document(calls, FILE, b"new", run_id="new")
    watched = [call for call in calls.calls if call == f"read _claims/{FILE}"]
    assert len(watched) > 5
    # What was in place was finished, what was not was taken back.
    settled = "rename" if number == 2 else "delete"
    assert f"{settled} _claims/{FILE}" in [call.partition(" ->")[0] for call in calls.calls[:-1]]
    assert ((lake / FILE).read_bytes(), manifest(lake)["run_id"]) == (b"new", "new")
    assert leftovers(lake) == []


def test_who_finds_others_landing_again_and_again_gives_way(
    storage: FolderStorage, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_document(storage, FILE, b"old", run_id="old")
    monkeypatch.setattr(storage, "create", lambda _path, _content: False)
    with pytest.raises(LockedError, match=r"india.json: other runs keep landing here"):
        replace_document(storage, FILE, b"new", run_id="new")
    assert (lake / FILE).read_bytes() == b"old"


def test_who_is_slower_than_others_wait_writes_nothing(
    storage: FolderStorage, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_document(storage, FILE, b"old", run_id="old")
    clock = iter([0.0, 0.0, documents.CLAIM_SECONDS + 1])
    monkeypatch.setattr(documents.time, "monotonic", lambda: next(clock))
    with pytest.raises(LockLostError, match="too slow"):
        replace_document(storage, FILE, b"new", run_id="new")
    monkeypatch.undo()
    assert (lake / FILE).read_bytes() == b"old"
    assert leftovers(lake) == []


def test_a_folder_where_a_document_should_be_is_left_alone(storage: FolderStorage, lake: Path) -> None:
    (lake / FILE).mkdir(parents=True)
    with pytest.raises(LakeError, match=f"{FILE}: Is a directory"):
        replace_document(storage, FILE, b"new", run_id="run-1")
    assert (lake / FILE).is_dir()
    assert leftovers(lake) == []


def test_a_lake_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("no folder")
    with pytest.raises(LakeError, match=f"{tmp_path / 'lake'} is a file"):
        replace_document(FolderStorage(str(tmp_path / "lake")), FILE, b"new", run_id="run-1")
    assert (tmp_path / "lake").read_text() == "no folder"

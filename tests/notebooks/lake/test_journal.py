"""The journal of a feed outlives its runs: what was written is read again as it was, and damage is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.journal import Journal, Overlap, Window, journal_path, read_journal, write_journal
from ingestion.platform.errors import LakeError

WINDOW = Window(3, "2026-03-29 02:30:00.1234567", "2026-03-29 02:31", {"database": "7"}, pinned={"xmin": 5})


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(str(tmp_path))


def test_a_journal_is_read_again_as_it_was(storage: FolderStorage) -> None:
    journal = Journal("a/1", {"key": ["id"]}, 2, "x", {"a": "b"}, None, 9, 5, WINDOW, Overlap(1, "2"))
    assert read_journal(storage, "shop/orders") is None
    for written in (journal, replace(journal, reload=journal)):
        write_journal(storage, "shop/orders", written)
        assert read_journal(storage, "shop/orders") == written


def test_a_window_that_is_done_moves_the_position_and_a_backfill_does_not() -> None:
    journal = Journal("a/1", number=2, position="old", window=WINDOW)
    after = journal.done(WINDOW, rows=8)
    assert (after.number, after.position, after.identity, after.window, after.rows) == (
        3,
        WINDOW.end,
        {"database": "7"},
        None,
        8,
    )
    backfill = Window(3, "a", "b", half_open=True)
    assert journal.done(backfill).position == "old"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"application": "a", "colour": 1}', b'{"window": {}}'])
def test_a_damaged_journal_is_no_reason_to_guess_a_position(storage: FolderStorage, content: bytes) -> None:
    storage.write(journal_path("orders"), content)
    with pytest.raises(LakeError, match=r"_positions/orders\.json: is no journal of a feed: .*mode reload"):
        read_journal(storage, "orders")

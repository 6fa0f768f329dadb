"""Where a bundle's folders are when nobody says."""

from pathlib import Path

import pytest

from bundle.layout import bundle_folder

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_current_folders_own_bundle_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "adf").mkdir()
    monkeypatch.chdir(tmp_path)
    assert bundle_folder("adf") == Path("adf")


def test_elsewhere_it_is_the_checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bundle_folder("adf") == REPOSITORY / "adf"
    assert bundle_folder("adf").is_dir()

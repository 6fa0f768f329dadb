"""The sources of a bundle are checked by the notebooks' own program, and never by another bundle's."""

from pathlib import Path

import pytest

from bundle.errors import BundleError
from bundle.layout import CHECKOUT
from bundle.sources import Sources, check_sources, runbook_secrets

SHOP = '[source]\ntype = "sql"\nurl = "jdbc:derby:x"\npassword = { secret = "key" }\nuser = { secret = "me" }\n'


def test_a_bundle_without_sources_or_what_reads_them_has_nothing_wrong(tmp_path: Path) -> None:
    assert check_sources(tmp_path) == Sources()
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "other.toml").write_text("title = 'of something else'", encoding="utf-8")
    assert check_sources(tmp_path) == Sources()


def test_no_code_of_the_bundle_that_is_checked_is_run(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "shop.toml").write_text(SHOP, encoding="utf-8")
    trap = tmp_path / "ingestion" / "feeds"
    trap.mkdir(parents=True)
    for package in (trap.parent, trap):
        (package / "__init__.py").write_text("raise SystemExit(7)", encoding="utf-8")
    assert {named.secret for named in check_sources(tmp_path).secrets} == {"key", "me"}


def test_a_check_that_does_not_run_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "ingestion" / "feeds").mkdir(parents=True)
    monkeypatch.setattr("bundle.sources.CHECKOUT", tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"did not run: .*ingestion"):
        check_sources(tmp_path)


def test_the_runbooks_list_is_its_table_of_secrets(tmp_path: Path) -> None:
    assert {"sql-user", "sql-password", "restcountries-api-key"} <= (runbook_secrets(CHECKOUT / "notebooks") or set())
    assert runbook_secrets(tmp_path / "notebooks") is None

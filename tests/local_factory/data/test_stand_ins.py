"""Stand-ins: what may stand in for which linked service, and what a wrong file is told."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bundle.bundle import read_bundle
from local_factory.data.stand_ins import Kind, read_stand_ins
from local_factory.errors import StandInError
from support.factories import write_object


@pytest.fixture
def adf(tmp_path: Path) -> Path:
    for name, kind in (
        ("Lake", "AzureBlobFS"),
        ("Sql", "AzureSqlDatabase"),
        ("Api", "RestService"),
        ("Doc", "CosmosDb"),
    ):
        write_object(tmp_path / "adf", "linkedService", name, {"type": kind, "typeProperties": {}})
    return tmp_path / "adf"


def test_each_kind_takes_the_place_of_its_linked_services(
    adf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQL_USER", "ann")
    monkeypatch.setenv("SQL_PASSWORD", "secret")
    file = tmp_path / "stand-ins.toml"
    file.write_text(
        f"[Lake]\nfolder = '{tmp_path}'\n"
        "[sql]\njdbc = 'jdbc:sqlite:x.db'\nuser = 'SQL_USER'\npassword = 'SQL_PASSWORD'\n"
        "[Api]\nurl = 'http://127.0.0.1:1'\n"
    )
    found = read_stand_ins(file, read_bundle(adf, adf))
    assert {name: entry.kind for name, entry in found.items()} == {
        "lake": Kind.FOLDER,
        "sql": Kind.DATABASE,
        "api": Kind.ADDRESS,
    }
    assert (found["sql"].user, found["sql"].password) == ("ann", "secret")
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("[Lak]\nfolder = '.'\n", [":1: [Lak]: there is no linked service 'Lak'; is 'Lake' meant?"]),
        ("\n[Lake]\nfoldr = '.'\n", [":3: [Lake] foldr: there is no key 'foldr'; is 'folder' meant?"]),
        ("[Lake]\nfolder = 'nowhere'\n", [":2: [Lake] folder: nowhere: no such folder"]),
        (
            "[Sql]\nfolder = '.'\n",
            [":2: [Sql] folder: does not fit a linked service of type AzureSqlDatabase"],
        ),
        ("[Doc]\nfolder = '.'\n", [":2: [Doc] folder: a linked service of type CosmosDb has no stand-in here"]),
        ("[Sql]\njdbc = 'postgresql://x'\n", [":2: [Sql] jdbc: expected an address such as jdbc:"]),
        ("[Api]\nurl = 'localhost'\n", [":2: [Api] url: expected an address that begins with http"]),
        ("[Lake]\nfolder = '.'\nurl = 'http://x'\n", [":1: [Lake]: expected exactly one of folder, jdbc and url"]),
        ("[Lake]\nfolder = '.'\nuser = 'X'\n", [":3: [Lake] user: does not go with folder"]),
        (
            "[Sql]\njdbc = 'jdbc:sqlite:x'\nuser = 'NOT_SET_HERE'\n",
            ["[Sql] user: the environment variable 'NOT_"],
        ),
        (
            "[Lake]\nfolder = 1\n[Api]\nurl = ''\n",
            [":2: [Lake] folder: expected", ":4: [Api] url: expected"],
        ),
        ("Lake = 1\n", [":1: [Lake]: expected a table"]),
        ("[[", [": is no TOML in UTF-8"]),
    ],
)
def test_a_mistake_is_told_with_its_line(adf: Path, tmp_path: Path, text: str, messages: Sequence[str]) -> None:
    file = tmp_path / "stand-ins.toml"
    file.write_text(text)
    with pytest.raises(StandInError) as error:
        read_stand_ins(file, read_bundle(adf, adf))
    lines = str(error.value).splitlines()
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert line.startswith(str(file))
        assert message in line


def test_a_file_that_is_not_there_is_told(adf: Path) -> None:
    with pytest.raises(StandInError, match="cannot be read"):
        read_stand_ins("nowhere.toml", read_bundle(adf, adf))
    values: dict[str, Any] = {}
    assert read_stand_ins(values, read_bundle(adf, adf)) == {}

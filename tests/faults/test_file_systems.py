"""Real faults of the lake's file system: full, read-only, or not of the shape it should have.

Whatever it is: an error that names the place, the old data complete, and once the fault is gone a next run that lands
everything and leaves nothing lying about.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
import requests
from pyspark.sql import SparkSession

from fakes.country_records import COUNTRIES, SEARCHES, v3_record
from fakes.derby import Derby
from fakes.faulty_http import FaultyServer, json_answer
from fakes.workspace import Settings
from ingestion.lake.folder_storage import FolderStorage
from ingestion.loads.ingest_countries import ingest_countries
from ingestion.loads.process_customers import process_customers
from ingestion.platform.errors import CountriesFailedError, LakeError
from support.lakes import leftovers, rows_found

pytestmark = pytest.mark.usefixtures("impatient")

PAGE = 4096
OLD, NEW = 501, 700


class Volume:
    """A small file system of its own, in memory, mounted on a folder."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self._size = size
        self._filler = folder / "filler"

    def mount(self) -> None:
        self.folder.mkdir()
        administer("mount", "-t", "tmpfs", "-o", f"size={self._size},mode=0777", "tmpfs", str(self.folder))

    def unmount(self) -> None:
        administer("umount", "--lazy", str(self.folder))

    def fill(self, free: int) -> None:
        """Leave so many bytes free, in whole pages."""
        self.clear()
        space = os.statvfs(self.folder)
        self._filler.write_bytes(bytes(space.f_bavail * space.f_frsize - free))

    def clear(self) -> None:
        self._filler.unlink(missing_ok=True)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        administer("mount", "-o", "remount,ro", str(self.folder))
        try:
            yield
        finally:
            administer("mount", "-o", "remount,rw", str(self.folder))


def administer(*command: str) -> None:
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*prefix, *command], check=True, capture_output=True, text=True)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    """Return a volume of four megabytes; skip where none can be mounted, except in CI."""
    volume = Volume(tmp_path / "volume", 4 * 1024 * 1024)
    try:
        volume.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"no file system can be mounted: that takes root, or sudo without a password ({error})"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    yield volume
    volume.unmount()


class Landing(Protocol):
    """A notebook's function on a lake: lands one of two versions; says why it did not; finds what a reader finds."""

    def land(self, lake: Path, version: int) -> str | None: ...
    def find(self, lake: Path) -> set[int]: ...


class Countries:
    """`ingest_countries`, whose versions are the countries' population."""

    def __init__(self, spark: SparkSession, server: FaultyServer) -> None:
        self._spark = spark
        self._server = server

    def land(self, lake: Path, version: int) -> str | None:
        for search, codes in SEARCHES.items():
            answer = [v3_record(code, population=version) for code in codes]
            self._server.answer(f"/name/{search}", json_answer(answer))
        settings = Settings(environment={"LAKE_ROOT": str(lake), "COUNTRY_API_URL": self._server.url})
        try:
            ingest_countries(self._spark, requests.Session(), settings.configuration())
        except CountriesFailedError as error:
            return str(error)
        return None

    def find(self, lake: Path) -> set[int]:
        """Return the versions of the five countries, each of which is whole."""
        files = [lake / "countries" / country.file_name for country in COUNTRIES]
        return {json.loads(file.read_bytes())["population"] for file in files}


class Customers:
    """`process_customers`, whose versions are the numbers of customers."""

    def __init__(self, spark: SparkSession, databases: dict[int, str], logged: Callable[[], str]) -> None:
        self._spark = spark
        self._databases = databases
        self._logged = logged

    def land(self, lake: Path, version: int) -> str | None:
        settings = Settings(environment={"LAKE_ROOT": str(lake), "SQL_URL": self._databases[version]})
        result = process_customers(self._spark, settings.configuration())
        logged = self._logged()
        return None if result == str(version) else logged

    def find(self, lake: Path) -> set[int]:
        found = rows_found(lake / "customer_data")
        assert found is not None
        return {found}


@pytest.fixture(scope="module")
def databases(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Return the addresses of two databases, by their number of customers."""
    folder = tmp_path_factory.mktemp("sources")
    urls = {rows: f"jdbc:derby:{folder / str(rows)};create=true" for rows in (OLD, NEW)}
    for rows, url in urls.items():
        Derby(spark, url).create("Customers", rows)
    return urls


@pytest.fixture(params=["countries", "customers"])
def landing(
    request: pytest.FixtureRequest,
    spark: SparkSession,
    server: FaultyServer,
    databases: dict[int, str],
    capsys: pytest.CaptureFixture[str],
) -> Landing:
    if request.param == "countries":
        return Countries(spark, server)
    return Customers(spark, databases, lambda: capsys.readouterr().out)


def check_next_run(landing: Landing, lake: Path, version: int) -> None:
    assert landing.land(lake, version) is None
    assert landing.find(lake) == {version}
    assert leftovers(lake) == []


def test_a_full_disk_leaves_the_old_data_wherever_it_is_noticed(landing: Landing, volume: Volume) -> None:
    """With ever more room, a landing comes further before it fails, until it has room enough."""
    lake = volume.folder / "lake"
    assert landing.land(lake, OLD) is None
    old, new = OLD, NEW
    kept = []
    for pages in (0, 1, 2, 4, 8, 16, 64):
        volume.fill(pages * PAGE)
        error = landing.land(lake, new)
        found = landing.find(lake)
        if error is None:
            assert found == {new}
            break
        assert "No space left on device" in error
        assert str(lake) in error
        assert found <= {old, new}
        kept.append(found == {old})
        volume.clear()
        check_next_run(landing, lake, new)
        old, new = new, old
    assert error is None, "room enough"
    assert kept[:2] == [True, True]


def test_a_disk_that_became_read_only_is_named_and_keeps_the_old_data(landing: Landing, volume: Volume) -> None:
    lake = volume.folder / "lake"
    assert landing.land(lake, OLD) is None
    with volume.read_only():
        error = landing.land(lake, NEW)
        assert error is not None
        assert "Read-only file system" in error
        assert str(lake) in error
        assert landing.find(lake) == {OLD}
        assert leftovers(lake) == []
    check_next_run(landing, lake, NEW)


@contextmanager
def misplaced(path: Path, *, folder: bool, aside: Path) -> Iterator[None]:
    """Let something else lie where a file or folder belongs; what it was is put back at the end."""
    there = path.exists()
    if there:
        path.rename(aside)
    path.parent.mkdir(parents=True, exist_ok=True)
    if folder:
        (path / "below").mkdir(parents=True)
    else:
        path.write_bytes(b"whatever")
    yield
    if folder:
        (path / "below").rmdir()
        path.rmdir()
    else:
        path.unlink()
    if there:
        aside.rename(path)


@pytest.mark.parametrize(
    ("landing", "name"),
    [
        ("countries", "_claims"),
        ("countries", "countries"),
        ("customers", "_locks"),
        ("customers", "_landing"),
        ("customers", "customer_data"),
    ],
    indirect=["landing"],
)
def test_a_file_where_a_folder_belongs_is_named_and_left_alone(name: str, landing: Landing, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    assert landing.land(lake, OLD) is None
    with misplaced(lake / name, folder=False, aside=tmp_path / "aside"):
        error = landing.land(lake, NEW)
        assert error is not None
        assert str(lake / name) in error
        assert (lake / name).read_bytes() == b"whatever"
    assert landing.find(lake) == {OLD}
    check_next_run(landing, lake, NEW)


@pytest.mark.parametrize(
    ("landing", "name", "others"),
    [
        ("countries", "countries/uk.json", {NEW}),
        ("countries", "_claims/countries/uk.json", {NEW}),
        ("customers", "_locks/customer_data.lock", set()),
        ("customers", "_manifests/customer_data.json", set()),
    ],
    indirect=["landing"],
)
def test_a_folder_where_a_file_belongs_is_named_and_left_alone(
    name: str, others: set[int], landing: Landing, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    assert landing.land(lake, OLD) is None
    with misplaced(lake / name, folder=True, aside=tmp_path / "aside"):
        error = landing.land(lake, NEW)
        assert error is not None
        assert str(lake / name) in error
        assert (lake / name / "below").is_dir()
    assert landing.find(lake) == {OLD} | others
    check_next_run(landing, lake, NEW)


@pytest.mark.parametrize(
    ("landing", "name"), [("countries", "_manifests"), ("customers", "_trash")], indirect=["landing"]
)
def test_a_file_that_only_tidying_up_meets_keeps_no_data_out(name: str, landing: Landing, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    assert landing.land(lake, OLD) is None
    with misplaced(lake / name, folder=False, aside=tmp_path / "aside"):
        assert landing.land(lake, NEW) is None
        assert landing.find(lake) == {NEW}
    check_next_run(landing, lake, OLD)


@pytest.mark.parametrize("name", ["not/there/yet", "with blank", "ünï 陈 नमस्ते", "50%25 a#b?c:d&e"])
def test_a_lake_of_any_name_is_landed_in(name: str, landing: Landing, tmp_path: Path) -> None:
    lake = tmp_path / name
    check_next_run(landing, lake, OLD)
    check_next_run(landing, lake, NEW)
    assert [entry.name for entry in tmp_path.iterdir()] == [Path(name).parts[0]]


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_in_place_of_the_lake_is_named_and_left_alone(name: str, landing: Landing, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"whatever")
    error = landing.land(tmp_path / name, NEW)
    assert error is not None
    assert f"Not a directory: {file} is a file" in error
    assert file.read_bytes() == b"whatever"
    file.unlink()
    check_next_run(landing, tmp_path / name, NEW)


def test_a_lock_that_a_full_disk_cut_off_keeps_nobody_waiting(volume: Volume) -> None:
    storage = FolderStorage(str(volume.folder))
    volume.fill(0)
    with pytest.raises(LakeError, match=r"lock: .*No space left on device"):
        storage.create("lock", b"whose it is")
    with pytest.raises(LakeError, match=r"other: .*No space left on device"):
        storage.lease("other", "whose it is", 0)
    volume.clear()
    assert storage.create("lock", b"whose it is")
    assert not storage.create("lock", b"not mine")
    assert storage.read("lock") == b"whose it is"
    storage.lease("other", "whose it is", 0).release(settled=True)

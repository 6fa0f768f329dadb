"""What tests of every room share: one Spark, one PostgreSQL, and the recorded data where it is present."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from fakes import postgres as postgres_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from pyspark.sql import SparkSession

settings.register_profile("shared machine", deadline=None)  # a pause of the machine is no failure
settings.load_profile("shared machine")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Return the folder of recorded answers and schemas beside the repository; skip the test where it is absent."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here: recorded data does not travel with the repository")
    return folder


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    """Return the one Spark session of the test run: two cores, UTC, nothing written outside a temporary folder."""
    from pyspark.sql import SparkSession

    from local_factory.java import java_home

    folder = tmp_path_factory.mktemp("spark")
    os.environ["JAVA_HOME"] = str(java_home())
    session = (
        SparkSession.builder.master("local[2]")
        .appName("tests")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.driver.extraClassPath", os.pathsep.join(map(str, jdbc_drivers())))
        .config("spark.driver.extraJavaOptions", f"-Dderby.system.home={folder} -Duser.timezone=UTC")
        .getOrCreate()
    )
    yield session
    session.stop()


def jdbc_drivers() -> list[Path]:
    """Return the JDBC drivers that are on this machine, beside Derby's, which is Spark's own."""
    return [driver for driver in [postgres_server.JDBC_DRIVER] if driver.exists()]


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Postgres]:
    """Return a running PostgreSQL server; skip where none is installed, except in CI."""
    missing = postgres_server.what_is_missing()
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with postgres_server.running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Return a headless Chromium that calls no one on its own; skip where there is none, except in CI."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "no chromium on the PATH: apt-get install chromium (Debian), or link another Chromium to that name"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    quiet = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync"
    )
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium, args=quiet.split())
        yield chrome
        chrome.close()

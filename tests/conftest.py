"""What tests of every room share: one Spark, one PostgreSQL, and the recorded data where it is present."""

import os
import shutil
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from fakes import abfss
from fakes import mariadb as mariadb_server
from fakes import postgres as postgres_server
from fakes import sql_server as tds_server
from fakes.entra_service import EntraService
from fakes.faulty_http import FaultyServer, running
from fakes.log_ingestion_service import LogIngestionService
from infra.bicep import declared_columns
from ingestion.platform.identity import MONITOR_SCOPE
from support.requirements import require
from support.standard_compute import refuse_settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from pyspark.sql import SparkSession

    from local_factory.cluster.spark import Cluster

# A pause of the machine is no failure. In CI a commit is answered alike each time; elsewhere examples are new ones.
settings.register_profile(
    "shared machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("shared machine")

REPOSITORY = Path(__file__).resolve().parents[1]
# Where the tests that need Spark take minutes, the longest files first.
_LONGEST = ("tests/faults", "tests/soak", "tests/notebooks/loads", "tests/notebooks", "tests/local_factory", "tests")
# Where a test's Spark is a notebook's, and so may be either kind of session.
_NOTEBOOKS_TESTS = ("tests/notebooks", "tests/faults")
_KINDS = ("classic", "connect")
# What `make test` runs on Spark Connect, too.
_ON_EITHER = (
    "tests/faults/test_country_answers.py",
    "tests/faults/test_odd_data.py",
    "tests/faults/test_promotion.py",
    "tests/notebooks/test_any_compute.py",
    "tests/notebooks/lake/",
    "tests/notebooks/loads/test_comparison.py",
    "tests/notebooks/loads/test_endpoint_changes.py",
    "tests/notebooks/loads/test_endpoints.py",
    "tests/notebooks/loads/test_files.py",
    "tests/notebooks/loads/test_ingest_countries.py",
    "tests/notebooks/loads/test_process_tables.py",
    "tests/notebooks/loads/test_quarantine.py",
    "tests/notebooks/quality/test_table_writer.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the kinds of Spark session that tests of notebooks run on."""
    told = "sessions of notebooks' tests: mixed runs each on one of the two, which its name decides"
    parser.addoption("--spark", choices=("mixed", "both", *_KINDS), default="mixed", help=told)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let a test of notebooks run on the kinds of Spark session that are asked for."""
    test = metafunc.definition
    name = str(test.path.relative_to(REPOSITORY))
    if "spark" not in metafunc.fixturenames or not name.startswith(_NOTEBOOKS_TESTS):
        return
    asked = metafunc.config.getoption("--spark")
    if asked == "mixed":
        is_second = name.startswith(_ON_EITHER) and zlib.crc32(f"{name}::{test.name}".encode()) % 2
        asked = _KINDS[bool(is_second)]
    if test.get_closest_marker("classic_only"):
        asked = "classic"
    metafunc.parametrize("spark", _KINDS if asked == "both" else [asked], indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first. Each process of the run takes the next file that none has taken."""
    with_spark = {item.path for item in items if "spark_cluster" in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> int:
        name = str(item.path.relative_to(REPOSITORY)) if item.path in with_spark else ""
        return next((place for place, folder in enumerate(_LONGEST) if name.startswith(folder)), len(_LONGEST))

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let this process be a client of Spark Connect for as long as a test is one: PySpark's functions ask for it."""
    with pytest.MonkeyPatch.context() as variables:
        if _is_remote(item):
            variables.setenv("SPARK_CONNECT_MODE_ENABLED", "1")
        return (yield)


def _is_remote(item: pytest.Item) -> bool:
    call = getattr(item, "callspec", None)
    return call is not None and call.params.get("spark") == "connect"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests were left out for want of what, and how to get it; `support.requirements` gives the reasons."""
    reasons: dict[str, list[str]] = {}
    for report in terminalreporter.getreports("skipped"):
        if isinstance(report.longrepr, tuple):
            reasons.setdefault(report.longrepr[2].removeprefix("Skipped: "), []).append(report.nodeid)
    if reasons:
        terminalreporter.section("not tested on this machine")
    for reason, tests in sorted(reasons.items(), key=lambda item: -len(item[1])):
        terminalreporter.line(f"{len(tests)} tests: {reason}")
        files = Counter(test.partition("::")[0] for test in tests)
        terminalreporter.line("".join(f"    {number} of {file}\n" for file, number in files.items()).rstrip())


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Return the folder of recorded answers and schemas beside the repository; skip the test where it is absent."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here: recorded data does not travel with the repository")
    return folder


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a landing's lock whose owner gives no sign of life count as dead soon."""
    for module in ("documents", "former_layout"):
        monkeypatch.setattr(f"ingestion.lake.{module}.LEASE_SECONDS", 0.3)


@pytest.fixture(scope="session")
def spark_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Cluster"]:
    """Return the one Spark of this process: two cores, UTC, nothing written outside a temporary folder."""
    from local_factory.cluster.jvm import start_jvm
    from local_factory.cluster.spark import start_cluster

    folder = tmp_path_factory.mktemp("spark")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {"spark.master": "local[2]", "spark.sql.shuffle.partitions": "2"}
    # With the optimising compiler, too: unlike a run on a laptop, this Spark lives for minutes.
    options = [f"-Dderby.system.home={folder}", "-XX:TieredStopAtLevel=4"]
    with start_jvm(java_drivers(), options) as jvm, ExitStack() as stack:
        with pytest.MonkeyPatch.context() as variables:
            variables.delenv("SPARK_CONNECT_MODE_ENABLED", raising=False)  # which the first test may have set
            cluster = stack.enter_context(start_cluster(jvm, folder, settings, with_connect=True))
        yield cluster


@pytest.fixture(scope="session")
def spark(request: pytest.FixtureRequest, spark_cluster: "Cluster") -> Iterator["SparkSession"]:
    """Return the Spark session of a notebook: the cluster's own, or one of Spark Connect as on standard compute."""
    from local_factory.cluster.connect import open_session

    if getattr(request, "param", "classic") == "classic":
        yield spark_cluster.session
        return
    with pytest.MonkeyPatch.context() as variables:
        for name in ("SPARK_CONNECT_MODE_ENABLED", "SPARK_REMOTE"):
            variables.setenv(name, "")  # so that they are afterwards what they are now
        session = open_session(spark_cluster.gateway, "tests")
    with pytest.MonkeyPatch.context() as patch:
        refuse_settings(patch, type(session.conf))
        keep_threads(patch)
        yield session
        session.stop()


def keep_threads(patch: pytest.MonkeyPatch) -> None:
    """Let the threads that all clients of this process share outlive each of them.

    PySpark ends them with any session, also when it collects one that a former test left, in the midst of a query
    of another: "cannot schedule new futures after shutdown". A notebook's process has one session.
    """
    from pyspark.sql.connect.client.reattach import ExecutePlanResponseReattachableIterator

    patch.setattr(ExecutePlanResponseReattachableIterator, "shutdown", lambda: None)


def java_drivers() -> list[Path]:
    """Return the drivers that this machine has beside those that are Spark's own."""
    servers = (postgres_server, mariadb_server, tds_server)
    drivers = [server.JDBC_DRIVER for server in servers if server.what_is_missing() is None]
    return drivers if abfss.what_is_missing() else [*drivers, abfss.DRIVER]


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with running(FaultyServer()) as server:
        yield server


@pytest.fixture
def entra() -> Iterator[EntraService]:
    with EntraService() as service:
        yield service


@pytest.fixture
def monitor(entra: EntraService) -> Iterator[LogIngestionService]:
    """Return the Logs Ingestion API, with the stream that the infrastructure declares."""
    with LogIngestionService(entra.token(MONITOR_SCOPE), declared_columns("collectionRule")) as service:
        yield service


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Postgres]:
    """Return a running PostgreSQL server; skip where none is installed, except in CI."""
    require(postgres_server.what_is_missing())
    with postgres_server.running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[mariadb_server.MariaDb]:
    """Return a running MariaDB server; skip where none is installed, except in CI."""
    require(mariadb_server.what_is_missing())
    with mariadb_server.running_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def sql_server() -> Iterator[tds_server.SqlServer]:
    """Return a running server that speaks as SQL Server does; skip where its JDBC driver is not, except in CI."""
    require(tds_server.what_is_missing())
    with tds_server.running_sql_server() as server:
        yield server


@pytest.fixture(scope="module")  # while Playwright is there its event loop runs, and no other test could run one
def browser() -> Iterator["Browser"]:
    """Return a headless Chromium that calls no one on its own; skip where there is none, except in CI."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    needed = "no chromium on the PATH: apt-get install chromium (Debian), or link another Chromium to that name"
    require(None if chromium else needed)
    quiet = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync"
    )
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium, args=quiet.split())
        yield chrome
        chrome.close()

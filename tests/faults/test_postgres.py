"""Faults of a real PostgreSQL server, most of them while the notebook reads: it survives them, or it fails clean.

CUTS in the environment sets how often a connection is cut at a random row (5), CUT_SEED the rows.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

import pytest
from pyspark.sql import SparkSession

from fakes.postgres import Postgres, PostgresError, running_postgres, what_is_missing
from fakes.workspace import Settings
from ingestion.sql.failures import DEFAULT_RETRIES
from support.customers_notebook import CustomersNotebook
from support.requirements import require

CUTS = int(os.environ.get("CUTS", "5"))
SEED = int(os.environ.get("CUT_SEED", "5"))
OLD, NEW = 700, 30_000
PAUSES_AT = 25_000  # the third fetch: Spark has written rows by then
READERS = "FROM pg_stat_activity WHERE application_name LIKE '%JDBC%'"
SECONDS = 60  # no wait for the server takes longer


@dataclass(frozen=True)
class Source:
    """The database of the customers."""

    server: Postgres

    def empty(self) -> None:
        self.server.execute("SET client_min_messages = warning", "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")

    def pause_readers(self, at: int = PAUSES_AT) -> None:
        """Let whoever reads the customers stop at one of them for a minute.

        Not who counts them: the function is STABLE, so a column that is not asked for is not computed.
        """
        name = f'CASE WHEN "CustomerId" = {at} AND pause() THEN "Full Name" ELSE "Full Name" END AS "Full Name"'
        others = '"Balance", "Score", "IsActive", "BirthDate", "CreatedAt"'
        self.server.execute(
            "CREATE FUNCTION pause() RETURNS boolean STABLE LANGUAGE plpgsql "
            "AS 'BEGIN PERFORM pg_sleep(60); RETURN true; END'",
            "ALTER TABLE Customers RENAME TO stored",
            f'CREATE VIEW Customers AS SELECT "CustomerId", {name}, {others} FROM stored',  # noqa: S608 - our own text
        )

    def pause_no_more(self) -> None:
        self.server.execute("CREATE OR REPLACE FUNCTION pause() RETURNS boolean STABLE LANGUAGE sql AS 'SELECT true'")

    def wait_for_a_reader(self) -> int:
        """Return the process that serves a paused reader, once there is one."""
        for _ in until_too_late():
            if process := self.server.execute(f"SELECT pid {READERS} AND wait_event = 'PgSleep' LIMIT 1"):
                return int(process)
        raise TimeoutError("nobody reads")

    def wait_until_gone(self, process: int) -> None:
        """Return once a process of the server is gone, and the server answers."""
        for _ in until_too_late():
            with suppress(PostgresError):
                if not self.server.execute(f"SELECT pid FROM pg_stat_activity WHERE pid = {process}"):  # noqa: S608 - our own number
                    return
        raise TimeoutError(f"{process} does not go")

    def cut(self) -> None:
        """Terminate every connection of a reader, as an administrator does."""
        self.server.execute(f"SELECT pg_terminate_backend(pid) {READERS}")


def until_too_late() -> Iterator[None]:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """Return a server of these tests' own, as they end it and let it crash."""
    require(what_is_missing())
    with running_postgres() as server:
        yield server


@pytest.fixture
def source(server: Postgres) -> Iterator[Source]:
    """Return the database with its old customers; whatever a test did to it is undone."""
    server.create("Customers", OLD)
    source = Source(server)
    yield source
    server.start()
    source.cut()
    source.empty()
    server.execute("DROP ROLE IF EXISTS reader", "ALTER ROLE loader RESET ALL")


@pytest.fixture
def notebook(
    spark: SparkSession, source: Source, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> CustomersNotebook:
    """Return the notebook, after it landed the old customers; the new ones are in the database by now."""
    lake = tmp_path / "lake"
    settings = Settings(
        environment={"LAKE_ROOT": str(lake), "SQL_URL": source.server.url},
        secrets={"sql-user": source.server.user, "sql-password": source.server.password},
    )
    notebook = CustomersNotebook(spark, lake, settings, capfd)
    assert notebook.lands(OLD)
    source.server.create("Customers", NEW)
    return notebook


def run_while(notebook: CustomersNotebook, happens: Callable[[], None], *, tries_wait: bool = True) -> str:
    """Run the notebook while something else happens, and return what it exits with.

    Between two tries it waits until that is over, unless it shall not.
    """
    with ThreadPoolExecutor(1) as background:
        happened = background.submit(happens)
        exit_value = notebook.run(lambda _number: happened.result() if tries_wait else None)
        happened.result()
    return exit_value


def crash(source: Source, reader: int) -> None:
    """Kill one of the server's processes: it ends all others and recovers."""
    os.kill(reader, SIGKILL)
    source.wait_until_gone(reader)


def restart(source: Source, _reader: int) -> None:
    source.server.stop()
    source.server.start()


@pytest.mark.parametrize("fault", [crash, restart])
def test_a_connection_lost_in_mid_read_is_survived(
    fault: Callable[[Source, int], None], notebook: CustomersNotebook, source: Source
) -> None:
    seen: list[int | None] = []

    def happens() -> None:
        reader = source.wait_for_a_reader()
        source.pause_no_more()
        seen.append(notebook.rows)
        fault(source, reader)

    source.pause_readers()
    assert run_while(notebook, happens) == str(NEW)
    assert seen == [OLD]
    assert len(notebook.waits) == 1
    assert notebook.lands(NEW)


@pytest.mark.timeout(60 + 30 * CUTS)
def test_connections_cut_at_random_rows_are_survived(notebook: CustomersNotebook, source: Source) -> None:
    rows = random.Random(SEED).choices(range(NEW), k=CUTS)  # noqa: S311 - rows, not secrets

    def happens() -> None:
        source.wait_for_a_reader()
        source.pause_no_more()
        source.cut()

    for number, row in enumerate(rows):
        source.empty()
        source.server.create("Customers", NEW + number)
        source.pause_readers(at=row)
        assert run_while(notebook, happens) == str(NEW + number), f"cut at {row}"
        assert len(notebook.waits) == 1, f"cut at {row}"
        assert notebook.lands(NEW + number), f"cut at {row}"


def test_a_connection_cut_in_every_read_fails_clean(notebook: CustomersNotebook, source: Source) -> None:
    tries = DEFAULT_RETRIES.tries

    def happens() -> None:
        for _ in range(tries):
            reader = source.wait_for_a_reader()
            source.cut()
            source.wait_until_gone(reader)

    source.pause_readers()
    assert run_while(notebook, happens, tries_wait=False) == "-1"
    assert "FATAL: terminating connection due to administrator command" in notebook.error
    assert len(notebook.waits) == tries - 1
    assert sum(notebook.waits) < DEFAULT_RETRIES.total
    assert notebook.rows == OLD
    source.pause_no_more()
    assert notebook.lands(NEW)


def test_a_server_stopped_in_mid_read_for_good_fails_clean(notebook: CustomersNotebook, source: Source) -> None:
    def happens() -> None:
        source.wait_for_a_reader()
        source.pause_no_more()
        source.server.stop()

    source.pause_readers()
    assert run_while(notebook, happens) == "-1"
    assert "Connection refused" in notebook.error
    assert len(notebook.waits) == DEFAULT_RETRIES.tries - 1
    assert notebook.rows == OLD
    source.server.start()
    assert notebook.lands(NEW)


def test_a_database_that_sleeps_and_wakes_is_waited_for(notebook: CustomersNotebook, source: Source) -> None:
    source.server.stop()

    def wake_at_the_third(number: int) -> None:
        if number == 3:
            source.server.start()

    assert notebook.run(wake_at_the_third) == str(NEW)
    assert len(notebook.waits) == 3
    assert notebook.lands(NEW)


def test_a_database_with_too_many_connections_is_waited_for(notebook: CustomersNotebook, source: Source) -> None:
    source.server.execute(
        "CREATE ROLE reader LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 0",
        "GRANT USAGE ON SCHEMA public TO reader",
        "GRANT SELECT ON Customers TO reader",
    )
    notebook.settings.secrets |= {"sql-user": "reader", "sql-password": "hunter2"}

    def others_leave(_number: int) -> None:
        source.server.execute("ALTER ROLE reader CONNECTION LIMIT -1")

    assert notebook.run(others_leave) == str(NEW)
    assert "FATAL: too many connections for role" in notebook.shown
    assert len(notebook.waits) == 1
    assert notebook.lands(NEW)


def test_a_statement_that_takes_too_long_fails_at_once(notebook: CustomersNotebook, source: Source) -> None:
    source.pause_readers()
    source.server.execute("ALTER ROLE loader SET statement_timeout = '1s'")
    assert notebook.run() == "-1"
    assert "ERROR: canceling statement due to statement timeout" in notebook.error
    assert notebook.waits == []
    assert notebook.rows == OLD
    source.server.execute("ALTER ROLE loader RESET statement_timeout")
    source.pause_no_more()
    assert notebook.lands(NEW)


def test_a_refused_login_fails_at_once(notebook: CustomersNotebook, source: Source) -> None:
    notebook.settings.secrets["sql-password"] = "hunter2 & less"
    assert notebook.run() == "-1"
    assert "FATAL: password authentication failed for user" in notebook.error
    assert notebook.waits == []
    assert notebook.rows == OLD
    notebook.settings.secrets["sql-password"] = source.server.password
    assert notebook.lands(NEW)


def test_a_missing_table_fails_at_once(notebook: CustomersNotebook, source: Source) -> None:
    source.server.drop("Customers")
    assert notebook.run() == "-1"
    assert 'ERROR: relation "customers" does not exist' in notebook.error
    assert notebook.waits == []
    assert notebook.rows == OLD
    source.server.create("Customers", NEW)
    assert notebook.lands(NEW)


def test_a_table_dropped_by_force_in_mid_read_fails_clean(notebook: CustomersNotebook, source: Source) -> None:
    def happens() -> None:
        source.wait_for_a_reader()
        source.cut()
        source.server.drop("stored")

    source.pause_readers()
    assert run_while(notebook, happens) == "-1"
    assert 'ERROR: relation "public.customers" does not exist' in notebook.error
    assert notebook.rows == OLD
    source.server.create("Customers", NEW)
    assert notebook.lands(NEW)


def test_a_renamed_column_is_refused(notebook: CustomersNotebook, source: Source) -> None:
    source.server.execute('ALTER TABLE Customers RENAME COLUMN "Full Name" TO "Name"')
    assert notebook.run() == "-1"
    assert "SchemaChangedError" in notebook.error
    assert "Full Name" in notebook.error
    assert notebook.waits == []
    assert notebook.rows == OLD
    source.server.execute('ALTER TABLE Customers RENAME COLUMN "Name" TO "Full Name"')
    assert notebook.lands(NEW)

"""A real PostgreSQL server on loopback, from the packages of this machine: Debian's `postgresql`.

PostgreSQL refuses to run as root: it then runs as the user `postgres` that the package brings. `setpriv` has the server
end with the process that started it, even when that one is killed.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.ports import free_port

JDBC_DRIVER = Path("/usr/share/java/postgresql.jar")  # Debian's libpostgresql-jdbc-java
_UNPRIVILEGED = "postgres"
_START_SECONDS, _STOP_SECONDS = 60, 20
# The data is gone with its folder: nothing waits for the disk. But a commit outlasts a crash of the server itself, so
# synchronous_commit stays as it is. No socket but the one on loopback.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
}

# The signal that `setpriv --pdeathsig` asks for is sent when the thread ends that started the program: this one lasts.
_STARTER = ThreadPoolExecutor(1)


class PostgresError(Exception):
    """The server, or psql, refused; says so in its own words."""


def what_is_missing() -> str | None:
    """Return what this machine needs before it can start a server, None where all is there."""
    if not _programs() or not shutil.which("setpriv"):
        return "no PostgreSQL server here: apt-get install postgresql (Debian, Ubuntu)"
    if not JDBC_DRIVER.exists():
        return f"{JDBC_DRIVER} is not here: apt-get install libpostgresql-jdbc-java (Debian, Ubuntu)"
    return None


@contextmanager
def running_postgres() -> Iterator["Postgres"]:
    """Start a server with an empty database, in a temporary folder; end it and remove the folder in any case."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        server = Postgres(Path(name), free_port())
        server.make()
        try:
            server.start()
            yield server
        finally:
            server.stop()


@dataclass
class Postgres:
    """A PostgreSQL server: where it listens, who may sign in, and what to do with it."""

    folder: Path
    port: int
    user: str = "loader"
    password: str = "hunter2 & more"
    database: str = "postgres"
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The address for JDBC, without user and password."""
        return f"jdbc:postgresql://127.0.0.1:{self.port}/{self.database}"

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def execute(self, *statements: str) -> str:
        """Execute statements, each in a transaction of its own, and return what they select: fields parted by `|`.

        Raises:
            PostgresError: one failed, or the server does not answer.
        """
        arguments = [argument for text in statements for argument in ("--command", text)]
        connection = ["--host", "127.0.0.1", "--port", str(self.port), "--username", self.user, self.database]
        quietly = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1"]
        done = subprocess.run(
            [_programs() / "psql", *quietly, *arguments, *connection],
            env=os.environ | {"PGPASSWORD": self.password, "PGCLIENTENCODING": "UTF8"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise PostgresError(done.stderr.strip())
        return done.stdout.strip()

    def create(self, table: str, rows: int) -> None:
        """Make a table anew, with this many rows of every type that matters: the same ones as Derby's."""
        self.drop(table)
        name = "CASE WHEN n > 0 THEN 'Zoë Ångström 陈 ' || n END"
        constants = "DATE '1970-01-01', TIMESTAMP '2026-03-29 02:30:00.123456'"
        self.execute(
            f'CREATE TABLE {table} ("CustomerId" INT NOT NULL PRIMARY KEY, "Full Name" VARCHAR(100), '
            '"Balance" DECIMAL(18, 4), "Score" DOUBLE PRECISION, "IsActive" BOOLEAN, "BirthDate" DATE, '
            '"CreatedAt" TIMESTAMP)',
            f"INSERT INTO {table} SELECT n, {name}, n + 0.1234, n + 0.5, n % 2 = 1, {constants} "  # noqa: S608 - our own values
            f"FROM generate_series(0, {rows - 1}) n",
        )

    def drop(self, table: str) -> None:
        """Drop a table, and what depends on it, if it is there."""
        self.execute("SET client_min_messages = warning", f"DROP TABLE IF EXISTS {table} CASCADE")

    def make(self) -> None:
        """Make the folder a cluster's: one superuser with a password, which every connection must give."""
        password = self.folder / "password"
        password.write_text(self.password, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (self.folder, password):
                shutil.chown(path, _UNPRIVILEGED)
        done = subprocess.run(
            [
                *self._program("initdb", self.folder / "data"),
                *("--username", self.user, "--pwfile", str(password), "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            ],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the server, if it does not run, and wait until it answers."""
        if self._process is not None:
            return
        settings = [argument for key, value in _SETTINGS.items() for argument in ("-c", f"{key}={value}")]
        with (self.folder / "log").open("ab") as log:
            command = [*self._program("postgres", self.folder / "data"), "-p", str(self.port), *settings]
            started = _STARTER.submit(subprocess.Popen, command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
            self._process = started.result()
        deadline = time.monotonic() + _START_SECONDS
        ready = [_programs() / "pg_isready", "--quiet", "--host", "127.0.0.1", "--port", str(self.port)]
        while subprocess.run(ready, check=False).returncode:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server, if it runs: its clients are cut off, as when an administrator restarts it."""
        if self._process is None:
            return
        for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self._process.send_signal(sign)
            try:
                self._process.wait(_STOP_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    @staticmethod
    def _program(name: str, data: Path) -> list[str]:
        """Return the beginning of a command that runs one of the server's programs, which ends when we do."""
        user = ["--reuid", _UNPRIVILEGED, "--regid", _UNPRIVILEGED, "--clear-groups"] if os.geteuid() == 0 else []
        return ["setpriv", "--pdeathsig", "INT", *user, str(_programs() / name), "-D", str(data)]


def _programs() -> Path | None:
    """Return the folder of the newest server's programs; Debian keeps them off the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)

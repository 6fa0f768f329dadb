"""A real MariaDB server on loopback, from Debian's `mariadb-server`, for as long as tests or a benchmark run.

MariaDB refuses to run as root: it then runs as the user `mysql` that the package brings. `setpriv` has the server end
with the process that started it.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.ports import free_port

JDBC_DRIVER = Path("/usr/share/java/mariadb-java-client.jar")  # Debian's libmariadb-java
_UNPRIVILEGED = "mysql"
_START_SECONDS, _STOP_SECONDS = 60, 30


@dataclass(frozen=True)
class MariaDb:
    """A running MariaDB server: where it listens, who may sign in, and what to do with it."""

    port: int
    user: str = "ingestion"
    password: str = field(default="benchmark", repr=False)
    database: str = "source"

    @property
    def url(self) -> str:
        """The address for JDBC, without user and password: Spark knows the database by the word mysql."""
        return f"jdbc:mysql://127.0.0.1:{self.port}/{self.database}?permitMysqlScheme=true&useSsl=false"

    def execute(self, statement: str) -> str:
        """Execute a statement (names quoted as in standard SQL) and return what it selects, parted by tabs."""
        return _client(self.port, self.user, self.password, f"SET sql_mode = 'ANSI_QUOTES'; {statement}", self.database)


def what_is_missing() -> str | None:
    """Return what this machine needs before it has the server and the driver, None where it has both."""
    if not (shutil.which("mariadbd") or Path("/usr/sbin/mariadbd").exists()) or not shutil.which("mariadb-install-db"):
        return "no MariaDB server here: apt-get install mariadb-server (Debian)"
    return None if JDBC_DRIVER.exists() else f"no {JDBC_DRIVER} here: apt-get install libmariadb-java (Debian)"


@contextmanager
def running_mariadb() -> Iterator[MariaDb]:
    """Start a server with an empty database, in a temporary folder; end it and remove the folder in any case."""
    with tempfile.TemporaryDirectory(prefix="mariadb-", ignore_cleanup_errors=True) as name:
        folder, server = Path(name), MariaDb(free_port())
        user = []
        if os.geteuid() == 0:
            shutil.chown(folder, _UNPRIVILEGED)
            user = ["--reuid", _UNPRIVILEGED, "--regid", _UNPRIVILEGED, "--clear-groups"]
        runner, data = ["setpriv", "--pdeathsig", "TERM", *user], f"--datadir={folder / 'data'}"
        make = ["mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal"]
        subprocess.run([*runner, *make], check=True, capture_output=True, cwd=folder)
        settings = {
            "bind-address": "127.0.0.1",
            "port": server.port,
            "socket": folder / "socket",
            "pid-file": folder / "pid",
            "character-set-server": "utf8mb4",
            "innodb-buffer-pool-size": "512M",
            "innodb-flush-log-at-trx-commit": 0,
        }
        options = [f"--{key}={value}" for key, value in settings.items()]
        with (folder / "log").open("ab") as log:
            command = [*runner, shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults", data, *options]
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            _await(server.port, process, folder / "log")
            login = f"'{server.user}'@'127.0.0.1' IDENTIFIED BY '{server.password}'"
            _client(server.port, "root", "", f"CREATE DATABASE {server.database}; GRANT ALL ON *.* TO {login}")
            yield server
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


def _client(port: int, user: str, password: str, statement: str, database: str = "") -> str:
    command = ["mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={port}", f"--user={user}", "--local-infile=1"]
    quietly = ["--batch", "--skip-column-names", "--default-character-set=utf8mb4", f"--execute={statement}"]
    environment = os.environ | {"MYSQL_PWD": password}
    done = subprocess.run([*command, *quietly, database], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    ping = ["mariadb-admin", "--no-defaults", "--host=127.0.0.1", f"--port={port}", "--user=root", "--silent", "ping"]
    while subprocess.run(ping, capture_output=True, check=False).returncode:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8", errors="replace")
        time.sleep(0.1)

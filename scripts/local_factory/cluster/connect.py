"""Spark Connect: a server within Spark's JVM, and the sessions that notebooks' processes open there as remote clients.

A client knows nothing of the JVM, as on compute that teams share. So its work is ended where it runs, by the server:
every session is opened in the name of its notebook run.
"""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4
from zipfile import ZipFile

from local_factory.cluster.jvm import Gateway
from local_factory.errors import ArgumentError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What a client imports, by the packages that bring it.
_PACKAGES = {"grpc": "grpcio", "grpc_status": "grpcio-status", "pandas": "pandas", "pyarrow": "pyarrow"}
_SERVICE = "org.apache.spark.sql.connect.service.SparkConnectService"


def check_installed() -> None:
    """See whether this Python can be a client of Spark Connect.

    Raises:
        ArgumentError: it lacks packages; says how to get them.
    """
    missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise ArgumentError(
            f"--connect: Spark Connect needs {', '.join(missing)}. `make run ARGS=--connect` installs them."
        )


def server_settings(address: Gateway) -> Mapping[str, str]:
    """Return the settings of a Spark that is to have a server: on this machine alone, for who knows the JVM's word."""
    return {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.connect.authenticate.token": address.secret,
    }


def start_server(session: "SparkSession") -> int:
    """Start the server in a classic session's JVM, and return its port."""
    jvm: Any = session._jvm
    service = getattr(getattr(jvm, f"{_SERVICE}$"), "MODULE$")
    service.start(session.sparkContext._jsc.sc())
    return int(service.localPort())


def stop_server(session: "SparkSession") -> None:
    """Stop the server, with all that its sessions do."""
    jvm: Any = session._jvm
    service = getattr(getattr(jvm, f"{_SERVICE}$"), "MODULE$")
    service.stop(jvm.scala.Option.empty(), jvm.scala.Option.empty())


def open_session(address: Gateway, run: str) -> "SparkSession":
    """Return a new remote session of a notebook run. From now on this process is a client of Spark Connect."""
    from pyspark.sql.connect.session import SparkSession

    # By that name alone a token is sent without TLS.
    url = f"sc://localhost:{address.connect_port}/;token={quote(address.secret)};user_id={quote(run)}"
    # PySpark's functions and builder go by these variables.
    os.environ.update({"SPARK_CONNECT_MODE_ENABLED": "1", "SPARK_REMOTE": url})
    session: Any = SparkSession.builder.remote(url).create()
    return session  # type: ignore[no-any-return] # PySpark's two sessions share no class that its types know


def send_modules(session: "SparkSession", folder: Path) -> None:
    """Let the Python workers of a session import what a folder holds, as they can where they share the disk."""
    with TemporaryDirectory(prefix="modules-") as aside:
        archive = Path(aside) / f"{uuid4().hex}.zip"  # all sessions' archives lie in one folder of the JVM
        with ZipFile(archive, "w") as modules:
            for file in sorted(folder.rglob("*.py")):
                modules.write(file, file.relative_to(folder))
        session.addArtifacts(str(archive), pyfile=True)


def cancel_run(session: "SparkSession", run: str) -> None:
    """End what the sessions of a notebook run are doing. `session` is the classic one of the server's JVM."""
    jvm: Any = session._jvm
    service = getattr(jvm, _SERVICE)
    active = service.listActiveExecutions()
    if not active.isRight():
        return
    executions = active.toOption().get()
    for number in range(executions.size()):
        execution = executions.apply(number)
        if execution.userId() == run:
            none = jvm.scala.Option.empty()
            service.getOrCreateIsolatedSession(run, execution.sessionId(), none).interruptAll()

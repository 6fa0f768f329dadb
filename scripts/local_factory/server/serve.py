"""Serves the local factory until it is told to stop: `run_local.py --serve`."""

import asyncio
import fcntl
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bundle.command_line import reason
from local_factory.data.stand_ins import StandIns
from local_factory.server.access import Access
from local_factory.server.application import application
from local_factory.server.checks import Checks
from local_factory.server.data_factory import DataFactory
from local_factory.server.databricks import Databricks
from local_factory.server.errors import ServerError
from local_factory.server.events import Events
from local_factory.server.history import History
from local_factory.server.monitor import Monitor
from local_factory.server.notebooks import OpenSession, ServedNotebooks
from local_factory.server.objects import FactoryObjects
from local_factory.server.runs import KILLED, Runs
from local_factory.server.triggers import Triggers
from local_factory.server.workspace import Workspace
from local_factory.server.workspace_folder import WorkspaceFiles, WorkspaceFolders
from local_factory.stubs import Stubs

if TYPE_CHECKING:
    import uvicorn

TOKEN_VARIABLE = "LOCAL_FACTORY_TOKEN"  # noqa: S105 - the variable's name
_HOST = "127.0.0.1"
_SECONDS_FOR_ANSWERS = 3
_BACKLOG = 512


@dataclass(frozen=True)
class Served:
    """What is served, and where: the factory's Git root, its notebooks, the work folder, the port (0: any).

    `stubs` say what activities answer instead of running, `stand_ins` what takes linked services' places, and
    `runs_notebooks` whether Spark is started at once.
    """

    adf: Path
    notebooks: Path
    workdir: Path
    port: int
    stubs: Stubs = field(default_factory=Stubs)
    stand_ins: StandIns = field(default_factory=dict)
    runs_notebooks: bool = False


async def serve(
    served: Served, open_session: OpenSession, announce: Callable[[str], None], warn: Callable[[str], None]
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        served: what and where.
        open_session: starts Spark and the sources, when a notebook needs them.
        announce: is told the address with the token, once the server listens.
        warn: is told what goes wrong meanwhile.

    Raises:
        ServerError: the port is taken, or the work folder is served by another.
        ResourceError: a file of the factory cannot be read.
    """
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
    async with AsyncExitStack() as stack:
        stack.enter_context(_workdir(served.workdir))
        listening = stack.enter_context(_listening(served.port))
        port = listening.getsockname()[1]
        url = f"http://{_HOST}:{port}"
        app = await stack.enter_async_context(_factory(served, open_session, url, token, warn))
        server = _server(app.access)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        announce(f"{url}/?token={token}")
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait([stop, serving], return_when=asyncio.FIRST_COMPLETED)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        app.events.close()
        server.should_exit = True
        await serving
        stop.cancel()


@dataclass(frozen=True)
class _App:
    access: Access
    events: Events


@asynccontextmanager
async def _factory(
    served: Served, open_session: OpenSession, url: str, token: str, warn: Callable[[str], None]
) -> AsyncIterator[_App]:
    """Put the parts together, take up what was left by the last time, and leave it in order."""
    workdir = served.workdir
    workspace_root = workdir / "workspace"
    checks = Checks(served.notebooks, workspace_root, served.stubs, served.stand_ins)
    objects = FactoryObjects(served.adf, workdir / "factory", checks.publish, warn)
    history = History(workdir / "runs" / "history.sqlite")
    history.fail_running(KILLED)
    events = Events()
    notebooks = ServedNotebooks(open_session, workdir / "runs" / "notebooks", workspace_root, url)
    async with httpx.AsyncClient() as http:
        runs = Runs(
            objects,
            history,
            events,
            checks,
            notebooks=notebooks,
            http=http,
            stubs=served.stubs,
            stand_ins=served.stand_ins,
        )
        triggers = Triggers(objects, runs, events)
        monitor = Monitor(objects, runs, triggers, events, workdir=workdir, notebooks=notebooks)
        data_factory = DataFactory(objects, runs, triggers, events)
        databricks = Databricks(Workspace(WorkspaceFiles(workspace_root), WorkspaceFolders(workspace_root)), history)
        if served.runs_notebooks:
            notebooks.warm_up()
        runs.start_queued()
        watching = asyncio.create_task(triggers.watch(), name="watch triggers")
        app = application(data_factory, databricks, monitor, url)
        try:
            yield _App(Access(app, int(url.rpartition(":")[2]), token), events)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await triggers.close()
            await runs.stop()
            await notebooks.close()
            history.close()


def _server(app: Access) -> "uvicorn.Server":
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        ws="none",
        http="h11",
        timeout_graceful_shutdown=_SECONDS_FOR_ANSWERS,
    )
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment] # the signals are ours
    return server


@contextmanager
def _workdir(workdir: Path) -> Iterator[None]:
    """Hold the work folder, which only one server may use at a time; the lock ends with the process."""
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        file = (workdir / "server.lock").open("a")
    except OSError as error:
        raise ServerError(f"--workdir {workdir}: cannot be written: {reason(error)}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ServerError(
                f"--workdir {workdir}: another local factory serves it. Stop that one, or give another --workdir."
            ) from None
        yield


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, port))
            listening.listen(_BACKLOG)
        except (OSError, OverflowError) as error:
            raise ServerError(
                f"--port {port}: cannot be used: {reason(error)} Give another one, or 0 for any that is free."
            ) from None
        yield listening

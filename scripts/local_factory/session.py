"""What stands in for Azure while pipelines run on it: Spark, the database, the country API and the lake."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bundle.command_line import reason
from local_factory.cluster.jvm import Jvm, java_errors
from local_factory.cluster.kernels import Kernels
from local_factory.cluster.redaction import DEFAULT_SCOPE, Redactor, secret_variable
from local_factory.cluster.spark import Cluster, start_cluster
from local_factory.cluster.spellings import passwords_in
from local_factory.demo.country_api import CountryApi
from local_factory.demo.database import DemoDatabase, only_user, prepare_database, shutdown_database
from local_factory.demo.ticket_api import TicketApi
from local_factory.errors import ArgumentError
from local_factory.report import Sources
from local_factory.slots import Slots

_API_KEY = secret_variable(DEFAULT_SCOPE, "restcountries-api-key")

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """What the session runs on. Without an address of its own, the database or the API is the stand-in."""

    notebooks: Path
    workdir: Path
    customers: int
    products: int
    change: int = 0
    connect: bool = False
    sql_url: str | None = field(default=None, repr=False)
    country_api: str | None = field(default=None, repr=False)

    @property
    def lake(self) -> Path:
        """Return the folder that stands in for the container of ADLS Gen2."""
        return (self.workdir / "lake").resolve()


@dataclass(frozen=True)
class Session:
    """What stands in for Azure, up and running.

    `environment` is what notebooks must know of it, `secrets` what their secret scope holds of it, and `slots` how
    many runs of each pipeline may go on at once.
    """

    settings: Settings
    cluster: Cluster | None
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    sources: Sources
    kernels: Kernels | None = None
    slots: Slots = field(default_factory=Slots)


@asynccontextmanager
async def open_session(
    settings: Settings, jvm: Jvm | None, clusters: Sequence[Mapping[str, str]] = ()
) -> AsyncIterator[Session]:
    """Start what stands in for Azure, and stop it all at the end.

    Args:
        settings: what to start.
        jvm: Spark's Java process; without one neither Spark nor the database is started, and no notebook can run.
        clusters: the variables of the cluster of every notebook run that is expected.

    Raises:
        ArgumentError: the work folder cannot be written.
        JvmError: the Java process ended before it could be used.
        DemoDatabaseError: the demo database cannot be made or opened.
    """
    try:
        settings.lake.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"--workdir {settings.workdir}: cannot be written: {reason(error)}") from error
    async with AsyncExitStack() as stack:
        api = settings.country_api or _start_country_api(stack)
        cluster = None
        sql_url, secrets = settings.sql_url or "", {}
        kernels = Kernels(clusters)
        if jvm:
            stack.push_async_callback(kernels.close)
            await kernels.start_expected()
            cluster = await _enter_in_thread(stack, _cluster(jvm, settings))
            kernels.attach(cluster.gateway)
            if not sql_url:
                database = await _enter_in_thread(stack, _database(settings, cluster))
                sql_url, secrets = database.url, {"sql-user": database.user, "sql-password": database.password}
        environment = {
            "LAKE_ROOT": str(settings.lake),
            "COUNTRY_API_URL": api,
            "DEMO_API_URL": stack.enter_context(TicketApi.start()).url,
            "SQL_URL": sql_url,
            "AZURE_TENANT_ID": os.environ.get("AZURE_TENANT_ID", ""),  # that of --sql-url
            "LOG_INGESTION_URL": "",  # what a run here logs stays here
        }
        sources = Sources(_without_credentials(sql_url) or "not started", _without_password(api), settings.lake)
        yield Session(settings, cluster, environment, secrets, sources, kernels)


def _start_country_api(stack: AsyncExitStack) -> str:
    """Start the stand-in. A client that has a key speaks v5, so that is the address it gets."""
    key = os.environ.get(_API_KEY)
    api = stack.enter_context(CountryApi.start(api_key=key))
    return api.v5_url if key else api.v3_url


@contextmanager
def _cluster(jvm: Jvm, settings: Settings) -> Iterator[Cluster]:
    with java_errors(), start_cluster(jvm, settings.workdir, with_connect=settings.connect) as cluster:
        yield cluster


@contextmanager
def _database(settings: Settings, cluster: Cluster) -> Iterator[DemoDatabase]:
    folder = settings.workdir / "derby"
    with only_user(folder), java_errors():
        database = prepare_database(
            cluster.session, folder, settings.customers, settings.products, change=settings.change
        )
        try:
            yield database
        finally:
            shutdown_database(cluster.session, database)


def _without_password(address: str) -> str:
    return Redactor(passwords_in(address)).text(address)


def _without_credentials(jdbc_url: str) -> str:
    """Return a JDBC address as far as it may be shown: without properties, user and password."""
    address = re.split("[;?]", jdbc_url, maxsplit=1)[0]
    if "@" not in address:
        return address
    protocol = ":".join(address.split(":")[:2])
    return f"{protocol}:…@{address.rpartition('@')[2]}"


async def _enter_in_thread(stack: AsyncExitStack, manager: AbstractContextManager[T]) -> T:
    """Enter a slow context in a thread. Cancelled meanwhile, it is left again as soon as it has been entered."""
    entering = asyncio.ensure_future(asyncio.to_thread(manager.__enter__))
    try:
        value = await asyncio.shield(entering)
    except asyncio.CancelledError:
        await asyncio.wait([entering])
        if not entering.exception():
            manager.__exit__(None, None, None)
        raise
    stack.push(manager.__exit__)
    return value

"""Fixtures of the local factory's tests: the session's one Spark as the cluster that notebooks attach to."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local_factory.cluster.spark import Cluster
from local_factory.demo.country_api import CountryApi
from local_factory.demo.database import DemoDatabase, prepare_database, shutdown_database
from local_factory.report import Sources
from local_factory.session import Session, Settings

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def cluster(spark_cluster: Cluster) -> Cluster:
    """The one Spark of the tests, as a cluster that other processes attach to, each over Py4J."""
    return replace(spark_cluster, gateway=replace(spark_cluster.gateway, connect_port=None))


@pytest.fixture(scope="session")
def country_api() -> Iterator[CountryApi]:
    with CountryApi.start() as api:
        yield api


class Laptop:
    """A session on a work folder of its own, with so many customers in the demo database."""

    def __init__(self, cluster: Cluster, api: CountryApi, workdir: Path) -> None:
        self.workdir = workdir
        self.lake = workdir / "lake"
        self.lake.mkdir(parents=True)
        self._cluster = cluster
        self._api = api
        self.database: DemoDatabase | None = None

    def session(self, customers: int, products: int = 20, notebooks: Path = REPOSITORY / "notebooks") -> Session:
        self.close()
        database = prepare_database(self._cluster.session, self.workdir / "derby", customers, products)
        self.database = database
        environment = {
            "LAKE_ROOT": str(self.lake),
            "COUNTRY_API_URL": self._api.v3_url,
            "LOG_INGESTION_URL": "",
            "SQL_URL": database.url,
        }
        secrets = {"sql-user": database.user, "sql-password": database.password}
        settings = Settings(notebooks=notebooks, workdir=self.workdir, customers=customers, products=products)
        return Session(
            settings, self._cluster, environment, secrets, Sources(database.url, self._api.v3_url, self.lake)
        )

    def execute(self, statement: str) -> None:
        """Execute a statement in the demo database."""
        assert self.database
        connection = self._cluster.session._jvm.java.sql.DriverManager.getConnection(
            self.database.url, self.database.user, self.database.password
        )
        connection.createStatement().execute(statement)
        connection.close()

    def close(self) -> None:
        if self.database:
            shutdown_database(self._cluster.session, self.database)


@pytest.fixture
def laptop(cluster: Cluster, country_api: CountryApi, tmp_path: Path) -> Iterator[Laptop]:
    machine = Laptop(cluster, country_api, tmp_path)
    yield machine
    machine.close()

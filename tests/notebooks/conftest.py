"""What the tests of the notebooks share: a Derby database, a lake folder, settings for them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.derby import Derby
from fakes.entra_service import CLIENT_ID, CLIENT_SECRET, EntraService
from fakes.workspace import Settings
from local_factory.cluster.spark import Cluster


@pytest.fixture
def principal(entra: EntraService) -> Settings:
    """Return the settings and secrets of a service principal that Entra ID knows."""
    return Settings(environment=dict(entra.variables), secrets={"sql-user": CLIENT_ID, "sql-password": CLIENT_SECRET})


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture(scope="session")
def derby(spark_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Derby:
    return Derby(spark_cluster.session, f"jdbc:derby:{tmp_path_factory.mktemp('derby') / 'source'};create=true")


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Return what was logged on stdout since the last call."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]

"""A factory, a workspace and a bundle for the tests of the deployer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.bundles import BundleFolder, linked_service, pipeline, schedule_trigger
from fakes.cloud import Cloud
from fakes.factory_service import FactoryService
from fakes.http_service import Faults
from fakes.workspace_service import WorkspaceService


@pytest.fixture(autouse=True)
def databricks_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_CONFIG_PROFILE", "GITHUB_STEP_SUMMARY", "GITHUB_REF_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_TOKEN", "t")


@pytest.fixture
def bundle(tmp_path: Path) -> BundleFolder:
    """A bundle of every kind of thing: two linked services, three pipelines that call each other, two triggers."""
    folder = BundleFolder(tmp_path / "bundle")
    folder.put("linkedService", linked_service("LS_Databricks", baseUrl="https://one"))
    folder.put("linkedService", linked_service("LS_Vault", baseUrl="https://two"))
    folder.put("pipeline", pipeline("PL_Child"))
    folder.put("pipeline", pipeline("PL_Parent", calls="PL_Child", concurrency=1))
    folder.put("pipeline", pipeline("PL_Old"))
    folder.put("trigger", schedule_trigger("TR_Daily", "PL_Parent"))
    folder.put("trigger", schedule_trigger("TR_Kept", "PL_Child"))
    folder.notebook("load", "import ingestion")
    folder.module("ingestion/__init__.py", "")
    folder.module("ingestion/lake.py", "ROOT = 1\n")
    return folder


@pytest.fixture
def cloud(bundle: BundleFolder, tmp_path: Path) -> Iterator[Cloud]:
    """A factory and a workspace with nothing in them, and a bundle to deploy."""
    faults = Faults()
    with FactoryService(faults=faults) as factory, WorkspaceService(faults=faults) as workspace:
        yield Cloud(factory, workspace, bundle, tmp_path)


@pytest.fixture
def deployed(cloud: Cloud) -> Cloud:
    """The same with the bundle deployed, and nothing counted yet."""
    cloud.apply()
    cloud.forget()
    return cloud

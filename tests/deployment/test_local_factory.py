"""`deploy.py --env local` against a served local factory: plan, apply, trigger and roll back, as against Azure."""

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import deploy as deploy_command
from deployment.connections import Patience
from fakes.bundles import BundleFolder, linked_service, schedule_trigger
from support.local_server import LocalServer, write_factory
from support.pipelines import activity, fail, pipeline, succeed


@dataclass
class Outcome:
    status: int
    out: str
    err: str


Deploy = Callable[..., Outcome]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalServer]:
    """A server of a factory that holds one pipeline of another team."""
    adf = write_factory(tmp_path / "theirs", pipeline("PL_Theirs", [succeed("A")]))
    with LocalServer(adf, tmp_path / "work") as served:
        yield served


@pytest.fixture
def deploy(
    local: LocalServer, bundle: BundleFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Deploy]:
    """Return a function that calls the command in this process, with the repository's own environment `local`."""
    environments = bundle.root / "infra" / "environments"
    environments.mkdir(parents=True)
    repository = Path(__file__).resolve().parents[2]
    (environments / "local.toml").write_text((repository / "infra" / "environments" / "local.toml").read_text())
    monkeypatch.chdir(bundle.root)
    monkeypatch.delenv("DATABRICKS_TOKEN")
    monkeypatch.setenv("AZURE_ACCESS_TOKEN", local.token)
    monkeypatch.setenv("LOCAL_FACTORY_URL", local.url)
    monkeypatch.setattr("deployment.connections.PATIENCE", Patience(answer=60, backoff=0, poll=0.01, settle=60))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str) -> Outcome:
        status = deploy_command.main([*arguments, "--env", "local"])
        said = capsys.readouterr()
        return Outcome(status, said.out, said.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def bundle(tmp_path: Path) -> BundleFolder:
    folder = BundleFolder(tmp_path / "bundle")
    for resource in (
        pipeline("PL_Child", [succeed("A")], annotations=["bundle"]),
        pipeline("PL_Parent", [_call("PL_Child")], annotations=["bundle"]),
        pipeline("PL_Bad", [fail("Break", message="it broke")], annotations=["bundle"]),
    ):
        folder.put("pipeline", resource.document)
    folder.put("linkedService", linked_service("LS_Vault", baseUrl="https://two"))
    folder.put("trigger", schedule_trigger("TR_Daily", "PL_Parent"))
    folder.notebook("load", "import ingestion")
    folder.module("ingestion/__init__.py", "")
    return folder


def _call(child: str):
    reference = {"referenceName": child, "type": "PipelineReference"}
    return activity("Call", "ExecutePipeline", pipeline=reference, waitOnCompletion=True)


def _state(local: LocalServer) -> str:
    return str(local.call("GET", "/triggers/TR_Daily").json()["properties"]["runtimeState"])


def test_a_bundle_is_planned_applied_run_changed_and_rolled_back(deploy: Deploy, local, bundle: BundleFolder):
    assert deploy("plan").status == 2
    applied = deploy("apply")
    assert applied.status == 0, applied.err
    assert deploy("plan").status == 0
    assert _state(local) == "Started"
    assert local.call("GET", "/pipelines/PL_Theirs").status_code == 200
    assert (
        "# Databricks notebook source"
        in (local.workdir / "workspace" / "Shared" / "continuous-ingestion" / "notebooks" / "load.py").read_text()
    )

    good = deploy("trigger", "PL_Parent", "--wait")
    assert good.status == 0, good.err
    assert f"{local.url}/runs/" in good.out
    bad = deploy("trigger", "PL_Bad", "--wait")
    assert bad.status == 1
    assert "PL_Bad.Break: E1: it broke" in bad.out

    bundle.put("pipeline", pipeline("PL_Child", [succeed("A"), succeed("B", "A")], annotations=["bundle"]).document)
    (bundle.adf / "pipeline" / "PL_Bad.json").unlink()
    changed = json.loads(deploy("plan", "--json").out)
    assert {action["name"] if "name" in action else str(action) for action in changed["actions"]}
    second = deploy("apply")
    assert second.status == 0, second.err
    assert local.call("GET", "/pipelines/PL_Bad").status_code == 404
    assert len(local.call("GET", "/pipelines/PL_Child").json()["properties"]["activities"]) == 2

    snapshot = next(line.split()[-1] for line in second.out.splitlines() if line.startswith("snapshot:"))
    back = deploy("rollback", snapshot)
    assert back.status == 0, back.err
    assert local.call("GET", "/pipelines/PL_Bad").status_code == 200
    assert len(local.call("GET", "/pipelines/PL_Child").json()["properties"]["activities"]) == 1
    assert _state(local) == "Started"


def test_what_was_deployed_outlives_a_kill_and_plans_no_change(deploy: Deploy, local, monkeypatch):
    assert deploy("apply").status == 0
    local.kill()
    local.start()
    monkeypatch.setenv("LOCAL_FACTORY_URL", local.url)
    assert deploy("plan").status == 0
    assert _state(local) == "Started"

"""A fault at every call of a deployment, one by one: it ends as it was before or as wanted, never between."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployment.errors import ApplyFailedError, DeploymentError
from fakes.bundles import BundleFolder, linked_service, pipeline, schedule_trigger
from fakes.cloud import Cloud
from fakes.factory_service import FactoryService
from fakes.http_service import Fault, Faults
from fakes.workspace_service import WorkspaceService

# Trials that wait for an answer that does not come wait beside each other.
WORKERS = 4


def change_everything(bundle: BundleFolder) -> None:
    """Creates, updates and deletes, a changed running trigger, and triggers that come, go, start and stop."""
    bundle.put("linkedService", linked_service("LS_New", baseUrl="https://three"))
    bundle.put("linkedService", linked_service("LS_Databricks", baseUrl="https://one-changed"))
    bundle.remove("linkedService", "LS_Vault")
    bundle.put("pipeline", pipeline("PL_New", calls="PL_Child"))
    bundle.put("pipeline", pipeline("PL_Parent", calls="PL_New", concurrency=2))
    bundle.remove("pipeline", "PL_Old")
    bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Parent", hours=[0, 12]))
    bundle.put("trigger", schedule_trigger("TR_New", "PL_New"))
    bundle.put("trigger", schedule_trigger("TR_Paused", "PL_Child", state="Stopped"))
    bundle.remove("trigger", "TR_Gone")
    bundle.notebook("load", "import ingestion  # changed")
    bundle.notebook("extra", "1")
    (bundle.notebooks / "old.py").unlink()


@contextmanager
def world(bundle: BundleFolder, folder: Path, *, answer: float = 0.5) -> Iterator[Cloud]:
    faults = Faults()
    with FactoryService(faults=faults) as factory, WorkspaceService(faults=faults) as workspace:
        yield Cloud(factory, workspace, bundle, folder, answer=answer)


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_at_any_call_leaves_the_factory_as_before_or_as_wanted(
    bundle: BundleFolder, tmp_path: Path, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    bundle.put("trigger", schedule_trigger("TR_Gone", "PL_Old"))
    bundle.put("trigger", schedule_trigger("TR_Paused", "PL_Child"))
    bundle.notebook("old", "0")
    # Here calls are counted: none may be made twice, because a busy machine answered late.
    with world(bundle, tmp_path, answer=60) as cloud:
        cloud.apply()
        change_everything(bundle)
        cloud.forget()
        kept = cloud.factory.keep(), cloud.workspace.keep()
        before = cloud.state()
        cloud.apply()
        wanted = cloud.state()
        calls = len(cloud.factory.faults.calls)
    assert wanted != before
    assert wanted["states"] == {
        "TR_Daily": "Started",
        "TR_Kept": "Started",
        "TR_New": "Started",
        "TR_Paused": "Stopped",
    }

    def trials(worker: int) -> Counter[str]:
        ends: Counter[str] = Counter()
        with world(bundle, tmp_path / str(worker)) as cloud:
            for call in range(1 + worker, calls + 1, WORKERS):
                cloud.factory.put_back(kept[0])
                cloud.workspace.put_back(kept[1])
                cloud.forget()
                cloud.factory.faults.orders[call] = fault
                try:
                    cloud.apply()
                except DeploymentError:
                    succeeded = False
                else:
                    succeeded = True
                met = cloud.factory.faults.met
                assert len(met) == 1, f"call {call}: {met}"
                assert cloud.state() == (wanted if succeeded else before), f"call {call}, {met[0]}: between"
                ends["wanted" if succeeded else "before"] += 1
        return ends

    with ThreadPoolExecutor(WORKERS) as pool:
        ends = sum(pool.map(trials, range(WORKERS)), Counter())
    record_property("sweep", f"{fault}: {calls} calls, {dict(ends)}")
    assert sum(ends.values()) == calls


def test_whatever_write_is_refused_for_good_the_factory_is_put_back(bundle: BundleFolder, tmp_path: Path) -> None:
    bundle.put("trigger", schedule_trigger("TR_Gone", "PL_Old"))
    bundle.put("trigger", schedule_trigger("TR_Paused", "PL_Child"))
    bundle.notebook("old", "0")
    # Here calls are counted: none may be made twice, because a busy machine answered late.
    with world(bundle, tmp_path, answer=60) as cloud:
        cloud.apply()
        change_everything(bundle)
        cloud.forget()
        kept = cloud.factory.keep(), cloud.workspace.keep()
        before = cloud.state()
        cloud.apply()
        # A trigger that can never be started again cannot be put back: that has a test of its own.
        writes = [call for call in cloud.factory.writes if not call.endswith("/start")]
        assert len(writes) == len(set(writes)) > 10
        for write in writes:
            cloud.factory.put_back(kept[0])
            cloud.workspace.put_back(kept[1])
            cloud.forget()
            cloud.factory.faults.every = lambda method, path, write=write: (
                Fault.REFUSE if f"{method} {path}" == write else None
            )
            with pytest.raises(ApplyFailedError):
                cloud.apply()
            cloud.factory.faults.every = lambda _method, _path: None
            assert cloud.state() == before, write

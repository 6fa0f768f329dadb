"""Applying a bundle to a factory and a workspace."""

import json
import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bundle.errors import SourceEncodingError
from deployment.errors import (
    ApplyFailedError,
    DeploymentError,
    FactoryError,
    LockedError,
    LockLostError,
    PlanRefusedError,
    RollbackFailedError,
    SnapshotError,
    StalePlanError,
)
from deployment.lock import LEASE, Lock
from deployment.plan import Operation
from deployment.snapshot import load_snapshot
from fakes.bundles import linked_service, pipeline, schedule_trigger
from fakes.cloud import Cloud
from fakes.factory_service import KINDS
from fakes.http_service import Fault, HttpService
from fakes.workspace_service import GitFolder


def test_a_first_apply_creates_everything_and_starts_the_triggers(cloud: Cloud) -> None:
    done = cloud.apply()
    assert {action.operation for action in done.plan.actions} == {Operation.CREATE}
    assert cloud.factory.states == {"TR_Daily": "Started", "TR_Kept": "Started"}
    assert cloud.workspace.files["/Shared/app/notebooks/load"][0] == "NOTEBOOK"
    assert cloud.workspace.files["/Shared/app/notebooks/ingestion/lake.py"] == ("FILE", b"ROOT = 1\n")
    assert cloud.locks() == []


def test_a_second_apply_changes_nothing_and_writes_nothing(deployed: Cloud) -> None:
    before = deployed.state()
    done = deployed.apply()
    assert done.plan.actions == ()
    assert deployed.factory.writes == []
    assert deployed.workspace.writes == []
    assert deployed.state() == before


def test_files_are_sent_byte_for_byte(cloud: Cloud) -> None:
    text = '{ "name": "PL_Odd",\r\n  "properties": {"activities": [], "annotations": ["continuous-ingestion"]}}\t'
    (cloud.bundle.adf / "pipeline" / "PL_Odd.json").write_bytes(text.encode())
    cloud.apply()
    sent = [request.body for request in cloud.factory.requests if request.path.endswith("/pipelines/PL_Odd")]
    assert text.encode() in sent


def test_an_object_without_the_annotation_is_marked_on_the_way(cloud: Cloud) -> None:
    cloud.bundle.put("pipeline", {"name": "PL_Bare", "properties": {"activities": []}})
    cloud.apply()
    assert cloud.factory.objects["pipeline", "PL_Bare"]["annotations"] == ["continuous-ingestion"]
    assert cloud.plan().actions == ()


def test_objects_come_after_what_they_refer_to(cloud: Cloud) -> None:
    cloud.apply()
    puts = [call.rpartition("/")[2] for call in cloud.factory.writes if call.startswith("PUT")]
    assert puts.index("LS_Databricks") < puts.index("PL_Child") < puts.index("PL_Parent") < puts.index("TR_Daily")


def test_an_unchanged_trigger_is_neither_stopped_nor_put(deployed: Cloud) -> None:
    deployed.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Parent", hours=[6]))
    deployed.apply()
    writes = [call.partition("/triggers/")[2] for call in deployed.factory.writes]
    assert writes == ["TR_Daily/stop", "TR_Daily", "TR_Daily/start"]


@pytest.mark.parametrize(("state", "write"), [("Stopped", "stop"), ("Started", "start")])
def test_a_trigger_of_which_only_the_state_differs_is_not_put(deployed: Cloud, state: str, write: str) -> None:
    deployed.factory.states["TR_Daily"] = "Started" if state == "Stopped" else "Stopped"
    deployed.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Parent", state=state))
    deployed.apply()
    assert [call.rpartition("/")[2] for call in deployed.factory.writes] == [write]
    assert deployed.factory.states["TR_Daily"] == state


@pytest.mark.parametrize("state", ["Started", "Stopped"])
def test_a_trigger_without_a_wish_ends_as_it_was(deployed: Cloud, state: str) -> None:
    deployed.factory.states["TR_Daily"] = state
    deployed.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Parent", state=None, hours=[6]))
    deployed.apply()
    assert deployed.factory.states["TR_Daily"] == state
    hours = deployed.factory.objects["trigger", "TR_Daily"]["typeProperties"]["recurrence"]["schedule"]["hours"]
    assert hours == [6]


def test_an_event_trigger_is_subscribed_before_it_starts(cloud: Cloud) -> None:
    trigger = schedule_trigger("TR_Blob", "PL_Child")
    trigger["properties"] |= {
        "type": "BlobEventsTrigger",
        "typeProperties": {"events": ["Microsoft.Storage.BlobCreated"]},
    }
    cloud.bundle.put("trigger", trigger)
    cloud.apply()
    assert cloud.factory.states["TR_Blob"] == "Started"
    cloud.bundle.remove("trigger", "TR_Blob")
    cloud.apply()
    assert ("trigger", "TR_Blob") not in cloud.factory.objects
    assert cloud.factory.subscribed == set()


def event_trigger(name: str, events: str = "Microsoft.Storage.BlobCreated") -> dict[str, Any]:
    trigger = schedule_trigger(name, "PL_Child")
    trigger["properties"] |= {"type": "BlobEventsTrigger", "typeProperties": {"events": [events]}}
    return trigger


def test_a_start_that_is_refused_while_event_grid_makes_the_subscription_is_asked_again(cloud: Cloud) -> None:
    cloud.bundle.put("trigger", event_trigger("TR_Blob"))
    cloud.settle = 300
    cloud.factory.provisioning["TR_Blob"] = 2
    cloud.apply()
    assert cloud.factory.states["TR_Blob"] == "Started"


def test_a_live_event_trigger_is_started_again_however_long_event_grid_takes(cloud: Cloud) -> None:
    cloud.bundle.put("trigger", event_trigger("TR_Blob"))
    cloud.apply()
    cloud.settle = 300
    cloud.bundle.put("trigger", event_trigger("TR_Blob", "Microsoft.Storage.BlobDeleted"))
    cloud.factory.provisioning["TR_Blob"] = 20
    cloud.apply()
    assert cloud.factory.states["TR_Blob"] == "Started"
    assert cloud.factory.provisioning["TR_Blob"] == 0
    cloud.factory.provisioning["TR_Blob"] = 3
    cloud.bundle.remove("trigger", "TR_Blob")
    cloud.apply()
    assert ("trigger", "TR_Blob") not in cloud.factory.objects


def test_a_subscription_that_is_never_made_is_given_up_with_the_services_own_words(deployed: Cloud) -> None:
    deployed.settle = 0.1
    deployed.bundle.put("trigger", event_trigger("TR_Blob"))
    deployed.factory.provisioning["TR_Blob"] = 10**6
    with pytest.raises(DeploymentError, match=r"trigger/TR_Blob: .* cannot be updated during provisioning"):
        deployed.apply()
    assert deployed.factory.states["TR_Daily"] == "Started"


def test_a_notebook_saved_with_a_byte_order_mark_is_a_notebook(cloud: Cloud) -> None:
    text = "# Databricks notebook source\nprint(1)\n"
    (cloud.bundle.notebooks / "bom.py").write_text(text, encoding="utf-8-sig")
    cloud.apply()
    kind, content = cloud.workspace.files["/Shared/app/notebooks/bom"]
    assert (kind, content) == ("NOTEBOOK", text.encode().rstrip(b"\n"))
    assert cloud.plan().actions == ()


@pytest.mark.parametrize("name", ["latin1.py", "ingestion/latin1.py"])
def test_a_python_file_that_is_not_utf_8_is_refused_with_its_line(cloud: Cloud, name: str) -> None:
    (cloud.bundle.notebooks / name).write_bytes("X = 1\n# caf\u00e9\n".encode("latin-1"))
    with pytest.raises(
        SourceEncodingError, match=rf"{name}: line 2: is not UTF-8 \(byte 0xe9\)\. Save the file as UTF-8"
    ):
        cloud.plan()
    assert cloud.factory.writes == []


def test_an_object_deleted_by_hand_comes_back(deployed: Cloud) -> None:
    wanted = deployed.state()
    del deployed.factory.objects["pipeline", "PL_Old"]
    deployed.workspace.files.pop("/Shared/app/notebooks/load")
    deployed.apply()
    assert deployed.state() == wanted


def test_what_the_bundle_does_not_own_is_never_touched(deployed: Cloud) -> None:
    other = {"name": "PL_Other", "properties": {"activities": [], "annotations": ["other team"]}}
    deployed.factory.seed("pipeline", other)
    deployed.factory.seed(
        "trigger",
        {
            **schedule_trigger("TR_Other", "PL_Other"),
            "properties": {**schedule_trigger("TR_Other", "PL_Other")["properties"], "annotations": []},
        },
        started=True,
    )
    deployed.workspace.files["/Shared/app/notebooks/scratch"] = ("NOTEBOOK", b"# Databricks notebook source\n1")
    for name in ("PL_Old",):
        deployed.bundle.remove("pipeline", name)
    deployed.apply()
    assert ("pipeline", "PL_Old") not in deployed.factory.objects
    assert deployed.factory.objects["pipeline", "PL_Other"] == other["properties"]
    assert deployed.factory.states["TR_Other"] == "Started"
    assert "/Shared/app/notebooks/scratch" in deployed.workspace.files
    assert not any("Other" in call or "scratch" in call for call in deployed.factory.writes + deployed.workspace.writes)


def test_a_notebook_that_left_the_bundle_leaves_the_workspace(deployed: Cloud) -> None:
    deployed.bundle.module("ingestion/extra.py", "1\n")
    deployed.apply()
    assert "/Shared/app/notebooks/ingestion/extra.py" in deployed.workspace.files
    (deployed.bundle.notebooks / "ingestion" / "extra.py").unlink()
    deployed.apply()
    assert "/Shared/app/notebooks/ingestion/extra.py" not in deployed.workspace.files
    assert deployed.plan().actions == ()


def test_a_notebook_with_other_line_ends_is_the_same_notebook(deployed: Cloud) -> None:
    text = (deployed.bundle.notebooks / "load.py").read_text(encoding="utf-8")
    (deployed.bundle.notebooks / "load.py").write_bytes(text.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    assert deployed.plan().actions == ()


def test_throttling_is_waited_out(deployed: Cloud) -> None:
    deployed.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Parent", hours=[6]))
    deployed.bundle.notebook("load", "changed")
    throttled: set[str] = set()

    def first_time(service: HttpService, call: str) -> None:
        if call not in throttled:
            throttled.add(call)
            service.throttle_next = 1

    def throttle(method: str, path: str) -> None:
        service = deployed.workspace if path.startswith(("/api", "/.well")) else deployed.factory
        first_time(service, f"{method} {path}")

    deployed.factory.faults.every = throttle
    deployed.apply()
    assert {call.partition(" ")[0] for call in throttled} >= {"GET", "PUT", "POST"}
    assert deployed.factory.states["TR_Daily"] == "Started"
    assert b"changed" in deployed.workspace.files["/Shared/app/notebooks/load"][1]


def test_a_refused_object_is_named_and_everything_is_put_back(deployed: Cloud) -> None:
    before = deployed.state()
    deployed.bundle.notebook("load", "changed")
    deployed.bundle.put("pipeline", pipeline("PL_New"))
    deployed.bundle.put("pipeline", pipeline("PL_Parent", calls="PL_New"))
    deployed.bundle.remove("pipeline", "PL_Old")
    deployed.factory.faults.every = lambda method, path: (
        Fault.REFUSE if (method, path.rpartition("/")[2]) == ("PUT", "PL_Parent") else None
    )
    with pytest.raises(ApplyFailedError) as failure:
        deployed.apply()
    assert "pipeline/PL_Parent: the factory answered 400: BadRequest: refused on order" in str(failure.value)
    assert "pipeline/PL_New" in str(failure.value)
    assert deployed.state() == before
    assert deployed.locks() == []


def test_a_rollback_that_meets_faults_tries_again(deployed: Cloud) -> None:
    before = deployed.state()
    deployed.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Parent", hours=[6]))
    refused: list[str] = []

    def two_times(method: str, path: str) -> Fault | None:
        if path.endswith("/TR_Daily/start") and method == "POST" and len(refused) < 2:
            refused.append(path)
            return Fault.REFUSE
        return None

    deployed.factory.faults.every = two_times
    with pytest.raises(ApplyFailedError):
        deployed.apply()
    assert len(refused) == 2
    assert deployed.state() == before


def test_what_cannot_be_put_back_is_listed_with_the_way_out(deployed: Cloud) -> None:
    deployed.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Parent", hours=[6]))
    deployed.factory.cannot_start.add("TR_Daily")
    with pytest.raises(RollbackFailedError) as failure:
        deployed.apply()
    assert "trigger/TR_Daily: is not as it was" in str(failure.value)
    snapshot = max(deployed.snapshots.iterdir())
    assert f"deploy.py rollback {snapshot}" in str(failure.value)
    deployed.factory.cannot_start.clear()
    assert deployed.rollback(snapshot) == ["trigger/TR_Daily"]
    assert deployed.factory.states["TR_Daily"] == "Started"


def test_an_unexpected_error_is_rolled_back_too(deployed: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    before = deployed.state()
    deployed.bundle.put("pipeline", pipeline("PL_New"))
    deployed.bundle.notebook("load", "changed")

    def broken(*_arguments: Any) -> None:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("deployment.factory.Factory.put", broken)
        with pytest.raises(ApplyFailedError, match="a bug"):
            deployed.apply()
    assert deployed.state() == before


def test_a_snapshot_can_be_read_by_its_owner_only_and_names_its_factory(cloud: Cloud, tmp_path: Path) -> None:
    done = cloud.apply()
    assert done.snapshot
    assert done.snapshot.stat().st_mode & 0o777 == 0o600
    document = json.loads(done.snapshot.read_text(encoding="utf-8"))
    document["factory"] = document["factory"].replace("adf-test", "adf-other")
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SnapshotError, match="adf-other"):
        load_snapshot(other, cloud.target().environment)


def test_a_plan_with_refusals_is_not_applied(deployed: Cloud) -> None:
    before = deployed.state()
    deployed.bundle.remove("linkedService", "LS_Databricks")
    with pytest.raises(PlanRefusedError):
        deployed.apply()
    assert deployed.state() == before
    assert deployed.factory.writes == deployed.workspace.writes == []


def test_a_change_between_plan_and_lock_makes_the_plan_stale(deployed: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed.bundle.put("pipeline", pipeline("PL_Old", concurrency=3))
    acquire = Lock._acquire

    def another_deploys_first(self: Lock, *, take_over: bool) -> None:
        acquire(self, take_over=take_over)
        deployed.factory.seed("pipeline", pipeline("PL_Old", concurrency=4))

    monkeypatch.setattr(Lock, "_acquire", another_deploys_first)
    with pytest.raises(StalePlanError, match="pipeline/PL_Old"):
        deployed.apply()
    assert deployed.factory.objects["pipeline", "PL_Old"]["concurrency"] == 4


def test_an_object_changed_after_the_last_look_is_not_overwritten(
    deployed: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.bundle.put("pipeline", pipeline("PL_Old", concurrency=3))
    renew = Lock.renew

    def another_saves_now(self: Lock) -> None:
        renew(self)
        deployed.factory.seed("pipeline", pipeline("PL_Old", concurrency=4))

    monkeypatch.setattr(Lock, "renew", another_saves_now)
    with pytest.raises(ApplyFailedError, match="changed in the factory since the plan was made"):
        deployed.apply()


# The lock


def lock(cloud: Cloud, now: datetime) -> Lock:
    return Lock(cloud.target().workspace, "/Shared/app", "adf-test", lambda: now)


def test_a_second_deployment_is_told_who_deploys_and_changes_nothing(deployed: Cloud) -> None:
    deployed.bundle.put("pipeline", pipeline("PL_New"))
    before = deployed.state()
    with lock(deployed, datetime.now(UTC)).held(deployed.told.append):
        with pytest.raises(LockedError, match=r"locked by .+@.+ since .+--break-lock"):
            deployed.apply()
        assert deployed.state() == before
        deployed.apply(break_lock=True)
    assert ("pipeline", "PL_New") in deployed.factory.objects


def test_the_lock_of_a_dead_deployment_runs_out(deployed: Cloud) -> None:
    dead = lock(deployed, datetime.now(UTC) - LEASE - timedelta(seconds=1))
    dead._acquire(take_over=False)
    assert len(deployed.locks()) == 1
    deployed.bundle.put("pipeline", pipeline("PL_New"))
    deployed.apply()
    assert ("pipeline", "PL_New") in deployed.factory.objects
    assert deployed.locks() == []


@pytest.mark.parametrize("dead", [False, True])
def test_of_many_at_once_never_more_than_one_holds_the_lock(cloud: Cloud, dead: bool) -> None:
    now = datetime.now(UTC)
    if dead:
        lock(cloud, now - LEASE * 2)._acquire(take_over=False)
    cloud.workspace.latency = 0.005
    inside: list[int] = []
    most: list[int] = []
    refused: list[LockedError] = []
    begin = threading.Barrier(6)
    contenders = [lock(cloud, now) for _ in range(6)]

    def contend(contender: Lock) -> None:
        begin.wait()
        for _ in range(5):
            try:
                with contender.held(cloud.told.append):
                    inside.append(1)
                    most.append(len(inside))
                    threading.Event().wait(0.01)
                    inside.pop()
            except LockedError as error:
                refused.append(error)

    threads = [threading.Thread(target=contend, args=(contender,)) for contender in contenders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) + len(refused) == 30
    assert cloud.locks() == []


def test_a_long_deployment_renews_its_lock_and_notices_when_it_is_taken(deployed: Cloud) -> None:
    now = [datetime.now(UTC)]
    mine = Lock(deployed.target().workspace, "/Shared/app", "adf-test", lambda: now[0])
    with mine.held(deployed.told.append):
        first = deployed.workspace.files[deployed.locks()[0]]
        mine.renew()
        assert deployed.workspace.files[deployed.locks()[0]] == first
        now[0] += LEASE / 2
        mine.renew()
        assert deployed.workspace.files[deployed.locks()[0]] != first
        deployed.workspace.files.clear()
        now[0] += LEASE / 2
        with pytest.raises(Exception, match="was taken over"):
            mine.renew()


# Git folders

GIT = shutil.which("git") or "git"


@pytest.fixture
def git_cloud(cloud: Cloud) -> Cloud:
    cloud.environment_options["notebooks"] = "git-folder"
    for command in (["init", "-qb", "main"], ["add", "-A"], ["commit", "-qm", "one"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run([GIT, *identity, *command], cwd=cloud.bundle.root, check=True)
    cloud.workspace.git_folders[7] = GitFolder(7, "/Shared/app", "main", "0" * 40)
    cloud.workspace.branches["main"] = head(cloud)
    return cloud


def head(cloud: Cloud) -> str:
    command = [GIT, "rev-parse", "HEAD"]
    return subprocess.run(command, cwd=cloud.bundle.root, check=True, capture_output=True, text=True).stdout.strip()


def test_a_git_folder_is_brought_to_the_deployed_commit(git_cloud: Cloud) -> None:
    git_cloud.apply()
    assert git_cloud.workspace.git_folders[7].commit == head(git_cloud)
    assert git_cloud.workspace.files == {}
    assert git_cloud.plan().actions == ()


def test_a_commit_that_is_not_the_end_of_its_branch_changes_nothing_in_the_factory(git_cloud: Cloud) -> None:
    git_cloud.workspace.branches["main"] = "f" * 40
    with pytest.raises(RollbackFailedError, match="a Git folder is brought to a branch's end only"):
        git_cloud.apply()
    assert git_cloud.factory.objects == {}


def test_a_missing_git_folder_is_refused_with_the_way_out(git_cloud: Cloud) -> None:
    git_cloud.workspace.git_folders.clear()
    with pytest.raises(PlanRefusedError, match="databricks repos create"):
        git_cloud.apply()


def test_a_linked_service_can_change_with_the_environment(cloud: Cloud) -> None:
    cloud.environment_options["more"] = (
        '[overrides."linkedService/LS_Vault"]\n"properties.typeProperties.baseUrl" = "https://elsewhere"\n'
    )
    cloud.apply()
    assert cloud.factory.objects["linkedService", "LS_Vault"]["typeProperties"]["baseUrl"] == "https://elsewhere"
    cloud.environment_options["more"] = ""
    assert [action.changes[0].new for action in cloud.plan().actions] == ["https://two"]


def test_a_new_root_moves_the_notebooks_and_the_paths_to_them(cloud: Cloud) -> None:
    cloud.environment_options["root"] = "/Shared/elsewhere"
    plan = cloud.apply().plan
    activity = cloud.factory.objects["pipeline", "PL_Child"]["activities"][0]
    assert activity["typeProperties"]["notebookPath"] == "/Shared/elsewhere/notebooks/load"
    assert "/Shared/elsewhere/notebooks/load" in cloud.workspace.files
    assert any("/Shared/app/notebooks/load is /Shared/elsewhere/notebooks/load" in note for note in plan.notes)
    assert cloud.plan().actions == ()


def test_secrets_that_the_factory_does_not_give_back_are_noted(deployed: Cloud) -> None:
    secret = linked_service("LS_Vault", password={"type": "SecureString", "value": "hunter2"})
    deployed.factory.seed("linkedService", secret)
    notes = deployed.plan().notes
    assert notes == (
        "linkedService/LS_Vault: properties.typeProperties.password: "
        "the factory does not give this secret back: every plan shows it as changed, "
        "and a rollback cannot restore it. Keep it in Key Vault.",
    )


def test_a_large_factory_is_read_page_by_page_and_written_once(cloud: Cloud) -> None:
    for number in range(120):
        cloud.bundle.put("pipeline", pipeline(f"PL_{number:03}"))
    cloud.apply()
    puts = [call for call in cloud.factory.writes if call.startswith("PUT")]
    assert len(puts) == len(set(puts)) == 7 + 120
    cloud.forget()
    assert cloud.plan().actions == ()
    pages = [request for request in cloud.factory.requests if request.path.endswith("/pipelines")]
    assert len(pages) == 3
    cloud.apply()
    assert cloud.factory.writes == cloud.workspace.writes == []


def test_a_deployment_that_lost_its_lock_leaves_the_field_to_the_other(
    deployed: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.bundle.put("pipeline", pipeline("PL_New"))
    deployed.bundle.notebook("load", "changed")
    asked: list[Lock] = []

    def lost_at_the_second_step(self: Lock) -> None:
        asked.append(self)
        if len(asked) > 2:
            raise LockLostError("taken over.")

    monkeypatch.setattr(Lock, "renew", lost_at_the_second_step)
    with pytest.raises(LockLostError, match=r"nothing was put back\. Before it all: .*snapshot"):
        deployed.apply()
    assert b"changed" in deployed.workspace.files["/Shared/app/notebooks/load"][1]


def test_a_trigger_changed_after_the_last_look_is_not_overwritten(
    deployed: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Parent", hours=[6]))
    monkeypatch.setattr(
        Lock,
        "renew",
        lambda _lock: deployed.factory.seed("trigger", schedule_trigger("TR_Daily", "PL_Child"), started=True),
    )
    with pytest.raises(ApplyFailedError, match="changed in the factory since the plan was made"):
        deployed.apply()


def test_a_cloud_that_does_not_know_a_kind_has_no_objects_of_it(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fakes.factory_service.KINDS", {k: v for k, v in KINDS.items() if v != "credential"})
    cloud.apply()
    assert cloud.plan().actions == ()


def test_a_factory_that_is_not_there_is_an_error(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fakes.factory_service.FACTORY", "another")
    with pytest.raises(FactoryError, match="adf-test: list of pipeline objects: the factory answered 404"):
        cloud.apply()


@pytest.mark.parametrize("name", ["report.ipynb", "query.sql"])
def test_a_notebook_of_another_format_is_refused(cloud: Cloud, name: str) -> None:
    cloud.bundle.module(name, "{}")
    with pytest.raises(DeploymentError, match=rf"{name}: only notebooks in Python source format"):
        cloud.apply()

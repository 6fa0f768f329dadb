"""What is published and what ran outlives stops and kills; one server a work folder; every end is a clean one."""

import json
import signal
import subprocess
import sys
import time

import pytest

from support.local_server import REPOSITORY, TOKEN, LocalServer, write_factory
from support.pipelines import pipeline, succeed

from .conftest import PIPELINES, calling, waiting

GOOD = pipeline("PL_Good", [succeed("A")])
OTHER = {"activities": [{"name": "B", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 0}}]}


def restarted(server: LocalServer, *, kill: bool) -> LocalServer:
    if kill:
        server.kill()
    else:
        assert server.stop() == 0
    return server.start()


@pytest.mark.parametrize("kill", [True, False], ids=["kill", "stop"])
def test_what_clients_published_and_deleted_outlives_the_process(serve, kill):
    server = serve(GOOD, pipeline("PL_Gone", [succeed("A")]), pipeline("PL_Changed", [succeed("A")]))
    assert server.put("pipelines", "PL_New", OTHER).status_code == 200
    assert server.put("pipelines", "PL_Changed", OTHER).status_code == 200
    assert server.call("DELETE", "/pipelines/PL_Gone").status_code == 200
    etag = server.call("GET", "/pipelines/PL_New").json()["etag"]
    restarted(server, kill=kill)
    names = [entry["name"] for entry in server.call("GET", "/pipelines").json()["value"]]
    assert names == ["PL_Changed", "PL_Good", "PL_New"]
    assert server.call("GET", "/pipelines/PL_New").json()["etag"] == etag
    assert server.call("GET", "/pipelines/PL_Changed").json()["properties"]["activities"][0]["name"] == "B"


@pytest.mark.parametrize("kill", [True, False], ids=["kill", "stop"])
def test_a_run_that_was_going_is_failed_with_the_reason_one_that_ended_stays_and_one_that_waited_starts(serve, kill):
    server = serve(GOOD, waiting(600, "PL_One", concurrency=1), calling("PL_Parent", "PL_One"))
    done = server.create_run("PL_Good")
    server.ended(done)
    going = server.create_run("PL_Parent")
    server.until(going, "InProgress")
    child = next(run["runId"] for run in server.runs() if run["pipelineName"] == "PL_One")
    server.until(child, "InProgress")
    queued = server.create_run("PL_One")
    assert server.run(queued)["status"] == "Queued"
    restarted(server, kill=kill)
    assert server.run(done)["status"] == "Succeeded"
    for run_id in (going, child):
        run = server.run(run_id)
        assert run["status"] == "Failed"
        assert "local factory was" in run["message"]
        assert run["runEnd"]
        assert all(activity["status"] == "Failed" for activity in server.activities(run_id))
    server.until(queued, "InProgress")


def test_a_kill_at_any_moment_loses_no_run_that_was_answered_for(serve):
    server = serve(pipeline("PL_Steps", [succeed(f"A{n}") for n in range(20)]))
    known: list[str] = []
    for _ in range(3):
        known += [server.create_run("PL_Steps") for _ in range(5)]
        ended = {run["runId"] for run in server.runs() if run["status"] == "Succeeded"}
        restarted(server, kill=True)
        after = {run["runId"]: run["status"] for run in server.runs()}
        assert set(known) <= after.keys()
        assert all(after[run_id] == "Succeeded" for run_id in ended)
        assert set(after.values()) <= {"Succeeded", "Failed", "Queued", "InProgress"}


def test_an_object_that_no_client_touched_follows_its_file_also_while_it_is_served(serve):
    server = serve(GOOD, pipeline("PL_Mine", [succeed("A")]))
    server.put("pipelines", "PL_Mine", OTHER)
    write_factory(server.adf, pipeline("PL_Good", [succeed("Other")]), pipeline("PL_Mine", [succeed("Other")]))
    write_factory(server.adf, pipeline("PL_Added", [succeed("A")]))
    assert server.call("GET", "/pipelines/PL_Good").json()["properties"]["activities"][0]["name"] == "Other"
    assert server.call("GET", "/pipelines/PL_Mine").json()["properties"]["activities"][0]["name"] == "B"
    assert server.call("GET", "/pipelines/PL_Added").status_code == 200
    (server.adf / "pipeline" / "PL_Added.json").unlink()
    assert server.call("GET", "/pipelines/PL_Added").status_code == 404


def test_a_file_that_breaks_while_it_is_served_is_told_and_the_object_stays(serve):
    server = serve(GOOD)
    (server.adf / "pipeline" / "PL_Good.json").write_text("{")
    assert server.call("GET", "/pipelines/PL_Good").status_code == 200
    assert "PL_Good.json" in server.errors()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_soon_and_cleanly(serve, number):
    server = serve(*PIPELINES)
    run_id = server.create_run("PL_Slow")
    server.until(run_id, "InProgress")
    with server.client.stream("GET", f"{server.url}/", params={"token": server.token}):
        pass
    with server.client.stream("GET", f"{server.url}/events") as events:
        next(events.iter_lines())
        begun = time.monotonic()
        assert server.stop(number) == 0
    assert time.monotonic() - begun < 240, "the run itself would take 600 seconds"
    assert "Traceback" not in server.errors()
    server.start()
    assert server.run(run_id)["message"] == "The local factory was stopped while this run was going."


def run_local(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(REPOSITORY / "scripts" / "run_local.py"), "--serve", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)


def test_a_port_that_is_taken_a_folder_that_is_served_and_a_file_that_is_none_are_one_line_and_exit_2(serve, tmp_path):
    server = serve(GOOD)
    port = server.url.rpartition(":")[2]
    taken = run_local("--port", port, "--adf", str(server.adf), "--workdir", str(tmp_path / "other"))
    served = run_local("--port", "0", "--adf", str(server.adf), "--workdir", str(server.workdir))
    (tmp_path / "bad" / "pipeline").mkdir(parents=True)
    (tmp_path / "bad" / "pipeline" / "PL_Bad.json").write_text("{")
    broken = run_local("--port", "0", "--adf", str(tmp_path / "bad"), "--workdir", str(tmp_path / "third"))
    for outcome, word in ((taken, f"--port {port}"), (served, "--workdir"), (broken, "PL_Bad.json")):
        assert outcome.returncode == 2
        assert outcome.stdout == ""
        lines = outcome.stderr.strip().splitlines()
        assert len(lines) == 1
        assert word in lines[0]


def test_a_token_of_its_own_is_made_anew_at_each_start(serve, tmp_path):
    tokens = set()
    adf = write_factory(tmp_path / "adf", GOOD)
    for number in range(2):
        server = LocalServer(adf, tmp_path / f"work{number}", variables={"LOCAL_FACTORY_TOKEN": ""})
        with server:
            assert server.call("GET", "/pipelines").status_code == 401
            tokens.add(server.said.partition("?token=")[2].strip())
    assert len(tokens) == 2
    assert all(len(token) >= 32 for token in tokens)
    assert TOKEN not in tokens


def test_a_secret_parameter_is_in_no_answer_and_in_no_file(serve):
    activities = [
        {**succeed("A"), "policy": {"secureInput": True}},
        {
            "name": "Set",
            "type": "SetVariable",
            "policy": {"secureInput": True, "secureOutput": True},
            "typeProperties": {"variableName": "v", "value": "@pipeline().parameters.password"},
        },
    ]
    server = serve(
        pipeline(
            "PL_Secret",
            activities,
            parameters={"password": {"type": "SecureString"}},
            variables={"v": {"type": "String"}},
        )
    )
    secret = "hush-hush-7"
    run_id = server.create_run("PL_Secret", {"password": secret})
    assert server.ended(run_id)["parameters"] == {"password": "********"}
    again = server.create_run("PL_Secret", {}, referencePipelineRunId=run_id, isRecovery="true")
    assert server.ended(again)["status"] == "Succeeded"
    told = json.dumps([server.run(run_id), server.activities(run_id)]) + server.page(f"/runs/{run_id}").text
    assert secret not in told
    server.stop()
    for file in server.workdir.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file
    server.start()
    refused = server.call(
        "POST", "/pipelines/PL_Secret/createRun", {}, query={"referencePipelineRunId": run_id, "isRecovery": "true"}
    )
    assert refused.status_code == 400
    assert "password" in refused.json()["error"]["message"]

"""Notebook activities as jobs on serverless compute: what is made of them, deployed, and put back."""

import json
from typing import Any

import pytest

from deployment.errors import DeploymentError
from deployment.jobs import lacking
from deployment.snapshot import load_snapshot
from fakes.bundles import linked_service, pipeline
from fakes.cloud import Cloud
from fakes.http_service import Fault

VARIABLES = {"LAKE_ROOT": "abfss://raw-data@lake.dfs.core.windows.net", "PYSPARK_PYTHON": "/databricks/python3"}
JOB = "adf-test: load"


@pytest.fixture
def serverless(cloud: Cloud) -> Cloud:
    cloud.environment_options["more"] = 'compute = "serverless"\nrun_as = "app-pipelines"\n'
    cloud.bundle.put("linkedService", linked_service("LS_Databricks", newClusterSparkEnvVars=VARIABLES))
    return cloud


def activity(cloud: Cloud, name: str = "PL_Child", number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = cloud.factory.objects["pipeline", name]["activities"][number]
    return found


def test_on_job_clusters_no_job_is_asked_for(cloud: Cloud) -> None:
    cloud.apply()
    assert activity(cloud)["type"] == "DatabricksNotebook"
    assert not [request for request in cloud.workspace.requests if "/jobs/" in request.path]


def test_a_notebook_activity_becomes_one_that_runs_a_job(serverless: Cloud) -> None:
    serverless.apply()
    ((number, job),) = serverless.workspace.jobs.items()
    assert activity(serverless)["type"] == "DatabricksJob"
    assert activity(serverless)["typeProperties"] == {"jobId": str(number)}
    assert activity(serverless)["linkedServiceName"]["referenceName"] == "LS_Databricks"
    assert job["name"] == JOB
    assert job["run_as"] == {"service_principal_name": "app-pipelines"}
    (task,) = job["tasks"]
    assert task["notebook_task"] == {"notebook_path": "/Shared/app/notebooks/load", "source": "WORKSPACE"}
    assert not {"new_cluster", "existing_cluster_id", "job_cluster_key"} & task.keys(), (
        "no cluster is serverless compute"
    )
    (given,) = job["environment_variables"]
    assert given["spec"]["variables"] == {"LAKE_ROOT": VARIABLES["LAKE_ROOT"]}
    assert {entry["permission_level"] for entry in job["access_control_list"]} == {"CAN_VIEW", "CAN_MANAGE_RUN"}


def test_base_parameters_are_the_jobs_parameters(serverless: Cloud) -> None:
    changed = serverless.bundle.read("pipeline", "PL_Child")
    expression = {"value": "@pipeline().parameters.n", "type": "Expression"}
    changed["properties"]["activities"][0]["typeProperties"]["baseParameters"] = {"count": expression}
    serverless.bundle.put("pipeline", changed)
    serverless.apply()
    assert activity(serverless)["typeProperties"]["jobParameters"] == {"count": expression}
    (job,) = serverless.workspace.jobs.values()
    assert job["parameters"] == [{"name": "count", "default": ""}], "PL_Parent gives none: the default is no value"


def test_inner_activities_are_turned_too(serverless: Cloud) -> None:
    inner = pipeline("PL_Child")["properties"]["activities"]
    outer = {"name": "Each", "type": "ForEach", "typeProperties": {"items": ["a"], "activities": inner}}
    serverless.bundle.put("pipeline", {"name": "PL_Child", "properties": {"activities": [outer]}})
    serverless.apply()
    assert activity(serverless)["typeProperties"]["activities"][0]["type"] == "DatabricksJob"


def test_an_activity_whose_answer_is_read_stays_a_notebook_activity_and_the_plan_says_so(serverless: Cloud) -> None:
    changed = serverless.bundle.read("pipeline", "PL_Child")
    reads = {"value": "@activity('RunNotebook').output.runOutput", "type": "Expression"}
    changed["properties"]["activities"].append(
        {"name": "Say", "type": "SetVariable", "typeProperties": {"variableName": "v", "value": reads}}
    )
    serverless.bundle.put("pipeline", changed)
    done = serverless.apply()
    assert activity(serverless)["type"] == "DatabricksNotebook"
    assert activity(serverless, "PL_Parent")["type"] == "DatabricksJob"
    assert any("PL_Child.json: RunNotebook stays a notebook activity" in note for note in done.plan.notes)


def test_a_second_apply_finds_the_job_by_its_name_and_changes_nothing(serverless: Cloud) -> None:
    serverless.apply()
    serverless.forget()
    assert serverless.apply().plan.actions == ()
    assert serverless.factory.writes == []
    assert [call for call in serverless.workspace.writes if "/jobs/" in call] == []


def test_a_job_that_was_changed_by_hand_is_put_right(serverless: Cloud) -> None:
    serverless.apply()
    (number,) = serverless.workspace.jobs
    serverless.workspace.jobs[number]["run_as"] = {"user_name": "eve@example.com"}
    (action,) = serverless.plan().actions
    assert action.label == f"job {JOB}"
    assert [change.path for change in action.changes] == ["run_as.service_principal_name"]
    serverless.apply()
    assert serverless.workspace.jobs[number]["run_as"] == {"service_principal_name": "app-pipelines"}
    assert list(serverless.workspace.jobs) == [number], "its id is in the pipelines"


def test_a_saved_plan_makes_the_job_that_it_names(serverless: Cloud) -> None:
    saved = serverless.plan()
    assert [action.label for action in saved.actions if action.kind == "job"] == [f"job {JOB}"]
    serverless.apply(saved)
    assert activity(serverless)["typeProperties"]["jobId"] == str(*serverless.workspace.jobs)


def test_what_an_apply_that_fails_has_made_is_gone_again(serverless: Cloud) -> None:
    before = serverless.state()
    serverless.factory.cannot_start.add("TR_Daily")
    with pytest.raises(DeploymentError, match="cannot be activated"):
        serverless.apply()
    assert serverless.workspace.jobs == {}
    assert serverless.state() == before


def test_settings_that_an_apply_that_fails_has_changed_are_as_before(serverless: Cloud) -> None:
    serverless.apply()
    (job,) = serverless.workspace.jobs.values()
    before = json.loads(json.dumps(job))
    changed = {**VARIABLES, "LAKE_ROOT": "abfss://other@lake.dfs.core.windows.net"}
    serverless.bundle.put("linkedService", linked_service("LS_Databricks", newClusterSparkEnvVars=changed))
    serverless.factory.faults.every = lambda method, path: (
        Fault.REFUSE if method == "PUT" and path.endswith("/LS_Databricks") else None
    )
    with pytest.raises(DeploymentError):
        serverless.apply()
    serverless.factory.faults.every = lambda _method, _path: None
    (job,) = serverless.workspace.jobs.values()
    assert list(lacking(job, {key: value for key, value in before.items() if key != "access_control_list"})) == []


def test_a_rollback_takes_the_jobs_away_that_the_deployment_made(serverless: Cloud) -> None:
    done = serverless.apply()
    assert done.snapshot is not None
    assert load_snapshot(done.snapshot, serverless.target().environment).jobs == {JOB: None}
    serverless.rollback(done.snapshot)
    assert serverless.workspace.jobs == {}


def test_two_jobs_of_one_name_are_an_error_with_their_numbers(serverless: Cloud) -> None:
    serverless.apply()
    (number,) = serverless.workspace.jobs
    serverless.workspace.jobs[7] = dict(serverless.workspace.jobs[number])
    with pytest.raises(DeploymentError, match=rf"job {JOB}: there are 2 of that name \({number}, 7\)"):
        serverless.plan()


@pytest.mark.parametrize(
    ("live", "wanted", "paths"),
    [
        ({"a": 1, "added": 2}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a"]),
        ({}, {"a": {"b": 1}}, ["a"]),
        ({"t": [{"k": 1, "added": 0}]}, {"t": [{"k": 1}]}, []),
        ({"t": [{"k": 1}]}, {"t": [{"k": 2}]}, ["t[0].k"]),
        ({"t": []}, {"t": [{"k": 2}]}, ["t"]),
    ],
)
def test_what_the_service_adds_to_a_job_is_no_difference(live: Any, wanted: Any, paths: list[str]) -> None:
    assert [path for path, _, _ in lacking(live, wanted)] == paths

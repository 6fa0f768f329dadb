"""databricks-sdk reads the run of a notebook activity from the local factory as from a workspace."""

from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import ResourceDoesNotExist
from databricks.sdk.service.jobs import Run, RunLifeCycleState, RunResultState, RunType

from local_factory.server.databricks import run_number
from support.local_server import LocalServer, write_factory
from support.pipelines import notebook, pipeline, resource

LINKED_SERVICE = resource("linkedService", "Databricks", {"type": "AzureDatabricks", "typeProperties": {}})
NOTEBOOKS = {"good": "dbutils.notebook.exit(dbutils.widgets.get('day'))", "bad": "raise ValueError('it broke')"}


@pytest.fixture(scope="module")
def notebooks_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    folder = tmp_path_factory.mktemp("databricks")
    (folder / "notebooks").mkdir()
    for name, source in NOTEBOOKS.items():
        (folder / "notebooks" / f"{name}.py").write_text(f"# Databricks notebook source\n{source}\n")
    parameters = {"day": "2026-01-01", "options": {"full": True}}
    pipelines = [pipeline(f"PL_{n}", [notebook("Load", f"/Shared/{n}", parameters=parameters)]) for n in NOTEBOOKS]
    adf = write_factory(folder / "adf", LINKED_SERVICE, *pipelines)
    with LocalServer(adf, folder / "work", arguments=("--notebooks", str(folder / "notebooks"))) as served:
        yield served


@pytest.fixture(scope="module")
def workspace(notebooks_server: LocalServer) -> WorkspaceClient:
    return WorkspaceClient(host=notebooks_server.url, token=notebooks_server.token, auth_type="pat")


def notebook_run(server: LocalServer, pipeline_name: str) -> dict[str, Any]:
    run_id = server.create_run(pipeline_name)
    server.ended(run_id)
    return server.activities(run_id)[0]


def test_a_notebooks_run_is_read_by_its_number(notebooks_server, workspace):
    activity = notebook_run(notebooks_server, "PL_good")
    assert activity["status"] == "Succeeded", activity["error"]
    number = run_number(activity["activityRunId"])
    run: Run = workspace.jobs.get_run(number)
    assert (run.run_id, run.run_type) == (number, RunType.SUBMIT_RUN)
    assert run.state
    assert (run.state.life_cycle_state, run.state.result_state) == (
        RunLifeCycleState.TERMINATED,
        RunResultState.SUCCESS,
    )
    assert run.start_time and run.end_time
    assert run.end_time >= run.start_time
    assert run.run_page_url == activity["output"]["runPageUrl"]
    page = notebooks_server.page(run.run_page_url.removeprefix(notebooks_server.url))
    assert (page.status_code, "2026-01-01" in page.text) == (200, True)


def test_a_run_that_failed_says_why(notebooks_server, workspace):
    activity = notebook_run(notebooks_server, "PL_bad")
    state = workspace.jobs.get_run(run_number(activity["activityRunId"])).state
    assert state
    assert (state.life_cycle_state, state.result_state) == (RunLifeCycleState.TERMINATED, RunResultState.FAILED)
    assert "it broke" in (state.state_message or "")


def test_a_run_that_is_not_there_is_refused_as_databricks_refuses_it(workspace):
    with pytest.raises(ResourceDoesNotExist, match="Run 7 does not exist"):
        workspace.jobs.get_run(7)

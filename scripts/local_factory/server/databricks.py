"""Databricks' REST API, as far as the deployer and the notebook activity need it: the workspace, and runs by id."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from local_factory.runs import ActivityRun, Status
from local_factory.server.answers import Answer, Call
from local_factory.server.errors import ServiceError
from local_factory.server.history import History
from local_factory.server.workspace import Workspace, WorkspaceRefusal

_WORKSPACE = "/api/2.0/workspace/"
_RUN = ("/api/2.1/jobs/runs/get", "/api/2.0/jobs/runs/get", "/api/2.2/jobs/runs/get")
_READ = frozenset({"list", "get-status", "export"})
_RESULTS: Mapping[Status, str] = {
    Status.SUCCEEDED: "SUCCESS",
    Status.FAILED: "FAILED",
    Status.CANCELLED: "CANCELED",
}


class Databricks:
    """The API over a workspace and the history of runs."""

    def __init__(self, workspace: Workspace, history: History) -> None:
        self._workspace = workspace
        self._history = history

    def answer(self, call: Call) -> Answer:
        """Answer a call; Databricks has errors of its own shape."""
        try:
            return Answer(body=self._answer(call))
        except WorkspaceRefusal as refusal:
            return Answer(refusal.status, refusal.to_json())
        except ServiceError as error:
            return Answer(error.status, {"error_code": "MALFORMED_REQUEST", "message": error.message})

    def _answer(self, call: Call) -> dict[str, Any]:
        if call.path == "/.well-known/databricks-config":
            return {"oidc_endpoint": f"{call.url}/oidc", "host_type": "workspace"}
        if call.path.startswith(_WORKSPACE):
            operation = call.path.removeprefix(_WORKSPACE)
            wanted = "GET" if operation in _READ else "POST"
            if call.method != wanted:
                raise WorkspaceRefusal(405, "BAD_REQUEST", f"{operation} is called with {wanted}.")
            return self._workspace.call(operation, call.query if wanted == "GET" else call.object())
        if call.path in _RUN:
            return self._run(call)
        if call.path == "/api/2.0/repos":
            return {}
        raise WorkspaceRefusal(404, "ENDPOINT_NOT_FOUND", f"No API found for {call.method} {call.path}")

    def _run(self, call: Call) -> dict[str, Any]:
        number = call.query.get("run_id", "")
        if not number.isascii() or not number.isdigit():
            raise WorkspaceRefusal(400, "INVALID_PARAMETER_VALUE", "run_id is required, and is a whole number.")
        run = self._history.notebook_run(int(number))
        if run is None:
            raise WorkspaceRefusal(400, "INVALID_PARAMETER_VALUE", f"Run {number} does not exist.")
        return run_shape(run, call.url)


def run_number(activity_run_id: str) -> int:
    """Return the number under which Databricks' API knows an activity's run."""
    return uuid.UUID(activity_run_id).int >> 75


def run_shape(run: ActivityRun, url: str) -> dict[str, Any]:
    """Return a notebook run as `runs/get` answers it."""
    shown = run.to_json()
    given = shown["input"] if isinstance(shown["input"], Mapping) else {}
    ended = run.status in _RESULTS
    state: dict[str, Any] = {"life_cycle_state": "TERMINATED" if ended else "RUNNING", "state_message": ""}
    if ended:
        state["result_state"] = _RESULTS[run.status]
    if run.error:
        state["state_message"] = str(run.error.get("message"))
    number = run_number(run.activity_run_id)
    parameters = given.get("baseParameters") or {}
    return {
        "run_id": number,
        "job_id": number,
        "number_in_job": number,
        "run_name": f"ADF_local_{run.pipeline_name}_{run.activity_name}_{run.activity_run_id}",
        "run_page_url": f"{url}/notebooks/{run.activity_run_id}",
        "run_type": "SUBMIT_RUN",
        "state": state,
        "start_time": round(run.start.timestamp() * 1000),
        "end_time": round(run.end.timestamp() * 1000) if run.end else 0,
        "execution_duration": shown["durationInMs"] or 0,
        "task": {
            "notebook_task": {
                "notebook_path": given.get("notebookPath", ""),
                "base_parameters": {
                    name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()
                },
                "source": "WORKSPACE",
            }
        },
    }

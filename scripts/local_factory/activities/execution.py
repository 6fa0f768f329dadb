"""Execution activities: a Databricks notebook, a web request."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from local_factory.clock import real_work
from local_factory.control_flow import Activity
from local_factory.durations import timespan_seconds
from local_factory.engine import Engine, Frame, NotebookRequest
from local_factory.errors import ActivityError
from local_factory.runs import ActivityRun

_WEB_TIMEOUT_SECONDS = 60  # https://learn.microsoft.com/azure/data-factory/control-flow-web-activity: one minute
_FIRST_ERROR_STATUS = 400


async def run_notebook(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Run a notebook on the cluster that the linked service describes; base parameters reach it as text."""
    properties = activity["typeProperties"]
    path = frame.evaluate(properties["notebookPath"])
    parameters = frame.evaluate(properties.get("baseParameters") or {})
    run.input = {"notebookPath": path, "baseParameters": parameters} if parameters else {"notebookPath": path}
    linked_service = engine.resource("linkedService", activity["linkedServiceName"]["referenceName"])
    request = NotebookRequest(
        notebook_path=path,
        parameters={name: _as_text(value) for name, value in parameters.items()},
        environment=linked_service.properties["typeProperties"].get("newClusterSparkEnvVars") or {},
        run_id=run.activity_run_id,
        title=f"{run.pipeline_name} / {run.activity_name}",
        secure_input=run.secure_input,
        secure_output=run.secure_output,
    )
    with real_work():
        result = await engine.notebooks.run(request)
    run.output = result.output
    if result.error:
        raise result.error
    return result.output


async def run_web(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Send one HTTP request; a status of 400 or more fails the activity.

    The output is the answer's JSON object, or `{"Response": ...}` around anything else, with the answer's headers.
    """
    properties = frame.evaluate(activity["typeProperties"])
    if properties.get("authentication"):
        raise ActivityError("2108", "authentication: there is no managed identity or certificate on this machine.")
    run.input = {key: properties[key] for key in ("method", "url", "headers", "body") if key in properties}
    body = properties.get("body")
    timeout = properties.get("httpRequestTimeout")
    try:
        with real_work():
            answer = await engine.http.request(
                properties["method"],
                properties["url"],
                headers={name: str(value) for name, value in (properties.get("headers") or {}).items()},
                content=None if body is None else _as_text(body),
                timeout=timespan_seconds(timeout) if timeout else _WEB_TIMEOUT_SECONDS,
            )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ActivityError("2108", f"Error calling the endpoint {properties['url']!r}: {error!r}") from error
    if answer.status_code >= _FIRST_ERROR_STATUS:
        raise ActivityError("2108", f"The endpoint answered {answer.status_code} {answer.reason_phrase}: {answer.text}")
    return {**_answer_body(answer), "ADFWebActivityResponseHeaders": dict(answer.headers)}


def _answer_body(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {"Response": answer.text}
    return body if isinstance(body, dict) else {"Response": body}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""Execution activities: a Databricks notebook, a web request."""

import json
import os
from base64 import b64encode
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
_ACCEPTED = 202
_ASK_AGAIN_SECONDS = 10

_TOKEN_SIGN_INS = frozenset({"MSI", "UserAssignedManagedIdentity", "ServicePrincipal"})

WEB_SIGN_INS = _TOKEN_SIGN_INS | {"Basic"}
"""How a web activity can sign in from this machine."""


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

    The output is the answer's JSON object, or `{"Response": ...}` around the text of anything else, an array too, with
    the answer's headers. After 202 with a Location that address is asked until the answer is another, unless
    `turnOffAsync` says no.
    """
    properties = frame.evaluate(activity["typeProperties"])
    run.input = {key: properties[key] for key in ("method", "url", "headers", "body") if key in properties}
    body, timeout = properties.get("body"), properties.get("httpRequestTimeout")
    headers = {name: str(value) for name, value in (properties.get("headers") or {}).items()}
    seconds = timespan_seconds(str(timeout)) if timeout else _WEB_TIMEOUT_SECONDS
    url = str(properties["url"])
    headers |= authorization(properties.get("authentication"), url)
    try:
        with real_work():
            answer = await engine.http.request(
                str(properties["method"]),
                url,
                headers=headers,
                content=None if body is None else _as_text(body),
                timeout=seconds,
            )
        while answer.status_code == _ACCEPTED and "Location" in answer.headers and not properties.get("turnOffAsync"):
            await engine.sleep(_retry_after(answer))
            address = answer.url.join(answer.headers["Location"])
            with real_work():
                answer = await engine.http.request("GET", address, headers=headers, timeout=seconds)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ActivityError("2108", f"Error calling the endpoint {url!r}: {error!r}") from error
    if answer.status_code >= _FIRST_ERROR_STATUS:
        raise ActivityError("2108", f"The endpoint answered {answer.status_code} {answer.reason_phrase}: {answer.text}")
    return {**_answer_body(answer), "ADFWebActivityResponseHeaders": dict(answer.headers)}


def _answer_body(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {"Response": answer.text}


def _retry_after(answer: httpx.Response) -> float:
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isdecimal() else _ASK_AGAIN_SECONDS


def authorization(authentication: Any, url: str) -> dict[str, str]:
    """Return the header that signs a request in.

    A machine has no managed identity: the token of one is `AZURE_ACCESS_TOKEN` where that is set, and none where it is
    not, so that a stand-in on this machine can be asked. A token never goes over plain HTTP to another machine.
    """
    if not authentication:
        return {}
    kind = str(authentication.get("type") or "MSI")
    if kind == "Basic":
        user, password = authentication.get("username"), authentication.get("password")
        password = password.get("value") if isinstance(password, dict) else password
        if not isinstance(user, str) or not isinstance(password, str):
            raise ActivityError("2108", "authentication: the user and password must be texts to be sent from here.")
        return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
    if kind not in _TOKEN_SIGN_INS:
        raise ActivityError("2108", f"authentication: {kind} does not work from this machine.")
    token = os.environ.get("AZURE_ACCESS_TOKEN")
    address = httpx.URL(url)
    is_safe = address.scheme == "https" or address.host in ("127.0.0.1", "localhost", "::1")
    return {"Authorization": f"Bearer {token}"} if token and is_safe else {}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

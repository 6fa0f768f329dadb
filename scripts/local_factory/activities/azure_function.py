"""The Azure Function activity: https://learn.microsoft.com/azure/data-factory/control-flow-azure-function-activity."""

import json
from typing import Any

import httpx

from bundle.documents import mapping
from local_factory.clock import real_work
from local_factory.control_flow import Activity
from local_factory.data.datasets import open_linked_service
from local_factory.data.stand_ins import Kind
from local_factory.engine import Engine, Frame
from local_factory.errors import ActivityError
from local_factory.runs import ActivityRun

_TIMEOUT_SECONDS = 230  # Azure's load balancer closes a call then
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"})
_WITH_BODY = frozenset({"POST", "PUT"})
_FIRST_ERROR_STATUS = 400


async def run_azure_function(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Call a function of the app that stands in; its answer, a JSON object, is the output."""
    properties = frame.evaluate(activity["typeProperties"])
    name, method = str(properties.get("functionName") or ""), str(properties.get("method") or "").upper()
    run.input = {key: properties[key] for key in ("functionName", "method", "headers", "body") if key in properties}
    service = open_linked_service(mapping(activity.get("linkedServiceName")), frame, engine)
    if not name:
        raise ActivityError("3607", "Azure function activity missing functionName.")
    if method not in _METHODS:
        raise ActivityError("3602", f"Invalid HttpMethod: '{method}'. Write one of {', '.join(sorted(_METHODS))}.")
    url = f"{service.of_kind(Kind.ADDRESS).place.rstrip('/')}/api/{name.lstrip('/')}"
    body = properties.get("body")
    headers = {str(key): str(value) for key, value in mapping(properties.get("headers")).items()}
    if isinstance(body, dict | list) and "content-type" not in {key.lower() for key in headers}:
        headers["Content-Type"] = "application/json"
    try:
        with real_work():
            answer = await engine.http.request(
                method,
                url,
                headers=headers,
                content=_text(body) if method in _WITH_BODY and body is not None else None,
                timeout=_TIMEOUT_SECONDS,
            )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ActivityError(
            "3608", f"Call to provided Azure function '{name}' failed: {error!r}. Is it running at {url}?"
        ) from error
    if answer.status_code >= _FIRST_ERROR_STATUS:
        raise ActivityError(
            "3608",
            f"Call to provided Azure function '{name}' failed with status-'{answer.reason_phrase}' "
            f"and message - '{answer.text}'.",
        )
    try:
        output = answer.json()
    except ValueError:
        output = None
    if not isinstance(output, dict):
        raise ActivityError("3603", f"Response Content is not a valid JObject: {answer.text[:200]!r}.")
    return output


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)

"""The WebHook activity: https://learn.microsoft.com/azure/data-factory/control-flow-webhook-activity.

For the callback a server listens on loopback while the activity waits.
"""

import asyncio
import json
import secrets
from typing import Any

import httpx

from bundle.documents import mapping
from local_factory.activities.execution import authorization
from local_factory.clock import real_work
from local_factory.control_flow import Activity
from local_factory.durations import timespan_seconds
from local_factory.engine import Engine, Frame
from local_factory.errors import ActivityError
from local_factory.runs import ActivityRun

_TIMEOUT = "00:10:00"
_FIRST_ANSWER_SECONDS = 60
_FIRST_ERROR_STATUS = 400
_MOST_BODY = 4 * 1024 * 1024


async def run_web_hook(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Call an endpoint, and wait until it calls back."""
    properties = frame.evaluate(activity["typeProperties"])
    run.input = {key: properties[key] for key in ("method", "url", "headers", "body", "timeout") if key in properties}
    timeout = str(properties.get("timeout") or _TIMEOUT)
    called: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    path = f"/workflows/{run.pipeline_run_id}/callback/{secrets.token_urlsafe(16)}"
    server = await asyncio.start_server(_Callback(path, called), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with real_work():
            await _call(properties, f"http://127.0.0.1:{port}{path}", engine)
            try:
                async with asyncio.timeout(timespan_seconds(timeout)):
                    body = await called
            except TimeoutError:
                raise ActivityError(
                    "WebHookTimeout", f"WebHook {run.activity_name}: no callback came within {timeout} (TimedOut)."
                ) from None
    if str(properties.get("reportStatusOnCallBack", "")).lower() != "true":
        return body if isinstance(body, dict) else {}
    return _reported(mapping(body))


async def _call(properties: dict[str, Any], callback: str, engine: Engine) -> None:
    body = properties.get("body")
    if isinstance(body, str) and body.strip():
        try:
            body = json.loads(body)
        except ValueError:
            body = {"body": body}
    document = {**mapping(body), "callBackUri": callback}
    headers = {
        "Content-Type": "application/json",
        **{name: str(value) for name, value in mapping(properties.get("headers")).items()},
        **authorization(properties.get("authentication"), str(properties["url"])),
    }
    try:
        answer = await engine.http.request(
            properties.get("method") or "POST",
            properties["url"],
            headers=headers,
            content=json.dumps(document, ensure_ascii=False),
            timeout=_FIRST_ANSWER_SECONDS,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ActivityError("2108", f"Error calling the endpoint {properties['url']!r}: {error!r}") from error
    if answer.status_code >= _FIRST_ERROR_STATUS:
        raise ActivityError("2108", f"The endpoint answered {answer.status_code} {answer.reason_phrase}: {answer.text}")


def _reported(body: Any) -> Any:
    try:
        status = int(body.get("StatusCode") or body.get("statusCode") or 200)
    except (TypeError, ValueError):
        status = 200
    if status >= _FIRST_ERROR_STATUS:
        error = mapping(body.get("Error") or body.get("error"))
        code, message = error.get("ErrorCode") or error.get("errorCode"), error.get("Message") or error.get("message")
        raise ActivityError(str(code or status), str(message or f"The callback reported status {status}."))
    output = body.get("Output", body.get("output"))
    return output if isinstance(output, dict) else {"output": output} if output is not None else {}


class _Callback:
    """Takes one POST of JSON at one path, and answers anything else with 404."""

    def __init__(self, path: str, called: "asyncio.Future[Any]") -> None:
        self._path = path
        self._called = called

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            status = await self._answer(reader)
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            return
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, path, _ = request.split(" ", 2)
        length = int(headers.get("content-length") or 0)
        if path != self._path or method != "POST":
            return "404 Not Found"
        if length > _MOST_BODY:
            return "413 Content Too Large"
        text = (await reader.readexactly(length)).decode("utf-8", "replace")
        try:
            body = json.loads(text) if text.strip() else {}
        except ValueError:
            return "400 Bad Request"
        if not self._called.done():
            self._called.set_result(body)
        return "200 OK"

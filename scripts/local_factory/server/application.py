"""The application: which part of the server answers which path."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from local_factory.server.answers import Answer, Call
from local_factory.server.data_factory import DataFactory
from local_factory.server.databricks import Databricks
from local_factory.server.errors import ServiceError
from local_factory.server.monitor import Monitor

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH"]


def application(data_factory: DataFactory, databricks: Databricks, monitor: Monitor, url: str) -> "Starlette":
    """Return the application over its parts; `url` is its own address."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    async def azure(request: "Request") -> "Response":
        call = await _call(request, url)
        try:
            return _response(data_factory.answer(call))
        except ServiceError as error:
            return _response(Answer(error.status, error.to_json()))

    async def workspace(request: "Request") -> "Response":
        return _response(databricks.answer(await _call(request, url)))

    async def nothing(request: "Request") -> "Response":
        if request.url.path.lower().startswith(("/subscriptions", "/providers")):
            return await azure(request)
        return monitor.not_found(request)

    return Starlette(
        routes=[
            *monitor.routes(),
            Route("/.well-known/databricks-config", workspace),
            Route("/api/{rest:path}", workspace, methods=_METHODS),
            Route("/{rest:path}", nothing, methods=_METHODS),
        ],
        exception_handlers={ServiceError: _refused(monitor), Exception: _broken},
    )


def _refused(monitor: Monitor) -> "Callable[[Request, Exception], Response]":
    def respond(request: "Request", error: Exception) -> "Response":
        if isinstance(error, ServiceError) and request.url.path.lower().startswith(("/subscriptions", "/providers")):
            return _response(Answer(error.status, error.to_json()))
        return monitor.refused(request, error)

    return respond


def _broken(_request: "Request", error: Exception) -> "Response":
    """Answer for a fault of ours, which the server writes down: its kind, and nothing of what it held."""
    message = f"The local factory has a fault ({type(error).__name__}); what it printed says more."
    return _response(Answer(500, ServiceError(500, "InternalServerError", message).to_json()))


async def _call(request: "Request", url: str) -> Call:
    return Call(
        method=request.method,
        path=request.scope["raw_path"].decode("latin-1")
        if request.url.path.lower().startswith(("/subscriptions", "/providers"))
        else request.url.path,
        names={},
        query={name.lower(): value for name, value in request.query_params.items()}
        if not request.url.path.startswith("/api/")
        else dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
        url=url,
    )


def _response(answer: Answer) -> "Response":
    from starlette.responses import Response

    # Bytes that are no text in what programs said must not break the answer.
    content = b"" if answer.body is None else json.dumps(answer.body, default=str).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers} if content else answer.headers
    return Response(content, answer.status, dict(headers))

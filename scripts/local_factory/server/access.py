"""Who may call the server, and how much: its own address only, a token, bounded bodies, a bounded rate.

Every path wants the token but the two that clients ask for before they have one. A page's first opening has the token
in its address; it becomes a cookie that scripts cannot read and other sites do not send, and leaves the address.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from local_factory.server.errors import ServiceError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 16 * 1024 * 1024
_WITHOUT_TOKEN = frozenset({"/.well-known/databricks-config"})
_REST = ("/subscriptions", "/providers", "/api/")

# A page loads what the server itself serves, runs no script that stands in it, and stands in no other page.
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with none at all, browsers say `Origin: null` of our own forms
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass
class Bucket:
    """So many calls at once, and so many a second after that."""

    burst: float
    per_second: float
    clock: Callable[[], float] = time.monotonic
    _left: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._at = self.burst, self.clock()

    def take(self) -> bool:
        """Take one; say whether there was one."""
        now = self.clock()
        self._left = min(self.burst, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Access:
    """The gate before the application.

    Args:
        app: what is behind it.
        port: the server's port, which `Host` and `Origin` must name.
        token: what clients must show.
        calls: bounds the calls.
        refusals: bounds the calls with a wrong token, so that none is found by trying.
    """

    def __init__(
        self, app: "ASGIApp", port: int, token: str, *, calls: Bucket | None = None, refusals: Bucket | None = None
    ) -> None:
        self._app = app
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._token = token
        self._cookie = f"local_factory_{port}"
        # Cookies go to every port of this machine: another server must not learn the token from it.
        self._session = hmac.new(token.encode(), b"monitor", hashlib.sha256).hexdigest()
        self._calls = calls or Bucket(burst=2000, per_second=500)
        self._refusals = refusals or Bucket(burst=100, per_second=5)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._check_place(headers)
            self._check_rate()
            redirect = self._check_token(scope, headers)
            if redirect is None:
                _check_length(headers)
        except ServiceError as error:
            await _refuse(scope, send, error)
            return
        if redirect is not None:
            await _redirect(send, redirect, f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict")
            return
        body = _Counted(receive)
        answer = _Guarded(send)
        try:
            await self._app(scope, body, answer)
        except ServiceError as error:  # the body was longer than it said
            if not answer.begun:
                await _refuse(scope, send, error)

    def _check_place(self, headers: Mapping[str, str]) -> None:
        host = headers.get("host", "")
        if host.lower() not in self._hosts:
            raise ServiceError(403, "HostNotAllowed", f"Host {host!r} is not this server's address.")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{name}" for name in self._hosts}:
            raise ServiceError(403, "OriginNotAllowed", f"Origin {origin!r} may not call this server.")

    def _check_rate(self) -> None:
        if not self._calls.take():
            raise ServiceError(429, "TooManyRequests", "Too many requests: wait a second.")

    def _check_token(self, scope: "Scope", headers: Mapping[str, str]) -> str | None:
        """Let through whoever may; return where a page's first opening goes on to."""
        path = scope["path"]
        if path in _WITHOUT_TOKEN:
            return None
        if path.lower().startswith(_REST):
            given = headers.get("authorization", "")
            scheme, _, token = given.partition(" ")
            if scheme.lower() == "bearer" and _same(token.strip(), self._token):
                return None
        else:
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            tokens = [value for name, value in query if name == "token"]
            if scope["method"] == "GET" and len(tokens) == 1 and _same(tokens[0], self._token):
                rest = urlencode([(name, value) for name, value in query if name != "token"])
                # One slash only: two would name another server.
                place = "/" + scope["raw_path"].decode("latin-1").lstrip("/\\")
                return f"{place}?{rest}" if rest else place
            if _same(_cookie(headers, self._cookie), self._session):
                return None
        if not self._refusals.take():
            raise ServiceError(429, "TooManyRequests", "Too many calls without the token: wait a minute.")
        raise ServiceError(
            401,
            "InvalidAuthenticationToken",
            "The access token is missing or invalid. The local factory printed its address and token at its start.",
        )


class _Counted:
    """A request's body, counted as it comes: a chunked one does not say how long it is."""

    def __init__(self, receive: "Receive") -> None:
        self._receive = receive
        self._length = 0

    async def __call__(self) -> "Message":
        message = await self._receive()
        if message["type"] == "http.request":
            self._length += len(message.get("body", b""))
            if self._length > LARGEST_BODY:
                raise _too_large()
        return message


class _Guarded:
    """An answer, with the headers that every answer has."""

    def __init__(self, send: "Send") -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: "Message") -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            given = message.get("headers", ())
            names = {name.lower() for name, _ in given}
            ours = [(name, value) for name, value in _encoded(_HEADERS) if name not in names]
            message = {**message, "headers": [*given, *ours]}
        await self._send(message)


def _check_length(headers: Mapping[str, str]) -> None:
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > LARGEST_BODY:
        raise _too_large()


def _too_large() -> ServiceError:
    return ServiceError(413, "RequestEntityTooLarge", f"The body is longer than {LARGEST_BODY:,} bytes.")


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def _cookie(headers: Mapping[str, str], name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


async def _refuse(scope: "Scope", send: "Send", error: ServiceError) -> None:
    headers = dict(_HEADERS)
    if error.status == 429:  # noqa: PLR2004 - HTTP's own number
        headers["Retry-After"] = "1"
    if error.status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    wants_page = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
    if wants_page and not scope["path"].lower().startswith(_REST):
        body = _PAGE.replace("{message}", error.message.replace("&", "&amp;").replace("<", "&lt;")).encode()
        headers["Content-Type"] = "text/html; charset=utf-8"
    else:
        body = json.dumps(_shape(scope["path"], error)).encode()
        headers["Content-Type"] = "application/json; charset=utf-8"
    headers["Content-Length"] = str(len(body))
    await send({"type": "http.response.start", "status": error.status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": body})


def _shape(path: str, error: ServiceError) -> dict[str, Any]:
    """Return an error as the service that was asked writes it."""
    if path.lower().startswith("/api/"):
        return {
            "error_code": "PERMISSION_DENIED" if error.status in (401, 403) else error.code,
            "message": error.message,
        }
    return error.to_json()


async def _redirect(send: "Send", place: str, cookie: str) -> None:
    headers = {**_HEADERS, "Location": place, "Set-Cookie": cookie, "Content-Length": "0"}
    await send({"type": "http.response.start", "status": 303, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": b""})


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Local factory</title></head>
<body><main><h1>Local factory</h1><p>{message}</p>
<p>Open the address that <code>run_local.py --serve</code> printed when it started.</p></main></body></html>
"""

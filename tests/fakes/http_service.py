"""What the fakes share: an HTTP server on loopback that logs its calls, waits, throttles and fails on order."""

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from fakes.certificate import trusted_certificate


class Fault(StrEnum):
    """How a call goes wrong."""

    REFUSE = "refuse"  # 400 before any effect; not tried again
    FAIL_AFTER = "fail after"  # 500 after the effect
    DROP = "drop"  # the connection closes before any effect
    DROP_AFTER = "drop after"  # the connection closes after the effect
    HANG = "hang"  # no answer, no effect
    HANG_AFTER = "hang after"  # no answer after the effect
    BUSY = "busy"  # 503 before any effect
    THROTTLE = "throttle"  # 429 before any effect
    CUT = "cut"  # half of the answer's body, after the effect


@dataclass
class Faults:
    """Orders of faults, by number of the call (from 1) over all services that share this object."""

    orders: dict[int, Fault] = field(default_factory=dict)
    every: Callable[[str, str], Fault | None] = lambda _method, _path: None
    calls: list[str] = field(default_factory=list)
    met: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        """Take back all orders, and forget the calls so far."""
        self.orders.clear()
        self.calls.clear()
        self.met.clear()

    def next(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.calls.append(f"{method} {path}")
            fault = self.orders.get(len(self.calls)) or self.every(method, path)
            if fault:
                self.met.append(f"{fault}: {method} {path}")
            return fault


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    raw_path: str = ""  # as it was sent

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True)
class Answer:
    """An answer; its body is JSON, or bytes that are sent as they are."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False


class HttpService:
    """A server on 127.0.0.1; subclasses answer requests, one at a time.

    `latency` is slept outside the lock, so that parallel calls overlap as they do in Azure. With `tls` it speaks https
    with a certificate of its own, which Python's clients trust as long as it runs.
    """

    def __init__(self, *, faults: Faults | None = None, latency: float = 0, tls: bool = False) -> None:
        self.faults = faults or Faults()
        self.latency = latency
        self.requests: list[Request] = []
        self.throttle_next = 0
        self.retry_after = "0"
        self._state = threading.RLock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._trust = trusted_certificate(self._server) if tls else nullcontext()
        self._scheme = "https" if tls else "http"

    def __enter__(self) -> Self:
        self._trust.__enter__()
        self._thread.start()
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._trust.__exit__(None, None, None)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def writes(self) -> list[str]:
        """The calls that may change something, as `METHOD path`."""
        return [f"{request.method} {request.path}" for request in self.requests if self.is_write(request)]

    def is_write(self, request: Request) -> bool:
        return request.method != "GET"

    def label(self, request: Request) -> str:
        """What calls are told apart by, beside their method."""
        return request.path

    def respond(self, request: Request) -> Answer:
        raise NotImplementedError

    def refusal(self, status: int, code: str, message: str) -> Answer:
        raise NotImplementedError

    def handle(self, request: Request) -> Answer | None:
        """Return the answer, None for a connection that closes without one."""
        if self.latency:
            time.sleep(self.latency)
        fault = self.faults.next(request.method, self.label(request))
        if fault is Fault.REFUSE:
            return self.refusal(400, "BadRequest", "refused on order")
        if fault is Fault.DROP:
            return None
        if fault is Fault.HANG:
            self._closing.wait(10)
            return None
        if fault is Fault.BUSY:
            return self.refusal(503, "ServerBusy", "busy on order")
        with self._state:
            self.requests.append(request)
            if fault is Fault.THROTTLE:
                self.throttle_next = 1
            if self.throttle_next:
                self.throttle_next -= 1
                answer = self.refusal(429, "TooManyRequests", "slow down")
                return Answer(answer.status, answer.body, {**answer.headers, "Retry-After": self.retry_after})
            answer = self.respond(request)
        if fault is Fault.FAIL_AFTER:
            return self.refusal(500, "InternalServerError", "failed on order, after the effect")
        if fault is Fault.HANG_AFTER:
            self._closing.wait(10)
            return None
        if fault is Fault.CUT:
            return replace(answer, is_cut=True)
        return None if fault is Fault.DROP_AFTER else answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that are gone: their tests say what they expect."""


def _bytes_of(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return b"" if body is None else json.dumps(body).encode()


def _handler(service: HttpService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            request = Request(
                method=self.command,
                path=unquote(parts.path),
                query={key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()},
                headers={key.lower(): value for key, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
                raw_path=parts.path,
            )
            answer = service.handle(request)
            if answer is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            content = _bytes_of(answer.body)
            headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
            if answer.status != HTTPStatus.NO_CONTENT:
                headers.setdefault("Content-Length", str(len(content)))
            self.send_response(answer.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[: len(content) // 2] if answer.is_cut else content)
            if answer.is_cut:
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _handle  # noqa: N815 the standard library's names

        def log_message(self, *_arguments: Any) -> None:
            """Keep the tests' output clean; the service keeps its own log."""

    return Handler

"""A real HTTP server on loopback that answers as it is told: rightly, wrongly, slowly, without end, or not at all.

An answer is a function that is given the request's handler and writes to the connection whatever it likes.
"""

import json
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Answer = Callable[["Handler"], None]


@dataclass(frozen=True)
class Request:
    """What a client asked, when (monotonic seconds), and on which of its connections (its port)."""

    path: str
    headers: Mapping[str, str]
    moment: float
    connection: int
    body: bytes = b""

    @property
    def query(self) -> dict[str, str]:
        """The parameters in the address; of one that is there twice the last."""
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The parameters in the body."""
        return dict(parse_qsl(self.body.decode()))


class FaultyServer(ThreadingHTTPServer):
    """Answers each path with the answers it was given, in order; the last one is repeated, and others are 404."""

    daemon_threads = True
    request_queue_size = 64  # the usual 5 makes a sixth client that comes at the same time wait a second

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Request] = []
        self.stopping = Event()
        self.clock: Callable[[], float] = time.time
        self._answers: dict[str, list[Answer]] = defaultdict(list)
        self._routes: dict[str, Callable[[Request], Answer]] = {}
        self._lock = Lock()

    @property
    def url(self) -> str:
        """The server's base address."""
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, *answers: Answer) -> None:
        """Set what is answered to a path (query included), in place of what was set before."""
        self._answers[path] = list(answers)

    def route(self, path: str, choose: Callable[[Request], Answer]) -> None:
        """Set what chooses the answer to a path with any query, where none is set for the two together."""
        self._routes[path] = choose

    def next_answer(self, request: Request) -> Answer:
        """Note a request and return the answer to it."""
        with self._lock:
            self.requests.append(request)
            answers = self._answers[request.path]
            route = self._routes.get(unquote(urlsplit(request.path).path))
            if not answers and route:
                return route(request)
            if not answers:
                return json_answer({"message": "Not Found", "status": 404}, status=404)
            return answers[0] if len(answers) == 1 else answers.pop(0)

    def paths(self) -> list[str]:
        """Return the paths asked for so far, in order."""
        with self._lock:
            return [request.path for request in self.requests]


class Handler(BaseHTTPRequestHandler):
    """One connection; speaks HTTP/1.1, so that connections can be kept."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # as servers do; else a kept connection's answers wait 40 ms for the client's word
    server: FaultyServer

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.path, dict(self.headers.items()), time.monotonic(), self.client_address[1], body)
        try:
            self.server.next_answer(request)(self)
        except OSError:
            self.close_connection = True

    do_POST = do_GET  # noqa: N815 - the standard library's name

    def start(self, status: int = 200, **headers: str) -> None:
        """Send the status line and headers; `_` in a name stands for `-`."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the moment of an answer, by the server's own clock."""
        return super().date_time_string(self.server.clock() if timestamp is None else timestamp)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep the tests' output clean."""


@contextmanager
def running(server: FaultyServer) -> Iterator[FaultyServer]:
    """Serve until the end of the block; answers without end stop then."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def json_answer(value: object, status: int = 200, **headers: str) -> Answer:
    """Answer with a JSON document."""
    return bytes_answer(json.dumps(value).encode(), status=status, **headers)


def bytes_answer(
    body: bytes, content_type: str | None = "application/json", status: int = 200, **headers: str
) -> Answer:
    """Answer with these bytes, whole."""

    def answer(handler: Handler) -> None:
        typed = {"Content_Type": content_type} if content_type else {}
        handler.start(status, **typed, **headers, Content_Length=str(len(body)))
        handler.wfile.write(body)

    return answer


def redirect(location: str | None, body: bytes = b"") -> Answer:
    """Answer with a redirect."""
    headers = {} if location is None else {"Location": location}
    return bytes_answer(body, status=302, **headers)


def cut_off(body: bytes, missing: int = 100) -> Answer:
    """Announce more bytes than are sent, and close the connection."""

    def answer(handler: Handler) -> None:
        handler.start(Content_Type="application/json", Content_Length=str(len(body) + missing))
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def cut_off_chunk(body: bytes) -> Answer:
    """Send a chunked body whose last chunk never comes."""

    def answer(handler: Handler) -> None:
        handler.start(Content_Type="application/json", Transfer_Encoding="chunked")
        handler.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        handler.close_connection = True

    return answer


def endless(piece: bytes = b"[" * 65536, pause: float = 0, status: int = 200, **headers: str) -> Answer:
    """Send the same bytes as a body again and again, `pause` seconds apart, until the client goes."""

    def answer(handler: Handler) -> None:
        handler.start(status, Content_Type="application/json", **headers)
        again_and_again(piece, pause)(handler)

    return answer


def endless_headers(pause: float) -> Answer:
    """Send one header byte at a time, and never come to the body."""
    return raw(b"HTTP/1.1 200 OK\r\nX-Slow: ", again_and_again(b"x", pause))


def raw(content: bytes, then: Answer | None = None) -> Answer:
    """Write these bytes in place of an answer, or as its beginning, and close the connection, or go on with `then`."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(content)
        handler.wfile.flush()
        handler.close_connection = True
        if then:
            then(handler)

    return answer


def again_and_again(piece: bytes, pause: float = 0.01) -> Answer:
    """Write the same bytes, `pause` seconds apart, until the client goes."""

    def answer(handler: Handler) -> None:
        while not handler.server.stopping.wait(pause):
            handler.wfile.write(piece)
            handler.wfile.flush()

    return answer


def silence(handler: Handler) -> None:
    """Take the request and say nothing."""
    handler.server.stopping.wait()


def hang_up(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def reset(handler: Handler) -> None:
    """Break the connection off, as a machine that crashes does."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True

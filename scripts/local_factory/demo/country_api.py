"""The country API on a loopback address, over a sample of its data (countries.json).

It finds what the real one finds, ambiguous searches included: `us` is twelve countries, and the first is Eswatini.
"""

import json
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from local_factory.demo.country_protocols import Answer, Country, answer_v3, answer_v5, v3_error, v5_error
from local_factory.demo.country_v5 import v5_country

_V3_PREFIX = "/v3.1"
_V5_PREFIX = "/countries/v5"


@dataclass(frozen=True)
class CountryApi:
    """A running country API: the base addresses of its two protocols and the key that v5 asks for."""

    v3_url: str
    v5_url: str
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    @contextmanager
    def start(cls, api_key: str | None = None) -> Iterator[Self]:
        """Serve the sample on a free port of 127.0.0.1 until the context ends.

        Args:
            api_key: the key that v5 accepts as bearer token. Without one v5 refuses every request; v3.1 needs no key.
        """
        server = _Server(("127.0.0.1", 0), _handler(sample_countries(), api_key))
        address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="country-api")
        thread.start()
        try:
            yield cls(address + _V3_PREFIX, address + _V5_PREFIX, api_key)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 64  # the usual 5 makes a sixth client that calls at the same time wait a second


@cache
def sample_countries() -> tuple[Country, ...]:
    """Return the sample's v3.1 records, in the order in which the real server answers."""
    return tuple(json.loads(Path(__file__).with_name("countries.json").read_text(encoding="utf-8")))


def _handler(countries: Sequence[Country], api_key: str | None) -> type[BaseHTTPRequestHandler]:
    v5_countries = [v5_country(country) for country in countries]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "CountryApi"
        sys_version = ""
        timeout = 30  # seconds that a client may keep silent
        wbufsize = -1  # head and body leave together

        def do_GET(self) -> None:
            started = time.perf_counter()
            address = urlsplit(self.path)
            query = dict(parse_qsl(address.query, keep_blank_values=True))
            if _below(_V5_PREFIX, address.path):
                answer = self._refusal() or answer_v5(v5_countries, _segments(_V5_PREFIX, address.path), query)
                if answer.status is HTTPStatus.OK:
                    answer.body["data"]["meta"]["duration"] = round(time.perf_counter() - started, 6)
            elif _below(_V3_PREFIX, address.path):
                answer = answer_v3(countries, _segments(_V3_PREFIX, address.path), query)
            else:
                answer = v3_error(HTTPStatus.NOT_FOUND, "Not Found")
            self._send(answer)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if _below(_V5_PREFIX, urlsplit(self.path).path):
                self._send(v5_error(HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed."))
            else:
                self._send(v3_error(HTTPStatus.METHOD_NOT_ALLOWED, "Method Not Allowed"))

        do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - the names that http.server calls

        def _refusal(self) -> Answer | None:
            """Return the answer to a v5 request without the right key, or None."""
            kind, _, key = self.headers.get("Authorization", "").partition(" ")
            if kind.lower() != "bearer" or not key:
                return v5_error(HTTPStatus.UNAUTHORIZED, "Authorization key required.")
            if api_key is None or not secrets.compare_digest(key.strip().encode(), api_key.encode()):
                return v5_error(HTTPStatus.UNAUTHORIZED, "Authorization key is unknown.")
            return None

        def _send(self, answer: Answer) -> None:
            body = json.dumps(answer.body, ensure_ascii=False).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            # No connection outlives its answer, so that none is left when the server stops.
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            """Stay quiet: the notebooks log what they ask for."""

    return Handler


def _below(prefix: str, path: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")


def _segments(prefix: str, path: str) -> list[str]:
    return [unquote(segment) for segment in path.removeprefix(prefix).split("/") if segment]

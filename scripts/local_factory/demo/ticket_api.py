"""A ticket tracker on a loopback address: an API whose records come in pages and change, to try feeds on.

What it holds is a function of the time alone, so it needs no state: a ticket is opened every hour since the beginning
of 2026, worked on an hour, a day and a week later, and then closed.

`GET /v1/tickets?page=1&per_page=100&since=2026-01-01T00:00:00Z`: the tickets by `updated_at` and `id`, those that were
changed at `since` or later; the next page's address is in the header `Link` (RFC 8288). `GET /v1/tickets/ID`: one.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

_PREFIX = "/v1"
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
# How long after it was opened a ticket changes, and what it then is.
_LIFE = ((timedelta(0), "open"), (_HOUR, "assigned"), (timedelta(days=1), "solved"), (timedelta(days=7), "closed"))
_TOPICS = ("invoice", "delivery", "password", "refund", "address")
_PAGE, _LONGEST_PAGE = 25, 100


@dataclass(frozen=True)
class TicketApi:
    """A running ticket tracker: its base address."""

    url: str

    @classmethod
    @contextmanager
    def start(cls, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Self]:
        """Serve on a free port of 127.0.0.1 until the context ends.

        Args:
            clock: the time that the tickets are as of.
        """
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(clock))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="ticket-api")
        thread.start()
        try:
            yield cls(f"http://127.0.0.1:{server.server_port}{_PREFIX}")
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@dataclass(frozen=True)
class Page:
    """Tickets of one answer, and the parameters of the next page; None where there is none."""

    tickets: list[dict[str, Any]]
    following: Mapping[str, str] | None


def ticket(number: int, now: datetime) -> dict[str, Any]:
    """Return a ticket, numbered from 1, as it is at a moment when it is open already."""
    opened = _FIRST + (number - 1) * _HOUR
    updated, status = next((opened + age, name) for age, name in reversed(_LIFE) if opened + age <= now)
    topic = _TOPICS[number % len(_TOPICS)]
    return {
        "id": number,
        "title": f"Question about the {topic}",
        "status": status,
        "labels": [topic] if number % 3 else [],
        "customer": {"id": number % 997 + 1, "premium": number % 10 == 0},
        "hours_spent": round(number % 17 / 4, 2) if status in ("solved", "closed") else None,
        "created_at": _text(opened),
        "updated_at": _text(updated),
    }


def page_of_tickets(query: Mapping[str, str], now: datetime) -> Page:
    """Return the page that a query asks for.

    Raises:
        ValueError: a parameter is not what it has to be.
    """
    page, size = int(query.get("page", 1)), int(query.get("per_page", _PAGE))
    if page < 1 or not 1 <= size <= _LONGEST_PAGE:
        raise ValueError(f"page is 1 or more, per_page 1 to {_LONGEST_PAGE}")
    since = _text(datetime.fromisoformat(query["since"]).astimezone(UTC)) if "since" in query else ""
    found = [known for known in _tickets((now - _FIRST) // _HOUR) if known["updated_at"] >= since]
    end = page * size
    return Page(found[end - size : end], {**query, "page": str(page + 1)} if end < len(found) else None)


@lru_cache(maxsize=2)
def _tickets(hours: int) -> list[dict[str, Any]]:
    """Return all tickets after so many full hours; between these nothing changes."""
    known = [ticket(number, _FIRST + hours * _HOUR) for number in range(1, hours + 2)]
    return sorted(known, key=lambda one: (one["updated_at"], one["id"]))


def _answer(path: str, now: datetime) -> tuple[Any, str | None]:
    """Return the value that a path answers with, and its `Link` header."""
    address = urlsplit(path)
    place = address.path.removeprefix(f"{_PREFIX}/tickets")
    if place == address.path:
        raise LookupError(path)
    if place.strip("/"):
        return ticket(int(place.strip("/")), now), None
    page = page_of_tickets(dict(parse_qsl(address.query)), now)
    following = f'<{address.path}?{urlencode(page.following)}>; rel="next"' if page.following else None
    return page.tickets, following


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _handler(clock: Callable[[], datetime]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "TicketApi"
        sys_version = ""
        timeout = 30  # seconds that a client may keep silent
        wbufsize = -1  # head and body leave together

        def do_GET(self) -> None:
            try:
                value, link = _answer(self.path, clock())
            except (LookupError, StopIteration):
                self._send(HTTPStatus.NOT_FOUND, {"message": "Not Found"})
            except (ValueError, OverflowError) as error:
                self._send(HTTPStatus.BAD_REQUEST, {"message": str(error)})
            else:
                self._send(HTTPStatus.OK, value, link)

        def _send(self, status: HTTPStatus, value: Any, link: str | None = None) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if link:
                self.send_header("Link", link)
            # No connection outlives its answer, so that none is left when the server stops.
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            """Stay quiet: the notebooks log what they ask for."""

    return Handler

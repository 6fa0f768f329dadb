"""One HTTP exchange with bounds: of time, of size, of redirects.

`requests` alone has none of these: its timeout is for the silence between two bytes, it reads a redirect's body whole
even when told not to follow, and unpacks what is compressed without end.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit
from weakref import WeakKeyDictionary

import requests
import urllib3
from requests.auth import AuthBase

from ingestion.platform.errors import (
    AnswerTooLargeError,
    ApiError,
    ApiTimeoutError,
    ApiUnavailableError,
    RedirectError,
)
from ingestion.platform.excerpt import excerpt

_PIECE = 64 * 1024
_PORTS = {"http": 80, "https": 443}
# The last one: headers of the answer that contradict each other.
_BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    urllib3.exceptions.HTTPError,
    requests.exceptions.InvalidHeader,
)
# Of the sessions that are in use, by server.
_ENVIRONMENTS: WeakKeyDictionary[requests.Session, dict[tuple[str, str, int | None], Mapping[str, Any]]] = (
    WeakKeyDictionary()
)


@dataclass(frozen=True)
class Bounds:
    """How much time and data one exchange may take. Times in seconds.

    Attributes:
        connect: for a connection to be made.
        silence: between two bytes.
        whole: for the answer, redirects included.
        size: bytes of the body. Parsed, a body takes up to 30 times its size.
        redirects: followed for one answer.
    """

    connect: float = 5
    silence: float = 30
    whole: float = 120
    size: int = 16 * 1024 * 1024
    redirects: int = 5


@dataclass(frozen=True)
class Answer:
    """An answer as it came: its status, its headers (whose names ignore case), its body, the address that gave it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """Return the server's own time, to the second; None where it does not tell."""
    try:
        moment = parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def get(
    session: requests.Session,
    url: str,
    *,
    headers: Mapping[str, str],
    auth: AuthBase | None = None,
    bounds: Bounds,
) -> Answer:
    """Return the answer to a GET, redirects followed; `auth` goes to no other server than the first.

    Raises:
        ApiUnavailableError: no connection, or one that broke.
        ApiTimeoutError: the server sends, but too slowly.
        AnswerTooLargeError: the body is larger than allowed.
        RedirectError: redirects in a circle, to something that is no web address, or from https to http.
        ApiError: the address cannot be asked at all.
    """
    deadline = time.monotonic() + bounds.whole
    with _named(url):
        for _ in range(bounds.redirects + 1):
            request = session.prepare_request(requests.Request("GET", url, headers=dict(headers), auth=auth))
            target, answer = _exchange(session, request, bounds, deadline)
            if target is None:
                return replace(answer, url=url)
            if origin(url) != origin(target):
                auth = None
            url = target
    raise RedirectError(f"{url}: after {bounds.redirects} redirects the answer is yet another one.")


def post(session: requests.Session, url: str, form: Mapping[str, str], *, bounds: Bounds) -> Answer:
    """Return the answer to a form that is sent. Redirects are not followed: what is sent is for this server only.

    Raises:
        ApiError: as for `get`.
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    with _named(url):
        request = session.prepare_request(requests.Request("POST", url, headers=headers, data=dict(form)))
        target, answer = _exchange(session, request, bounds, time.monotonic() + bounds.whole)
    if target is not None:
        raise RedirectError(f"{url}: redirects, which a request with secrets does not follow.")
    return replace(answer, url=url)


def origin(url: str) -> tuple[str, str, int | None]:
    """Return what makes two addresses the same server: scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


@contextmanager
def _named(url: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise ApiUnavailableError(f"{url}: no connection, or one that broke: {_innermost(error)}") from error
    except requests.RequestException as error:
        raise ApiError(f"{url}: cannot be asked: {error}") from error


def _exchange(
    session: requests.Session, request: requests.PreparedRequest, bounds: Bounds, deadline: float
) -> tuple[str | None, Answer]:
    url = str(request.url)
    options = _environment(session, url)
    # The adapter makes exactly this one exchange; session.send would read a redirect's whole body, however long.
    response = session.get_adapter(url).send(request, timeout=(bounds.connect, bounds.silence), **options)
    with response:
        if response.is_redirect:
            return _redirect_target(session, response, url), Answer(response.status_code, response.headers, b"")
        body = _read(response, url, bounds, deadline)
        return None, Answer(response.status_code, response.headers, body)


def _environment(session: requests.Session, url: str) -> Mapping[str, Any]:
    """Return what the environment says of connections to a server: its proxy, whom it trusts.

    It is asked once for a session and a server, since that takes as long as half of a short exchange.
    """
    known = _ENVIRONMENTS.setdefault(session, {})
    server = origin(url)
    if server not in known:
        known[server] = session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
    return known[server]


def _redirect_target(session: requests.Session, response: requests.Response, url: str) -> str:
    try:
        target = urljoin(url, session.get_redirect_target(response) or "")
        parts = urlsplit(target)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise RedirectError(f"{url}: redirects to no web address: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise RedirectError(f"{url}: redirects to {excerpt(target, 200)!r}, which is no web address.")
    if parts.scheme == "http" and urlsplit(url).scheme == "https":
        raise RedirectError(f"{url}: redirects from https to {excerpt(target, 200)!r}, which anyone could change.")
    return target


def _read(response: requests.Response, url: str, bounds: Bounds, deadline: float) -> bytes:
    body = bytearray()
    # read1 returns what has arrived; read would wait for a full piece, however slowly the bytes drip.
    while piece := response.raw.read1(_PIECE, decode_content=False):
        body += piece
        if len(body) > bounds.size:
            raise AnswerTooLargeError(f"{url}: the answer is larger than {bounds.size} bytes.")
        if time.monotonic() > deadline:
            raise ApiTimeoutError(f"{url}: the answer is not whole after {bounds.whole} s; it has {len(body)} bytes.")
    return bytes(body)


def _innermost(error: BaseException) -> str:
    """Return the reason within what urllib3 wraps around it: `Failed to resolve 'x' (...)`, `Connection refused`."""
    reason: object = error
    while isinstance(reason, BaseException):
        inner = getattr(reason, "reason", None) or next(
            (each for each in reason.args if isinstance(each, BaseException)), None
        )
        if inner is None or inner is reason:
            break
        reason = inner
    return str(reason).rpartition("): ")[2] or str(error)

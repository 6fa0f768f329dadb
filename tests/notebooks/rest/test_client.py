"""The client of an API against a real server, fault by fault: the right JSON, or a named error, in time."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
import requests

from fakes.faulty_http import (
    Answer,
    FaultyServer,
    bytes_answer,
    endless,
    hang_up,
    json_answer,
    redirect,
    silence,
)
from ingestion.feeds.model import Bearer, Endpoint, RestSource, Secret
from ingestion.platform.errors import ApiError, ApiRefusedError, ApiUnavailableError, InvalidSettingError, NotJsonError
from ingestion.rest.client import ApiClient, RetryPolicy
from ingestion.rest.http import Bounds

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
PATH = "/issues"
# Longer than a busy machine takes for a right answer.
BOUNDS = Bounds(connect=20, silence=20, whole=20, size=1_000_000, redirects=5)
VALUE = [{"id": 1, "title": "भारत"}, {"id": 2.5}]
RIGHT = json_answer(VALUE)
BODY = json.dumps(VALUE).encode()
KEYED = Endpoint(name="issues", auth=Bearer("bearer", Secret("key")))
RETRIES = RetryPolicy(longest_wait=60)


class Naps(list[float]):
    """Notes how long was to be slept, and does not."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


def client(url: str, key: str = "", **options: Any) -> ApiClient:
    source = RestSource(type="rest", url=url)
    return ApiClient(
        source, requests.Session(), lambda _secret: key, **{"bounds": BOUNDS, "retries": RETRIES, **options}
    )


@pytest.fixture
def api(server: FaultyServer, naps: Naps) -> ApiClient:
    return client(server.url, sleep=naps, clock=lambda: NOW)


@pytest.fixture
def get(api: ApiClient, server: FaultyServer) -> Callable[..., Any]:
    """Return a function that asks a server that gives these answers in turn."""

    def get(*answers: Answer) -> Any:
        server.answer(PATH, *answers)
        return api.get(server.url + PATH).value

    return get


def test_a_right_answer_gives_its_value(get: Callable[..., Any], server: FaultyServer) -> None:
    assert get(RIGHT) == VALUE
    assert server.paths() == [PATH]
    assert "Authorization" not in server.requests[0].headers


def test_headers_of_the_source_are_sent(server: FaultyServer) -> None:
    server.answer(PATH, RIGHT)
    source = RestSource(type="rest", url=server.url, headers={"Accept": "application/vnd.x+json", "X-Key": Secret("k")})
    api = ApiClient(source, requests.Session(), lambda secret: f"value of {secret}")
    api.get(server.url + PATH, api.signer(Endpoint(name="issues")))
    headers = server.requests[0].headers
    assert (headers["Accept"], headers["X-Key"]) == ("application/vnd.x+json", "value of k")


@pytest.mark.parametrize("key", ["two words", "line\nend", "schlüssel", ""])
def test_a_key_that_fits_in_no_header_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(InvalidSettingError) as raised:
        client("https://x.example", key).signer(KEYED)
    assert not key or key not in str(raised.value)


def test_a_chunked_answer_is_whole(server: FaultyServer, get: Callable[..., Any]) -> None:
    def chunked(handler: Any) -> None:
        handler.start(Content_Type="application/json; charset=utf-8", Transfer_Encoding="chunked")
        for start in range(0, len(BODY), 100):
            piece = BODY[start : start + 100]
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    assert get(chunked) == VALUE


@pytest.mark.parametrize(
    "body",
    [b"\xef\xbb\xbf" + BODY, BODY.replace(b"2.5", b"9" * 40), b" \r\n\t" + BODY],
    ids=["BOM", "huge", "blanks"],
)
def test_an_odd_answer_that_means_one_thing_is_taken_as_it_is(body: bytes, get: Callable[..., Any]) -> None:
    expected = json.loads(body.decode("utf-8-sig"))
    assert get(bytes_answer(body, "application/json; charset=iso-8859-1")) == expected


@pytest.mark.parametrize("fault", [hang_up, json_answer({}, 429), json_answer({}, 500), json_answer({}, 503)])
def test_what_may_pass_is_tried_again(fault: Answer, get: Callable[..., Any], naps: Naps) -> None:
    assert get(fault, RIGHT) == VALUE
    assert len(naps) == 1


def test_a_server_that_says_nothing_is_asked_again(server: FaultyServer, naps: Naps) -> None:
    server.answer(PATH, silence, RIGHT)
    api = client(server.url, sleep=naps, bounds=replace(BOUNDS, silence=2))
    assert api.get(server.url + PATH).value == VALUE
    assert len(naps) == 1


def test_the_waits_between_tries_double(get: Callable[..., Any], naps: Naps) -> None:
    with pytest.raises(ApiUnavailableError):
        get(json_answer({}, 503))
    # From one second, with up to one second of jitter.
    assert all(first <= nap <= first + 1 for nap, first in zip(naps, (1, 2, 4, 8), strict=True))


@pytest.mark.parametrize("fault", [json_answer({}, 401), json_answer({}, 404), bytes_answer(b"{")])
def test_what_does_not_pass_is_not_tried_again(fault: Answer, get: Callable[..., Any], server: FaultyServer) -> None:
    with pytest.raises(ApiError):
        get(fault, RIGHT)
    assert len(server.requests) == 1


def test_nobody_listening_is_tried_again_and_named() -> None:
    naps = Naps()
    with pytest.raises(ApiUnavailableError, match=r"no connection, or one that broke: \S.*refused"):
        client("http://127.0.0.1:1", sleep=naps).get("http://127.0.0.1:1/")
    assert len(naps) == RETRIES.tries - 1


def test_a_name_that_nobody_knows_is_told_without_what_the_library_wraps_around_it() -> None:
    with pytest.raises(ApiUnavailableError) as raised:
        client("http://no-such-host.invalid", sleep=Naps()).get("http://no-such-host.invalid/x")
    assert "Failed to resolve 'no-such-host.invalid'" in str(raised.value)
    assert "Max retries" not in str(raised.value)


def test_where_nothing_is_signed_a_refusal_says_so(get: Callable[..., Any]) -> None:
    with pytest.raises(ApiRefusedError, match=r"status 401.* - requests are not signed"):
        get(json_answer({}, 401))


def test_waits_differ_from_client_to_client(server: FaultyServer) -> None:
    server.answer(PATH, json_answer({}, 503))
    waits = [Naps() for _ in range(4)]
    for naps in waits:
        with pytest.raises(ApiUnavailableError):
            client(server.url, sleep=naps).get(server.url + PATH)
    assert len({tuple(naps) for naps in waits}) == 4
    assert all(early < late for naps in waits for early, late in pairwise(naps))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        (format_datetime(NOW + timedelta(seconds=9), usegmt=True), 9),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0),
        ("86400", 60),
        (format_datetime(NOW + timedelta(days=9), usegmt=True), 60),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_goes_first_within_reason(
    header: str, seconds: float, status: int, get: Callable[..., Any], naps: Naps
) -> None:
    get(json_answer({}, status, Retry_After=header), RIGHT)
    assert naps == [seconds]


@pytest.mark.parametrize("header", ["soon", "-5", "1.5", "", "Wed, 99 Foo 2026 00:00:00 GMT"])
def test_a_retry_after_that_says_nothing_is_left_aside(header: str, get: Callable[..., Any], naps: Naps) -> None:
    get(json_answer({}, 429, Retry_After=header), RIGHT)
    assert 1 <= naps[0] <= 2


def test_no_try_starts_after_the_total_time(server: FaultyServer, naps: Naps) -> None:
    server.answer(PATH, json_answer({}, 429, Retry_After="30"))
    with pytest.raises(ApiUnavailableError):
        client(server.url, retries=RetryPolicy(total=20), sleep=naps).get(server.url + PATH)
    assert (naps, len(server.requests)) == ([], 1)


def test_each_further_try_is_reported(server: FaultyServer, naps: Naps) -> None:
    reported: list[tuple[str, str]] = []
    server.answer(PATH, json_answer({"message": "Busy"}, 503), RIGHT)
    api = client(server.url, sleep=naps, on_retry=lambda url, error: reported.append((url, str(error))))
    api.get(server.url + PATH)
    assert [url for url, _ in reported] == [server.url + PATH]
    assert "Busy" in reported[0][1]


def test_a_redirect_to_the_right_answer_is_followed(get: Callable[..., Any], server: FaultyServer) -> None:
    server.answer("/new", RIGHT)
    assert get(redirect("/new")) == VALUE


def test_the_body_of_a_redirect_is_not_read(get: Callable[..., Any], server: FaultyServer) -> None:
    server.answer("/new", RIGHT)
    assert get(endless(status=301, Location="/new")) == VALUE


def test_a_redirect_takes_the_key_to_no_other_server(server: FaultyServer) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    server.answer(PATH, redirect("/same"))
    server.answer("/same", redirect(f"{other}/other"))
    server.answer("/other", RIGHT)
    api = client(server.url, "secret-key")
    api.get(server.url + PATH, api.signer(KEYED))
    assert [request.headers.get("Authorization") for request in server.requests] == ["Bearer secret-key"] * 2 + [None]


def test_a_compressed_answer_that_was_not_asked_for_is_refused(get: Callable[..., Any]) -> None:
    with pytest.raises(NotJsonError, match="gzip"):
        get(bytes_answer(gzip.compress(BODY), Content_Encoding="gzip"))


def test_connections_are_kept_from_one_country_to_the_next(server: FaultyServer) -> None:
    connections: set[int] = set()

    def noted(handler: Any) -> None:
        connections.add(handler.client_address[1])
        RIGHT(handler)

    server.answer(PATH, noted)
    api = client(server.url)
    for _ in range(3):
        api.get(server.url + PATH)
    assert len(connections) == 1

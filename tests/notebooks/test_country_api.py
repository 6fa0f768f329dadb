"""The client of the country API against a real server, fault by fault: the right record, or a named error, in time."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from fakes.country_records import DEPRECATION, v3_answer, v3_record, v5_answer, v5_record
from fakes.faulty_http import (
    Answer,
    FaultyServer,
    bytes_answer,
    cut_off,
    cut_off_chunk,
    endless,
    endless_headers,
    hang_up,
    json_answer,
    no_http,
    redirect,
    reset,
    silence,
)
from ingestion.countries import COUNTRIES
from ingestion.country_api import CountryApi, RetryPolicy
from ingestion.errors import (
    AnswerTooLargeError,
    CountryApiDeprecatedError,
    CountryApiRefusedError,
    CountryApiTimeoutError,
    CountryApiUnavailableError,
    CountryError,
    CountryNotFoundError,
    EmptyAnswerError,
    ErrorAnswerError,
    InvalidSettingError,
    MalformedJsonError,
    NotJsonError,
    RedirectError,
    UnexpectedAnswerError,
)
from ingestion.http_get import Bounds
from ingestion.threads import gather

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
INDIA = COUNTRIES[0]
PATH = "/name/india"
BOUNDS = Bounds(connect=2, silence=0.3, whole=0.6, size=1_000_000, redirects=5)
RIGHT = json_answer(v3_answer("india"))
BODY = json.dumps(v3_answer("india")).encode()


class Naps(list[float]):
    """Notes how long was to be slept, and does not."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def api(server: FaultyServer, naps: Naps) -> CountryApi:
    return CountryApi(requests.Session(), server.url, bounds=BOUNDS, sleep=naps, clock=lambda: NOW)


@pytest.fixture
def get(api: CountryApi, server: FaultyServer) -> Callable[..., Any]:
    """Return a function that fetches India from a server that gives these answers in turn."""

    def get(*answers: Answer) -> Any:
        server.answer(PATH, *answers)
        return api.fetch(INDIA)

    return get


def test_a_right_answer_gives_the_record(get: Callable[..., Any], server: FaultyServer) -> None:
    assert get(RIGHT) == v3_record("IN")
    assert server.paths() == [PATH]
    assert "Authorization" not in server.requests[0].headers


def test_a_key_chooses_v5_and_goes_into_the_header(server: FaultyServer) -> None:
    server.answer("/codes.alpha_2/GB", json_answer(v5_answer(v5_record("GB"))))
    assert CountryApi(requests.Session(), server.url, "secret-key").fetch(COUNTRIES[2]) == v5_record("GB")
    assert server.requests[0].headers["Authorization"] == "Bearer secret-key"


def test_each_version_has_its_own_public_address() -> None:
    assert CountryApi(requests.Session()).url(INDIA) == "https://restcountries.com/v3.1/name/india"
    with_key = CountryApi(requests.Session(), key="k")
    assert with_key.url(INDIA) == "https://api.restcountries.com/countries/v5/codes.alpha_2/IN"


@pytest.mark.parametrize("key", ["two words", "line\nend", "schlüssel"])
def test_a_key_that_fits_in_no_header_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(InvalidSettingError) as raised:
        CountryApi(requests.Session(), key=key)
    assert key not in str(raised.value)


def test_a_key_is_not_sent_in_the_clear() -> None:
    with pytest.raises(InvalidSettingError, match="https"):
        CountryApi(requests.Session(), "http://countries.example", "k")


def test_a_chunked_answer_is_whole(server: FaultyServer, get: Callable[..., Any]) -> None:
    def chunked(handler: Any) -> None:
        handler.start(Content_Type="application/json; charset=utf-8", Transfer_Encoding="chunked")
        for start in range(0, len(BODY), 100):
            piece = BODY[start : start + 100]
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    assert get(chunked) == v3_record("IN")


FINAL_FAULTS: dict[str, tuple[Answer, type[CountryError], str]] = {
    "error body with status 200": (json_answer({"errors": [{"message": "Oops"}]}), ErrorAnswerError, "Oops"),
    "deprecation with status 200": (json_answer(DEPRECATION), CountryApiDeprecatedError, "restcountries-api-key"),
    "deprecation with status 410": (json_answer(DEPRECATION, 410), CountryApiDeprecatedError, "status 410"),
    "web page": (bytes_answer(b"<html>Hello</html>", "text/html"), NotJsonError, "text/html"),
    "web page said to be JSON": (bytes_answer(b"<html>Hello</html>"), MalformedJsonError, "not well-formed"),
    "JSON said to be a web page": (bytes_answer(BODY, "text/html"), NotJsonError, "text/html"),
    "no content type": (bytes_answer(BODY, None), NotJsonError, "no type"),
    "empty list": (json_answer([]), EmptyAnswerError, "no country"),
    "list without the country": (json_answer([v3_record("IO")]), CountryNotFoundError, "IO"),
    "right name, wrong code": (
        json_answer([v3_record("SZ", name={"common": "India"})]),
        CountryNotFoundError,
        "SZ",
    ),
    "one object, no list": (json_answer(v3_record("IN")), UnexpectedAnswerError, "list of countries"),
    "null": (json_answer(None), UnexpectedAnswerError, "NoneType"),
    "empty body": (bytes_answer(b""), MalformedJsonError, "0 bytes"),
    "JSON cut off": (bytes_answer(BODY[:-50]), MalformedJsonError, "not well-formed"),
    "two documents": (bytes_answer(BODY + BODY), MalformedJsonError, "Extra data"),
    "duplicate keys": (bytes_answer(b'[{"cca2": "IN", "cca2": "IO"}]'), MalformedJsonError, "twice"),
    "NaN": (bytes_answer(BODY.replace(b"3287590.0", b"NaN")), MalformedJsonError, "NaN"),
    "deep nesting": (bytes_answer(b"[" * 100_000), MalformedJsonError, "deeper"),
    "invalid UTF-8": (bytes_answer(BODY.replace(b"India", b"Ind\xefa")), MalformedJsonError, "UTF-8"),
    "half a surrogate pair": (bytes_answer(BODY.replace(b"India", b"\\ud800")), MalformedJsonError, "UTF-8"),
    "UTF-16": (bytes_answer(BODY.decode().encode("utf-16")), MalformedJsonError, "UTF-8"),
    "larger than allowed": (bytes_answer(b" " * 1_000_001), AnswerTooLargeError, "1000000 bytes"),
    "body without end": (endless(), AnswerTooLargeError, "1000000 bytes"),
    "slow bytes": (endless(b" ", pause=0.05), CountryApiTimeoutError, "0.6 s"),
    "gzip bomb": (endless(b"\x1f\x8b\x08" + bytes(60_000), Content_Encoding="gzip"), AnswerTooLargeError, "bytes"),
    "compressed unasked": (bytes_answer(b"\x1f\x8b", Content_Encoding="gzip"), NotJsonError, "gzip"),
    "redirect in a circle": (redirect(PATH), RedirectError, "5 redirects"),
    "redirect to a file": (redirect("file:///etc/passwd"), RedirectError, "no web address"),
    "redirect to nowhere": (redirect("https:///name"), RedirectError, "no web address"),
    "redirect to half an address": (redirect("http://[::1/name"), RedirectError, "no web address"),
    "redirect to bytes": (redirect("/name/\xff"), RedirectError, "no web address"),
    "redirect to no port": (redirect("http://127.0.0.1:99999/"), CountryError, "cannot be asked"),
    "redirect without an address": (redirect(None), CountryApiRefusedError, "status 302"),
    "status 204": (bytes_answer(b"", status=204), CountryApiRefusedError, "status 204"),
    "status 206": (bytes_answer(BODY, status=206), CountryApiRefusedError, "status 206"),
    "status 401": (json_answer({"errors": [{"message": "No key"}]}, 401), CountryApiRefusedError, "No key"),
    "status 403": (json_answer({"errors": [{"message": "Monthly limit"}]}, 403), CountryApiRefusedError, "Monthly"),
    "status 404": (json_answer({"message": "Not Found"}, 404), CountryNotFoundError, "Not Found"),
    "status 404 with a page": (bytes_answer(b"<h1>Gone</h1>", "text/html", 404), CountryNotFoundError, "Gone"),
}


@pytest.mark.parametrize("fault", FINAL_FAULTS)
def test_a_bad_answer_is_a_named_error_at_once(fault: str, get: Callable[..., Any], server: FaultyServer) -> None:
    answer, error, words = FINAL_FAULTS[fault]
    started = time.monotonic()
    with pytest.raises(error) as raised:
        get(answer, answer, answer, answer, answer, answer, RIGHT)
    assert type(raised.value) is error
    assert words in str(raised.value)
    assert len(server.requests) == (6 if fault == "redirect in a circle" else 1)
    assert time.monotonic() - started < 3


PASSING_FAULTS: dict[str, Answer] = {
    "hang up": hang_up,
    "reset": reset,
    "silence": silence,
    "no HTTP": no_http,
    "cut off": cut_off(BODY),
    "chunks cut off": cut_off_chunk(BODY),
    "silence in the body": endless(b" ", pause=0.5),
    **{f"status {status}": json_answer({}, status) for status in (429, 500, 502, 503, 504, 599)},
}


@pytest.mark.parametrize("fault", PASSING_FAULTS)
def test_what_may_pass_is_tried_again(fault: str, get: Callable[..., Any], naps: Naps) -> None:
    assert get(PASSING_FAULTS[fault], RIGHT) == v3_record("IN")
    assert len(naps) == 1


@pytest.mark.parametrize("fault", PASSING_FAULTS)
def test_what_does_not_pass_is_given_up_after_four_tries(fault: str, get: Callable[..., Any], naps: Naps) -> None:
    with pytest.raises(CountryApiUnavailableError):
        get(PASSING_FAULTS[fault])
    assert len(naps) == 3
    # Doubling from one second, with up to one second of jitter.
    assert all(first <= nap <= first + 1 for nap, first in zip(naps, (1, 2, 4), strict=True))


def test_nobody_listening_is_tried_again_and_named() -> None:
    naps = Naps()
    api = CountryApi(requests.Session(), "http://127.0.0.1:1", sleep=naps)
    with pytest.raises(CountryApiUnavailableError, match="no connection"):
        api.fetch(INDIA)
    assert len(naps) == 3


def test_waits_differ_from_client_to_client(server: FaultyServer) -> None:
    server.answer(PATH, json_answer({}, 503))
    waits = [Naps() for _ in range(4)]
    for naps in waits:
        with pytest.raises(CountryApiUnavailableError):
            CountryApi(requests.Session(), server.url, sleep=naps).fetch(INDIA)
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
    api = CountryApi(requests.Session(), server.url, retries=RetryPolicy(total=20), sleep=naps)
    with pytest.raises(CountryApiUnavailableError):
        api.fetch(INDIA)
    assert (naps, len(server.requests)) == ([], 1)


def test_each_further_try_is_reported(server: FaultyServer, naps: Naps) -> None:
    reported: list[tuple[str, str]] = []
    server.answer(PATH, json_answer({"message": "Busy"}, 503), RIGHT)
    CountryApi(
        requests.Session(),
        server.url,
        sleep=naps,
        on_retry=lambda url, error: reported.append((url, str(error))),
    ).fetch(INDIA)
    assert [url for url, _ in reported] == [server.url + PATH]
    assert "Busy" in reported[0][1]


def test_a_redirect_to_the_right_answer_is_followed(get: Callable[..., Any], server: FaultyServer) -> None:
    server.answer("/new/india", RIGHT)
    assert get(redirect("/new/india")) == v3_record("IN")


def test_a_redirect_to_the_deprecation_notice_is_named(get: Callable[..., Any], server: FaultyServer) -> None:
    server.answer("/deprecated", json_answer(DEPRECATION))
    with pytest.raises(CountryApiDeprecatedError, match=r"COUNTRY_API_URL"):
        get(redirect("/deprecated"))


def test_the_body_of_a_redirect_is_not_read(get: Callable[..., Any], server: FaultyServer) -> None:
    server.answer("/new/india", RIGHT)
    assert get(endless(status=301, Location="/new/india")) == v3_record("IN")


def test_a_redirect_takes_the_key_to_no_other_server(server: FaultyServer) -> None:
    path = "/codes.alpha_2/IN"
    other = server.url.replace("127.0.0.1", "localhost")
    right = json_answer(v5_answer(v5_record("IN")))
    server.answer(path, redirect("/same"))
    server.answer("/same", redirect(f"{other}/other"))
    server.answer("/other", right)
    CountryApi(requests.Session(), server.url, "secret-key").fetch(INDIA)
    assert [request.headers.get("Authorization") for request in server.requests] == ["Bearer secret-key"] * 2 + [None]


def test_a_redirect_from_https_to_http_is_refused(server: FaultyServer) -> None:
    class TlsEndsHere(HTTPAdapter):
        """Brings what is sent to https://countries.example to the test's server."""

        def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
            request.url = str(request.url).replace("https://countries.example", server.url)
            return super().send(request, *args, **options)

    session = requests.Session()
    session.mount("https://", TlsEndsHere())
    server.answer(PATH, redirect("http://countries.example/name/india"))
    with pytest.raises(RedirectError, match="from https to"):
        CountryApi(session, "https://countries.example").fetch(INDIA)


def test_headers_without_end_are_left_to_the_caller_who_waits_no_longer(server: FaultyServer) -> None:
    server.answer(PATH, endless_headers(pause=0.05))
    api = CountryApi(requests.Session(), server.url, bounds=BOUNDS)
    late = CountryApiTimeoutError("late")
    started = time.monotonic()
    results, errors = gather({"india": lambda: api.fetch(INDIA)}, workers=1, seconds=0.8, late=late)
    assert (results, errors) == ({}, {"india": late})
    assert time.monotonic() - started < 2


def test_connections_are_kept_from_one_country_to_the_next(server: FaultyServer) -> None:
    connections: set[int] = set()

    def noted(handler: Any) -> None:
        connections.add(handler.client_address[1])
        RIGHT(handler)

    server.answer(PATH, noted)
    api = CountryApi(requests.Session(), server.url, bounds=BOUNDS)
    for _ in range(3):
        api.fetch(INDIA)
    assert len(connections) == 1

"""The client of the country API against a real server, fault by fault: the right record, or a named error, in time."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
import requests

from fakes.country_records import DEPRECATION, v3_answer, v3_record, v5_answer, v5_record
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
from ingestion.platform.errors import (
    CountryApiDeprecatedError,
    CountryApiUnavailableError,
    CountryError,
    InvalidSettingError,
)
from ingestion.rest.countries import COUNTRIES
from ingestion.rest.country_api import CountryApi, RetryPolicy
from ingestion.rest.http_get import Bounds

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


@pytest.mark.parametrize(
    "body",
    [b"\xef\xbb\xbf" + BODY, BODY.replace(b"3287590.0", b"9" * 40), b" \r\n\t" + BODY],
    ids=["BOM", "huge", "blanks"],
)
def test_an_odd_answer_that_means_the_country_is_taken_as_it_is(body: bytes, get: Callable[..., Any]) -> None:
    expected = json.loads(body.decode("utf-8-sig"))[1]
    assert get(bytes_answer(body, "application/json; charset=iso-8859-1")) == expected


@pytest.mark.parametrize("fault", [hang_up, silence, json_answer({}, 429), json_answer({}, 500), json_answer({}, 503)])
def test_what_may_pass_is_tried_again(fault: Answer, get: Callable[..., Any], naps: Naps) -> None:
    assert get(fault, RIGHT) == v3_record("IN")
    assert len(naps) == 1


def test_the_waits_between_tries_double(get: Callable[..., Any], naps: Naps) -> None:
    with pytest.raises(CountryApiUnavailableError):
        get(json_answer({}, 503))
    # From one second, with up to one second of jitter.
    assert all(first <= nap <= first + 1 for nap, first in zip(naps, (1, 2, 4), strict=True))


@pytest.mark.parametrize("fault", [json_answer({}, 401), json_answer([]), bytes_answer(b"{")])
def test_what_does_not_pass_is_not_tried_again(fault: Answer, get: Callable[..., Any], server: FaultyServer) -> None:
    with pytest.raises(CountryError):
        get(fault, RIGHT)
    assert len(server.requests) == 1


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

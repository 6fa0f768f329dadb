"""Every way in which the country API gives anything but the country, through the whole of `ingest_countries`.

Whatever it answers for one country: a named error in bounded time and memory, that country's old file as it was, the
other four landed, and the next run clean.
"""

import gzip
import json
import re
import shutil
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from pyspark.sql import SparkSession
from requests.adapters import HTTPAdapter

from fakes.country_records import COUNTRIES, DEPRECATION, SEARCHES, v3_record, v5_answer, v5_record
from fakes.faulty_http import (
    Answer,
    FaultyServer,
    again_and_again,
    bytes_answer,
    cut_off,
    cut_off_chunk,
    endless,
    endless_headers,
    hang_up,
    json_answer,
    raw,
    redirect,
    reset,
    running,
    silence,
)
from fakes.workspace import Settings
from ingestion.loads.ingest_countries import DEFAULT_BOUNDS, ingest_countries
from ingestion.platform import errors
from ingestion.platform.errors import ApiError, CountriesFailedError
from ingestion.rest.http import Bounds
from support.lakes import leftovers

FAULTY = COUNTRIES[2]  # the United Kingdom
PATIENT = replace(DEFAULT_BOUNDS, silence=5, whole=8)
IMPATIENT = replace(DEFAULT_BOUNDS, silence=0.3, whole=0.6)
HTTPS = "https://countries.example"
LONGEST_SECONDS = 120.0  # of faults that else have no end
MOST_MEMORY = 40 * 1024 * 1024
OLD, NEW, NEXT = 1, 2, 3
UK = v3_record("GB", population=NEW)
BODY = json.dumps([UK]).encode()
MEGABYTE = 1024 * 1024
JSON_HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = JSON_HEADERS + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Fault:
    """What the API does in place of an answer, and what comes of it.

    Attributes:
        answer: to every request for the country.
        error: the class that the user is told.
        words: which the message has.
        requests: sent for the country, tries and redirects included; None where that depends on time.
        seconds: after which the run gives a country up.
        bounds: of each request of the run.
    """

    answer: Answer
    error: type[ApiError]
    words: str
    requests: int | None = 1
    seconds: float = 20
    bounds: Bounds = PATIENT


def unavailable(answer: Answer, words: str = "no connection, or one that broke") -> Fault:
    """A fault that may pass by itself, so that the country is asked four times."""
    return Fault(answer, errors.ApiUnavailableError, words, requests=4)


def silent(answer: Answer) -> Fault:
    """A fault that takes the longest silence, four times."""
    return Fault(answer, errors.ApiUnavailableError, "Read timed out", requests=4, bounds=IMPATIENT)


def given_up(answer: Answer) -> Fault:
    """A fault that no timeout between two bytes notices."""
    return Fault(answer, errors.ApiTimeoutError, "no whole answer after 3 s", requests=None, seconds=3)


def refused(answer: Answer, words: str) -> Fault:
    return Fault(answer, errors.ApiRefusedError, words)


def misdirected(location: str | None, words: str, requests: int = 1) -> Fault:
    return Fault(redirect(location), errors.RedirectError, words, requests)


def not_json(answer: Answer, words: str) -> Fault:
    return Fault(answer, errors.NotJsonError, words)


def malformed(body: bytes, words: str) -> Fault:
    return Fault(bytes_answer(body), errors.MalformedJsonError, words)


def unexpected(value: object, words: str) -> Fault:
    return Fault(json_answer(value), errors.UnexpectedAnswerError, words)


def not_found(value: object, words: str, status: int = 200) -> Fault:
    return Fault(json_answer(value, status), errors.NotFoundError, words)


def error_answer(value: object, words: str) -> Fault:
    return Fault(json_answer(value), errors.ErrorAnswerError, words)


def too_large(answer: Answer) -> Fault:
    return Fault(answer, errors.AnswerTooLargeError, "larger than 1048576 bytes")


def instead(old: bytes, new: bytes) -> bytes:
    """Return the right body with a mistake in it."""
    assert old in BODY
    return BODY.replace(old, new)


CONNECTION = {
    "closed without a word": unavailable(hang_up),
    "reset before the answer": unavailable(reset),
    "reset in the headers": unavailable(raw(JSON_HEADERS, reset)),
    "reset in the body": unavailable(raw(JSON_HEADERS + b"Content-Length: 999\r\n\r\n[{", reset)),
    "silence": silent(silence),
    "silence in the headers": silent(raw(JSON_HEADERS, silence)),
    "silence in the body": silent(raw(JSON_HEADERS + b"\r\n[{", silence)),
    "slow bytes": Fault(endless(b" ", pause=0.05), errors.ApiTimeoutError, "not whole after 0.6 s", bounds=IMPATIENT),
    "slow headers": given_up(endless_headers(pause=0.05)),
    "100 Continue without end": given_up(again_and_again(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "trailers without end": given_up(raw(CHUNKED + b"2\r\n[]\r\n0\r\n", again_and_again(b"X-Trailer: x\r\n"))),
}

HTTP = {
    "no HTTP": unavailable(raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")),
    "a status that is no number": unavailable(raw(b"HTTP/1.1 abc OK\r\n\r\n")),
    "a status line cut off": unavailable(raw(b"HTTP/1.1 20")),
    "a header line without end": unavailable(raw(JSON_HEADERS + b"X-Long: " + b"x" * 70_000)),
    "headers in a flood": unavailable(raw(JSON_HEADERS + b"X-Many: x\r\n" * 20_000)),
    "Content-Length too large": unavailable(cut_off(BODY), "more expected"),
    "Content-Length too small": Fault(
        raw(JSON_HEADERS + b"Content-Length: 40\r\n\r\n" + BODY), errors.MalformedJsonError, "40 bytes"
    ),
    "Content-Length negative": Fault(
        raw(JSON_HEADERS + b"Content-Length: -5\r\n\r\n" + BODY[:-5]), errors.MalformedJsonError, "not well-formed"
    ),
    "Content-Length twice": unavailable(
        raw(JSON_HEADERS + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n" + BODY), "Content-Length"
    ),
    "chunks cut off": unavailable(cut_off_chunk(BODY), "Incomplete"),
    "garbage for a chunk's size": unavailable(raw(CHUNKED + b"2\r\n[{\r\nxyz\r\n"), "Incomplete"),
    "a chunk of exabytes": unavailable(raw(CHUNKED + b"fffffffffffffff\r\n" + BODY), "Incomplete"),
}

VOLUME = {
    "a body without end": too_large(endless()),
    "chunks without end": too_large(raw(CHUNKED, again_and_again(b"10000\r\n" + b"[" * 65536 + b"\r\n", 0))),
    "a body larger than any answer": too_large(bytes_answer(b" " * (MEGABYTE + 1))),
    "gzip bomb": not_json(
        bytes_answer(gzip.compress(bytes(100 * MEGABYTE)), Content_Encoding="gzip"), "compressed (gzip)"
    ),
    "gzip bomb without end": too_large(endless(gzip.compress(bytes(MEGABYTE)) * 60, Content_Encoding="gzip")),
    "a megabyte of lists": Fault(
        bytes_answer(b"[" + b"[]," * 340_000 + b"[]]"), errors.UnexpectedAnswerError, "other than objects"
    ),
    "a megabyte of keys, the last one twice": malformed(
        b"[{" + b"".join(b'"%06x":0,' % number for number in range(90_000)) + b'"015f8f":0}]', "appears twice"
    ),
    "a megabyte of nesting": malformed(b"[" * MEGABYTE, "deeper than 64"),
    "a megabyte of digits": malformed(instead(b'"population": 2', b'"population": ' + b"9" * 900_000), "4300 digits"),
    "a message of a megabyte": error_answer({"errors": [{"message": "Oops " * 200_000}]}, "Oops Oops …"),
}

REDIRECTS = {
    "redirect to itself": misdirected("/name/uk", "after 5 redirects", requests=6),
    "redirect to a file": misdirected("file:///etc/passwd", "no web address"),
    "redirect to nowhere": misdirected("http:///name", "no web address"),
    "redirect to half an address": misdirected("http://[::1/name", "no web address"),
    "redirect to bytes": misdirected("/name/\xff", "no web address"),
    "redirect from https to http": misdirected("http://countries.example/name/uk", "from https to"),
    "redirect to a port that is none": misdirected("https://127.0.0.1:99999/", "no web address"),
    "redirect to nobody": unavailable(redirect("https://127.0.0.1:1/name/uk"), "refused"),
    "redirect without an address": refused(redirect(None), "status 302"),
}

STATUSES = {
    "status 401": refused(json_answer({"errors": [{"message": "Unknown key"}]}, 401), "status 401: Unknown key"),
    "status 403": refused(json_answer({"errors": [{"message": "Monthly limit"}]}, 403), "status 403: Monthly limit"),
    "status 404": not_found({"message": "Not Found", "status": 404}, "status 404: Not Found", status=404),
    "status 404 with a page": Fault(
        bytes_answer(b"<h1>Gone fishing</h1>", "text/html", 404), errors.NotFoundError, "Gone fishing"
    ),
    "status 204": refused(bytes_answer(b"", status=204), "status 204"),
    "status 206": refused(bytes_answer(BODY, status=206), "status 206"),
    "status 304": refused(bytes_answer(b"", status=304), "status 304"),
    "status 101": refused(raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), "status 101"),
    "status 400 with errors in a number": refused(json_answer({"errors": 5}, 400), "status 400: 5"),
    "status 410 with the deprecation notice": Fault(
        json_answer(DEPRECATION, 410), errors.CountryApiDeprecatedError, "restcountries-api-key"
    ),
    "status 429 with Retry-After": unavailable(json_answer({}, 429, Retry_After="7"), "status 429"),
    "status 429 with Retry-After in the year 10^20": unavailable(
        json_answer({}, 429, Retry_After=f"Wed, 01 Jul 1{'0' * 20} 00:00:00 GMT"), "status 429"
    ),
    "status 500 with a page": unavailable(bytes_answer(b"<h1>Oh no</h1>", "text/html", 500), "status 500: '<h1>Oh no"),
    "status 503": unavailable(json_answer({"message": "Asleep"}, 503), "status 503: Asleep"),
    "status 599": unavailable(json_answer({}, 599), "status 599"),
}

JSON = {
    "a web page": not_json(bytes_answer(b"<html>Hello</html>", "text/html"), "text/html, not JSON: '<html>Hello"),
    "a web page said to be JSON": malformed(b"<html>Hello</html>", "not well-formed"),
    "JSON said to be a web page": not_json(bytes_answer(BODY, "text/html"), "text/html"),
    "no content type": not_json(bytes_answer(BODY, None), "of no type"),
    "compressed unasked": not_json(bytes_answer(gzip.compress(BODY), Content_Encoding="gzip"), "gzip"),
    "no body": malformed(b"", "0 bytes"),
    "JSON cut off": malformed(BODY[:-50], "not well-formed"),
    "two documents": malformed(BODY + BODY, "Extra data"),
    "a comma too many": malformed(BODY.replace(b"}]", b"},]"), "not well-formed"),
    "a line end within a text": malformed(instead(b"United ", b"United\n"), "control character"),
    "duplicate keys": malformed(b'[{"cca2": "GB", "cca2": "IO"}]', "'cca2' appears twice"),
    "NaN": malformed(instead(b"3287590.0", b"NaN"), "NaN is no JSON number"),
    "Infinity": malformed(instead(b"3287590.0", b"-Infinity"), "Infinity is no JSON number"),
    "a number out of range": malformed(instead(b"3287590.0", b"1e999"), "1e999 is out of range"),
    "deep nesting": malformed(instead(b"3287590.0", b"[" * 70 + b"]" * 70), "deeper than 64"),
    "deep nesting of objects": malformed(instead(b"3287590.0", b'{"a":' * 70 + b"0" + b"}" * 70), "deeper than 64"),
    "invalid UTF-8": malformed(instead(b"United", b"Un\xefted"), "not valid UTF-8"),
    "overlong UTF-8": malformed(instead(b"United", b"\xc0\xafnited"), "not valid UTF-8"),
    "half a surrogate pair": malformed(instead(b"United", b"\\ud800nited"), "not valid UTF-8"),
    "UTF-16": malformed(BODY.decode().encode("utf-16"), "not valid UTF-8"),
    "two byte order marks": malformed(b"\xef\xbb\xbf" * 2 + BODY, "not well-formed"),
}

CONTENT = {
    "null": unexpected(None, "this is a NoneType"),
    "one object, no list": unexpected(UK, "data_selector [*] promises a list"),
    "a list of names": unexpected(["United Kingdom"], "other than objects"),
    "a list in a list": unexpected([[UK]], "other than objects"),
    "an object with endless keys": unexpected({"x" * 500_000: 1}, "an object with the keys"),
    "an empty list": Fault(json_answer([]), errors.EmptyAnswerError, "no record at all"),
    "other countries": not_found([v3_record("KP"), v3_record("UA")], "(they have: KP, UA)"),
    "the wrong country with the right name": not_found([v3_record("SZ", name=UK["name"])], "(they have: SZ)"),
    "a code in lower case": not_found([UK | {"cca2": "gb"}], "(they have: gb)"),
    "a code that is an object": not_found([UK | {"cca2": {"code": "GB"}}], "{'code': 'GB'}"),
    "a code of a megabyte": not_found([UK | {"cca2": "GB" * 250_000}], "they have"),
    "codes of two countries": unexpected([UK | {"cca3": "USA"}], "'USA' for c"),
    "no name": unexpected([UK | {"name": {}}], "name.common"),
    "a name that is a number": unexpected([UK | {"name": {"common": 44}}], "name.common"),
    "the country twice": Fault(json_answer([UK, UK]), errors.AmbiguousAnswerError, "2 of the 2 records"),
    "an error with status 200": error_answer({"errors": [{"message": "Oops"}]}, "Oops"),
    "an error in a text with status 200": error_answer({"errors": "Oops"}, ": Oops"),
    "an error without a reason with status 200": error_answer({"success": False, "errors": []}, "no reason given"),
    "an error in a truth value with status 200": error_answer({"errors": True}, ": True"),
    "the deprecation notice with status 200": Fault(
        json_answer(DEPRECATION), errors.CountryApiDeprecatedError, "restcountries-api-key"
    ),
}

V3_FAULTS = CONNECTION | HTTP | VOLUME | REDIRECTS | STATUSES | JSON | CONTENT

RECORD = v5_record("GB")
V5_FAULTS = {
    "v3.1's list": unexpected([RECORD], "data_selector data.objects[*] promises"),
    "data is null": unexpected({"data": None}, "an object with the keys data"),
    "objects in an object": unexpected({"data": {"objects": {"GB": RECORD}}}, "data_selector data.objects[*] promises"),
    "no objects": Fault(json_answer(v5_answer()), errors.EmptyAnswerError, "no record at all"),
    "the wrong country with the right name": not_found(
        v5_answer(v5_record("UA", names=RECORD["names"])), "they have: UA"
    ),
    "no codes": not_found(v5_answer(RECORD | {"codes": None}), "they have: None"),
    "codes of two countries": unexpected(
        v5_answer(RECORD | {"codes": {"alpha_2": "GB", "alpha_3": "USA"}}), "'USA' for c"
    ),
    "the country twice": Fault(json_answer(v5_answer(RECORD, RECORD)), errors.AmbiguousAnswerError, "2 of the 2"),
    "an error with status 200": error_answer({"errors": [{"message": "Oops"}]}, "Oops"),
    "an unknown key": refused(json_answer({"errors": [{"message": "Unknown key"}]}, 401), "status 401: Unknown key"),
    "the monthly limit": refused(json_answer({"errors": [{"message": "Monthly limit"}]}, 403), "Monthly limit"),
}


class TlsEndsHere(HTTPAdapter):
    """Brings what is sent to the https address to the test's server."""

    def __init__(self, server: FaultyServer) -> None:
        super().__init__()
        self._server = server

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.url = str(request.url).replace(HTTPS, self._server.url)
        return super().send(request, *args, **options)


class World:
    """A country API and a lake in which all five countries were landed before.

    Args:
        spark: the session.
        server: the country API.
        lake: the lake's folder.
        key: the API's key, which makes it speak v5.
    """

    def __init__(self, spark: SparkSession, server: FaultyServer, lake: Path, key: str | None) -> None:
        self.server = server
        self.lake = lake
        self._spark = spark
        self._speaks_v5 = key is not None
        address = server.url if key else HTTPS
        self._settings = Settings(environment={"LAKE_ROOT": str(lake), "COUNTRY_API_URL": address})
        if key:
            self._settings.secrets["restcountries-api-key"] = key

    def path(self, name: str) -> str:
        country = next(country for country in COUNTRIES if country.name == name)
        return f"/codes.alpha_2/{country.alpha_2}" if self._speaks_v5 else f"/name/{name}"

    def answer_rightly(self, population: int) -> None:
        for country in COUNTRIES:
            codes = SEARCHES[country.name]
            v3 = [v3_record(code, population=population) for code in codes]
            v5 = v5_answer(v5_record(country.alpha_2, population=population))
            self.server.answer(self.path(country.name), json_answer(v5 if self._speaks_v5 else v3))

    def run(self, **options: Any) -> None:
        """Do what the notebook does; between two tries it does not wait."""
        session = requests.Session()
        session.mount(HTTPS, TlsEndsHere(self.server))
        ingest_countries(self._spark, session, self._settings.configuration(), sleep=lambda _: None, **options)

    def populations(self) -> dict[str, int]:
        """Return what a reader of the lake finds: of which run each country is."""
        files = (self.lake / "countries").iterdir()
        return {file.stem: json.loads(file.read_bytes())["population"] for file in files}

    def old(self) -> list[bytes]:
        """Return what lies in the lake of the country at fault: its file and that file's manifest."""
        name = f"countries/{FAULTY.file_name}"
        return [(self.lake / name).read_bytes(), (self.lake / "_manifests" / name).read_bytes()]


@pytest.fixture(scope="module")
def landed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | None], Path]:
    """Return a function that gives a lake in which a run, with a key or without, landed all countries."""
    lakes: dict[str | None, Path] = {}

    def landed(key: str | None) -> Path:
        if key not in lakes:
            lake = tmp_path_factory.mktemp("landed") / "lake"
            with running(FaultyServer()) as server:
                world = World(spark, server, lake, key)
                world.answer_rightly(OLD)
                world.run()
            lakes[key] = lake
        return lakes[key]

    return landed


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    spark: SparkSession,
    server: FaultyServer,
    tmp_path: Path,
    landed: Callable[[str | None], Path],
) -> World:
    key = getattr(request, "param", None)
    shutil.copytree(landed(key), tmp_path / "lake")
    return World(spark, server, tmp_path / "lake", key)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Make sure that Python never holds much more than before."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def check(world: World, fault: Fault) -> None:
    """Run with a fault, and again without."""
    world.answer_rightly(NEW)
    world.server.answer(world.path(FAULTY.name), fault.answer)
    old = world.old()
    started = time.monotonic()
    with bounded_memory(), pytest.raises(CountriesFailedError) as raised:
        world.run(seconds=fault.seconds, bounds=fault.bounds)
    assert time.monotonic() - started < LONGEST_SECONDS

    head, *reasons = str(raised.value).splitlines()
    assert head.startswith("1 of 5 countries were not landed")
    assert [reason.partition(": ")[0] for reason in reasons] == [f"- {FAULTY.name}"]
    assert re.match(rf"- {re.escape(FAULTY.name)}: {fault.error.__name__}: ", reasons[0])
    assert fault.words in reasons[0]
    assert len(reasons[0]) < 1000
    if fault.requests:
        asked = [path for path in world.server.paths() if path.startswith(world.path(FAULTY.name))]
        assert len(asked) == fault.requests
    assert world.old() == old
    others = {country.name: NEW for country in COUNTRIES}
    assert world.populations() == others | {FAULTY.name: OLD}

    world.answer_rightly(NEXT)
    world.run()
    assert world.populations() == {country.name: NEXT for country in COUNTRIES}
    assert leftovers(world.lake) == []


@pytest.mark.parametrize("name", V3_FAULTS)
def test_a_bad_answer_is_a_named_error_and_the_others_land(name: str, world: World) -> None:
    check(world, V3_FAULTS[name])


@pytest.mark.parametrize("world", ["the-key"], indirect=True)
@pytest.mark.parametrize("name", V5_FAULTS)
def test_a_bad_answer_of_v5_is_a_named_error_and_the_others_land(name: str, world: World) -> None:
    check(world, V5_FAULTS[name])

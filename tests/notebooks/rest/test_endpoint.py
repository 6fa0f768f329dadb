"""Reading endpoints: every paginator, every way to sign, every page or a named error."""

import base64
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.faulty_http import Answer, FaultyServer, Request, json_answer
from fakes.paging_api import PagingApi
from ingestion.feeds.json_path import parse_json_path
from ingestion.feeds.model import (
    ApiKey,
    Auth,
    Bearer,
    Cursor,
    Endpoint,
    Expectation,
    ForEachValue,
    HeaderCursor,
    HeaderLink,
    HttpBasic,
    JsonLink,
    OAuth2ClientCredentials,
    Offset,
    PageNumber,
    Paginator,
    Parent,
    RestSource,
    Secret,
    Select,
    SinglePage,
)
from ingestion.platform.errors import (
    AmbiguousAnswerError,
    ApiError,
    ApiRefusedError,
    ErrorAnswerError,
    NotFoundError,
    PaginationError,
    UnexpectedAnswerError,
)
from ingestion.rest.client import ApiClient, RetryPolicy
from ingestion.rest.endpoint import EndpointReader

RECORDS = [{"id": number, "name": f"record {number}"} for number in range(10)]
PAGINATORS: Mapping[str, Paginator] = {
    "header_link": HeaderLink("header_link"),
    "json_link": JsonLink("json_link", parse_json_path("links.next")),
    "cursor": Cursor("cursor", parse_json_path("meta.after"), "after"),
    "header_cursor": HeaderCursor("header_cursor", "X-Next", "after"),
    "page_number": PageNumber("page_number"),
    "offset": Offset("offset", 5),
    "single": SinglePage("single_page"),
}
WITH_TOTALS: Mapping[str, Paginator] = {
    "page_number": PageNumber("page_number", total_path=parse_json_path("pages")),
    "offset": Offset("offset", 5, total_path=parse_json_path("meta.total")),
}
LISTS = ("header_link", "header_cursor")
SECRETS = {"token": "t0ken", "key": "k3y", "user": "me", "password": "p:w", "id": "client", "secret": "s3cret&"}


def source(server: FaultyServer, *endpoints: Endpoint, auth: Auth | None = None) -> RestSource:
    return RestSource(type="rest", url=server.url + "/", auth=auth, feeds=endpoints)


def reader(source: RestSource, **options: Any) -> EndpointReader:
    session = requests.Session()
    retries = RetryPolicy(tries=2)
    client = ApiClient(
        source, session, lambda secret: SECRETS[str(secret)], retries=retries, sleep=lambda _seconds: None, **options
    )
    return EndpointReader(client, source)


def read(source: RestSource, name: str | None = None, **options: Any) -> list[dict[str, Any]]:
    """Return all records of a source's last endpoint."""
    endpoint = source.feeds[-1]
    reading = reader(source)
    return [
        dict(record)
        for values in reading.combinations(endpoint)
        for page in reading.pages(endpoint, values, **options)
        for record in page.records
    ]


def endpoint(way: str, paginator: Paginator | None = None, **keys: Any) -> Endpoint:
    selector = None if way in LISTS else parse_json_path("items")
    return Endpoint(
        **{"name": way, "path": way, "data_selector": selector, "paginator": paginator or PAGINATORS[way], **keys}
    )


@pytest.mark.parametrize("way", PAGINATORS)
def test_each_paginator_reads_all_pages_in_order(way: str, server: FaultyServer) -> None:
    PagingApi(server, RECORDS)
    assert read(source(server, endpoint(way))) == RECORDS


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 12), size=st.integers(1, 5), limit=st.integers(1, 20))
def test_no_record_is_left_out_and_none_read_twice(count: int, size: int, limit: int, server: FaultyServer) -> None:
    PagingApi(server, RECORDS[:count] + [{"id": number} for number in range(10, count)], size)
    expected = list(range(count))
    for way, paginator in itertools.chain(PAGINATORS.items(), WITH_TOTALS.items()):
        chosen = (
            Offset("offset", limit, total_path=paginator.total_path) if isinstance(paginator, Offset) else paginator
        )
        assert [record["id"] for record in read(source(server, endpoint(way, chosen)))] == expected, way


def bearer(request: Request) -> bool:
    return request.headers.get("Authorization") == "Bearer t0ken"


AUTHS: Mapping[str, tuple[Auth, Callable[[Request], bool]]] = {
    "bearer": (Bearer("bearer", Secret("token")), bearer),
    "key in a header": (
        ApiKey("api_key", Secret("key"), name="X-Key"),
        lambda request: request.headers.get("X-Key") == "k3y",
    ),
    "key in the address": (
        ApiKey("api_key", Secret("key"), name="key", location="query"),
        lambda request: request.path.count("key=k3y") == 1,
    ),
    "basic": (
        HttpBasic("http_basic", "me", Secret("password")),
        lambda request: request.headers.get("Authorization") == f"Basic {base64.b64encode(b'me:p:w').decode()}",
    ),
}


@pytest.mark.parametrize("way", ["header_link", "cursor"])
@pytest.mark.parametrize("auth", AUTHS)
def test_each_way_to_sign_is_let_in_on_every_page(auth: str, way: str, server: FaultyServer) -> None:
    api = PagingApi(server, RECORDS)
    signed, api.is_let_in = AUTHS[auth]
    assert read(source(server, endpoint(way), auth=signed)) == RECORDS
    with pytest.raises(ApiRefusedError, match="Who are you"):
        read(source(server, endpoint(way)))


class TokenService:
    """Gives tokens for the right client, each good for a number of requests."""

    def __init__(self, server: FaultyServer, good_for: int) -> None:
        self.asked: list[dict[str, str]] = []
        self._good_for = good_for
        self._left: dict[str, int] = {}
        server.route("/token", self._token)

    def _token(self, request: Request) -> Answer:
        self.asked.append(request.form)
        if request.form.get("client_secret") != SECRETS["secret"]:
            return json_answer({"error": "invalid_client", "error_description": request.form}, 401)
        token = f"token-{len(self.asked)}"
        self._left[token] = self._good_for
        return json_answer({"access_token": token, "token_type": "bearer", "expires_in": 3600})

    def is_let_in(self, request: Request) -> bool:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self._left[token] = self._left.get(token, 0) - 1
        return self._left[token] >= 0


def credentials(server: FaultyServer, secret: str) -> OAuth2ClientCredentials:
    url = f"{server.url}/token"
    return OAuth2ClientCredentials("oauth2_client_credentials", url, Secret("id"), Secret(secret), scope="read")


def test_client_credentials_get_a_token_and_a_new_one_when_it_is_refused(server: FaultyServer) -> None:
    api, tokens = PagingApi(server, RECORDS), TokenService(server, good_for=2)
    api.is_let_in = tokens.is_let_in
    assert read(source(server, endpoint("cursor"), auth=credentials(server, "secret"))) == RECORDS
    asked = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "s3cret&", "scope": "read"}
    assert tokens.asked == [asked, asked]


def test_a_wrong_client_secret_is_named_and_not_shown(server: FaultyServer) -> None:
    PagingApi(server, RECORDS)
    TokenService(server, good_for=2)
    with pytest.raises(ApiRefusedError, match="status 401: no token") as raised:
        read(source(server, endpoint("cursor"), auth=credentials(server, "password")))
    assert SECRETS["password"] not in str(raised.value)


def test_for_each_asks_for_every_combination_and_tells_which(server: FaultyServer) -> None:
    for repo, state in itertools.product(("a/b", "c d"), ("open", "true")):
        path = f"/repos/{repo.replace(' ', '%20')}/issues?state={state}&n=1"
        server.answer(path, json_answer([{"repo": repo, "state": state}]))
    issues = Endpoint(
        name="issues",
        path="repos/{repo}/issues",
        params={"state": "{state}", "n": 1},
        for_each={
            "repo": (ForEachValue("a/b"), ForEachValue("c d")),
            "state": (ForEachValue("open"), ForEachValue(True)),
        },
    )
    api = source(server, issues)
    reading = reader(api)
    for values in reading.combinations(issues):
        [page] = reading.pages(issues, values)
        [record] = page.records
        assert (record["repo"], record["state"]) == tuple(map(str, values.values()))


def test_a_parents_records_say_what_is_asked_for(server: FaultyServer) -> None:
    PagingApi(server, [{"login": "a"}, {"login": "b"}, {"login": "a"}, {"login": "c"}], size=2)
    for name in "abc":
        server.answer(f"/orgs/{name}", json_answer([{"org": name}]))
    child = Endpoint(name="repos", path="orgs/{org}", parent=Parent("cursor", parse_json_path("login"), "org"))
    assert read(source(server, endpoint("cursor"), child)) == [{"org": name} for name in "abc"]


@pytest.mark.parametrize("value", [None, "", {"x": 1}, "../admin", "a/../../b", ".."])
def test_a_parents_record_without_a_fit_value_fails_the_child(value: Any, server: FaultyServer) -> None:
    PagingApi(server, [{"login": value}])
    child = Endpoint(name="repos", path="orgs/{org}", parent=Parent("cursor", parse_json_path("login"), "org"))
    with pytest.raises(UnexpectedAnswerError, match=r"login|no value for"):
        read(source(server, endpoint("cursor"), child))


def test_the_position_goes_into_its_parameter(server: FaultyServer) -> None:
    from ingestion.feeds.model import EndpointIncremental

    incremental = EndpointIncremental(method="cursor", cursor_path=parse_json_path("at"), param="since")
    server.answer("/issues?since=2026-01-01T00%3A00%3A00Z", json_answer([{"id": 1}]))
    server.answer("/issues", json_answer([{"id": 0}, {"id": 1}]))
    issues = source(server, Endpoint(name="issues", path="issues", incremental=incremental))
    assert read(issues) == [{"id": 0}, {"id": 1}]
    assert read(issues, since="2026-01-01T00:00:00Z") == [{"id": 1}]


SELECT = Select(parse_json_path("code"), "{country.code}")
COUNTRY = {"country": (ForEachValue("uk", {"code": "GB", "long": "GBR"}),)}


@pytest.mark.parametrize(
    ("records", "error", "words"),
    [
        ([{"code": "UA"}, {"code": "GB", "long": "GBR"}], None, ""),
        (
            [{"code": "UA"}, {"code": "KP"}],
            NotFoundError,
            "none of the 2 records has 'GB' for code (they have: UA, KP)",
        ),
        ([{"code": "GB"}, {"code": "GB"}], AmbiguousAnswerError, "2 of the 2 records"),
        ([{"code": "GB", "long": "USA"}], UnexpectedAnswerError, "'USA' for long, in place of 'GBR'"),
        ([{"code": True}, {"code": 1}], NotFoundError, "they have: True, 1"),
    ],
)
def test_select_keeps_the_record_that_is_meant(
    records: list[dict[str, Any]], error: type[ApiError] | None, words: str, server: FaultyServer
) -> None:
    server.answer("/name/uk", json_answer(records))
    expect = (Expectation(parse_json_path("long"), equals="{country.long}"),)
    countries = source(
        server, Endpoint(name="c", path="name/{country}", for_each=COUNTRY, select=SELECT, expect=expect)
    )
    if error is None:
        assert read(countries) == [{"code": "GB", "long": "GBR"}]
        return
    with pytest.raises(error) as raised:
        read(countries)
    assert words in str(raised.value)
    assert f"{server.url}/name/uk" in str(raised.value)


ITEMS = [{"id": 1}]
NEXT_PAGES: Mapping[str, tuple[Any, dict[str, str], str]] = {
    "Link": (ITEMS, {"Link": '</x?page=2>; rel="next"'}, '{ type = "header_link" }'),
    "next": ({"items": ITEMS, "next": "/x?page=2"}, {}, 'next_url_path = "next"'),
    "links.next": ({"items": ITEMS, "links": {"next": "https://a.example/"}}, {}, 'next_url_path = "links.next"'),
    "_links.next.href": ({"items": ITEMS, "_links": {"next": {"href": "/x"}}}, {}, '"_links.next.href"'),
    "@odata.nextLink": ({"value": ITEMS, "@odata.nextLink": "https://a/x"}, {}, "['@odata.nextLink']"),
    "meta.next_cursor": ({"items": ITEMS, "meta": {"next_cursor": "abc"}}, {}, 'cursor_path = "meta.next_cursor"'),
    "data.pageInfo": ({"data": {"items": ITEMS, "pageInfo": {"endCursor": "c"}}}, {}, '"data.pageInfo.endCursor"'),
    "has_more": ({"items": ITEMS, "has_more": True}, {}, "has_more = true"),
    "total": ({"items": ITEMS, "meta": {"total": 7}}, {}, 'total_path = "meta.total"'),
}


@pytest.mark.parametrize("way", NEXT_PAGES)
def test_without_a_paginator_a_next_page_fails_and_names_the_one_to_set(way: str, server: FaultyServer) -> None:
    value, headers, words = NEXT_PAGES[way]
    server.answer("/x", json_answer(value, **headers))
    selector = {"@odata.nextLink": "value", "Link": "$", "data.pageInfo": "data.items"}.get(way, "items")
    plain = Endpoint(name="x", path="x", data_selector=parse_json_path(selector))
    with pytest.raises(PaginationError) as raised:
        read(source(server, plain))
    assert words in str(raised.value)
    single = Endpoint(name="x", path="x", data_selector=parse_json_path(selector), paginator=SinglePage("single_page"))
    assert read(source(server, single)) == ITEMS


@pytest.mark.parametrize(
    "value",
    [
        {"id": 1, "next": "/x", "total": 7},  # a record: its keys are data
        {"items": ITEMS, "next": None, "total": 1, "has_more": False, "meta": {"next": ""}},
        [{"id": 1, "next": "/x"}],
    ],
)
def test_what_shows_no_next_page_is_all(value: Any, server: FaultyServer) -> None:
    server.answer("/x", json_answer(value))
    selector = parse_json_path("items") if "items" in value else None
    assert len(read(source(server, Endpoint(name="x", path="x", data_selector=selector)))) == 1


def test_an_envelope_that_would_land_as_the_record_fails_and_names_where_the_records_are(server: FaultyServer) -> None:
    server.answer("/x", json_answer({"items": ITEMS, "next": "/x?page=2"}))
    with pytest.raises(PaginationError, match=r'Set data_selector = "items" and paginator = \{ type = "json_link"'):
        read(source(server, Endpoint(name="x", path="x")))


@pytest.mark.parametrize("way", ["json_link", "cursor"])
def test_a_paginator_that_looks_in_the_wrong_place_leaves_no_page_out(way: str, server: FaultyServer) -> None:
    wrong: Paginator = JsonLink("json_link", parse_json_path("nxt"))
    if way == "cursor":
        wrong = Cursor("cursor", parse_json_path("meta.afterr"), "after")
        server.answer("/cursor", json_answer({"items": ITEMS, "meta": {"next_cursor": "x"}}))
    else:
        PagingApi(server, RECORDS)
    with pytest.raises(PaginationError, match=r"finds no next page, but the answer shows one"):
        read(source(server, endpoint(way, wrong)))


def test_a_next_page_on_another_host_is_not_asked_for(server: FaultyServer) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    server.answer("/json_link", json_answer({"items": ITEMS, "links": {"next": f"{other}/x"}}))
    with pytest.raises(PaginationError, match="on another host"):
        read(source(server, endpoint("json_link")))
    assert server.paths() == ["/json_link"]


@pytest.mark.parametrize(
    ("way", "path", "answer"),
    [
        ("json_link", "/json_link", json_answer({"items": ITEMS, "links": {"next": "/json_link"}})),
        ("cursor", "/cursor", json_answer({"items": ITEMS, "meta": {"after": "x"}})),
        ("header_cursor", "/header_cursor", json_answer(ITEMS, X_Next="x")),
        ("header_link", "/header_link", json_answer(ITEMS, Link='</header_link>; rel="next"')),
        ("page_number", "/page_number", json_answer({"items": ITEMS})),
        ("offset", "/offset", json_answer({"items": ITEMS})),
    ],
)
def test_pages_in_a_circle_fail(way: str, path: str, answer: Answer, server: FaultyServer) -> None:
    server.route(path, lambda _request: answer)
    with pytest.raises(PaginationError, match=r"twice|same page again"):
        read(source(server, endpoint(way)))
    assert len(server.requests) <= 3


def test_more_than_max_pages_fail(server: FaultyServer) -> None:
    PagingApi(server, RECORDS)
    with pytest.raises(PaginationError, match="more than 3 pages; raise max_pages"):
        read(source(server, endpoint("cursor", max_pages=3)))
    assert read(source(server, endpoint("cursor", max_pages=4))) == RECORDS


@pytest.mark.parametrize(
    ("paginator", "value", "words"),
    [
        (PAGINATORS["json_link"], {"items": ITEMS, "links": {"next": 7}}, "next_url_path links.next leads to 7"),
        (PAGINATORS["cursor"], {"items": ITEMS, "meta": {"after": ["x"]}}, "cursor_path meta.after leads to"),
        (WITH_TOTALS["page_number"], {"items": ITEMS}, "total_path pages leads to None"),
        (WITH_TOTALS["offset"], {"items": [], "meta": {"total": 5}}, "has no record, though 0 of 5 were read"),
    ],
)
def test_what_leads_to_no_page_fails(paginator: Paginator, value: Any, words: str, server: FaultyServer) -> None:
    server.route("/x", lambda _request: json_answer(value))
    with pytest.raises(PaginationError) as raised:
        read(source(server, endpoint("x", paginator)))
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("value", "keys", "error", "words"),
    [
        (
            {"status": "error", "info": {"why": "broken"}},
            {"error_path": "info.why"},
            ErrorAnswerError,
            "info.why: broken",
        ),
        ({"errors": [{"detail": "no"}], "data": None}, {"data_selector": "data"}, ErrorAnswerError, ": no"),
        ({"error": "quota"}, {}, ErrorAnswerError, "quota"),
        ({"ok": False, "error": "not_authed"}, {"data_selector": "items"}, ErrorAnswerError, "not_authed"),
        ({"rows": []}, {"data_selector": "items"}, UnexpectedAnswerError, "promises it, which is not there"),
        ({"items": None}, {"data_selector": "items"}, UnexpectedAnswerError, "NoneType"),
        ({"items": "none"}, {"data_selector": "items"}, UnexpectedAnswerError, "this is a str|: a str"),
        ({"items": [1]}, {"data_selector": "items"}, UnexpectedAnswerError, "other than objects"),
        ("text", {}, UnexpectedAnswerError, "no list of records"),
    ],
)
def test_an_error_with_status_200_is_no_record(
    value: Any, keys: dict[str, str], error: type[ApiError], words: str, server: FaultyServer
) -> None:
    server.answer("/x", json_answer(value))
    paths = {key: parse_json_path(path) for key, path in keys.items()}
    with pytest.raises(error, match=words):
        read(source(server, Endpoint(name="x", path="x", **paths)))


def test_a_page_that_fails_in_the_middle_fails_the_whole(server: FaultyServer) -> None:
    PagingApi(server, RECORDS)
    server.answer("/json_link?start=6", json_answer({"message": "Broken"}, 500))
    with pytest.raises(ApiError, match="status 500: Broken"):
        read(source(server, endpoint("json_link")))


def test_records_within_records_are_selected(server: FaultyServer) -> None:
    server.answer("/x", json_answer({"groups": [{"items": [{"id": 1}]}, {}, {"items": [{"id": 2}, {"id": 3}]}]}))
    found = read(source(server, Endpoint(name="x", path="x", data_selector=parse_json_path("groups[*].items"))))
    assert [record["id"] for record in found] == [1, 2, 3]

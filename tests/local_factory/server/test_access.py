"""Who may call the server: its own address, a token, bounded bodies; and what a stranger's page may not do."""

import asyncio
import socket
from typing import Any

import httpx
import pytest

from local_factory.server.access import LARGEST_BODY, Access, Bucket
from support.local_server import FACTORY, TOKEN, LocalServer

PIPELINES = f"{FACTORY}/pipelines"
VERSION = {"api-version": "2018-06-01"}


def get(server: LocalServer, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{server.url}{path}", params=VERSION, headers=headers)


def raw(server: LocalServer, first: str, *headers: str) -> str:
    """Send a request as no client would, and return all that is answered."""
    host = server.url.removeprefix("http://")
    with socket.create_connection(("127.0.0.1", int(host.partition(":")[2]))) as connection:
        lines = [first, f"Host: {host}", "Connection: close", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode())
        return connection.makefile("rb").read().decode()


def bearer(token: str = TOKEN) -> str:
    return f"Bearer {token}"


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]
)
@pytest.mark.parametrize("path", [PIPELINES, "/api/2.0/workspace/list", "/providers/Microsoft.DataFactory/operations"])
def test_the_api_wants_the_token(server, path, authorization):
    answer = get(server, path, authorization=authorization)
    assert answer.status_code == 401
    assert "PL_" not in answer.text


def test_the_token_in_an_address_opens_no_api(server):
    assert httpx.get(f"{server.url}{PIPELINES}", params={**VERSION, "token": TOKEN}).status_code == 401


def test_only_what_databricks_asks_for_first_is_told_to_anyone(server):
    assert get(server, "/.well-known/databricks-config").json()["host_type"] == "workspace"


@pytest.mark.parametrize(
    "path", ["/", "/runs", "/pipelines", "/pipelines/PL_Good", "/lake", "/events", "/static/monitor.js", "/x"]
)
def test_without_the_cookie_a_page_shows_nothing_of_the_factory(server, path):
    answer = get(server, path, accept="text/html")
    assert answer.status_code == 401
    assert "PL_" not in answer.text


def test_the_first_opening_sets_a_cookie_and_drops_the_token_from_the_address(server):
    with httpx.Client() as browser:
        first = browser.get(f"{server.url}/pipelines?token={TOKEN}&x=1")
        assert first.status_code == 303
        assert first.headers["location"] == "/pipelines?x=1"
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        assert "PL_Good" in browser.get(f"{server.url}/pipelines").text


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "///evil.example"])
def test_the_first_opening_leads_to_no_other_server(server, path):
    answer = raw(server, f"GET {path}?token={TOKEN} HTTP/1.1")
    places = [line.split(" ", 1)[1] for line in answer.splitlines() if line.lower().startswith("location:")]
    assert all(place.startswith("/") and not place.startswith(("//", "/\\")) for place in places)


def test_the_cookie_opens_no_api(server):
    server.page("/")
    assert server.client.get(f"{server.url}{PIPELINES}", params=VERSION).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", "[::1]:80", ""])
def test_another_host_is_refused_as_after_a_rebound_name(server, host):
    assert get(server, PIPELINES, authorization=bearer(), host=host).status_code in (400, 403)


def test_localhost_is_the_server_too(server):
    port = server.url.rpartition(":")[2]
    assert get(server, PIPELINES, authorization=bearer(), host=f"localhost:{port}").status_code == 200


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://127.0.0.1:1", "http://localhost", "file://"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_another_origin_is_refused_and_told_of_no_cors(server, method, origin):
    answer = httpx.request(
        method, f"{server.url}{PIPELINES}", params=VERSION, headers={"authorization": bearer(), "origin": origin}
    )
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_servers_own_origin_may_post(server):
    server.page("/")
    answer = server.client.post(f"{server.url}/trigger-now/PL_Good", headers={"origin": server.url})
    assert answer.status_code == 303


def test_a_form_of_another_site_starts_nothing(server):
    server.page("/")
    before = len(server.runs())
    answer = server.client.post(f"{server.url}/trigger-now/PL_Good", headers={"origin": "http://127.0.0.1:1"})
    assert answer.status_code == 403
    assert len(server.runs()) == before


def test_a_body_that_says_it_is_too_long_is_refused(server):
    put = f"PUT {PIPELINES}/x?api-version=2018-06-01 HTTP/1.1"
    answer = raw(server, put, f"Authorization: {bearer()}", f"Content-Length: {LARGEST_BODY + 1}")
    assert answer.startswith("HTTP/1.1 413")


def test_a_chunked_body_is_counted_as_it_comes(server):
    def chunks():
        for _ in range(20):
            yield b" " * (1024 * 1024)

    try:
        answer = httpx.put(
            f"{server.url}{PIPELINES}/x",
            params=VERSION,
            headers={"authorization": bearer()},
            content=chunks(),
            timeout=240,
        )
        assert answer.status_code == 413
    except httpx.WriteError:
        pass  # the server hung up before all was sent, as it may
    assert get(server, PIPELINES, authorization=bearer()).status_code == 200


def test_every_answer_forbids_scripts_of_others_frames_and_caches(server):
    for answer in (server.page("/runs"), server.page("/nowhere"), get(server, "/"), server.call("GET", "/pipelines")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/lake/../runs/history.sqlite",
        "/lake/..%2f..%2fserver.lock",
        "/lake/%2e%2e/%2e%2e/etc/passwd",
        "/lake//etc/passwd",
        "/lake/%00",
        "/notebooks/..%2f..%2fhistory.sqlite",
        "/static/..%2fmonitor.css",
        "/static/%2e%2e%2ftemplates%2frun.html.j2",
    ],
)
def test_no_address_leads_out_of_the_work_folder(server, path):
    answer = server.page(path)
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
    assert "SQLite" not in answer.text


def test_a_link_in_the_lake_leads_nowhere_else(server, tmp_path):
    lake = server.workdir / "lake"
    lake.mkdir(exist_ok=True)
    (tmp_path / "secret.txt").write_text("hidden")
    (lake / "out").symlink_to(tmp_path)
    assert server.page("/lake/out/secret.txt").status_code == 404
    assert ">out<" not in server.page("/lake").text


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _ask(access: Access, authorization: str) -> int:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/api/2.0/workspace/list",
        "raw_path": b"/api/2.0/workspace/list",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:1"), (b"authorization", authorization.encode())],
    }
    statuses: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    access._app = app
    asyncio.run(access(scope, receive, send))
    return statuses[0]


def test_calls_and_guesses_are_bounded_and_let_in_again_after_a_while():
    clock = _Clock()
    calls, refusals = Bucket(5, 1, clock), Bucket(2, 1, clock)
    access = Access(None, 1, TOKEN, calls=calls, refusals=refusals)  # type: ignore[arg-type]
    assert [_ask(access, "Bearer x") for _ in range(3)] == [401, 401, 429]
    assert [_ask(access, bearer()) for _ in range(3)] == [200, 200, 429]
    clock.now = 10
    assert _ask(access, bearer()) == 200

"""REST with pagination, files by HTTP, Azure Functions and web hooks, against servers on loopback."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from support.data_factory import DataFactory
from support.factories import dataset_reference, linked_service_reference, write_object
from support.pipelines import activity, expression

Answer = tuple[int, Any, Mapping[str, str]]


@dataclass
class Api:
    """A server whose answers a test gives; it keeps what it was asked."""

    answer: Callable[["Asked"], Answer] = lambda _asked: (200, {}, {})
    asked: list["Asked"] = field(default_factory=list)
    url: str = ""


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body)
            api.asked.append(asked)
            status, answer, headers = api.answer(asked)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    yield api
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def rest(factory: DataFactory, api: Api) -> DataFactory:
    """A factory with the REST dataset Source on `/items` and the JSON dataset Sink."""
    real = {"url": "https://api.example.com/v1", "authenticationType": "Anonymous"}
    write_object(factory.adf, "linkedService", "Api", {"type": "RestService", "typeProperties": real})
    factory.stand_ins["Api"] = {"url": f"{api.url}/v1"}
    factory.dataset("Source", "RestResource", "Api", {"relativeUrl": "items?size=2"})
    factory.file_dataset("Sink", "Json", "out/o.json")
    return factory


def landed(factory: DataFactory) -> list[Any]:
    return [json.loads(line) for line in factory.files("out")["o.json"].splitlines()]


def pages(asked: Asked) -> Answer:
    """Three pages of two numbers, by `page`."""
    number = int(asked.query.get("page", 1))
    items = [{"n": 2 * number - 1}, {"n": 2 * number}] if number <= 3 else []
    following = f"https://api.example.com/v1/items?page={number + 1}" if number < 3 else None
    return 200, {"items": items, "next": following, "number": number + 1 if number < 3 else None}, {}


ALL = [{"n": number} for number in range(1, 7)]
ITEMS = {"type": "TabularTranslator", "collectionReference": "$['items']", "mappings": [
    {"source": {"path": "['n']"}, "sink": {"path": "$['n']"}}]}  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "requests"),
    [
        ({"AbsoluteUrl": "$.next"}, 3),
        ({"QueryParameters.page": "$['number']"}, 3),
        ({"QueryParameters.page": "RANGE:1:3:1"}, 3),
        ({"QueryParameters.page": "RANGE:1::1", "EndCondition:$.items": "Empty"}, 4),
        ({"QueryParameters.page": "RANGE:1:100:1", "MaxRequestNumber": "3"}, 3),
    ],
)
def test_pages_are_followed_by_each_kind_of_rule(
    rest: DataFactory, api: Api, rules: dict[str, str], requests: int
) -> None:
    api.answer = pages
    source = {"type": "RestSource", "additionalHeaders": {"X-Key": "k"}, "paginationRules": rules}
    run = rest.copy(source, {"type": "JsonSink"}, translator=ITEMS)
    assert run["status"] == "Succeeded", run["error"]
    assert landed(rest) == ALL
    assert len(api.asked) == requests
    assert {asked.path for asked in api.asked} == {"/v1/items"}
    assert all(asked.headers["X-Key"] == "k" for asked in api.asked)


def test_a_link_header_is_followed_unless_that_is_off(rest: DataFactory, api: Api) -> None:
    def linked(asked: Asked) -> Answer:
        number = int(asked.query.get("page", 1))
        link = {"Link": f'<https://api.example.com/v1/items?page={number + 1}>; rel="next"'} if number < 3 else {}
        return 200, [{"n": number}], link

    api.answer = linked
    rest.copy({"type": "RestSource"}, {"type": "JsonSink"})
    assert landed(rest) == [{"n": 1}, {"n": 2}, {"n": 3}]
    rest.copy({"type": "RestSource", "paginationRules": {"supportRFC5988": "false"}}, {"type": "JsonSink"})
    assert landed(rest) == [{"n": 1}]


def test_pages_that_come_round_fail_and_so_does_what_is_no_json(rest: DataFactory, api: Api) -> None:
    api.answer = lambda _asked: (200, {"next": "https://api.example.com/v1/items?page=1"}, {})
    run = rest.copy({"paginationRules": {"AbsoluteUrl": "$.next"}})
    assert "comes round in a circle" in run["error"]["message"]
    api.answer = lambda _asked: (200, b"<html>", {"Content-Type": "text/html"})
    assert "no JSON" in rest.copy()["error"]["message"]
    api.answer = lambda _asked: (404, {"why": "gone"}, {})
    message = rest.copy()["error"]["message"]
    assert "404" in message
    assert "gone" in message
    assert "no rule 'Offset'" in rest.copy({"paginationRules": {"Offset": "1"}})["error"]["message"]


def test_a_busy_answer_is_tried_again(rest: DataFactory, api: Api) -> None:
    api.answer = lambda _asked: (503, {}, {}) if len(api.asked) < 2 else (200, [{"n": 1}], {})
    assert rest.copy()["status"] == "Succeeded"
    assert landed(rest) == [{"n": 1}]


def test_a_request_with_a_body_goes_out_and_lookup_reads_its_answer(rest: DataFactory, api: Api) -> None:
    api.answer = lambda asked: (200, {"got": json.loads(asked.body)["q"], "how": asked.method}, {})
    source = {"type": "RestSource", "requestMethod": "POST", "requestBody": '{"q": 1}'}
    run = rest.run(activity("L", "Lookup", source=source, dataset=dataset_reference("Source")))
    assert run.output("L")["firstRow"] == {"got": 1, "how": "POST"}


def test_a_file_by_http_is_read_in_its_format(factory: DataFactory, api: Api) -> None:
    write_object(factory.adf, "linkedService", "Web", {"type": "HttpServer", "typeProperties": {"url": "https://x/"}})
    factory.stand_ins["Web"] = {"url": api.url}
    location = {"type": "HttpServerLocation", "relativeUrl": expression("@concat('files/', 'a.csv')")}
    factory.dataset("Source", "DelimitedText", "Web", {"location": location, "firstRowAsHeader": True})
    factory.file_dataset("Sink", "Parquet", "out/")
    api.answer = lambda _asked: (200, b"id,n\n1,x\n", {})
    run = factory.copy({"type": "DelimitedTextSource", "storeSettings": {"type": "HttpReadSettings"}})
    assert run["status"] == "Succeeded", run["error"]
    assert api.asked[0].path == "/files/a.csv"
    assert set(factory.files("out")) == {"a.parquet"}


@pytest.fixture
def function(factory: DataFactory, api: Api) -> DataFactory:
    real = {"functionAppUrl": "https://app.azurewebsites.net", "functionKey": {"type": "SecureString", "value": "**"}}
    write_object(factory.adf, "linkedService", "App", {"type": "AzureFunction", "typeProperties": real})
    factory.stand_ins["App"] = {"url": api.url}
    return factory


def call(method: str = "POST", name: Any = "Load/day?x=1", **properties: Any) -> dict[str, Any]:
    one = activity("F", "AzureFunctionActivity", functionName=name, method=method, **properties)
    return {**one, "linkedServiceName": linked_service_reference("App")}


def test_a_function_gets_its_body_and_its_answer_is_the_output(function: DataFactory, api: Api) -> None:
    api.answer = lambda asked: (200, {"saw": json.loads(asked.body)}, {})
    run = function.run(call(body={"day": expression("@string(1)")}, headers={"X-A": "b"}))
    assert run.output("F") == {"saw": {"day": "1"}}
    (asked,) = api.asked
    assert (asked.method, asked.path, asked.query, asked.headers["X-A"]) == ("POST", "/api/Load/day", {"x": "1"}, "b")


@pytest.mark.parametrize(
    ("answer", "activity_", "code"),
    [
        ((200, [1], {}), call(), "3603"),
        ((200, b"text", {}), call(), "3603"),
        ((500, {"why": "broken"}, {}), call(), "3608"),
        ((200, {}, {}), call("PATCH"), "3602"),
        ((200, {}, {}), call(name=""), "3607"),
    ],
)
def test_a_function_fails_with_adfs_codes(
    function: DataFactory, api: Api, answer: Answer, activity_: dict[str, Any], code: str
) -> None:
    api.answer = lambda _asked: answer
    assert function.run(activity_).activity("F")["error"]["errorCode"] == code


def hook(api: Api, **properties: Any) -> dict[str, Any]:
    return activity("H", "WebHook", url=f"{api.url}/start", method="POST", body={"a": 1}, **properties)


def calling_back(body: Any, asked: Asked) -> Answer:
    """Answer at once, and call back a moment later."""
    address = json.loads(asked.body)["callBackUri"]
    threading.Thread(target=lambda: (time.sleep(0.1), httpx.post(address, json=body))).start()
    return 200, {}, {}


def test_a_web_hook_waits_for_the_callback(factory: DataFactory, api: Api) -> None:
    api.answer = lambda asked: calling_back({"Output": {"rows": 3}}, asked)
    run = factory.run(hook(api, reportStatusOnCallBack=True))
    assert run.succeeded, run.message
    assert run.output("H") == {"rows": 3}
    assert json.loads(api.asked[0].body)["a"] == 1


def test_a_callback_that_reports_a_failure_fails_the_web_hook(factory: DataFactory, api: Api) -> None:
    body = {"StatusCode": "403", "Error": {"ErrorCode": "E7", "Message": "no"}}
    api.answer = lambda asked: calling_back(body, asked)
    error = factory.run(hook(api, reportStatusOnCallBack=True)).activity("H")["error"]
    assert (error["errorCode"], error["message"]) == ("E7", "no")
    assert factory.run(hook(api)).succeeded


def test_a_web_hook_without_a_callback_times_out_and_a_failing_first_answer_fails_it(
    factory: DataFactory, api: Api
) -> None:
    run = factory.run(hook(api, timeout="00:00:01"))
    assert "TimedOut" in run.message
    api.answer = lambda _asked: (500, {}, {})
    assert "answered 500" in factory.run(hook(api)).message

"""WebActivity against a real HTTP server, and what a notebook activity hands over."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from support.pipelines import ScriptedNotebooks, activity, expression, notebook, run


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent; `/status/N` with that status, `/text` and `/list` with those."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        status = int(self.path.rpartition("/")[2]) if self.path.startswith("/status/") else 200
        answers = {"/text": b"plain", "/list": b"[1, 2]"}
        echo = {"method": self.command, "body": body, "header": self.headers.get("X-Test")}
        content = answers.get(self.path, json.dumps(echo).encode())
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Answer", "yes")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the base class' names

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def web(url: str, **fields: Any) -> dict[str, Any]:
    return activity("call", "WebActivity", url=url, **{"method": "GET", **fields})


def test_a_web_activity_sends_method_headers_and_body_and_gives_the_answers_json(server: str) -> None:
    body = {"count": expression("@add(1, 1)")}
    result = run([web(server, method="POST", headers={"X-Test": "h"}, body=body)])
    output = result.activity_runs[0].output
    assert (output["method"], json.loads(output["body"]), output["header"]) == ("POST", {"count": 2}, "h")
    assert output["ADFWebActivityResponseHeaders"]["x-answer"] == "yes"


@pytest.mark.parametrize(("path", "response"), [("/text", "plain"), ("/list", [1, 2])])
def test_an_answer_that_is_no_object_is_wrapped(server: str, path: str, response: Any) -> None:
    assert run([web(server + path)]).activity_runs[0].output["Response"] == response


def test_an_error_status_fails_the_activity_with_the_answer(server: str) -> None:
    result = run([web(f"{server}/status/503")])
    assert result.activity_runs[0].error is not None
    assert result.activity_runs[0].error["errorCode"] == "2108"
    assert "503" in result.message


def test_a_server_that_is_not_there_fails_the_activity() -> None:
    result = run([web("http://127.0.0.1:9/")])
    assert "http://127.0.0.1:9/" in result.message


def test_a_url_that_is_none_fails_the_activity() -> None:
    assert run([web("not a url")]).status == "Failed"


def test_authentication_that_this_machine_cannot_give_is_said(server: str) -> None:
    result = run([web(server, authentication={"type": "MSI", "resource": "https://management.azure.com"})])
    assert "no managed identity" in result.message


def test_base_parameters_reach_a_notebook_as_text_and_the_cluster_gives_its_variables() -> None:
    notebooks = ScriptedNotebooks(**{"/Shared/nb": "ok"})
    parameters = {"text": "a", "number": expression("@add(600, 1)"), "object": {"k": [1]}, "flag": True}
    run([notebook("load", "/Shared/nb", parameters=parameters)], notebooks=notebooks)
    (request,) = notebooks.requests
    assert request.parameters == {"text": "a", "number": "601", "object": '{"k": [1]}', "flag": "true"}
    assert request.environment == {"SECRET_SCOPE": "app"}

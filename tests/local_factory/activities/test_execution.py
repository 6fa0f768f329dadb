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
        echo = {
            "method": self.command,
            "body": body,
            "header": self.headers.get("X-Test"),
            "sign_in": self.headers.get("Authorization"),
        }
        content = answers.get(self.path, json.dumps(echo).encode())
        if self.path.startswith("/jobs/"):  # two answers of 202, then the result
            left = int(self.path.rpartition("/")[2])
            status = 202 if left else 200
            content = json.dumps({"left": left, "method": self.command}).encode()
        self.send_response(status)
        if status == 202:
            self.send_header("Location", f"/jobs/{left - 1}")
            self.send_header("Retry-After", "3")
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


@pytest.mark.parametrize(("path", "response"), [("/text", "plain"), ("/list", "[1, 2]")])
def test_an_answer_that_is_no_object_is_wrapped_as_text(server: str, path: str, response: Any) -> None:
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


def test_after_202_the_location_is_asked_until_the_answer_is_another(server: str) -> None:
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    result = run([web(f"{server}/jobs/2", method="POST", body="go")], sleep=sleep)
    assert result.activity_runs[0].output["left"] == 0
    assert result.activity_runs[0].output["method"] == "GET"
    assert naps == [3, 3]


def test_turn_off_async_takes_the_202_itself(server: str) -> None:
    assert run([web(f"{server}/jobs/2", turnOffAsync=True)]).activity_runs[0].output["left"] == 2


MANAGED_IDENTITY = {"type": "MSI", "resource": "https://management.azure.com"}


@pytest.mark.parametrize(("token", "sent"), [("t0ken", "Bearer t0ken"), ("", None)])
def test_a_managed_identity_is_the_token_of_the_environment_or_none(
    server: str, token: str, sent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_ACCESS_TOKEN", token)
    result = run([web(server, authentication=MANAGED_IDENTITY)])
    assert result.activity_runs[0].output["sign_in"] == sent
    assert "t0ken" not in json.dumps(result.activity_runs[0].input)


def test_a_user_and_password_are_sent(server: str) -> None:
    password = {"type": "SecureString", "value": "p"}
    result = run([web(server, authentication={"type": "Basic", "username": "u", "password": password})])
    assert result.activity_runs[0].output["sign_in"] == "Basic dTpw"


def test_a_sign_in_that_this_machine_cannot_do_is_said(server: str) -> None:
    result = run([web(server, authentication={"type": "ClientCertificate"})])
    assert "ClientCertificate does not work from this machine" in result.message


def test_base_parameters_reach_a_notebook_as_text_and_the_cluster_gives_its_variables() -> None:
    notebooks = ScriptedNotebooks(**{"/Shared/nb": "ok"})
    parameters = {"text": "a", "number": expression("@add(600, 1)"), "object": {"k": [1]}, "flag": True}
    run([notebook("load", "/Shared/nb", parameters=parameters)], notebooks=notebooks)
    (request,) = notebooks.requests
    assert request.parameters == {"text": "a", "number": "601", "object": '{"k": [1]}', "flag": "true"}
    assert request.environment == {"SECRET_SCOPE": "app"}

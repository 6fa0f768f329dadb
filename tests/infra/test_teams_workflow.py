"""The Logic App's definition, run on sample alerts: its expressions are evaluated, its two HTTP calls are really made.

Logic Apps and Data Factory share one expression language; three functions that only Logic Apps has are put in Data
Factory's words first (`_in_data_factory_words`).
"""

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from local_factory.expressions import evaluate

DEFINITION = json.loads(
    (Path(__file__).resolve().parents[2] / "infra" / "workflows" / "alert_to_teams.json").read_text(encoding="utf-8")
)
SAMPLES = Path(__file__).parent / "alerts"


def sample(name):
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def _in_data_factory_words(value):
    if isinstance(value, dict):
        return {key: _in_data_factory_words(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_in_data_factory_words(entry) for entry in value]
    if not isinstance(value, str):
        return value
    value = re.sub(r"\b(?:body|outputs)\(('[^']+')\)", r"activity(\1).output", value)
    return re.sub(r"\bparameters\('([^']+)'\)", r"pipeline().parameters.\1", value)


class Workflow:
    """Runs the actions of the definition one after the other, as `runAfter` orders them."""

    def __init__(self, parameters, alert):
        self.scope = {"pipeline": {"parameters": parameters}, "variables": {}, "activities": {}, "triggerBody": alert}
        self.requests = []

    def evaluate(self, value, **scope):
        return evaluate(_in_data_factory_words(value), {**self.scope, **scope})

    def run(self):
        waiting = dict(DEFINITION["actions"])
        while waiting:
            name = next(name for name, action in waiting.items() if not action["runAfter"].keys() & waiting.keys())
            action = waiting.pop(name)
            output = getattr(self, f"_{action['type'].lower()}")(action["inputs"])
            self.scope["activities"][name] = {"status": "Succeeded", "output": output}
        return self.scope["activities"]["Message"]["output"]

    def _select(self, inputs):
        return [self.evaluate(inputs["select"], item=item) for item in self.evaluate(inputs["from"])]

    def _compose(self, inputs):
        return self.evaluate(inputs)

    def _http(self, inputs):
        request = self.evaluate({key: value for key, value in inputs.items() if key != "retryPolicy"})
        headers = dict(request.get("headers", {}))
        if "authentication" in request:
            assert request["authentication"]["type"] == "ManagedServiceIdentity"
            headers["Authorization"] = f"Bearer for {request['authentication']['audience']}"
        response = requests.request(
            request["method"], request["uri"], json=request.get("body"), headers=headers, timeout=240
        )
        response.raise_for_status()
        return response.json() if response.content else None


@pytest.fixture
def azure():
    """A vault that holds the webhook's address, and the webhook: (address of both, messages posted)."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            allowed = self.headers["Authorization"] == "Bearer for https://vault.azure.net"
            self._answer(200 if allowed else 401, {"value": f"{server_url}/webhook?sig=secret"})

        def do_POST(self):
            posted.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self._answer(202, None)

        def _answer(self, status, document):
            content = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server_url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server_url, posted
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(azure):
    url, _ = azure
    parameters = {
        "webhookSecretUrl": f"{url}/secrets/teams-webhook-url?api-version=7.4",
        "vaultAudience": "https://vault.azure.net",
        "portalUrl": "https://portal.azure.com",
    }
    assert parameters.keys() == DEFINITION["parameters"].keys()
    return lambda alert: Workflow(parameters, alert).run()


def test_a_failed_pipeline_run_becomes_the_expected_card(run):
    assert run(sample("failed_pipeline_run.json")) == sample("failed_pipeline_run.card.json")


def test_the_card_is_posted_to_the_address_in_the_vault(run, azure):
    message = run(sample("failed_pipeline_run.json"))
    assert azure[1] == [("/webhook?sig=secret", message)]


def content(message):
    return message["attachments"][0]["content"]


def facts(message):
    return {fact["title"]: fact["value"] for fact in content(message)["body"][2]["facts"]}


def test_a_log_alert_without_dimensions_becomes_a_card_too(run):
    message = run(sample("no_successful_run.json"))
    assert content(message)["body"][0]["text"] == "Fired: no-successful-country-run"
    assert facts(message)["Affected"] == "see the alert"
    assert facts(message)["Resource"] == "log-ingestion-prod"


def test_a_resolved_alert_is_green(run):
    alert = sample("failed_pipeline_run.json")
    alert["data"]["essentials"]["monitorCondition"] = "Resolved"
    title = content(run(alert))["body"][0]
    assert (title["text"], title["color"]) == ("Resolved: failed-pipeline-run", "Good")


@pytest.mark.parametrize(
    "context", [None, {}, {"condition": {"allOf": []}}, {"condition": {"allOf": [{"dimensions": None}]}}]
)
def test_an_alert_of_another_kind_still_gets_through(run, context):
    alert = sample("failed_pipeline_run.json")
    alert["data"]["alertContext"] = context
    del alert["data"]["essentials"]["description"]
    del alert["data"]["essentials"]["alertTargetIDs"]
    message = run(alert)
    assert facts(message)["Affected"] == "see the alert"
    assert facts(message)["Resource"] == "unknown"


@pytest.mark.parametrize("name", ["failed_pipeline_run.json", "no_successful_run.json"])
def test_microsofts_parser_takes_the_card(run, node, name):
    assert node("check_card.js", content(run(sample(name)))) == []


def test_microsofts_parser_finds_a_fault_in_a_card(run, node):
    card = content(run(sample("no_successful_run.json")))
    card["body"][0]["color"] = "Red"
    assert node("check_card.js", card) == ['Invalid value "Red" for property "color".']


def test_the_webhooks_address_is_hidden_from_the_runs_history():
    actions = DEFINITION["actions"]
    assert actions["WebhookSecret"]["runtimeConfiguration"]["secureData"]["properties"] == ["inputs", "outputs"]
    assert actions["PostToTeams"]["runtimeConfiguration"]["secureData"]["properties"] == ["inputs"]
    assert "http" not in json.dumps(actions["PostToTeams"]["inputs"]["uri"])


def test_the_samples_satisfy_the_triggers_schema():
    import jsonschema

    schema = DEFINITION["triggers"]["alert"]["inputs"]["schema"]
    for name in ("failed_pipeline_run.json", "no_successful_run.json"):
        jsonschema.validate(sample(name), schema)

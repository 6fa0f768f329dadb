"""A local factory served by a process of its own, as `run_local.py --serve` starts it, and a client of its REST API."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-tests"
FACTORY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DataFactory/factories/f"
ENDED = ("Succeeded", "Failed", "Cancelled")
EVER = {"lastUpdatedAfter": "2000-01-01T00:00:00Z", "lastUpdatedBefore": "2100-01-01T00:00:00Z"}
PATIENCE = 240.0


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return what the condition gives as soon as it holds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"did not come: {what}")


def write_factory(root: Path, *resources: Any) -> Path:
    """Write objects, as support.pipelines builds them, as a factory's Git root."""
    for resource in resources:
        file = root / resource.key.kind / f"{resource.key.name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(resource.document), encoding="utf-8")
    return root


@dataclass
class LocalServer:
    """The process, its address and its answers."""

    adf: Path
    workdir: Path
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    token: str = TOKEN
    process: subprocess.Popen[str] | None = None
    url: str = ""
    said: str = ""
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=PATIENCE))

    def start(self) -> "LocalServer":
        command = [sys.executable, str(REPOSITORY / "scripts" / "run_local.py"), "--serve"]
        places = ["--adf", str(self.adf), "--workdir", str(self.workdir)]
        if "--notebooks" not in self.arguments:
            places += ["--notebooks", str(self.adf)]
        self.process = subprocess.Popen(
            [*command, "--port", "0", *places, *self.arguments],
            stdout=subprocess.PIPE,
            stderr=(self.workdir.parent / "server.err").open("a"),
            text=True,
            env={**os.environ, "LOCAL_FACTORY_TOKEN": self.token, **self.variables},
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.startswith("Local factory: http://127.0.0.1:"), (line, self.errors())
        self.said = line
        self.url = line.split()[2].partition("/?token=")[0]
        return self

    def errors(self) -> str:
        return (self.workdir.parent / "server.err").read_text()

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    # The REST API

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Call the factory's API; `path` is below the factory."""
        query = {"api-version": "2018-06-01", **options.pop("query", {})}
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        content = None if body is None else json.dumps(body)
        return self.client.request(
            method, f"{self.url}{FACTORY}{path}", params=query, headers=headers, content=content, **options
        )

    def put(self, collection: str, name: str, properties: Mapping[str, Any], **options: Any) -> httpx.Response:
        return self.call("PUT", f"/{collection}/{quote(name)}", {"properties": properties}, **options)

    def create_run(self, pipeline: str, parameters: Mapping[str, Any] | None = None, **query: str) -> str:
        answer = self.call("POST", f"/pipelines/{pipeline}/createRun", parameters or {}, query=query)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["runId"])

    def run(self, run_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"/pipelineruns/{run_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ended(self, run_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            run = self.run(run_id)
            return run if run["status"] in ENDED else None

        return dict(wait_for(look, f"the end of run {run_id}"))

    def until(self, run_id: str, status: str) -> None:
        wait_for(lambda: self.run(run_id)["status"] == status, f"{status} of run {run_id}")

    def activities(self, run_id: str) -> list[dict[str, Any]]:
        answer = self.call("POST", f"/pipelineruns/{run_id}/queryActivityruns", EVER)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["value"])

    def runs(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.call("POST", "/queryPipelineRuns", {**EVER, **query})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["value"])

    # The pages

    def page(self, path: str) -> httpx.Response:
        """Open a page as a browser that was let in."""
        if not any("local_factory" in name for name in self.client.cookies):
            self.client.get(f"{self.url}/", params={"token": self.token})
        return self.client.get(f"{self.url}{path}", headers={"Accept": "text/html"})

    def __enter__(self) -> "LocalServer":
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()
        self.client.close()
        if self.process and self.process.stdout:
            self.process.stdout.close()

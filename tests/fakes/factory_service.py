"""A data factory behind the management API (2018-06-01) that fails, waits and plays runs on order.

What it takes, refuses and shows of objects are the rules that the local factory's own server goes by; a start is a
long-running operation.
"""

import copy
import itertools
import uuid
from datetime import UTC, datetime
from typing import Any

from bundle.references import references
from bundle.resources import ResourceKey
from fakes.http_service import Answer, Faults, HttpService, Request
from local_factory.server.errors import ServiceError
from local_factory.server.service_rules import (
    KINDS,
    check_not_started,
    check_precondition,
    check_references,
    check_unused,
    check_window,
    properties_of,
    shown,
    with_defaults,
)

SUBSCRIPTION, GROUP, FACTORY = "00000000-0000-0000-0000-000000000000", "rg-test", "adf-test"

Key = tuple[str, str]


class FactoryService(HttpService):
    """One factory. `objects` holds, by (kind, name), what was PUT; triggers' states are in `states`."""

    def __init__(self, *, faults: Faults | None = None, latency: float = 0, page: int = 50, token: str = "t") -> None:
        super().__init__(faults=faults, latency=latency)
        self.objects: dict[Key, dict[str, Any]] = {}
        self.states: dict[str, str] = {}
        self.subscribed: set[str] = set()
        self.cannot_start: set[str] = set()
        # How many changes of an event trigger are still refused because its subscription is being made or removed.
        self.provisioning: dict[str, int] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.activity_runs: dict[str, list[dict[str, Any]]] = {}
        self.started_runs: list[tuple[str, Any]] = []
        self._etags: dict[Key, str] = {}
        self._polls: dict[str, int] = {}
        self._page = page
        self._token = token
        self._numbers = itertools.count(1)

    # What tests do and look at

    def seed(self, kind: str, document: dict[str, Any], *, started: bool = False) -> None:
        """Put an object there as if another had done it."""
        key = (kind, document["name"])
        self.objects[key] = copy.deepcopy(document["properties"])
        self._etags[key] = self._etag()
        if kind == "trigger":
            self.states[document["name"]] = "Started" if started else "Stopped"

    def state(self) -> dict[str, Any]:
        """What the factory shows of its objects, for comparison, and its triggers' states."""
        objects = {
            f"{kind}/{name}": {key: value for key, value in with_defaults(properties).items() if key != "runtimeState"}
            for (kind, name), properties in self.objects.items()
        }
        return {"objects": objects, "states": dict(self.states)}

    def keep(self) -> Any:
        """Return all that the factory holds, for `put_back`."""
        return copy.deepcopy((self.objects, self._etags, self.states))

    def put_back(self, kept: Any) -> None:
        """Hold what this or another factory held."""
        self.objects, self._etags, self.states = copy.deepcopy(kept)

    def is_write(self, request: Request) -> bool:
        return request.method in ("PUT", "DELETE") or request.path.rpartition("/")[2] in ("start", "stop", "createRun")

    # The API

    def refusal(self, status: int, code: str, message: str) -> Answer:
        return Answer(status, {"error": {"code": code, "message": message, "target": FACTORY, "details": None}})

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return self.refusal(401, "InvalidAuthenticationToken", "The access token is invalid.")
        base = (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.DataFactory/factories/{FACTORY}"
        )
        if request.query.get("api-version") != "2018-06-01":
            return self.refusal(400, "InvalidApiVersionParameter", "The api-version is invalid.")
        if not request.path.startswith(base):
            return self.refusal(404, "ResourceNotFound", f"The Resource '{request.path}' was not found.")
        parts = request.path.removeprefix(base).strip("/").split("/")
        if parts == [""]:
            if request.method != "GET":
                return self.refusal(405, "MethodNotAllowed", "a PUT on the factory would drop its Git configuration")
            return Answer(
                body={"name": FACTORY, "id": base, "type": "Microsoft.DataFactory/factories", "properties": {}}
            )
        if parts[0] in ("pipelineruns", "operationresults", "queryPipelineRuns"):
            return self._run_or_operation(request, parts)
        kind = KINDS.get(parts[0].lower())
        if kind is None:
            return self.refusal(404, "NotFound", f"no such collection {parts[0]}")
        try:
            if len(parts) == 1:
                return self._list(request, kind)
            if len(parts) == 2:
                return self._object(request, (kind, parts[1]))
            return self._operation(request, kind, parts[1], parts[2])
        except ServiceError as error:
            return self.refusal(error.status, error.code, error.message)

    def _list(self, request: Request, kind: str) -> Answer:
        keys = sorted(key for key in self.objects if key[0] == kind)
        start = int(request.query.get("$skipToken", "0"))
        body: dict[str, Any] = {"value": [self._shown(key) for key in keys[start : start + self._page]]}
        if start + self._page < len(keys):
            body["nextLink"] = f"{self.url}{request.path}?api-version=2018-06-01&$skipToken={start + self._page}"
        return Answer(body=body)

    def _object(self, request: Request, key: Key) -> Answer:
        if request.method == "GET":
            return Answer(body=self._shown(key)) if key in self.objects else self._missing(key)
        if key[0] == "trigger" and self._is_provisioning(key[1]):
            return self.refusal(400, "BadRequest", "Resource cannot be updated during provisioning")
        check_not_started(ResourceKey(*key), self.states.get(key[1]))
        return self._put(request, key) if request.method == "PUT" else self._delete(key)

    def _put(self, request: Request, key: Key) -> Answer:
        check_precondition(request.headers.get("if-match"), self._etags.get(key))
        properties = properties_of(request.json)
        check_references(properties, lambda target: (target.kind, target.name) in self.objects)
        check_window(self.objects.get(key), properties)
        self.objects[key] = properties
        self._etags[key] = self._etag()
        if key[0] == "trigger":
            self.states.setdefault(key[1], "Stopped")
        return Answer(body=self._shown(key))

    def _delete(self, key: Key) -> Answer:
        if key not in self.objects:
            return Answer(204)
        target = ResourceKey(*key)
        check_unused(
            name
            for (_, name), value in self.objects.items()
            if any(reference.target == target for reference in references(value))
        )
        del self.objects[key]
        del self._etags[key]
        if key[0] == "trigger":
            self.states.pop(key[1], None)
        return Answer(200)

    def _operation(self, request: Request, kind: str, name: str, operation: str) -> Answer:
        if (kind, name) not in self.objects:
            return self._missing((kind, name))
        if operation == "createRun" and kind == "pipeline":
            return self._create_run(request, name)
        if kind != "trigger" or request.method != "POST":
            return self.refusal(404, "NotFound", f"no such operation {operation}")
        properties = self.objects[kind, name]
        if operation in ("start", "stop") and self._is_provisioning(name):
            return self.refusal(400, "BadRequest", "Resource cannot be updated during provisioning")
        if operation == "start":
            if name in self.cannot_start or not (properties.get("pipelines") or properties.get("pipeline")):
                return self.refusal(400, "BadRequest", f"Trigger '{name}' cannot be activated.")
            if properties["type"] in ("BlobEventsTrigger", "CustomEventsTrigger") and name not in self.subscribed:
                return self.refusal(400, "BadRequest", f"Trigger '{name}' is not subscribed to its events.")
            self.states[name], self._etags[kind, name] = "Started", self._etag()
        elif operation == "stop":
            self.states[name], self._etags[kind, name] = "Stopped", self._etag()
        elif operation == "subscribeToEvents":
            self.subscribed.add(name)
        elif operation == "unsubscribeFromEvents":
            self.subscribed.discard(name)
        else:
            return self.refusal(404, "NotFound", f"no such operation {operation}")
        number = uuid.uuid4().hex
        self._polls[number] = 1
        place = f"{self.url}{request.path.partition('/triggers/')[0]}/operationresults/{number}?api-version=2018-06-01"
        return Answer(202 if "Events" in operation else 200, headers={"Location": place})

    def _run_or_operation(self, request: Request, parts: list[str]) -> Answer:
        if parts[0] == "operationresults":
            self._polls[parts[1]] -= 1
            waits = self._polls[parts[1]] >= 0
            place = {"Location": f"{self.url}{request.path}?api-version=2018-06-01"}
            return Answer(202, headers=place) if waits else Answer(200, {"status": "Enabled"})
        if parts[0] == "queryPipelineRuns":
            return Answer(body={"value": list(self.runs.values())})
        run = self.runs.get(parts[1])
        if run is None:
            return self.refusal(404, "RunNotFound", f"no run {parts[1]}")
        if len(parts) == 3 and parts[2].lower() == "queryactivityruns":
            assert {"lastUpdatedAfter", "lastUpdatedBefore"} <= request.json.keys()
            return self._activity_runs(parts[1], request.json.get("continuationToken"))
        self._advance(run)
        return Answer(body={key: value for key, value in run.items() if key != "_next"})

    def _activity_runs(self, run_id: str, token: str | None) -> Answer:
        start = int(token or 0)
        rows = self.activity_runs.get(run_id, [])
        body: dict[str, Any] = {"value": rows[start : start + 2]}
        if start + 2 < len(rows):
            body["continuationToken"] = str(start + 2)
        return Answer(body=body)

    def _create_run(self, request: Request, pipeline: str) -> Answer:
        run_id = str(uuid.uuid4())
        self.started_runs.append((pipeline, request.json))
        self.play(pipeline, run_id, request.json)
        return Answer(body={"runId": run_id})

    def play(self, pipeline: str, run_id: str, parameters: dict[str, Any]) -> None:
        """Run a pipeline: it succeeds without activities. Tests give a play of their own."""
        self.add_run(run_id, pipeline, ["InProgress", "Succeeded"], parameters=parameters)

    def add_run(
        self,
        run_id: str,
        pipeline: str,
        statuses: list[str],
        *,
        parameters: dict[str, Any] | None = None,
        activities: list[dict[str, Any]] | None = None,
        message: str = "",
    ) -> None:
        """Keep a run that passes through the statuses, one every time that it is looked at."""
        self.runs[run_id] = {
            "runId": run_id,
            "pipelineName": pipeline,
            "parameters": parameters or {},
            "status": statuses[0],
            "message": message,
            "runStart": datetime.now(UTC).isoformat(),
            "_next": statuses[1:],
        }
        self.activity_runs[run_id] = activities or []

    def _advance(self, run: dict[str, Any]) -> None:
        if run["_next"]:
            run["status"] = run["_next"].pop(0)

    def _is_provisioning(self, name: str) -> bool:
        left = self.provisioning.get(name, 0)
        self.provisioning[name] = max(0, left - 1)
        return left > 0

    def _etag(self) -> str:
        return f"{next(self._numbers):08x}-0000-0000-0000-000000000000"

    def _missing(self, key: Key) -> Answer:
        return self.refusal(404, "ResourceNotFound", f"The {key[0]} '{key[1]}' was not found.")

    def _shown(self, key: Key) -> dict[str, Any]:
        extra: dict[str, Any] = {}
        if key[0] == "trigger":
            extra["runtimeState"] = self.states[key[1]]
        if key[0] == "pipeline":
            extra["lastPublishTime"] = datetime.now(UTC).isoformat()
        factory = f"/subscriptions/{SUBSCRIPTION}/.../{FACTORY}"
        return shown(factory, ResourceKey(*key), self.objects[key], self._etags[key], extra)

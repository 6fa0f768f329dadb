"""Data Factory's REST API (2018-06-01) over the local factory: the operations, each a method, and their paths.

Source of the paths and shapes: Azure's published description of Microsoft.DataFactory, stable/2018-06-01. What the
local factory has no counterpart for is answered with 501 and says so.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from bundle.documents import mapping
from local_factory.runs import timestamp
from local_factory.server.answers import Answer, Call
from local_factory.server.errors import ServiceError, bad_request, not_found
from local_factory.server.events import Events
from local_factory.server.objects import FactoryObjects
from local_factory.server.queries import (
    pipeline_run_query,
    read_filters,
    read_order,
    trigger_run_query,
    updated_between,
)
from local_factory.server.rest_shapes import activity_run, pipeline_run, trigger_run
from local_factory.server.runs import Rerun, Runs
from local_factory.server.service_rules import EVENT_TRIGGERS, KINDS, properties_of
from local_factory.server.triggers import Triggers

API_VERSION = "2018-06-01"
_PAGE = 50
_TRIGGERS_PAGE = 100
_COLLECTIONS = "|".join(KINDS)

Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Operation:
    """One operation: its method, the pattern of its path, its name in the SDKs, and what answers it."""

    method: str
    pattern: re.Pattern[str]
    name: str
    handler: Handler


class DataFactory:
    """The API.

    Args:
        objects: the factory's objects.
        runs: its runs.
        triggers: its triggers, as they fire.
        events: who is told of changes.
    """

    def __init__(self, objects: FactoryObjects, runs: Runs, triggers: Triggers, events: Events) -> None:
        self._objects = objects
        self._runs = runs
        self._triggers = triggers
        self._events = events
        self._subscribed: set[str] = set()
        self._created = datetime.now(UTC)
        self.operations = tuple(_operations(self))

    def answer(self, call: Call) -> Answer:
        """Answer a call.

        Raises:
            ServiceError: it is refused.
        """
        version = call.query.get("api-version")
        if version is None:
            raise bad_request(
                "The api-version query parameter (?api-version=) is required for all requests.",
                code="MissingApiVersionParameter",
            )
        if version != API_VERSION:
            raise bad_request(
                f"The api-version '{version}' is invalid. The supported version is '{API_VERSION}'.",
                code="InvalidApiVersionParameter",
            )
        self._objects.refresh()
        path = call.path.rstrip("/")
        methods = []
        for operation in self.operations:
            match = operation.pattern.fullmatch(path)
            if match and operation.method == call.method:
                names = {name: unquote(value) for name, value in match.groupdict().items() if value is not None}
                base = path[: match.end("factory")] if "factory" in names else ""
                known = {**call.__dict__, "names": names, "base": base}
                return operation.handler(Call(**known))
            if match:
                methods.append(operation.method)
        if methods:
            raise ServiceError(
                405, "MethodNotAllowed", f"{call.method} is not allowed here; {', '.join(sorted(set(methods)))} is."
            )
        raise not_found(f"The Resource '{call.path}' was not found: Data Factory has no such operation.")

    # Factories

    def factories_list(self, call: Call) -> Answer:
        """List the one factory there is."""
        group = call.names.get("group", "local")
        base = (
            f"/subscriptions/{call.names['subscription']}/resourceGroups/{group}"
            "/providers/Microsoft.DataFactory/factories/local"
        )
        return Answer(body={"value": [self._factory(base, "local")]})

    def factories_get(self, call: Call) -> Answer:
        """Return the factory, under whichever name."""
        return Answer(body=self._factory(call.base, call.names["factory"]))

    def factories_create_or_update(self, call: Call) -> Answer:
        """Take global parameters, the one thing of a factory that pipelines see."""
        body = call.object()
        parameters = mapping(body.get("properties")).get("globalParameters")
        if parameters is not None:
            self._objects.put_global_parameters(call.names["factory"], _global_parameters(parameters))
            self._events.tell("factory")
        return self.factories_get(call)

    def factories_delete(self, _call: Call) -> Answer:
        """Refuse: the factory is this process and its work folder."""
        raise bad_request("The local factory is not deleted: stop it, and delete its work folder.", code="NotSupported")

    def _factory(self, base: str, name: str) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "provisioningState": "Succeeded",
            "createTime": timestamp(self._created),
            "version": API_VERSION,
            "publicNetworkAccess": "Disabled",
        }
        if parameters := self._objects.global_parameters():
            properties["globalParameters"] = parameters
        return {
            "name": name,
            "id": base,
            "type": "Microsoft.DataFactory/factories",
            "location": "local",
            "tags": {},
            "identity": None,
            "properties": properties,
            "eTag": f'"{self._objects.generation:08x}-0000-0000-0000-000000000000"',
        }

    # Objects

    def list_by_factory(self, call: Call) -> Answer:
        """List the objects of a kind, page by page."""
        kind = KINDS[call.names["collection"].lower()]
        resources = self._objects.of(kind)
        start = _number(call.query.get("$skiptoken", "0"))
        page = resources[start : start + _PAGE]
        body: dict[str, Any] = {"value": [self._objects.shown(call.base, resource) for resource in page]}
        if start + _PAGE < len(resources):
            body["nextLink"] = f"{call.url}{call.path}?api-version={API_VERSION}&$skipToken={start + _PAGE}"
        return Answer(body=body)

    def get(self, call: Call) -> Answer:
        """Return an object, or 304 when the client has it already."""
        kind = KINDS[call.names["collection"].lower()]
        resource = self._objects.get(kind, call.names["name"])
        etag = self._objects.etag(resource.key)
        if call.headers.get("if-none-match", "").strip('"') == etag:
            return Answer(304, headers={"ETag": f'"{etag}"'})
        return Answer(body=self._objects.shown(call.base, resource))

    def create_or_update(self, call: Call) -> Answer:
        """Create or update an object."""
        kind = KINDS[call.names["collection"].lower()]
        properties = properties_of(call.json())
        resource = self._objects.put(kind, call.names["name"], properties, call.headers.get("if-match"))
        self._tell(kind)
        return Answer(body=self._objects.shown(call.base, resource))

    def delete(self, call: Call) -> Answer:
        """Delete an object; 204 when there is none."""
        kind = KINDS[call.names["collection"].lower()]
        resource = self._objects.find(kind, call.names["name"])
        found = self._objects.delete(kind, call.names["name"])
        if kind == "trigger" and resource:
            self._triggers.forget(resource.name)
        self._tell(kind)
        return Answer(200 if found else 204)

    def _tell(self, kind: str) -> None:
        if kind == "trigger":
            self._triggers.refresh()
        self._events.tell("factory")

    # Global parameters

    def global_parameters_list(self, call: Call) -> Answer:
        """List the one resource that holds them all."""
        parameters = self._objects.global_parameters()
        return Answer(body={"value": [self._global_parameters(call, parameters)] if parameters else []})

    def global_parameters_get(self, call: Call) -> Answer:
        """Return the global parameters."""
        _check_default(call)
        parameters = self._objects.global_parameters()
        if not parameters:
            raise not_found("The factory has no global parameters.")
        return Answer(body=self._global_parameters(call, parameters))

    def global_parameters_put(self, call: Call) -> Answer:
        """Replace the global parameters."""
        _check_default(call)
        parameters = _global_parameters(properties_of(call.json()))
        self._objects.put_global_parameters(call.names["factory"], parameters)
        self._events.tell("factory")
        return Answer(body=self._global_parameters(call, parameters))

    def global_parameters_delete(self, call: Call) -> Answer:
        """Delete the global parameters."""
        _check_default(call)
        if not self._objects.global_parameters():
            return Answer(204)
        self._objects.put_global_parameters(call.names["factory"], {})
        self._events.tell("factory")
        return Answer(200)

    def _global_parameters(self, call: Call, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": f"{call.base}/globalParameters/default",
            "name": "default",
            "type": "Microsoft.DataFactory/factories/globalParameters",
            "properties": parameters,
            "etag": f"{self._objects.generation:08x}-0000-0000-0000-000000000000",
        }

    # Pipeline runs

    def create_run(self, call: Call) -> Answer:
        """Start a pipeline, or run an earlier run again."""
        parameters = call.object()
        reference = call.query.get("referencepipelinerunid")
        rerun = None
        if reference is not None:
            start_at = call.query.get("startactivityname", "")
            from_failure = call.flag("startFromFailure") and not start_at
            grouped = call.flag("isRecovery") if "isrecovery" in call.query else bool(start_at or from_failure)
            rerun = Rerun(reference, grouped, start_at, from_failure)
        elif call.query.get("startactivityname") or call.flag("startFromFailure") or call.flag("isRecovery"):
            raise bad_request("A rerun needs referencePipelineRunId, the run that it is one of.")
        run = self._runs.create(call.names["name"], parameters, rerun=rerun)
        return Answer(body={"runId": run.run_id})

    def query_pipeline_runs(self, call: Call) -> Answer:
        """List runs by filters, in an order, page by page."""
        self._runs.write()
        found, token = self._runs.history.pipeline_runs(pipeline_run_query(call.object()))
        body: dict[str, Any] = {"value": [pipeline_run(call.base, kept) for kept in found]}
        return Answer(body={**body, "continuationToken": token} if token else body)

    def pipeline_run_get(self, call: Call) -> Answer:
        """Return a run."""
        return Answer(body=pipeline_run(call.base, self._runs.get(call.names["run"])))

    def query_activity_runs(self, call: Call) -> Answer:
        """List a run's activity runs by filters, page by page."""
        self._runs.get(call.names["run"])
        body = call.object()
        after, before = updated_between(body)
        runs = [
            run
            for run in self._runs.activities(call.names["run"])
            if after <= (run.end or datetime.now(UTC)) <= before or run.end is None
        ]
        shown = [activity_run(call.base, run) for run in runs]
        return Answer(body=_filtered_page(shown, body))

    def cancel_run(self, call: Call) -> Answer:
        """Cancel a run, and with `isRecursive` those that it called."""
        self._runs.cancel(call.names["run"], recursive=call.flag("isRecursive"))
        return Answer(200)

    # Triggers

    def query_triggers(self, call: Call) -> Answer:
        """List triggers, page by page; those that depend on one when its name is given."""
        body = call.object()
        parent = body.get("parentTriggerName")
        resources = [r for r in self._objects.of("trigger") if not parent or _depends_on(r.properties, parent)]
        start = _number(body.get("continuationToken") or "0")
        page = resources[start : start + _TRIGGERS_PAGE]
        answer: dict[str, Any] = {"value": [self._objects.shown(call.base, resource) for resource in page]}
        if start + _TRIGGERS_PAGE < len(resources):
            answer["continuationToken"] = str(start + _TRIGGERS_PAGE)
        return Answer(body=answer)

    def start_trigger(self, call: Call) -> Answer:
        """Start a trigger; a long-running operation whose first answer is 200."""
        resource = self._objects.get("trigger", call.names["name"])
        if resource.properties.get("type") in EVENT_TRIGGERS and resource.name not in self._subscribed:
            raise bad_request(f"Trigger '{resource.name}' is not subscribed to its events.")
        self._triggers.start(resource.name)
        self._events.tell("triggers")
        return self._begun(call, 200)

    def stop_trigger(self, call: Call) -> Answer:
        """Stop a trigger; a long-running operation whose first answer is 200."""
        self._triggers.stop(call.names["name"])
        self._events.tell("triggers")
        return self._begun(call, 200)

    def subscribe(self, call: Call) -> Answer:
        """Subscribe an event trigger to its events."""
        self._subscribed.add(self._event_trigger(call))
        return self._begun(call, 202)

    def unsubscribe(self, call: Call) -> Answer:
        """End an event trigger's subscription."""
        self._subscribed.discard(self._event_trigger(call))
        return self._begun(call, 202)

    def subscription_status(self, call: Call) -> Answer:
        """Say whether an event trigger is subscribed."""
        name = self._event_trigger(call)
        return Answer(body={"triggerName": name, "status": "Enabled" if name in self._subscribed else "Disabled"})

    def operation_result(self, call: Call) -> Answer:
        """Return the outcome of a long-running operation: it is done."""
        name = call.names["operation"].rpartition(":")[2]
        return Answer(body={"triggerName": name, "status": "Enabled" if name in self._subscribed else "Disabled"})

    def query_trigger_runs(self, call: Call) -> Answer:
        """List the runs of triggers by filters, in an order, page by page."""
        self._triggers.settle()
        found, token = self._runs.history.trigger_runs(trigger_run_query(call.object()))
        body: dict[str, Any] = {"value": [trigger_run(run) for run in found]}
        return Answer(body={**body, "continuationToken": token} if token else body)

    def rerun_trigger(self, call: Call) -> Answer:
        """Run what a trigger's run started once more."""
        self._triggers.rerun(call.names["name"], call.names["run"])
        return Answer(200)

    def cancel_trigger_run(self, call: Call) -> Answer:
        """Cancel a trigger's run with the pipelines that it started."""
        self._triggers.cancel(call.names["name"], call.names["run"])
        return Answer(200)

    def _event_trigger(self, call: Call) -> str:
        resource = self._objects.get("trigger", call.names["name"])
        if resource.properties.get("type") not in EVENT_TRIGGERS:
            raise bad_request(f"Trigger '{resource.name}' listens to no events: it is a {resource.properties['type']}.")
        return resource.name

    def _begun(self, call: Call, status: int) -> Answer:
        number = f"{uuid.uuid4().hex}:{call.names['name']}"
        place = f"{call.url}{call.base}/operationresults/{number}?api-version={API_VERSION}"
        return Answer(status, headers={"Location": place})

    # Integration runtimes

    def integration_runtime_status(self, call: Call) -> Answer:
        """Return the state of an integration runtime: this machine, always online."""
        name = call.names["name"]
        built_in = name.lower() == "autoresolveintegrationruntime"
        resource = None if built_in else self._objects.get("integrationRuntime", name)
        kind = resource.properties.get("type", "Managed") if resource else "Managed"
        return Answer(
            body={
                "name": resource.name if resource else "AutoResolveIntegrationRuntime",
                "properties": {
                    "type": kind,
                    "dataFactoryName": call.names["factory"],
                    "state": "Online",
                    "typeProperties": {"createTime": timestamp(self._created)},
                },
            }
        )

    # The service itself

    def operations_list(self, _call: Call) -> Answer:
        """List the operations that work here."""
        return Answer(
            body={
                "value": [
                    {
                        "name": f"Microsoft.DataFactory/{operation.name}",
                        "display": {"provider": "Microsoft.DataFactory", "operation": operation.name},
                    }
                    for operation in self.operations
                    if operation.handler != self.unsupported
                ]
            }
        )

    def unsupported(self, call: Call) -> Answer:
        """Refuse what has no counterpart on this machine."""
        raise ServiceError(
            501, "NotSupportedByLocalFactory", f"{call.method} {call.path}: the local factory has no counterpart of it."
        )


def _operations(api: DataFactory) -> list[Operation]:
    name, run = r"(?P<name>[^/]+)", r"(?P<run>[^/]+)"
    objects = rf"/(?P<collection>{_COLLECTIONS})"
    triggers, runtimes = rf"/triggers/{name}", rf"/integrationruntimes/{name}"
    entries: list[tuple[str, str, str, Handler]] = [
        ("GET", "", "Factories_Get", api.factories_get),
        ("PUT", "", "Factories_CreateOrUpdate", api.factories_create_or_update),
        ("PATCH", "", "Factories_Update", api.factories_create_or_update),
        ("DELETE", "", "Factories_Delete", api.factories_delete),
        ("GET", "/globalparameters", "GlobalParameters_ListByFactory", api.global_parameters_list),
        ("GET", rf"/globalparameters/{name}", "GlobalParameters_Get", api.global_parameters_get),
        ("PUT", rf"/globalparameters/{name}", "GlobalParameters_CreateOrUpdate", api.global_parameters_put),
        ("DELETE", rf"/globalparameters/{name}", "GlobalParameters_Delete", api.global_parameters_delete),
        ("POST", rf"/pipelines/{name}/createrun", "Pipelines_CreateRun", api.create_run),
        ("POST", "/querypipelineruns", "PipelineRuns_QueryByFactory", api.query_pipeline_runs),
        ("GET", rf"/pipelineruns/{run}", "PipelineRuns_Get", api.pipeline_run_get),
        ("POST", rf"/pipelineruns/{run}/queryactivityruns", "ActivityRuns_QueryByPipelineRun", api.query_activity_runs),
        ("POST", rf"/pipelineruns/{run}/cancel", "PipelineRuns_Cancel", api.cancel_run),
        ("POST", "/querytriggers", "Triggers_QueryByFactory", api.query_triggers),
        ("POST", f"{triggers}/start", "Triggers_Start", api.start_trigger),
        ("POST", f"{triggers}/stop", "Triggers_Stop", api.stop_trigger),
        ("POST", f"{triggers}/subscribetoevents", "Triggers_SubscribeToEvents", api.subscribe),
        ("POST", f"{triggers}/unsubscribefromevents", "Triggers_UnsubscribeFromEvents", api.unsubscribe),
        (
            "POST",
            f"{triggers}/geteventsubscriptionstatus",
            "Triggers_GetEventSubscriptionStatus",
            api.subscription_status,
        ),
        ("GET", "/operationresults/(?P<operation>[^/]+)", "OperationResults_Get", api.operation_result),
        ("POST", "/querytriggerruns", "TriggerRuns_QueryByFactory", api.query_trigger_runs),
        ("POST", rf"{triggers}/triggerruns/{run}/rerun", "TriggerRuns_Rerun", api.rerun_trigger),
        ("POST", rf"{triggers}/triggerruns/{run}/cancel", "TriggerRuns_Cancel", api.cancel_trigger_run),
        ("POST", f"{runtimes}/getstatus", "IntegrationRuntimes_GetStatus", api.integration_runtime_status),
        ("GET", objects, "ListByFactory", api.list_by_factory),
        ("GET", f"{objects}/{name}", "Get", api.get),
        ("PUT", f"{objects}/{name}", "CreateOrUpdate", api.create_or_update),
        ("DELETE", f"{objects}/{name}", "Delete", api.delete),
        *(
            (method, f"{path}(?:/.*)?", "Unsupported", api.unsupported)
            for path in _WITHOUT_COUNTERPART
            for method in ("GET", "PUT", "POST", "DELETE", "PATCH")
        ),
    ]
    subscription, group = "/subscriptions/(?P<subscription>[^/]+)", "/resourcegroups/(?P<group>[^/]+)"
    provider, factory = "/providers/microsoft.datafactory", "/factories/(?P<factory>[^/]+)"
    placed = [(m, f"{subscription}{group}{provider}{factory}{path}", n, h) for m, path, n, h in entries]
    placed += [
        ("GET", f"{subscription}{group}{provider}/factories", "Factories_ListByResourceGroup", api.factories_list),
        ("GET", f"{subscription}{provider}/factories", "Factories_List", api.factories_list),
        ("GET", f"{provider}/operations", "Operations_List", api.operations_list),
        ("POST", f"{subscription}{provider}/locations/.*", "Unsupported", api.unsupported),
    ]
    return [Operation(method, re.compile(path, re.IGNORECASE), n, handler) for method, path, n, handler in placed]


# Of these the service runs machines, debug sessions or networks that a laptop does not have.
_WITHOUT_COUNTERPART = (
    "/adfcdcs",
    "/adddataflowtodebugsession",
    "/createdataflowdebugsession",
    "/deletedataflowdebugsession",
    "/executedataflowdebugcommand",
    "/getdataplaneaccess",
    "/getfeaturevalue",
    "/getgithubaccesstoken",
    "/integrationruntimes/[^/]+/.+",
    "/integrationruntimes/[^/]+",
    "/managedvirtualnetworks/[^/]+/managedprivateendpoints",
    "/privateendpointconnections",
    "/privatelinkresources",
    "/querydataflowdebugsessions",
    "/queryfeaturesvalue",
)


def _global_parameters(value: object) -> Mapping[str, Any]:
    parameters = mapping(value)
    wrong = [name for name, entry in parameters.items() if not {"type", "value"} <= mapping(entry).keys()]
    if not isinstance(value, Mapping) or wrong:
        where = wrong[0] if wrong else "properties"
        raise bad_request(f'{where}: a global parameter is {{"type": ..., "value": ...}}.')
    return parameters


def _check_default(call: Call) -> None:
    if call.names["name"].lower() != "default":
        raise not_found("A factory's global parameters are one resource, named 'default'.")


def _depends_on(properties: Mapping[str, Any], parent: object) -> bool:
    dependencies = mapping(properties.get("typeProperties")).get("dependsOn") or []
    return any(mapping(mapping(entry).get("referenceTrigger")).get("referenceName") == parent for entry in dependencies)


def _number(token: object) -> int:
    if not isinstance(token, str) or not token.isascii() or not token.isdigit():
        raise bad_request(f"The continuation token {token!r} is none of this server's.", code="InvalidToken")
    return int(token)


_ACTIVITY_OPERANDS: Mapping[str, str] = {
    "ActivityName": "activityName",
    "ActivityType": "activityType",
    "ActivityRunStart": "activityRunStart",
    "ActivityRunEnd": "activityRunEnd",
    "Status": "status",
    "PipelineName": "pipelineName",
}
_ACTIVITIES_PAGE = 100


def _filtered_page(shown: list[dict[str, Any]], body: Mapping[str, Any]) -> dict[str, Any]:
    for key, values, within in read_filters(body, _ACTIVITY_OPERANDS):
        shown = [run for run in shown if (run[key] in values) == within]
    for key, ascending in reversed(read_order(body, _ACTIVITY_OPERANDS)):
        shown.sort(key=lambda run: str(run[key] or ""), reverse=not ascending)
    start = _number(body.get("continuationToken") or "0")
    page: dict[str, Any] = {"value": shown[start : start + _ACTIVITIES_PAGE]}
    if start + _ACTIVITIES_PAGE < len(shown):
        page["continuationToken"] = str(start + _ACTIVITIES_PAGE)
    return page

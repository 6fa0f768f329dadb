"""The factory's management API: raw JSON bytes in, raw JSON out.

The SDK's model classes are never built: in azure-mgmt-datafactory 10 most of them send a wrong `type`. The SDK does the
requests, the login, the paging and the retries; what is sent are a file's own bytes, what is returned is what came.
"""

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.core.pipeline import PipelineResponse
from azure.mgmt.datafactory import DataFactoryManagementClient

from bundle.documents import mapping
from bundle.resources import ResourceKey
from deployment.errors import ChangedMeanwhileError, ConnectionSettingsError, FactoryError, ProvisioningError

# Kinds that are deployed, in an order in which the service takes them, and the SDK's operations for each.
OPERATIONS: Mapping[str, str] = {
    "integrationRuntime": "integration_runtimes",
    "credential": "credential_operations",
    "linkedService": "linked_services",
    "dataset": "datasets",
    "dataflow": "data_flows",
    "pipeline": "pipelines",
    "trigger": "triggers",
}
STARTED, STOPPED = "Started", "Stopped"

# Triggers that listen to Event Grid: a start is preceded by a subscription, a stop by its end.
_EVENT_TRIGGERS = ("BlobEventsTrigger", "CustomEventsTrigger")
_ALL_METHODS = ["HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE", "POST"]
# What the service says of such a trigger for as long as the subscription is made or removed: seconds to minutes.
_PROVISIONING = "cannot be updated during provisioning"
_TOO_MANY_REQUESTS = 429
_OK = 200


@dataclass(frozen=True)
class LiveObject:
    """An object as the factory holds it: its key, the REST document, and its ETag."""

    key: ResourceKey
    document: Mapping[str, Any]
    etag: str | None

    @property
    def properties(self) -> Mapping[str, Any]:
        """The object's `properties`."""
        return mapping(self.document.get("properties"))

    @property
    def runtime_state(self) -> str | None:
        """A trigger's state, `Started` or `Stopped`; None for any other kind."""
        return self.properties.get("runtimeState") if self.key.kind == "trigger" else None

    @property
    def started(self) -> bool:
        """Whether this is a trigger that fires."""
        return self.runtime_state == STARTED


class Factory:
    """One data factory.

    Args:
        client: the SDK's client, logged in.
        resource_group: the factory's resource group.
        name: the factory's name.
        poll: seconds between two looks at a trigger that starts or stops.
        settle: seconds after which a trigger is given up that has not started or stopped.
    """

    def __init__(
        self,
        client: DataFactoryManagementClient,
        resource_group: str,
        name: str,
        *,
        poll: float = 2,
        settle: float = 300,
    ) -> None:
        self.name = name
        self._client = client
        self._place = (resource_group, name)
        self._poll = poll
        self._settle = settle

    def list_objects(self, kind: str) -> list[LiveObject]:
        """Return every object of a kind; none where the cloud does not know the kind (some lack credentials).

        Raises:
            FactoryError: the factory is not there, or does not answer.
        """
        documents: list[Mapping[str, Any]] = []

        def keep(response: PipelineResponse[Any, Any]) -> None:
            # The hook fires on throttled answers too, which the SDK then asks again.
            if response.http_response.status_code == _OK:
                documents.extend(response.http_response.json().get("value", []))

        with _errors(f"{self.name}: list of {kind} objects"):
            try:
                for _ in self._operations(kind).list_by_factory(*self._place, raw_response_hook=keep):
                    pass
            except ResourceNotFoundError:
                # Every factory has pipelines: without their list there is no factory.
                if kind == "pipeline":
                    raise
        return [_live_object(kind, document) for document in documents]

    def get(self, key: ResourceKey) -> LiveObject | None:
        """Return an object, or None when the factory has none of that name.

        Raises:
            FactoryError: the factory does not answer.
        """
        with _errors(str(key)):
            try:
                document = self._operations(key.kind).get(*self._place, key.name, cls=_raw)
            except ResourceNotFoundError:
                return None
        return _live_object(key.kind, document)

    def put(self, key: ResourceKey, content: bytes, etag: str | None = None) -> None:
        """Create or update an object with a file's bytes; with an ETag only if the live object still has it.

        Raises:
            ChangedMeanwhileError: the object has another ETag.
            FactoryError: refused, or no answer.
        """
        precondition = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        put = self._operations(key.kind).create_or_update
        self._once_provisioned(key, lambda: put(*self._place, key.name, io.BytesIO(content), cls=_raw, **precondition))

    def delete(self, key: ResourceKey) -> None:
        """Delete an object; one that is gone already is no error.

        Raises:
            FactoryError: refused, or no answer.
        """
        delete = self._operations(key.kind).delete
        self._once_provisioned(key, lambda: delete(*self._place, key.name))

    def start_trigger(self, trigger: LiveObject) -> LiveObject:
        """Start a trigger, wait until it says that it is started, and return it as it is then.

        Raises:
            FactoryError: it does not start.
        """
        begin: list[Callable[..., Any]] = [self._client.triggers.begin_start]
        if trigger.properties.get("type") in _EVENT_TRIGGERS:
            begin.insert(0, self._client.triggers.begin_subscribe_to_events)
        return self._switch(trigger.key, begin, STARTED)

    def stop_trigger(self, trigger: LiveObject) -> LiveObject:
        """Stop a trigger, wait until it says that it is stopped, and return it as it is then.

        Raises:
            FactoryError: it does not stop.
        """
        begin: list[Callable[..., Any]] = [self._client.triggers.begin_stop]
        if trigger.properties.get("type") in _EVENT_TRIGGERS:
            begin.insert(0, self._client.triggers.begin_unsubscribe_from_events)
        return self._switch(trigger.key, begin, STOPPED)

    def create_run(self, pipeline: str, parameters: Mapping[str, Any]) -> str:
        """Start a pipeline and return the run's id. Never sent twice, except when the service throttled it.

        Raises:
            FactoryError: refused, or no answer.
        """
        deadline = time.monotonic() + self._settle
        while True:
            with _errors(f"pipeline/{pipeline}"):
                try:
                    answer = self._client.pipelines.create_run(
                        *self._place, pipeline, io.BytesIO(json.dumps(parameters).encode()), cls=_raw, retry_total=0
                    )
                except HttpResponseError as error:
                    wait = _throttled_seconds(error, self._poll)
                    if wait is None or time.monotonic() + wait > deadline:
                        raise
                else:
                    return str(answer["runId"])
            time.sleep(wait)

    def get_run(self, run_id: str) -> Mapping[str, Any]:
        """Return a pipeline run as the service describes it.

        Raises:
            FactoryError: no such run, or no answer.
        """
        with _errors(f"run {run_id}"):
            return mapping(self._client.pipeline_runs.get(*self._place, run_id, cls=_raw))

    def activity_runs(self, run_id: str) -> list[Mapping[str, Any]]:
        """Return the activity runs of a pipeline run, in the order in which they started.

        Raises:
            FactoryError: no such run, or no answer.
        """
        now = datetime.now(UTC)
        query: dict[str, Any] = {
            "lastUpdatedAfter": (now - timedelta(days=30)).isoformat(),
            "lastUpdatedBefore": (now + timedelta(days=1)).isoformat(),
        }
        runs: list[Mapping[str, Any]] = []
        while True:
            with _errors(f"run {run_id}"):
                answer = self._client.activity_runs.query_by_pipeline_run(
                    *self._place,
                    run_id,
                    io.BytesIO(json.dumps(query).encode()),
                    cls=_raw,
                    retry_on_methods=_ALL_METHODS,
                )
            runs.extend(answer.get("value", []))
            if not answer.get("continuationToken"):
                return sorted(runs, key=lambda run: str(run.get("activityRunStart") or "9"))
            query["continuationToken"] = answer["continuationToken"]

    def _operations(self, kind: str) -> Any:
        return getattr(self._client, OPERATIONS[kind])

    def _switch(self, key: ResourceKey, begin: list[Callable[..., Any]], wanted: str) -> LiveObject:
        # The state counts, not the answer: an answer may be lost after the effect, and the first one comes before it.
        failure: FactoryError | None = None
        try:
            for operation in begin:
                self._once_provisioned(key, partial(self._complete, operation, key))
        except FactoryError as error:
            failure = error
        deadline = time.monotonic() + self._settle
        while True:
            live = self.get(key)
            if live and live.runtime_state == wanted:
                return live
            if failure or time.monotonic() > deadline:
                state = live.runtime_state if live else "gone"
                raise failure or FactoryError(f"{key}: is {state} after {self._settle:g} s, not {wanted}.")
            time.sleep(self._poll)

    def _complete(self, operation: Callable[..., Any], key: ResourceKey) -> None:
        operation(*self._place, key.name, retry_on_methods=_ALL_METHODS).result(timeout=self._settle)

    def _once_provisioned(self, key: ResourceKey, do: Callable[[], Any]) -> None:
        """Ask again what is refused because Event Grid is not ready, until it is or `settle` seconds are over."""
        deadline = time.monotonic() + self._settle
        while True:
            try:
                with _errors(str(key)):
                    do()
            except ProvisioningError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(self._poll)
            else:
                return


def _live_object(kind: str, document: Mapping[str, Any]) -> LiveObject:
    return LiveObject(ResourceKey(kind, str(document["name"])), document, document.get("etag"))


def _raw(response: PipelineResponse[Any, Any], _model: Any, _headers: Any) -> Any:
    return response.http_response.json()


@contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except ResourceModifiedError as error:
        raise ChangedMeanwhileError(f"{what}: changed in the factory since the plan was made (ETag).") from error
    except ClientAuthenticationError as error:
        if error.status_code is None:
            raise ConnectionSettingsError(no_login(error)) from error
        raise FactoryError(f"{what}: the factory answered {error.status_code}: {error.message}") from error
    except HttpResponseError as error:
        if _PROVISIONING in str(error.message):
            raise ProvisioningError(f"{what}: the factory answered {error.status_code}: {error.message}") from error
        detail = f"{error.error.code}: {error.error.message}" if error.error else error.message
        raise FactoryError(f"{what}: the factory answered {error.status_code}: {detail}") from error
    except AzureError as error:
        raise FactoryError(f"{what}: no answer from the factory: {error.message}") from error
    except ValueError as error:
        raise FactoryError(f"{what}: the factory's answer is no JSON: {error}") from error


def no_login(error: AzureError) -> str:
    """Return what to do about a credential that gave no token: one line, not the SDK's list of all it tried."""
    reasons = [line.strip() for line in str(error.message).splitlines() if "Credential:" in line]
    said = next((line for line in reasons if line.startswith("AzureCli")), (reasons or [str(error.message)])[0])
    return f"no login to Azure: run `az login`; in a workflow, sign in before this step. ({said.partition(chr(10))[0]})"


def _throttled_seconds(error: HttpResponseError, default: float) -> float | None:
    if error.status_code != _TOO_MANY_REQUESTS:
        return None
    told = getattr(error.response, "headers", {}).get("Retry-After", "")
    return float(told) if told.isdigit() else default

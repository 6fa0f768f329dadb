"""azure-mgmt-datafactory drives the local factory as it drives Azure: every operation that has a counterpart here."""

import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.datafactory import DataFactoryManagementClient

from support.local_server import LocalServer, wait_for

PLACE = ("group", "factory")
NOW = datetime.now(UTC)
BOUNDS = {
    "lastUpdatedAfter": (NOW - timedelta(days=1)).isoformat(),
    "lastUpdatedBefore": (NOW + timedelta(days=1)).isoformat(),
}
WAIT = {"name": "W", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 0}}


class Token(SansIOHTTPPolicy[Any, Any]):
    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self._token, 2**31)

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {self._token}"


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[DataFactoryManagementClient]:
    credential = Token(server.token)
    options: dict[str, Any] = {"authentication_policy": credential, "polling_interval": 0, "retry_total": 0}
    with DataFactoryManagementClient(credential, "sub", server.url, **options) as client:
        yield client


def body(**document: Any) -> io.BytesIO:
    return io.BytesIO(json.dumps(document).encode())


def ended(client: DataFactoryManagementClient, run_id: str) -> Any:
    def look() -> Any:
        run = client.pipeline_runs.get(*PLACE, run_id)
        return run if run.status in ("Succeeded", "Failed", "Cancelled") else None

    return wait_for(look, "the run's end")


def name(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize(
    ("group", "properties"),
    [
        ("pipelines", {"activities": [WAIT]}),
        ("linked_services", {"type": "AzureKeyVault", "typeProperties": {"baseUrl": "https://v.vault.azure.net"}}),
        ("credential_operations", {"type": "ManagedIdentity", "typeProperties": {}}),
        ("data_flows", {"type": "MappingDataFlow", "typeProperties": {"sources": [], "sinks": []}}),
        ("managed_virtual_networks", {}),
    ],
)
def test_objects_are_created_listed_read_changed_under_their_etag_and_deleted(client, group, properties):
    operations, this = getattr(client, group), name("object")
    made = operations.create_or_update(*PLACE, this, body(properties=properties))
    assert made.name == this
    assert made.id.endswith(f"/{this}")
    assert this in [found.name for found in operations.list_by_factory(*PLACE)]
    found = operations.get(*PLACE, this)
    assert found.etag == made.etag
    changed = {**properties, "description": "changed"}
    if group != "managed_virtual_networks":
        operations.create_or_update(
            *PLACE, this, body(properties=changed), etag=found.etag, match_condition=MatchConditions.IfNotModified
        )
        assert operations.get(*PLACE, this).etag != found.etag
        with pytest.raises(ResourceModifiedError):
            operations.create_or_update(
                *PLACE,
                this,
                body(properties=properties),
                etag=found.etag,
                match_condition=MatchConditions.IfNotModified,
            )
        operations.delete(*PLACE, this)
        operations.delete(*PLACE, this)
        with pytest.raises(ResourceNotFoundError):
            operations.get(*PLACE, this)


def test_a_dataset_needs_its_linked_service_which_then_cannot_be_deleted(client):
    service, dataset = name("LS"), name("DS")
    reference = {"referenceName": service, "type": "LinkedServiceReference"}
    document = {"type": "Json", "linkedServiceName": reference, "typeProperties": {}}
    with pytest.raises(HttpResponseError, match=f"invalid reference '{service.lower()}'"):
        client.datasets.create_or_update(*PLACE, dataset, body(properties=document))
    vault = {"type": "AzureKeyVault", "typeProperties": {"baseUrl": "https://v.vault.azure.net"}}
    client.linked_services.create_or_update(*PLACE, service, body(properties=vault))
    client.datasets.create_or_update(*PLACE, dataset, body(properties=document))
    with pytest.raises(HttpResponseError, match=f"since it is referenced by {dataset}"):
        client.linked_services.delete(*PLACE, service)
    client.datasets.delete(*PLACE, dataset)
    client.linked_services.delete(*PLACE, service)


def test_integration_runtimes_are_kept_and_online(client):
    this = name("IR").replace("_", "-")
    client.integration_runtimes.create_or_update(*PLACE, this, body(properties={"type": "SelfHosted"}))
    assert client.integration_runtimes.get(*PLACE, this).name == this
    assert this in [found.name for found in client.integration_runtimes.list_by_factory(*PLACE)]
    assert client.integration_runtimes.get_status(*PLACE, this).properties.state == "Online"
    client.integration_runtimes.delete(*PLACE, this)


def test_a_run_is_created_watched_listed_and_its_activities_told(client):
    run_id = client.pipelines.create_run(*PLACE, "PL_Good", io.BytesIO(b"{}")).run_id
    run = ended(client, run_id)
    assert (run.status, run.pipeline_name, run.is_latest, run.run_group_id) == ("Succeeded", "PL_Good", True, run_id)
    filters = [{"operand": "PipelineName", "operator": "Equals", "values": ["PL_Good"]}]
    order = [{"orderBy": "RunStart", "order": "DESC"}]
    answer = client.pipeline_runs.query_by_factory(*PLACE, body(**BOUNDS, filters=filters, orderBy=order))
    assert answer.value[0].run_id == run_id
    activities = client.activity_runs.query_by_pipeline_run(*PLACE, run_id, body(**BOUNDS)).value
    assert [(a.activity_name, a.status) for a in activities] == [("First", "Succeeded"), ("Second", "Succeeded")]


def test_a_failed_run_says_why_and_is_run_again_from_the_failure(client):
    first = client.pipelines.create_run(*PLACE, "PL_Bad", io.BytesIO(b"{}")).run_id
    assert "it broke" in ended(client, first).message
    again = client.pipelines.create_run(
        *PLACE,
        "PL_Bad",
        io.BytesIO(b"{}"),
        reference_pipeline_run_id=first,
        is_recovery=True,
        start_from_failure=True,
    ).run_id
    assert ended(client, again).run_group_id == first
    assert client.pipeline_runs.get(*PLACE, first).is_latest is False
    activities = client.activity_runs.query_by_pipeline_run(*PLACE, again, body(**BOUNDS)).value
    assert [a.activity_name for a in activities] == ["First", "Break"]


def test_a_run_is_cancelled(client):
    run_id = client.pipelines.create_run(*PLACE, "PL_Slow", io.BytesIO(b"{}")).run_id
    client.pipeline_runs.cancel(*PLACE, run_id, is_recursive=True)
    assert ended(client, run_id).status == "Cancelled"


def test_a_trigger_is_started_refuses_changes_and_is_stopped(client):
    this = name("TR")
    pipelines = [{"pipelineReference": {"referenceName": "PL_Good", "type": "PipelineReference"}, "parameters": {}}]
    recurrence = {"frequency": "Month", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC"}
    properties = {
        "type": "ScheduleTrigger",
        "pipelines": pipelines,
        "typeProperties": {"recurrence": recurrence},
    }
    client.triggers.create_or_update(*PLACE, this, body(properties=properties))
    client.triggers.begin_start(*PLACE, this).result()
    assert client.triggers.get(*PLACE, this).properties["runtimeState"] == "Started"
    with pytest.raises(HttpResponseError) as refusal:
        client.triggers.create_or_update(*PLACE, this, body(properties=properties))
    assert refusal.value.error.code == "TriggerEnabledCannotUpdate"
    assert this in [found.name for found in client.triggers.query_by_factory(*PLACE, body()).value]
    client.triggers.begin_stop(*PLACE, this).result()
    assert client.triggers.get(*PLACE, this).properties["runtimeState"] == "Stopped"
    client.triggers.delete(*PLACE, this)


def test_a_trigger_fires_and_its_run_is_told_run_again_and_cancelled(client):
    pipelines = [{"pipelineReference": {"referenceName": "PL_Slow", "type": "PipelineReference"}, "parameters": {}}]
    soon = datetime.now(UTC)
    while datetime.now(UTC) >= soon:  # on a busy machine the moment may have passed before the trigger is started
        this, soon = name("TR"), datetime.now(UTC) + timedelta(seconds=6)
        start = soon.strftime("%Y-%m-%dT%H:%M:%SZ")
        recurrence = {"frequency": "Month", "interval": 1, "startTime": start, "timeZone": "UTC"}
        properties = {"type": "ScheduleTrigger", "pipelines": pipelines, "typeProperties": {"recurrence": recurrence}}
        client.triggers.create_or_update(*PLACE, this, body(properties=properties))
        client.triggers.begin_start(*PLACE, this).result()
    query = {**BOUNDS, "filters": [{"operand": "TriggerName", "operator": "Equals", "values": [this]}]}
    fired = wait_for(lambda: client.trigger_runs.query_by_factory(*PLACE, body(**query)).value, "the trigger's run")
    run_id = fired[0].triggered_pipelines["PL_Slow"]
    assert fired[0].properties["ScheduleTime"].startswith(start[:-1])
    client.trigger_runs.cancel(*PLACE, this, fired[0].trigger_run_id)
    assert ended(client, run_id).status == "Cancelled"
    client.trigger_runs.rerun(*PLACE, this, fired[0].trigger_run_id)
    again = wait_for(
        lambda: [
            run
            for run in client.trigger_runs.query_by_factory(*PLACE, body(**query)).value
            if run.trigger_run_id != fired[0].trigger_run_id
        ],
        "the second run",
    )
    assert again[0].properties["ScheduleTime"] == fired[0].properties["ScheduleTime"]
    client.pipeline_runs.cancel(*PLACE, again[0].triggered_pipelines["PL_Slow"])
    client.triggers.begin_stop(*PLACE, this).result()


def test_event_triggers_are_subscribed_before_they_start(client):
    this = name("TR")
    pipelines = [{"pipelineReference": {"referenceName": "PL_Good", "type": "PipelineReference"}, "parameters": {}}]
    properties = {
        "type": "BlobEventsTrigger",
        "pipelines": pipelines,
        "typeProperties": {
            "blobPathBeginsWith": "/in/blobs/",
            "scope": "/subscriptions/x",
            "events": ["Microsoft.Storage.BlobCreated"],
        },
    }
    client.triggers.create_or_update(*PLACE, this, body(properties=properties))
    with pytest.raises(HttpResponseError, match="not subscribed"):
        client.triggers.begin_start(*PLACE, this).result()
    client.triggers.begin_subscribe_to_events(*PLACE, this).result()
    assert client.triggers.get_event_subscription_status(*PLACE, this).status == "Enabled"
    client.triggers.begin_start(*PLACE, this).result()
    client.triggers.begin_stop(*PLACE, this).result()
    client.triggers.begin_unsubscribe_from_events(*PLACE, this).result()
    assert client.triggers.get_event_subscription_status(*PLACE, this).status == "Disabled"


def test_global_parameters_are_one_resource(client):
    parameters = {"region": {"type": "String", "value": "north"}}
    client.global_parameters.create_or_update(*PLACE, "default", body(properties=parameters))
    assert client.global_parameters.get(*PLACE, "default").properties["region"]["value"] == "north"
    assert [found.name for found in client.global_parameters.list_by_factory(*PLACE)] == ["default"]
    client.global_parameters.delete(*PLACE, "default")
    assert list(client.global_parameters.list_by_factory(*PLACE)) == []


def test_the_factory_is_there_under_any_name_and_is_not_deleted(client):
    assert client.factories.get(*PLACE).name == "factory"
    assert client.factories.create_or_update(*PLACE, body(location="x", properties={})).name == "factory"
    assert client.factories.update(*PLACE, body(tags={})).name == "factory"
    assert [found.name for found in client.factories.list()] == ["local"]
    assert [found.name for found in client.factories.list_by_resource_group("group")] == ["local"]
    with pytest.raises(HttpResponseError, match="not deleted"):
        client.factories.delete(*PLACE)
    assert any(found.name.endswith("Pipelines_CreateRun") for found in client.operations.list())


def test_what_has_no_counterpart_here_is_refused_by_name(client):
    for call in (
        lambda: client.change_data_capture.get(*PLACE, "x"),
        lambda: client.data_flow_debug_session.delete(*PLACE, body(sessionId="x")),
        lambda: client.integration_runtimes.list_auth_keys(*PLACE, "x"),
        lambda: client.private_link_resources.get(*PLACE),
    ):
        with pytest.raises(HttpResponseError) as refusal:
            call()
        assert refusal.value.status_code == 501
        assert "no counterpart" in refusal.value.message

"""What Azure's service takes and refuses of a factory's objects, and what it shows of them.

A started trigger refuses PUT and DELETE, a PUT is refused for a reference that leads nowhere, a DELETE for an object
that is referred to; what a GET returns has defaults that nobody sent, and stars where a secret stands. The server goes
by these rules, and so does the stand-in for Azure in the deployer's tests.
"""

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bundle.documents import mapping
from bundle.references import BUILT_IN, references
from bundle.resources import ResourceKey
from local_factory.server.errors import ServiceError, bad_request

STARTED, STOPPED = "Started", "Stopped"
EVENT_TRIGGERS = ("BlobEventsTrigger", "CustomEventsTrigger")

# The collections of the REST API, in lower case, and the kinds of the objects in them.
KINDS: Mapping[str, str] = {
    "credentials": "credential",
    "dataflows": "dataflow",
    "datasets": "dataset",
    "integrationruntimes": "integrationRuntime",
    "linkedservices": "linkedService",
    "managedvirtualnetworks": "managedVirtualNetwork",
    "pipelines": "pipeline",
    "triggers": "trigger",
}
_TYPES: Mapping[str, str] = {kind: collection for collection, kind in KINDS.items()} | {
    "integrationRuntime": "integrationRuntimes",
    "managedVirtualNetwork": "managedVirtualNetworks",
}
_FIXED_BY_WINDOW = ("startTime", "frequency", "interval")
_POLICY: Mapping[str, Any] = {
    "timeout": "0.12:00:00",
    "retry": 0,
    "retryIntervalInSeconds": 30,
    "secureOutput": False,
    "secureInput": False,
}
_LISTS_OF_ACTIVITIES = re.compile(r"activities|if(True|False)Activities|defaultActivities")
_NAME = re.compile(r"[A-Za-z0-9_][^<>*#.%&:\\+?/\x00-\x1f\x7f]*")
_NAME_OF_INTEGRATION_RUNTIME = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9])*")
_LONGEST_NAME = 260


def check_name(key: ResourceKey) -> None:
    """Refuse a name that Azure does not take.

    Source: https://learn.microsoft.com/azure/data-factory/naming-rules.
    """
    pattern = _NAME_OF_INTEGRATION_RUNTIME if key.kind == "integrationRuntime" else _NAME
    if len(key.name) > _LONGEST_NAME or not pattern.fullmatch(key.name):
        raise bad_request(
            f"Invalid {key.kind} name '{key.name[:80]}': it must begin with a letter, a number or an underscore, be at "
            f"most {_LONGEST_NAME} characters long, and have none of < > * # . % & : \\ + ? /.",
            code="InvalidName",
        )


def check_not_started(key: ResourceKey, state: str | None) -> None:
    """Refuse to change a trigger that is started."""
    if key.kind == "trigger" and state == STARTED:
        raise bad_request(f"Cannot update enabled Trigger; '{key.name}'.", code="TriggerEnabledCannotUpdate")


def check_precondition(expected: str | None, etag: str | None) -> None:
    """Refuse a change whose `If-Match` names another ETag than the live one."""
    wanted = expected and expected.strip().removeprefix("W/").strip('"')
    if wanted and (etag is None if wanted == "*" else wanted != etag):
        raise ServiceError(
            412, "PreconditionFailed", "The condition specified using HTTP conditional header is not met."
        )


def check_references(properties: Mapping[str, Any], exists: Callable[[ResourceKey], bool]) -> None:
    """Refuse references that lead nowhere."""
    for reference in references(properties):
        if not exists(reference.target) and reference.target not in BUILT_IN:
            raise bad_request(
                "The document creation or update failed because of invalid reference "
                f"'{reference.target.name.lower()}'."
            )


def check_window(before: Mapping[str, Any] | None, properties: Mapping[str, Any]) -> None:
    """Refuse a tumbling window trigger whose windows would be others."""
    if before is None or before.get("type") != "TumblingWindowTrigger":
        return
    old, new = mapping(before.get("typeProperties")), mapping(properties.get("typeProperties"))
    moved = [field for field in _FIXED_BY_WINDOW if old.get(field) != new.get(field)]
    if moved:
        raise bad_request(
            f"Tumbling window trigger: {', '.join(moved)} cannot be changed. Delete the trigger and create it anew.",
            code="TriggerPropertiesCannotBeUpdated",
        )


def check_unused(users: Iterable[str]) -> None:
    """Refuse to delete an object that others refer to."""
    names = sorted(users)
    if names:
        raise bad_request(f"The document cannot be deleted since it is referenced by {', '.join(names)}.")


def check_startable(name: str, properties: Mapping[str, Any]) -> None:
    """Refuse to start a trigger that starts nothing."""
    if not (properties.get("pipelines") or properties.get("pipeline")):
        raise bad_request(f"Trigger '{name}' cannot be activated: no pipeline is given.")


def properties_of(document: object) -> dict[str, Any]:
    """Return the `properties` of a document that a client sent."""
    if not isinstance(document, dict):
        raise bad_request(
            'The request body must be a JSON object: {"properties": {...}}.', code="InvalidRequestContent"
        )
    properties = document.get("properties")
    if not isinstance(properties, dict):
        raise bad_request("'properties' is required and must be a JSON object.", code="InvalidRequestContent")
    return properties


def shown(
    factory_id: str, key: ResourceKey, properties: Mapping[str, Any], etag: str | None, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an object as a GET does.

    Args:
        factory_id: the factory's resource id, as the request spelled it.
        key: the object.
        properties: what was PUT.
        etag: the object's ETag.
        extra: what the service alone knows, such as a trigger's `runtimeState`.
    """
    collection = _TYPES[key.kind]
    visible = {**with_defaults(_without_secrets(properties)), **extra}
    return {
        "id": f"{factory_id}/{collection}/{key.name}",
        "name": key.name,
        "type": f"Microsoft.DataFactory/factories/{collection}",
        "properties": dict(sorted(visible.items(), reverse=True)),
        "etag": etag,
    }


def with_defaults(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's properties with what the service adds of its own."""
    filled: dict[str, Any] = copy.deepcopy(dict(properties))
    filled.setdefault("annotations", [])
    for activity in _activities(filled):
        activity.setdefault("userProperties", [])
        activity.setdefault("dependsOn", [])
        if "typeProperties" in activity and activity.get("type") == "DatabricksNotebook":
            policy = activity.setdefault("policy", {})
            for name, value in _POLICY.items():
                policy.setdefault(name, value)
    for pipeline in filled.get("pipelines") or []:
        if isinstance(pipeline, dict):
            pipeline.setdefault("parameters", {})
    return filled


def _activities(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if _LISTS_OF_ACTIVITIES.fullmatch(key) and isinstance(item, list):
                yield from (entry for entry in item if isinstance(entry, dict))
            yield from _activities(item)
    elif isinstance(value, list):
        for item in value:
            yield from _activities(item)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get("type") == "SecureString" and "value" in value:
            return {"type": "SecureString", "value": "**********"}
        return {key: _without_secrets(item) for key, item in value.items()}
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value

"""Types and keys: those of objects and activities are ones that Data Factory knows."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from bundle.activities import Activity
from bundle.bundle import Bundle, Pipeline
from bundle.catalog import (
    ACTIVITY_KEYS,
    ACTIVITY_TYPES,
    DATASET_KEYS,
    LINKED_SERVICE_KEYS,
    PIPELINE_KEYS,
    POLICY_KEYS,
    RECURRENCE_KEYS,
    SCHEDULE_KEYS,
    TRIGGER_KEYS,
    TYPES_OF_KIND,
)
from bundle.documents import child_path, items, mapping, text
from bundle.findings import Problem
from bundle.resources import Resource
from bundle.wording import did_you_mean

_FOLDED_ACTIVITY_TYPES = {name.casefold() for name in ACTIVITY_TYPES}
_NEARLY = 0.85  # how much of a type must agree with a documented one to be a misspelling of it

# Studio writes this key so; the schema has `dataFlow`.
_STUDIO_SPELLINGS = frozenset({"dataflow"})

# Synapse Studio writes these: the workspace is validated like a factory.
_SYNAPSE_KEYS = frozenset({"sqlPool", "snapshot"})

_DOCUMENT_KEYS = frozenset({"name", "type", "properties", "id", "etag"})
_PROPERTIES = "$.properties"
_KEYS_OF_KIND: Mapping[str, frozenset[str]] = {
    "pipeline": PIPELINE_KEYS,
    "trigger": TRIGGER_KEYS,
    "linkedService": LINKED_SERVICE_KEYS,
    "dataset": DATASET_KEYS,
}


def object_type(bundle: Bundle) -> Iterator[Problem]:
    """An object has a type: a text that says what it is."""
    for kind in sorted(TYPES_OF_KIND):
        for resource in bundle.of(kind):
            found = resource.properties.get("type")
            if not isinstance(found, str) or not found:
                yield Problem(resource.path, f"{_PROPERTIES}.type", f"{found!r} is no type of {kind}")


def known_type(bundle: Bundle) -> Iterator[Problem]:
    """An object has a documented type. The service gets new ones before its schema does, connectors above all."""
    for kind in sorted(TYPES_OF_KIND):
        for resource in bundle.of(kind):
            found = text(resource.properties.get("type"))
            if found and found not in TYPES_OF_KIND[kind]:
                hint = did_you_mean(found, TYPES_OF_KIND[kind])
                yield Problem(resource.path, f"{_PROPERTIES}.type", f"{found!r} is no documented type of {kind}{hint}")


def activity_type(bundle: Bundle) -> Iterator[Problem]:
    """An activity has a type, and none that misspells a documented one: the service refuses both."""
    for pipeline, activity in _of_unknown_type(bundle):
        close = get_close_matches(activity.type.casefold(), _FOLDED_ACTIVITY_TYPES, n=1, cutoff=_NEARLY)
        if not activity.type or close:
            hint = did_you_mean(activity.type, ACTIVITY_TYPES)
            message = f"{activity.document.get('type')!r} is no type of activity{hint}"
            yield Problem(pipeline.resource.path, child_path(activity.path, "type"), message)


def known_activity_type(bundle: Bundle) -> Iterator[Problem]:
    """An activity has a documented type. The service gets new ones before its schema does; Synapse has its own."""
    for pipeline, activity in _of_unknown_type(bundle):
        close = get_close_matches(activity.type.casefold(), _FOLDED_ACTIVITY_TYPES, n=1, cutoff=_NEARLY)
        if activity.type and not close:
            message = f"{activity.type!r} is no documented type of activity"
            yield Problem(pipeline.resource.path, child_path(activity.path, "type"), message)


def required_property(bundle: Bundle) -> Iterator[Problem]:
    """An activity has the `typeProperties` that its type cannot do without."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            known = ACTIVITY_TYPES.get(activity.type)
            given = {key.casefold() for key, value in activity.type_properties.items() if value is not None}
            for key in sorted(known.required) if known else ():
                if key.casefold() in given:
                    continue
                message = f"{activity.type} {activity.name!r} has no {key}"
                yield Problem(pipeline.resource.path, activity.type_properties_path, message)


def unknown_key(bundle: Bundle) -> Iterator[Problem]:
    """Keys are documented ones: the service takes a misspelt key without a word and ignores it."""
    for key, resource in bundle.resources.items():
        if key.kind in _KEYS_OF_KIND:
            yield from _unknown(resource, resource.document, "$", _DOCUMENT_KEYS)
            yield from _unknown(resource, resource.properties, _PROPERTIES, _KEYS_OF_KIND[key.kind])
    for resource in bundle.of("trigger"):
        path = f"{_PROPERTIES}.typeProperties.recurrence"
        recurrence = mapping(mapping(resource.properties.get("typeProperties")).get("recurrence"))
        yield from _unknown(resource, recurrence, path, RECURRENCE_KEYS)
        yield from _unknown(resource, mapping(recurrence.get("schedule")), f"{path}.schedule", SCHEDULE_KEYS)
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            known = ACTIVITY_TYPES.get(activity.type)
            if not known:
                continue
            document, resource = activity.document, pipeline.resource
            yield from _unknown(resource, document, activity.path, ACTIVITY_KEYS | known.common)
            yield from _unknown(resource, mapping(document.get("policy")), f"{activity.path}.policy", POLICY_KEYS)
            allowed = known.required | known.optional | _STUDIO_SPELLINGS
            yield from _unknown(resource, activity.type_properties, activity.type_properties_path, allowed)
            for index, entry in enumerate(items(document.get("dependsOn"))):
                path = f"{activity.path}.dependsOn[{index}]"
                yield from _unknown(resource, mapping(entry), path, frozenset({"activity", "dependencyConditions"}))


def _unknown(resource: Resource, value: Mapping[str, Any], path: str, known: frozenset[str]) -> Iterator[Problem]:
    for key in value:
        if key not in known and key not in _SYNAPSE_KEYS:
            yield Problem(resource.path, child_path(path, key), f"unknown key{did_you_mean(key, known)}")


def _of_unknown_type(bundle: Bundle) -> Iterator[tuple[Pipeline, Activity]]:
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            if activity.type not in ACTIVITY_TYPES:
                yield pipeline, activity

"""Types and keys: those of objects and activities are ones that Data Factory knows."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bundle.bundle import Bundle
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
from bundle.documents import child_path, items, mapping
from bundle.findings import Problem
from bundle.resources import Resource
from bundle.wording import did_you_mean

# Connectors come every few months, so an unknown one may be right and our list old: the other kinds hardly change.
_GROWING_KINDS = frozenset({"linkedService", "dataset"})

# Studio writes this key so; the schema has `dataFlow`.
_STUDIO_SPELLINGS = frozenset({"dataflow"})

_DOCUMENT_KEYS = frozenset({"name", "type", "properties", "id", "etag"})
_PROPERTIES = "$.properties"
_KEYS_OF_KIND: Mapping[str, frozenset[str]] = {
    "pipeline": PIPELINE_KEYS,
    "trigger": TRIGGER_KEYS,
    "linkedService": LINKED_SERVICE_KEYS,
    "dataset": DATASET_KEYS,
}


def object_type(bundle: Bundle) -> Iterator[Problem]:
    """A trigger, data flow, integration runtime or credential has a documented type."""
    return _unknown_types(bundle, TYPES_OF_KIND.keys() - _GROWING_KINDS)


def connector_type(bundle: Bundle) -> Iterator[Problem]:
    """A linked service or dataset has a documented type. The list of connectors grows: see `bundle.catalog`."""
    return _unknown_types(bundle, _GROWING_KINDS)


def activity_type(bundle: Bundle) -> Iterator[Problem]:
    """An activity has a documented type, in its own spelling."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            if activity.type not in ACTIVITY_TYPES:
                hint = did_you_mean(activity.type, ACTIVITY_TYPES)
                message = f"{activity.document.get('type')!r} is no type of activity{hint}"
                yield Problem(pipeline.resource.path, child_path(activity.path, "type"), message)


def required_property(bundle: Bundle) -> Iterator[Problem]:
    """An activity has the `typeProperties` that its type cannot do without."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            known = ACTIVITY_TYPES.get(activity.type)
            given = {key.casefold() for key in activity.type_properties}
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
        if key not in known:
            yield Problem(resource.path, child_path(path, key), f"unknown key{did_you_mean(key, known)}")


def _unknown_types(bundle: Bundle, kinds: Iterable[str]) -> Iterator[Problem]:
    for kind in sorted(kinds):
        for resource in bundle.of(kind):
            found = resource.properties.get("type")
            if not isinstance(found, str) or found not in TYPES_OF_KIND[kind]:
                hint = did_you_mean(found, TYPES_OF_KIND[kind])
                yield Problem(resource.path, f"{_PROPERTIES}.type", f"{found!r} is no type of {kind}{hint}")

"""What differs between two versions of a factory object, field by field; what the service adds or reorders does not."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bundle.documents import mapping
from bundle.json_path import Step, format_path

RUNTIME_STATE = "properties.runtimeState"
MASK = "***"


@dataclass(frozen=True)
class Change:
    """One JSON path whose value differs; `absent` old or new values are None. Secrets stand as `***`."""

    path: str
    old: Any
    new: Any


# Below `properties`: kept by the service, never written by a file. A trigger's state is changed by start and stop only.
_READ_ONLY = {"lastPublishTime", "runtimeState", "provisioningState"}
# Kept by the service wherever it stands: the ciphertext of a secret, which no file may hold.
_READ_ONLY_ANYWHERE = {"encryptedCredential"}
# What the service fills in where a file says nothing. Source: Microsoft's reference of activity policies.
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "timeout": ("0.12:00:00",),
    "retry": (0,),
    "retryIntervalInSeconds": (30,),
    "secureInput": (False,),
    "secureOutput": (False,),
    "state": ("Active",),
    "isSequential": (False,),
    "description": ("",),
    "connectVia": ({"referenceName": "AutoResolveIntegrationRuntime", "type": "IntegrationRuntimeReference"},),
}
# `timeout` of an Until activity, which stands in its type properties and not in a policy.
_UNTIL_TIMEOUT = "7.00:00:00"
# Lists whose order says nothing: elements are told apart by their `name`, or by themselves.
_NAMED_LISTS = {"activities", "ifTrueActivities", "ifFalseActivities", "defaultActivities", "userProperties"}
_SETS = {"annotations", "dependencyConditions"}

_SECRET_KEY = re.compile(
    r"(password|passwd|pwd|passphrase|secret|token|credential|connection_?string|sas_?u(rl|ri)|key|(?<![a-z])pat)$",
    re.IGNORECASE,
)
# Below a secret's key these say where the secret is kept, or what kind it is: no secret themselves.
_NO_SECRET_KEYS = {"type", "referenceName", "secretName", "secretVersion"}
_SECRET_IN_TEXT = re.compile(
    r"(?i)\b(password|pwd|accountkey|sharedaccesskey|sharedaccesssignature|client_?secret|access_?token|sig)"
    r"(\s*=\s*)[^;&\s]+"
)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the changes that lead from one document to another, sorted by path, secrets masked.

    Only `properties` counts, without a trigger's state: `name`, `id`, `type` and `etag` name the object.
    """
    found = _compare(_own(old), _own(new), ("properties",))
    return tuple(
        sorted((_masked(steps, before, after) for steps, before, after in found), key=lambda change: change.path)
    )


def mask(value: Any, steps: Sequence[Step] = ()) -> Any:
    """Return a JSON value with every secret in it replaced by `***`."""
    if isinstance(value, Mapping):
        if value.get("type") == "SecureString" and "value" in value:
            return {**value, "value": MASK}
        return {key: mask(item, (*steps, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [mask(item, (*steps, index)) for index, item in enumerate(value)]
    if _is_secret(steps) and value not in (None, ""):
        return MASK
    return _SECRET_IN_TEXT.sub(rf"\1\2{MASK}", value) if isinstance(value, str) else value


def hidden_secrets(document: Mapping[str, Any]) -> list[str]:
    """Return the paths of secrets that the service holds but does not give back: no snapshot can restore them."""
    return [format_path(steps) for steps, value in _walk(document, ()) if _is_hidden(value)]


def restorable(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a live document as it can be PUT again: name and properties, without what the service alone writes."""
    properties = mapping(document.get("properties"))
    return {
        "name": document["name"],
        "properties": {key: value for key, value in properties.items() if key not in _READ_ONLY},
    }


def _own(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping(document.get("properties")).items() if key not in _READ_ONLY}


def _compare(old: Any, new: Any, steps: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            if key in _READ_ONLY_ANYWHERE:
                continue
            if key in old and key in new:
                yield from _compare(old[key], new[key], (*steps, key))
            elif not _says_nothing(key, old.get(key, new.get(key)), steps[-1]):
                yield (*steps, key), old.get(key), new.get(key)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(old, new, steps)
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield steps, old, new


def _compare_lists(
    old: list[Any], new: list[Any], steps: tuple[Step, ...]
) -> Iterator[tuple[tuple[Step, ...], Any, Any]]:
    if steps[-1] in _SETS and sorted(map(str, old)) == sorted(map(str, new)):
        return
    if steps[-1] in _NAMED_LISTS:
        before, after = _by_name(old), _by_name(new)
        if before is not None and after is not None:
            for name in [*before, *(name for name in after if name not in before)]:
                if name in before and name in after:
                    yield from _compare(before[name], after[name], (*steps, name))
                else:
                    yield (*steps, name), before.get(name), after.get(name)
            return
    for index in range(max(len(old), len(new))):
        if index < len(old) and index < len(new):
            yield from _compare(old[index], new[index], (*steps, index))
        else:
            yield (
                (*steps, index),
                old[index] if index < len(old) else None,
                new[index] if index < len(new) else None,
            )


def _by_name(elements: list[Any]) -> dict[str, Any] | None:
    named = {element["name"]: element for element in elements if isinstance(element, Mapping) and "name" in element}
    return named if len(named) == len(elements) else None


def _says_nothing(key: str, value: Any, parent: Step) -> bool:
    if key == "timeout" and parent == "typeProperties":
        return bool(value == _UNTIL_TIMEOUT)
    if value is None or value in _DEFAULTS.get(key, ()):
        return True
    if isinstance(value, Mapping):
        return all(_says_nothing(name, item, key) for name, item in value.items())
    return isinstance(value, list) and not value


def _masked(steps: tuple[Step, ...], old: Any, new: Any) -> Change:
    return Change(format_path(steps), mask(old, steps), mask(new, steps))


def _is_secret(steps: Sequence[Step]) -> bool:
    keys = [step for step in steps if isinstance(step, str)]
    return bool(keys) and keys[-1] not in _NO_SECRET_KEYS and any(map(_SECRET_KEY.search, keys))


def _is_hidden(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return bool(value.get("type") == "SecureString" and not str(value.get("value", "")).strip("*"))


def _walk(value: Any, steps: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    yield steps, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, (*steps, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*steps, index))

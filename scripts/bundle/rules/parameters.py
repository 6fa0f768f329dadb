"""Parameters: callers give what the called object declares, all that has no default, and literals of its type."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bundle.bundle import Bundle
from bundle.catalog import PARAMETER_TYPES, VARIABLE_TYPES
from bundle.documents import child_path, is_evaluated, is_integer, items, mapping, text
from bundle.findings import Problem
from bundle.references import references, references_of
from bundle.resources import Resource, ResourceKey
from bundle.wording import did_you_mean

_PROPERTIES = "$.properties"


@dataclass(frozen=True)
class _Call:
    """One use of an object with parameters: who calls, what is called, what is given, and where that stands."""

    caller: Resource
    called: Resource
    arguments: Mapping[str, Any]
    path: str

    @property
    def declared(self) -> Mapping[str, Any]:
        return mapping(self.called.properties.get("parameters"))


def argument_declared(bundle: Bundle) -> Iterator[Problem]:
    """A caller gives only parameters that the pipeline, dataset or linked service declares: others are ignored."""
    for call in _calls(bundle):
        known = {name.casefold() for name in call.declared}
        for name in call.arguments:
            if name.casefold() not in known:
                message = f"{call.called.key} has no parameter {name!r}{did_you_mean(name, call.declared)}"
                yield Problem(call.caller.path, child_path(call.path, name), message)


def argument_given(bundle: Bundle) -> Iterator[Problem]:
    """A caller gives every parameter that has no default: one that is left out is null.

    Of a pipeline that many call this is said once, at the parameter: pipelines are written to expect null.
    """
    omitted: dict[tuple[ResourceKey, str], list[_Call]] = defaultdict(list)
    for call in _calls(bundle):
        given = {name.casefold() for name in call.arguments}
        for name, specification in call.declared.items():
            if mapping(specification).get("defaultValue") is None and name.casefold() not in given:
                omitted[call.called.key, name].append(call)
    for (key, name), calls in omitted.items():
        first = calls[0]
        if len(calls) == 1:
            message = f"{key} needs the parameter {name!r}: give it, or declare a default"
            yield Problem(first.caller.path, first.path, message)
        else:
            message = f"{len(calls)} callers leave it out (the first is {first.caller.key}), so it is null for them"
            yield Problem(first.called.path, child_path(f"{_PROPERTIES}.parameters", name), message)


def argument_fits(bundle: Bundle) -> Iterator[Problem]:
    """A literal that a caller gives fits the parameter's type. The service looks at it only when it is used."""
    for call in _calls(bundle):
        types = {name.casefold(): mapping(declared).get("type") for name, declared in call.declared.items()}
        for name, value in call.arguments.items():
            kind = types.get(name.casefold())
            if not _fits(value, kind):
                message = f"{call.called.key} takes {name!r} as {kind}, this is {_kind_of(value)}"
                yield Problem(call.caller.path, child_path(call.path, name), message)


def declaration(bundle: Bundle) -> Iterator[Problem]:
    """Parameters and variables are declared with a documented type."""
    for resource, path, declared, types in _declarations(bundle):
        if text(mapping(declared).get("type")).lower() not in {known.lower() for known in types}:
            yield Problem(resource.path, path, f"must have a type, one of {', '.join(sorted(types))}")


def default_fits(bundle: Bundle) -> Iterator[Problem]:
    """A default fits the type that its parameter or variable is declared with."""
    for resource, path, declared, _ in _declarations(bundle):
        kind, default = mapping(declared).get("type"), mapping(declared).get("defaultValue")
        if not _fits(default, kind):
            message = f"the default is {_kind_of(default)}, the type {kind}"
            yield Problem(resource.path, f"{path}.defaultValue", message)


def variable_fits(bundle: Bundle) -> Iterator[Problem]:
    """AppendVariable has an Array to append to, and a literal that SetVariable sets fits the variable's type.

    A value of the wrong type fails the activity (facts of the service: setting a variable).
    """
    for pipeline in bundle.pipelines:
        declared = mapping(pipeline.resource.properties.get("variables"))
        types = {name.casefold(): mapping(specification).get("type") for name, specification in declared.items()}
        for activity in pipeline.activities:
            name, value = activity.type_properties.get("variableName"), activity.type_properties.get("value")
            kind = types.get(str(name).casefold())
            if kind is None:
                continue
            if activity.type == "AppendVariable" and text(kind).casefold() != "array":
                path = child_path(activity.type_properties_path, "variableName")
                yield Problem(
                    pipeline.resource.path, path, f"variable {name!r} is {kind}: only an Array can be appended to"
                )
            elif activity.type == "SetVariable" and not _fits(value, kind):
                path = child_path(activity.type_properties_path, "value")
                yield Problem(pipeline.resource.path, path, f"variable {name!r} is {kind}, this is {_kind_of(value)}")


def _declarations(bundle: Bundle) -> Iterator[tuple[Resource, str, object, frozenset[str]]]:
    """Yield every declared parameter and variable: whose, where, what it says, and the types there are."""
    for resource in bundle.resources.values():
        if resource.key.kind == "factory":
            continue
        for group, types in (("parameters", PARAMETER_TYPES), ("variables", VARIABLE_TYPES)):
            for name, declared in mapping(resource.properties.get(group)).items():
                yield resource, child_path(f"{_PROPERTIES}.{group}", name), declared, types


def _calls(bundle: Bundle) -> Iterator[_Call]:
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            if activity.type == "ExecutePipeline":
                path, properties = activity.type_properties_path, activity.type_properties
                yield from _call(bundle, pipeline.resource, properties.get("pipeline"), properties, path)
    for trigger in bundle.of("trigger"):
        entries = [(f"{_PROPERTIES}.pipeline", trigger.properties.get("pipeline"))]
        started = items(trigger.properties.get("pipelines"))
        entries += [(f"{_PROPERTIES}.pipelines[{index}]", entry) for index, entry in enumerate(started)]
        for path, entry in entries:
            yield from _call(bundle, trigger, mapping(entry).get("pipelineReference"), mapping(entry), path)
    for resource in bundle.resources.values():
        # A data flow's datasets get their parameters from the activity that runs the flow.
        if resource.key.kind == "dataflow":
            continue
        for reference in references_of(resource):
            if reference.target.kind in ("dataset", "linkedService"):
                path = reference.path.removesuffix(".referenceName")
                yield from _call(bundle, resource, reference.document, reference.document, path)


def _call(bundle: Bundle, caller: Resource, reference: object, holder: Mapping[str, Any], path: str) -> Iterator[_Call]:
    """Yield the call that a reference makes, with the `parameters` of its holder; none when it does not resolve."""
    target = next(references(reference), None)
    called = bundle.resources.get(target.target) if target else None
    if called and not is_evaluated(holder.get("parameters")):
        yield _Call(caller, called, mapping(holder.get("parameters")), f"{path}.parameters")


def _is_whole(value: object) -> bool:
    return is_integer(value) or (isinstance(value, float) and value.is_integer())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_number_text(value: object) -> bool:
    try:
        return isinstance(value, str) and float(value) is not None
    except ValueError:
        return False


def _spells(value: object, kind: type) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), kind)
    except ValueError:
        return False


# The service turns text into numbers, truth values and arrays where a parameter asks for them.
_FITS: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: not isinstance(value, list | Mapping),
    "int": lambda value: _is_whole(value) or (isinstance(value, str) and value.strip().lstrip("+-").isdecimal()),
    "float": lambda value: _is_number(value) or _is_number_text(value),
    "bool": lambda value: isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false")),
    "array": lambda value: isinstance(value, list) or _spells(value, list),
}
_ALIASES = {"boolean": "bool", "integer": "int"}


def _fits(value: object, kind: object) -> bool:
    """Say whether a literal fits a type; null, expressions and unknown types always do."""
    if value is None or is_evaluated(value) or not isinstance(kind, str):
        return True
    name = kind.lower()
    fits = _FITS.get(_ALIASES.get(name, name))
    return fits is None or fits(value)


def _kind_of(value: object) -> str:
    match value:
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "an array"
    return "an object"

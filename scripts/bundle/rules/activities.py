"""Activities: their names, what they depend on, and how they may stand in one another.

Sources: https://learn.microsoft.com/azure/data-factory/concepts-nested-activities, the limits in
https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits#data-factory-limits.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from bundle.activities import INNER_LISTS, Activity, all_lists, inner_values
from bundle.bundle import Bundle
from bundle.documents import child_path, is_evaluated, is_integer, items, mapping
from bundle.findings import Problem
from bundle.references import cycles, describe_cycle
from bundle.resources import Resource
from bundle.wording import did_you_mean

# What Studio takes: 55 characters, of these kinds.
MAX_ACTIVITY_NAME = 55
_ACTIVITY_NAME = re.compile(r"[\w][\w \-]*")

MAX_ACTIVITIES = 120
MAX_PARAMETERS = 50
CONCURRENCY = range(1, 51)
BATCH_COUNT = range(1, 51)

DEPENDENCY_CONDITIONS = ("Succeeded", "Failed", "Skipped", "Completed")

_BRANCHES = frozenset({"IfCondition", "Switch"})
_LOOPS = frozenset({"ForEach", "Until"})
_ACTIVITIES = "$.properties.activities"


def activity_shape(bundle: Bundle) -> Iterator[Problem]:
    """Activities stand in lists; each is an object with a name, and its parts are of the kind they must be."""
    for pipeline in bundle.pipelines:
        resource = pipeline.resource
        if "activities" in resource.properties:
            yield from _list_shape(resource, resource.properties["activities"], _ACTIVITIES)
        for activity in pipeline.activities:
            if not activity.name.strip():
                yield Problem(resource.path, child_path(activity.path, "name"), "an activity must have a name")
            for key, kind in _ACTIVITY_PARTS.items():
                value = activity.document.get(key)
                if value is not None and not isinstance(value, kind):
                    yield Problem(resource.path, child_path(activity.path, key), f"must be {_NAMES_OF_TYPES[kind]}")
            for path, value in inner_values(activity.document, activity.path):
                yield from _list_shape(resource, value, path)


def activity_name(bundle: Bundle) -> Iterator[Problem]:
    """An activity's name has at most 55 letters, digits, spaces, dashes and underscores, the first no space or dash."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            path, name = child_path(activity.path, "name"), activity.name
            if len(name) > MAX_ACTIVITY_NAME:
                message = f"{name!r} has {len(name)} characters, at most {MAX_ACTIVITY_NAME} are allowed"
                yield Problem(pipeline.resource.path, path, message)
            elif name.strip() and not _ACTIVITY_NAME.fullmatch(name):
                message = f"{name!r} may have letters, digits, spaces, dashes and underscores only"
                yield Problem(pipeline.resource.path, path, message)


def unique_activity_name(bundle: Bundle) -> Iterator[Problem]:
    """No two activities of a pipeline share a name, inner ones neither: `activity('X')` could mean both."""
    for pipeline in bundle.pipelines:
        first: dict[str, Activity] = {}
        for activity in pipeline.activities:
            other = first.setdefault(activity.name.casefold(), activity)
            if other is not activity and activity.name.strip():
                message = f"{activity.name!r} is also the name of the activity at {other.path}"
                yield Problem(pipeline.resource.path, child_path(activity.path, "name"), message)


def dependency_exists(bundle: Bundle) -> Iterator[Problem]:
    """`dependsOn` names activities that stand beside: in the pipeline itself, or in the same branch of a container."""
    for pipeline in bundle.pipelines:
        elsewhere = {activity.name.casefold() for activity in pipeline.activities}
        for activity_list in all_lists(pipeline.top):
            for activity in activity_list.activities:
                for index, name in enumerate(activity.dependencies):
                    if activity_list.named(name):
                        continue
                    if name.casefold() in elsewhere:
                        message = f"{name!r} stands elsewhere; {activity.name!r} can depend only on those beside it"
                    else:
                        hint = did_you_mean(name, (other.name for other in activity_list.activities))
                        message = f"no activity {name!r}{hint}"
                    yield Problem(pipeline.resource.path, f"{activity.path}.dependsOn[{index}].activity", message)


def no_dependency_cycle(bundle: Bundle) -> Iterator[Problem]:
    """Activities do not wait for each other in a circle."""
    for pipeline in bundle.pipelines:
        for activity_list in all_lists(pipeline.top):
            names = {activity.name.casefold(): activity for activity in activity_list.activities}
            graph = {
                name: [other.casefold() for other in activity.dependencies if other.casefold() in names]
                for name, activity in names.items()
            }
            for cycle in cycles(graph):
                path = child_path(names[cycle[0]].path, "dependsOn")
                circle = describe_cycle(names[name].name for name in cycle)
                yield Problem(pipeline.resource.path, path, f"activities wait for each other: {circle}")


def dependency_condition(bundle: Bundle) -> Iterator[Problem]:
    """Each dependency has a list of conditions, of Succeeded, Failed, Skipped, Completed."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            for index, entry in enumerate(items(activity.document.get("dependsOn"))):
                path = f"{activity.path}.dependsOn[{index}].dependencyConditions"
                conditions = mapping(entry).get("dependencyConditions")
                if not isinstance(conditions, list) or not conditions:
                    yield Problem(pipeline.resource.path, path, f"must be a list of {', '.join(DEPENDENCY_CONDITIONS)}")
                    continue
                for number, condition in enumerate(conditions):
                    if condition not in DEPENDENCY_CONDITIONS:
                        hint = did_you_mean(condition, DEPENDENCY_CONDITIONS)
                        message = f"{condition!r} is no condition{hint}"
                        yield Problem(pipeline.resource.path, f"{path}[{number}]", message)


def nesting(bundle: Bundle) -> Iterator[Problem]:
    """A ForEach or Until holds no other ForEach or Until, at any depth.

    The way out is an ExecutePipeline in the inner place.
    """
    return _nested(bundle, lambda inner, outer: inner in _LOOPS and outer in _LOOPS)


def nesting_documented(bundle: Bundle) -> Iterator[Problem]:
    """An If or Switch holds no other container, and no container a Validation.

    So the documents say, and Studio offers nothing else; factories that run in production hold a Switch in an If.
    """
    return _nested(bundle, lambda inner, outer: inner == "Validation" or (inner in INNER_LISTS and outer in _BRANCHES))


def limits(bundle: Bundle) -> Iterator[Problem]:
    """A pipeline has at most 120 activities, inner ones too, 50 parameters; concurrency and batchCount are 1 to 50."""
    for pipeline in bundle.pipelines:
        resource, properties = pipeline.resource, pipeline.resource.properties
        if len(pipeline.activities) > MAX_ACTIVITIES:
            message = f"{len(pipeline.activities)} activities, inner ones too: at most {MAX_ACTIVITIES} are allowed"
            yield Problem(resource.path, _ACTIVITIES, message)
        parameters = mapping(properties.get("parameters"))
        if len(parameters) > MAX_PARAMETERS:
            message = f"{len(parameters)} parameters: at most {MAX_PARAMETERS} are allowed"
            yield Problem(resource.path, "$.properties.parameters", message)
        yield from _in_range(resource, properties, "$.properties", "concurrency", CONCURRENCY)
        for activity in pipeline.activities:
            if activity.type == "ForEach":
                place, values = activity.type_properties_path, activity.type_properties
                yield from _in_range(resource, values, place, "batchCount", BATCH_COUNT)


def wait_on_completion(bundle: Bundle) -> Iterator[Problem]:
    """ExecutePipeline says whether it waits: without, a failure of the child may go unseen by the parent."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            waits = activity.type_properties.get("waitOnCompletion")
            if activity.type == "ExecutePipeline" and waits is None:
                path = child_path(activity.type_properties_path, "waitOnCompletion")
                yield Problem(pipeline.resource.path, path, f"{activity.name!r} must say true or false")


def variable_in_parallel_loop(bundle: Bundle) -> Iterator[Problem]:
    """A ForEach with rounds side by side sets no variable: it is the pipeline's, so the rounds overwrite it."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            loops = (container for container in activity.containers if container.type == "ForEach")
            loop = next((loop for loop in loops if loop.type_properties.get("isSequential") is not True), None)
            if activity.type == "SetVariable" and loop:
                message = f"{activity.name!r} sets a variable, which the parallel rounds of {loop.name!r} overwrite"
                yield Problem(pipeline.resource.path, activity.path, message)


def _nested(bundle: Bundle, is_wrong: Callable[[str, str], bool]) -> Iterator[Problem]:
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            outer = next((each for each in activity.containers if is_wrong(activity.type, each.type)), None)
            if outer:
                message = (
                    f"{activity.type} {activity.name!r} cannot stand in {outer.type} {outer.name!r}: "
                    "move it to a pipeline of its own and call that with ExecutePipeline"
                )
                yield Problem(pipeline.resource.path, activity.path, message)


_ACTIVITY_PARTS: Mapping[str, type] = {"typeProperties": Mapping, "policy": Mapping, "dependsOn": list}
_NAMES_OF_TYPES: Mapping[type, str] = {Mapping: "a JSON object", list: "a JSON array"}


def _list_shape(resource: Resource, value: object, path: str) -> Iterator[Problem]:
    if value is None:
        return
    if not isinstance(value, list):
        yield Problem(resource.path, path, "must be a JSON array of activities")
        return
    for index, entry in enumerate(value):
        if not isinstance(entry, Mapping):
            yield Problem(resource.path, child_path(path, index), "an activity must be a JSON object")


def _in_range(
    resource: Resource, holder: Mapping[str, object], place: str, key: str, allowed: range
) -> Iterator[Problem]:
    value = holder.get(key)
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if value is not None and not is_evaluated(value) and not (is_integer(number) and number in allowed):
        message = f"must be a whole number from {allowed[0]} to {allowed[-1]}, is {value!r}"
        yield Problem(resource.path, child_path(place, key), message)

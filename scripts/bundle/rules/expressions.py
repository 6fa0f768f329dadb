"""Expressions: each parses, and what it reads from its surroundings is there."""

from collections.abc import Iterable, Iterator, Mapping

from bundle.bundle import Bundle, PlacedExpression
from bundle.documents import child_path, is_evaluated, mapping, text
from bundle.expression_functions import CONTEXTS
from bundle.expressions import Reference, calls, problems, references
from bundle.findings import Problem
from bundle.resources import Resource
from bundle.rules.secrets import holds_secret
from bundle.wording import did_you_mean

# What can be called in each kind of object. A dataset and a linked service are resolved in the scope of the activity
# that uses them: Microsoft's tutorials read `pipeline().RunId` in a dataset, samples `item()`.
_OF_ACTIVITIES = frozenset({"activity", "item", "pipeline", "variables"})
_CONTEXTS_OF_KIND: Mapping[str, frozenset[str]] = {
    "pipeline": _OF_ACTIVITIES,
    "trigger": frozenset({"trigger", "triggerBody", "pipeline"}),
    "dataset": _OF_ACTIVITIES | {"dataset"},
    "linkedService": _OF_ACTIVITIES | {"linkedService", "dataset"},
}

# Source: https://learn.microsoft.com/azure/data-factory/control-flow-system-variables.
_SYSTEM_VARIABLES = {
    name.casefold(): name
    for name in (
        "DataFactory",
        "GroupId",
        "Pipeline",
        "RunId",
        "TriggeredByPipelineName",
        "TriggeredByPipelineRunId",
        "TriggerEvent",
        "TriggerId",
        "TriggerName",
        "TriggerTime",
        "TriggerType",
        "globalParameters",
        "parameters",
    )
}

# Fields that the service takes only as expressions. Source: Azure's published schema, `*ActivityTypeProperties`.
_EXPRESSION_FIELDS: Mapping[str, tuple[str, ...]] = {
    "IfCondition": ("expression",),
    "Until": ("expression",),
    "ForEach": ("items",),
    "Filter": ("items", "condition"),
}


def expression_parses(bundle: Bundle) -> Iterator[Problem]:
    """An expression parses, calls documented functions only, and gives each the number of arguments it takes."""
    for placed in bundle.expressions:
        if placed.tree is None:
            hidden = holds_secret(placed.text)
            yield _problem(
                placed, "does not parse; its text holds a secret and is not shown" if hidden else placed.error
            )
        else:
            for message in problems(placed.tree):
                yield _problem(placed, message)


def expression_context(bundle: Bundle) -> Iterator[Problem]:
    """What an expression reads exists there: `item()` in a ForEach or Filter, `trigger()` in a trigger's JSON.

    Datasets and linked services see what the activity sees that uses them, but no pipeline's parameters: Studio refuses
    those.
    """
    for placed in bundle.expressions:
        kind = placed.resource.key.kind
        for call in calls(placed.tree) if placed.tree else ():
            context = CONTEXTS.get(call.function.lower())
            if context and context.name not in _CONTEXTS_OF_KIND[kind]:
                yield _problem(placed, f"{context.name}() has no meaning in a {kind}")
            elif context and context.name == "item" and kind == "pipeline" and not _has_item(placed):
                yield _problem(placed, "item() has a meaning only in a ForEach or a Filter")
        for reference in references(placed.tree) if placed.tree and kind in ("dataset", "linkedService") else ():
            if reference.context == "pipeline" and [str(part).casefold() for part in reference.path[:1]] == [
                "parameters"
            ]:
                hint = f"declare a parameter of the {kind} and pass it"
                yield _problem(placed, f"pipeline().parameters has no meaning in a {kind}: {hint}")


def expression_expected(bundle: Bundle) -> Iterator[Problem]:
    """A condition or a list of items is an expression: text without `@` is none, but for `true` and `false`."""
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            for field in _EXPRESSION_FIELDS.get(activity.type, ()):
                value = activity.type_properties.get(field)
                inner = value.get("value") if isinstance(value, Mapping) else value
                is_constant = isinstance(inner, bool) or text(inner).casefold() in ("true", "false")
                if field in activity.type_properties and not is_evaluated(inner) and not is_constant:
                    path = child_path(activity.type_properties_path, field)
                    yield Problem(
                        pipeline.resource.path, path, f"{activity.type} {activity.name!r}: must be an expression"
                    )


def activity_upstream(bundle: Bundle) -> Iterator[Problem]:
    """`activity('X')` names an activity that has ended by then.

    That is one that the activity, or a container around it, depends on, directly or through others.
    """
    for pipeline in bundle.pipelines:
        names = {activity.name.casefold(): activity.name for activity in pipeline.activities}
        for placed, reference in _read(pipeline.expressions, "activity"):
            name, reader = reference.name, placed.activity
            if name is None or reader is None or name.casefold() in pipeline.upstream[reader.path]:
                continue
            if name.casefold() not in names:
                message = f"no activity {name!r} in the pipeline{did_you_mean(name, names.values())}"
            elif name.casefold() == reader.name.casefold():
                message = f"{name!r} reads itself: it has no output before it has run"
            else:
                message = (
                    f"{name!r} is not upstream of {reader.name!r}: let it, or the container around it, depend on "
                    f"{name!r} or its container"
                )
            yield _problem(placed, message)


def parameter_declared(bundle: Bundle) -> Iterator[Problem]:
    """`pipeline().parameters.x`, `dataset().x`, `linkedService().x` and global parameters are declared."""
    global_parameters = _global_parameters(bundle)
    for placed in bundle.expressions:
        for reference in references(placed.tree) if placed.tree else ():
            name, declared, kind = _parameter(reference, placed.resource, global_parameters)
            if name and not reference.optional and name.casefold() not in {other.casefold() for other in declared}:
                yield _problem(placed, f"{kind} {name!r} is not declared{did_you_mean(name, declared)}")


def system_variable(bundle: Bundle) -> Iterator[Problem]:
    """`pipeline().X` is one of the documented system variables."""
    for placed, reference in _read(bundle.expressions, "pipeline"):
        name = reference.path[0] if reference.path else None
        if isinstance(name, str) and not reference.optional and name.casefold() not in _SYSTEM_VARIABLES:
            hint = did_you_mean(name, _SYSTEM_VARIABLES.values())
            yield _problem(placed, f"pipeline().{name} is no system variable{hint}")


def variable_declared(bundle: Bundle) -> Iterator[Problem]:
    """`variables('x')`, and the variable that an activity sets or appends to, is declared by the pipeline."""
    for pipeline in bundle.pipelines:
        declared = mapping(pipeline.resource.properties.get("variables"))
        known = {name.casefold() for name in declared}
        for placed, reference in _read(pipeline.expressions, "variables"):
            if reference.name is not None and reference.name.casefold() not in known:
                hint = did_you_mean(reference.name, declared)
                yield _problem(placed, f"variable {reference.name!r} is not declared{hint}")
        for activity in pipeline.activities:
            name = activity.type_properties.get("variableName")
            is_return_value = activity.type_properties.get("setSystemVariable") is True
            if activity.type in ("SetVariable", "AppendVariable") and isinstance(name, str) and not is_return_value:
                path = child_path(activity.type_properties_path, "variableName")
                if name.casefold() not in known and not is_evaluated(name):
                    message = f"variable {name!r} is not declared{did_you_mean(name, declared)}"
                    yield Problem(pipeline.resource.path, path, message)


def variable_self_reference(bundle: Bundle) -> Iterator[Problem]:
    """A SetVariable does not read the variable that it sets: the service refuses it. Go through a second variable."""
    for pipeline in bundle.pipelines:
        for placed, reference in _read(pipeline.expressions, "variables"):
            activity = placed.activity
            if activity is None or activity.type != "SetVariable" or reference.name is None:
                continue
            if str(activity.type_properties.get("variableName")).casefold() == reference.name.casefold():
                yield _problem(placed, f"variable {reference.name!r} is set from itself")


def _problem(placed: PlacedExpression, message: str) -> Problem:
    return Problem(placed.resource.path, placed.path, message)


def _read(expressions: Iterable[PlacedExpression], context: str) -> Iterator[tuple[PlacedExpression, Reference]]:
    """Yield every use of one context function, with the expression it is in."""
    for placed in expressions:
        for reference in references(placed.tree) if placed.tree else ():
            if reference.context == context:
                yield placed, reference


def _has_item(placed: PlacedExpression) -> bool:
    activity = placed.activity
    if activity is None:
        return False
    return activity.type == "Filter" or any(container.type == "ForEach" for container in activity.containers)


def _parameter(
    reference: Reference, resource: Resource, global_parameters: Iterable[str] | None
) -> tuple[str, Iterable[str], str]:
    """Return a parameter's name (empty: not one, or not to be told), the declared ones, and what to call it."""
    names = [part for part in reference.path[:2] if isinstance(part, str)]
    match reference.context, names:
        case "pipeline", [group, name] if group.casefold() == "parameters" and resource.key.kind == "pipeline":
            return name, mapping(resource.properties.get("parameters")), "parameter"
        case "pipeline", [group, name] if group.casefold() == "globalparameters" and global_parameters is not None:
            return name, global_parameters, "global parameter"
        case ("dataset" | "linkedService") as kind, [name, *_] if kind == resource.key.kind:
            return name, mapping(resource.properties.get("parameters")), "parameter"
    return "", (), ""


def _global_parameters(bundle: Bundle) -> list[str] | None:
    """Return the factory's global parameters; None when the bundle does not say."""
    declared = [mapping(factory.properties.get("globalParameters")) for factory in bundle.of("factory")]
    return [name for parameters in declared for name in parameters] if declared else None

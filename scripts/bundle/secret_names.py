"""Which parameters take the *name* of a Key Vault secret: what callers pass for those is no secret."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from bundle.documents import ROOT, child_path, mapping, walk
from bundle.errors import ExpressionSyntaxError
from bundle.expressions import find_expressions, parse, references
from bundle.references import references as object_references
from bundle.resources import ResourceKey, Resources


def secret_name_parameters(resources: Resources) -> Mapping[ResourceKey, frozenset[str]]:
    """Return, by object, the folded names of its parameters that end as a `secretName`, there or in what it uses."""
    found: dict[ResourceKey, set[str]] = defaultdict(set)
    for key, resource in resources.items():
        for _, value in resource.places:
            if "secretName" in mapping(value):
                found[key].update(_parameters_read(value["secretName"]))
    passed = [
        (key, target, name.casefold(), frozenset(_parameters_read(value)))
        for key, resource in resources.items()
        for target, name, value, _ in arguments(resource.document)
    ]
    while True:
        before = sum(map(len, found.values()))
        for key, target, name, read in passed:
            if name in found.get(target, ()):
                found[key].update(read)
        if sum(map(len, found.values())) == before:
            return {key: frozenset(names) for key, names in found.items()}


def arguments(document: object) -> Iterator[tuple[ResourceKey, str, object, str]]:
    """Yield (called object, parameter, value, JSON path of the value) of every argument in an object's JSON.

    An ExecutePipeline and a trigger keep them beside the reference, all others in it.
    """
    for path, value in walk(document, ROOT):
        holder = mapping(value)
        if not isinstance(holder.get("parameters"), Mapping):
            continue
        called = next(object_references({key: holder.get(key) for key in ("pipeline", "pipelineReference")}), None)
        target = next((own for own in object_references(holder) if own.document is holder), called)
        if target:
            place = child_path(path, "parameters")
            for name, argument in holder["parameters"].items():
                yield target.target, name, argument, child_path(place, name)


def _parameters_read(value: object) -> Iterator[str]:
    for occurrence in find_expressions(value):
        try:
            tree = parse(occurrence.text)
        except ExpressionSyntaxError:
            continue
        for reference in references(tree):
            path = reference.path[1:2] if reference.context == "pipeline" else reference.path[:1]
            if path and reference.context in ("pipeline", "dataset", "linkedService"):
                yield str(path[0]).casefold()

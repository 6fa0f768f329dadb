"""References between factory objects: each names an object of the bundle, and none lead round in a circle."""

from collections.abc import Iterator, Mapping

from bundle.bundle import Bundle
from bundle.documents import child_path, text, walk
from bundle.findings import Problem
from bundle.references import (
    BUILT_IN,
    REFERENCE_KINDS,
    Reference,
    cycles,
    dependency_graph,
    describe_cycle,
    references,
)
from bundle.rules.wording import did_you_mean

# References to things outside the factory. Source: Azure's published schema.
_OUTSIDE = frozenset(
    {"BigDataPoolReference", "NotebookReference", "SparkConfigurationReference", "SparkJobDefinitionReference"}
)


def reference_type(bundle: Bundle) -> Iterator[Problem]:
    """A reference says what it refers to: `{"referenceName": ..., "type": "LinkedServiceReference"}`."""
    for resource in bundle.resources.values():
        for path, value in walk(resource.document):
            if not isinstance(value, Mapping) or "referenceName" not in value:
                continue
            kind, name = value.get("type"), value["referenceName"]
            if text(kind) not in REFERENCE_KINDS.keys() | _OUTSIDE:
                hint = did_you_mean(kind, REFERENCE_KINDS) or f". One of {', '.join(sorted(REFERENCE_KINDS))}."
                yield Problem(resource.path, child_path(path, "type"), f"{kind!r} is no type of reference{hint}")
            elif not isinstance(name, str | Mapping) or not name:
                yield Problem(resource.path, child_path(path, "referenceName"), "must be the name of an object")


def reference_resolves(bundle: Bundle) -> Iterator[Problem]:
    """Every object that is referred to is in the bundle, or built in. Names ignore case."""
    return (problem for _, problem in unresolved(bundle))


def unresolved(bundle: Bundle) -> Iterator[tuple[Reference, Problem]]:
    """Yield every reference to an object that the bundle does not have, with what to say of it."""
    for resource in bundle.resources.values():
        for reference in references(resource.document):
            if not bundle.knows(reference.target) and reference.target not in BUILT_IN:
                kind, name = reference.target.kind, reference.target.name
                hint = did_you_mean(name, bundle.names(kind))
                yield reference, Problem(resource.path, reference.path, f"no {kind} {name!r} in the bundle{hint}")


def no_reference_cycle(bundle: Bundle) -> Iterator[Problem]:
    """Objects do not refer to each other in a circle: the service could create none of them first."""
    for cycle in cycles(dependency_graph(bundle.resources)):
        resource, following = bundle.resources[cycle[0]], cycle[1]
        path = next(found.path for found in references(resource.document) if found.target == following)
        yield Problem(resource.path, path, f"circular references: {describe_cycle(cycle)}")

"""References between factory objects: each names an object of the bundle, and none lead round in a circle."""

from collections.abc import Container, Iterator, Mapping
from difflib import get_close_matches

from bundle.bundle import Bundle
from bundle.documents import child_path, text
from bundle.findings import Problem
from bundle.references import (
    BUILT_IN,
    REFERENCE_KINDS,
    cycles,
    dependency_graph,
    describe_cycle,
    references_of,
)
from bundle.resources import ResourceKey
from bundle.wording import did_you_mean

# What is made with the infrastructure, and often kept in no file.
_INFRASTRUCTURE = frozenset({"integrationRuntime", "credential", "managedVirtualNetwork"})

_FOLDED_TYPES = {kind.casefold() for kind in REFERENCE_KINDS}
_REFERENCE = "Reference"
_NEARLY = 0.9  # how much of a type must agree with a known one to be a misspelling of it


def reference_type(bundle: Bundle) -> Iterator[Problem]:
    """A reference says what it refers to: `{"referenceName": ..., "type": "LinkedServiceReference"}`.

    Types that Data Factory does not have, as Synapse's `SqlPoolReference`, name things outside the factory.
    """
    for resource in bundle.resources.values():
        for path, value in resource.places:
            if not isinstance(value, Mapping) or "referenceName" not in value:
                continue
            kind, name = value.get("type"), value["referenceName"]
            if text(kind) not in REFERENCE_KINDS and not _is_outside(text(kind)):
                hint = did_you_mean(kind, REFERENCE_KINDS) or f". One of {', '.join(sorted(REFERENCE_KINDS))}."
                yield Problem(resource.path, child_path(path, "type"), f"{kind!r} is no type of reference{hint}")
            elif not isinstance(name, str | Mapping) or not name:
                yield Problem(resource.path, child_path(path, "referenceName"), "must be the name of an object")


def reference_resolves(bundle: Bundle) -> Iterator[Problem]:
    """Every pipeline, dataset, linked service and so on that is referred to is in the bundle. Names ignore case.

    The service refuses an object that refers to one that the factory does not have.
    """
    return (problem for key, problem in unresolved(bundle) if key.kind not in _INFRASTRUCTURE)


def infrastructure_resolves(bundle: Bundle) -> Iterator[Problem]:
    """An integration runtime or credential that is referred to is in the bundle, or was made with the infrastructure.

    The service refuses the reference where the factory does not have it.
    """
    return (problem for key, problem in unresolved(bundle) if key.kind in _INFRASTRUCTURE)


def unresolved(bundle: Bundle, within: Container[ResourceKey] | None = None) -> Iterator[tuple[ResourceKey, Problem]]:
    """Yield the key of every object that is referred to and that the bundle does not have, with what to say of it.

    Args:
        bundle: the factory.
        within: whose references to look at; all objects' by default.
    """
    for key, resource in bundle.resources.items():
        for reference in references_of(resource) if within is None or key in within else ():
            if not bundle.knows(reference.target) and reference.target not in BUILT_IN:
                kind, name = reference.target.kind, reference.target.name
                hint = did_you_mean(name, bundle.names(kind))
                message = f"no {kind} {name!r} in the bundle{hint}"
                yield reference.target, Problem(resource.path, reference.path, message)


def no_reference_cycle(bundle: Bundle) -> Iterator[Problem]:
    """Objects do not refer to each other in a circle: the service could create none of them first."""
    for cycle in cycles(dependency_graph(bundle.resources)):
        resource, following = bundle.resources[cycle[0]], cycle[1]
        path = next(found.path for found in references_of(resource) if found.target == following)
        yield Problem(resource.path, path, f"circular references: {describe_cycle(cycle)}")


def _is_outside(kind: str) -> bool:
    """Say whether a type is that of a reference to something that is no factory object, not a misspelt one."""
    return kind.endswith(_REFERENCE) and not get_close_matches(kind.casefold(), _FOLDED_TYPES, n=1, cutoff=_NEARLY)

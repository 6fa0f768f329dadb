"""What a factory object refers to, and the order and the circles that come of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

from bundle.documents import ROOT, child_path, is_evaluated, walk
from bundle.errors import ReferenceCycleError
from bundle.resources import Resource, ResourceKey, Resources

Node = TypeVar("Node")

# `type` of a reference object -> kind of what it names. Source: Azure's published schema, definitions `*Reference`.
# Synapse's notebook, Spark job and pool references name things outside the factory, so they are not here.
REFERENCE_KINDS: Mapping[str, str] = {
    "CredentialReference": "credential",
    "DataFlowReference": "dataflow",
    "DatasetReference": "dataset",
    "IntegrationRuntimeReference": "integrationRuntime",
    "LinkedServiceReference": "linkedService",
    "ManagedVirtualNetworkReference": "managedVirtualNetwork",
    "PipelineReference": "pipeline",
    "TriggerReference": "trigger",
}

# Objects that factories have without a file.
BUILT_IN = frozenset(
    {
        ResourceKey("integrationRuntime", "AutoResolveIntegrationRuntime"),
        ResourceKey("managedVirtualNetwork", "default"),
    }
)


@dataclass(frozen=True)
class Reference:
    """One mention of another object: its key, the JSON path of the name, and the reference object itself."""

    target: ResourceKey
    path: str
    document: Mapping[str, Any]


def references(document: object, path: str = ROOT) -> Iterator[Reference]:
    """Yield every reference in a JSON value, in document order; not those whose name is an expression."""
    return _references(walk(document, path))


def references_of(resource: Resource) -> Iterator[Reference]:
    """Yield every reference in an object, as `references` does."""
    return _references(resource.places)


def _references(places: Iterable[tuple[str, Any]]) -> Iterator[Reference]:
    for place, value in places:
        if isinstance(value, Mapping) and "referenceName" in value:
            kind, name = REFERENCE_KINDS.get(str(value.get("type"))), value["referenceName"]
            if kind and isinstance(name, str) and not is_evaluated(name):
                yield Reference(ResourceKey(kind, name), child_path(place, "referenceName"), value)


def dependency_graph(resources: Resources) -> dict[ResourceKey, set[ResourceKey]]:
    """Return, for each object, the objects of `resources` that must exist before it, under their own names."""
    own = {key: key for key in resources}
    return {
        key: {own[reference.target] for reference in references_of(resource) if reference.target in own}
        for key, resource in resources.items()
    }


def dependency_levels(resources: Resources) -> list[list[ResourceKey]]:
    """Return the objects level by level: each refers only to objects of earlier levels. Sorted within a level.

    Raises:
        ReferenceCycleError: objects refer to each other in a circle; the message says which.
    """
    graph = dependency_graph(resources)
    for cycle in cycles(graph):
        raise ReferenceCycleError(f"circular references: {describe_cycle(cycle)}. Break the circle.")
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    levels = []
    while sorter.is_active():
        level = sorted(sorter.get_ready())
        sorter.done(*level)
        levels.append(level)
    return levels


def cycles(graph: Mapping[Node, Iterable[Node]]) -> Iterator[list[Node]]:
    """Yield circles of a graph (node -> what it depends on), least node first: [a, b, ..., a]. No two share a node."""
    remaining = {node: set(targets) for node, targets in graph.items()}
    while True:
        try:
            TopologicalSorter(remaining).prepare()
        except CycleError as error:
            # graphlib lists a circle from what is depended on to what depends on it: turn it round.
            circle: list[Node] = error.args[1][:0:-1]
            start = min(range(len(circle)), key=lambda index: str(circle[index]))
            yield [*circle[start:], *circle[: start + 1]]
            remaining = {node: targets - set(circle) for node, targets in remaining.items() if node not in circle}
        else:
            return


def describe_cycle(cycle: Iterable[Node]) -> str:
    """Return a circle as text: `pipeline/A -> pipeline/B -> pipeline/A`."""
    return " -> ".join(str(node) for node in cycle)

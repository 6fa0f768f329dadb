"""What a run of pipelines reaches: pipelines, datasets, linked services, and the clusters of the notebooks."""

from collections.abc import Iterator, Mapping, Sequence

from bundle.bundle import Bundle, Pipeline
from bundle.documents import mapping, text
from bundle.references import references
from bundle.resources import ResourceKey

# What a run on this machine uses. The rest (integration runtimes, credentials, triggers) it does without.
USED_KINDS = frozenset({"pipeline", "dataset", "linkedService"})


def reached(bundle: Bundle, pipelines: Sequence[str]) -> set[ResourceKey]:
    """Return the keys of all that the pipelines use, themselves and through others, whether it is there or not."""
    found: set[ResourceKey] = set()
    to_visit = [ResourceKey("pipeline", name) for name in pipelines]
    while to_visit:
        key = to_visit.pop()
        if key in found:
            continue
        found.add(key)
        resource = bundle.resources.get(key)
        for reference in references(resource.document) if resource else ():
            if reference.target.kind in USED_KINDS:
                to_visit.append(reference.target)
    # A global parameter may be read anywhere.
    return found | {key for key in bundle.resources if key.kind == "factory"}


def called_pipelines(bundle: Bundle, pipelines: Sequence[str]) -> Iterator[Pipeline]:
    """Yield the pipelines and those that they call, at any depth; names of no pipeline are left out."""
    keys = reached(bundle, pipelines)
    return (pipeline for pipeline in bundle.pipelines if pipeline.resource.key in keys)


def notebook_clusters(bundle: Bundle, pipelines: Sequence[str]) -> list[Mapping[str, str]]:
    """Return the cluster's environment variables for every notebook activity that the pipelines reach.

    The bundle may be wrong in any way: this is asked before it is checked.
    """
    return [
        _variables(bundle, text(mapping(activity.document.get("linkedServiceName")).get("referenceName")))
        for pipeline in called_pipelines(bundle, pipelines)
        for activity in pipeline.activities
        if activity.type == "DatabricksNotebook"
    ]


def _variables(bundle: Bundle, linked_service: str) -> Mapping[str, str]:
    resource = bundle.resources.get(ResourceKey("linkedService", linked_service))
    properties = mapping(resource.properties.get("typeProperties")) if resource else {}
    variables = mapping(properties.get("newClusterSparkEnvVars"))
    return {name: value for name, value in variables.items() if isinstance(value, str)}

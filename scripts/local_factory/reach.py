"""What a run of pipelines reaches: the pipelines that they call, and the clusters of the notebooks that they run."""

from collections.abc import Iterator, Mapping, Sequence

from bundle.bundle import Bundle, Pipeline
from bundle.documents import mapping, text
from bundle.resources import ResourceKey


def called_pipelines(bundle: Bundle, pipelines: Sequence[str]) -> Iterator[Pipeline]:
    """Yield the pipelines and those that they call, at any depth; names of no pipeline are left out."""
    by_name = {pipeline.resource.name: pipeline for pipeline in bundle.pipelines}
    to_visit, seen = list(pipelines), set[str]()
    while to_visit:
        name = to_visit.pop(0)
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        yield by_name[name]
        to_visit.extend(
            text(mapping(activity.type_properties.get("pipeline")).get("referenceName"))
            for activity in by_name[name].activities
            if activity.type == "ExecutePipeline"
        )


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

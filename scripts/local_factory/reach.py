"""What a run of pipelines reaches: the pipelines that they call, their activities, and the clusters of their notebooks.

What is stubbed or inactive does not run, so nothing behind it is reached.
"""

from collections.abc import Iterator, Mapping, Sequence

from bundle.activities import Activity
from bundle.bundle import Bundle, Pipeline
from bundle.documents import mapping, text
from bundle.resources import ResourceKey
from local_factory.stubs import Stubs

_ON_CLUSTERS = frozenset({"DatabricksNotebook", "DatabricksSparkPython", "DatabricksJob"})


def called_pipelines(bundle: Bundle, pipelines: Sequence[str], stubs: Stubs | None = None) -> Iterator[Pipeline]:
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
            for activity in running_activities(by_name[name], stubs)
            if activity.type == "ExecutePipeline"
        )


def running_activities(pipeline: Pipeline, stubs: Stubs | None = None) -> Iterator[Activity]:
    """Yield the activities of a pipeline that may run for real: not stubbed, not inactive, nor within such a one."""
    name = pipeline.resource.name

    def left_out(activity: Activity) -> bool:
        inactive = activity.document.get("state") == "Inactive"
        return inactive or bool(stubs and stubs.covers(name, activity.name, activity.type))

    for activity in pipeline.activities:
        if not any(left_out(one) for one in (activity, *activity.containers)):
            yield activity


def notebook_clusters(bundle: Bundle, pipelines: Sequence[str], stubs: Stubs | None = None) -> list[Mapping[str, str]]:
    """Return the cluster's environment variables for every notebook activity that the pipelines reach.

    The bundle may be wrong in any way: this is asked before it is checked.
    """
    return [
        _variables(bundle, text(mapping(activity.document.get("linkedServiceName")).get("referenceName")))
        for pipeline in called_pipelines(bundle, pipelines, stubs)
        for activity in running_activities(pipeline, stubs)
        if activity.type in _ON_CLUSTERS
    ]


def _variables(bundle: Bundle, linked_service: str) -> Mapping[str, str]:
    resource = bundle.resources.get(ResourceKey("linkedService", linked_service))
    properties = mapping(resource.properties.get("typeProperties")) if resource else {}
    variables = mapping(properties.get("newClusterSparkEnvVars"))
    return {name: value for name, value in variables.items() if isinstance(value, str)}

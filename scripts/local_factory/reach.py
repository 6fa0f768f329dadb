"""What a run of pipelines reaches: the pipelines that they call, what their activities use, the notebooks' clusters.

What is stubbed or inactive does not run, so nothing behind it is reached.
"""

from collections.abc import Iterator, Mapping, Sequence

from bundle.activities import Activity
from bundle.bundle import Bundle, Pipeline
from bundle.documents import mapping, text
from bundle.references import references
from bundle.resources import ResourceKey
from local_factory.stubs import Stubs

_ON_CLUSTERS = frozenset({"DatabricksNotebook", "DatabricksSparkPython", "DatabricksJob"})
USED_KINDS = frozenset({"pipeline", "dataset", "linkedService"})
"""What a run on this machine uses. It does without the rest: integration runtimes, credentials, triggers."""


def reached(bundle: Bundle, pipelines: Sequence[str], stubs: Stubs | None = None) -> set[ResourceKey]:
    """Return the keys of all that the pipelines use, themselves and through others, whether it is there or not."""
    by_key = {pipeline.resource.key: pipeline for pipeline in bundle.pipelines}
    found: set[ResourceKey] = set()
    to_visit = [ResourceKey("pipeline", name) for name in pipelines]
    while to_visit:
        key = to_visit.pop()
        if key in found:
            continue
        found.add(key)
        if key in by_key:
            documents = [activity.own_document() for activity in running_activities(by_key[key], stubs)]
        else:
            documents = [bundle.resources[key].document] if key in bundle.resources else []
        to_visit += [
            reference.target
            for document in documents
            for reference in references(document)
            if reference.target.kind in USED_KINDS
        ]
    # A global parameter may be read anywhere.
    return found | {key for key in bundle.resources if key.kind == "factory"}


def called_pipelines(bundle: Bundle, pipelines: Sequence[str], stubs: Stubs | None = None) -> Iterator[Pipeline]:
    """Yield the pipelines and those that they call, at any depth; names of no pipeline are left out."""
    keys = reached(bundle, pipelines, stubs)
    return (pipeline for pipeline in bundle.pipelines if pipeline.resource.key in keys)


def running_activities(pipeline: Pipeline, stubs: Stubs | None = None) -> Iterator[Activity]:
    """Yield the activities of a pipeline that may run for real: not stubbed, not inactive, nor within such a one."""
    name = pipeline.resource.name

    def is_stubbed(activity: Activity) -> bool:
        return bool(stubs and stubs.covers(name, activity.name, activity.type))

    for activity in pipeline.activities:
        if not activity.is_inactive and not any(is_stubbed(one) for one in (activity, *activity.containers)):
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

"""Descriptions and annotations: what whoever opens the factory in Studio, or filters its runs in Monitor, goes by.

Sources: https://learn.microsoft.com/azure/data-factory/concepts-annotations-user-properties and Azure's published
schema, definitions `Pipeline`, `Activity`, `Trigger` and `LinkedService`.
"""

from collections.abc import Iterator

from bundle.bundle import Bundle
from bundle.documents import ROOT, child_path, items, text
from bundle.findings import Problem

_ANNOTATED = ("pipeline", "trigger", "linkedService")
_PROPERTIES = child_path(ROOT, "properties")


def description_given(bundle: Bundle) -> Iterator[Problem]:
    """A pipeline, its activities, a trigger and a linked service say in a `description` what they are there for.

    A name tells what a thing is called; whoever is woken by it at night needs to know why it is there.
    """
    for kind in _ANNOTATED:
        for resource in bundle.of(kind):
            if not text(resource.properties.get("description")).strip():
                message = f"{resource.name!r} has no description: write what it is there for"
                yield Problem(resource.path, _PROPERTIES, message)
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            if not text(activity.document.get("description")).strip():
                message = f"{activity.name!r} has no description: write what it is there for"
                yield Problem(pipeline.resource.path, activity.path, message)


def annotations_given(bundle: Bundle) -> Iterator[Problem]:
    """A pipeline, a trigger and a linked service have an annotation, which Monitor filters runs by.

    In a factory that several teams share, it tells whose a run is.
    """
    for kind in _ANNOTATED:
        for resource in bundle.of(kind):
            if not items(resource.properties.get("annotations")):
                message = f'{resource.name!r} has no annotations: write whose it is, such as ["sales"]'
                yield Problem(resource.path, _PROPERTIES, message)

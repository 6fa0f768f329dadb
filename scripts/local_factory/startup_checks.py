"""What must hold before anything runs: every pipeline to be run, and all that it calls, can run on this machine."""

from collections.abc import Iterator, Sequence

from bundle.bundle import Bundle, Pipeline
from bundle.documents import mapping, text
from bundle.validation import check
from local_factory.activities import ACTIVITIES
from local_factory.errors import UnsupportedFactoryError

# The rules without which a run could not start, or would never end. The others are for `deploy.py validate`.
_NEEDED = frozenset(
    {
        "object-shape",
        "activity-shape",
        "activity-unique",
        "required-property",
        "declaration",
        "dependency-exists",
        "dependency-cycle",
        "dependency-condition",
        "reference-resolves",
        "reference-cycle",
        "expression-parses",
        "notebook-exists",
    }
)


def check_runnable(bundle: Bundle, pipelines: Sequence[str]) -> None:
    """Refuse what cannot run here.

    Raises:
        UnsupportedFactoryError: one line for every reason, each with the file and the place in it.
    """
    problems = list(_problems(bundle, pipelines))
    if problems:
        raise UnsupportedFactoryError("\n".join(problems))


def runs_notebooks(bundle: Bundle, pipelines: Sequence[str]) -> bool:
    """Say whether any of the pipelines, or one that they call, runs a notebook."""
    return any(
        activity.type == "DatabricksNotebook"
        for pipeline in _called(bundle, pipelines)
        for activity in pipeline.activities
    )


def _problems(bundle: Bundle, pipelines: Sequence[str]) -> Iterator[str]:
    yield from (str(error) for error in bundle.unreadable.values())
    known = bundle.names("pipeline")
    for name in pipelines:
        if name not in known:
            yield f"{name}: no such pipeline. The factory has: {', '.join(known) or 'none'}."
    called = list(_called(bundle, pipelines))
    files = {pipeline.resource.path for pipeline in called}
    yield from (str(finding) for finding in check(bundle) if finding.rule in _NEEDED and finding.file in files)
    for pipeline in called:
        for activity in pipeline.activities:
            if activity.type not in ACTIVITIES:
                yield (
                    f"{pipeline.resource.path}: activity {activity.name!r}: type {activity.type!r} does not run on "
                    f"this machine. These do: {', '.join(sorted(ACTIVITIES))}."
                )


def _called(bundle: Bundle, pipelines: Sequence[str]) -> Iterator[Pipeline]:
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

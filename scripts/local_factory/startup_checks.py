"""What must hold before anything runs: the pipelines to be run, and all that they reach, can run on this machine."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bundle.activities import Activity
from bundle.bundle import Bundle
from bundle.documents import mapping, text
from bundle.resources import ResourceKey
from bundle.rules.references import unresolved
from bundle.validation import check
from local_factory.activities import ACTIVITIES
from local_factory.activities.execution import WEB_SIGN_INS
from local_factory.errors import UnsupportedFactoryError
from local_factory.reach import USED_KINDS, called_pipelines, reached

# The rules without which a run could not start, or would never end. The others are for `deploy.py validate`.
_NEEDED = frozenset(
    {
        "activity-shape",
        "activity-unique",
        "required-property",
        "declaration",
        "dependency-exists",
        "dependency-cycle",
        "dependency-condition",
        "reference-cycle",
        "expression-parses",
        "notebook-exists",
    }
)


def check_runnable(bundle: Bundle, pipelines: Sequence[str]) -> None:
    """Refuse what cannot run here. What the pipelines do not reach may be wrong in any way.

    Raises:
        UnsupportedFactoryError: one line for every reason, each with the file and the place in it.
    """
    problems = list(_problems(bundle, pipelines))
    if problems:
        raise UnsupportedFactoryError("\n".join(problems))


def _problems(bundle: Bundle, pipelines: Sequence[str]) -> Iterator[str]:
    keys = reached(bundle, pipelines)
    for name in pipelines:
        if not bundle.knows(ResourceKey("pipeline", name)):
            known = ", ".join(bundle.names("pipeline")) or "none"
            yield f"{name}: no such pipeline. The factory has: {known}."
    yield from (str(bundle.unread[key]) for key in sorted(keys) if key in bundle.unread)
    used = replace(bundle, resources={key: resource for key, resource in bundle.resources.items() if key in keys})
    yield from map(str, check(used, _NEEDED))
    for reference, problem in unresolved(used):
        if reference.target.kind in USED_KINDS and not bundle.knows(reference.target):
            yield f"{problem.file}: {problem.path}: {problem.message}"
    for pipeline in called_pipelines(bundle, pipelines):
        for activity in pipeline.activities:
            reason = _cannot_run(bundle, activity)
            if reason:
                yield f"{pipeline.resource.path}: activity {activity.name!r}: {reason}"


def _cannot_run(bundle: Bundle, activity: Activity) -> str:
    if activity.type not in ACTIVITIES:
        return (
            f"type {activity.type!r} does not run on this machine. These do: {', '.join(sorted(ACTIVITIES))}."
        )
    sign_in = text(mapping(activity.type_properties.get("authentication")).get("type"))
    if activity.type == "WebActivity" and sign_in and sign_in not in WEB_SIGN_INS:
        return f"authentication {sign_in!r} does not work from this machine. These do: {', '.join(sorted(WEB_SIGN_INS))}."
    return ""

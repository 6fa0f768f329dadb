"""What must hold before anything runs: every pipeline to be run, and all that it calls, can run on this machine."""

from collections.abc import Iterator, Sequence

from bundle.bundle import Bundle
from bundle.validation import check
from local_factory.activities import ACTIVITIES
from local_factory.errors import UnsupportedFactoryError
from local_factory.reach import called_pipelines

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


def _problems(bundle: Bundle, pipelines: Sequence[str]) -> Iterator[str]:
    yield from (str(error) for error in bundle.unreadable.values())
    known = bundle.names("pipeline")
    for name in pipelines:
        if name not in known:
            yield f"{name}: no such pipeline. The factory has: {', '.join(known) or 'none'}."
    called = list(called_pipelines(bundle, pipelines))
    files = {pipeline.resource.path for pipeline in called}
    yield from (str(finding) for finding in check(bundle) if finding.rule in _NEEDED and finding.file in files)
    for pipeline in called:
        for activity in pipeline.activities:
            if activity.type not in ACTIVITIES:
                yield (
                    f"{pipeline.resource.path}: activity {activity.name!r}: type {activity.type!r} does not run on "
                    f"this machine. These do: {', '.join(sorted(ACTIVITIES))}."
                )

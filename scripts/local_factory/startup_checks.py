"""What must hold before anything runs: the pipelines to be run, and all that they reach, can run on this machine."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from bundle.activities import Activity
from bundle.bundle import Bundle, Pipeline, notebook_path
from bundle.documents import mapping, text
from bundle.errors import NotebookNotFoundError
from bundle.findings import Finding
from bundle.notebooks import OTHER_SUFFIXES, find_notebook
from bundle.resources import ResourceKey
from bundle.rules.references import unresolved
from bundle.validation import check
from local_factory.activities import ACTIVITIES, USE_STAND_INS
from local_factory.activities.execution import WEB_SIGN_INS
from local_factory.connectors import unsupported_reason
from local_factory.data.stand_ins import KIND_OF_TYPE, StandIns, linked_services_of, paste_text
from local_factory.errors import UnsupportedFactoryError
from local_factory.reach import USED_KINDS, called_pipelines, reached, running_activities
from local_factory.stubs import Stubs

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
    }
)
# For notebooks that read the bundle's sources: those that are told another folder of them by a widget.
_SOURCES, _SOURCES_WIDGET = "source-right", "sources"


@dataclass(frozen=True)
class Lack:
    """Why an activity cannot run here: what it is lacking, and what to do about it. `paste` is TOML for the user."""

    pipeline: Pipeline
    activity: Activity
    reason: str
    paste: str = ""

    @property
    def is_unsupported(self) -> bool:
        """Whether no stand-in would help."""
        return not self.paste

    def __str__(self) -> str:
        return f"{self.pipeline.resource.path}: activity {self.activity.name!r}: {self.reason}"


def check_runnable(
    bundle: Bundle,
    pipelines: Sequence[str],
    stubs: Stubs | None = None,
    stand_ins: StandIns = MappingProxyType({}),
    findings: Sequence[Finding] | None = None,
) -> None:
    """Refuse what cannot run here. What the pipelines do not reach may be wrong in any way.

    Args:
        bundle: the factory.
        pipelines: the names of what is to be run.
        stubs: what need not run.
        stand_ins: what takes linked services' places.
        findings: what the rules say of the bundle, when that is known already.

    Raises:
        UnsupportedFactoryError: one line for every reason, each with the file and the place in it.
    """
    problems = list(_problems(bundle, pipelines, stubs, findings))
    lacking = list(lacks(bundle, pipelines, stubs, stand_ins))
    problems += [str(lack) for lack in lacking]
    paste = dict.fromkeys(lack.paste for lack in lacking if lack.paste)
    if paste:
        problems.append(
            "Put what stands in for these linked services into a file and name it with --linked-services FILE"
            " (or stub the activities, --stubs FILE):\n\n" + "\n\n".join(paste)
        )
    if problems:
        raise UnsupportedFactoryError("\n".join(problems))


def lacks(
    bundle: Bundle,
    pipelines: Sequence[str],
    stubs: Stubs | None = None,
    stand_ins: StandIns = MappingProxyType({}),
) -> Iterator[Lack]:
    """Yield why activities that the pipelines reach cannot run here: their type, their connector, no stand-in."""
    for pipeline in called_pipelines(bundle, pipelines, stubs):
        for activity in running_activities(pipeline, stubs):
            if activity.type not in ACTIVITIES:
                yield Lack(
                    pipeline,
                    activity,
                    f"type {activity.type!r} does not run on this machine: stub it (--stubs FILE, or "
                    f"--stub-unsupported). These types run: {', '.join(sorted(ACTIVITIES))}.",
                )
                continue
            reason = _cannot_run(bundle, activity) or unsupported_reason(bundle, activity)
            if reason:
                yield Lack(pipeline, activity, f"{reason}: stub the activity (--stubs FILE, or --stub-unsupported).")
            elif activity.type in USE_STAND_INS:
                yield from _missing_stand_ins(bundle, pipeline, activity, stand_ins)


def _cannot_run(bundle: Bundle, activity: Activity) -> str:
    sign_in = text(mapping(activity.type_properties.get("authentication")).get("type"))
    if activity.type in ("WebActivity", "WebHook") and sign_in and sign_in not in WEB_SIGN_INS:
        return f"authentication {sign_in!r} does not work from this machine"
    path = notebook_path(activity)
    return _unsupported_notebook(path, bundle.notebooks_root) if path else ""


def _unsupported_notebook(path: str, root: Path) -> str:
    with suppress(NotebookNotFoundError):
        find_notebook(path, root)
        return ""
    with suppress(NotebookNotFoundError):
        return f"{find_notebook(path, root, OTHER_SUFFIXES)}: only notebooks in Python (.py) run on this machine"
    return f"no notebook {path!r} under {root}"


def _missing_stand_ins(bundle: Bundle, pipeline: Pipeline, activity: Activity, stand_ins: StandIns) -> Iterator[Lack]:
    for linked_service in linked_services_of(bundle, activity.own_document()):
        kind = str(linked_service.properties.get("type"))
        if kind in KIND_OF_TYPE and linked_service.name.casefold() not in stand_ins:
            reason = f"nothing on this machine stands in for linked service {linked_service.name!r} ({kind})."
            yield Lack(pipeline, activity, reason, paste_text(linked_service))


def unsupported_activities(
    bundle: Bundle, pipelines: Sequence[str], stubs: Stubs | None = None
) -> set[tuple[str, str]]:
    """Return the activities, as (pipeline, activity), that no stand-in lets run here."""
    return {
        (lack.pipeline.resource.name, lack.activity.name)
        for lack in lacks(bundle, pipelines, stubs)
        if lack.is_unsupported
    }


def _problems(
    bundle: Bundle, pipelines: Sequence[str], stubs: Stubs | None, findings: Sequence[Finding] | None
) -> Iterator[str]:
    keys = reached(bundle, pipelines, stubs)
    for name in pipelines:
        if not bundle.knows(ResourceKey("pipeline", name)):
            known = ", ".join(bundle.names("pipeline")) or "none"
            yield f"{name}: no such pipeline. The factory has: {known}."
    yield from (str(bundle.unread[key]) for key in sorted(keys) if key in bundle.unread)
    used = replace(bundle, resources={key: resource for key, resource in bundle.resources.items() if key in keys})
    files = {resource.path for resource in used.resources.values()}
    reads_sources = any(
        _reads_sources(bundle, activity)
        for pipeline in used.pipelines
        for activity in running_activities(pipeline, stubs)
    )
    for finding in check(used, _NEEDED | {_SOURCES}) if findings is None else findings:
        if (finding.rule in _NEEDED and finding.file in files) or (finding.rule == _SOURCES and reads_sources):
            yield str(finding)
    for key, problem in unresolved(bundle, keys):
        if key in keys and key.kind in USED_KINDS:
            yield f"{problem.file}: {problem.path}: {problem.message}"


def _reads_sources(bundle: Bundle, activity: Activity) -> bool:
    notebook = bundle.notebook_of(activity)
    return notebook is not None and _SOURCES_WIDGET in notebook.declared_widgets.lines

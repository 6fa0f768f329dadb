"""Making a plan: what is wanted against what is there. Pure: everything it needs is passed in."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bundle.documents import mapping
from bundle.environments import Environment
from bundle.errors import ReferenceCycleError
from bundle.references import BUILT_IN, dependency_levels, references
from bundle.resources import Resource, ResourceKey
from deployment.dashboards import LiveDashboard, Settings, dashboard_differences, with_access
from deployment.desired import MARK, MARKED_KINDS, Desired, digest, is_marked
from deployment.differences import RUNTIME_STATE, Change, differences, hidden_secrets, mask
from deployment.factory import STARTED, STOPPED, LiveObject
from deployment.jobs import Job, lacking
from deployment.live import Live
from deployment.plan import DASHBOARD, GIT_FOLDER, JOB, Action, Operation, Options, Plan, label
from deployment.workspace import WorkspaceFile

# A tumbling window trigger's window cannot be moved: the service refuses it.
_WINDOW = "TumblingWindowTrigger"
_IMMUTABLE = tuple(f"properties.typeProperties.{field}" for field in ("startTime", "frequency", "interval"))


def make_plan(desired: Desired, live: Live, environment: Environment, options: Options) -> Plan:
    """Return what leads from what is there to what is wanted, and every reason not to do it."""
    object_actions = [*_upserts(desired, live), *_deletes(desired, live)]
    actions = (
        *_workspace_actions(desired, live),
        *_job_actions(desired, live),
        *_dashboard_actions(desired, live),
        *object_actions,
    )
    changed = {action.key for action in actions}
    wanted = [
        *desired.objects,
        *(ResourceKey(file.kind, file.path) for file in desired.files.values()),
        *(ResourceKey(JOB, name) for name in desired.jobs),
        *(ResourceKey(DASHBOARD, path) for path in desired.dashboards.settings),
    ]
    return Plan(
        environment=environment.name,
        factory=environment.azure.factory_id,
        workspace=f"{environment.databricks.host}{environment.databricks.root}",
        options=options,
        actions=_in_order(actions),
        unchanged=tuple(sorted(label(key.kind, key.name) for key in wanted if key not in changed)),
        refusals=(*_refusals(desired, live, actions, options), *_writer_refusals(live, environment)),
        notes=(*desired.notes, *_unrestorable(live, object_actions)),
    )


def object_action(
    key: ResourceKey, wanted: Mapping[str, Any] | None, live: LiveObject | None, **fields: Any
) -> Action | None:
    """Return what makes one factory object as wanted (None: gone), or None when it is. `fields` go into the action."""
    if wanted is None:
        if live is None:
            return None
        return Action(Operation.DELETE, key.kind, key.name, etag=live.etag, stop=live.started, **fields)
    state = mapping(wanted.get("properties")).get("runtimeState") if key.kind == "trigger" else None
    if live is None:
        return Action(Operation.CREATE, key.kind, key.name, start=state == STARTED, **fields)
    changes = differences(live.document, wanted)
    state = state or live.runtime_state
    if state != live.runtime_state and STARTED in (state, live.runtime_state):
        changes = (*changes, Change(RUNTIME_STATE, live.runtime_state or STOPPED, state))
    if not changes:
        return None
    return Action(
        Operation.UPDATE,
        key.kind,
        key.name,
        changes,
        etag=live.etag,
        stop=live.started,
        start=state == STARTED,
        **fields,
    )


def file_action(path: str, wanted: WorkspaceFile | None, live: WorkspaceFile | None) -> Action | None:
    """Return what makes one notebook or file as wanted (None: gone), or None when it is."""
    there = live.fingerprint if live else None
    if wanted is None:
        return Action(Operation.DELETE, live.kind, path, etag=there) if live else None
    if live is None:
        return Action(Operation.CREATE, wanted.kind, path, content=wanted.fingerprint)
    if wanted.fingerprint == there:
        return None
    change = Change("sha256", live.fingerprint[:12], wanted.fingerprint[:12])
    return Action(Operation.UPDATE, wanted.kind, path, (change,), etag=there, content=wanted.fingerprint)


def job_action(name: str, wanted: Mapping[str, Any] | None, live: Job | None) -> Action | None:
    """Return what makes a job as wanted (None: gone), or None when it is."""
    if wanted is None:
        return Action(Operation.DELETE, JOB, name, etag=live.id) if live else None
    if live is None:
        return Action(Operation.CREATE, JOB, name)
    changes = tuple(
        Change(path, mask(old, (path,)), mask(new, (path,))) for path, old, new in lacking(live.settings, wanted)
    )
    return Action(Operation.UPDATE, JOB, name, changes, etag=live.id) if changes else None


def dashboard_action(path: str, wanted: Settings | None, live: LiveDashboard | None) -> Action | None:
    """Return what makes a dashboard as wanted (None: gone), or None when it is."""
    if wanted is None:
        return Action(Operation.DELETE, DASHBOARD, path, etag=live.etag) if live else None
    if live is None:
        return Action(Operation.CREATE, DASHBOARD, path)
    changes = tuple(
        Change(place, mask(old, (place,)), mask(new, (place,)))
        for place, old, new in dashboard_differences(live, wanted)
    )
    return Action(Operation.UPDATE, DASHBOARD, path, changes, etag=live.etag) if changes else None


def levels_of(documents: Mapping[ResourceKey, Mapping[str, Any]]) -> dict[ResourceKey, int]:
    """Return each object's level: it refers only to objects of lower ones. Objects in a circle have none."""
    resources = {key: Resource(key, Path(str(key)), b"", document) for key, document in documents.items()}
    try:
        levels = dependency_levels(resources)
    except ReferenceCycleError:
        return {}
    return {key: number for number, level in enumerate(levels) for key in level}


def _in_order(actions: Iterable[Action]) -> tuple[Action, ...]:
    def position(action: Action) -> tuple[int, int, str]:
        if action.operation is Operation.DELETE:
            return (2 if action.in_factory else 3, -action.level, str(action.key))
        return (1 if action.in_factory else 0, action.level, str(action.key))

    return tuple(sorted(actions, key=position))


def _upserts(desired: Desired, live: Live) -> Iterator[Action]:
    levels = levels_of({key: resource.document for key, resource in desired.objects.items()})
    for key, resource in desired.objects.items():
        level = levels.get(key, 0)
        action = object_action(
            key, resource.document, live.objects.get(key), level=level, content=digest(resource.content)
        )
        if action:
            yield action


def _deletes(desired: Desired, live: Live) -> Iterator[Action]:
    ours = {
        key: found for key, found in live.objects.items() if is_marked(found.document) and key not in desired.objects
    }
    levels = levels_of({key: found.document for key, found in ours.items()})
    for key, found in ours.items():
        yield Action(
            Operation.DELETE, key.kind, key.name, level=levels.get(key, 0), etag=found.etag, stop=found.started
        )


def _workspace_actions(desired: Desired, live: Live) -> Iterator[Action]:
    for path in sorted({*desired.files, *live.owned_files}):
        action = file_action(path, desired.files.get(path), live.files.get(path))
        if action:
            yield action
    folder = live.git_folder
    if desired.commit and folder and folder.commit != desired.commit:
        change = Change("commit", folder.commit, desired.commit)
        yield Action(Operation.UPDATE, GIT_FOLDER, folder.path, (change,), etag=folder.commit, content=desired.commit)


def _job_actions(desired: Desired, live: Live) -> Iterator[Action]:
    for name, settings in sorted(desired.jobs.items()):
        action = job_action(name, settings, live.jobs.get(name))
        if action:
            yield action


def _dashboard_actions(desired: Desired, live: Live) -> Iterator[Action]:
    wanted = with_access(desired.dashboards.settings, live.dashboards)
    for path in sorted({*wanted, *live.dashboards}):
        action = dashboard_action(path, wanted.get(path), live.dashboards.get(path))
        if action:
            yield action


def _refusals(desired: Desired, live: Live, actions: Iterable[Action], options: Options) -> Iterator[str]:
    deleted = {action.key for action in actions if action.operation is Operation.DELETE}
    yield from _name_refusals(desired, live, options)
    yield from _window_refusals(desired, live, actions)
    yield from _reference_refusals(desired, live, deleted)
    try:
        dependency_levels(desired.objects)
    except ReferenceCycleError as error:
        yield str(error)
    if desired.commit and live.git_folder is None:
        yield "no Git folder at databricks.root of the workspace. Make it: `databricks repos create URL --path ROOT`."
    if len(deleted) > options.max_deletes:
        yield (
            f"{len(deleted)} deletes are more than the {options.max_deletes} that are allowed. "
            f"If they are meant, say --max-deletes {len(deleted)}."
        )


def _writer_refusals(live: Live, environment: Environment) -> Iterator[str]:
    if live.writers:
        yield (
            f"{environment.databricks.root}: {', '.join(sorted(live.writers))} may write in it, and what stands there "
            "runs with the pipelines' rights. Take the right away (the folder's Share in the workspace), or name "
            f"another folder as databricks.root in {environment.file}."
        )


def _name_refusals(desired: Desired, live: Live, options: Options) -> Iterator[str]:
    # The service's names ignore case: `pl_copy` would silently replace `PL_Copy`.
    for key, resource in desired.objects.items():
        found = live.objects.get(key)
        if found and found.key.name != key.name:
            yield f"{resource.path}: the factory has {found.key}; names ignore case. Use that name, or delete it first."
        if found and key.kind in MARKED_KINDS and not is_marked(found.document) and not options.adopt:
            yield (
                f"{key}: the factory has one that is not this bundle's (no annotation {MARK!r}). "
                "Rename yours, or take it over with --adopt."
            )


def _window_refusals(desired: Desired, live: Live, actions: Iterable[Action]) -> Iterator[str]:
    for action in actions:
        found = live.objects.get(action.key)
        if action.operation is not Operation.UPDATE or found is None or found.properties.get("type") != _WINDOW:
            continue
        for change in action.changes:
            if change.path in (*_IMMUTABLE, "properties.type"):
                yield (
                    f"{desired.objects[action.key].path}: {change.path}: a tumbling window trigger keeps it "
                    f"({change.old!r}, not {change.new!r}). Make one of another name; it back-fills from its start."
                )


def _reference_refusals(desired: Desired, live: Live, deleted: set[ResourceKey]) -> Iterator[str]:
    there = {*desired.objects, *live.objects, *BUILT_IN} - deleted
    for resource in desired.objects.values():
        for reference in references(resource.document):
            target = reference.target
            if target in there or target.kind not in MARKED_KINDS | {"integrationRuntime"}:
                continue
            why = "is deleted by this plan" if target in deleted else "is neither in the bundle nor in the factory"
            yield f"{resource.path}: {reference.path}: {target} {why}."
    for key, found in live.objects.items():
        if key in desired.objects or key in deleted:
            continue
        for reference in references(found.document):
            if reference.target in deleted:
                yield f"{reference.target}: cannot be deleted: {key}, which stays, refers to it ({reference.path})."


def _unrestorable(live: Live, actions: Iterable[Action]) -> Iterator[str]:
    for action in actions:
        found = live.objects.get(action.key)
        for path in hidden_secrets(found.document) if found else ():
            yield (
                f"{action.key}: {path}: the factory does not give this secret back: every plan shows it as changed, "
                "and a rollback cannot restore it. Keep it in Key Vault."
            )

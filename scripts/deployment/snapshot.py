"""The snapshot: everything a deployment is about to touch, as it was before, in one file; and the way back to it."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bundle.command_line import reason
from bundle.environments import Environment
from bundle.resources import ResourceKey
from deployment.dashboards import LiveDashboard, Settings
from deployment.differences import restorable
from deployment.errors import SnapshotError
from deployment.execution import Contents
from deployment.factory import LiveObject
from deployment.jobs import Job
from deployment.live import Live
from deployment.plan import DASHBOARD, GIT_FOLDER, JOB, Action, Plan
from deployment.planning import dashboard_action, file_action, job_action, levels_of, object_action
from deployment.workspace import FileKind, WorkspaceFile

FOLDER = Path(".local/deployments")

_VERSION = 1


@dataclass(frozen=True)
class Snapshot:
    """Objects and files before a deployment; None where there was none. `commit` is the Git folder's."""

    environment: str
    factory: str
    workspace: str
    taken: str
    objects: Mapping[ResourceKey, Mapping[str, Any] | None]
    files: Mapping[str, WorkspaceFile | None]
    git_folder: str | None = None
    commit: str | None = None
    jobs: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    dashboards: Mapping[str, Settings | None] = field(default_factory=dict)

    def save(self, folder: Path) -> Path:
        """Write the snapshot to a new file that only its owner can read, and return the file.

        Raises:
            SnapshotError: the file cannot be written.
        """
        file = folder / f"snapshot-{self.environment}-{self.taken.replace(':', '').replace('.', '-')}.json"
        document = {
            "version": _VERSION,
            "environment": self.environment,
            "factory": self.factory,
            "workspace": self.workspace,
            "taken": self.taken,
            "objects": [{"kind": key.kind, "name": key.name, "document": was} for key, was in self.objects.items()],
            "files": [_file_to_json(path, was) for path, was in self.files.items()],
            "gitFolder": self.git_folder,
            "commit": self.commit,
            "jobs": dict(self.jobs),
            "dashboards": dict(self.dashboards),
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600, exist_ok=False)
            file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise SnapshotError(f"{file}: the snapshot cannot be written, so nothing was changed: {error}") from error
        return file


def take_snapshot(plan: Plan, live: Live, taken: datetime) -> Snapshot:
    """Return what a plan is about to touch, as it is now."""
    factory_keys = [action.key for action in plan.actions if action.in_factory]
    jobs = [action.name for action in plan.actions if action.kind == JOB]
    dashboards = [action.name for action in plan.actions if action.kind == DASHBOARD]
    paths = [action.name for action in plan.actions if action.kind in list(FileKind)]
    touches_folder = any(action.kind == GIT_FOLDER for action in plan.actions)
    folder = live.git_folder if touches_folder else None
    return Snapshot(
        environment=plan.environment,
        factory=plan.factory,
        workspace=plan.workspace,
        taken=taken.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        objects={key: live.objects[key].document if key in live.objects else None for key in factory_keys},
        files={path: live.files.get(path) for path in paths},
        git_folder=folder.path if folder else None,
        commit=folder.commit if folder else None,
        jobs={name: live.jobs[name].settings if name in live.jobs else None for name in jobs},
        dashboards={path: live.dashboards[path].settings if path in live.dashboards else None for path in dashboards},
    )


def load_snapshot(file: Path, environment: Environment) -> Snapshot:
    """Read a snapshot of an environment's factory.

    Raises:
        SnapshotError: the file is no snapshot, or is that of another factory.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["version"] != _VERSION:
            raise SnapshotError(f"{file}: a snapshot of version {document['version']}, not {_VERSION}.")
        snapshot = Snapshot(
            environment=document["environment"],
            factory=document["factory"],
            workspace=document["workspace"],
            taken=document["taken"],
            objects={ResourceKey(entry["kind"], entry["name"]): entry["document"] for entry in document["objects"]},
            files={entry["path"]: _file_from_json(entry) for entry in document["files"]},
            git_folder=document["gitFolder"],
            commit=document["commit"],
            jobs=document.get("jobs", {}),
            dashboards=document.get("dashboards", {}),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"{file}: no snapshot that `apply` wrote: {reason(error)}") from error
    if snapshot.factory.casefold() != environment.azure.factory_id.casefold():
        raise SnapshotError(f"{file}: holds {snapshot.factory}; {environment.file} is {environment.azure.factory_id}.")
    return snapshot


def way_back(
    snapshot: Snapshot,
    objects: Mapping[ResourceKey, LiveObject],
    files: Mapping[str, WorkspaceFile],
    jobs: Mapping[str, Job],
    dashboards: Mapping[str, LiveDashboard],
) -> tuple[list[Action], Contents]:
    """Return what puts everything back as the snapshot holds it, given what is there now."""
    before = {key: document for key, document in snapshot.objects.items() if document is not None}
    # What is to be deleted is ordered by what it is now, what is to be restored by what it was.
    now = {key: objects[key].document for key in snapshot.objects if key not in before and key in objects}
    levels = {**levels_of(now), **levels_of(before)}
    found: Iterable[Action | None] = [
        *(file_action(path, was, files.get(path)) for path, was in snapshot.files.items()),
        *(job_action(name, was, jobs.get(name)) for name, was in snapshot.jobs.items()),
        *(dashboard_action(path, was, dashboards.get(path)) for path, was in snapshot.dashboards.items()),
        *(object_action(key, was, objects.get(key), level=levels.get(key, 0)) for key, was in snapshot.objects.items()),
    ]
    contents = Contents(
        {key: json.dumps(restorable(document)).encode() for key, document in before.items()},
        {path: was for path, was in snapshot.files.items() if was},
        jobs={name: was for name, was in snapshot.jobs.items() if was},
        dashboards={path: was for path, was in snapshot.dashboards.items() if was},
    )
    return [action for action in found if action], contents


def _file_to_json(path: str, was: WorkspaceFile | None) -> dict[str, Any]:
    if was is None:
        return {"path": path, "kind": None, "content": None}
    return {"path": path, "kind": was.kind, "content": base64.b64encode(was.content).decode()}


def _file_from_json(entry: Mapping[str, Any]) -> WorkspaceFile | None:
    if entry["kind"] is None:
        return None
    return WorkspaceFile(FileKind(entry["kind"]), entry["path"], base64.b64decode(entry["content"]))

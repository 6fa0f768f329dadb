"""The plan as a value: what will be done, field by field, and what it was made from; printed, saved and compared."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bundle.command_line import reason
from bundle.resources import ResourceKey
from deployment.differences import RUNTIME_STATE, Change
from deployment.errors import PlanFileError
from deployment.workspace import FileKind

GIT_FOLDER = "gitFolder"
JOB = "job"
DASHBOARD = "dashboard"
DEFAULT_MAX_DELETES = 10

_VERSION = 1


class Operation(StrEnum):
    """What is done to an object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


DONE = {Operation.CREATE: "created", Operation.UPDATE: "updated", Operation.DELETE: "deleted"}


def label(kind: str, name: str) -> str:
    """Return a name for users: a factory object as its file is called, what the workspace holds as it is."""
    return f"{kind} {name}" if name.startswith("/") or kind == JOB else f"{kind}/{name}"


@dataclass(frozen=True)
class Action:
    """One change of one object: a factory object, a notebook or file, a job, a dashboard, or the Git folder.

    `level` orders factory objects: each refers only to objects of lower levels. `etag` is the live object's, `content`
    the hash of what will be sent. `stop` and `start` are a trigger's: it fires now, and it is to fire afterwards.
    """

    operation: Operation
    kind: str
    name: str
    changes: tuple[Change, ...] = ()
    level: int = 0
    etag: str | None = None
    content: str | None = None
    stop: bool = False
    start: bool = False

    @property
    def key(self) -> ResourceKey:
        """What names the object."""
        return ResourceKey(self.kind, self.name)

    @property
    def label(self) -> str:
        """What users read: `pipeline/PL_Copy`, `notebook /Shared/app/notebooks/load`."""
        return label(self.kind, self.name)

    @property
    def in_factory(self) -> bool:
        """Whether the object is the factory's; else it is the workspace's."""
        return self.kind not in (*FileKind, GIT_FOLDER, JOB, DASHBOARD)

    @property
    def sends(self) -> bool:
        """Whether the object's content is sent: not for a delete, nor where only a trigger's state differs."""
        if self.operation is Operation.UPDATE:
            return any(change.path != RUNTIME_STATE for change in self.changes)
        return self.operation is Operation.CREATE


@dataclass(frozen=True)
class Options:
    """What the user allows: the number of deletes, and taking over objects that this bundle has not marked."""

    max_deletes: int = DEFAULT_MAX_DELETES
    adopt: bool = False


@dataclass(frozen=True)
class Plan:
    """All changes of one deployment, in order. `refusals` are reasons not to apply it, `notes` are worth knowing."""

    environment: str
    factory: str
    workspace: str
    options: Options
    actions: tuple[Action, ...]
    unchanged: tuple[str, ...]
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def count(self, operation: Operation) -> int:
        """Return the number of actions of a kind."""
        return sum(action.operation is operation for action in self.actions)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values; secrets are masked already."""
        summary = {operation.value: self.count(operation) for operation in Operation}
        return {
            "version": _VERSION,
            **json.loads(json.dumps(asdict(self))),
            "summary": {**summary, "unchanged": len(self.unchanged)},
        }

    def save(self, file: Path) -> None:
        """Write the plan to a file.

        Raises:
            PlanFileError: the file cannot be written.
        """
        try:
            file.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise PlanFileError(f"{file}: the plan cannot be written: {error}") from error


def load_plan(file: Path) -> Plan:
    """Read a saved plan.

    Raises:
        PlanFileError: the file is no plan of this version.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["version"] != _VERSION:
            raise PlanFileError(f"{file}: a plan of version {document['version']}, not {_VERSION}. Make it again.")
        return Plan(
            environment=document["environment"],
            factory=document["factory"],
            workspace=document["workspace"],
            options=Options(**document["options"]),
            actions=tuple(_action(action) for action in document["actions"]),
            unchanged=tuple(document["unchanged"]),
            refusals=tuple(document["refusals"]),
            notes=tuple(document["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanFileError(f"{file}: no plan that `plan --out` wrote: {reason(error)}") from error


def what_differs(saved: Plan, fresh: Plan) -> list[str]:
    """Return one line for everything in which two plans are not the same."""
    lines = [
        f"{field}: was {getattr(saved, field)}, is {getattr(fresh, field)}"
        for field in ("environment", "factory", "workspace", "options")
        if getattr(saved, field) != getattr(fresh, field)
    ]
    before, after = _by_key(saved.actions), _by_key(fresh.actions)
    for key in sorted({*before, *after}):
        if key not in after:
            lines.append(f"{before[key].label}: nothing is left to be done")
        elif key not in before:
            lines.append(f"{after[key].label}: {after[key].operation} is not in the plan")
        elif before[key] != after[key]:
            lines.append(f"{after[key].label}: is not what the plan was made from")
    lines.extend(f"refused now: {refusal}" for refusal in fresh.refusals if refusal not in saved.refusals)
    if saved.to_json() != fresh.to_json() and not lines:
        lines.append("objects that do not change are others than those of the plan")
    return lines


def _by_key(actions: Iterable[Action]) -> dict[ResourceKey, Action]:
    return {action.key: action for action in actions}


def _action(document: dict[str, Any]) -> Action:
    changes = tuple(Change(**change) for change in document.pop("changes"))
    return Action(operation=Operation(document.pop("operation")), changes=changes, **document)

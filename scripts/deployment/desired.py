"""What an environment is to hold: the bundle's objects, overridden and marked, and its notebooks by workspace path."""

import codecs
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bundle.documents import child_path, mapping, walk
from bundle.environments import Environment, NotebookDelivery, apply_overrides, with_document
from bundle.notebooks import is_notebook
from bundle.resources import Resource, ResourceKey, load_resources
from deployment.compute import with_compute
from deployment.dashboards import NONE, WantedDashboards, wanted_dashboards
from deployment.errors import DeploymentError
from deployment.factory import OPERATIONS
from deployment.jobs import on_jobs
from deployment.workspace import FileKind, WorkspaceFile

# The annotation of every object that is this bundle's. What does not carry it is never changed and never deleted.
MARK = "continuous-ingestion"
# Kinds whose objects have `annotations`. Source: the service's published schema.
MARKED_KINDS = frozenset(OPERATIONS) - {"integrationRuntime"}

_NOTEBOOKS = "notebooks"
# An import makes notebooks of these, under a path without the extension.
_OTHER_NOTEBOOKS = {".ipynb", ".sql", ".scala", ".r", ".R"}


@dataclass(frozen=True)
class Desired:
    """What is to be: objects and files by what names them, or the commit and branch of a Git folder.

    `jobs` are settings by name, of jobs on serverless compute. `notes` say what of the bundle is not deployed, or is
    deployed otherwise than it is written.
    """

    objects: Mapping[ResourceKey, Resource]
    files: Mapping[str, WorkspaceFile]
    commit: str | None
    branch: str | None
    notes: tuple[str, ...]
    jobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    dashboards: WantedDashboards = NONE


def read_desired(adf: Path, notebooks: Path, environment: Environment, dashboards: Path | None = None) -> Desired:
    """Read a bundle as an environment is to hold it.

    Args:
        adf: the factory's Git root.
        notebooks: the folder of its notebooks.
        environment: where it goes.
        dashboards: the folder of its dashboards.

    Raises:
        BundleError: an object file is wrong, or an override leads nowhere.
        DeploymentError: the commit to deploy is not known (Git folders only).
    """
    resources = apply_overrides(load_resources(adf), environment)
    objects: dict[ResourceKey, Resource] = {}
    notes: list[str] = []
    root = f"{environment.databricks.root}/{_NOTEBOOKS}"
    for key, resource in resources.items():
        if key.kind not in OPERATIONS:
            notes.append(f"{resource.path}: not deployed: a {key.kind} is made with the infrastructure.")
            continue
        moved, moves = _at_root(resource, notebooks, root)
        notes.extend(moves)
        reached = with_compute(moved, environment.databricks)
        objects[key] = _without_byte_order_mark(_marked(reached))
    served = on_jobs(objects, environment)
    notes.extend(served.notes)
    boards = wanted_dashboards(dashboards, served.objects, environment) if dashboards else NONE
    notes.extend(boards.notes)
    if environment.databricks.notebooks is NotebookDelivery.GIT_FOLDER:
        commit, branch = _deployed_commit(notebooks)
        return Desired(served.objects, {}, commit, branch, tuple(notes), served.jobs, boards)
    files = {file.path: file for file in _notebook_files(notebooks, root)}
    manifest = WorkspaceFile(FileKind.FILE, manifest_path(environment), _manifest(files))
    every = {**files, manifest.path: manifest}
    return Desired(served.objects, every, None, None, tuple(notes), served.jobs, boards)


def manifest_path(environment: Environment) -> str:
    """Return the path of the file in the workspace that lists the notebooks this bundle put there."""
    return f"{environment.databricks.root}/{_NOTEBOOKS}/deployed-notebooks.json"


def is_marked(document: Mapping[str, Any]) -> bool:
    """Say whether a factory object carries this bundle's annotation."""
    annotations = mapping(document.get("properties")).get("annotations")
    return isinstance(annotations, list) and MARK in annotations


def digest(content: bytes) -> str:
    """Return a SHA-256 of an object's bytes."""
    return hashlib.sha256(content).hexdigest()


def _marked(resource: Resource) -> Resource:
    if resource.key.kind not in MARKED_KINDS or is_marked(resource.document):
        return resource
    annotations = resource.properties.get("annotations") or []
    properties = {**resource.properties, "annotations": [*annotations, MARK]}
    return with_document(resource, {**resource.document, "properties": properties})


def _without_byte_order_mark(resource: Resource) -> Resource:
    return dataclasses.replace(resource, content=resource.content.removeprefix(codecs.BOM_UTF8))


def _at_root(resource: Resource, notebooks: Path, root: str) -> tuple[Resource, list[str]]:
    """Point `notebookPath` values at this environment's folder, where they name a notebook of the bundle elsewhere."""
    moves: dict[str, str] = {}
    notes: list[str] = []
    for path, value in walk(resource.document) if resource.key.kind == "pipeline" else ():
        old = mapping(value).get("notebookPath")
        if not isinstance(old, str):
            continue
        tail = old.rpartition(f"/{_NOTEBOOKS}/")[2]
        new = f"{root}/{tail}"
        if old not in (new, tail) and ".." not in tail and (notebooks / f"{tail}.py").is_file():
            moves[old] = new
            notes.append(f"{resource.path}: {child_path(path, 'notebookPath')}: {old} is {new} in this environment.")
    return (with_document(resource, _moved(resource.document, moves)) if moves else resource), notes


def _moved(value: Any, moves: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: moves.get(item, item) if key == "notebookPath" and isinstance(item, str) else _moved(item, moves)
            for key, item in value.items()
        }
    return [_moved(item, moves) for item in value] if isinstance(value, list) else value


def _notebook_files(notebooks: Path, root: str) -> Iterator[WorkspaceFile]:
    if not notebooks.is_dir():
        raise DeploymentError(
            f"{notebooks}: no such folder. Point --notebooks at the folder of the bundle's notebooks."
        )
    for file in sorted(notebooks.rglob("*")):
        relative = file.relative_to(notebooks)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
        if hidden or not file.is_file():
            continue
        if file.suffix in _OTHER_NOTEBOOKS:
            raise DeploymentError(f"{file}: only notebooks in Python source format (.py) are deployed. Export it so.")
        if is_notebook(file):
            content = file.read_bytes().removeprefix(codecs.BOM_UTF8)
            yield WorkspaceFile(FileKind.NOTEBOOK, f"{root}/{relative.with_suffix('').as_posix()}", content)
        else:
            yield WorkspaceFile(FileKind.FILE, f"{root}/{relative.as_posix()}", file.read_bytes())


def _manifest(files: Mapping[str, WorkspaceFile]) -> bytes:
    document = {"about": "What continuous-ingestion deployed here; it deletes nothing else.", "paths": sorted(files)}
    return (json.dumps(document, indent=2) + "\n").encode()


def _deployed_commit(folder: Path) -> tuple[str, str]:
    git = shutil.which("git")
    if not git:
        raise DeploymentError("git is not installed: it names the commit that the Git folder is brought to.")

    def ask(*arguments: str) -> str:
        answer = subprocess.run([git, "-C", str(folder), *arguments], capture_output=True, text=True, check=False)  # noqa: S603
        if answer.returncode:
            raise DeploymentError(f"{folder}: git {' '.join(arguments)}: {answer.stderr.strip()}")
        return answer.stdout.strip()

    commit = ask("rev-parse", "HEAD")
    # CI checks out a commit, not a branch, and says the branch's name aside.
    branch = os.environ.get("GITHUB_REF_NAME") or ask("rev-parse", "--abbrev-ref", "HEAD")
    return commit, branch

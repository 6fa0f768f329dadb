"""What is there now: every object of the factory, and the bundle's part of the workspace, read at one go."""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bundle.environments import NotebookDelivery
from bundle.resources import ResourceKey
from deployment.connections import PARALLEL, Target
from deployment.dashboards import LiveDashboard, WantedDashboards
from deployment.desired import manifest_path
from deployment.errors import WorkspaceError
from deployment.factory import OPERATIONS, Factory, LiveObject
from deployment.jobs import Job
from deployment.lakeview import Lakeview
from deployment.workspace import FileKind, GitFolder, Workspace, WorkspaceFile, parent


@dataclass(frozen=True)
class Live:
    """What is there: the factory's objects, files by workspace path, the paths that an earlier deployment put there.

    `writers` are those who may write in the bundle's folder and should not.
    """

    objects: Mapping[ResourceKey, LiveObject]
    files: Mapping[str, WorkspaceFile]
    owned_files: frozenset[str]
    git_folder: GitFolder | None
    writers: frozenset[str] = frozenset()
    jobs: Mapping[str, Job] = field(default_factory=dict)
    dashboards: Mapping[str, LiveDashboard] = field(default_factory=dict)


def read_live(
    target: Target, wanted_files: Iterable[str], wanted_jobs: Iterable[str], wanted_dashboards: WantedDashboards
) -> Live:
    """Read the factory and the bundle's part of the workspace.

    Only files that are wanted, or were put there by an earlier deployment, are exported; others are not ours to read.

    Raises:
        FactoryError, WorkspaceError: no answer.
    """
    objects = read_objects(target.factory)
    databricks = target.environment.databricks
    jobs = read_jobs(target.workspace, wanted_jobs)
    dashboards = _read_owned_dashboards(target, wanted_dashboards)
    if databricks.notebooks is NotebookDelivery.GIT_FOLDER:
        folder = target.workspace.git_folder(databricks.root)
        return Live(objects, {}, frozenset(), folder, target.workspace.other_writers(databricks.root), jobs, dashboards)
    manifest = target.workspace.read(FileKind.FILE, manifest_path(target.environment))
    owned = _owned_paths(manifest)
    files = read_files(target.workspace, owned | set(wanted_files))
    writers = target.workspace.other_writers(databricks.root)
    return Live(objects, files, owned, None, writers, jobs, dashboards)


def read_objects(factory: Factory) -> dict[ResourceKey, LiveObject]:
    """Return every object of the factory of every kind that is deployed."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        return {live.key: live for kind in pool.map(factory.list_objects, OPERATIONS) for live in kind}


def read_files(workspace: Workspace, paths: Iterable[str]) -> dict[str, WorkspaceFile]:
    """Return those of the files that are there, with their content."""
    wanted = set(paths)
    folders = _topmost({parent(path) for path in wanted})
    there = {path: kind for folder in folders for kind, path in workspace.list_files(folder) if path in wanted}
    with ThreadPoolExecutor(PARALLEL) as pool:
        read = pool.map(lambda item: workspace.read(item[1], item[0]), there.items())
        return {file.path: file for file in read if file}


def read_jobs(workspace: Workspace, names: Iterable[str]) -> dict[str, Job]:
    """Return those of the jobs that are there, by name."""
    return {name: job for name in names if (job := workspace.find_job(name))}


def read_dashboards(lakeview: Lakeview, paths: Iterable[str]) -> dict[str, LiveDashboard]:
    """Return those of the dashboards that are there, by path."""
    return {path: dashboard for path in paths if (dashboard := lakeview.find(path))}


def _read_owned_dashboards(target: Target, wanted: WantedDashboards) -> dict[str, LiveDashboard]:
    if wanted.folder is None:
        return {}
    return read_dashboards(target.lakeview, {*wanted.settings, *target.lakeview.deployed(wanted.folder)})


def _topmost(folders: set[str]) -> list[str]:
    return [folder for folder in sorted(folders) if not any(folder.startswith(f"{other}/") for other in folders)]


def _owned_paths(manifest: WorkspaceFile | None) -> frozenset[str]:
    if manifest is None:
        return frozenset()
    try:
        return frozenset({*json.loads(manifest.content)["paths"], manifest.path})
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(f"{manifest.path}: not the list that a deployment wrote ({error}). Delete it.") from error

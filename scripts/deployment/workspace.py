"""The Databricks workspace: files and notebooks by path, and Git folders."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.iam import PermissionLevel
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectInfo, ObjectType, RepoInfo

from deployment.errors import ExistsAlreadyError, WorkspaceError
from deployment.jobs import Job

_WRITING = (PermissionLevel.CAN_EDIT, PermissionLevel.CAN_MANAGE, PermissionLevel.IS_OWNER)
_ADMINISTRATORS = "admins"
_CELL_SEPARATOR = "# COMMAND ----------"


class FileKind(StrEnum):
    """What a workspace object with content is. A notebook's path has no `.py`, a file's is as it was uploaded."""

    NOTEBOOK = "notebook"
    FILE = "file"


@dataclass(frozen=True)
class WorkspaceFile:
    """A notebook or file with its content."""

    kind: FileKind
    path: str
    content: bytes

    @property
    def fingerprint(self) -> str:
        """A hash that two files share when they hold the same; see `fingerprint`."""
        return fingerprint(self.kind, self.content)


@dataclass(frozen=True)
class GitFolder:
    """A Git folder: its id, its path, the commit it stands at, and its branch when it is on one."""

    id: int
    path: str
    commit: str
    branch: str | None


def fingerprint(kind: FileKind, content: bytes) -> str:
    """Return a SHA-256 of a file's content.

    A notebook is compared cell by cell without blank lines around: the workspace keeps cells, not bytes, and an export
    writes line ends and blank lines its own way.
    """
    if kind is FileKind.NOTEBOOK:
        text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
        lines = [line.rstrip() for line in text.split("\n")]
        cells = "\n".join(lines).split(_CELL_SEPARATOR)
        content = "\0".join(cell.strip("\n") for cell in cells).encode()
    return hashlib.sha256(content).hexdigest()


class Workspace:
    """One Databricks workspace, through the SDK's client."""

    def __init__(self, client: WorkspaceClient) -> None:
        self._client = client

    def list_files(self, folder: str) -> list[tuple[FileKind, str]]:
        """Return (kind, path) of every notebook and file under a folder, at any depth; nothing when there is no folder.

        Raises:
            WorkspaceError: the workspace does not answer.
        """
        with errors_of(folder):
            try:
                infos = list(self._client.workspace.list(folder, recursive=True))
            except NotFound:
                return []
        return [found for info in infos if (found := _file_of(info))]

    def read(self, kind: FileKind, path: str) -> WorkspaceFile | None:
        """Return a notebook or file with its content, None when it is not there.

        Raises:
            WorkspaceError: the workspace does not answer.
        """
        form = ExportFormat.SOURCE if kind is FileKind.NOTEBOOK else ExportFormat.AUTO
        with errors_of(path):
            try:
                answer = self._client.workspace.export(path, format=form)
            except NotFound:
                return None
            return WorkspaceFile(kind, path, base64.b64decode(answer.content or ""))

    def write(self, file: WorkspaceFile, *, overwrite: bool = True) -> None:
        """Upload a notebook (as source) or a file; its folder must be there.

        Raises:
            ExistsAlreadyError: it is there and must not be overwritten.
            WorkspaceError: refused, or no answer.
        """
        notebook = file.kind is FileKind.NOTEBOOK
        with errors_of(file.path):
            self._client.workspace.import_(
                file.path,
                content=base64.b64encode(file.content).decode(),
                # AUTO keeps what has no notebook header as a file, extension and all.
                format=ImportFormat.SOURCE if notebook else ImportFormat.AUTO,
                language=Language.PYTHON if notebook else None,
                overwrite=overwrite,
            )

    def delete(self, path: str) -> None:
        """Delete a notebook or file; one that is gone already is no error.

        Raises:
            WorkspaceError: refused, or no answer.
        """
        with errors_of(path):
            try:
                self._client.workspace.delete(path)
            except NotFound:
                return

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, where they are missing.

        Raises:
            WorkspaceError: refused, or no answer.
        """
        with errors_of(path):
            self._client.workspace.mkdirs(path)

    def find_job(self, name: str) -> Job | None:
        """Return the job of a name, None when there is none.

        Raises:
            WorkspaceError: several have the name, or the workspace does not answer.
        """
        with errors_of(f"job {name}"):
            found = self._jobs("GET", "list", query={"name": name}).get("jobs", [])
            if len(found) > 1:
                numbers = ", ".join(str(job["job_id"]) for job in found)
                raise WorkspaceError(
                    f"job {name}: there are {len(found)} of that name ({numbers}). Delete all but one."
                )
            if not found:
                return None
            job = self._jobs("GET", "get", query={"job_id": found[0]["job_id"]})
        return Job(str(job["job_id"]), job["settings"])

    def put_job(self, settings: Mapping[str, Any], job_id: str | None) -> str:
        """Create a job, or give the one with this id other settings; return its id.

        Everyone in the workspace may look at it, whoever it runs as may start it, the caller owns it.

        Raises:
            WorkspaceError: refused, or no answer.
        """
        with errors_of(f"job {settings['name']}"):
            if job_id is not None:
                self._jobs("POST", "reset", body={"job_id": int(job_id), "new_settings": dict(settings)})
                return job_id
            access = [
                {"group_name": "users", "permission_level": "CAN_VIEW"},
                {**settings.get("run_as", {}), "permission_level": "CAN_MANAGE_RUN"},
            ]
            return str(self._jobs("POST", "create", body={**settings, "access_control_list": access})["job_id"])

    def delete_job(self, job_id: str) -> None:
        """Delete a job; one that is gone already is no error.

        Raises:
            WorkspaceError: refused, or no answer.
        """
        with errors_of(f"job {job_id}"):
            try:
                self._jobs("POST", "delete", body={"job_id": int(job_id)})
            except NotFound:
                return

    def _jobs(self, method: str, verb: str, **what: Any) -> dict[str, Any]:
        # Raw JSON: what a template says is what is sent, also where it is newer than the SDK's classes.
        answer = self._client.api_client.do(method, f"/api/2.2/jobs/{verb}", **what)
        return answer if isinstance(answer, dict) else {}

    def other_writers(self, folder: str) -> frozenset[str]:
        """Return who may write in a folder, or in the nearest one above it that is there, besides who is known to.

        Known are the workspace's administrators, the caller, and the one whose home the folder is in. A caller who may
        not see the permissions is told of nobody: a plan may be made by an identity that only reads.

        Raises:
            WorkspaceError: the workspace does not answer.
        """
        with errors_of(folder):
            try:
                identifier = self._nearest_folder(folder)
                entries = self._client.permissions.get("directories", identifier).access_control_list or []
                caller = self._client.current_user.me().user_name
            except (NotFound, PermissionDenied):
                return frozenset()
        writers = {
            entry.group_name or entry.service_principal_name or entry.user_name or "someone"
            for entry in entries
            if any(held.permission_level in _WRITING for held in entry.all_permissions or [])
        }
        return frozenset(writers - {_ADMINISTRATORS, caller, *re.findall(r"^(?:/Workspace)?/Users/([^/]+)", folder)})

    def _nearest_folder(self, folder: str) -> str:
        while True:
            try:
                return str(self._client.workspace.get_status(folder).object_id)
            except NotFound:
                if folder == parent(folder):
                    raise
                folder = parent(folder)

    def git_folder(self, path: str) -> GitFolder | None:
        """Return the Git folder at a path, None when there is none.

        Raises:
            WorkspaceError: the workspace does not answer.
        """
        with errors_of(path):
            found = [repo for repo in self._client.repos.list(path_prefix=path) if repo.path == path]
        return _git_folder(found[0]) if found else None

    def update_git_folder(self, folder: GitFolder, branch: str) -> GitFolder:
        """Bring a Git folder to the newest commit of a branch, and return where it then stands.

        Raises:
            WorkspaceError: refused, or no answer.
        """
        with errors_of(folder.path):
            self._client.repos.update(folder.id, branch=branch)
            answer = self._client.repos.get(folder.id)
        return GitFolder(folder.id, folder.path, answer.head_commit_id or "", answer.branch)


def parent(path: str) -> str:
    """Return the folder of a workspace path."""
    return str(PurePosixPath(path).parent)


def _file_of(info: ObjectInfo) -> tuple[FileKind, str] | None:
    if info.object_type == ObjectType.NOTEBOOK and info.path:
        return FileKind.NOTEBOOK, info.path
    if info.object_type == ObjectType.FILE and info.path:
        return FileKind.FILE, info.path
    return None


def _git_folder(repo: RepoInfo) -> GitFolder:
    return GitFolder(repo.id or 0, repo.path or "", repo.head_commit_id or "", repo.branch)


@contextmanager
def errors_of(what: str) -> Iterator[None]:
    """Turn what the SDK raises into this package's errors, which name what was asked for.

    Raises:
        WorkspaceError: the workspace refused, or gave no answer that can be read.
    """
    try:
        yield
    except ResourceAlreadyExists as error:
        raise ExistsAlreadyError(f"{what}: is there already.") from error
    except DatabricksError as error:
        raise WorkspaceError(f"{what}: the workspace answered {error.error_code or 'an error'}: {error}") from error
    except (requests.RequestException, TimeoutError) as error:
        raise WorkspaceError(f"{what}: no answer from the workspace: {error}") from error
    except ValueError as error:
        raise WorkspaceError(f"{what}: the workspace's answer cannot be read: {error}") from error

"""A Databricks workspace behind its REST API: folders, notebooks, files, Git folders, as databricks-sdk calls them."""

import copy
import json
import re
from dataclasses import dataclass, field
from typing import Any

from bundle.notebooks import HEADER
from fakes.http_service import Answer, Faults, HttpService, Request
from local_factory.server.workspace import Workspace, WorkspaceRefusal

__all__ = ["HEADER", "Dashboard", "GitFolder", "WorkspaceService"]


@dataclass
class GitFolder:
    id: int
    path: str
    branch: str
    commit: str


@dataclass
class Dashboard:
    """A dashboard: its draft, what was published of it, and who was given what on it besides whom its folder lets."""

    path: str
    draft: dict[str, Any]
    etag: int = 1
    published: dict[str, Any] | None = None
    access: list[dict[str, Any]] = field(default_factory=list)


class WorkspaceService(HttpService):
    """One workspace: `files` holds (type, content) by path, `branches` the newest commit of each branch."""

    def __init__(self, *, faults: Faults | None = None, latency: float = 0, token: str = "t") -> None:
        super().__init__(faults=faults, latency=latency)
        self.files: dict[str, tuple[str, bytes]] = {}
        self.folders: set[str] = {"/", "/Shared"}
        self.git_folders: dict[int, GitFolder] = {}
        self.branches: dict[str, str] = {}
        # Who may do what in a folder: (kind of principal, name, level) by path. What is below inherits.
        self.permissions: dict[str, list[tuple[str, str, str]]] = {}
        self.jobs: dict[int, dict[str, Any]] = {}
        self.dashboards: dict[str, Dashboard] = {}
        self._token = token

    def contents(self, under: str = "/") -> dict[str, tuple[str, bytes]]:
        """The files below a folder, for comparison."""
        return {path: file for path, file in self.files.items() if path.startswith(under)}

    def keep(self) -> Any:
        """Return all that the workspace holds, for `put_back`."""
        return copy.deepcopy((self.files, self.folders))

    def put_back(self, kept: Any) -> None:
        """Hold what this or another workspace held."""
        self.files, self.folders = copy.deepcopy(kept)

    def is_write(self, request: Request) -> bool:
        return request.method in ("POST", "PATCH", "PUT", "DELETE")

    def refusal(self, status: int, code: str, message: str) -> Answer:
        names = {400: "INVALID_PARAMETER_VALUE", 429: "REQUEST_LIMIT_EXCEEDED", 500: "INTERNAL_ERROR"}
        return Answer(status, {"error_code": names.get(status, code), "message": message})

    def respond(self, request: Request) -> Answer:
        if request.path == "/.well-known/databricks-config":
            return Answer(body={"oidc_endpoint": f"{self.url}/oidc", "host_type": "workspace"})
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return Answer(403, {"error_code": "PERMISSION_DENIED", "message": "Invalid access token."})
        if request.path == "/api/2.0/preview/scim/v2/Me":
            return Answer(body={"userName": "deployer"})
        if identifier := re.fullmatch(r"/api/2.0/permissions/directories/(\d+)", request.path):
            return self._permissions(int(identifier[1]))
        if verb := re.fullmatch(r"/api/2.2/jobs/(list|get|create|reset|delete)", request.path):
            return self._job(verb[1], request.json if request.body else request.query)
        if found := re.fullmatch(r"/api/2.0/lakeview/dashboards(?:/(\w+))?(/published)?", request.path):
            return self._lakeview(request, found[1], is_published=bool(found[2]))
        if found := re.fullmatch(r"/api/2.0/permissions/dashboards/(\w+)", request.path):
            return self._dashboard_access(request, found[1])
        if request.path == "/api/2.0/workspace/get-status" and (board := self._board_at(request.query.get("path", ""))):
            return Answer(body={"object_type": "DASHBOARD", "path": request.query["path"], "resource_id": board})
        match = re.fullmatch(r"/api/2.0/(workspace|repos)(?:/(.+))?", request.path)
        if not match:
            return Answer(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": f"No API found for {request.path}"})
        if match[1] == "repos":
            return self._repos(request, match[2])
        try:
            workspace = Workspace(self.files, self.folders)
            return Answer(body=workspace.call(match[2], request.json if request.body else request.query))
        except WorkspaceRefusal as refusal:
            return Answer(refusal.status, refusal.to_json())

    def _missing(self, path: str) -> Answer:
        return Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"Path ({path}) doesn't exist."})

    def _job(self, verb: str, given: dict[str, Any]) -> Answer:
        if verb == "list":
            wanted = str(given["name"]).casefold()
            found = [{"job_id": number} for number, job in self.jobs.items() if job["name"].casefold() == wanted]
            return Answer(body={"jobs": found} if found else {})
        if verb == "create":
            number = 900000 + len(self.jobs) + 1
            self.jobs[number] = {**given, "format": "MULTI_TASK", "email_notifications": {}}
            return Answer(body={"job_id": number})
        number = int(given["job_id"])
        if number not in self.jobs:
            return Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"Job {number} does not exist."})
        if verb == "get":
            settings = {key: value for key, value in self.jobs[number].items() if key != "access_control_list"}
            return Answer(body={"job_id": number, "settings": settings})
        if verb == "reset":
            self.jobs[number] = {**given["new_settings"], "format": "MULTI_TASK"}
        else:
            del self.jobs[number]
        return Answer(body={})

    def _board_at(self, path: str) -> str | None:
        return next((number for number, board in self.dashboards.items() if board.path == path), None)

    def dashboard_state(self) -> dict[str, Any]:
        """What the dashboards are, for comparison: not their numbers, nor how often they were written."""
        return {
            board.path: (
                {key: board.draft[key] for key in ("display_name", "warehouse_id")},
                json.loads(board.draft["serialized_dashboard"]),
                board.published,
                board.access,
            )
            for board in self.dashboards.values()
        }

    def edit_dashboard(self, number: str, **changes: Any) -> None:
        """Change a draft as its editor does: the document's keys, not what is published of it."""
        board = self.dashboards[number]
        document = {**json.loads(board.draft["serialized_dashboard"]), **changes}
        board.draft["serialized_dashboard"] = json.dumps(document)
        board.etag += 1

    def _lakeview(self, request: Request, number: str | None, *, is_published: bool) -> Answer:
        if number is None:
            return self._new_dashboard(request.json)
        board = self.dashboards.get(number)
        if board is None:
            return self._missing(number)
        if is_published:
            return self._published(request, board, number)
        if request.method == "DELETE":
            del self.dashboards[number]
            return Answer(body={})
        if request.method == "PATCH":
            given = request.json
            if given.pop("etag", None) not in (None, str(board.etag)):
                message = "The dashboard has been modified since it was last read."
                return Answer(409, {"error_code": "ABORTED", "message": message})
            board.draft.update({**given, "serialized_dashboard": _as_kept(given["serialized_dashboard"])})
            board.etag += 1
        return Answer(body=self._draft(number))

    def _new_dashboard(self, given: dict[str, Any]) -> Answer:
        path = f"{given['parent_path']}/{given['display_name']}.lvdash.json"
        if given["parent_path"] not in self.folders:
            return self._missing(given["parent_path"])
        if self._board_at(path):
            return Answer(409, {"error_code": "ALREADY_EXISTS", "message": f"{path} is there already."})
        number = f"01f0{len(self.requests):08d}"
        draft = {**given, "serialized_dashboard": _as_kept(given["serialized_dashboard"])}
        owner = {"user_name": "deployer", "permission_level": "CAN_MANAGE"}
        self.dashboards[number] = Dashboard(path, draft, access=[owner])
        return Answer(body=self._draft(number))

    def _draft(self, number: str) -> dict[str, Any]:
        board = self.dashboards[number]
        return {**board.draft, "dashboard_id": number, "path": board.path, "etag": str(board.etag)}

    def _published(self, request: Request, board: Dashboard, number: str) -> Answer:
        if request.method == "POST":
            board.published = request.json
        elif board.published is None:
            return self._missing(f"{number}/published")
        elif request.method == "DELETE":
            board.published = None
        return Answer(body=board.published or {})

    def _dashboard_access(self, request: Request, number: str) -> Answer:
        board = self.dashboards.get(number)
        if board is None:
            return self._missing(number)
        if request.method == "PUT":
            board.access = request.json["access_control_list"]
        elif request.method == "PATCH":
            board.access = [*board.access, *request.json["access_control_list"]]
        direct = [_held(entry, inherited=False) for entry in board.access]
        entries = [*direct, _held({"group_name": "admins", "permission_level": "CAN_MANAGE"}, inherited=True)]
        return Answer(body={"object_id": f"/dashboards/{number}", "access_control_list": entries})

    def _permissions(self, identifier: int) -> Answer:
        workspace = Workspace(self.files, self.folders)
        numbers = {workspace.call("get-status", {"path": path})["object_id"]: path for path in self.folders}
        folder = numbers[identifier]
        entries = [
            {f"{kind}_name": name, "all_permissions": [{"permission_level": level, "inherited": path != folder}]}
            for path, held in self.permissions.items()
            if f"{folder}/".startswith(f"{path}/")
            for kind, name, level in held
        ]
        return Answer(body={"object_id": f"/directories/{identifier}", "access_control_list": entries})

    def _repos(self, request: Request, number: str | None) -> Answer:
        if number is None:
            prefix = request.query.get("path_prefix", "/")
            found = [folder for folder in self.git_folders.values() if folder.path.startswith(prefix)]
            return Answer(body={"repos": [self._repo(folder) for folder in found]} if found else {})
        folder = self.git_folders.get(int(number))
        if folder is None:
            return self._missing(number)
        if request.method == "PATCH":
            branch = request.json.get("branch")
            if branch not in self.branches:
                return self.refusal(400, "", f"no branch {branch}")
            folder.branch, folder.commit = branch, self.branches[branch]
            return Answer(body={})
        return Answer(body=self._repo(folder))

    def _repo(self, folder: GitFolder) -> dict[str, Any]:
        return {
            "id": folder.id,
            "path": folder.path,
            "branch": folder.branch,
            "head_commit_id": folder.commit,
            "provider": "gitHub",
            "url": "https://example.com/continuous-ingestion.git",
        }


def _as_kept(document: str) -> str:
    """Return a dashboard's document as the service gives it back: keys in its order, with some of its own."""
    kept = json.loads(document)
    for page in kept.get("pages", []):
        page["layoutVersion"] = "GRID_V1"
    return json.dumps(
        {"uiSettings": {"theme": {"widgetHeaderAlignment": "ALIGNMENT_UNSPECIFIED"}}, **kept}, sort_keys=True
    )


def _held(entry: dict[str, Any], *, inherited: bool) -> dict[str, Any]:
    level = entry["permission_level"]
    principal = {key: value for key, value in entry.items() if key != "permission_level"}
    return {**principal, "all_permissions": [{"permission_level": level, "inherited": inherited}]}

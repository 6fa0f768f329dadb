"""A Databricks workspace behind its REST API: folders, notebooks, files, Git folders, as databricks-sdk calls them."""

import base64
import copy
import re
from dataclasses import dataclass
from typing import Any

from fakes.http_service import Answer, Faults, HttpService, Request

HEADER = "# Databricks notebook source"


@dataclass
class GitFolder:
    id: int
    path: str
    branch: str
    commit: str


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
        match = re.fullmatch(r"/api/2.0/(workspace|repos)(?:/(.+))?", request.path)
        if not match:
            return Answer(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": f"No API found for {request.path}"})
        if match[1] == "repos":
            return self._repos(request, match[2])
        return getattr(self, f"_{match[2].replace('-', '_')}")(request.json if request.body else request.query)

    def _missing(self, path: str) -> Answer:
        return Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"Path ({path}) doesn't exist."})

    def _list(self, query: dict[str, Any]) -> Answer:
        folder = query["path"]
        if folder in self.files:
            return Answer(body={"objects": [self._info(folder)]})
        if folder not in self.folders:
            return self._missing(folder)
        children = [path for path in (*self.folders, *self.files) if path != "/" and _parent(path) == folder]
        return Answer(body={"objects": [self._info(path) for path in sorted(children)]} if children else {})

    def _get_status(self, query: dict[str, Any]) -> Answer:
        path = query["path"]
        return Answer(body=self._info(path)) if path in (*self.files, *self.folders) else self._missing(path)

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

    def _permissions(self, identifier: int) -> Answer:
        folder = next(path for path in self.folders if self._info(path)["object_id"] == identifier)
        entries = [
            {f"{kind}_name": name, "all_permissions": [{"permission_level": level, "inherited": path != folder}]}
            for path, held in self.permissions.items()
            if f"{folder}/".startswith(f"{path}/")
            for kind, name, level in held
        ]
        return Answer(body={"object_id": f"/directories/{identifier}", "access_control_list": entries})

    def _export(self, query: dict[str, Any]) -> Answer:
        if query["path"] not in self.files:
            return self._missing(query["path"])
        kind, content = self.files[query["path"]]
        if kind == "NOTEBOOK":
            if query.get("format", "SOURCE") not in ("SOURCE", "AUTO"):
                return self.refusal(400, "", f"format {query['format']} is not supported here")
        elif query.get("format") != "AUTO":
            return self.refusal(400, "", "a file is exported with format AUTO")
        return Answer(body={"content": base64.b64encode(content).decode(), "file_type": "py"})

    def _import(self, body: dict[str, Any]) -> Answer:
        path, content = body["path"], base64.b64decode(body["content"])
        if len(body["content"]) > 10 * 1024 * 1024:
            return Answer(400, {"error_code": "MAX_NOTEBOOK_SIZE_EXCEEDED", "message": "The limit is 10 MB."})
        if _parent(path) not in self.folders:
            return self._missing(_parent(path))
        source = body.get("format", "SOURCE") == "SOURCE"
        if source and not body.get("language"):
            return self.refusal(400, "", "a notebook's language is required")
        notebook = source or content.decode(errors="replace").startswith(HEADER)
        if not source and notebook:
            path = path.removesuffix(".py")
        if path in self.files and not body.get("overwrite"):
            return Answer(400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": f"Path ({path}) already exists."})
        kind = "NOTEBOOK" if notebook else "FILE"
        if path in self.files and self.files[path][0] != kind:
            return self.refusal(400, "", f"{path} is a {self.files[path][0]}")
        # The service keeps a notebook's cells, not its bytes: an export has no line end at its end.
        self.files[path] = (kind, content.rstrip(b"\n") if notebook else content)
        return Answer(body={})

    def _delete(self, body: dict[str, Any]) -> Answer:
        if body["path"] not in self.files:
            return self._missing(body["path"])
        del self.files[body["path"]]
        return Answer(body={})

    def _mkdirs(self, body: dict[str, Any]) -> Answer:
        path = body["path"]
        while path not in self.folders:
            if path in self.files:
                return Answer(400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": f"{path} is a file."})
            self.folders.add(path)
            path = _parent(path)
        return Answer(body={})

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

    def _info(self, path: str) -> dict[str, Any]:
        kind = self.files[path][0] if path in self.files else "DIRECTORY"
        info = {"path": path, "object_type": kind, "object_id": abs(hash(path)) % 10**9}
        return {**info, "language": "PYTHON"} if kind == "NOTEBOOK" else info


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"

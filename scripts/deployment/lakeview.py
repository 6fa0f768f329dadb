"""AI/BI dashboards in the workspace, by the Lakeview API: found by path, written, published, thrown away.

What the workspace gives back of a draft is not letter for letter what it was given. So beside each dashboard stands a
file with the ETag that the last deployment left: while it holds, nobody has edited the draft.
"""

import json
from collections.abc import Mapping
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied

from bundle.dashboards.model import SUFFIX
from deployment.dashboards import LiveDashboard, Settings
from deployment.errors import WorkspaceError
from deployment.workspace import FileKind, Workspace, WorkspaceFile, errors_of, parent

_API = "/api/2.0/lakeview/dashboards"
_ACCESS = "/api/2.0/permissions/dashboards"
_RECORD = ".deployed.json"
_PRINCIPALS = ("group_name", "user_name", "service_principal_name")


class Lakeview:
    """The dashboards of one workspace. Raw JSON: what a file says is what is sent, also where the SDK knows less."""

    def __init__(self, client: WorkspaceClient, workspace: Workspace) -> None:
        self._client = client
        self._workspace = workspace

    def deployed(self, folder: str) -> list[str]:
        """Return the paths of dashboards that a deployment left in a folder.

        Raises:
            WorkspaceError: the workspace does not answer.
        """
        files = self._workspace.list_files(folder)
        return [path.removesuffix(_RECORD) + SUFFIX for kind, path in files if path.endswith(_RECORD)]

    def find(self, path: str) -> LiveDashboard | None:
        """Return the dashboard at a path, None when there is none.

        Raises:
            WorkspaceError: the workspace does not answer.
        """
        identifier = self._identifier(path)
        if identifier is None:
            return None
        with errors_of(path):
            draft = self._do("GET", f"{_API}/{identifier}")
            try:
                published = self._do("GET", f"{_API}/{identifier}/published")
            except NotFound:
                published = None
            access = self._access(identifier)
            document = json.loads(draft.get("serialized_dashboard") or "{}")
        record = self._workspace.read(FileKind.FILE, _record(path))
        etag = str(draft.get("etag"))
        settings = {
            "display_name": draft.get("display_name"),
            "warehouse_id": draft.get("warehouse_id"),
            "dashboard": document,
            "published": published
            and {
                "warehouse_id": published.get("warehouse_id"),
                "embed_credentials": bool(published.get("embed_credentials")),
            },
            "access": access,
        }
        return LiveDashboard(identifier, etag, settings, edited=record is None or not _holds(record, etag))

    def put(self, path: str, settings: Settings, etag: str | None) -> None:
        """Make a dashboard, or bring one whose draft has this ETag, to these settings, and publish it.

        Raises:
            WorkspaceError: refused (the draft is another by now, too), or no answer.
        """
        body = {key: settings[key] for key in ("display_name", "warehouse_id")}
        body["serialized_dashboard"] = json.dumps(settings["dashboard"], ensure_ascii=False)
        if etag is None:
            self._workspace.make_folder(parent(path))
            with errors_of(path):
                draft = self._do("POST", _API, {**body, "parent_path": parent(path)})
                identifier = str(draft["dashboard_id"])
                if settings["access"]:
                    self._do("PATCH", f"{_ACCESS}/{identifier}", {"access_control_list": settings["access"]})
        else:
            found = self._identifier(path)
            if found is None:
                raise WorkspaceError(f"{path}: is gone.")
            identifier = found
            with errors_of(path):
                self._do("PATCH", f"{_API}/{identifier}", {**body, "etag": etag})
                if settings["access"] not in (None, self._access(identifier)):
                    self._do("PUT", f"{_ACCESS}/{identifier}", {"access_control_list": settings["access"]})
        with errors_of(path):
            if settings["published"]:
                self._do("POST", f"{_API}/{identifier}/published", settings["published"])
            elif etag is not None:
                self._do("DELETE", f"{_API}/{identifier}/published")
            left = self._do("GET", f"{_API}/{identifier}")
        content = json.dumps({"about": "The draft as deployed.", "etag": left.get("etag")}).encode()
        self._workspace.write(WorkspaceFile(FileKind.FILE, _record(path), content))

    def trash(self, path: str) -> None:
        """Move a dashboard to the workspace's trash; one that is gone already is no error.

        Raises:
            WorkspaceError: refused, or no answer.
        """
        identifier = self._identifier(path)
        if identifier is not None:
            with errors_of(path):
                self._do("DELETE", f"{_API}/{identifier}")
        self._workspace.delete(_record(path))

    def _identifier(self, path: str) -> str | None:
        with errors_of(path):
            try:
                return str(self._client.workspace.get_status(path).resource_id)
            except NotFound:
                return None

    def _access(self, identifier: str) -> list[dict[str, str]] | None:
        """Return who was given what on the dashboard itself; None where the caller may not see it."""
        try:
            answer = self._do("GET", f"{_ACCESS}/{identifier}")
        except (NotFound, PermissionDenied):
            return None
        return [
            {key: entry[key], "permission_level": held["permission_level"]}
            for entry in answer.get("access_control_list", [])
            for key in _PRINCIPALS
            if key in entry
            for held in entry.get("all_permissions", [])
            if not held.get("inherited")
        ]

    def _do(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        answer = self._client.api_client.do(method, path, body=None if body is None else dict(body))
        return answer if isinstance(answer, dict) else {}


def _record(path: str) -> str:
    return path.removesuffix(SUFFIX) + _RECORD


def _holds(record: WorkspaceFile, etag: str) -> bool:
    try:
        return bool(json.loads(record.content)["etag"] == etag)
    except (ValueError, KeyError, TypeError):
        return False

"""A Databricks workspace's folders, notebooks and files, behind the answers of its REST API.

The service keeps a notebook's cells, not its bytes: an export has no line end at its end. A notebook's path has no
`.py`; a file with a notebook's header that comes with format AUTO becomes a notebook, and loses its `.py`.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping, MutableMapping, MutableSet
from typing import Any

from bundle.notebooks import HEADER
from local_factory.errors import LocalFactoryError

NOTEBOOK, FILE, DIRECTORY = "NOTEBOOK", "FILE", "DIRECTORY"
_LARGEST = 10 * 1024 * 1024

Entry = tuple[str, bytes]


class WorkspaceRefusal(LocalFactoryError):  # noqa: N818 - an answer, no fault of ours
    """The workspace refuses a call, with Databricks' own error code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def to_json(self) -> dict[str, Any]:
        """Return the body of Databricks' answer."""
        return {"error_code": self.code, "message": self.message}


class Workspace:
    """One workspace over what keeps its files and folders: `files` holds (type, content) by path.

    Every operation takes the call's query or body and returns the answer's body.
    """

    def __init__(self, files: MutableMapping[str, Entry], folders: MutableSet[str]) -> None:
        self.files = files
        self.folders = folders

    def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a call of `/api/2.0/workspace/<operation>`.

        Raises:
            WorkspaceRefusal: the call is refused.
        """
        operations = {
            "list": self._list,
            "get-status": self._get_status,
            "export": self._export,
            "import": self._import,
            "delete": self._delete,
            "mkdirs": self._mkdirs,
        }
        if operation not in operations:
            raise WorkspaceRefusal(404, "ENDPOINT_NOT_FOUND", f"No API found for /api/2.0/workspace/{operation}")
        return operations[operation](_path(arguments), arguments)

    def _list(self, path: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return what lies in a folder, or the one object at a path."""
        if path in self.files:
            return {"objects": [self._info(path)]}
        if path not in self.folders:
            raise _missing(path)
        children = [child for child in (*self.folders, *self.files) if child != "/" and parent(child) == path]
        return {"objects": [self._info(child) for child in sorted(children)]} if children else {}

    def _get_status(self, path: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is at a path."""
        if path not in self.files and path not in self.folders:
            raise _missing(path)
        return self._info(path)

    def _export(self, path: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return a notebook as source, or a file's content."""
        if path not in self.files:
            raise _missing(path)
        kind, content = self.files[path]
        form = arguments.get("format", "SOURCE")
        if kind == NOTEBOOK and form not in ("SOURCE", "AUTO"):
            raise _invalid(f"format {form} is not supported here: SOURCE or AUTO.")
        if kind == FILE and form != "AUTO":
            raise _invalid("a file is exported with format AUTO.")
        return {"content": base64.b64encode(content).decode(), "file_type": "py"}

    def _import(self, path: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Take a notebook (format SOURCE with its language) or a file (format AUTO)."""
        encoded = arguments.get("content")
        if not isinstance(encoded, str):
            raise _invalid("content is required, in Base64.")
        if len(encoded) > _LARGEST:
            raise WorkspaceRefusal(400, "MAX_NOTEBOOK_SIZE_EXCEEDED", "The limit is 10 MB.")
        try:
            content = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise _invalid(f"content is no Base64: {error}.") from error
        if parent(path) not in self.folders:
            raise _missing(parent(path))
        source = arguments.get("format", "SOURCE") == "SOURCE"
        if source and arguments.get("language") != "PYTHON":
            raise _invalid("a notebook's language is required, and is PYTHON here.")
        kind = NOTEBOOK if source or content.decode(errors="replace").startswith(HEADER) else FILE
        if kind == NOTEBOOK and not source:
            path = path.removesuffix(".py")
        if path in self.folders:
            raise WorkspaceRefusal(400, "RESOURCE_ALREADY_EXISTS", f"Path ({path}) is a folder.")
        if path in self.files:
            if not arguments.get("overwrite"):
                raise WorkspaceRefusal(400, "RESOURCE_ALREADY_EXISTS", f"Path ({path}) already exists.")
            if self.files[path][0] != kind:
                raise _invalid(f"{path} is a {self.files[path][0]}.")
        self.files[path] = (kind, content.rstrip(b"\n") if kind == NOTEBOOK else content)
        return {}

    def _delete(self, path: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Delete a notebook or file, an empty folder, or with `recursive` a folder with all in it."""
        if path in self.files:
            del self.files[path]
            return {}
        if path not in self.folders or path == "/":
            raise _missing(path)
        inner_files = [file for file in self.files if file.startswith(f"{path}/")]
        inner_folders = [folder for folder in self.folders if folder.startswith(f"{path}/")]
        if (inner_files or inner_folders) and not arguments.get("recursive"):
            raise WorkspaceRefusal(400, "DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty.")
        for file in inner_files:
            del self.files[file]
        for folder in sorted([*inner_folders, path], key=len, reverse=True):
            self.folders.discard(folder)
        return {}

    def _mkdirs(self, path: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Make a folder and those above it."""
        wanted = []
        while path not in self.folders:
            if path in self.files:
                raise WorkspaceRefusal(400, "RESOURCE_ALREADY_EXISTS", f"{path} is a file.")
            wanted.append(path)
            path = parent(path)
        for folder in reversed(wanted):
            self.folders.add(folder)
        return {}

    def _info(self, path: str) -> dict[str, Any]:
        kind = self.files[path][0] if path in self.files else DIRECTORY
        info = {"path": path, "object_type": kind, "object_id": zlib.crc32(path.encode())}
        return {**info, "language": "PYTHON"} if kind == NOTEBOOK else info


def parent(path: str) -> str:
    """Return the folder of a workspace path."""
    return path.rpartition("/")[0] or "/"


def _path(arguments: Mapping[str, Any]) -> str:
    path = arguments.get("path")
    if not isinstance(path, str) or not path.startswith("/"):
        raise _invalid("path is required, and is absolute: /Shared/...")
    parts = path.strip("/").split("/") if path.strip("/") else []
    if any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts):
        raise _invalid(f"path {path!r} is no path of a workspace.")
    return "/" + "/".join(parts)


def _missing(path: str) -> WorkspaceRefusal:
    return WorkspaceRefusal(404, "RESOURCE_DOES_NOT_EXIST", f"Path ({path}) doesn't exist.")


def _invalid(message: str) -> WorkspaceRefusal:
    return WorkspaceRefusal(400, "INVALID_PARAMETER_VALUE", message)

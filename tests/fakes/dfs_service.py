"""ADLS Gen2 with a hierarchical namespace: the dfs endpoint of one account, and what its clients use of the blob one.

It keeps to the documents: Path (https://learn.microsoft.com/rest/api/storageservices/datalakestoragegen2/path),
Filesystem, Put Blob, Get Blob, Lease Blob, and their error codes. Both endpoints are one address here, as neither
client mixes up their requests. Two clients that others wrote drive it: azure-storage-file-datalake and Hadoop's abfss
driver. It knows no access control lists, snapshots, versions, or blocks of a blob.
"""

import base64
import hmac
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from itertools import count
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from fakes.http_service import Answer, Faults, HttpService, Request
from ingestion.lake.adls_storage import AdlsStorage, Clock

ACCOUNT, CONTAINER = "account", "raw-data"
KEY = base64.b64encode(b"planted-account-key-of-the-fake-dfs-endpoint").decode()
_SHORTEST_LEASE, _LONGEST_LEASE = 15, 60


@dataclass
class _Lease:
    """A lease of a file: its name, its length (-1 for ever), and when it ends or was broken."""

    id: str
    duration: int
    until: float
    broken_at: float | None = None


@dataclass
class _Node:
    """A file or folder."""

    is_folder: bool
    etag: str
    modified: datetime
    content: bytes = b""
    appended: dict[int, bytes] = field(default_factory=dict)
    properties: str = ""
    lease: _Lease | None = None


class _Refused(Exception):  # noqa: N818 - an answer, no fault of the fake's
    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.answer = Answer(
            status,
            {"error": {"code": code, "message": message or code}},
            {"x-ms-error-code": code, "x-ms-version": "1"},
        )


class DfsService(HttpService):
    """One account with one container.

    Args:
        faults: what goes wrong.
        page: the most entries that a list holds, and the most paths that a delete removes, in one call.
        token: a bearer token that is let in beside the account's key.
        seconds: the service's clock, by which leases end.

    Attributes:
        nodes: what the container holds, by path.
    """

    def __init__(
        self,
        *,
        faults: Faults | None = None,
        page: int = 5000,
        token: str | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        # A bearer token is sent over TLS alone.
        super().__init__(faults=faults, tls=token is not None)
        self.page = page
        self.nodes: dict[str, _Node] = {}
        self._token = token
        self._seconds = seconds
        self._etags = count(1)

    @property
    def account_url(self) -> str:
        """What a client is given for the account."""
        return f"{self.url}/{ACCOUNT}"

    @property
    def root(self) -> str:
        """The container as Spark spells it."""
        return f"abfs://{CONTAINER}@{ACCOUNT}.dfs.core.windows.net"

    def storage(self, folder: str = "", clock: Clock | None = None) -> AdlsStorage:
        """Return the lake that is here, or a folder of it."""
        root = f"{self.root}/{folder}".rstrip("/")
        key = {"account_name": ACCOUNT, "account_key": KEY}
        return AdlsStorage(root, self.account_url, CONTAINER, folder, credential=key, clock=clock)

    def content(self, path: str) -> bytes:
        """Return what a file holds."""
        return self.nodes[path].content

    def label(self, request: Request) -> str:
        for name in ("x-ms-rename-source", "x-ms-lease-action"):
            if name in request.headers:
                return f"{request.path} {name.removeprefix('x-ms-')}={unquote(request.headers[name])}"
        what = [
            f"{name}={request.query[name]}" for name in ("resource", "action", "directory") if name in request.query
        ]
        return " ".join([request.path, *what])

    def refusal(self, status: int, code: str, message: str) -> Answer:
        return _Refused(status, code, message).answer

    def respond(self, request: Request) -> Answer:
        try:
            self._let_in(request)
            path = _path_of(request)
            if not path:
                return self._filesystem(request)
            return self._operation(request)(path, request)
        except _Refused as refused:
            return refused.answer

    def _operation(self, request: Request) -> Callable[[str, Request], Answer]:
        # Java's own HTTP client knows no PATCH: the abfss driver says it in a header.
        method = request.headers.get("x-http-method-override", request.method)
        if request.query.get("comp") == "lease" or (method == "POST" and "x-ms-lease-action" in request.headers):
            return self._lease
        if method == "PUT":
            if "x-ms-rename-source" in request.headers:
                return self._rename
            if request.headers.get("x-ms-blob-type") == "BlockBlob" and "comp" not in request.query:
                return self._put_blob
            if "resource" in request.query:
                return self._create
        operations = {
            ("PATCH", "append"): self._append,
            ("PATCH", "flush"): self._flush,
            ("HEAD", "getStatus"): self._properties,
            ("HEAD", ""): self._properties,
            ("GET", ""): self._read,
            ("DELETE", ""): self._delete,
        }
        operation = operations.get((method, request.query.get("action", "")))
        if operation is None or request.query.get("comp"):
            raise _Refused(501, "NotImplemented", f"{method} {request.path} {request.query}")
        return operation

    def _filesystem(self, request: Request) -> Answer:
        if request.query.get("resource") != "filesystem":
            raise _Refused(400, "InvalidQueryParameterValue", "resource")
        if request.method == "GET":
            return self._list(request)
        if request.method == "HEAD":
            return Answer(200, None, {"x-ms-namespace-enabled": "true"})
        raise _Refused(409, "FilesystemAlreadyExists")

    def _list(self, request: Request) -> Answer:
        folder = request.query.get("directory", "").strip("/")
        if folder:
            self._find(folder)
        recursive = request.query.get("recursive") == "true"
        if folder and not self.nodes[folder].is_folder:
            names = [folder]
        else:
            names = sorted(name for name in self.nodes if _is_within(name, folder, recursive=recursive))
        start = int(request.query.get("continuation") or 0)
        page = min(self.page, int(request.query.get("maxResults") or self.page))
        shown = names[start : start + page]
        more = {"x-ms-continuation": str(start + page)} if start + page < len(names) else {}
        return Answer(200, {"paths": [self._entry(name) for name in shown]}, more)

    def _entry(self, name: str) -> dict[str, Any]:
        node = self.nodes[name]
        entry = {
            "name": name,
            "contentLength": str(len(node.content)),
            "etag": node.etag,
            "lastModified": format_datetime(node.modified, usegmt=True),
            "owner": "$superuser",
            "group": "$superuser",
            "permissions": "rwxr-x---",
        }
        return entry | ({"isDirectory": "true"} if node.is_folder else {})

    def _create(self, path: str, request: Request) -> Answer:
        is_folder = request.query["resource"] == "directory"
        there = self.nodes.get(path)
        if there and request.headers.get("if-none-match") == "*":
            raise _Refused(409, "PathAlreadyExists")
        self._check(there, request)
        if there and there.is_folder != is_folder:
            raise _Refused(409, "PathConflict")
        if not (there and is_folder):
            self._put(path, is_folder=is_folder, content=b"", properties=request.headers.get("x-ms-properties", ""))
        return self._done(path, 201)

    def _put_blob(self, path: str, request: Request) -> Answer:
        there = self.nodes.get(path)
        if there and request.headers.get("if-none-match") == "*":
            raise _Refused(409, "BlobAlreadyExists")
        if there and there.is_folder:
            raise _Refused(409, "ResourceTypeMismatch")
        self._check(there, request)
        self._put(path, is_folder=False, content=request.body)
        return self._done(path, 201)

    def _put(self, path: str, *, is_folder: bool, content: bytes, properties: str = "") -> None:
        for parent in _parents(path):
            node = self.nodes.setdefault(parent, _Node(is_folder=True, etag=self._etag(), modified=self._now()))
            if not node.is_folder:
                raise _Refused(409, "PathConflict")
        before = self.nodes.get(path)
        node = _Node(is_folder, self._etag(), self._now(), content, properties=properties)
        # A lease holds the path, not what it holds.
        node.lease = before.lease if before and self._is_leased(before) else None
        self.nodes[path] = node

    def _rename(self, path: str, request: Request) -> Answer:
        source = unquote(urlsplit(request.headers["x-ms-rename-source"]).path).strip("/").partition("/")[2]
        if source not in self.nodes:
            raise _Refused(404, "SourcePathNotFound")
        node, there = self.nodes[source], self.nodes.get(path)
        self._check(node, request, "x-ms-source-")
        if there and request.headers.get("if-none-match") == "*":
            raise _Refused(409, "PathAlreadyExists")
        self._check(there, request)
        if path == source or path.startswith(f"{source}/"):
            raise _Refused(409, "InvalidDestinationPath")
        parents = list(_parents(path))
        if parents and parents[-1] not in self.nodes:
            raise _Refused(404, "RenameDestinationParentPathNotFound")
        if parents and not self.nodes[parents[-1]].is_folder:
            raise _Refused(409, "PathConflict")
        if there and there.is_folder != node.is_folder:
            raise _Refused(409, "InvalidSourceOrDestinationResourceType")
        if there and any(_is_within(name, path) for name in self.nodes):
            raise _Refused(409, "DirectoryNotEmpty")
        for name in [source, *(name for name in list(self.nodes) if _is_within(name, source))]:
            self.nodes[path + name.removeprefix(source)] = self.nodes.pop(name)
        node.lease = None
        return self._done(path, 201)

    def _append(self, path: str, request: Request) -> Answer:
        node = self._find(path, file=True)
        self._check(node, request)
        position = int(request.query["position"])
        if position < len(node.content):
            raise _Refused(400, "InvalidAppendPosition")
        if request.body:
            node.appended[position] = request.body
        if request.query.get("flush") == "true":
            return self._flush_to(path, position + len(request.body), 202)
        return Answer(202, None, {"x-ms-request-server-encrypted": "true"})

    def _flush(self, path: str, request: Request) -> Answer:
        self._check(self._find(path, file=True), request)
        return self._flush_to(path, int(request.query["position"]), 200)

    def _flush_to(self, path: str, position: int, status: int) -> Answer:
        node = self.nodes[path]
        content = node.content
        for start, part in sorted(node.appended.items()):
            if start == len(content):
                content += part
        if position != len(content):
            raise _Refused(400, "InvalidFlushPosition")
        node.content, node.appended = content, {}
        node.etag, node.modified = self._etag(), self._now()
        return self._done(path, status)

    def _properties(self, path: str, _request: Request) -> Answer:
        node = self._find(path)
        return Answer(200, None, {**self._headers(node), "Content-Length": str(len(node.content))})

    def _read(self, path: str, request: Request) -> Answer:
        node = self._find(path)
        self._check(node, request, is_write=False)
        wanted = request.headers.get("x-ms-range") or request.headers.get("range")
        if not wanted:
            return Answer(200, node.content, self._headers(node))
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        size = len(node.content)
        if int(first) >= size:
            raise _Refused(416, "InvalidRange")
        part = node.content[int(first) : int(last or size - 1) + 1]
        shown = f"bytes {first}-{int(first) + len(part) - 1}/{size}"
        return Answer(206, part, {**self._headers(node), "Content-Range": shown})

    def _delete(self, path: str, request: Request) -> Answer:
        node = self._find(path)
        self._check(node, request)
        within = sorted((name for name in self.nodes if _is_within(name, path)), reverse=True)
        if within and request.query.get("recursive") != "true":
            raise _Refused(409, "DirectoryNotEmpty")
        for name in within[: self.page]:
            del self.nodes[name]
        if len(within) > self.page:
            return Answer(200, None, {"x-ms-continuation": "more"})
        del self.nodes[path]
        return Answer(202 if _is_blob_request(request) else 200)

    def _lease(self, path: str, request: Request) -> Answer:
        node = self._find(path, file=True)
        action = request.headers["x-ms-lease-action"]
        given = request.headers.get("x-ms-lease-id")
        actions = {"acquire": self._acquire, "renew": self._renew, "release": self._release, "break": self._break}
        if action not in actions:
            raise _Refused(400, "InvalidHeaderValue", "x-ms-lease-action")
        answer = actions[action](node, given, request)
        return Answer(answer.status, None, {**self._stamp(node), **answer.headers})

    def _acquire(self, node: _Node, _given: str | None, request: Request) -> Answer:
        duration = int(request.headers.get("x-ms-lease-duration", "-1"))
        proposed = request.headers.get("x-ms-proposed-lease-id") or str(uuid4())
        if duration != -1 and not _SHORTEST_LEASE <= duration <= _LONGEST_LEASE:
            raise _Refused(400, "InvalidHeaderValue", "x-ms-lease-duration")
        if node.lease and self._is_leased(node) and node.lease.id != proposed:
            is_breaking = node.lease.broken_at is not None
            raise _Refused(409, "LeaseIsBreakingAndCannotBeAcquired" if is_breaking else "LeaseAlreadyPresent")
        node.lease = _Lease(proposed, duration, self._end(duration))
        return Answer(201, None, {"x-ms-lease-id": proposed})

    def _renew(self, node: _Node, given: str | None, _request: Request) -> Answer:
        lease = self._own_lease(node, given)
        if lease.broken_at is not None:
            raise _Refused(409, "LeaseIsBrokenAndCannotBeRenewed")
        lease.until = self._end(lease.duration)
        return Answer(200, None, {"x-ms-lease-id": lease.id})

    def _release(self, node: _Node, given: str | None, _request: Request) -> Answer:
        self._own_lease(node, given)
        node.lease = None
        return Answer(200)

    def _break(self, node: _Node, _given: str | None, request: Request) -> Answer:
        if node.lease is None:
            raise _Refused(409, "LeaseNotPresentWithLeaseOperation")
        left = max(0.0, node.lease.until - self._seconds()) if node.lease.duration != -1 else 0.0
        period = min(left, float(request.headers.get("x-ms-lease-break-period", left)))
        node.lease.broken_at = node.lease.until = self._seconds() + period
        return Answer(202, None, {"x-ms-lease-time": str(int(period))})

    def _own_lease(self, node: _Node, given: str | None) -> _Lease:
        if node.lease is None:
            raise _Refused(409, "LeaseNotPresentWithLeaseOperation")
        if node.lease.id != given:
            raise _Refused(409, "LeaseIdMismatchWithLeaseOperation")
        return node.lease

    def _is_leased(self, node: _Node) -> bool:
        return node.lease is not None and self._seconds() < node.lease.until

    def _end(self, duration: int) -> float:
        return float("inf") if duration == -1 else self._seconds() + duration

    def _check(self, node: _Node | None, request: Request, prefix: str = "", *, is_write: bool = True) -> None:
        """Hold a request to its conditions, and to the lease of what it changes."""
        conditions = {name: request.headers.get(f"{prefix}{name}") for name in ("if-match", "if-none-match")}
        code = "SourceConditionNotMet" if prefix else "ConditionNotMet"
        if conditions["if-match"] and not (node and conditions["if-match"] in ("*", node.etag)):
            raise _Refused(412, code)
        if conditions["if-none-match"] and node and conditions["if-none-match"] in ("*", node.etag):
            raise _Refused(412, code)
        given = request.headers.get("x-ms-source-lease-id" if prefix else "x-ms-lease-id") or None
        if node is None or not is_write:
            return
        if self._is_leased(node) and node.lease:
            if given is None:
                raise _Refused(412, "LeaseIdMissing")
            if given != node.lease.id:
                raise _Refused(412, "LeaseIdMismatchWithBlobOperation")
        elif given is not None:
            raise _Refused(412, "LeaseLost" if node.lease else "LeaseNotPresentWithBlobOperation")
        else:
            # A lease that has ended can be renewed only while nobody has changed the file.
            node.lease = None

    def _find(self, path: str, *, file: bool = False) -> _Node:
        node = self.nodes.get(path)
        if node is None:
            raise _Refused(404, "PathNotFound")
        if file and node.is_folder:
            raise _Refused(409, "ResourceTypeMismatch")
        return node

    def _done(self, path: str, status: int) -> Answer:
        return Answer(status, None, {**self._stamp(self.nodes[path]), "x-ms-request-server-encrypted": "true"})

    def _stamp(self, node: _Node) -> dict[str, str]:
        return {"ETag": node.etag, "Last-Modified": format_datetime(node.modified, usegmt=True)}

    def _headers(self, node: _Node) -> dict[str, str]:
        state = "available" if node.lease is None else "leased" if self._is_leased(node) else "expired"
        headers = {
            **self._stamp(node),
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
            "x-ms-resource-type": "directory" if node.is_folder else "file",
            "x-ms-blob-type": "BlockBlob",
            "x-ms-creation-time": format_datetime(node.modified, usegmt=True),
            "x-ms-lease-state": state,
            "x-ms-lease-status": "locked" if state == "leased" else "unlocked",
            "x-ms-owner": "$superuser",
            "x-ms-group": "$superuser",
            "x-ms-permissions": "rwxr-x---",
            "x-ms-server-encrypted": "true",
        }
        return headers | ({"x-ms-meta-hdi_isfolder": "true"} if node.is_folder else {})

    def _now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)

    def _etag(self) -> str:
        return f'"0x{next(self._etags):015X}"'

    def _let_in(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        kind, _, proof = given.partition(" ")
        if kind == "Bearer" and self._token is not None and proof == self._token:
            return
        if kind == "SharedKey" and hmac.compare_digest(proof, f"{ACCOUNT}:{_signature(request)}"):
            return
        raise _Refused(403, "AuthenticationFailed", "Server failed to authenticate the request.")


def _path_of(request: Request) -> str:
    """Return the path within the container."""
    account, _, rest = request.path.lstrip("/").partition("/")
    container, _, path = rest.partition("/")
    if account != ACCOUNT or container != CONTAINER:
        raise _Refused(404, "ContainerNotFound" if _is_blob_request(request) else "FilesystemNotFound")
    return path.strip("/")


def _signature(request: Request) -> str:
    """Return the signature of a request by the account's key.

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    """
    names = (
        "content-encoding content-language content-length content-md5 content-type date if-modified-since if-match "
        "if-none-match if-unmodified-since range"
    )
    values = [request.headers.get(name, "") for name in names.split()]
    values[2] = "" if values[2] == "0" else values[2]
    ours = sorted((name, value.strip()) for name, value in request.headers.items() if name.startswith("x-ms-"))
    query = sorted((name.lower(), value) for name, value in request.query.items())
    lines = [
        request.method,
        *values,
        *(f"{name}:{value}" for name, value in ours),
        f"/{ACCOUNT}{request.raw_path}",
        *(f"{name}:{value}" for name, value in query),
    ]
    digest = hmac.new(base64.b64decode(KEY), "\n".join(lines).encode(), sha256).digest()
    return base64.b64encode(digest).decode()


def _is_blob_request(request: Request) -> bool:
    return (
        not {"resource", "action", "recursive"} & request.query.keys() and "x-ms-rename-source" not in request.headers
    )


def _parents(path: str) -> Iterator[str]:
    """Yield the folders above a path, the outermost first."""
    parts = path.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


def _is_within(name: str, folder: str, *, recursive: bool = True) -> bool:
    rest = name.removeprefix(f"{folder}/") if folder else name
    return (not folder or name.startswith(f"{folder}/")) and (recursive or "/" not in rest)

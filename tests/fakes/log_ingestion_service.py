"""Azure Monitor's Logs Ingestion API: one stream of one data collection rule, which takes what it declares."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fakes.http_service import Answer, Faults, HttpService, Request

_PATH = "/dataCollectionRules/dcr-0123456789abcdef0123456789abcdef/streams/Custom-NotebookSteps"
_VERSION = "2023-01-01"
_LARGEST = 1_000_000


class LogIngestionService(HttpService):
    """Takes a JSON array of rows from whoever has the token. The real one would drop a key that it does not know.

    Args:
        token: the bearer token that is let in.
        columns: the stream's columns and their types, as the rule declares them.
        faults: what goes wrong.
    """

    def __init__(self, token: str, columns: Mapping[str, str], *, faults: Faults | None = None) -> None:
        super().__init__(faults=faults)
        self.rows: list[dict[str, Any]] = []
        self._token = token
        self._columns = columns

    @property
    def ingestion_url(self) -> str:
        """The address that the deployment gives as `LOG_INGESTION_URL`."""
        return f"{self.url}{_PATH}?api-version={_VERSION}"

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return self.refusal(401, "InvalidToken", f"not let in: {request.headers.get('authorization')}")
        if (request.method, request.path, request.query) != ("POST", _PATH, {"api-version": _VERSION}):
            return self.refusal(404, "NotFound", "Data collection rule or stream not found.")
        if request.headers["content-type"] != "application/json":
            return self.refusal(415, "UnsupportedMediaType", "The body must be JSON.")
        if len(request.body) > _LARGEST:
            return self.refusal(413, "ContentLengthLimitExceeded", "Maximum allowed content length is 1 MB.")
        rows = request.json
        if not isinstance(rows, list) or not all(self._fits(row) for row in rows):
            return self.refusal(400, "InvalidPayload", "The body must be an array of rows of the stream's columns.")
        self.rows += rows
        return Answer(204)

    def refusal(self, status: int, code: str, message: str) -> Answer:
        return Answer(status, {"error": {"code": code, "message": message}})

    def _fits(self, row: Mapping[str, Any]) -> bool:
        return row.keys() == self._columns.keys() and all(
            value is None or _has_type(value, self._columns[name]) for name, value in row.items()
        )


def _has_type(value: object, kind: str) -> bool:
    if kind == "datetime":
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    return isinstance(value, {"string": str, "long": int, "real": (int, float)}[kind])

"""A call of the REST API and its answer, as values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local_factory.server.errors import bad_request


@dataclass(frozen=True)
class Call:
    """A call: the names in its path as the client spelled them, its query (names in lower case), headers and body.

    `base` is the factory's resource id, or the part of the path before what is asked for; `url` the server's address.
    """

    method: str
    path: str
    names: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str = ""
    url: str = ""

    def json(self) -> Any:
        """Return the body as JSON, an empty object when there is none.

        Raises:
            ServiceError: the body is no JSON.
        """
        if not self.body.strip():
            return {}
        try:
            return json.loads(self.body.decode("utf-8-sig"), parse_constant=_refuse_constant)
        except RecursionError as error:
            raise bad_request("The request body is nested too deeply.", code="InvalidRequestContent") from error
        except ValueError as error:
            raise bad_request(
                f"The request content was invalid and could not be deserialized: {error}.", code="InvalidRequestContent"
            ) from error

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            ServiceError: it is none.
        """
        value = self.json()
        if not isinstance(value, dict):
            raise bad_request("The request body must be a JSON object.", code="InvalidRequestContent")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean of the query, false when it is not given.

        Raises:
            ServiceError: it is neither true nor false.
        """
        text = self.query.get(name.lower(), "false").lower()
        if text not in ("true", "false"):
            raise bad_request(f"{name}: is {text!r}; write true or false.")
        return text == "true"


@dataclass(frozen=True)
class Answer:
    """What is answered; a body of None is no body."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def moment(value: object, name: str) -> datetime:
    """Return a moment that a client wrote, with its zone; one without is UTC.

    Raises:
        ServiceError: it is none.
    """
    try:
        found = datetime.fromisoformat(value.strip() if isinstance(value, str) else "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_request(f"{name}: is {value!r}; a moment is needed, such as 2026-01-31T12:00:00Z.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")

"""One request to a service of Azure, bounded in time: its answer when it is a success, else a named error."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util import Retry

from ingestion.platform.errors import AzureNotFoundError, AzureRefusedError, AzureUnavailableError
from ingestion.platform.threads import gather

_CONNECT_SECONDS = 5
_SILENCE_SECONDS = 10
_SUCCESS = range(200, 300)
# Statuses that pass by themselves.
PASSING = frozenset({429, *range(500, 600)})
_LONGEST_REASON = 400


@dataclass(frozen=True)
class Patience:
    """How often a service is asked, the first try included, and for how many seconds in all, waits included."""

    tries: int
    seconds: float


class BearerAuth(AuthBase):
    """Sends a token as `Authorization: Bearer`. Given as `auth`, it also wins over a `.netrc` file."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def get(url: str, patience: Patience, redact: Callable[[str], str], **content: Any) -> requests.Response:
    """Return the answer to a GET, as `post` does.

    Raises:
        AzureUnavailableError: as for `post`.
        AzureNotFoundError: status 404.
        AzureRefusedError: any other status than 2xx.
    """
    return _send("GET", url, patience, redact, content)


def post(url: str, patience: Patience, redact: Callable[[str], str], **content: Any) -> requests.Response:
    """Return the answer to a POST. Redirects are not followed: what is sent is for this server only.

    Connection errors, 429 and 5xx are tried again: after as long as `Retry-After` says, else after growing waits.

    Args:
        url: the address.
        patience: how long to try.
        redact: takes secrets out of a text, here that of an error.
        content: what `requests.Session.post` takes as `data`, `json` and `auth`.

    Raises:
        AzureUnavailableError: no connection, too slow, or still 429 or 5xx after all tries.
        AzureRefusedError: any other status than 2xx.
    """
    return _send("POST", url, patience, redact, content)


def _send(
    method: str, url: str, patience: Patience, redact: Callable[[str], str], content: dict[str, Any]
) -> requests.Response:
    late = AzureUnavailableError(f"{url}: no answer after {patience.seconds:g} s, retries included.")
    task = partial(_request, method, url, patience.tries, redact, content)
    # In a thread, because neither a name server nor a body that drips heeds the timeouts of requests.
    answers, errors = gather({url: task}, workers=1, seconds=patience.seconds, late=late)
    for error in errors.values():
        raise error
    return answers[url]


def _request(
    method: str, url: str, tries: int, redact: Callable[[str], str], content: dict[str, Any]
) -> requests.Response:
    retries = Retry(
        total=tries - 1,
        allowed_methods=None,  # a POST too
        status_forcelist=PASSING,
        backoff_factor=0.5,
        raise_on_status=False,
    )
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=retries))
        try:
            timeout = (_CONNECT_SECONDS, _SILENCE_SECONDS)
            answer = session.request(method, url, timeout=timeout, allow_redirects=False, **content)
        except requests.RequestException as error:
            raise AzureUnavailableError(redact(f"{url}: cannot be reached: {error}")) from error
    if answer.status_code in _SUCCESS:
        return answer
    message = f"{url}: status {answer.status_code}: {redact(_reason(answer))[:_LONGEST_REASON]}"
    if answer.status_code in PASSING:
        raise AzureUnavailableError(message)
    raise (AzureNotFoundError if answer.status_code == HTTPStatus.NOT_FOUND else AzureRefusedError)(message)


def _reason(answer: requests.Response) -> str:
    """Return what the service says is wrong, in the shape of Entra ID or of Azure's APIs.

    Any other body is not shown: a proxy's page may repeat what was sent, and not in the spelling that redaction knows.
    """
    try:
        document = answer.json()
        error = document["error"]
        if isinstance(error, dict):
            return f"{error['code']}: {error['message']}"
        # The lines after the first are identifiers for Microsoft's support.
        description = document["error_description"].partition("\n")[0].strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return str(answer.reason)
    return f"{error}: {description}"

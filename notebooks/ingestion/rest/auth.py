"""How requests to an API are signed. Secrets are looked up at the moment of use, and go to the API's server only."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from threading import Lock
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.auth import AuthBase

from ingestion.feeds.model import ApiKey, Auth, Bearer, HttpBasic, OAuth2ClientCredentials, Secret
from ingestion.platform import strict_json
from ingestion.platform.errors import ApiRefusedError, ApiUnavailableError, InvalidSettingError, UnexpectedAnswerError
from ingestion.rest import http
from ingestion.rest.http import Bounds

# Returns the value of a secret; raises a SettingError that names it where it is not stored.
FindSecret = Callable[[Secret], str]
# Tells a value that is secret too: a token that was made of secrets.
Hide = Callable[[str], None]
# Seconds before its end at which a token is no longer used, and its life where the server does not tell.
_MARGIN = 60.0
_LIFE = 3600.0


def signer(
    auth: Auth | None,
    secret_headers: Mapping[str, Secret],
    secret_params: Mapping[str, Secret],
    find: FindSecret,
    *,
    session: requests.Session,
    hide: Hide,
    bounds: Bounds,
) -> AuthBase | None:
    """Return what signs the requests of an endpoint; None where nothing does, so that an address may sign itself.

    Raises:
        SettingError: a secret is not stored, or cannot be sent.
    """
    headers = {name: _sendable(secret, find(secret)) for name, secret in secret_headers.items()}
    params = {name: find(secret) for name, secret in secret_params.items()}
    match auth:
        case Bearer():
            headers["Authorization"] = f"Bearer {_one_word(auth.token, find(auth.token))}"
        case ApiKey(location="header"):
            headers[auth.name] = _sendable(auth.value, find(auth.value))
        case ApiKey():
            params[auth.name] = find(auth.value)
        case HttpBasic():
            pair = f"{_text(auth.username, find)}:{find(auth.password)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        case OAuth2ClientCredentials():
            fixed = _Signed(headers, params)
            return ClientCredentials(auth, fixed, find, session=session, hide=hide, bounds=bounds)
    return _Signed(headers, params) if headers or params else None


class _Signed(AuthBase):
    """Sends the same headers and parameters each time. Given as `auth`, it also wins over a `.netrc` file."""

    def __init__(self, headers: Mapping[str, str], params: Mapping[str, str]) -> None:
        self._headers = headers
        self._params = params

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        # The next page's address may hold them already.
        present = {name for name, _ in parse_qsl(urlsplit(str(request.url)).query, keep_blank_values=True)}
        request.prepare_url(request.url, {name: self._params[name] for name in self._params.keys() - present})
        return request


class ClientCredentials(AuthBase):
    """Asks for a token with the client's own credentials (RFC 6749, 4.4), and for a new one when it ends."""

    def __init__(
        self,
        auth: OAuth2ClientCredentials,
        fixed: _Signed,
        find: FindSecret,
        *,
        session: requests.Session,
        hide: Hide,
        bounds: Bounds,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._auth = auth
        self._fixed = fixed
        self._find = find
        self._session = session
        self._hide = hide
        self._bounds = bounds
        self._clock = clock
        self._lock = Lock()
        self._token = ""
        self._ends = 0.0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        with self._lock:
            if not self._token or self._clock() >= self._ends:
                self._ask()
            request.headers["Authorization"] = f"Bearer {self._token}"
        return self._fixed(request)

    def forget(self) -> None:
        """Ask for a new token next time: the API refused this one before its end."""
        with self._lock:
            self._token = ""

    def _ask(self) -> None:
        url = self._auth.access_token_url
        form = {
            "grant_type": "client_credentials",
            "client_id": _text(self._auth.client_id, self._find),
            "client_secret": self._find(self._auth.client_secret),
        } | ({"scope": self._auth.scope} if self._auth.scope else {})
        answer = http.post(self._session, url, form, bounds=self._bounds)
        if answer.status == requests.codes.too_many_requests or answer.status >= requests.codes.internal_server_error:
            raise ApiUnavailableError(f"{url}: status {answer.status}: no token.")
        if answer.status != requests.codes.ok:
            # The body is not shown: it may repeat what was sent.
            raise ApiRefusedError(f"{url}: status {answer.status}: no token for the client's id and secret.")
        document = strict_json.parse(answer.body)
        token = document.get("access_token") if isinstance(document, dict) else None
        if not isinstance(token, str) or not fits_in_a_header(token):
            raise UnexpectedAnswerError(f"{url}: the answer holds no access_token that could be sent.")
        life = document.get("expires_in") if isinstance(document, dict) else None
        self._hide(token)
        self._token = token
        seconds = float(life) if isinstance(life, int | float) and not isinstance(life, bool) else _LIFE
        # A token of a short life is used for half of it at least.
        self._ends = self._clock() + max(seconds - _MARGIN, seconds / 2)


def fits_in_a_header(text: str) -> bool:
    """Say whether a token is one word of printable ASCII."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _text(value: str | Secret, find: FindSecret) -> str:
    return find(value) if isinstance(value, Secret) else value


def _one_word(secret: Secret, value: str) -> str:
    if not fits_in_a_header(value):
        raise InvalidSettingError(
            f"secret {secret.secret}: has blanks, line ends or non-ASCII characters in it, which no token has."
        )
    return value


def _sendable(secret: Secret, value: str) -> str:
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        raise InvalidSettingError(
            f"secret {secret.secret}: has blanks at its ends, line ends or non-ASCII characters in it."
        )
    return value

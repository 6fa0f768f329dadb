"""The client of one API: asks an address within all bounds and limits, and returns the JSON that it answers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from ingestion.feeds.model import Endpoint, RestSource, Secret
from ingestion.platform import strict_json
from ingestion.platform.errors import (
    ApiRefusedError,
    ApiUnavailableError,
    MalformedJsonError,
    NotFoundError,
    NotJsonError,
)
from ingestion.platform.excerpt import excerpt
from ingestion.platform.log import Clock, utc_now
from ingestion.platform.slots import Slots
from ingestion.rest import http
from ingestion.rest.answers import error_message
from ingestion.rest.auth import ClientCredentials, FindSecret, Hide, signer
from ingestion.rest.http import Answer, Bounds
from ingestion.rest.rate_limits import RateLimiter, is_exhausted, reset_after, retry_after

_HEADERS = {
    "Accept": "application/json",
    # Uncompressed: no small answer can unpack to a large one.
    "Accept-Encoding": "identity",
    "User-Agent": "continuous-ingestion",
}


@dataclass(frozen=True)
class RetryPolicy:
    """How often an address is asked. Times in seconds.

    Attributes:
        tries: requests for one answer, the first included.
        first_wait: about this long after the first try, twice as long after each further one, with jitter.
        longest_wait: between two tries, whatever the server says.
        total: no further try starts later than this after the first.
    """

    tries: int = 5
    first_wait: float = 1
    longest_wait: float = 300
    total: float = 900


@dataclass(frozen=True)
class JsonAnswer:
    """An answer with status 200: its JSON value, its headers, and the address that gave it."""

    value: Any
    headers: Mapping[str, str]
    url: str


class ApiClient:
    """Asks one source. May be used from several threads; its limits hold for all of them together.

    Its connections are counted with those of all processes of this machine.

    Args:
        source: the API.
        session: makes the connections; knows proxies and certificates.
        find_secret: returns a secret's value.
        hide: is told values that are secret too.
        bounds: of one exchange.
        retries: of requests that failed for a passing reason.
        clock: the time, which dates in headers are compared with.
        sleep: waits a number of seconds.
        on_retry: told the address and the error of each try that another one follows.
    """

    def __init__(
        self,
        source: RestSource,
        session: requests.Session,
        find_secret: FindSecret,
        *,
        hide: Hide = lambda _value: None,
        bounds: Bounds = Bounds(),  # noqa: B008 - it is frozen
        retries: RetryPolicy = RetryPolicy(),
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        on_retry: Callable[[str, Exception], None] = lambda _url, _error: None,
    ) -> None:
        self.source = source
        self._session = session
        self._find_secret = find_secret
        self._hide = hide
        self._bounds = bounds
        self._retries = retries
        self._clock = clock
        self._sleep = sleep
        self._on_retry = on_retry
        self._places = BoundedSemaphore(source.max_connections)
        self._slots = Slots(source.url, source.max_connections)
        self._limiter = RateLimiter(source.rate_limit, longest=retries.longest_wait, clock=clock, sleep=sleep)
        self._has_answered = False
        # Once nobody was reached in all tries, the other feeds of the source fail at once, for the same reason.
        self._unreachable: ApiUnavailableError | None = None
        keep_connections(session, source.max_connections)

    def signer(self, endpoint: Endpoint) -> AuthBase | None:
        """Return what signs the requests of an endpoint.

        Raises:
            SettingError: a secret is not stored, or cannot be sent.
        """
        headers = {name: value for name, value in self.source.headers.items() if isinstance(value, Secret)}
        return signer(
            endpoint.auth or self.source.auth,
            headers,
            {name: value for name, value in endpoint.params.items() if isinstance(value, Secret)},
            self._find_secret,
            session=self._session,
            hide=self._hide,
            bounds=self._bounds,
        )

    def get(self, url: str, auth: AuthBase | None = None) -> JsonAnswer:
        """Return the JSON that an address answers with status 200.

        Connection errors, 429 and 5xx are tried again: after as long as the server says, else after growing waits
        with jitter. A token that is refused is renewed once. Every other failure is final at once.

        Raises:
            ApiError: a narrow one for each way in which the API gives anything but that.
        """

        def report(state: RetryCallState) -> None:
            self._on_retry(url, _error(state))

        retrying = Retrying(
            retry=retry_if_exception_type(ApiUnavailableError),
            wait=self._wait,
            stop=stop_after_attempt(self._retries.tries) | stop_before_delay(self._retries.total),
            before_sleep=report,
            sleep=self._sleep,
            reraise=True,
        )
        if self._unreachable:
            raise self._unreachable
        try:
            return retrying(self._get_once, url, auth)
        except ApiUnavailableError as error:
            if not self._has_answered and _is_unreachable(error, url):
                self._unreachable = error
            raise

    def _get_once(self, url: str, auth: AuthBase | None) -> JsonAnswer:
        answer = self._ask(url, auth)
        if answer.status == requests.codes.unauthorized and isinstance(auth, ClientCredentials):
            auth.forget()
            answer = self._ask(url, auth)
        self._check_status(url, answer, is_signed=auth is not None)
        _check_is_json(url, answer)
        return JsonAnswer(strict_json.parse(answer.body), answer.headers, answer.url)

    def _ask(self, url: str, auth: AuthBase | None) -> Answer:
        plain = {name: value for name, value in self.source.headers.items() if isinstance(value, str)}
        # The places of this process first: a thread that waits there needs not look.
        with self._places, self._slots.hold():
            self._limiter.wait()
            answer = http.get(self._session, url, headers={**_HEADERS, **plain}, auth=auth, bounds=self._bounds)
        self._has_answered = True
        self._limiter.heed(answer.headers)
        return answer

    def _check_status(self, url: str, answer: Answer, *, is_signed: bool) -> None:
        if answer.status == requests.codes.ok:
            return
        message = f"{url}: status {answer.status}: {_message(answer)}"
        is_limited = answer.status == requests.codes.forbidden and (
            is_exhausted(answer.headers) or "Retry-After" in answer.headers
        )
        is_limited |= answer.status == requests.codes.too_many_requests
        if is_limited or answer.status >= requests.codes.internal_server_error:
            seconds = retry_after(answer.headers, self._clock)
            if seconds is None and is_limited:
                seconds = reset_after(answer.headers, self._clock)
            raise ApiUnavailableError(message, seconds)
        if answer.status == requests.codes.not_found:
            raise NotFoundError(message)
        if answer.status == requests.codes.unauthorized and not is_signed:
            message += " - requests are not signed: neither [source] nor the endpoint has auth"
        raise ApiRefusedError(message)

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        longest = self._retries.longest_wait
        if isinstance(error, ApiUnavailableError) and error.retry_after is not None:
            return min(error.retry_after, longest)
        first = self._retries.first_wait
        return wait_exponential_jitter(initial=first, max=longest, jitter=first)(state)


def keep_connections(session: requests.Session, connections: int) -> None:
    """Let a session keep this many connections to a server; its own ten would close those beyond them after a use."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=connections))


def _error(state: RetryCallState) -> Exception:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, Exception):
        raise TypeError("a try that did not fail is not tried again")
    return error


def _is_unreachable(error: ApiUnavailableError, url: str) -> bool:
    """Say whether there was no connection to an address's own server, as opposed to one that broke."""
    cause = error.__cause__
    if not isinstance(cause, requests.ConnectionError) or not cause.args or cause.request is None:
        return False
    reason = getattr(cause.args[0], "reason", None)
    is_refused = isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
    return is_refused and http.origin(str(cause.request.url)) == http.origin(url)


def _check_is_json(url: str, answer: Answer) -> None:
    encoding = answer.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise NotJsonError(f"{url}: the answer is compressed ({encoding[:40]}), which was not asked for.")
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise NotJsonError(f"{url}: the answer is {media_type[:80] or 'of no type'}, not JSON: {_excerpt(answer)}")


def _message(answer: Answer) -> str:
    try:
        return error_message(strict_json.parse(answer.body)) or _excerpt(answer)
    except MalformedJsonError:
        return _excerpt(answer)


def _excerpt(answer: Answer) -> str:
    return repr(excerpt(answer.body.decode("utf-8", "replace"), 120))

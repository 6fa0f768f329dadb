"""The client of the country API: asks for one country, and returns that country's record or a named error."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import requests
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from ingestion.platform import strict_json
from ingestion.platform.errors import (
    CountryApiDeprecatedError,
    CountryApiRefusedError,
    CountryApiUnavailableError,
    CountryNotFoundError,
    MalformedJsonError,
    NotJsonError,
)
from ingestion.platform.excerpt import excerpt
from ingestion.platform.log import Clock, utc_now
from ingestion.platform.settings import COUNTRY_API_V3_URL, COUNTRY_API_V5_URL, check_api_key
from ingestion.rest import http_get
from ingestion.rest.countries import V3, V5, Country, Record, error_message, find_country, is_deprecation
from ingestion.rest.http_get import Answer, BearerAuth, Bounds

_HEADERS = {
    "Accept": "application/json",
    # Uncompressed: a true answer is 80 kB at most, and no small answer can unpack to a large one.
    "Accept-Encoding": "identity",
    "User-Agent": "continuous-ingestion",
}


@dataclass(frozen=True)
class RetryPolicy:
    """How often a country is asked for. Times in seconds.

    Attributes:
        tries: requests for one country, the first included; a free key has 500 a month.
        first_wait: about this long after the first try, twice as long after each further one, with jitter.
        longest_wait: between two tries, whatever `Retry-After` says.
        total: no further try starts later than this after the first.
    """

    tries: int = 4
    first_wait: float = 1
    longest_wait: float = 60
    total: float = 180


DEFAULT_BOUNDS = Bounds()
DEFAULT_RETRIES = RetryPolicy()


class CountryApi:
    """Asks v5 with a key, and v3.1 without. May be used from several threads.

    Args:
        session: makes the connections; knows proxies and certificates.
        base_url: the version's path is appended to it; None for the version's public address.
        key: the API key, or None where there is none.
        bounds: of one request.
        retries: of requests that failed for a passing reason.
        clock: the time, which a `Retry-After` date is compared with.
        sleep: waits a number of seconds.
        on_retry: told the address and the error of each try that another one follows.

    Raises:
        InvalidSettingError: the key cannot be sent, or not to this address.
    """

    def __init__(
        self,
        session: requests.Session,
        base_url: str | None = None,
        key: str | None = None,
        *,
        bounds: Bounds = DEFAULT_BOUNDS,
        retries: RetryPolicy = DEFAULT_RETRIES,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        on_retry: Callable[[str, Exception], None] = lambda _url, _error: None,
    ) -> None:
        self._version = V5 if key else V3
        self._base_url = base_url or (COUNTRY_API_V5_URL if key else COUNTRY_API_V3_URL)
        if key:
            check_api_key(key, self._base_url)
        self._session = session
        self._auth = BearerAuth(key) if key else None
        self._bounds = bounds
        self._retries = retries
        self._clock = clock
        self._sleep = sleep
        self._on_retry = on_retry

    def url(self, country: Country) -> str:
        """Return the address that is asked for a country."""
        return self._base_url + self._version.path(country)

    def fetch(self, country: Country) -> Record:
        """Return a country's record as the API gives it.

        Connection errors, 429 and 5xx are tried again: after as long as `Retry-After` says, else after growing waits
        with jitter. Every other failure is final at once.

        Raises:
            CountryError: a narrow one for each way in which the API gives anything but this country.
        """
        url = self.url(country)

        def report(state: RetryCallState) -> None:
            self._on_retry(url, _error(state))

        retrying = Retrying(
            retry=retry_if_exception_type(CountryApiUnavailableError),
            wait=self._wait,
            stop=stop_after_attempt(self._retries.tries) | stop_before_delay(self._retries.total),
            before_sleep=report,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._fetch_once, url, country)

    def _fetch_once(self, url: str, country: Country) -> Record:
        answer = http_get.get(self._session, url, headers=_HEADERS, auth=self._auth, bounds=self._bounds)
        self._check_status(url, answer)
        _check_is_json(url, answer)
        return find_country(strict_json.parse(answer.body), country, self._version)

    def _check_status(self, url: str, answer: Answer) -> None:
        if answer.status == requests.codes.ok:
            return
        message = f"{url}: status {answer.status}: {_message(answer)}"
        if answer.status == requests.codes.too_many_requests or answer.status >= requests.codes.internal_server_error:
            raise CountryApiUnavailableError(message, self._retry_after(answer))
        if is_deprecation(message):
            raise CountryApiDeprecatedError(message)
        if answer.status == requests.codes.not_found:
            raise CountryNotFoundError(message)
        raise CountryApiRefusedError(message)

    def _retry_after(self, answer: Answer) -> float | None:
        """Read the header in either of its forms, seconds or an HTTP date (RFC 9110, 10.2.3)."""
        text = answer.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - self._clock()).total_seconds())

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        longest = self._retries.longest_wait
        if isinstance(error, CountryApiUnavailableError) and error.retry_after is not None:
            return min(error.retry_after, longest)
        first = self._retries.first_wait
        return wait_exponential_jitter(initial=first, max=longest, jitter=first)(state)


def _error(state: RetryCallState) -> Exception:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, Exception):
        raise TypeError("a try that did not fail is not tried again")
    return error


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

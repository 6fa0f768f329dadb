"""How fast an API may be asked: by its own `rate_limit`, and by what its answers say of the limits they keep."""

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from threading import Lock

from ingestion.feeds.model import RateLimit
from ingestion.platform.log import Clock

# Names in use: GitHub's and others' X-RateLimit-*, the IETF draft's RateLimit-*, Twitter's x-rate-limit-*.
_PREFIXES = ("X-RateLimit", "RateLimit", "X-Rate-Limit")
# The IETF draft's one header for both: `limit=10, remaining=0, reset=5`, and `"default";r=0;t=5`.
_REMAINING = re.compile(r"\b(?:remaining|r)=(\d+)")
_RESET = re.compile(r"\b(?:reset|t)=(\d+)")
# A reset is either seconds from now, or a moment: no limit is longer than this many seconds, no moment is earlier.
_MOMENT, _MILLISECONDS = 10**9, 10**12


class RateLimiter:
    """Makes requests wait for their turn. May be used from several threads.

    Args:
        limit: the most requests in a time; None for no limit of ours.
        longest: seconds to wait at most for what a server says.
        clock: the time, in UTC.
        sleep: waits a number of seconds.
        monotonic: seconds that only grow.
    """

    def __init__(
        self,
        limit: RateLimit | None,
        *,
        longest: float,
        clock: Clock,
        sleep: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._longest = longest
        self._clock = clock
        self._sleep = sleep
        self._monotonic = monotonic
        self._lock = Lock()
        self._turns: deque[float] = deque()
        self._closed_until = 0.0

    def wait(self) -> None:
        """Wait until a request may start."""
        with self._lock:
            now = self._monotonic()
            turn = max(now, self._closed_until)
            if self._limit:
                if len(self._turns) == self._limit.requests:
                    turn = max(turn, self._turns.popleft() + self._limit.seconds)
                self._turns.append(turn)
        if turn > now:
            self._sleep(turn - now)

    def heed(self, headers: Mapping[str, str]) -> None:
        """Let later requests wait where an answer says that none are left."""
        seconds = reset_after(headers, self._clock)
        if seconds:
            with self._lock:
                self._closed_until = max(self._closed_until, self._monotonic() + min(seconds, self._longest))


def is_exhausted(headers: Mapping[str, str]) -> bool:
    """Say whether an answer tells that no request is left."""
    return any(headers.get(f"{prefix}-Remaining", "").strip() == "0" for prefix in _PREFIXES) or (
        (found := _REMAINING.search(headers.get("RateLimit", ""))) is not None and int(found[1]) == 0
    )


def reset_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return after how many seconds there are requests again, where none is left and the answer tells."""
    if not is_exhausted(headers):
        return None
    texts = [headers.get(f"{prefix}-Reset", "").strip() for prefix in _PREFIXES]
    found = _RESET.search(headers.get("RateLimit", ""))
    text = next((text for text in texts if text), found[1] if found else "")
    try:
        number = float(text)
    except ValueError:
        return http_date_after(text, clock)
    if number >= _MILLISECONDS:
        number /= 1000
    return max(0.0, number - clock().timestamp()) if number >= _MOMENT else max(0.0, number)


def retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return what the header `Retry-After` says in either of its forms, seconds or an HTTP date (RFC 9110, 10.2.3)."""
    text = headers.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdigit() else http_date_after(text, clock)


def http_date_after(text: str, clock: Clock) -> float | None:
    """Return the seconds until an HTTP date, None for a text that is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - clock()).total_seconds())

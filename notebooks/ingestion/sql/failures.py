"""Which failures of a database pass by themselves, and how often it is asked again."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from ingestion.platform.spark_errors import JavaCause, java_causes
from ingestion.sql.dialects import DIALECTS

# Whose exceptions tell of a database: JDBC's own, and those of the drivers.
_OF_A_DATABASE = re.compile(
    r"(java\.sql|org\.postgresql|com\.microsoft\.sqlserver|com\.mysql|org\.mariadb|org\.apache\.derby)\."
)
# What a driver itself files under passing (JDBC 4), and connections that broke or were not to be had.
_PASSING_KIND = re.compile(
    r"java\.sql\.SQL(Transient\w*|Recoverable|Timeout)Exception"
    r"|java\.net\.(Connect|Socket|SocketTimeout|NoRouteToHost|PortUnreachable)Exception|java\.io\.EOFException"
)
# Drivers file these under connections that failed, too, but they do not pass: a certificate, a name that nobody knows.
_LASTING_KIND = re.compile(
    r"java\.security\.cert\.|sun\.security\.|java\.security\.GeneralSecurity|javax\.net\.ssl\.SSLHandshake"
    r"|java\.net\.UnknownHostException"
)
_LASTING = re.compile(
    r"No suitable driver|PKIX|certificate|Login failed for|password authentication failed", re.IGNORECASE
)
# What people meet first, and what to do about it.
_WAYS_OUT = (
    (
        re.compile(r"No suitable driver"),
        "no JDBC driver here knows the address: look at how it begins (jdbc:sqlserver:, jdbc:postgresql:, ...), or add "
        "the driver's JAR to the cluster (on this machine --jar FILE)",
    ),
    (
        re.compile(r"authentication|Login failed|Access denied|invalid authorization", re.IGNORECASE),
        "look at user and password in [source]: the secrets that they name, or, where they are left out, whether the "
        "database asks for none",
    ),
    (re.compile(r"UnknownHost|Unknown host|not known"), "look at the host in url of [source], and at the network"),
    (re.compile(r"refused|timed out|No route to host", re.IGNORECASE), "look at host and port in url of [source]"),
)

Result = TypeVar("Result")


@dataclass(frozen=True)
class RetryPolicy:
    """How often a database is asked. Times in seconds.

    A serverless database takes up to a minute to wake: the waits of all tries together outlast that.

    Attributes:
        tries: the first included.
        first_wait: about this long after the first try, twice as long after each further one, with jitter.
        longest_wait: between two tries.
        total: no further try starts later than this after the first.
    """

    tries: int = 6
    first_wait: float = 5
    longest_wait: float = 40
    total: float = 600


DEFAULT_RETRIES = RetryPolicy()


def retry_transient(
    task: Callable[[], Result],
    *,
    on_retry: Callable[[Exception], None],
    retries: RetryPolicy = DEFAULT_RETRIES,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Do what reads a database, again when it failed for a reason that passes. Each try is on new connections.

    Args:
        task: what to do; Spark connects anew each time it reads.
        on_retry: told the error of each try that another one follows.
        retries: how often, and when.
        sleep: waits a number of seconds.

    Raises:
        Exception: what the task raised: the last time, or at once where that does not pass.
    """

    def report(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Exception):
            on_retry(error)

    retrying = Retrying(
        retry=retry_if_exception(is_transient),
        wait=wait_exponential(retries.first_wait, max=retries.longest_wait) + wait_random(0, 1),
        stop=stop_after_attempt(retries.tries) | stop_before_delay(retries.total),
        before_sleep=report,
        sleep=sleep,
        reraise=True,
    )
    return retrying(task)


def is_transient(error: BaseException) -> bool:
    """Say whether a failure passes by itself, by what the database and its driver say of it."""
    causes = java_causes(error)
    if not any(_OF_A_DATABASE.match(cause.kind) for cause in causes):
        return False
    if any(_LASTING_KIND.match(cause.kind) or _LASTING.search(cause.message) for cause in causes):
        return False
    return any(map(_passes, causes))


def _passes(cause: JavaCause) -> bool:
    if _PASSING_KIND.match(cause.kind):
        return True
    return bool(_OF_A_DATABASE.match(cause.kind)) and any(dialect.passing.search(cause.message) for dialect in DIALECTS)


def way_out(cause: str) -> str:
    """Return the end of a message: what to do about the commonest failures; nothing for others."""
    return next((f" - {words}." for pattern, words in _WAYS_OUT if pattern.search(cause)), "")

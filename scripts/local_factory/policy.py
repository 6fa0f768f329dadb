"""How often and how long an activity is tried: its `policy`, whose values may be expressions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_factory.durations import timespan_seconds
from local_factory.errors import ActivityError

_DEFAULT_TIMEOUT = "7.00:00:00"
_DEFAULT_RETRY_INTERVAL = 30


@dataclass(frozen=True)
class Policy:
    """What an activity's policy says: tries after the first, seconds between them, the time span of one, what to hide.

    Source: https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#activity-policy.
    """

    retries: int = 0
    retry_interval: float = _DEFAULT_RETRY_INTERVAL
    timeout: str = _DEFAULT_TIMEOUT
    secure_input: bool = False
    secure_output: bool = False

    @classmethod
    def read(cls, policy: Mapping[str, Any] | None, evaluate: Callable[[Any], Any]) -> "Policy":
        """Read an activity's `policy`; keys that are missing or null have the service's defaults.

        Raises:
            ActivityError: a value is not of its kind.
            ExpressionError: an expression in it cannot be evaluated.
        """
        values = evaluate(policy or {})
        timeout = str(values.get("timeout") or _DEFAULT_TIMEOUT)
        timespan_seconds(timeout)
        return cls(
            retries=whole_number(values.get("retry") or 0, "policy.retry"),
            retry_interval=whole_number(
                values.get("retryIntervalInSeconds") or _DEFAULT_RETRY_INTERVAL, "policy.retryIntervalInSeconds"
            ),
            timeout=timeout,
            secure_input=values.get("secureInput") is True,
            secure_output=values.get("secureOutput") is True,
        )

    @property
    def timeout_seconds(self) -> int:
        """The seconds that one try may take."""
        return timespan_seconds(self.timeout)


def whole_number(value: Any, name: str) -> int:
    """Return a value that must be a whole number of 0 or more; text that spells one is taken as one.

    Raises:
        ActivityError: it is none; the message has its name.
    """
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0 or isinstance(value, bool):
        raise ActivityError("InvalidTemplate", f"{name}: expected a whole number of 0 or more, got {value!r}.")
    return number

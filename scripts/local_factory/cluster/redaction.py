"""Keeps secrets out of everything that a run writes, as Databricks does: a secret's value becomes [REDACTED]."""

from collections.abc import Iterable, Mapping

REDACTED = "[REDACTED]"
PREFIX = "SECRET_"
# The scope of a cluster whose variables name none, as in the house plan.
DEFAULT_SCOPE = "ingestion"


def secret_variable(scope: str, key: str) -> str:
    """Return the environment variable that is a secret on this machine: `SECRET_<SCOPE>_<KEY>`."""
    return f"{PREFIX}{scope}_{key}".upper().replace("-", "_")


def secrets_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment that are secrets. `SECRET_SCOPE` names a scope and is none."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(PREFIX) and "_" in name.removeprefix(PREFIX)
    }


class Redactor:
    """Replaces secret values in texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # Longest first, so that a secret within another one does not leave the rest of it behind.
        self._secrets = sorted({secret for secret in secrets if secret.strip()}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text

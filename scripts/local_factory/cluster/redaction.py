"""Keeps secrets out of everything that a run writes, as Databricks does: a secret's value becomes [REDACTED]."""

import re
from collections.abc import Iterable, Mapping

from local_factory.cluster.spellings import passwords_in, spellings

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


# Of fewer characters a secret is found in any text: taking it out would change numbers, and break JSON.
_SHORTEST = 4
# How the variable of a user's name ends. Such a name is a word of other texts too, so only the whole word is hidden.
_USER_NAMES = ("_USER", "_USERNAME")


class Redactor:
    """Replaces secrets in texts, however they are spelled. More secrets may become known as time goes on.

    `too_short` names the variables whose secrets are left where they are.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._spellings: dict[str, list[re.Pattern[str]]] = {}
        self.too_short: set[str] = set()
        self.hide(*secrets)

    def hide_variables(self, variables: Mapping[str, str]) -> None:
        """Take the values of variables for secrets from now on."""
        for name, value in variables.items():
            if 0 < len(value.strip()) < _SHORTEST:
                self.too_short.add(name)
            elif name.endswith(_USER_NAMES):
                self._hide({value: [re.compile(rf"(?<!\w){re.escape(value.strip())}(?!\w)")] if value.strip() else []})
            else:
                self.hide(value)

    def hide(self, *secrets: str) -> None:
        """Take these for secrets from now on."""
        self._hide({secret: spellings(secret) for secret in secrets})

    def _hide(self, patterns: Mapping[str, list[re.Pattern[str]]]) -> None:
        known = {**patterns, **self._spellings}
        # Longest first, so that a secret within another one does not leave the rest of it behind.
        self._spellings = {secret: known[secret] for secret in sorted(known, key=len, reverse=True)}

    def hide_passwords_in(self, addresses: Iterable[str]) -> None:
        """Take the passwords that JDBC and web addresses hold for secrets from now on. Other texts hold none."""
        for address in addresses:
            self.hide(*passwords_in(address))

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        for patterns in self._spellings.values():
            for pattern in patterns:
                text = pattern.sub(REDACTED, text)
        return text

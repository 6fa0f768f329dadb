"""Secrets: named by reference, looked up at the moment of use, taken out of every text that is shown."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ingestion.platform.errors import SecretUnavailableError
from ingestion.platform.spellings import passwords_in, spellings

# What Databricks itself shows in place of a secret.
REDACTED = "[REDACTED]"
# `password=x` up to the next separator of a JDBC URL, blanks included, or the whole of a braced value.
_PASSWORD_PROPERTY = re.compile(r"(?i)\b(\w*(?:password|pwd|secret|accesstoken))\s*=\s*(\{[^}]*\}|[^;&\r\n'\"]*)")
# `//user:password@host`, as some JDBC URLs and most web addresses allow.
_PASSWORD_BEFORE_HOST = re.compile(r"(//[^/:@\s]+:)[^/@\s]+(?=@)")


@dataclass(frozen=True)
class SecretReference:
    """Names a secret: a scope of the workspace and a key within it."""

    scope: str
    key: str

    def __str__(self) -> str:
        """`scope/key`, which may be shown."""
        return f"{self.scope}/{self.key}"


class SecretStore:
    """Looks secrets up, and knows which texts must not be shown.

    Args:
        get: returns the value of (scope, key) and raises where there is none: `dbutils.secrets.get`.
        list_keys: returns a scope's secrets as objects with a `key`: `dbutils.secrets.list`.
    """

    def __init__(self, get: Callable[[str, str], str], list_keys: Callable[[str], Iterable[Any]]) -> None:
        self._get = get
        self._list_keys = list_keys
        self._vault: Callable[[str], str | None] | None = None
        self._values: dict[str, list[re.Pattern[str]]] = {}

    def find(self, reference: SecretReference) -> str | None:
        """Return a secret's value, or None where the scope has no such key, or an empty one.

        What `dbutils.secrets.get` raises does not tell "not there" from "not now", so the scope's list decides.

        Raises:
            SecretUnavailableError: the secret exists and cannot be read, or the scope or vault cannot be asked.
        """
        if self._vault:
            found = self._vault(reference.key)
            if found:
                self.hide(found)
            return found or None
        try:
            value = self._get(reference.scope, reference.key)
        except Exception as error:
            if self._has(reference):
                raise SecretUnavailableError(f"secret {reference}: exists, but cannot be read: {error}") from error
            return None
        self.hide(value)
        return value or None

    def find_in(self, vault: Callable[[str], str | None]) -> None:
        """Look secrets up in a vault by their keys from now on: it takes the place of every scope."""
        self._vault = vault

    def hide(self, value: str) -> None:
        """Take a value for a secret from now on: one that was made from secrets, such as a token."""
        self._values = self._values | {value: spellings(value)}

    def hide_passwords_in(self, address: str) -> None:
        """Take the passwords that a JDBC or web address holds for secrets from now on."""
        for password in passwords_in(address):
            self.hide(password)

    def redact(self, text: str) -> str:
        """Return the text without the secrets known so far, however spelled, and without passwords in a URL."""
        # Longest first, so that a secret within another one does not leave the rest of it behind.
        for value in sorted(self._values, key=len, reverse=True):
            for spelling in self._values[value]:
                text = spelling.sub(REDACTED, text)
        text = _PASSWORD_PROPERTY.sub(rf"\1={REDACTED}", text)
        return _PASSWORD_BEFORE_HOST.sub(rf"\1{REDACTED}", text)

    def _has(self, reference: SecretReference) -> bool:
        try:
            return any(secret.key == reference.key for secret in self._list_keys(reference.scope))
        except Exception as error:
            raise SecretUnavailableError(
                f"secret {reference}: cannot be read, nor can the scope be listed: {error}. "
                f"Make the scope {reference.scope!r}, or name another: widget secret_scope, variable SECRET_SCOPE."
            ) from error

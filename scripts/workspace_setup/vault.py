"""A Key Vault's secrets over its REST API: reading, writing, and which of them end soon."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from workspace_setup.errors import SetupError

if TYPE_CHECKING:
    import requests

_API_VERSION = "7.4"
_NOT_FOUND, _FORBIDDEN = 404, 403
# As long before a secret's end as Key Vault itself tells of it.
SOON = timedelta(days=30)


@dataclass(frozen=True)
class EndingSecret:
    """A secret that ends soon, or has ended."""

    name: str
    vault: str
    ends: datetime

    def describe(self, now: datetime) -> str:
        """Return what to read of it: which, where, when."""
        when = "ended" if self.ends <= now else "ends"
        return (
            f"secret {self.name} of {self.vault}: {when} on {self.ends:%Y-%m-%d}. infra/README.md, Secrets, renews it."
        )


@dataclass(frozen=True)
class Vault:
    """One vault. The token of the caller is fetched anew for each call.

    Args:
        url: the vault's address, such as `https://NAME.vault.azure.net/`.
        access_token: returns a token for the vault.
        session: sends the requests.
    """

    url: str
    access_token: Callable[[], str] = field(repr=False)
    session: "requests.Session" = field(repr=False)

    def find(self, name: str) -> dict[str, Any] | None:
        """Return a secret as the API answers it (`value`, `attributes`, `tags`), or None where there is none."""
        return self._call("GET", f"secrets/{name}")

    def get(self, name: str) -> str:
        """Return a secret's value.

        Raises:
            SetupError: there is no such secret.
        """
        secret = self.find(name)
        if secret is None:
            raise SetupError(
                f"{self.url}: has no secret {name}. Deploy infra/main.bicep once with it (infra/README.md, step 3)."
            )
        return str(secret["value"])

    def set(self, name: str, value: str, *, expires: datetime, tags: Mapping[str, str]) -> None:
        """Store a new version of a secret, with its end."""
        document = {"value": value, "attributes": {"exp": int(expires.timestamp())}, "tags": dict(tags)}
        self._call("PUT", f"secrets/{name}", document)

    def ending(self, now: datetime) -> Iterator[EndingSecret]:
        """Yield the secrets in use, certificates among them, that end within 30 days or have ended."""
        page: dict[str, Any] | None = self._call("GET", "secrets")
        while page:
            for secret in page.get("value") or []:
                attributes = secret.get("attributes", {})
                ends = datetime.fromtimestamp(attributes["exp"], UTC) if "exp" in attributes else None
                if ends and ends <= now + SOON and attributes.get("enabled", True):
                    yield EndingSecret(secret["id"].rpartition("/secrets/")[2], self.url, ends)
            following = page.get("nextLink")
            page = self._request("GET", following, "secrets") if following else None

    def _call(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        return self._request(method, f"{self.url.rstrip('/')}/{path}?api-version={_API_VERSION}", path, document)

    def _request(
        self, method: str, url: str, path: str, document: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        headers = {"Authorization": f"Bearer {self.access_token()}"}
        response = self.session.request(method, url, headers=headers, json=document, timeout=30)
        if response.status_code == _NOT_FOUND and method == "GET":
            return None
        if response.status_code == _FORBIDDEN:
            raise SetupError(
                f"{self.url}: refuses {method} of {path}. The roles on the vaults come with a deployment as yourself "
                "(infra/modules/access.bicep) and need some minutes: deploy infra/main.bicep once by hand, then try "
                "again."
            )
        if not response.ok:
            raise SetupError(f"{self.url}: {method} of {path} answered {response.status_code} {response.reason}.")
        body = response.json()
        return body if isinstance(body, dict) else None

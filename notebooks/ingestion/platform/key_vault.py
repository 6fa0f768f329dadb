"""Secrets from a Key Vault by the notebooks' own identity: a role on one secret is enough.

A Databricks secret scope that is backed by a vault reads as Databricks does, so READ on it is READ on the whole vault.
The request: https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret. By hand, because the
Databricks Runtime brings no client for it.
"""

from typing import TYPE_CHECKING
from urllib.parse import quote

from ingestion.platform.azure_http import BearerAuth, Patience, get
from ingestion.platform.errors import AzureError, AzureNotFoundError, SecretUnavailableError
from ingestion.platform.identity import request_token
from ingestion.platform.secrets import SecretStore

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_SCOPE = "https://vault.azure.net/.default"
_VERSION = "7.4"
_PATIENCE = Patience(tries=4, seconds=60)


class KeyVault:
    """A vault's secrets.

    Args:
        url: of the vault.
        credential: whom it lets in.
        secrets: hides the tokens.
    """

    def __init__(self, url: str, credential: "TokenCredential", secrets: SecretStore) -> None:
        self._url = url.rstrip("/")
        self._credential = credential
        self._secrets = secrets

    def find(self, key: str) -> str | None:
        """Return a secret's value, None where the vault has none of that name.

        Raises:
            SecretUnavailableError: the vault cannot be reached, or lets nobody in for this secret.
        """
        url = f"{self._url}/secrets/{quote(key, safe='')}?api-version={_VERSION}"
        try:
            token = request_token(self._credential, _SCOPE, self._secrets)
            answer = get(url, _PATIENCE, self._secrets.redact, auth=BearerAuth(token)).json()
        except AzureNotFoundError:
            return None
        except (AzureError, ValueError) as error:
            raise SecretUnavailableError(
                f"secret {key} of {self._url}: cannot be read: {error}. The service credential of CREDENTIAL needs the "
                "role Key Vault Secrets User on it, and its network has to reach the vault."
            ) from error
        value = answer.get("value") if isinstance(answer, dict) else None
        if not isinstance(value, str):
            raise SecretUnavailableError(f"secret {key} of {self._url}: the answer holds no value: it is no vault's.")
        return value

"""Who the notebooks are for Azure: the one identity for the lake, the database, the log and the vault.

A service credential of Unity Catalog, if `CREDENTIAL` names one: an access connector's managed identity, of which no
secret exists. Else a service principal, if `AZURE_TENANT_ID` names its tenant and the secrets `sql-user` and
`sql-password` are its application id and client secret. Else nobody, as on a laptop. Tokens are renewed as they end.
"""

import logging
import re
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from ingestion.platform.azure_http import PASSING
from ingestion.platform.errors import (
    AzureRefusedError,
    AzureUnavailableError,
    InvalidSettingError,
    MissingSettingError,
    NoTokenError,
)
from ingestion.platform.secrets import SecretReference, SecretStore
from ingestion.platform.settings import Configuration, EntraSettings
from ingestion.platform.threads import gather

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

SQL_SCOPE = "https://database.windows.net/.default"
MONITOR_SCOPE = "https://monitor.azure.com/.default"

# To wait for a token at most, retries included.
_SECONDS = 60.0
_CONNECT_SECONDS, _SILENCE_SECONDS = 5, 10
_LONGEST_REASON = 400
# What the client says of a status that comes without Entra ID's own words.
_STATUS = re.compile(r"HTTP Error: (\d{3})$")


def find_credential(configuration: Configuration) -> "TokenCredential | None":
    """Return the identity that the settings name; None where they name none.

    Raises:
        SettingError: a setting or a secret is missing, or cannot be used.
        AzureRefusedError: Unity Catalog gives no such service credential.
    """
    name = configuration.variable("credential")
    if name:
        return _service_credential(configuration, name)
    if configuration.variable("azure_tenant_id"):
        return _service_principal(EntraSettings.read(configuration), configuration.secrets)
    return None


def require_credential(configuration: Configuration) -> "TokenCredential":
    """Return the identity that the settings name.

    Raises:
        SettingError: they name none, or one of them cannot be used.
        AzureRefusedError: Unity Catalog gives no such service credential.
    """
    credential = find_credential(configuration)
    if credential is None:
        raise MissingSettingError(
            "AZURE_TENANT_ID is not set, nor CREDENTIAL: to be let in by Azure, give as an environment variable of the "
            "cluster CREDENTIAL, the name of a service credential of Unity Catalog, or AZURE_TENANT_ID, the tenant of "
            "the service principal whose application id and secret are the secrets sql-user and sql-password."
        )
    return credential


def request_token(credential: "TokenCredential", scope: str, secrets: SecretStore, *, seconds: float = _SECONDS) -> str:
    """Return an access token for a scope, renewed when it is about to end. The store of secrets hides it from then on.

    Raises:
        AzureError: whoever gives tokens cannot be reached, refuses, or answers without one.
    """
    late = AzureUnavailableError(f"a token for {scope}: none after {seconds:g} s, retries included.")
    # In a thread, because neither a name server nor a body that drips heeds a client's timeouts.
    task = partial(_token, credential, scope, secrets)
    tokens, errors = gather({scope: task}, workers=1, seconds=seconds, late=late)
    for error in errors.values():
        raise error
    return tokens[scope]


def _token(credential: "TokenCredential", scope: str, secrets: SecretStore) -> str:
    from azure.core.exceptions import AzureError

    try:
        token = credential.get_token(scope).token
    except AzureError as error:
        kind = AzureUnavailableError if _is_passing(error) else AzureRefusedError
        raise kind(_reason(scope, error, secrets)) from None
    except Exception as error:  # noqa: BLE001 - what a service credential of Unity Catalog raises is not said anywhere
        raise AzureRefusedError(_reason(scope, error, secrets)) from None
    secrets.hide(token)
    if not token or not (token.isascii() and token.isprintable()) or " " in token:
        raise NoTokenError(f"a token for {scope}: has characters that no token has: it is not Entra ID's.")
    return token


def _is_passing(error: BaseException) -> bool:
    """Say whether it passes by itself. The client makes one kind of error of all: what happened is behind it."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    link: BaseException | None = error
    while link is not None:
        status = getattr(getattr(link, "response", None), "status_code", None)
        said = _STATUS.search(str(link))
        if isinstance(link, ServiceRequestError | ServiceResponseError):
            return True
        if status in PASSING or (said and int(said[1]) in PASSING):
            return True
        link = link.__cause__
    return False


def _reason(scope: str, error: Exception, secrets: SecretStore) -> str:
    """Return what is wrong in one line; the lines after the first are identifiers for Microsoft's support."""
    said = secrets.redact(str(error)).strip().partition("\n")[0].strip()
    return f"a token for {scope}: {said[:_LONGEST_REASON] or type(error).__name__}"


def _service_credential(configuration: Configuration, name: str) -> "TokenCredential":
    provider = getattr(configuration.credentials, "getServiceCredentialsProvider", None)
    if provider is None:
        raise InvalidSettingError(
            f"CREDENTIAL is {name!r}, but this compute gives no service credentials of Unity Catalog: that takes "
            "Databricks Runtime 16.2 or later with Unity Catalog. Unset it, or use such compute."
        )
    try:
        credential: TokenCredential = provider(name)
    except Exception as error:
        said = str(error).strip().partition("\n")[0]
        raise AzureRefusedError(
            f"service credential {name}: cannot be had: {said[:_LONGEST_REASON]}. Make it in Unity Catalog and grant "
            "ACCESS on it to who runs the notebook, or set the variable CREDENTIAL to another."
        ) from error
    return credential


def _service_principal(settings: EntraSettings, secrets: SecretStore) -> "TokenCredential":
    from azure.identity import ClientSecretCredential

    # It would write what it was told, secrets included, beside the notebook's own log.
    logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
    client_id = _application_id(settings.client_id, secrets)
    if not settings.authority.startswith("https://"):
        raise InvalidSettingError("AZURE_AUTHORITY_HOST is plain http: secrets are only sent over https.")
    # Not verified at Microsoft's public cloud: the authority is the administrator's own setting.
    return ClientSecretCredential(
        settings.tenant,
        client_id,
        _find(settings.client_secret, secrets),
        authority=settings.authority,
        disable_instance_discovery=True,
        connection_timeout=_CONNECT_SECONDS,
        read_timeout=_SILENCE_SECONDS,
    )


def _application_id(reference: SecretReference, secrets: SecretStore) -> str:
    value = _find(reference, secrets)
    try:
        return str(UUID(value))
    except ValueError:
        raise InvalidSettingError(
            f"secret {reference}: to sign in at Entra ID it must be the service principal's application id, a UUID."
        ) from None


def _find(reference: SecretReference, secrets: SecretStore) -> str:
    value = secrets.find(reference)
    if value is None:
        raise MissingSettingError(f"secret {reference} is not there: signing in at Entra ID takes it.")
    return value

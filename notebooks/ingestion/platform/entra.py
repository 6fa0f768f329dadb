"""Signing in at Microsoft Entra ID: a service principal's secret is changed for an access token.

The OAuth 2.0 client credentials grant:
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from uuid import UUID

from ingestion.platform.azure_http import Patience, post
from ingestion.platform.errors import InvalidSettingError, MissingSettingError, NoTokenError
from ingestion.platform.secrets import SecretReference, SecretStore
from ingestion.platform.settings import EntraSettings

SQL_SCOPE = "https://database.windows.net/.default"
MONITOR_SCOPE = "https://monitor.azure.com/.default"

DEFAULT_PATIENCE = Patience(tries=4, seconds=60)


def request_token(
    settings: EntraSettings, scope: str, secrets: SecretStore, patience: Patience = DEFAULT_PATIENCE
) -> str:
    """Return an access token of the service principal for a scope. The store of secrets hides it from then on.

    Raises:
        SettingError: a secret is missing, or `client_id` is no application id: then nothing is sent, since a
            database's own user and password are none of Entra ID's business.
        AzureError: Entra ID cannot be reached, refuses, or answers without a token.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": _application_id(settings.client_id, secrets),
        "client_secret": _find(settings.client_secret, secrets),
        "scope": scope,
    }
    url = f"{settings.authority}/{settings.tenant}/oauth2/v2.0/token"
    answer = post(url, patience, secrets.redact, data=form)
    try:
        token = answer.json()["access_token"]
    except (ValueError, KeyError, TypeError):
        token = None
    if not isinstance(token, str) or not token:
        raise NoTokenError(f"{url}: the answer holds no access_token: it is not Entra ID's.")
    secrets.hide(token)
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise NoTokenError(f"{url}: the access_token has characters that no token has: it is not Entra ID's.")
    return token


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

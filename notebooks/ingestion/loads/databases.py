"""The databases of a run's sources: their addresses, and who signs in."""

from collections.abc import Mapping
from functools import partial

from ingestion.feeds.model import Secret, SqlSource
from ingestion.loads.run_context import Run
from ingestion.platform.errors import InvalidSettingError, SourceError
from ingestion.platform.identity import SQL_SCOPE, request_token, require_credential
from ingestion.platform.secrets import SecretReference
from ingestion.sql.database import SqlDatabase
from ingestion.sql.jdbc_url import take_property

_SERVICE_PRINCIPAL = "ActiveDirectoryServicePrincipal"


def open_database(run: Run, source: SqlSource) -> SqlDatabase:
    """Return the database of a source; nothing is asked of it yet.

    With `authentication=ActiveDirectoryServicePrincipal` in the address, the identity of the notebooks signs in.
    The driver could do so itself, but only with MSAL4J beside it, which the Databricks Runtime does not have.

    Raises:
        SettingError: the address cannot be used, or what it takes to sign in is not set.
        AzureRefusedError: the service credential cannot be had.
        SourceError: the source's file names a setting that nobody has set.
    """
    if source.unset:
        raise SourceError("\n".join(source.unset))
    run.secrets.hide_passwords_in(source.url)
    if not source.url.startswith("jdbc:"):
        raise InvalidSettingError(
            f"{source.file}: [source]: url does not start with jdbc: - for example jdbc:sqlserver://HOST:1433;..."
        )
    url, authentication = take_property(source.url, "authentication")
    if (authentication or "").lower() == _SERVICE_PRINCIPAL.lower():
        credential = require_credential(run.configuration)
        return SqlDatabase(run.spark, url, lambda: {"accessToken": request_token(credential, SQL_SCOPE, run.secrets)})
    return SqlDatabase(run.spark, source.url, partial(_user_and_password, run, source))


def _user_and_password(run: Run, source: SqlSource) -> Mapping[str, str]:
    user, password = _value(run, source.user), _value(run, source.password)
    if user is None and password is None:
        return {}
    if user is None or password is None:
        missing, given = _reference(run, source.user), _reference(run, source.password)
        if user is not None:
            missing, given = given, missing
        raise InvalidSettingError(f"secret {given} is there, but {missing} is not: store both, or neither.")
    return {"user": user, "password": password}


def _reference(run: Run, secret: Secret | None) -> SecretReference:
    return run.configuration.secret(secret.secret if secret else "")


def _value(run: Run, secret: Secret | None) -> str | None:
    return run.secrets.find(_reference(run, secret)) if secret else None

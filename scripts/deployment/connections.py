"""The clients of one environment: Azure's management API and the Databricks workspace, logged in.

Importing databricks-sdk takes a second and more: it is done where a workspace is needed.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.datafactory import DataFactoryManagementClient
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from bundle.environments import LOOPBACK, AzureSettings, DatabricksSettings, Environment
from deployment.errors import ConnectionSettingsError
from deployment.factory import Factory, no_login

if TYPE_CHECKING:
    from databricks.sdk.clock import Clock

    from deployment.lakeview import Lakeview
    from deployment.workspace import Workspace


# Requests at a time. A write takes Azure about half a second, and a bucket of 200 writes is filled up by ten a second
# (https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling): more would be
# throttled only, fewer would not use it.
PARALLEL = 20


@dataclass(frozen=True)
class Patience:
    """How long to wait for an answer and between tries, in seconds; tests give short times."""

    answer: float = 60
    backoff: float = 0.8
    poll: float = 1
    settle: float = 300
    clock: "Clock | None" = None


PATIENCE = Patience()


@dataclass(frozen=True)
class Target:
    """Where an environment's bundle goes: its factory, its workspace and the dashboards there."""

    environment: Environment
    factory: Factory
    workspace: "Workspace"
    lakeview: "Lakeview"


def connect(
    environment: Environment, patience: Patience | None = None, variables: Mapping[str, str] = os.environ
) -> Target:
    """Return the clients of an environment.

    Azure: the login that `azure/login`, `az login` or a managed identity left (DefaultAzureCredential); a server on
    127.0.0.1 gets the fixed token AZURE_ACCESS_TOKEN. Databricks: the SDK's unified authentication (the same Azure
    login, or DATABRICKS_TOKEN); a workspace on 127.0.0.1 gets AZURE_ACCESS_TOKEN too, unless DATABRICKS_TOKEN is set.

    Raises:
        ConnectionSettingsError: there is no login, or no token, or the workspace cannot be reached.
    """
    patience = patience or PATIENCE
    return Target(
        environment,
        connect_factory(environment.azure, patience, variables),
        *_connect_workspace(environment.databricks, patience, variables),
    )


def connect_factory(
    azure: AzureSettings, patience: Patience | None = None, variables: Mapping[str, str] = os.environ
) -> Factory:
    """Return the client of a factory; see `connect`.

    Raises:
        ConnectionSettingsError: there is no login, or no token for a local server.
    """
    patience = patience or PATIENCE
    options: dict[str, Any] = {
        "transport": _transport(patience),
        # Three tries, the SDK's own number, are soon used up where many deployments are throttled.
        "retry_status": 6,
        "retry_backoff_factor": patience.backoff,
        "polling_interval": patience.poll,
    }
    if urlsplit(azure.management_url).hostname == LOOPBACK:
        token = variables.get("AZURE_ACCESS_TOKEN")
        if not token:
            raise ConnectionSettingsError(
                f"{azure.management_url}: a local server needs the variable AZURE_ACCESS_TOKEN."
            )
        credential = _FixedToken(token)
        options["authentication_policy"] = credential
        client = DataFactoryManagementClient(credential, azure.subscription_id, azure.management_url, **options)
    else:
        from azure.identity import DefaultAzureCredential

        scope = f"{azure.management_url}/.default"
        # Before anything is asked: else every list of objects would fail by itself, each with 17 lines of the SDK.
        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
        login = DefaultAzureCredential()
        try:
            login.get_token(scope)
        except ClientAuthenticationError as error:
            raise ConnectionSettingsError(no_login(error)) from error
        client = DataFactoryManagementClient(
            login, azure.subscription_id, azure.management_url, credential_scopes=[scope], **options
        )
    return Factory(client, azure.resource_group, azure.data_factory, poll=patience.poll, settle=patience.settle)


def _transport(patience: Patience) -> RequestsTransport:
    """Return what sends as many requests at a time as there are; the SDK's own keeps ten connections."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(
            scheme,
            HTTPAdapter(pool_maxsize=PARALLEL, max_retries=Retry(total=False, redirect=False, raise_on_status=False)),
        )
    return RequestsTransport(session=session, connection_timeout=min(10, patience.answer), read_timeout=patience.answer)


def _connect_workspace(
    databricks: DatabricksSettings, patience: Patience, variables: Mapping[str, str]
) -> "tuple[Workspace, Lakeview]":
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.config import Config

    from deployment.lakeview import Lakeview
    from deployment.workspace import Workspace

    _reach(databricks.host, patience)
    local = urlsplit(databricks.host).hostname == LOOPBACK and not variables.get("DATABRICKS_TOKEN")
    try:
        config = Config(
            host=databricks.host,
            token=variables.get("AZURE_ACCESS_TOKEN") if local else None,
            http_timeout_seconds=patience.answer,
            product="continuous-ingestion",
            product_version="0.1.0",
            clock=patience.clock,
        )
        client = WorkspaceClient(config=config)
    except ValueError as error:
        raise ConnectionSettingsError(
            f"{databricks.host}: no login to Databricks. Log in with `az login`, or set DATABRICKS_TOKEN. ({error})"
        ) from error
    workspace = Workspace(client)
    return workspace, Lakeview(client, workspace)


def _reach(host: str, patience: Patience) -> None:
    """See that a workspace answers at all: databricks-sdk would look for one that does not for five minutes.

    Raises:
        ConnectionSettingsError: nothing answers.
    """
    try:
        requests.head(host, timeout=(min(10, patience.answer), patience.answer), allow_redirects=False)
    except requests.RequestException as error:
        raise ConnectionSettingsError(
            f"{host}: cannot be reached: {_innermost(error)}. Look at databricks.host (DATABRICKS_HOST), the network."
        ) from error


def _innermost(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__


class _FixedToken(SansIOHTTPPolicy[Any, Any]):
    """A token as it is. The SDK's own bearer policy refuses plain http, which a server on this machine speaks."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """Return the token; it does not expire."""
        return AccessToken(self._token, 2**31)

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Put the token on a request."""
        request.http_request.headers["Authorization"] = f"Bearer {self._token}"

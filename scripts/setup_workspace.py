"""Sets up in the Databricks workspace what Bicep cannot: principals, permissions, Unity Catalog, the token.

    python scripts/setup_workspace.py [--only-token] [--renew-token] [--fail-if-ending]

Run it after every deployment of infra/main.bicep, signed in with `az login` as whoever deployed it. Each step looks
first and changes only what differs, so a second run changes nothing. Settings are environment variables with the names
of the deployment's outputs (infra/README.md). Progress goes to stderr; stdout gets `CLUSTER_POLICY_ID=...`, ready for
$GITHUB_ENV.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workspace_setup.errors import SetupError
from workspace_setup.settings import MANAGED_IDENTITY, Settings, read_settings
from workspace_setup.token import ensure_token
from workspace_setup.unity_catalog import UnityCatalog
from workspace_setup.vault import EndingSecret, Vault
from workspace_setup.workspace import APPLICATION, WorkspaceSteps

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def set_up(
    settings: Settings,
    workspace: "WorkspaceClient",
    vaults: tuple[Vault, Vault],
    sign_in: "Callable[[str, str], WorkspaceClient]",
    *,
    renew_token: bool = False,
    now: datetime,
    report: Callable[[str], None],
) -> str:
    """Bring the workspace to what the bundle needs, and return the cluster policy's id.

    Args:
        settings: where everything is.
        workspace: the workspace, as its administrator.
        vaults: the vault that notebooks read, and the one that gets `databricks-pat`.
        sign_in: returns the workspace as the service principal with this application id and secret.
        renew_token: make a new token now, and revoke all older ones.
        now: the time, in UTC.
        report: takes one line for each step.

    Raises:
        SetupError: a step is refused for a reason with a known way out.
        databricks.sdk.errors.DatabricksError: the workspace refuses a call for any other reason.
    """
    managed = settings.sign_in == MANAGED_IDENTITY
    if not managed:
        # Before anything is changed: without the secret nothing can be finished.
        vaults[0].get("sql-password")
    caller = str(workspace.current_user.me().user_name)
    steps = WorkspaceSteps(workspace, caller, report)
    catalog = UnityCatalog(workspace, caller, settings.azure_infrastructure_client_id, report)
    runners = list(settings.runners.values())

    if not managed:
        steps.ensure_secret_scope(settings)
    principals = settings.runners | {
        "deployer": settings.azure_client_id,
        "planner": settings.azure_planner_client_id,
        "infrastructure": settings.azure_infrastructure_client_id,
    }
    for name, application_id in principals.items():
        steps.ensure_service_principal(application_id, f"{APPLICATION}-{name}")
    if not managed:
        steps.ensure_scope_permission(settings.azure_infrastructure_client_id, "MANAGE")
        steps.ensure_scope_permission(settings.pipeline_application_id, "READ")
    # deploy.py keeps its lease beside the bundle's folder.
    for folder in (settings.bundle_folder, f"{settings.bundle_folder}.lock"):
        steps.ensure_folder(folder, settings.azure_client_id)
    for reader in (*runners, settings.azure_planner_client_id):
        steps.ensure_folder_permission(settings.bundle_folder, reader, "CAN_READ")
    policy_id = steps.ensure_cluster_policy(runners)
    catalog.ensure_lake(settings)
    if settings.credential:
        catalog.ensure_service_credential(settings)
    if settings.catalog:
        catalog.ensure_schema(settings)
    if not managed:
        steps.ensure_permission("authorization", "tokens", settings.pipeline_application_id, "CAN_USE")
        renew(settings, vaults, sign_in, renew_token=renew_token, now=now, report=report)
    return policy_id


def renew(
    settings: Settings,
    vaults: tuple[Vault, Vault],
    sign_in: "Callable[[str, str], WorkspaceClient]",
    *,
    renew_token: bool = False,
    now: datetime,
    report: Callable[[str], None],
) -> None:
    """Keep the token in the vault good, where there is one; needs no right in the workspace.

    Raises:
        SetupError: it cannot be renewed.
    """
    if settings.sign_in == MANAGED_IDENTITY:
        report("the factory signs in as itself: there is no token to renew")
        return
    of_notebooks, operations = vaults
    password = of_notebooks.get("sql-password")
    ensure_token(
        lambda: sign_in(settings.pipeline_application_id, password),
        operations,
        comment=APPLICATION,
        renew=renew_token,
        now=now,
        report=report,
    )


def ending_secrets(vaults: tuple[Vault, Vault], now: datetime) -> list[EndingSecret]:
    """Return the secrets of both vaults that end within 30 days, or have ended."""
    return [secret for vault in vaults for secret in vault.ending(now)]


def _clients(
    settings: Settings,
) -> "tuple[WorkspaceClient, tuple[Vault, Vault], Callable[[str, str], WorkspaceClient]]":
    import requests
    from azure.identity import AzureCliCredential
    from databricks.sdk import WorkspaceClient

    # The resource id lets Azure's owners and contributors in as administrators, before they ever opened the workspace.
    workspace = WorkspaceClient(
        host=settings.databricks_host,
        auth_type="azure-cli",
        azure_workspace_resource_id=settings.databricks_resource_id,
    )
    credential = AzureCliCredential(tenant_id=settings.azure_tenant_id)

    def vault(url: str) -> Vault:
        return Vault(url, lambda: credential.get_token("https://vault.azure.net/.default").token, requests.Session())

    def sign_in(application_id: str, secret: str) -> WorkspaceClient:
        return WorkspaceClient(
            host=settings.databricks_host,
            auth_type="azure-client-secret",
            azure_tenant_id=settings.azure_tenant_id,
            azure_client_id=application_id,
            azure_client_secret=secret,
        )

    return workspace, (vault(settings.key_vault_url), vault(settings.operations_vault_url)), sign_in


def _known_errors() -> Iterator[type[Exception]]:
    from azure.core.exceptions import ClientAuthenticationError
    from databricks.sdk.errors.base import DatabricksError
    from requests import RequestException

    yield from (SetupError, DatabricksError, ClientAuthenticationError, RequestException, ValueError)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--renew-token", action="store_true", help="make a new databricks-pat now and revoke the older ones"
    )
    parser.add_argument(
        "--fail-if-ending", action="store_true", help="exit with 1 when a secret of a vault ends within 30 days"
    )
    parser.add_argument(
        "--only-token", action="store_true", help="only renew databricks-pat where it is due, and change nothing else"
    )
    options = parser.parse_args(arguments)

    def report(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    try:
        settings = read_settings(os.environ)
    except SetupError as error:
        report(f"setup_workspace.py: {error}")
        return 1
    now = datetime.now(UTC)
    try:
        workspace, vaults, sign_in = _clients(settings)
        common = {"renew_token": options.renew_token, "now": now, "report": report}
        if options.only_token:
            renew(settings, vaults, sign_in, **common)
        else:
            policy_id = set_up(settings, workspace, vaults, sign_in, **common)
            sys.stdout.write(f"CLUSTER_POLICY_ID={policy_id}\n")
        ending = ending_secrets(vaults, now)
    except tuple(_known_errors()) as error:
        report(f"setup_workspace.py: {error}")
        return 1
    for secret in ending:
        report(f"::warning::{secret.describe(now)}")
    return 1 if ending and options.fail_if_ending else 0


if __name__ == "__main__":
    sys.exit(main())

"""Sets up in the Databricks workspace what Bicep cannot: secret scope, principals, cluster policy, the lake, the token.

    python scripts/setup_workspace.py [--renew-token]

Run it after every deployment of infra/main.bicep, signed in with `az login` as whoever deployed it. Each step looks
first and changes only what differs, so a second run changes nothing. Settings are environment variables with the names
of the deployment's outputs (infra/README.md). Progress goes to stderr; stdout gets `CLUSTER_POLICY_ID=...`, ready for
$GITHUB_ENV.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.iam import PermissionLevel

APPLICATION = "continuous-ingestion"
SECRET_SCOPE = "ingestion"  # noqa: S105 - a scope's name is not a secret
TOKEN_SECRET = "databricks-pat"  # noqa: S105 - a secret's name is not a secret
BUNDLE_FOLDER = "/Shared/continuous-ingestion"
# deploy.py keeps its lease beside the bundle's folder.
DEPLOYER_FOLDERS = (BUNDLE_FOLDER, f"{BUNDLE_FOLDER}.lock")
CLUSTER_POLICY = Path(__file__).resolve().parents[1] / "infra" / "databricks" / "cluster_policy.json"
TOKEN_LIFETIME = timedelta(days=90)
TOKEN_RENEWAL = timedelta(days=30)
VAULT_API = "7.4"

Report = Callable[[str], None]


class SetupError(Exception):
    """The workspace cannot be set up; the message says what to do."""


@dataclass(frozen=True)
class Settings:
    """What the deployment of infra/main.bicep put out, by the names of its outputs."""

    azure_tenant_id: str
    azure_client_id: str
    azure_planner_client_id: str
    databricks_host: str
    databricks_resource_id: str
    databricks_access_connector_id: str
    key_vault_id: str
    key_vault_url: str
    storage_account_name: str

    @property
    def lake_url(self) -> str:
        """The container that everything lands in."""
        return f"abfss://raw-data@{self.storage_account_name}.dfs.core.windows.net/"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Raises:
        SetupError: some are missing; names all of them.
    """
    names = {name: name.upper() for name in Settings.__dataclass_fields__}
    missing = [variable for variable in names.values() if not environment.get(variable)]
    if missing:
        raise SetupError(
            f"{', '.join(missing)}: not set. They are outputs of infra/main.bicep; "
            "infra/README.md has the command that exports them."
        )
    return Settings(**{name: environment[variable] for name, variable in names.items()})


@dataclass(frozen=True)
class Vault:
    """The Key Vault's secrets over its REST API. The token of the caller is fetched anew for each call.

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
        return self._call("GET", name)

    def get(self, name: str) -> str:
        """Return a secret's value.

        Raises:
            SetupError: there is no such secret.
        """
        secret = self.find(name)
        if secret is None:
            raise SetupError(
                f"{self.url}: has no secret {name}. Deploy infra/main.bicep once with it (see its README)."
            )
        return str(secret["value"])

    def set(self, name: str, value: str, *, expires: datetime, tags: Mapping[str, str]) -> None:
        """Store a new version of a secret."""
        self._call("PUT", name, {"value": value, "attributes": {"exp": int(expires.timestamp())}, "tags": dict(tags)})

    def _call(self, method: str, name: str, document: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        response = self.session.request(
            method,
            f"{self.url.rstrip('/')}/secrets/{name}",
            params={"api-version": VAULT_API},
            headers={"Authorization": f"Bearer {self.access_token()}"},
            json=document,
            timeout=30,
        )
        if response.status_code == 404 and method == "GET":  # noqa: PLR2004 - HTTP's own number
            return None
        if response.status_code == 403:  # noqa: PLR2004
            raise SetupError(
                f"{self.url}: refuses {method} of {name}. The role Key Vault Secrets Officer comes with the deployment "
                "(infra/modules/access.bicep) and needs some minutes; deploy as yourself, then try again."
            )
        if not response.ok:
            raise SetupError(f"{self.url}: {method} of {name} answered {response.status_code} {response.reason}.")
        body = response.json()
        return body if isinstance(body, dict) else None


def set_up(
    settings: Settings,
    workspace: "WorkspaceClient",
    vault: Vault,
    sign_in: "Callable[[str, str], WorkspaceClient]",
    *,
    renew_token: bool = False,
    now: datetime,
    report: Report,
) -> str:
    """Bring the workspace to what the bundle needs, and return the cluster policy's id.

    Args:
        settings: where everything is.
        workspace: the workspace, as its administrator.
        vault: the vault that holds `sql-user` and `sql-password` and gets `databricks-pat`.
        sign_in: returns the workspace as the service principal with this application id and secret.
        renew_token: make a new token now, and revoke all older ones.
        now: the time, in UTC.
        report: takes one line for each step.

    Raises:
        SetupError: a step is refused for a reason with a known way out.
        databricks.sdk.errors.DatabricksError: the workspace refuses a call for any other reason.
    """
    pipeline, secret = vault.get("sql-user"), vault.get("sql-password")
    steps = _Steps(workspace, report)
    steps.ensure_secret_scope(settings)
    steps.ensure_service_principal(pipeline, f"{APPLICATION}-pipelines")
    steps.ensure_service_principal(settings.azure_client_id, f"{APPLICATION}-deployer")
    steps.ensure_service_principal(settings.azure_planner_client_id, f"{APPLICATION}-planner")
    steps.ensure_scope_reader(pipeline)
    for folder in DEPLOYER_FOLDERS:
        steps.ensure_folder(folder, settings.azure_client_id)
    for reader in (pipeline, settings.azure_planner_client_id):
        steps.ensure_folder_permission(BUNDLE_FOLDER, reader, _level("CAN_READ"))
    policy_id = steps.ensure_cluster_policy(pipeline)
    steps.ensure_lake(settings, pipeline)
    steps.ensure_permission("authorization", "tokens", pipeline, _level("CAN_USE"))
    _ensure_token(lambda: sign_in(pipeline, secret), vault, renew=renew_token, now=now, report=report)
    return policy_id


def _level(name: str) -> "PermissionLevel":
    from databricks.sdk.service.iam import PermissionLevel

    return PermissionLevel(name)


@dataclass(frozen=True)
class _Steps:
    """The steps in the workspace, each of which looks first and reports one line."""

    workspace: "WorkspaceClient"
    report: Report

    def ensure_secret_scope(self, settings: Settings) -> None:
        from databricks.sdk.errors.base import DatabricksError
        from databricks.sdk.service.workspace import AzureKeyVaultSecretScopeMetadata, ScopeBackendType

        existing = next((scope for scope in self.workspace.secrets.list_scopes() if scope.name == SECRET_SCOPE), None)
        if existing:
            metadata = existing.keyvault_metadata
            if metadata is None or metadata.resource_id.lower() != settings.key_vault_id.lower():
                raise SetupError(
                    f"secret scope {SECRET_SCOPE}: is backed by {metadata.resource_id if metadata else 'Databricks'}, "
                    f"not by {settings.key_vault_id}. Delete it (databricks secrets delete-scope {SECRET_SCOPE}), "
                    "then try again."
                )
            self.report(f"secret scope {SECRET_SCOPE}: unchanged")
            return
        try:
            self.workspace.secrets.create_scope(
                SECRET_SCOPE,
                scope_backend_type=ScopeBackendType.AZURE_KEYVAULT,
                backend_azure_keyvault=AzureKeyVaultSecretScopeMetadata(settings.key_vault_id, settings.key_vault_url),
            )
        except DatabricksError as error:
            if "userAADToken" not in str(error):
                raise
            raise SetupError(
                f"secret scope {SECRET_SCOPE}: Databricks lets only a person create a scope on a Key Vault. "
                "Run this script once after `az login` as a person; CI then finds the scope and leaves it."
            ) from error
        self.report(f"secret scope {SECRET_SCOPE}: created")

    def ensure_service_principal(self, application_id: str, name: str) -> None:
        from databricks.sdk.service.iam import ComplexValue

        found = list(self.workspace.service_principals_v2.list(filter=f'applicationId eq "{application_id}"'))
        if not found:
            # No cluster entitlement: the cluster policy is the only way to a cluster.
            self.workspace.service_principals_v2.create(
                active=True,
                application_id=application_id,
                display_name=name,
                entitlements=[ComplexValue(value="workspace-access")],
            )
        self.report(f"service principal {name}: {'unchanged' if found else 'created'}")

    def ensure_scope_reader(self, principal: str) -> None:
        from databricks.sdk.service.workspace import AclPermission

        granted = any(
            acl.principal == principal and acl.permission == AclPermission.READ
            for acl in self.workspace.secrets.list_acls(SECRET_SCOPE)
        )
        if not granted:
            self.workspace.secrets.put_acl(SECRET_SCOPE, principal, AclPermission.READ)
        self.report(f"secret scope {SECRET_SCOPE}, READ: {'unchanged' if granted else 'granted'}")

    def ensure_folder(self, folder: str, owner: str) -> None:
        from databricks.sdk.errors import NotFound

        try:
            self.workspace.workspace.get_status(folder)
        except NotFound:
            self.workspace.workspace.mkdirs(folder)
            self.report(f"folder {folder}: created")
        self.ensure_folder_permission(folder, owner, _level("CAN_MANAGE"))

    def ensure_folder_permission(self, folder: str, principal: str, level: "PermissionLevel") -> None:
        identifier = str(self.workspace.workspace.get_status(folder).object_id)
        self.ensure_permission("directories", identifier, principal, level, shown=f"folder {folder}")

    def ensure_permission(
        self,
        kind: str,
        identifier: str,
        principal: str,
        level: "PermissionLevel",
        *,
        shown: str | None = None,
    ) -> None:
        from databricks.sdk.service.iam import AccessControlRequest

        entries = self.workspace.permissions.get(kind, identifier).access_control_list or []
        granted = any(
            entry.service_principal_name == principal
            and any(p.permission_level == level for p in entry.all_permissions or [])
            for entry in entries
        )
        if not granted:
            self.workspace.permissions.update(
                kind,
                identifier,
                access_control_list=[AccessControlRequest(service_principal_name=principal, permission_level=level)],
            )
        self.report(f"{shown or f'{kind} {identifier}'}, {level.value}: {'unchanged' if granted else 'granted'}")

    def ensure_cluster_policy(self, principal: str) -> str:
        definition = json.loads(CLUSTER_POLICY.read_text(encoding="utf-8"))
        existing = next(
            (policy for policy in self.workspace.cluster_policies.list() if policy.name == APPLICATION), None
        )
        if existing is None:
            policy_id = self.workspace.cluster_policies.create(
                name=APPLICATION, definition=json.dumps(definition)
            ).policy_id
            outcome = "created"
        else:
            policy_id = existing.policy_id
            outcome = "unchanged"
            if json.loads(existing.definition or "{}") != definition and policy_id:
                self.workspace.cluster_policies.edit(policy_id, name=APPLICATION, definition=json.dumps(definition))
                outcome = "updated"
        if not policy_id:
            raise SetupError(f"cluster policy {APPLICATION}: the workspace gave it no id.")
        self.report(f"cluster policy {APPLICATION}: {outcome}")
        self.ensure_permission("cluster-policies", policy_id, principal, _level("CAN_USE"))
        return policy_id

    def ensure_lake(self, settings: Settings, principal: str) -> None:
        from databricks.sdk.errors.base import DatabricksError
        from databricks.sdk.service.catalog import AzureManagedIdentityRequest, PermissionsChange, Privilege

        # A metastore serves all workspaces of a region: names in it carry the account's, which is unique.
        name, location_name = settings.storage_account_name, f"{settings.storage_account_name}-raw-data"
        try:
            credential = next((one for one in self.workspace.storage_credentials.list() if one.name == name), None)
        except DatabricksError as error:
            raise SetupError(
                f"storage credential {name}: {error}. The workspace needs a Unity Catalog metastore: workspaces made "
                "since November 2023 have one; an account administrator assigns one to an older workspace."
            ) from error
        if credential is None:
            self.workspace.storage_credentials.create(
                name, azure_managed_identity=AzureManagedIdentityRequest(settings.databricks_access_connector_id)
            )
        else:
            identity = credential.azure_managed_identity
            connector = identity.access_connector_id if identity else None
            _same("storage credential", name, connector, settings.databricks_access_connector_id)
        self.report(f"storage credential {name}: {'unchanged' if credential else 'created'}")

        location = next((one for one in self.workspace.external_locations.list() if one.name == location_name), None)
        if location is None:
            self.workspace.external_locations.create(location_name, settings.lake_url, name)
        else:
            _same("external location", location_name, location.url, settings.lake_url)
        self.report(f"external location {location_name}: {'unchanged' if location else 'created'}")

        wanted = {Privilege.READ_FILES, Privilege.WRITE_FILES}
        assignments = self.workspace.grants.get("external_location", location_name).privilege_assignments or []
        held = {
            privilege
            for assignment in assignments
            if assignment.principal == principal
            for privilege in assignment.privileges or []
        }
        missing = sorted(wanted - held, key=str)
        if missing:
            change = PermissionsChange(add=missing, principal=principal)
            self.workspace.grants.update("external_location", location_name, changes=[change])
        self.report(
            f"external location {location_name}, READ FILES and WRITE FILES: {'granted' if missing else 'unchanged'}"
        )


def _same(kind: str, name: str, found: str | None, wanted: str) -> None:
    if (found or "").rstrip("/").lower() != wanted.rstrip("/").lower():
        raise SetupError(f"{kind} {name}: is for {found}, not for {wanted}. Delete it, then try again.")


def _ensure_token(
    sign_in: "Callable[[], WorkspaceClient]", vault: Vault, *, renew: bool, now: datetime, report: Report
) -> None:
    """Keep a token in the vault that is good for a month at least.

    The one before it lives out its days, for runs under way, unless `renew` asks for its end.
    """
    as_pipeline = sign_in()
    tokens = {
        token.token_id: token for token in as_pipeline.tokens.list() if token.comment == APPLICATION and token.token_id
    }
    stored = vault.find(TOKEN_SECRET)
    current = tokens.get((stored or {}).get("tags", {}).get("token-id"))
    if current and not renew and (current.expiry_time or 0) / 1000 > (now + TOKEN_RENEWAL).timestamp():
        report(f"secret {TOKEN_SECRET}: unchanged")
        return
    made = as_pipeline.tokens.create(comment=APPLICATION, lifetime_seconds=int(TOKEN_LIFETIME.total_seconds()))
    if not made.token_value or not made.token_info or not made.token_info.token_id:
        raise SetupError("the workspace made a token and did not show it. Try again.")
    vault.set(TOKEN_SECRET, made.token_value, expires=now + TOKEN_LIFETIME, tags={"token-id": made.token_info.token_id})
    report(f"secret {TOKEN_SECRET}: {'renewed' if stored else 'created'}")
    if renew:
        for token_id in tokens:
            as_pipeline.tokens.delete(token_id)
        report(f"older tokens revoked: {len(tokens)}")


def _clients(settings: Settings) -> "tuple[WorkspaceClient, Vault, Callable[[str, str], WorkspaceClient]]":
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
    vault = Vault(
        settings.key_vault_url,
        lambda: credential.get_token("https://vault.azure.net/.default").token,
        requests.Session(),
    )

    def sign_in(application_id: str, secret: str) -> WorkspaceClient:
        return WorkspaceClient(
            host=settings.databricks_host,
            auth_type="azure-client-secret",
            azure_tenant_id=settings.azure_tenant_id,
            azure_client_id=application_id,
            azure_client_secret=secret,
        )

    return workspace, vault, sign_in


def _known_errors() -> Iterator[type[Exception]]:
    from azure.core.exceptions import ClientAuthenticationError
    from databricks.sdk.errors.base import DatabricksError
    from requests import RequestException

    yield from (SetupError, DatabricksError, ClientAuthenticationError, RequestException, ValueError)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--renew-token", action="store_true", help=f"make a new {TOKEN_SECRET} now and revoke the older ones"
    )
    options = parser.parse_args(arguments)

    def report(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    try:
        settings = read_settings(os.environ)
    except SetupError as error:
        report(f"setup_workspace.py: {error}")
        return 1
    try:
        workspace, vault, sign_in = _clients(settings)
        policy_id = set_up(
            settings, workspace, vault, sign_in, renew_token=options.renew_token, now=datetime.now(UTC), report=report
        )
    except tuple(_known_errors()) as error:
        report(f"setup_workspace.py: {error}")
        return 1
    sys.stdout.write(f"CLUSTER_POLICY_ID={policy_id}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

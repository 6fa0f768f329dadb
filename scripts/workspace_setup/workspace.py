"""The workspace's own objects: secret scope, service principals, folders, permissions, the cluster policy."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workspace_setup.errors import SetupError
from workspace_setup.settings import Settings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.iam import AccessControlResponse

APPLICATION = "continuous-ingestion"
SECRET_SCOPE = "ingestion"  # noqa: S105 - a scope's name is not a secret
CLUSTER_POLICY = Path(__file__).resolve().parents[2] / "infra" / "databricks" / "cluster_policy.json"
_WRITING = ("CAN_EDIT", "CAN_MANAGE", "IS_OWNER")
_ADMINISTRATORS = "admins"


@dataclass(frozen=True)
class WorkspaceSteps:
    """The steps in the workspace, each of which looks first and reports one line."""

    workspace: "WorkspaceClient"
    caller: str
    report: Callable[[str], None]

    def ensure_secret_scope(self, settings: Settings) -> None:
        """Make the scope on the notebooks' vault.

        Raises:
            SetupError: the scope is on another vault, or only a person may make it.
        """
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
            if "userAADToken" in str(error):
                raise SetupError(
                    f"secret scope {SECRET_SCOPE}: Databricks lets only a person create a scope on a Key Vault. "
                    "Run this script once after `az login` as a person; CI then finds the scope and leaves it."
                ) from error
            if "already exists" in str(error).lower():
                raise SetupError(
                    f"secret scope {SECRET_SCOPE}: exists, but is not visible to {self.caller}. An administrator of "
                    f"the workspace runs: databricks secrets put-acl {SECRET_SCOPE} {self.caller} MANAGE"
                ) from error
            raise
        self.report(f"secret scope {SECRET_SCOPE}: created")

    def ensure_scope_permission(self, principal: str, permission: str) -> None:
        """Give a principal READ or MANAGE on the scope."""
        from databricks.sdk.service.workspace import AclPermission

        granted = any(
            acl.principal == principal and acl.permission == AclPermission(permission)
            for acl in self.workspace.secrets.list_acls(SECRET_SCOPE)
        )
        if not granted:
            self.workspace.secrets.put_acl(SECRET_SCOPE, principal, AclPermission(permission))
        self.report(f"secret scope {SECRET_SCOPE}, {permission}: {'unchanged' if granted else 'granted'}")

    def ensure_service_principal(self, application_id: str, name: str) -> None:
        """Make a service principal known to the workspace."""
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

    def ensure_folder(self, folder: str, owner: str) -> None:
        """Make a folder that one principal writes, and see that no other may.

        Raises:
            SetupError: others may write in it.
        """
        from databricks.sdk.errors import NotFound

        try:
            self.workspace.workspace.get_status(folder)
        except NotFound:
            self.workspace.workspace.mkdirs(folder)
            self.report(f"folder {folder}: created")
        self.ensure_folder_permission(folder, owner, "CAN_MANAGE")
        others = sorted({_name(entry) for entry in self._entries(folder) if _writes(entry)} - {owner, _ADMINISTRATORS})
        if others:
            raise SetupError(
                f"folder {folder}: {', '.join(others)} may write in it: their code would run with the pipelines' "
                "rights. Take the right away (workspace, the folder's Share), then try again."
            )

    def ensure_folder_permission(self, folder: str, principal: str, level: str) -> None:
        """Give a principal a permission on a folder."""
        identifier = str(self.workspace.workspace.get_status(folder).object_id)
        self.ensure_permission("directories", identifier, principal, level, shown=f"folder {folder}")

    def ensure_permission(
        self, kind: str, identifier: str, principal: str, level: str, *, shown: str | None = None
    ) -> None:
        """Give a principal a permission on an object of the workspace."""
        from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel

        entries = self.workspace.permissions.get(kind, identifier).access_control_list or []
        granted = any(
            entry.service_principal_name == principal
            and any(p.permission_level == PermissionLevel(level) for p in entry.all_permissions or [])
            for entry in entries
        )
        if not granted:
            request = AccessControlRequest(service_principal_name=principal, permission_level=PermissionLevel(level))
            self.workspace.permissions.update(kind, identifier, access_control_list=[request])
        self.report(f"{shown or f'{kind} {identifier}'}, {level}: {'unchanged' if granted else 'granted'}")

    def ensure_cluster_policy(self, runners: list[str]) -> str:
        """Make the cluster policy what infra/databricks/cluster_policy.json says, and return its id.

        Raises:
            SetupError: the workspace gives it no id.
        """
        definition = json.loads(CLUSTER_POLICY.read_text(encoding="utf-8"))
        existing = next(
            (policy for policy in self.workspace.cluster_policies.list() if policy.name == APPLICATION), None
        )
        outcome = "unchanged"
        if existing is None:
            policy_id = self.workspace.cluster_policies.create(
                name=APPLICATION, definition=json.dumps(definition)
            ).policy_id
            outcome = "created"
        else:
            policy_id = existing.policy_id
            if json.loads(existing.definition or "{}") != definition and policy_id:
                self.workspace.cluster_policies.edit(policy_id, name=APPLICATION, definition=json.dumps(definition))
                outcome = "updated"
        if not policy_id:
            raise SetupError(f"cluster policy {APPLICATION}: the workspace gave it no id.")
        self.report(f"cluster policy {APPLICATION}: {outcome}")
        for runner in runners:
            self.ensure_permission("cluster-policies", policy_id, runner, "CAN_USE")
        return policy_id

    def _entries(self, folder: str) -> "list[AccessControlResponse]":
        identifier = str(self.workspace.workspace.get_status(folder).object_id)
        return self.workspace.permissions.get("directories", identifier).access_control_list or []


def _name(entry: "AccessControlResponse") -> str:
    return entry.service_principal_name or entry.group_name or entry.user_name or "someone"


def _writes(entry: "AccessControlResponse") -> bool:
    levels = (held.permission_level for held in entry.all_permissions or [])
    return any(level is not None and level.value in _WRITING for level in levels)

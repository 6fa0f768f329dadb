"""Unity Catalog's objects: the lake's credential and location, the notebooks' credential, the schema for tables.

Unity Catalog shows an identity only what it may see. Whoever makes an object owns it, so the identity that deploys gets
MANAGE on everything made here: else the next deployment by another identity would not find it, and could not make it.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_setup.errors import SetupError
from workspace_setup.settings import Settings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


@dataclass(frozen=True)
class UnityCatalog:
    """The metastore of a workspace.

    Args:
        workspace: signed in as whoever deploys.
        caller: who that is, for messages.
        deployer: application id of the identity that deploys in CI: it gets MANAGE.
        report: takes one line for each step.
    """

    workspace: "WorkspaceClient"
    caller: str
    deployer: str
    report: Callable[[str], None]

    def ensure_lake(self, settings: Settings) -> None:
        """Make the storage credential and the external location of the lake, and let the runners read and write it.

        Raises:
            SetupError: there is no metastore, an object is another's or cannot be seen.
        """
        from databricks.sdk.service.catalog import AzureManagedIdentityRequest

        # A metastore serves all workspaces of a region: names in it carry the account's, which is unique.
        name, location_name = settings.storage_account_name, f"{settings.storage_account_name}-raw-data"
        connector = settings.databricks_access_connector_id
        credentials = self._visible(self.workspace.storage_credentials.list(), f"storage credential {name}")
        credential = next((one for one in credentials if one.name == name), None)
        if credential:
            identity = credential.azure_managed_identity
            _same(f"storage credential {name}", identity.access_connector_id if identity else None, connector)
        else:
            with self._creating("storage credential", "storage_credential", name):
                self.workspace.storage_credentials.create(
                    name, azure_managed_identity=AzureManagedIdentityRequest(connector)
                )
        self.report(f"storage credential {name}: {'unchanged' if credential else 'created'}")
        self.grant("storage_credential", name, self.deployer, "MANAGE")

        locations = self.workspace.external_locations.list()
        location = next((one for one in locations if one.name == location_name), None)
        if location:
            _same(f"external location {location_name}", location.url, settings.lake_url)
        else:
            with self._creating("external location", "external_location", location_name):
                self.workspace.external_locations.create(location_name, settings.lake_url, name)
        self.report(f"external location {location_name}: {'unchanged' if location else 'created'}")
        self.grant("external_location", location_name, self.deployer, "MANAGE")
        for runner in settings.runners.values():
            self.grant("external_location", location_name, runner, "READ_FILES", "WRITE_FILES")

    def ensure_service_credential(self, settings: Settings) -> None:
        """Make the credential that notebooks sign in to Azure with, and let the runners use it.

        Raises:
            SetupError: the credential is another's, or cannot be seen.
        """
        from databricks.sdk.service.catalog import AzureManagedIdentity, CredentialPurpose

        name, connector = settings.credential, settings.notebooks_connector_id
        credentials = self.workspace.credentials.list_credentials(purpose=CredentialPurpose.SERVICE)
        credential = next((one for one in credentials if one.name == name), None)
        if credential:
            identity = credential.azure_managed_identity
            _same(f"service credential {name}", identity.access_connector_id if identity else None, connector)
        else:
            with self._creating("service credential", "credential", name):
                self.workspace.credentials.create_credential(
                    name,
                    purpose=CredentialPurpose.SERVICE,
                    azure_managed_identity=AzureManagedIdentity(connector),
                )
        self.report(f"service credential {name}: {'unchanged' if credential else 'created'}")
        self.grant("credential", name, self.deployer, "MANAGE")
        for runner in settings.runners.values():
            self.grant("credential", name, runner, "ACCESS")

    def ensure_schema(self, settings: Settings) -> None:
        """Make the schema for tables in a catalog that is there, and let the runners write tables in it.

        Raises:
            SetupError: the catalog is not there, or an object cannot be seen.
        """
        catalog, schema = settings.catalog, settings.schema
        full_name = f"{catalog}.{schema}"
        if not any(one.name == catalog for one in self.workspace.catalogs.list()):
            raise SetupError(
                f"catalog {catalog}: is not there, or {self.caller} may not see it. The metastore's administrators "
                f"make catalogs; for one that exists: {_grant_command('catalog', catalog, self.caller, 'USE_CATALOG')}"
            )
        found = any(one.name == schema for one in self.workspace.schemas.list(catalog))
        if not found:
            with self._creating("schema", "schema", full_name):
                self.workspace.schemas.create(schema, catalog)
        self.report(f"schema {full_name}: {'unchanged' if found else 'created'}")
        self.grant("schema", full_name, self.deployer, "MANAGE")
        for runner in settings.runners.values():
            self.grant("catalog", catalog, runner, "USE_CATALOG")
            self.grant("schema", full_name, runner, "USE_SCHEMA", "CREATE_TABLE", "SELECT", "MODIFY")

    def grant(self, kind: str, name: str, principal: str, *privileges: str) -> None:
        """Give a principal the privileges it lacks, and report whether there were any.

        Raises:
            SetupError: the caller may not see or change who holds what.
        """
        from databricks.sdk.errors import NotFound, PermissionDenied
        from databricks.sdk.service.catalog import PermissionsChange, Privilege

        shown = f"{kind.replace('_', ' ')} {name}"
        try:
            assignments = self.workspace.grants.get(kind, name).privilege_assignments or []
            held = {
                privilege.value
                for assignment in assignments
                if assignment.principal == principal
                for privilege in assignment.privileges or []
            }
            missing = [Privilege(privilege) for privilege in privileges if privilege not in held]
            if missing:
                self.workspace.grants.update(kind, name, changes=[PermissionsChange(add=missing, principal=principal)])
        except (PermissionDenied, NotFound) as error:
            raise SetupError(
                f"{shown}: {self.caller} may not see or change who holds what on it. Its owner or the metastore's "
                f"administrator runs: {_grant_command(kind, name, self.caller, 'MANAGE')} ({error})"
            ) from error
        listed = " and ".join(privilege.replace("_", " ") for privilege in privileges)
        self.report(f"{shown}, {listed}: {'granted' if missing else 'unchanged'}")

    @contextmanager
    def _creating(self, what: str, kind: str, name: str) -> Iterator[None]:
        from databricks.sdk.errors.base import DatabricksError

        try:
            yield
        except DatabricksError as error:
            if "already exists" not in str(error).lower():
                raise
            raise SetupError(
                f"{what} {name}: exists, but is not visible to {self.caller}. Its owner or the metastore's "
                f"administrator runs: {_grant_command(kind, name, self.caller, 'MANAGE')}"
            ) from error

    def _visible(self, objects: Iterable[Any], what: str) -> list[Any]:
        from databricks.sdk.errors.base import DatabricksError

        try:
            return list(objects)
        except DatabricksError as error:
            raise SetupError(
                f"{what}: {error}. The workspace needs a Unity Catalog metastore: workspaces made since November 2023 "
                "have one; an account administrator assigns one to an older workspace."
            ) from error


def _same(what: str, found: str | None, wanted: str) -> None:
    if (found or "").rstrip("/").lower() != wanted.rstrip("/").lower():
        raise SetupError(f"{what}: is for {found}, not for {wanted}. Delete it, then try again.")


def _grant_command(kind: str, name: str, principal: str, privilege: str) -> str:
    changes = f'{{"changes": [{{"principal": "{principal}", "add": ["{privilege}"]}}]}}'
    return f"databricks grants update {kind} {name} --json '{changes}'"

"""What the deployment of infra/main.bicep put out: environment variables with the names of its outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from workspace_setup.errors import SetupError

MANAGED_IDENTITY, TOKEN = "managed-identity", "token"
SERVERLESS = "serverless"


@dataclass(frozen=True)
class Settings:
    """The outputs of infra/main.bicep; those with a default may be empty."""

    azure_tenant_id: str
    azure_client_id: str
    azure_infrastructure_client_id: str
    azure_planner_client_id: str
    pipeline_application_id: str
    data_factory_client_id: str
    databricks_host: str
    databricks_resource_id: str
    databricks_access_connector_id: str
    notebooks_connector_id: str
    key_vault_id: str
    key_vault_url: str
    operations_vault_url: str
    storage_account_name: str
    sign_in: str
    compute: str
    credential: str = ""
    catalog: str = ""
    schema: str = ""

    @property
    def lake_url(self) -> str:
        """The container that everything lands in."""
        return f"abfss://raw-data@{self.storage_account_name}.dfs.core.windows.net/"

    @property
    def bundle_folder(self) -> str:
        """The bundle's folder: in the deployer's home, where only it and the workspace's administrators may write."""
        return f"/Users/{self.azure_client_id}/continuous-ingestion"

    @property
    def runners(self) -> dict[str, str]:
        """Who runs notebooks: application id by name."""
        pipelines = {"pipelines": self.pipeline_application_id}
        if self.sign_in == TOKEN:
            return pipelines
        factory = {"factory": self.data_factory_client_id}
        return factory | pipelines if self.compute == SERVERLESS else factory


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Raises:
        SetupError: some are missing or wrong; names all of them.
    """
    optional = {field.name for field in fields(Settings) if field.default == ""}
    names = {field.name: field.name.upper() for field in fields(Settings)}
    missing = [names[name] for name in names if name not in optional and not environment.get(names[name])]
    if missing:
        raise SetupError(
            f"{', '.join(missing)}: not set. They are outputs of infra/main.bicep; "
            "infra/README.md has the command that exports them."
        )
    settings = Settings(**{name: environment.get(variable, "") for name, variable in names.items()})
    if settings.sign_in not in (MANAGED_IDENTITY, TOKEN):
        raise SetupError(
            f"SIGN_IN: is {settings.sign_in!r}, not {MANAGED_IDENTITY} or {TOKEN}. It comes from main.bicep."
        )
    if bool(settings.catalog) != bool(settings.schema):
        raise SetupError(
            "CATALOG, SCHEMA: only one of the two is set. Set both or none in infra/environments/ENV.bicepparam."
        )
    return settings

"""What a notebook is given by its workspace: widgets, variables, secrets, service credentials."""

from collections.abc import Mapping
from typing import Any

from ingestion.platform.identity import require_credential
from ingestion.platform.key_vault import KeyVault
from ingestion.platform.secrets import SecretStore
from ingestion.platform.settings import Configuration, read_key_vault_url


def configuration_of(dbutils: Any, environment: Mapping[str, str]) -> Configuration:
    """Return where a notebook's settings come from. Secrets are the scope's, or with `CREDENTIAL` a vault's.

    Args:
        dbutils: the notebook's.
        environment: the cluster's environment variables: `os.environ`.
    """
    secrets = SecretStore(dbutils.secrets.get, dbutils.secrets.list)
    configuration = Configuration(dbutils.widgets.get, environment, secrets, dbutils.credentials)
    if configuration.variable("credential") and configuration.variable("key_vault_url"):
        secrets.find_in(lambda key: _vault(configuration).find(key))
    return configuration


def _vault(configuration: Configuration) -> KeyVault:
    url = read_key_vault_url(configuration)
    return KeyVault(url, require_credential(configuration), configuration.secrets)

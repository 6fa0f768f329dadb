"""With CREDENTIAL and KEY_VAULT_URL secrets come from the vault, by the service credential; without, from the scope."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from fakes.http_service import Fault
from fakes.key_vault_service import KeyVaultService
from ingestion.platform.errors import InvalidSettingError, SecretUnavailableError
from ingestion.platform.secrets import SecretReference
from ingestion.platform.settings import Configuration
from ingestion.platform.workspace import configuration_of

TOKEN, VALUE = "planted-vault-token", "pl4nted: value & more"
PASSWORD = SecretReference("ingestion", "sql-password")


@pytest.fixture
def vault() -> Iterator[KeyVaultService]:
    with KeyVaultService(TOKEN, {"sql-password": VALUE, "empty": ""}) as vault:
        yield vault


@pytest.fixture
def asked() -> list[str]:
    """Return the scopes that tokens were asked for."""
    return []


@pytest.fixture
def workspace(asked: list[str]) -> Any:
    """Return a workspace whose scope has another password, and which gives a service credential."""

    def get_token(*scopes: str, **_options: Any) -> AccessToken:
        asked.extend(scopes)
        return AccessToken(TOKEN, 0)

    return SimpleNamespace(
        widgets=SimpleNamespace(get=lambda _name: ""),
        secrets=SimpleNamespace(get=lambda _scope, _key: "of the scope", list=lambda _scope: []),
        credentials=SimpleNamespace(getServiceCredentialsProvider=lambda _name: SimpleNamespace(get_token=get_token)),
    )


def configuration(workspace: Any, vault: KeyVaultService, **environment: str) -> Configuration:
    return configuration_of(workspace, {"CREDENTIAL": "ours", "KEY_VAULT_URL": f"{vault.url}/", **environment})


def test_a_secret_comes_from_the_vault_and_is_hidden(workspace: Any, vault: KeyVaultService, asked: list[str]) -> None:
    secrets = configuration(workspace, vault).secrets
    assert secrets.find(PASSWORD) == VALUE
    assert secrets.redact(f"{VALUE} {TOKEN}") == "[REDACTED] [REDACTED]"
    assert asked == ["https://vault.azure.net/.default"]


@pytest.mark.parametrize("unset", ["CREDENTIAL", "KEY_VAULT_URL"])
def test_without_both_settings_it_comes_from_the_scope(
    unset: str, workspace: Any, vault: KeyVaultService, asked: list[str]
) -> None:
    assert configuration(workspace, vault, **{unset: ""}).secrets.find(PASSWORD) == "of the scope"
    assert (vault.requests, asked) == ([], [])


@pytest.mark.parametrize("key", ["nothing", "empty"])
def test_a_secret_that_is_not_there_or_empty_is_none(key: str, workspace: Any, vault: KeyVaultService) -> None:
    assert configuration(workspace, vault).secrets.find(SecretReference("ingestion", key)) is None


def test_a_secret_that_may_not_be_read_says_which_role_it_takes(workspace: Any, vault: KeyVaultService) -> None:
    vault.denied.add("sql-password")
    with pytest.raises(SecretUnavailableError, match=r"sql-password of http.*403: Forbidden.*Key Vault Secrets User"):
        configuration(workspace, vault).secrets.find(PASSWORD)


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.BUSY, Fault.THROTTLE, Fault.FAIL_AFTER])
def test_what_passes_by_itself_is_tried_again(fault: Fault, workspace: Any, vault: KeyVaultService) -> None:
    vault.faults.orders[1] = fault
    assert configuration(workspace, vault).secrets.find(PASSWORD) == VALUE


def test_a_vault_is_asked_over_https_alone(workspace: Any, vault: KeyVaultService) -> None:
    secrets = configuration(workspace, vault, KEY_VAULT_URL="http://vault.example").secrets
    with pytest.raises(InvalidSettingError, match="KEY_VAULT_URL is plain http"):
        secrets.find(PASSWORD)

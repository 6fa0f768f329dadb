"""A Databricks workspace as the notebooks see it: widgets, environment variables, a secret scope."""

from dataclasses import dataclass, field
from typing import Any

from ingestion.platform.secrets import SecretStore
from ingestion.platform.settings import Configuration


@dataclass(frozen=True)
class _Key:
    key: str


@dataclass
class Settings:
    """A workspace's widgets, variables, secrets (of the one scope `ingestion`), and service credentials."""

    widgets: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    credentials: Any = None

    def secret_store(self) -> SecretStore:
        def get(scope: str, key: str) -> str:
            if scope != "ingestion" or key not in self.secrets:
                raise RuntimeError(f"Secret does not exist with scope: {scope} and key: {key}")
            return self.secrets[key]

        def list_keys(scope: str) -> list[_Key]:
            if scope != "ingestion":
                raise RuntimeError(f"Scope {scope} does not exist!")
            return [_Key(key) for key in self.secrets]

        return SecretStore(get, list_keys)

    def configuration(self) -> Configuration:
        return Configuration(
            lambda name: self.widgets.get(name, ""), self.environment, self.secret_store(), self.credentials
        )

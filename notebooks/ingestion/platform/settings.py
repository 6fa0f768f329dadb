"""What a notebook is told: a widget wins over an environment variable, the variable over the default."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from ingestion.platform.errors import InvalidSettingError, MissingSettingError
from ingestion.platform.secrets import SecretReference, SecretStore

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

COUNTRY_API_V3_URL = "https://restcountries.com/v3.1"
COUNTRY_API_V5_URL = "https://api.restcountries.com/countries/v5"
_SECRET_SCOPE = "ingestion"  # noqa: S105 - a scope's name is not a secret
_API_CONNECTIONS = "8"
_MOST_CONNECTIONS = 64
_AUTHORITY_HOST = "login.microsoftonline.com"
# A tenant's id, or a domain of its own.
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
# What no object of Unity Catalog has in its name: https://learn.microsoft.com/azure/databricks/sql/language-manual/sql-ref-names
_NO_NAME = re.compile(r"[./`\s\x00-\x1f\x7f]")
# ADF hands a number over as text; its own int() takes "601" and "601.0" for the same number.
_COUNT = re.compile(r"(\d{1,18})(\.0+)?", re.ASCII)


class ServiceCredentials(Protocol):
    """What `dbutils.credentials` has from Databricks Runtime 16.2 on."""

    def getServiceCredentialsProvider(self, credential_name: str, /) -> "TokenCredential":  # noqa: N802 - Databricks' name
        """Return a service credential of Unity Catalog."""


@dataclass(frozen=True)
class Configuration:
    """The places where settings come from.

    Attributes:
        widget: returns a declared widget's text: `dbutils.widgets.get`.
        environment: the cluster's environment variables: `os.environ`.
        secrets: the workspace's secrets.
        credentials: has a method that returns a service credential of Unity Catalog by its name: `dbutils.credentials`.
    """

    widget: Callable[[str], str]
    environment: Mapping[str, str] = field(repr=False)
    secrets: SecretStore = field(repr=False)
    credentials: "ServiceCredentials | None" = field(default=None, repr=False)

    def find(self, name: str) -> str | None:
        """Return a setting's text, or None where neither the widget nor the variable has any."""
        return self.widget(name).strip() or self.environment.get(name.upper(), "").strip() or None

    def named(self, name: str) -> str | None:
        """Return the text of a setting that need not have a widget: one that a source's file names."""
        try:
            return self.find(name)
        except Exception:  # noqa: BLE001 - a widget that is not declared is told in each runtime's own class
            return self.variable(name)

    def require(self, name: str) -> str:
        """Return the text of a setting that has no default.

        Raises:
            MissingSettingError: it is not given; names all the places.
        """
        value = self.find(name)
        if value is None:
            raise MissingSettingError(
                f"{name} is not set: give it as widget {name} or as environment variable {name.upper()} of the "
                "cluster; it has no default."
            )
        return value

    def variable(self, name: str) -> str | None:
        """Return the text of a setting that belongs to the cluster: it has a variable, and no widget."""
        return self.environment.get(name.upper(), "").strip() or None

    def secret(self, key: str) -> SecretReference:
        """Return the reference of a secret in the configured scope."""
        return SecretReference(self.find("secret_scope") or _SECRET_SCOPE, key)

    def require_secret(self, key: str) -> str:
        """Return the value of a secret in the configured scope.

        Raises:
            MissingSettingError: it is not stored.
            SecretUnavailableError: it is, or may be, and cannot be read.
        """
        reference = self.secret(key)
        value = self.secrets.find(reference)
        if value is None:
            raise MissingSettingError(
                f"secret {reference} is not stored: store it, or name another in the source's file."
            )
        return value


@dataclass(frozen=True)
class TableSchema:
    """The schema of a catalog that tables are saved in."""

    catalog: str
    schema: str

    def __str__(self) -> str:
        """Return its name."""
        return f"{self.catalog}.{self.schema}"

    @classmethod
    def read(cls, configuration: Configuration) -> "TableSchema | None":
        """Return the schema, None where neither `catalog` nor `schema` is set: tables are folders of the lake then.

        Raises:
            SettingError: only one of the two is set, or cannot be a name.
        """
        names = {name: configuration.named(name) for name in ("catalog", "schema")}
        catalog, schema = names.values()
        if catalog is None and schema is None:
            return None
        for name, value in names.items():
            if value is None:
                other = "catalog" if name == "schema" else "schema"
                raise MissingSettingError(
                    f"{name} is not set, but {other} is: set both, as widgets catalog and schema or as environment "
                    "variables CATALOG and SCHEMA, for tables in Unity Catalog; or none, for folders of the lake."
                )
            if _NO_NAME.search(value):
                raise _unusable(name, value, "it must be a name by itself, without . / or a blank")
        return cls(str(catalog), str(schema))


@dataclass(frozen=True)
class CountrySettings:
    """Where countries come from and go to.

    `api_url` is None for the default of the API version in use; `api_connections` is how many are asked for at a time.
    """

    lake_root: str
    api_url: str | None
    api_connections: int

    @classmethod
    def read(cls, configuration: Configuration) -> "CountrySettings":
        """Return the settings of the country notebook.

        Raises:
            SettingError: one is missing, or cannot be used.
        """
        return cls(
            read_lake_root(configuration),
            _api_url(configuration),
            whole_number(configuration, "country_api_connections", _API_CONNECTIONS, at_most=_MOST_CONNECTIONS),
        )


@dataclass(frozen=True)
class EntraSettings:
    """Where and as whom to sign in at Microsoft Entra ID: the service principal that the notebooks run as.

    The authority is `AZURE_AUTHORITY_HOST`, as for azure-identity, or else that of the public cloud.
    """

    authority: str
    tenant: str
    client_id: SecretReference
    client_secret: SecretReference

    @classmethod
    def read(cls, configuration: Configuration) -> "EntraSettings":
        """Return the settings of a sign-in.

        Raises:
            SettingError: `AZURE_TENANT_ID` is missing, or it or `AZURE_AUTHORITY_HOST` cannot be used.
        """
        tenant = configuration.variable("azure_tenant_id")
        if tenant is None:
            raise MissingSettingError(
                "AZURE_TENANT_ID is not set: give the Entra ID tenant of the service principal as an environment "
                "variable of the cluster; it has no default."
            )
        if not _TENANT.fullmatch(tenant):
            raise InvalidSettingError(f"AZURE_TENANT_ID is {tenant[:80]!r}: it must be a tenant's id or domain.")
        host = configuration.variable("azure_authority_host") or _AUTHORITY_HOST
        authority = host if "://" in host else f"https://{host}"
        return cls(
            _confidential("AZURE_AUTHORITY_HOST", authority).rstrip("/"),
            tenant,
            configuration.secret("sql-user"),
            configuration.secret("sql-password"),
        )


@dataclass(frozen=True)
class LogSettings:
    """Where the lines of a run are posted."""

    url: str

    @classmethod
    def read(cls, configuration: Configuration) -> "LogSettings | None":
        """Return the settings of the log, None where no `LOG_INGESTION_URL` is given.

        Raises:
            SettingError: it cannot be used.
        """
        url = configuration.variable("log_ingestion_url")
        if url is None:
            return None
        return cls(_confidential("LOG_INGESTION_URL", url))


def read_key_vault_url(configuration: Configuration) -> str:
    """Return the address of the vault that secrets are looked up in.

    Raises:
        SettingError: it is missing, or cannot be used.
    """
    return _confidential("KEY_VAULT_URL", configuration.variable("key_vault_url") or "")


def read_customer_count(configuration: Configuration) -> int:
    """Return the number of customers landed, as ADF hands it to the product notebook.

    Raises:
        SettingError: it is missing, or no whole number of 0 or more.
    """
    text = configuration.widget("customer_count").strip()
    if not text:
        raise MissingSettingError(
            "customer_count is not set: give it as widget customer_count, which is the notebook activity's base "
            "parameter of that name; it has no environment variable and no default."
        )
    count = _COUNT.fullmatch(text)
    if not count:
        raise InvalidSettingError(
            f"customer_count is {text[:80]!r}: it must be the number of customers landed, a whole number of 0 or "
            "more, as process_customer_data exits with."
        )
    return int(count[1])


def country_api_url(configuration: Configuration) -> str:
    """Return the public address of the country API: v5 with a key, else v3.1.

    Raises:
        SecretUnavailableError: whether there is a key cannot be told.
    """
    key = configuration.secrets.find(configuration.secret("restcountries-api-key"))
    return COUNTRY_API_V5_URL if key else COUNTRY_API_V3_URL


def read_lake_root(configuration: Configuration) -> str:
    root = configuration.require("lake_root")
    return root.rstrip("/") or root


def _api_url(configuration: Configuration) -> str | None:
    url = configuration.find("country_api_url")
    if url is None:
        return None
    configuration.secrets.hide_passwords_in(url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidSettingError(
            f"country_api_url is {configuration.secrets.redact(url)!r}: it must be the API's http or https base "
            f"address, for example {COUNTRY_API_V3_URL}."
        )
    return url.rstrip("/")


def one_of(configuration: Configuration, name: str, values: tuple[str, ...]) -> str:
    """Return a setting that takes a few values only, of which the first is the default."""
    value = (configuration.find(name) or values[0]).lower()
    if value not in values:
        raise _unusable(name, value, f"it takes {' or '.join(values)}")
    return value


def per_cent(configuration: Configuration, name: str, default: str) -> float:
    """Return a setting of 0 to 100 per cent as a share of 1."""
    text = configuration.find(name) or default
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise _unusable(name, text, "it must be a number of per cent, from 0 to 100")
    return share


def whole_number(configuration: Configuration, name: str, default: str, *, at_most: int) -> int:
    """Return a setting that is a whole number of 1 or more."""
    text = configuration.find(name) or default
    number = _COUNT.fullmatch(text)
    if not number or not 1 <= int(number[1]) <= at_most:
        raise _unusable(name, text, f"it must be a whole number from 1 to {at_most}")
    return int(number[1])


def _unusable(name: str, value: str, wanted: str) -> InvalidSettingError:
    return InvalidSettingError(
        f"{name} is {value[:80]!r}: {wanted}. Set the widget {name} or the environment variable {name.upper()}."
    )


def _confidential(variable: str, url: str) -> str:
    """Return an address that secrets may be sent to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidSettingError(f"{variable} is {url[:200]!r}: it must be an https address.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise InvalidSettingError(f"{variable} is plain http: secrets are only sent over https. Use an https address.")
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

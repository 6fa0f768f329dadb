"""Environment files (`infra/environments/ENV.toml`): where a bundle goes, and what differs there."""

import dataclasses
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bundle.errors import EnvironmentFileError, JsonPathError
from bundle.json_path import replace_value
from bundle.layout import bundle_folder
from bundle.resources import KINDS, Resource, ResourceKey, Resources

FOLDER = "infra/environments"
PUBLIC_CLOUD = "https://management.azure.com"
# Plain http is for a server on this machine only: a token must not cross a network in the clear.
LOOPBACK = "127.0.0.1"

# As a shell writes them: ${NAME} is not to be empty, ${NAME:-text} stands for the text where it is.
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_WORKSPACE_PATH = re.compile(r"(/[^/\s][^/]*)+")
_OPTIONAL = {
    *("management_url", "resource_id", "sign_in", "access_mode", "compute", "run_as"),
    *("warehouse_id", "dashboard_readers", "dashboard_credentials"),
}
_SECTIONS = {
    "azure": {"subscription_id", "resource_group", "data_factory", "management_url"},
    "databricks": {"host", "notebooks", "root", *_OPTIONAL} - {"management_url"},
}
_OTHER_SECTIONS = ("overrides", "policy")  # `bundle.policy` reads the latter
# Every user of a workspace may edit everything in it.
_SHARED = re.compile(r"(/Workspace)?/Shared(/|$)", re.IGNORECASE)


class NotebookDelivery(StrEnum):
    """How notebooks reach the workspace."""

    WORKSPACE = "workspace"
    GIT_FOLDER = "git-folder"


class SignIn(StrEnum):
    """How the factory signs in to Databricks: as itself, or with the token that the linked service names."""

    MANAGED_IDENTITY = "managed-identity"
    TOKEN = "token"  # noqa: S105 - a way to sign in, no secret


class AccessMode(StrEnum):
    """Who may use a job cluster, in Databricks' own words: one identity, or several that are kept apart."""

    DEDICATED = "dedicated"
    STANDARD = "standard"


class Compute(StrEnum):
    """What a notebook activity runs on: a job cluster of its own, or a job on serverless compute."""

    JOB_CLUSTERS = "job-clusters"
    SERVERLESS = "serverless"


class Credentials(StrEnum):
    """Whose rights a published dashboard's queries run with: those of whoever looks, or those of who deployed it."""

    VIEWER = "viewer"
    EMBEDDED = "embedded"


@dataclass(frozen=True)
class AzureSettings:
    """The factory to deploy to, and the address of Azure's management API."""

    subscription_id: str
    resource_group: str
    data_factory: str
    management_url: str = PUBLIC_CLOUD

    @property
    def factory_id(self) -> str:
        """The factory's resource id."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.DataFactory/factories/{self.data_factory}"
        )


@dataclass(frozen=True)
class DatabricksSettings:
    """The workspace, and the folder in it that is this bundle's: notebooks are under `ROOT/notebooks`.

    `sign_in` and `access_mode` are None where the linked services stay as they are written. `resource_id` is the
    workspace's in Azure, which a managed identity needs; `run_as` the application id that serverless jobs run as.
    `warehouse_id` is the SQL warehouse of the dashboards, None where none are deployed; `dashboard_readers` are the
    groups that may look at them.
    """

    host: str
    notebooks: NotebookDelivery
    root: str
    resource_id: str | None = None
    sign_in: SignIn | None = None
    access_mode: AccessMode | None = None
    compute: Compute = Compute.JOB_CLUSTERS
    run_as: str | None = None
    warehouse_id: str | None = None
    dashboard_readers: tuple[str, ...] = ()
    dashboard_credentials: Credentials = Credentials.VIEWER


@dataclass(frozen=True)
class Override:
    """One value of one object that is another in this environment."""

    key: ResourceKey
    path: str
    value: Any


@dataclass(frozen=True)
class Environment:
    """One environment: its name, its file and what that says, with every variable in place."""

    name: str
    file: Path
    azure: AzureSettings
    databricks: DatabricksSettings
    overrides: tuple[Override, ...]


_CHOICES: Mapping[str, type[StrEnum]] = {
    "notebooks": NotebookDelivery,
    "sign_in": SignIn,
    "access_mode": AccessMode,
    "compute": Compute,
    "dashboard_credentials": Credentials,
}


def environment_file(name: str) -> Path:
    """Return the file of an environment, given its name or the path of a `.toml` file."""
    return Path(name) if name.endswith(".toml") else bundle_folder(FOLDER) / f"{name}.toml"


def read_document(file: Path) -> dict[str, Any]:
    """Return an environment file as it stands.

    Raises:
        EnvironmentFileError: there is no such file, or it is no TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        known = ", ".join(sorted(path.stem for path in file.parent.glob("*.toml"))) or "none"
        raise EnvironmentFileError(f"{file}: no such environment file. In {file.parent} there are: {known}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EnvironmentFileError(f"{file}: not readable as TOML: {error}") from error


def load_environment(file: Path, variables: Mapping[str, str]) -> Environment:
    """Read an environment file; `${NAME}` in any text takes the variable NAME, which is not to be empty.

    `${NAME:-TEXT}` takes the text where the variable is not set, or empty.

    Raises:
        EnvironmentFileError: with one line for every unknown or missing key, unset variable and wrong value.
    """
    document = read_document(file)
    problems = [
        *(f"{where}: environment variable {name} is not set." for where, name in _unset_variables(document, variables)),
        *_structure_problems(document),
    ]
    if not problems:
        document = _substitute(document, variables)
        problems = [*_setting_problems(document), *_override_problems(document)]
    if problems:
        raise EnvironmentFileError("\n".join(f"{file}: {problem}" for problem in problems))
    azure, databricks = document["azure"], document["databricks"]
    return Environment(
        name=file.stem,
        file=file,
        azure=AzureSettings(**{**azure, "management_url": azure.get("management_url", PUBLIC_CLOUD).rstrip("/")}),
        databricks=DatabricksSettings(
            host=databricks["host"].rstrip("/"),
            notebooks=NotebookDelivery(databricks["notebooks"]),
            root=databricks["root"],
            resource_id=databricks.get("resource_id"),
            sign_in=SignIn(databricks["sign_in"]) if "sign_in" in databricks else None,
            access_mode=AccessMode(databricks["access_mode"]) if "access_mode" in databricks else None,
            compute=Compute(databricks.get("compute", Compute.JOB_CLUSTERS)),
            run_as=databricks.get("run_as"),
            warehouse_id=databricks.get("warehouse_id") or None,
            dashboard_readers=tuple(
                group.strip() for group in databricks.get("dashboard_readers", "").split(",") if group.strip()
            ),
            dashboard_credentials=Credentials(databricks.get("dashboard_credentials", Credentials.VIEWER)),
        ),
        overrides=tuple(
            Override(_key(name), path, value)
            for name, values in document.get("overrides", {}).items()
            for path, value in values.items()
        ),
    )


def apply_overrides(resources: Resources, environment: Environment) -> dict[ResourceKey, Resource]:
    """Return a bundle's objects as this environment has them; an object without an override keeps its bytes.

    Raises:
        EnvironmentFileError: with one line for every override of an object or a path that does not exist.
    """
    changed = dict(resources)
    problems: list[str] = []
    for override in environment.overrides:
        where = f'{environment.file}: overrides."{override.key}"'
        resource = changed.get(override.key)
        if resource is None:
            problems.append(f"{where}: the bundle has no such object.")
            continue
        try:
            document = replace_value(resource.document, override.path, override.value)
        except JsonPathError as error:
            problems.append(f"{where}: {error}")
        else:
            changed[override.key] = with_document(resource, document)
    if problems:
        raise EnvironmentFileError("\n".join(problems))
    return changed


def with_document(resource: Resource, document: Mapping[str, Any]) -> Resource:
    """Return an object that says something else; its bytes follow, keys in the order of the document."""
    content = json.dumps(document, indent=2, ensure_ascii=False).encode()
    return dataclasses.replace(resource, content=content, document=document)


def _key(name: str) -> ResourceKey:
    kind, _, object_name = name.partition("/")
    return ResourceKey(kind, object_name)


def _structure_problems(document: Mapping[str, Any]) -> Iterator[str]:
    for section in sorted(document.keys() - {*_SECTIONS, *_OTHER_SECTIONS}):
        yield f"{section}: unknown section. Known are {', '.join([*_SECTIONS, *_OTHER_SECTIONS])}."
    for section, keys in _SECTIONS.items():
        values = document.get(section, {})
        if not isinstance(values, Mapping):
            yield f"{section}: is to be a section, [{section}]."
            continue
        for key in sorted(values.keys() - keys):
            yield f"{section}.{key}: unknown key. Known are {', '.join(sorted(keys))}."
        for key in sorted(keys - _OPTIONAL - values.keys()):
            yield f"{section}.{key}: is missing."
        for key in sorted(keys & values.keys()):
            if not isinstance(values[key], str) or not values[key].strip():
                yield f"{section}.{key}: is to be a text that is not empty."


def _setting_problems(document: Mapping[str, Any]) -> Iterator[str]:
    azure, databricks = document["azure"], document["databricks"]
    for section, key, values in (("azure", "management_url", azure), ("databricks", "host", databricks)):
        if key in values:
            yield from (f"{section}.{key}: {problem}" for problem in _address_problems(values[key]))
    for key, choice in _CHOICES.items():
        if key in databricks and databricks[key] not in list(choice):
            yield f"databricks.{key}: is {databricks[key]!r}; one of {', '.join(choice)} is meant."
    if databricks.get("sign_in") == SignIn.MANAGED_IDENTITY and "resource_id" not in databricks:
        yield "databricks.resource_id: is missing; sign_in by managed identity needs the workspace's resource id."
    if databricks.get("compute") == Compute.SERVERLESS and "run_as" not in databricks:
        yield "databricks.run_as: is missing; jobs on serverless compute run as that application id."
    if _SHARED.match(databricks["root"]) and urlsplit(databricks["host"]).hostname != LOOPBACK:
        yield (
            f"databricks.root: every user of the workspace may edit {databricks['root']}, and what stands there runs "
            "with the pipelines' rights. Name a folder of the deploying identity: "
            "/Users/${AZURE_CLIENT_ID}/continuous-ingestion."
        )
    if not _WORKSPACE_PATH.fullmatch(databricks["root"]) or ".." in databricks["root"].split("/"):
        yield f"databricks.root: {databricks['root']!r} is no workspace folder, such as /Users/ID/continuous-ingestion."


def _address_problems(address: str) -> Iterator[str]:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield f"{address!r} is no address. Write it with its scheme: https://..."
    elif parts.scheme == "http" and parts.hostname != LOOPBACK:
        yield f"{address!r}: plain http is allowed for {LOOPBACK} only. Write https://..."


def _override_problems(document: Mapping[str, Any]) -> Iterator[str]:
    overrides = document.get("overrides", {})
    if not isinstance(overrides, Mapping):
        yield 'overrides: is to be sections such as [overrides."linkedService/NAME"].'
        return
    for name, values in overrides.items():
        key = _key(name)
        if key.kind not in KINDS or not key.name:
            yield f'overrides."{name}": unknown kind. Write KIND/NAME with a kind of {", ".join(KINDS)}.'
        if not isinstance(values, Mapping):
            yield f'overrides."{name}": is to be a section of JSON paths and values.'
            continue
        for path, value in values.items():
            try:
                json.dumps(value)
            except TypeError:
                yield f'overrides."{name}".{path}: a date or time is no JSON value. Write it in quotes.'


def _unset_variables(node: Any, variables: Mapping[str, str], where: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        for match in _VARIABLE.finditer(node):
            if match[2] is None and not variables.get(match[1]):
                yield where, match[1]
    elif isinstance(node, Mapping):
        for key, value in node.items():
            shown = key if re.fullmatch(r"[\w-]+", key) else f'"{key}"'
            yield from _unset_variables(value, variables, f"{where}.{shown}" if where else shown)
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _unset_variables(value, variables, f"{where}[{position}]")


def _substitute(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, str):
        return _VARIABLE.sub(lambda match: variables.get(match[1]) or match[2], node)
    if isinstance(node, Mapping):
        return {key: _substitute(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_substitute(value, variables) for value in node]
    return node

"""Stand-ins: what on this machine takes a linked service's place. A folder, a database by JDBC, or an address."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from bundle.bundle import Bundle
from bundle.resources import Resource, ResourceKey
from bundle.wording import nearest
from local_factory.errors import StandInError
from local_factory.stubs import line_of

Source = Path | str | Mapping[str, Any]


class Kind(StrEnum):
    """The kinds of stand-ins, each named as its key in the file."""

    FOLDER = "folder"
    DATABASE = "jdbc"
    ADDRESS = "url"


_FOLDERS = (
    "AmazonS3 AmazonS3Compatible AzureBlobFS AzureBlobStorage AzureDataLakeStore AzureFileStorage AzureStorage "
    "FileServer FtpServer GoogleCloudStorage Hdfs OracleCloudStorage Sftp"
)
_DATABASES = (
    "AmazonRdsForOracle AmazonRdsForSqlServer AmazonRedshift AzureMariaDB AzureMySql AzurePostgreSql AzureSqlDW "
    "AzureSqlDatabase AzureSqlMI Db2 GoogleBigQuery GoogleBigQueryV2 Greenplum Hive Impala Informix MariaDB MySql "
    "Netezza Odbc Oracle PostgreSql PostgreSqlV2 Presto SapHana Snowflake SnowflakeV2 SqlServer Sybase Teradata "
    "Vertica Warehouse"
)
_ADDRESSES = "AzureFunction HttpServer OData RestService Web"

# The kind of stand-in that takes the place of each type of linked service. Types that are not here have none.
KIND_OF_TYPE: Mapping[str, Kind] = {
    name: kind
    for kind, names in ((Kind.FOLDER, _FOLDERS), (Kind.DATABASE, _DATABASES), (Kind.ADDRESS, _ADDRESSES))
    for name in names.split()
}

_KEYS: Mapping[Kind, tuple[str, ...]] = {
    Kind.FOLDER: ("folder",),
    Kind.DATABASE: ("jdbc", "user", "password"),
    Kind.ADDRESS: ("url",),
}
_EXAMPLES: Mapping[Kind, str] = {
    Kind.FOLDER: 'folder = "path/to/folder"  # it stands for the account: containers are folders in it',
    Kind.DATABASE: 'jdbc = "jdbc:postgresql://127.0.0.1:5432/DATABASE"\n'
    'user = "VARIABLE"  # the name of the environment variable that holds it\npassword = "VARIABLE"',
    Kind.ADDRESS: 'url = "http://127.0.0.1:8080"',
}


@dataclass(frozen=True)
class StandIn:
    """What takes a linked service's place: its kind, and the folder, the JDBC address or the URL."""

    kind: Kind
    place: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        """The folder that stands in, resolved."""
        return Path(self.place)


StandIns = Mapping[str, StandIn]
"""Stand-ins by the linked service's name in folded case."""


def paste_text(linked_service: Resource) -> str:
    """Return the TOML that names a stand-in for a linked service, for the user to paste and fill in."""
    kind = KIND_OF_TYPE[str(linked_service.properties.get("type"))]
    name = linked_service.name if linked_service.name.replace("-", "_").isidentifier() else f'"{linked_service.name}"'
    return f"[{name}]\n{_EXAMPLES[kind]}"


def read_stand_ins(source: Source, bundle: Bundle) -> StandIns:
    """Read stand-ins from a TOML file, or from the dict that such a file reads as.

    Paths in a file are relative to the folder that the command runs in.

    Raises:
        StandInError: one line for every mistake, with the file's line, the key and the nearest name.
    """
    text, place = "", "linked_services"
    if isinstance(source, Mapping):
        document = source
    else:
        place = str(source)
        try:
            text = Path(source).read_text(encoding="utf-8-sig")
            document = tomllib.loads(text)
        except OSError as error:
            raise StandInError(f"{place}: cannot be read: {error.strerror}.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StandInError(f"{place}: is no TOML in UTF-8: {error}.") from None
    stand_ins: dict[str, StandIn] = {}
    problems = []
    for name, entry in document.items():
        try:
            stand_ins[name.casefold()] = _stand_in(name, entry, bundle)
        except _MistakeError as mistake:
            line = f":{line_of(text, name, mistake.key)}" if text else ""
            key = f" {mistake.key}" if mistake.key else ""
            problems.append(f"{place}{line}: [{name}]{key}: {mistake.problem}")
    if problems:
        raise StandInError("\n".join(problems))
    return stand_ins


class _MistakeError(Exception):
    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key, self.problem = key, problem


def _stand_in(name: str, entry: object, bundle: Bundle) -> StandIn:
    linked_service = _find(name, bundle)
    if not isinstance(entry, Mapping):
        raise _MistakeError("", f"expected a table with folder, jdbc or url, got {entry!r}.")
    every = [key for keys in _KEYS.values() for key in keys]
    for key, value in entry.items():
        if key not in every:
            raise _MistakeError(key, f"there is no key {key!r}{nearest(key, every)}")
        if not isinstance(value, str | Path) or not str(value):
            raise _MistakeError(key, f"expected a text, got {value!r}.")
    kinds = [kind for kind in Kind if kind in entry]
    if len(kinds) != 1:
        raise _MistakeError("", "expected exactly one of folder, jdbc and url.")
    kind = kinds[0]
    _check_kind(kind, linked_service)
    if strange := [key for key in entry if key not in _KEYS[kind]]:
        raise _MistakeError(strange[0], f"does not go with {kind}.")
    credentials = {key: _variable(key, entry[key]) for key in ("user", "password") if key in entry}
    return StandIn(kind, _place(kind, str(entry[kind])), **credentials)


def _find(name: str, bundle: Bundle) -> Resource | None:
    names = bundle.names("linkedService")
    found = next((known for known in names if known.casefold() == name.casefold()), None)
    if found is None:
        hint = nearest(name, names)
        raise _MistakeError("", f"there is no linked service {name!r}{hint}")
    return bundle.resources.get(ResourceKey("linkedService", found))


def _check_kind(kind: Kind, linked_service: Resource | None) -> None:
    if not linked_service:  # unreadable: told elsewhere
        return
    kind_of_type = str(linked_service.properties.get("type"))
    wanted = KIND_OF_TYPE.get(kind_of_type)
    if wanted is None:
        raise _MistakeError(kind, f"a linked service of type {kind_of_type} has no stand-in here: stub its activities.")
    if wanted is not kind:
        raise _MistakeError(kind, f"does not fit a linked service of type {kind_of_type}: it needs {wanted}.")


def _place(kind: Kind, place: str) -> str:
    if kind is Kind.FOLDER:
        folder = Path(place).expanduser()
        if not folder.is_dir():
            raise _MistakeError("folder", f"{place}: no such folder. Make it, or name another.")
        return str(folder.resolve())
    if kind is Kind.DATABASE and not place.startswith("jdbc:"):
        raise _MistakeError("jdbc", "expected an address such as jdbc:postgresql://127.0.0.1:5432/DATABASE.")
    if kind is Kind.ADDRESS and not place.startswith(("http://", "https://")):
        raise _MistakeError("url", f"expected an address that begins with http:// or https://, got {place!r}.")
    return place


def _variable(key: str, name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise _MistakeError(key, f"the environment variable {name!r} that should hold it is not set.")
    return value


def linked_services_of(bundle: Bundle, document: object) -> Iterator[Resource]:
    """Yield the linked services that an activity's JSON refers to, itself and through its datasets, each once."""
    from bundle.references import references

    seen: set[str] = set()
    for reference in references(document):
        targets = [reference.target]
        if reference.target.kind == "dataset" and (dataset := bundle.resources.get(reference.target)):
            targets = [inner.target for inner in references(dataset.properties.get("linkedServiceName"))]
        for target in targets:
            found = bundle.resources.get(target) if target.kind == "linkedService" else None
            if found and found.name not in seen:
                seen.add(found.name)
                yield found

"""What the workspace is to hold of the bundle's dashboards, and in what a live one differs. Pure.

A dashboard's settings are JSON values: `display_name`, `warehouse_id`, `dashboard` (the document), `published` (None,
or with which warehouse and whose credentials), and `access` (who may do what, besides whom the folder lets).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle.dashboards.checks import load_dashboards
from bundle.dashboards.model import SUFFIX, dashboard_files
from bundle.dashboards.tables import FILE, Places, catalog_name, placed, read_tables
from bundle.documents import mapping, text
from bundle.environments import Credentials, Environment
from bundle.resources import Resource, ResourceKey

_FOLDER = "dashboards"
# What may read of it says so at least.
READ = "CAN_READ"
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class LiveDashboard:
    """A dashboard as the workspace holds it.

    `edited`: it is not what a deployment left there. `etag` names this state of its draft.
    """

    id: str
    etag: str
    settings: Settings
    edited: bool


@dataclass(frozen=True)
class WantedDashboards:
    """Settings by path in the workspace; `folder` is theirs, None where this environment has none of ours."""

    folder: str | None
    settings: Mapping[str, Settings]
    notes: tuple[str, ...] = ()


NONE = WantedDashboards(None, {})


def wanted_dashboards(
    folder: Path, objects: Mapping[ResourceKey, Resource], environment: Environment
) -> WantedDashboards:
    """Return the bundle's dashboards as an environment is to hold them: over the lake that its notebooks write.

    Raises:
        DashboardError: a file is wrong.
    """
    files, databricks = dashboard_files(folder), environment.databricks
    if not files:
        return NONE
    tables = read_tables(folder / FILE)
    dashboards = load_dashboards(folder, tables)
    if not databricks.warehouse_id:
        return WantedDashboards(None, {}, (f"{folder}: not deployed: databricks.warehouse_id is not set.",))
    places = _places(objects)
    if places is None:
        return WantedDashboards(None, {}, (f"{folder}: not deployed: no linked service gives clusters a LAKE_ROOT.",))
    place = dashboards_folder(environment)
    return WantedDashboards(
        place,
        {
            f"{place}/{dashboard.title}{SUFFIX}": {
                "display_name": dashboard.title,
                "warehouse_id": databricks.warehouse_id,
                "dashboard": placed(dashboard.document, tables, places),
                "published": {
                    "warehouse_id": databricks.warehouse_id,
                    "embed_credentials": databricks.dashboard_credentials is Credentials.EMBEDDED,
                },
                "access": [_reader(group) for group in databricks.dashboard_readers],
            }
            for dashboard in dashboards
        },
    )


def dashboards_folder(environment: Environment) -> str:
    """Return the workspace's folder of the bundle's dashboards."""
    return f"{environment.databricks.root}/{_FOLDER}"


def with_access(wanted: Mapping[str, Settings], live: Mapping[str, LiveDashboard]) -> dict[str, Settings]:
    """Return what is wanted with the access that others have been given: that is not ours to take."""
    return {
        path: {**settings, "access": _joined(live[path].settings["access"], settings["access"])}
        if path in live
        else settings
        for path, settings in wanted.items()
    }


def dashboard_differences(live: LiveDashboard, wanted: Settings) -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, live value, wanted value).

    Of a dashboard that nobody edited since it was deployed, what the workspace has added by itself is left.
    """
    for key in wanted:
        if key == "access":
            # None: the caller may not see it.
            before = live.settings["access"]
            yield from () if before is None else _compare(_named(before), _named(wanted["access"]), True, key)
        else:
            yield from _compare(_named(live.settings.get(key)), _named(wanted[key]), live.edited, key)


def _compare(live: Any, wanted: Any, both: bool, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        for key in [*wanted, *(key for key in live if both and key not in wanted)]:
            yield from _compare(live.get(key), wanted.get(key), both, f"{path}.{key}")
    elif live != wanted:
        yield path, live, wanted


def _named(value: Any) -> Any:
    """Return a document whose lists of named things are objects: a path then says which one, wherever it stands."""
    if isinstance(value, Mapping):
        return {key: _query(item) if key == "queryLines" else _named(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    names = [_name(mapping(item)) for item in value]
    if value and all(names) and len(set(names)) == len(names):
        return {name: _named(item) for name, item in zip(names, value, strict=True)}
    return [_named(item) for item in value]


def _query(lines: Any) -> Any:
    return "".join(map(text, lines)) if isinstance(lines, list) else lines


def _name(item: Mapping[str, Any]) -> str:
    return text(item.get("name")) or text(mapping(item.get("widget")).get("name")) or _principal(item)


def _principal(entry: Mapping[str, Any]) -> str:
    return next((text(entry[key]) for key in ("group_name", "user_name", "service_principal_name") if key in entry), "")


def _reader(group: str) -> Mapping[str, str]:
    return {"group_name": group, "permission_level": READ}


def _joined(live: Iterable[Mapping[str, str]] | None, wanted: Iterable[Mapping[str, str]]) -> Any:
    there = list(live or ())
    return [*there, *(entry for entry in wanted if _principal(entry) not in {_principal(each) for each in there})]


def _places(objects: Mapping[ResourceKey, Resource]) -> Places | None:
    for key, resource in sorted(objects.items()):
        variables = mapping(mapping(resource.properties.get("typeProperties")).get("newClusterSparkEnvVars"))
        if key.kind == "linkedService" and text(variables.get("LAKE_ROOT")):
            catalog, schema = text(variables.get("CATALOG")), text(variables.get("SCHEMA"))
            return Places(
                text(variables["LAKE_ROOT"]),
                text(variables.get("TABLE_FORMAT")) or "parquet",
                catalog_name(catalog, schema) if catalog and schema else None,
            )
    return None

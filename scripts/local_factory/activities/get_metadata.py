"""The GetMetadata activity: https://learn.microsoft.com/azure/data-factory/control-flow-get-metadata-activity."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bundle.documents import items, mapping
from local_factory.control_flow import Activity
from local_factory.data import formats
from local_factory.data.databases import connect
from local_factory.data.datasets import Dataset, open_dataset
from local_factory.data.folders import Location, SourceFile, in_window, location_of
from local_factory.data.rows import Reading
from local_factory.data.sources import read_file
from local_factory.data.sql_sources import table_of
from local_factory.data.stand_ins import Kind
from local_factory.data.work import Work, in_thread
from local_factory.engine import Engine, Frame
from local_factory.errors import ActivityError
from local_factory.runs import ActivityRun

_FILE_SERVERS = frozenset({"FileServer", "Sftp", "FtpServer", "AzureFileStorage", "Hdfs"})
_OF_FOLDERS = frozenset({"itemName", "itemType", "exists", "lastModified", "created", "childItems"})
_OF_FILES = frozenset(
    {"itemName", "itemType", "exists", "lastModified", "created", "size", "contentMD5", "structure", "columnCount"}
)
_OF_TABLES = frozenset({"structure", "columnCount", "exists"})


async def run_get_metadata(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Return the fields that are asked for, of a file, a folder or a table."""
    properties = frame.evaluate(activity["typeProperties"])
    fields = [str(field) for field in items(properties.get("fieldList"))]
    run.input = {"fieldList": fields, "dataset": properties.get("dataset")}
    dataset = open_dataset(mapping(properties.get("dataset")), frame, engine)
    read = _of_table if dataset.is_database else _of_path
    found = await in_thread(lambda work: read(work, dataset, fields, properties))
    return {**found, "effectiveIntegrationRuntime": "local", "durationInQueue": {"integrationRuntimeQueue": 0}}


def _of_table(work: Work, dataset: Dataset, fields: list[str], _properties: Mapping[str, Any]) -> dict[str, Any]:
    _known(fields, _OF_TABLES, dataset, "a table")
    with connect(dataset.linked_service.of_kind(Kind.DATABASE), work) as database:
        schema, table = table_of(dataset, database)
        columns = database.table_columns(schema, table)
    if columns is None:
        return _missing(fields, f"{schema}.{table}" if schema else table)
    found = {
        "exists": True,
        "structure": [{"name": column.name, "type": column.adf_type} for column in columns],
        "columnCount": len(columns),
    }
    return {field: found[field] for field in fields}


def _of_path(work: Work, dataset: Dataset, fields: list[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    location = location_of(dataset)
    path = location.path
    if not path.exists():
        return _missing(fields, location.shown)
    if path.is_dir():
        _known(fields, _OF_FOLDERS, dataset, "a folder")
        settings = mapping(properties.get("storeSettings"))
        return {field: _of_folder(field, path, location, settings) for field in fields}
    _known(fields, _OF_FILES, dataset, "a file")
    return {field: _of_file(field, work, dataset, properties, location) for field in fields}


def _of_folder(field: str, path: Path, location: Location, settings: Mapping[str, Any]) -> Any:
    if field == "childItems":
        windowed = bool(settings.get("modifiedDatetimeStart") or settings.get("modifiedDatetimeEnd"))
        return [
            {"name": entry.name, "type": "Folder" if entry.is_dir() else "File"}
            for entry in sorted(path.iterdir())
            if not windowed or (entry.is_file() and in_window(entry, settings))
        ]
    return _of_any(field, path, location, "Folder")


def _of_file(field: str, work: Work, dataset: Dataset, properties: Mapping[str, Any], location: Location) -> Any:
    path = location.path
    if field == "size":
        return path.stat().st_size
    if field == "contentMD5":
        with path.open("rb") as stream:
            return base64.b64encode(hashlib.file_digest(stream, "md5").digest()).decode()  # what Azure stores
    if field in ("structure", "columnCount"):
        columns = _columns(work, dataset, properties, location)
        return len(columns) if field == "columnCount" else columns
    return _of_any(field, path, location, "File")


def _of_any(field: str, path: Path, location: Location, kind: str) -> Any:
    if field == "itemName":
        return path.name
    if field == "itemType":
        return kind
    if field == "exists":
        return True
    if field == "created" and location.store_type not in _FILE_SERVERS:
        raise ActivityError("2011", f"'created' is known of file servers only, not of {location.store_type}.")
    status = path.stat()
    return _moment(status.st_ctime if field == "created" else status.st_mtime)


def _columns(work: Work, dataset: Dataset, properties: Mapping[str, Any], location: Location) -> list[dict[str, str]]:
    kind = formats.format_of(dataset.type, dataset.properties)
    if kind not in (formats.TEXT, formats.PARQUET):
        raise ActivityError("2011", f"'structure' and 'columnCount' are not known of a dataset of type {kind}.")
    file = SourceFile(location.path, _relative(location))
    source = {"formatSettings": mapping(properties.get("formatSettings"))}
    return [
        {"name": column.name, "type": column.adf_type}
        for rows in read_file(work, dataset, source, file, Reading())
        for column in rows.columns
    ]


def _relative(location: Location) -> Any:
    from pathlib import PurePosixPath

    return PurePosixPath(location.path.name)


def _missing(fields: list[str], shown: str) -> dict[str, Any]:
    if "exists" in fields:
        return {"exists": False}
    raise ActivityError(
        "2011", f"The specified file, folder or table does not exist: {shown}. Ask for 'exists' if it may be missing."
    )


def _known(fields: list[str], known: frozenset[str], dataset: Dataset, what: str) -> None:
    wrong = [field for field in fields if field not in known]
    if wrong:
        raise ActivityError(
            "2011",
            f"Field '{wrong[0]}' failed with error: 'it is not known of {what}' ({dataset.name}). Known are: "
            f"{', '.join(sorted(known))}.",
        )
    if not fields:
        raise ActivityError("2011", "fieldList is empty: name what is to be read.")


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

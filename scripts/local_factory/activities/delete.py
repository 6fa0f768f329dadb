"""The Delete activity: https://learn.microsoft.com/azure/data-factory/delete-activity."""

import csv
import uuid
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from bundle.documents import mapping
from local_factory.control_flow import Activity
from local_factory.data.datasets import Dataset, LinkedService, open_dataset, open_linked_service
from local_factory.data.errors import copy_error
from local_factory.data.folders import Location, SourceFile, location_of, source_files
from local_factory.data.stand_ins import Kind
from local_factory.data.work import Work, in_thread
from local_factory.engine import Engine, Frame
from local_factory.runs import ActivityRun


async def run_delete(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Delete a file, the files of a folder or the folder itself, and log what went."""
    properties = frame.evaluate(activity["typeProperties"])
    store = {**mapping(properties.get("storeSettings"))}
    if "recursive" in properties:
        store.setdefault("recursive", properties["recursive"])
    recursive = str(store.get("recursive", False)).lower() == "true"
    store["recursive"] = recursive
    by_wildcard = bool(store.get("wildcardFileName") or store.get("wildcardFolderPath"))
    run.input = {"dataset": properties.get("dataset"), "recursive": recursive, "isWildcardUsed": by_wildcard}
    dataset = open_dataset(mapping(properties.get("dataset")), frame, engine)
    deleted = await in_thread(lambda work: _delete(work, dataset, store, recursive=recursive, by_wildcard=by_wildcard))
    output: dict[str, Any] = {
        "datasetName": dataset.name,
        "path": location_of(dataset).shown,
        "prefix": str(store.get("prefix") or ""),
        "type": dataset.linked_service.type,
        "wildcard": str(store.get("wildcardFileName") or ""),
        "isWildcardUsed": by_wildcard,
        "recursive": recursive,
        "filesDeleted": sum(category == "File" for _, category in deleted),
        "executionDuration": 0,
        "effectiveIntegrationRuntime": "local",
        "durationInQueue": {"integrationRuntimeQueue": 0},
    }
    if str(properties.get("enableLogging", "")).lower() == "true":
        settings = mapping(properties.get("logStorageSettings"))
        service = open_linked_service(mapping(settings.get("linkedServiceName")), frame, engine)
        output["logPath"] = _write_log(service, str(settings.get("path") or ""), run, deleted)
    return output


def _delete(
    work: Work, dataset: Dataset, store: Mapping[str, Any], *, recursive: bool, by_wildcard: bool
) -> list[tuple[str, str]]:
    """Delete, and return (name, File or Folder) of each thing that went."""
    location = location_of(dataset)
    deleted = []
    for file in source_files(location, store, recursive=False):
        work.check()
        _unlink(file)
        deleted.append((_shown(file.path, location), "File"))
    windowed = store.get("modifiedDatetimeStart") or store.get("modifiedDatetimeEnd")
    whole_folder = not location.file and not by_wildcard and not windowed
    if recursive and whole_folder and not store.get("fileListPath") and not store.get("prefix"):
        folder = location.folder_path
        for entry in sorted(folder.rglob("*"), reverse=True):
            if entry.is_dir():
                entry.rmdir()
                deleted.append((_shown(entry, location), "Folder"))
        if folder not in (location.root, location.base):
            folder.rmdir()
            deleted.append((_shown(folder, location), "Folder"))
    return deleted


def _unlink(file: SourceFile) -> None:
    try:
        file.path.unlink()
    except OSError as error:
        raise copy_error("UserErrorFailedFileOperation", f"'{file.relative}' cannot be deleted: {error}") from None


def _shown(path: Path, location: Location) -> str:
    return path.relative_to(location.root).as_posix()


def _write_log(service: LinkedService, path: str, run: ActivityRun, deleted: list[tuple[str, str]]) -> str:
    relative = PurePosixPath(path.strip("/")) / run.activity_name / run.activity_run_id / f"{uuid.uuid4()}.csv"
    root = service.of_kind(Kind.FOLDER).folder
    file = root / relative
    if root not in file.resolve().parents:
        raise copy_error("UserErrorInvalidPath", f"the log's path {path!r} leads out of its folder")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Name", "Category", "Status", "Error"])
        writer.writerows([name, category, "Deleted", ""] for name, category in deleted)
    return relative.as_posix()

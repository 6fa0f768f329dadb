"""The Validation activity: https://learn.microsoft.com/azure/data-factory/control-flow-validation-activity."""

import asyncio
from collections.abc import Mapping
from typing import Any

from bundle.documents import mapping
from local_factory.control_flow import Activity
from local_factory.data.databases import connect
from local_factory.data.datasets import Dataset, open_dataset
from local_factory.data.folders import location_of
from local_factory.data.sql_sources import table_of
from local_factory.data.stand_ins import Kind
from local_factory.data.work import Work, in_thread
from local_factory.durations import timespan_seconds
from local_factory.engine import Engine, Frame
from local_factory.errors import ActivityError
from local_factory.runs import ActivityRun

_TIMEOUT, _SLEEP = "0.12:00:00", 10


async def run_validation(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Look until the dataset is there and fits; fail when that takes longer than the timeout."""
    properties = frame.evaluate(activity["typeProperties"])
    timeout, pause = str(properties.get("timeout") or _TIMEOUT), int(properties.get("sleep") or _SLEEP)
    run.input = {key: properties[key] for key in ("dataset", "minimumSize", "childItems") if key in properties}
    dataset = open_dataset(mapping(properties.get("dataset")), frame, engine)
    look = _table_fits if dataset.is_database else _path_fits
    try:
        async with asyncio.timeout(timespan_seconds(timeout)):
            while not (found := await in_thread(lambda work: look(work, dataset, properties))):
                await engine.sleep(pause)
    except TimeoutError:
        raise ActivityError(
            "Timeout", f"Validation {run.activity_name}: {dataset.name} did not come to fit within {timeout}."
        ) from None
    return found


def _path_fits(_work: Work, dataset: Dataset, properties: Mapping[str, Any]) -> dict[str, Any] | None:
    location = location_of(dataset)
    path = location.path
    if not path.exists():
        return None
    output: dict[str, Any] = {"exists": True, "itemName": path.name, "itemType": "Folder" if path.is_dir() else "File"}
    if path.is_file():
        size = path.stat().st_size
        return {**output, "size": size} if size >= int(properties.get("minimumSize") or 0) else None
    children = properties.get("childItems")
    if children is not None:
        wanted = str(children).lower() == "true"
        if any(path.iterdir()) is not wanted:
            return None
    return output


def _table_fits(work: Work, dataset: Dataset, _properties: Mapping[str, Any]) -> dict[str, Any] | None:
    with connect(dataset.linked_service.of_kind(Kind.DATABASE), work) as database:
        there = database.table_columns(*table_of(dataset, database))
    return {"exists": True} if there is not None else None

"""The Lookup activity: https://learn.microsoft.com/azure/data-factory/control-flow-lookup-activity."""

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any

from bundle.documents import mapping
from local_factory.control_flow import Activity
from local_factory.data.databases import connect
from local_factory.data.datasets import Dataset, open_dataset
from local_factory.data.errors import copy_error
from local_factory.data.json_documents import json_value, objects
from local_factory.data.rows import Reading, batches
from local_factory.data.sources import read_rows
from local_factory.data.sql_sources import answer_of
from local_factory.data.stand_ins import Kind
from local_factory.data.work import Work, in_thread
from local_factory.engine import Engine, Frame
from local_factory.errors import ActivityError
from local_factory.runs import ActivityRun

MOST_ROWS = 5000
MOST_BYTES = 4 * 1024 * 1024


async def run_lookup(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Return the first row, or up to 5,000 rows, of what the dataset and the source mean."""
    properties = frame.evaluate(activity["typeProperties"])
    first_only = str(properties.get("firstRowOnly", True)).lower() != "false"
    source = mapping(properties.get("source"))
    run.input = {"source": source, "dataset": properties.get("dataset"), "firstRowOnly": first_only}
    dataset = open_dataset(mapping(properties.get("dataset")), frame, engine)
    found = await in_thread(lambda work: _rows(work, dataset, source, 1 if first_only else MOST_ROWS))
    if len(json.dumps(found, ensure_ascii=False).encode()) > MOST_BYTES:
        raise ActivityError(
            "2100",
            "The size of the lookup result exceeds the limit of 4 MB. Ask for fewer rows or columns.",
        )
    output: dict[str, Any] = {} if first_only else {"count": len(found), "value": found}
    if first_only and found:
        output = {"firstRow": found[0]}
    return {**output, "effectiveIntegrationRuntime": "local", "durationInQueue": {"integrationRuntimeQueue": 0}}


def _rows(work: Work, dataset: Dataset, source: Mapping[str, Any], most: int) -> list[Any]:
    if dataset.is_database:
        with connect(dataset.linked_service.of_kind(Kind.DATABASE), work) as database:
            answer = answer_of(database, dataset, source)
            if any(column.type == "BLOB" for column in answer.columns):
                raise copy_error(
                    "UserErrorByteArrayNotSupported", "Lookup does not take byte arrays: leave the column out", "Source"
                )
            names = [column.name for column in answer.columns]
            rows = (row for batch in answer.batches for row in batch)
            return list(islice(objects(names, rows), most))
    found: list[Any] = []
    for part in read_rows(work, dataset, source, Reading()):
        if part.documents is not None:
            found += [json_value(document) for document in part.documents[: most - len(found)]]
        elif part.columns:
            names = [column.name for column in part.columns]
            every = (row for batch in batches(work, part.sql) for row in batch)
            found += objects(names, islice(every, most - len(found)))
        if len(found) >= most:
            break
    return found

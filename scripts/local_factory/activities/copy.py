"""The Copy activity: https://learn.microsoft.com/azure/data-factory/copy-activity-overview.

One input, one output. What ADF says becomes a source, a mapping and a sink (`local_factory/data`); DuckDB moves rows.
"""

import csv
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from bundle.documents import items, mapping
from local_factory import clock
from local_factory.activities import copy_properties
from local_factory.control_flow import Activity
from local_factory.data import formats
from local_factory.data.binary import copy_files
from local_factory.data.databases import connect
from local_factory.data.datasets import Dataset, LinkedService, open_dataset, open_linked_service
from local_factory.data.errors import copy_error
from local_factory.data.mappings import Translator, mapped
from local_factory.data.rows import Reading, Rejected
from local_factory.data.sinks import FileSink, Sink, TableSink, Written
from local_factory.data.sources import read_rows
from local_factory.data.stand_ins import Kind
from local_factory.data.work import Work, in_thread
from local_factory.engine import Engine, Frame
from local_factory.runs import ActivityRun, timestamp

_DEFAULT_UNITS = 4


@dataclass
class Result:
    """What a copy did, in the terms of its output."""

    bytes_read: int = 0
    files_read: int = 0
    rows_read: int | None = None
    written: Written = field(default_factory=Written)
    rejected: list[Rejected] = field(default_factory=list)
    files_skipped: int = 0


@dataclass(frozen=True)
class _Copy:
    """A copy with every expression evaluated."""

    name: str
    run_id: str
    source_dataset: Dataset
    sink_dataset: Dataset
    properties: Mapping[str, Any]
    log_service: LinkedService | None
    log_path: str

    @property
    def source(self) -> Mapping[str, Any]:
        return mapping(self.properties.get("source"))

    @property
    def sink(self) -> Mapping[str, Any]:
        return mapping(self.properties.get("sink"))

    @property
    def skips(self) -> bool:
        return str(self.properties.get("enableSkipIncompatibleRow", "")).lower() == "true"


async def run_copy(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Copy what the input dataset means to where the output dataset points."""
    properties = frame.evaluate(activity["typeProperties"])
    run.input = {key: properties[key] for key in ("source", "sink", "translator") if key in properties}
    source = open_dataset(_only(activity, "inputs"), frame, engine)
    sink = open_dataset(_only(activity, "outputs"), frame, engine)
    service, path = _log(properties, frame, engine)
    copy = _Copy(run.activity_name, run.activity_run_id, source, sink, properties, service, path)
    warnings = copy_properties.check(copy.properties)
    started, began = clock.now(), time.monotonic()
    result = await in_thread(lambda work: _copy(work, copy))
    output = _output(copy, result, time.monotonic() - began, timestamp(started))
    return {**output, **({"warnings": warnings} if warnings else {})}


def _only(activity: Activity, key: str) -> Mapping[str, Any]:
    references = items(activity.get(key))
    if len(references) != 1:
        raise copy_error("UserErrorInvalidDatasets", f"a Copy has one entry in {key}, this one has {len(references)}")
    return mapping(references[0])


def _log(properties: Mapping[str, Any], frame: Frame, engine: Engine) -> tuple[LinkedService | None, str]:
    """Return where skipped rows are logged: the linked service and the path, in either generation's form."""
    location = mapping(mapping(properties.get("logSettings")).get("logLocationSettings"))
    location = (
        location
        or mapping(properties.get("redirectIncompatibleRowSettings"))
        or mapping(properties.get("logStorageSettings"))
    )
    reference = location.get("linkedServiceName")
    if not reference:
        return None, ""
    reference = reference if isinstance(reference, Mapping) else {"referenceName": reference}
    return open_linked_service(reference, frame, engine), str(location.get("path") or "")


def _copy(work: Work, copy: _Copy) -> Result:
    source_format = formats.format_of(copy.source_dataset.type, copy.source_dataset.properties)
    sink_format = formats.format_of(copy.sink_dataset.type, copy.sink_dataset.properties)
    if formats.BINARY in (source_format, sink_format):
        if source_format != sink_format:
            raise copy_error(
                "UserErrorBinaryCopyMismatch",
                f"Binary goes to Binary only: {copy.source_dataset.name!r} is {source_format}, "
                f"{copy.sink_dataset.name!r} is {sink_format}",
            )
        moved = copy_files(work, copy.source_dataset, copy.source, copy.sink_dataset, copy.sink)
        return Result(moved.bytes_read, moved.files_read, None, Written(0, moved.files, moved.bytes))
    return _copy_rows(work, copy)


def _copy_rows(work: Work, copy: _Copy) -> Result:
    translator = Translator.of(copy.properties.get("translator"))
    additional = [mapping(entry) for entry in items(copy.source.get("additionalColumns"))]
    reading = Reading(skip_incompatible=copy.skips)
    to_json = formats.format_of(copy.sink_dataset.type, copy.sink_dataset.properties) == formats.JSON
    result = Result(rows_read=0)
    with ExitStack() as stack:
        sink = _sink(work, copy, translator, stack)
        for rows in read_rows(work, copy.source_dataset, copy.source, reading):
            work.check()
            result.bytes_read += rows.bytes_read
            result.files_read += rows.file is not None
            prepared = mapped(work, rows, translator, additional, to_json=to_json)
            sink.write(prepared)
        result.written = sink.finish()
    result.rejected = [*reading.rejected, *result.written.rejected]
    # What was read is what came and what was skipped: to count it apart would be to read it twice.
    result.rows_read = result.written.rows + len(result.rejected)
    return result


def _sink(work: Work, copy: _Copy, translator: Translator, stack: ExitStack) -> Sink:
    dataset = copy.sink_dataset
    if dataset.is_database:
        database = stack.enter_context(connect(dataset.linked_service.of_kind(Kind.DATABASE), work, "Sink"))
        return TableSink(work, database, dataset, copy.sink, translator, skip=copy.skips)
    if dataset.is_address:
        raise copy_error(
            "UserErrorUnsupportedSink", f"a {dataset.type} as sink does not run on this machine: stub it", "Sink"
        )
    return FileSink(work, dataset, copy.sink, translator, skip=copy.skips)


def _output(copy: _Copy, result: Result, seconds: float, started: str | None) -> dict[str, Any]:
    written = result.written
    to_files = not copy.sink_dataset.is_database
    from_files = not copy.source_dataset.is_database
    duration = max(math.ceil(seconds), 1)
    parallel = copy.properties.get("parallelCopies") or 1
    output: dict[str, Any] = {"dataRead": result.bytes_read, "dataWritten": written.bytes}
    if from_files:
        output["filesRead"] = result.files_read
    if to_files:
        output["filesWritten"] = written.files
    if result.rows_read is not None:
        output |= {"rowsRead": result.rows_read, "rowsCopied": written.rows}
        if copy.skips:
            output["rowsSkipped"] = len(result.rejected)
    output |= {"sourcePeakConnections": 1, "sinkPeakConnections": 1, "copyDuration": duration}
    output["throughput"] = round(result.bytes_read / 1024 / duration, 3)
    if copy.log_service:
        output["logFilePath"] = _write_log(copy, result.rejected)
    details = {
        "source": {"type": copy.source_dataset.linked_service.type},
        "sink": {"type": copy.sink_dataset.linked_service.type},
        "status": "Succeeded",
        "start": started,
        "duration": duration,
        "usedDataIntegrationUnits": copy.properties.get("dataIntegrationUnits") or _DEFAULT_UNITS,
        "usedParallelCopies": parallel,
        "detailedDurations": {"queuingDuration": 0, "transferDuration": duration},
    }
    return {
        **output,
        "errors": [],
        "effectiveIntegrationRuntime": "local",
        "usedDataIntegrationUnits": copy.properties.get("dataIntegrationUnits") or _DEFAULT_UNITS,
        "usedParallelCopies": parallel,
        "executionDetails": [details],
        "durationInQueue": {"integrationRuntimeQueue": 0},
    }


def _write_log(copy: _Copy, rejected: Sequence[Rejected]) -> str:
    """Write the rows that were skipped as ADF's log has them, and return the log's path in its store."""
    service = copy.log_service
    assert service  # noqa: S101 - asked for only then
    relative = (
        PurePosixPath(copy.log_path.strip("/")) / "copyactivity-logs" / copy.name / copy.run_id / f"{uuid.uuid4()}.txt"
    )
    root = service.of_kind(Kind.FOLDER).folder
    file = Path(root / relative)
    if root not in file.resolve().parents:
        raise copy_error("UserErrorInvalidPath", f"the log's path {copy.log_path!r} leads out of its folder")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Timestamp", "Level", "OperationName", "OperationItem", "Message"])
        for row in rejected:
            item = ",".join('"' + str(value).replace('"', '""') + '"' for value in row.values)
            writer.writerow([timestamp(clock.now()), "Warning", "TabularRowSkip", item, f"{row.place}: {row.reason}"])
    return relative.as_posix()

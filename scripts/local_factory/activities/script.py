"""The Script and stored procedure activities: SQL in the database that stands in, unchanged.

https://learn.microsoft.com/azure/data-factory/transform-data-using-script and transform-data-using-stored-procedure
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bundle.documents import items, mapping
from local_factory.control_flow import Activity
from local_factory.data.databases import Database, Outcome, connect
from local_factory.data.datasets import open_linked_service
from local_factory.data.json_documents import objects
from local_factory.data.sql_sources import parameter_value, procedure_call
from local_factory.data.stand_ins import Kind, StandIn
from local_factory.data.work import Work, in_thread
from local_factory.engine import Engine, Frame
from local_factory.errors import ActivityError
from local_factory.runs import ActivityRun

_MOST_BYTES = 4 * 1024 * 1024
_MOST_ROWS = 5000


async def run_script(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Run the scripts in their order and return their results as one."""
    properties = frame.evaluate(activity["typeProperties"])
    scripts = [mapping(script) for script in items(properties.get("scripts"))]
    run.input = {"scripts": scripts}
    service = open_linked_service(mapping(activity.get("linkedServiceName")), frame, engine)
    stand_in = service.of_kind(Kind.DATABASE)
    outcomes = await in_thread(lambda work: _run(work, stand_in, scripts))
    return _output(scripts, outcomes)


def _run(work: Work, stand_in: StandIn, scripts: Sequence[Mapping[str, Any]]) -> list[list[Outcome]]:
    with connect(stand_in, work, "Source") as database:
        return [_run_one(database, script) for script in scripts]


def _run_one(database: Database, script: Mapping[str, Any]) -> list[Outcome]:
    text = str(script.get("text") or "")
    parameters = [mapping(parameter) for parameter in items(script.get("parameters"))]
    if any(str(parameter.get("direction") or "Input") != "Input" for parameter in parameters):
        raise ActivityError("2011", "Script: output parameters are known to SQL Server only: return them as rows.")
    if not parameters:
        return database.run_script(text)
    values = {str(parameter.get("name") or "").lstrip("@"): parameter_value(parameter) for parameter in parameters}
    order: list[Any] = []

    def put(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            return match.group()
        order.append(values[name])
        return database.dialect.placeholder

    if database.dialect.placeholder == "%s":
        text = text.replace("%", "%%")
    named = re.sub(r"(?<![@\w])@(\w+)", put, text)
    if not order and "?" in named:  # ODBC's way: by position
        order = list(values.values())
        named = named.replace("?", database.dialect.placeholder)
    return database.run_script(named, order)


def _output(scripts: Sequence[Mapping[str, Any]], outcomes: Sequence[Sequence[Outcome]]) -> dict[str, Any]:
    sets: list[dict[str, Any]] = []
    affected = 0
    truncated = False
    for script, results in zip(scripts, outcomes, strict=True):
        for outcome in results:
            if outcome.names is None or str(script.get("type") or "Query").lower() == "nonquery":
                affected += outcome.affected
                continue
            rows = list(objects(outcome.names, outcome.rows[:_MOST_ROWS]))
            truncated = truncated or len(outcome.rows) > _MOST_ROWS
            while rows and len(json.dumps(rows).encode()) > _MOST_BYTES:
                rows, truncated = rows[: len(rows) // 2], True
            sets.append({"rowCount": len(rows), "rows": rows})
    return {
        "resultSetCount": len(sets),
        "recordsAffected": affected,
        "resultSets": sets,
        "outputParameters": {},
        "outputLogs": "",
        "outputLogsLocation": "",
        "outputTruncated": truncated,
        "effectiveIntegrationRuntime": "local",
        "durationInQueue": {"integrationRuntimeQueue": 0},
    }


async def run_stored_procedure(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Call a procedure with its parameters by name; what it returns is not taken."""
    properties = frame.evaluate(activity["typeProperties"])
    parameters = mapping(properties.get("storedProcedureParameters"))
    name = str(properties.get("storedProcedureName") or "")
    run.input = {"storedProcedureName": name, "storedProcedureParameters": parameters}
    service = open_linked_service(mapping(activity.get("linkedServiceName")), frame, engine)
    stand_in = service.of_kind(Kind.DATABASE)

    def call(work: Work) -> None:
        with connect(stand_in, work) as database:
            sql, values = procedure_call(name, parameters, database.dialect, rows_wanted=False)
            database.execute(sql, values)

    await in_thread(call)
    return {
        "effectiveIntegrationRuntime": "local",
        "executionDuration": 0,
        "durationInQueue": {"integrationRuntimeQueue": 0},
    }

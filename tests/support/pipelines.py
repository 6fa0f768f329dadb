"""Builders of small factories for the tests of the engine: activities as ADF writes them."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from bundle.resources import Resource, ResourceKey
from local_factory.engine import NotebookRequest, NotebookResult
from local_factory.errors import ActivityError
from local_factory.factory import Factory
from local_factory.runs import ActivityRun, PipelineRun

Json = Mapping[str, Any]


class ScriptedNotebooks:
    """Notebooks that end as told, by path: a value is the run's output, an ActivityError its failure, in turn."""

    def __init__(self, **outcomes: Any) -> None:
        self.requests: list[NotebookRequest] = []
        self._outcomes = {path: list(ends) if isinstance(ends, list) else [ends] for path, ends in outcomes.items()}

    async def run(self, request: NotebookRequest) -> NotebookResult:
        self.requests.append(request)
        ends = self._outcomes[request.notebook_path]
        end = ends.pop(0) if len(ends) > 1 else ends[0]
        if isinstance(end, ActivityError):
            return NotebookResult({"runPageUrl": "page"}, end)
        if isinstance(end, asyncio.Event):
            await end.wait()
        return NotebookResult({"runPageUrl": "page", "runOutput": end})


def activity(name: str, kind: str, *after: Any, **fields: Any) -> dict[str, Any]:
    """An activity after others: each a name (it must succeed) or a pair of name and conditions."""
    depends_on = [
        {"activity": entry, "dependencyConditions": ["Succeeded"]}
        if isinstance(entry, str)
        else {"activity": entry[0], "dependencyConditions": list(entry[1:])}
        for entry in after
    ]
    outer = {key: fields.pop(key) for key in ("policy", "state", "onInactiveMarkAs") if key in fields}
    return {"name": name, "type": kind, "dependsOn": depends_on, "typeProperties": fields, **outer}


def succeed(name: str, *after: Any, **fields: Any) -> dict[str, Any]:
    return activity(name, "Wait", *after, waitTimeInSeconds=0, **fields)


def fail(name: str, *after: Any, message: Any = "broken", **fields: Any) -> dict[str, Any]:
    return activity(name, "Fail", *after, message=message, errorCode="E1", **fields)


def set_variable(name: str, variable: str, value: Any, *after: Any) -> dict[str, Any]:
    return activity(name, "SetVariable", *after, variableName=variable, value=value)


def notebook(name: str, path: str, *after: Any, parameters: Json | None = None, **fields: Any) -> dict[str, Any]:
    properties = {"notebookPath": path, **({"baseParameters": parameters} if parameters else {})}
    return {
        **activity(name, "DatabricksNotebook", *after, **properties, **fields),
        "linkedServiceName": {"referenceName": "Databricks", "type": "LinkedServiceReference"},
    }


def expression(text: str) -> dict[str, str]:
    return {"value": text, "type": "Expression"}


def resource(kind: str, name: str, properties: Json) -> Resource:
    document = {"name": name, "properties": properties}
    path = Path("adf") / kind / f"{name}.json"
    return Resource(ResourceKey(kind, name), path, json.dumps(document).encode(), document)


def pipeline(name: str, activities: Sequence[Json], **properties: Any) -> Resource:
    return resource("pipeline", name, {"activities": activities, **properties})


DATABRICKS = resource(
    "linkedService",
    "Databricks",
    {"type": "AzureDatabricks", "typeProperties": {"newClusterSparkEnvVars": {"SECRET_SCOPE": "app"}}},
)


async def no_sleep(_seconds: float) -> None:
    await asyncio.sleep(0)


def run_all(
    pipelines: Sequence[Resource],
    parameters: Json | None = None,
    notebooks: ScriptedNotebooks | None = None,
    **options: Any,
) -> list[PipelineRun]:
    """Run the first of the pipelines, and give every run: the first one's, then those it started."""

    async def execute() -> list[PipelineRun]:
        resources = {entry.key: entry for entry in [*pipelines, DATABRICKS]}
        async with httpx.AsyncClient() as http:
            factory = Factory(resources, notebooks or ScriptedNotebooks(), http, **{"sleep": no_sleep, **options})
            await factory.run_pipeline(pipelines[0].name, parameters or {})
            await factory.wait_for_all()
        return factory.runs

    return asyncio.run(execute())


def run(activities: Sequence[Json], given: Json | None = None, **properties: Any) -> PipelineRun:
    """Run one pipeline made of these activities."""
    options = {key: properties.pop(key) for key in ("notebooks", "sleep", "listener") if key in properties}
    return run_all([pipeline("PL", activities, **properties)], given, **options)[0]


def statuses(pipeline_run: PipelineRun) -> dict[str, str]:
    """The last status of every activity by name."""
    return {entry.activity_name: str(entry.status) for entry in pipeline_run.activity_runs}


def activity_runs(pipeline_run: PipelineRun, name: str) -> list[ActivityRun]:
    return [entry for entry in pipeline_run.activity_runs if entry.activity_name == name]

"""Databricks beside notebooks: Python files, and jobs whose notebook and Python tasks run here.

A job is not in the factory's JSON: its settings, as `databricks jobs get ID` prints them, stand in `jobs/ID.json` of
the notebooks' folder.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from bundle.documents import items, mapping, text
from local_factory.clock import real_work
from local_factory.control_flow import Activity
from local_factory.data.datasets import open_linked_service
from local_factory.engine import Engine, Frame, NotebookRequest, NotebookResult
from local_factory.errors import ActivityError
from local_factory.runs import ActivityRun

_FAILED = "3204"
_JOB_PARAMETER = re.compile(r"\{\{\s*job\.parameters\.(?:\[?['\"]?)([\w.-]+?)(?:['\"]?\]?)\s*\}\}")
_RUN_IF = ("ALL_SUCCESS", "ALL_DONE")


async def run_spark_python(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Run a Python file on the cluster; its parameters are its command line."""
    properties = frame.evaluate(activity["typeProperties"])
    file, parameters = str(properties["pythonFile"]), [_as_text(value) for value in properties.get("parameters") or ()]
    run.input = {"pythonFile": file, "parameters": parameters}
    result = await _run(file, {}, parameters, run=run, environment=_environment(activity, frame, engine), engine=engine)
    run.output = result.output
    if result.error:
        raise result.error
    return result.output


@dataclass(frozen=True)
class _Task:
    key: str
    path: str
    parameters: Mapping[str, str]
    arguments: Sequence[str] | None
    after: tuple[str, ...]
    run_if: str


async def run_job(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Run a job's tasks in the order of their dependencies; it fails when a task does."""
    properties = frame.evaluate(activity["typeProperties"])
    job_id = str(properties["jobId"])
    given = {key: _as_text(value) for key, value in mapping(properties.get("jobParameters")).items()}
    run.input = {"jobId": job_id, "jobParameters": given}
    document = await engine.notebooks.job(job_id)
    settings = mapping(document.get("settings")) or document
    declared = {text(entry.get("name")): _as_text(entry.get("default")) for entry in items(settings.get("parameters"))}
    tasks = _tasks(job_id, settings, {**declared, **given})
    environment = _environment(activity, frame, engine)
    ended: dict[str, bool] = {}
    output: dict[str, Any] = {}
    failure: ActivityError | None = None
    for task in _ordered(job_id, tasks):
        if task.run_if == "ALL_SUCCESS" and not all(ended[key] for key in task.after):
            ended[task.key] = False
            continue
        result = await _run(
            task.path,
            task.parameters,
            task.arguments,
            run=run,
            environment=environment,
            engine=engine,
            task=task.key,
        )
        ended[task.key] = result.error is None
        output = {key: value for key, value in result.output.items() if key != "runOutput"}
        failure = failure or result.error
    run.output = {**output, "jobId": job_id}
    if failure:
        raise failure
    return run.output


def _tasks(job_id: str, settings: Mapping[str, Any], parameters: Mapping[str, str]) -> list[_Task]:
    tasks = []
    for entry in items(settings.get("tasks")):
        key, notebook, python = text(entry.get("task_key")), entry.get("notebook_task"), entry.get("spark_python_task")
        run_if = text(entry.get("run_if")) or "ALL_SUCCESS"
        if not (notebook or python) or run_if not in _RUN_IF:
            kinds = ", ".join(name for name in entry if name.endswith("_task")) or "no task"
            what = f"run_if {run_if}" if notebook or python else kinds
            raise ActivityError(
                _FAILED, f"job {job_id}: task {key!r} ({what}) does not run on this machine: stub the activity."
            )
        own = {
            name: _filled(value, parameters)
            for name, value in mapping(mapping(notebook).get("base_parameters")).items()
        }
        arguments = [_filled(value, parameters) for value in items(mapping(python).get("parameters"))]
        path = text(mapping(notebook).get("notebook_path")) or text(mapping(python).get("python_file"))
        after = tuple(text(mapping(one).get("task_key")) for one in items(entry.get("depends_on")))
        tasks.append(
            _Task(key, path, {**own, **parameters} if notebook else {}, None if notebook else arguments, after, run_if)
        )
    return tasks


def _ordered(job_id: str, tasks: Sequence[_Task]) -> list[_Task]:
    by_key = {task.key: task for task in tasks}
    try:
        order = list(TopologicalSorter({task.key: task.after for task in tasks}).static_order())
        return [by_key[key] for key in order]
    except (CycleError, KeyError) as error:
        raise ActivityError(_FAILED, f"job {job_id}: depends_on leads nowhere or in a circle: {error}.") from None


def _filled(value: Any, parameters: Mapping[str, str]) -> str:
    return _JOB_PARAMETER.sub(lambda found: parameters.get(found.group(1), found.group()), _as_text(value))


def _environment(activity: Activity, frame: Frame, engine: Engine) -> Mapping[str, str]:
    service = open_linked_service(mapping(activity.get("linkedServiceName")), frame, engine)
    return mapping(service.properties.get("newClusterSparkEnvVars"))


async def _run(
    path: str,
    parameters: Mapping[str, str],
    arguments: Sequence[str] | None,
    *,
    run: ActivityRun,
    environment: Mapping[str, str],
    engine: Engine,
    task: str = "",
) -> NotebookResult:
    request = NotebookRequest(
        notebook_path=path,
        parameters=parameters,
        environment=environment,
        run_id=f"{run.activity_run_id}-{task}" if task else run.activity_run_id,
        title=" / ".join(part for part in (run.pipeline_name, run.activity_name, task) if part),
        secure_input=run.secure_input,
        secure_output=run.secure_output,
        arguments=arguments,
    )
    with real_work():
        return await engine.notebooks.run(request)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

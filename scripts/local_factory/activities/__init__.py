"""What each type of activity does. An activity's function gives its output and notes its input on the run.

Every function takes the activity's JSON, its run, the frame that its expressions see and the engine that runs it; it
raises ActivityError or ExpressionError to fail. Those that work on data are imported when one of them first runs.
"""

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Any

from local_factory.activities.execution import run_notebook, run_web
from local_factory.activities.flow import (
    run_execute_pipeline,
    run_fail,
    run_filter,
    run_foreach,
    run_if,
    run_switch,
    run_until,
    run_wait,
)
from local_factory.activities.variables import run_append_variable, run_set_variable

Run = Callable[..., Awaitable[Any]]


def _later(module: str, function: str) -> Run:
    async def run(*arguments: Any) -> Any:
        output = await getattr(import_module(f"local_factory.activities.{module}"), function)(*arguments)
        return _warned(arguments[0], output)

    return run


# What these activities heed of their `typeProperties`; Copy says the same of each of its parts.
_HEEDED: Mapping[str, frozenset[str]] = {
    "DatabricksJob": frozenset({"jobId", "jobParameters"}),
    "DatabricksSparkPython": frozenset({"pythonFile", "parameters"}),
    "Delete": frozenset({"dataset", "enableLogging", "logStorageSettings", "recursive", "storeSettings"}),
    "GetMetadata": frozenset({"dataset", "fieldList", "storeSettings", "formatSettings"}),
    "Lookup": frozenset({"source", "dataset", "firstRowOnly"}),
    "Script": frozenset({"scripts"}),
    "SqlServerStoredProcedure": frozenset({"storedProcedureName", "storedProcedureParameters"}),
    "Validation": frozenset({"dataset", "timeout", "sleep", "minimumSize", "childItems"}),
}


def _warned(activity: Mapping[str, Any], output: Any) -> Any:
    """Return the output with a line for each property that has no effect here: none passes in silence."""
    heeded = _HEEDED.get(activity["type"])
    given = activity.get("typeProperties") or {}
    ignored = [key for key, value in given.items() if value not in (None, "", [], {})] if heeded else []
    warnings = [f"{key} has no effect on this machine" for key in ignored if heeded and key not in heeded]
    return {**output, "warnings": warnings} if warnings and isinstance(output, dict) else output


def load_data_activities() -> None:
    """Import what the activities on stand-ins need, so that the first of them does not wait for it."""
    import duckdb

    import_module("local_factory.activities.copy")
    duckdb.connect().close()


# Activities that work on what stands in for their datasets' and their own linked services.
_ON_STAND_INS: Mapping[str, Run] = {
    "AzureFunctionActivity": _later("azure_function", "run_azure_function"),
    "Copy": _later("copy", "run_copy"),
    "Delete": _later("delete", "run_delete"),
    "GetMetadata": _later("get_metadata", "run_get_metadata"),
    "Lookup": _later("lookup", "run_lookup"),
    "Script": _later("script", "run_script"),
    "SqlServerStoredProcedure": _later("script", "run_stored_procedure"),
    "Validation": _later("validation", "run_validation"),
}
USE_STAND_INS = frozenset(_ON_STAND_INS)

ACTIVITIES: Mapping[str, Run] = {
    **_ON_STAND_INS,
    "DatabricksJob": _later("databricks", "run_job"),
    "DatabricksNotebook": run_notebook,
    "DatabricksSparkPython": _later("databricks", "run_spark_python"),
    "WebActivity": run_web,
    "WebHook": _later("web_hook", "run_web_hook"),
    "IfCondition": run_if,
    "Switch": run_switch,
    "ForEach": run_foreach,
    "Until": run_until,
    "Filter": run_filter,
    "ExecutePipeline": run_execute_pipeline,
    "Fail": run_fail,
    "Wait": run_wait,
    "SetVariable": run_set_variable,
    "AppendVariable": run_append_variable,
}

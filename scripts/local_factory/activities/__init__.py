"""What each type of activity does. An activity's function gives its output and notes its input on the run.

Every function takes the activity's JSON, its run, the frame that its expressions see and the engine that runs it; it
raises ActivityError or ExpressionError to fail.
"""

from collections.abc import Awaitable, Callable, Mapping
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

ACTIVITIES: Mapping[str, Callable[..., Awaitable[Any]]] = {
    "DatabricksNotebook": run_notebook,
    "WebActivity": run_web,
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

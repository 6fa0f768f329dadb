"""What each type of activity does. An activity's function gives its output and notes its input on the run.

Every function takes the activity's JSON, its run, the frame that its expressions see and the engine that runs it; it
raises ActivityError or ExpressionError to fail.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bundle.activities import Activity
from bundle.bundle import Bundle, notebook_path
from bundle.documents import mapping, text
from bundle.errors import NotebookNotFoundError
from bundle.notebooks import OTHER_SUFFIXES, find_notebook
from local_factory.activities.execution import WEB_SIGN_INS, run_notebook, run_web
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

# Activities that work on what stands in for their datasets' and their own linked services.
USE_STAND_INS: frozenset[str] = frozenset()


def unsupported_reason(bundle: Bundle, activity: Activity) -> str:
    """Return why an activity of a type that runs here cannot run here all the same; empty when it can."""
    sign_in = text(mapping(activity.type_properties.get("authentication")).get("type"))
    if activity.type == "WebActivity" and sign_in and sign_in not in WEB_SIGN_INS:
        return f"authentication {sign_in!r} does not work from this machine"
    if path := notebook_path(activity):
        return _unsupported_notebook(path, bundle.notebooks_root)
    return ""


def _unsupported_notebook(path: str, root: Path) -> str:
    with suppress(NotebookNotFoundError):
        find_notebook(path, root)
        return ""
    with suppress(NotebookNotFoundError):
        return f"{find_notebook(path, root, OTHER_SUFFIXES)}: only notebooks in Python (.py) run on this machine"
    return f"no notebook {path!r} under {root}"

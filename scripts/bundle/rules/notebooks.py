"""Pipelines and notebooks: what the one world calls is there in the other, and what it answers is looked at."""

import operator
from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from bundle.activities import Activity
from bundle.bundle import Bundle, Pipeline, notebook_path
from bundle.documents import child_path, items, mapping, text
from bundle.errors import NotebookNotFoundError
from bundle.expressions import Call, Expression, Literal, calls, references
from bundle.findings import Problem
from bundle.notebook_source import NotebookSource
from bundle.notebooks import OTHER_SUFFIXES, find_notebook
from bundle.wording import did_you_mean


def notebook_readable(bundle: Bundle) -> Iterator[Problem]:
    """A notebook, and a module beside it, is UTF-8."""
    for source in bundle.notebooks.values():
        for line, reason in source.errors if not source.text else ():
            yield Problem(source.path, f"line {line}", reason)


def notebook_source(bundle: Bundle) -> Iterator[Problem]:
    """The Python of a notebook, and of a module beside it, parses, and what it includes with `%run` is there."""
    for source in bundle.notebooks.values():
        for line, reason in source.errors if source.text else ():
            yield Problem(source.path, f"line {line}", reason)
        for line, target in source.runs.items():
            if bundle.run_target(source, target) is None:
                yield Problem(source.path, f"line {line}", f"%run {target}: no such notebook")


def notebook_exists(bundle: Bundle) -> Iterator[Problem]:
    """A `notebookPath` starts with a slash and names a notebook of the bundle, in any language that notebooks have.

    Nothing is said of a bundle without notebooks: they are kept elsewhere then, as one that is not found may be.
    """
    has_notebooks = any(source.is_notebook for source in bundle.notebooks.values())
    for pipeline, activity in _notebook_activities(bundle) if has_notebooks else ():
        path, place = notebook_path(activity), child_path(activity.type_properties_path, "notebookPath")
        if not path:
            continue
        try:
            file = find_notebook(path, bundle.notebooks_root, (".py", *OTHER_SUFFIXES))
        except NotebookNotFoundError:
            names = {source.path.stem: source for source in bundle.notebooks.values() if source.is_notebook}
            hint = did_you_mean(path.rpartition("/")[2], names)
            yield Problem(pipeline.resource.path, place, f"no notebook {path!r} under {bundle.notebooks_root}{hint}")
            continue
        source = bundle.notebooks.get(file)
        if source and not source.is_notebook and not source.errors:
            message = f"{file} is no notebook: its first line must be '# Databricks notebook source'"
            yield Problem(pipeline.resource.path, place, message)
        elif not path.startswith("/"):
            yield Problem(pipeline.resource.path, place, f"{path!r} must start with a slash: it is a workspace path")


def notebook_parameter(bundle: Bundle) -> Iterator[Problem]:
    """Every base parameter is a widget that the notebook declares, or reads. Databricks ignores others."""
    for pipeline, activity in _notebook_activities(bundle):
        sources = _sources(bundle, activity)
        if not sources or not all(
            source.declared_widgets.complete and source.read_widgets.complete for source in sources
        ):
            continue
        known = {name for source in sources for name in (*source.declared_widgets.lines, *source.read_widgets.lines)}
        for name in _base_parameters(activity):
            if name not in known:
                path = child_path(child_path(activity.type_properties_path, "baseParameters"), name)
                message = f"{sources[0].path} has no widget {name!r}{did_you_mean(name, known)}"
                yield Problem(pipeline.resource.path, path, message)


def widget_given(bundle: Bundle) -> Iterator[Problem]:
    """A widget that a notebook reads and does not declare is a base parameter: `dbutils.widgets.get` fails else."""
    for pipeline, activity in _notebook_activities(bundle):
        sources = _sources(bundle, activity)
        if not all(source.declared_widgets.complete for source in sources):
            continue
        declared = {name for source in sources for name in source.declared_widgets.lines}
        for source in sources:
            for name, line in source.read_widgets.lines.items():
                if name not in declared and name not in _base_parameters(activity):
                    message = f"{source.path} line {line} reads the widget {name!r}, which it does not declare: pass it"
                    yield Problem(pipeline.resource.path, activity.type_properties_path, message)


def notebook_unused(bundle: Bundle) -> Iterator[Problem]:
    """Every notebook is run by a pipeline, or included by one that is.

    Nothing is said where that cannot be told: a pipeline cannot be read, or a path is an expression or leads nowhere.
    """
    activities = [activity for _, activity in _notebook_activities(bundle)]
    if bundle.unreadable or not all(_sources(bundle, activity) for activity in activities):
        return
    used = {source.path for activity in activities for source in _sources(bundle, activity)}
    for source in bundle.notebooks.values():
        if source.is_notebook and source.path not in used:
            yield Problem(source.path, "line 1", "no pipeline runs this notebook")


def failure_value(bundle: Bundle) -> Iterator[Problem]:
    """The pipeline looks at a negative value that a notebook may exit with, its way to say that it failed.

    Data Factory counts `dbutils.notebook.exit("-1")` as a success; no alert sees it. So where a notebook's source says
    that it may exit with a negative number (`bundle.notebook_source` on how that is found), the pipeline must have an
    expression that tells this number from every count: a comparison of `activity('X').output.runOutput` with a literal,
    whose answer for that number differs from its answer for 0 and all above; or a Switch on runOutput with that number
    as a case. `less(int(...runOutput), 0)` and `equals(...runOutput, '-1')` do. `greater(int(...runOutput), 600)` does
    not: it says the same for -1 as for 0.
    """
    for pipeline, activity in _notebook_activities(bundle):
        for source in _sources(bundle, activity):
            unseen = [value for value in source.failure_values if not _is_told_apart(value, activity, pipeline)]
            if unseen:
                message = (
                    f"{source.path} may exit with {', '.join(unseen)}, which counts as a success: compare "
                    f"activity('{activity.name}').output.runOutput with it, as in less(int(...), 0)"
                )
                yield Problem(pipeline.resource.path, activity.path, message)


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "equals": operator.eq,
    "greater": operator.gt,
    "greaterorequals": operator.ge,
    "less": operator.lt,
    "lessorequals": operator.le,
}
# Stand for every count: what holds for the least, one more and a large one holds for all between.
_COUNTS = (0.0, 1.0, 1e15)


def _is_told_apart(value: str, activity: Activity, pipeline: Pipeline) -> bool:
    failure = float(value)
    trees = (placed.tree for placed in pipeline.expressions if placed.tree)
    if any(_compares(call, activity.name, failure) for call in chain.from_iterable(map(calls, trees))):
        return True
    return any(_has_case(switch, activity.name, failure, pipeline) for switch in pipeline.activities)


def _compares(call: Call, name: str, failure: float) -> bool:
    compare = _COMPARISONS.get(call.function.casefold())
    if compare is None or len(call.arguments) != 2:  # noqa: PLR2004 - the two sides of a comparison
        return False
    left, right = call.arguments
    if _reads_output(left, name) and (bound := _number(right)) is not None:
        return all(compare(failure, bound) != compare(count, bound) for count in _COUNTS)
    if _reads_output(right, name) and (bound := _number(left)) is not None:
        return all(compare(bound, failure) != compare(bound, count) for count in _COUNTS)
    return False


def _has_case(switch: Activity, name: str, failure: float, pipeline: Pipeline) -> bool:
    if switch.type != "Switch":
        return False
    path = child_path(switch.type_properties_path, "on")
    on = [placed.tree for placed in pipeline.expressions if placed.activity == switch and placed.path.startswith(path)]
    cases = [text(mapping(case).get("value")) for case in items(switch.type_properties.get("cases"))]
    return any(tree and _reads_output(tree, name) for tree in on) and any(
        _number(Literal(case)) == failure for case in cases
    )


def _reads_output(expression: Expression, name: str) -> bool:
    return any(
        reference.context == "activity"
        and reference.name is not None
        and reference.name.casefold() == name.casefold()
        and [str(part).casefold() for part in reference.path[:2]] == ["output", "runoutput"]
        for reference in references(expression)
    )


def _number(expression: Expression) -> float | None:
    """Return the number that a literal is or spells."""
    if not isinstance(expression, Literal) or isinstance(expression.value, bool | None):
        return None
    try:
        return float(expression.value)
    except ValueError:
        return None


def _notebook_activities(bundle: Bundle) -> Iterator[tuple[Pipeline, Activity]]:
    for pipeline in bundle.pipelines:
        for activity in pipeline.activities:
            if activity.type == "DatabricksNotebook":
                yield pipeline, activity


def _sources(bundle: Bundle, activity: Activity) -> tuple[NotebookSource, ...]:
    """Return the notebook an activity runs and those it includes; nothing when it is not in the bundle."""
    source = bundle.notebook_of(activity)
    return bundle.included(source) if source else ()


def _base_parameters(activity: Activity) -> Mapping[str, object]:
    return mapping(activity.type_properties.get("baseParameters"))

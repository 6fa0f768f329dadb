"""A bundle as read from disk for checking: what could be read, and what could not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bundle.activities import Activity, ActivityList, all_activities, pipeline_activities, upstream
from bundle.documents import child_path, mapping, text
from bundle.errors import ExpressionSyntaxError, NotebookNotFoundError, ResourceFileError
from bundle.expressions import Expression, find_expressions, is_dynamic, parse
from bundle.notebook_source import NotebookSource, read_notebooks
from bundle.notebooks import find_notebook
from bundle.resources import KINDS, Resource, ResourceKey, read_resources
from bundle.sources import Sources, check_sources, runbook_secrets

# Texts of people for people: an `@` in them is none of the expression language's. Defaults are taken as they are, too.
_NOT_EVALUATED = frozenset({"name", "description", "annotations", "folder", "parameters"})

_VARIABLES = "$.properties.variables"


@dataclass(frozen=True)
class PlacedExpression:
    """An expression of an object: where it stands, what it says, and how it reads; None when it does not parse.

    Attributes:
        resource: the object.
        path: the JSON path in its file.
        text: the whole text of the JSON string.
        tree: the parsed expression.
        error: why it does not parse, empty when it does.
        activity: the activity it belongs to, the innermost one, in a pipeline.
    """

    resource: Resource
    path: str
    text: str
    tree: Expression | None
    error: str
    activity: Activity | None = None


@dataclass(frozen=True)
class Pipeline:
    """A pipeline with its activities taken apart."""

    resource: Resource
    top: ActivityList

    @cached_property
    def activities(self) -> tuple[Activity, ...]:
        """Every activity, inner ones too."""
        return tuple(all_activities(self.top))

    @cached_property
    def upstream(self) -> Mapping[str, frozenset[str]]:
        """By an activity's JSON path: the folded names of the activities its expressions can see."""
        return upstream(self.top)

    @cached_property
    def expressions(self) -> tuple[PlacedExpression, ...]:
        """Every expression of the activities, and of the variables' defaults: those are evaluated as a run starts."""
        variables = mapping(self.resource.properties.get("variables"))
        defaults = {name: mapping(declared).get("defaultValue") for name, declared in variables.items()}
        return (
            *(
                placed
                for name, default in defaults.items()
                for placed in _placed(self.resource, default, f"{child_path(_VARIABLES, name)}.defaultValue")
            ),
            *(
                placed
                for activity in self.activities
                for placed in _expressions(self.resource, activity.own_document(), activity.path, activity)
            ),
        )

    def is_inactive(self, path: str) -> bool:
        """Say whether a place in the pipeline's file is in an activity that is switched off."""
        return path in self._inactive or path.startswith(tuple(f"{off}{end}" for off in self._inactive for end in ".["))

    @cached_property
    def _inactive(self) -> tuple[str, ...]:
        return tuple(activity.path for activity in self.activities if activity.is_inactive)


@dataclass(frozen=True)
class Bundle:
    """All there is to check.

    Attributes:
        resources: the factory objects that could be read.
        unreadable: for each file that could not, why.
        strangers: files of folders that are no kind of factory object.
        notebooks_root: the folder of the notebooks.
        notebooks: by file, what the notebooks' and modules' sources say.
    """

    resources: Mapping[ResourceKey, Resource]
    unreadable: Mapping[Path, ResourceFileError]
    strangers: tuple[Path, ...]
    notebooks_root: Path
    notebooks: Mapping[Path, NotebookSource]

    @cached_property
    def sources(self) -> Sources:
        """What the notebooks' own check finds in their sources."""
        return check_sources(self.notebooks_root)

    @property
    def dashboards(self) -> Path:
        """The folder of the dashboards, which need not be there: beside the notebooks' one."""
        return self.notebooks_root.resolve().parent / "infra" / "dashboards"

    @cached_property
    def runbook_secrets(self) -> frozenset[str] | None:
        """The secrets that the runbook lists, None where there is no such list."""
        return runbook_secrets(self.notebooks_root)

    @cached_property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The pipelines with their activities."""
        return tuple(Pipeline(resource, pipeline_activities(resource.properties)) for resource in self.of("pipeline"))

    @cached_property
    def expressions(self) -> tuple[PlacedExpression, ...]:
        """Every expression of pipelines, triggers, datasets and linked services."""
        others = (resource for kind in ("trigger", "dataset", "linkedService") for resource in self.of(kind))
        return (
            *(placed for pipeline in self.pipelines for placed in pipeline.expressions),
            *(placed for item in others for placed in _expressions(item, item.properties, "$.properties")),
        )

    def of(self, kind: str) -> Iterator[Resource]:
        """Yield the objects of one kind."""
        return (resource for key, resource in self.resources.items() if key.kind == kind)

    @cached_property
    def unread(self) -> Mapping[ResourceKey, ResourceFileError]:
        """Why an object could not be read, by the key that its file's name gives it."""
        errors = {ResourceKey(path.parent.name, path.stem): error for path, error in self.unreadable.items()}
        return {key: error for key, error in errors.items() if key not in self.resources}

    def names(self, kind: str) -> list[str]:
        """Return the names of one kind, also of files that could not be read: they are there, if wrong."""
        return [key.name for key in (*self.resources, *self.unread) if key.kind == kind]

    def knows(self, key: ResourceKey) -> bool:
        """Say whether the bundle has a file for an object, readable or not."""
        return key in self.resources or key in self.unread

    def run_target(self, source: NotebookSource, target: str) -> NotebookSource | None:
        """Return the notebook that `%run target` in another includes; None when the bundle has none such."""
        if target.startswith("/"):
            return self._notebook(target)
        return self._resolved.get((source.path.parent / f"{target}.py").resolve())

    def included(self, source: NotebookSource) -> tuple[NotebookSource, ...]:
        """Return a notebook and those it includes with `%run`, themselves and through others."""
        found = {source.path: source}
        pending = [source]
        while pending:
            current = pending.pop()
            for target in current.runs.values():
                included = self.run_target(current, target)
                if included and included.path not in found:
                    found[included.path] = included
                    pending.append(included)
        return tuple(found.values())

    def notebook_of(self, activity: Activity) -> NotebookSource | None:
        """Return the source of the notebook an activity runs; None when it runs none that is in the bundle."""
        return self._notebook(notebook_path(activity)) if notebook_path(activity) else None

    @cached_property
    def _resolved(self) -> Mapping[Path, NotebookSource]:
        return {path.resolve(): source for path, source in self.notebooks.items()}

    def _notebook(self, path: str) -> NotebookSource | None:
        try:
            return self.notebooks.get(find_notebook(path, self.notebooks_root))
        except NotebookNotFoundError:
            return None


def notebook_path(activity: Activity) -> str:
    """Return the path of the notebook an activity runs; empty for any other activity, and for an expression."""
    path = text(activity.type_properties.get("notebookPath"))
    return path if activity.type == "DatabricksNotebook" and not is_dynamic(path) else ""


def read_bundle(adf: Path, notebooks: Path) -> Bundle:
    """Read a factory's Git root and the notebooks' folder, as far as that goes.

    Raises:
        ResourceError: `adf` is no folder, or holds no factory objects.
    """
    resources, unreadable = read_resources(adf)
    strangers = sorted(path for path in adf.glob("*/*.json") if path.parent.name not in KINDS)
    return Bundle(resources, unreadable, tuple(strangers), notebooks, read_notebooks(notebooks))


def _expressions(
    resource: Resource, document: Mapping[str, Any], path: str, activity: Activity | None = None
) -> Iterator[PlacedExpression]:
    evaluated = {key: value for key, value in document.items() if key not in _NOT_EVALUATED}
    return _placed(resource, evaluated, path, activity)


def _placed(
    resource: Resource, value: object, path: str, activity: Activity | None = None
) -> Iterator[PlacedExpression]:
    for occurrence in find_expressions(value, path):
        try:
            tree, error = parse(occurrence.text), ""
        except ExpressionSyntaxError as problem:
            tree, error = None, str(problem)
        yield PlacedExpression(resource, occurrence.path, occurrence.text, tree, error, activity)

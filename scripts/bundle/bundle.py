"""A bundle as read from disk for checking: what could be read, and what could not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bundle.activities import Activity, ActivityList, all_activities, pipeline_activities, upstream
from bundle.documents import text
from bundle.errors import NotebookNotFoundError, ResourceFileError
from bundle.notebook_source import NotebookSource, read_notebooks
from bundle.notebooks import find_notebook
from bundle.resources import KINDS, Resource, ResourceKey, read_resource, resource_files


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


@dataclass(frozen=True)
class Bundle:
    """All there is to check.

    Attributes:
        resources: the factory objects that could be read.
        unreadable: for each file that could not, its kind and why.
        strangers: files of folders that are no kind of factory object.
        notebooks_root: the folder of the notebooks.
        notebooks: by file, what the notebooks' and modules' sources say.
    """

    resources: Mapping[ResourceKey, Resource]
    unreadable: Mapping[ResourceKey, ResourceFileError]
    strangers: tuple[Path, ...]
    notebooks_root: Path
    notebooks: Mapping[Path, NotebookSource]

    @cached_property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The pipelines with their activities."""
        return tuple(Pipeline(resource, pipeline_activities(resource.properties)) for resource in self.of("pipeline"))

    def of(self, kind: str) -> Iterator[Resource]:
        """Yield the objects of one kind."""
        return (resource for key, resource in self.resources.items() if key.kind == kind)

    def names(self, kind: str) -> list[str]:
        """Return the names of one kind, also of files that could not be read: they are there, if wrong."""
        return [key.name for key in (*self.resources, *self.unreadable) if key.kind == kind]

    def knows(self, key: ResourceKey) -> bool:
        """Say whether the bundle has a file for an object, readable or not."""
        return key in self.resources or key in self.unreadable

    def notebook_of(self, activity: Activity) -> NotebookSource | None:
        """Return the source of the notebook an activity runs; None when it runs none that is in the bundle."""
        path = text(activity.type_properties.get("notebookPath"))
        if activity.type != "DatabricksNotebook" or not path:
            return None
        try:
            return self.notebooks.get(find_notebook(path, self.notebooks_root))
        except NotebookNotFoundError:
            return None


def read_bundle(adf: Path, notebooks: Path) -> Bundle:
    """Read a factory's Git root and the notebooks' folder, as far as that goes.

    Raises:
        ResourceError: `adf` is no folder, or holds no factory objects.
    """
    resources: dict[ResourceKey, Resource] = {}
    unreadable: dict[ResourceKey, ResourceFileError] = {}
    for kind, path in resource_files(adf):
        key = ResourceKey(kind, path.stem)
        try:
            resources[key] = read_resource(kind, path)
        except ResourceFileError as error:
            unreadable[key] = error
    strangers = sorted(path for path in adf.glob("*/*.json") if path.parent.name not in KINDS)
    return Bundle(resources, unreadable, tuple(strangers), notebooks, read_notebooks(notebooks))

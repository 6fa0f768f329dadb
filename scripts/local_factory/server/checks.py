"""What is checked when an object is published, and when a run starts: the rules of `deploy.py validate` that apply.

Publishing takes what Azure takes: a pipeline with an expression that is wrong, or an activity that cannot run here, is
published; its run is refused. Only what the object reaches is looked at.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from bundle.bundle import Bundle
from bundle.findings import Severity
from bundle.notebook_source import NotebookSource, read_notebooks
from bundle.references import references
from bundle.resources import Resource, ResourceKey
from bundle.validation import check
from local_factory.data.stand_ins import StandIns
from local_factory.errors import UnsupportedFactoryError
from local_factory.server.errors import bad_request
from local_factory.startup_checks import check_runnable
from local_factory.stubs import Stubs

# What Azure itself refuses to publish.
_PUBLISHED = frozenset(
    {
        "activity-shape",
        "activity-type",
        "activity-unique",
        "declaration",
        "dependency-condition",
        "dependency-cycle",
        "dependency-exists",
        "limits",
        "nesting",
        "object-shape",
        "object-type",
        "reference-cycle",
        "required-property",
        "retry-range",
        "timeout-format",
        "trigger-recurrence",
        "trigger-time",
        "trigger-time-zone",
        "trigger-window",
    }
)

Resources = Mapping[ResourceKey, Resource]


class NotebookSources:
    """The sources under a notebooks' folder, read again when a file changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._signature: object = None
        self._sources: Mapping[Path, NotebookSource] = {}

    def read(self) -> Mapping[Path, NotebookSource]:
        """Return the sources by file."""
        signature = tuple((file, file.stat().st_mtime_ns) for file in sorted(self.root.rglob("*.py")))
        if signature != self._signature:
            self._sources, self._signature = read_notebooks(self.root), signature
        return self._sources


class Checks:
    """The checks of a served factory.

    Args:
        notebooks: the bundle's notebooks.
        workspace: the folder of the workspace, whose notebooks win over the bundle's.
        stubs: what need not run.
        stand_ins: what takes linked services' places.
    """

    def __init__(
        self,
        notebooks: Path,
        workspace: Path,
        stubs: Stubs | None = None,
        stand_ins: StandIns = MappingProxyType({}),
    ) -> None:
        self._stubs = stubs
        self._stand_ins = stand_ins
        self._bundled = NotebookSources(notebooks)
        self._workspace = NotebookSources(workspace)

    def publish(self, resource: Resource, resources: Resources) -> None:
        """Refuse a document that Azure would not take.

        Raises:
            ServiceError: says where in the document, and what; the first of several, with their number.
        """
        reached = _reached(resource, resources)
        bundle = Bundle(reached, {}, (), Path(), {})
        problems = [
            finding
            for finding in check(bundle)
            if finding.rule in _PUBLISHED
            and finding.severity is Severity.ERROR
            and (finding.file == resource.path or finding.rule == "reference-cycle")
        ]
        if problems:
            first = problems[0]
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise bad_request(
                f"{resource.key}: {first.path}: {first.message}{more}",
                code="InvalidTemplate" if resource.key.kind == "pipeline" else "BadRequest",
                target=str(resource.key),
            )

    def run(self, pipeline: Resource, resources: Resources) -> None:
        """Refuse a run of what cannot run on this machine.

        Raises:
            ServiceError: names the file, the activity and the reason, a line each.
        """
        reached = _reached(pipeline, resources)
        source = self._workspace if self._runs_from_workspace(reached) else self._bundled
        bundle = Bundle(reached, {}, (), source.root, source.read())
        try:
            check_runnable(bundle, [pipeline.name], self._stubs, self._stand_ins)
        except UnsupportedFactoryError as error:
            raise bad_request(str(error), code="UnsupportedActivity", target=str(pipeline.key)) from error

    def _runs_from_workspace(self, resources: Resources) -> bool:
        root = self._workspace.root
        paths = [
            activity.type_properties.get("notebookPath")
            for pipeline in Bundle(resources, {}, (), Path(), {}).pipelines
            for activity in pipeline.activities
        ]
        return any(isinstance(path, str) and workspace_notebook(root, path) for path in paths)


def workspace_notebook(root: Path, path: str) -> Path | None:
    """Return the file of a notebook that was uploaded to the workspace, None when there is none at that path."""
    parts = path.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        return None
    file = root.joinpath(*parts[:-1], f"{parts[-1]}.py")
    return file if file.is_file() else None


def _reached(resource: Resource, resources: Resources) -> dict[ResourceKey, Resource]:
    """Return an object with all that it refers to, at any depth."""
    reached = {resource.key: resource}
    pending = [resource]
    while pending:
        for reference in references(pending.pop().properties):
            target = resources.get(reference.target)
            if target and target.key not in reached:
                reached[target.key] = target
                pending.append(target)
    return reached

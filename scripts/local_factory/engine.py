"""What activities work with: the frame that their expressions see, and the engine that runs what they start."""

import asyncio
from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from bundle.resources import Resource
from local_factory.control_flow import Activity
from local_factory.errors import ActivityError
from local_factory.expressions import evaluate
from local_factory.invocation import Invocation
from local_factory.runs import ActivityRun, PipelineRun


@dataclass(frozen=True)
class NotebookRequest:
    """One run of one notebook: its workspace path, its widgets' values, the cluster's variables, the activity run."""

    notebook_path: str
    parameters: Mapping[str, str]
    environment: Mapping[str, str]
    run_id: str
    title: str


@dataclass(frozen=True)
class NotebookResult:
    """What ADF learns of a notebook run: the activity's output, and its error when it failed."""

    output: dict[str, Any]
    error: ActivityError | None = None


class Notebooks(Protocol):
    """What stands in for Databricks."""

    async def run(self, request: NotebookRequest) -> NotebookResult:
        """Run a notebook to its end."""
        ...


@dataclass
class Frame:
    """What activities see: the run, its variables, the activities that ended, the item of the loop they are in."""

    run: PipelineRun
    properties: Mapping[str, Any]
    system: Mapping[str, Any]
    variables: MutableMapping[str, Any]
    returned: MutableMapping[str, Any] = field(default_factory=dict)
    activities: MutableMapping[str, Any] = field(default_factory=dict)
    item: Any = None
    in_loop: bool = False
    container: ActivityRun | None = None

    def inner(self, container: ActivityRun) -> "Frame":
        """Return the frame of the activities within a control activity; when it has ended, they are seen outside."""
        return self._with(container=container)

    def iteration(self, container: ActivityRun, item: Any) -> "Frame":
        """Return the frame of one iteration of a ForEach, or of one item of a Filter."""
        return self._with(container=container, activities=ChainMap({}, self.activities), item=item, in_loop=True)

    @property
    def own_activities(self) -> Mapping[str, Any]:
        """The activities that ended in this frame itself: for an iteration, not those before the loop."""
        return self.activities.maps[0] if isinstance(self.activities, ChainMap) else self.activities

    def evaluate(self, value: Any) -> Any:
        """Evaluate every expression in a JSON value.

        Raises:
            ExpressionError: an expression is wrong or cannot be evaluated here.
        """
        scope = {"pipeline": self.system, "variables": self.variables, "activities": self.activities}
        return evaluate(value, {**scope, "item": self.item} if self.in_loop else scope)

    def _with(self, **changes: Any) -> "Frame":
        return Frame(**{**self.__dict__, **changes})


class Engine(Protocol):
    """What runs activities: they ask it for what they cannot do themselves."""

    notebooks: Notebooks
    http: httpx.AsyncClient
    sleep: Callable[[float], Awaitable[Any]]

    def resource(self, kind: str, name: str) -> Resource:
        """Return one object of the factory."""
        ...

    def start_pipeline(
        self, name: str, parameters: Mapping[str, Any], invocation: Invocation
    ) -> tuple[PipelineRun, asyncio.Task[None]]:
        """Start a pipeline and return its run with the task that carries it out."""
        ...

    async def run_activities(self, activities: Sequence[Activity], frame: Frame) -> None:
        """Run activities by their dependencies; raise ActivityError when the set fails."""
        ...

"""What activities work with: the frame that their expressions see, and the engine that runs what they start."""

import asyncio
from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from bundle.resources import Resource, Resources
from local_factory.control_flow import Activity
from local_factory.data.stand_ins import StandIns
from local_factory.errors import ActivityError
from local_factory.expressions import evaluate
from local_factory.invocation import Invocation
from local_factory.recovery import Recovery
from local_factory.runs import ActivityRun, PipelineRun


@dataclass(frozen=True)
class NotebookRequest:
    """One run of one notebook: its workspace path, its widgets' values, the cluster's variables, the activity run.

    With `arguments`, a command line, it is a run of a Python file.
    Secure parameters, or a secure exit value, stay out of the notebook's page and log.
    """

    notebook_path: str
    parameters: Mapping[str, str]
    environment: Mapping[str, str]
    run_id: str
    title: str
    secure_input: bool = False
    secure_output: bool = False
    arguments: Sequence[str] | None = None

    @property
    def secure(self) -> bool:
        """Whether what the notebook writes may repeat what is not to be seen."""
        return self.secure_input or self.secure_output


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

    async def job(self, job_id: str) -> Mapping[str, Any]:
        """Return a job's settings; raise ActivityError when they are not known."""
        ...


class Http(Protocol):
    """What sends HTTP requests: an `httpx.AsyncClient`, or what makes one when it is needed."""

    @property
    def request(self) -> Callable[..., Awaitable[httpx.Response]]:
        """Send a request and return the answer."""
        ...


@dataclass
class Frame:
    """What activities see: the run, its variables, the activities that ended, the item of the loop they are in.

    `scope` names the place of the activities in their pipeline, such as `Each[2]/If`, empty at the top; `recovery` is
    what a rerun takes over from an earlier run, and `anew` names the activities for which it takes over nothing.
    """

    run: PipelineRun
    properties: Mapping[str, Any]
    system: Mapping[str, Any]
    variables: MutableMapping[str, Any]
    returned: MutableMapping[str, Any] = field(default_factory=dict)
    activities: MutableMapping[str, Any] = field(default_factory=dict)
    item: Any = None
    in_loop: bool = False
    container: ActivityRun | None = None
    scope: str = ""
    recovery: Recovery | None = None
    anew: frozenset[str] = frozenset()

    def inner(self, container: ActivityRun, number: int | None = None) -> "Frame":
        """Return the frame of the activities within a control activity; when it has ended, they are seen outside.

        Args:
            container: the control activity's run.
            number: which iteration this is, from 0, where there are several.
        """
        place = container.activity_name if number is None else f"{container.activity_name}[{number}]"
        scope = f"{self.scope}/{place}" if self.scope else place
        recovery = None if container.activity_name in self.anew else self.recovery
        return self._with(container=container, scope=scope, recovery=recovery)

    def child_recovery(self, activity: str) -> Recovery | None:
        """Return what a pipeline that an activity calls takes over from the one that it called before."""
        return self.recovery.of_child(self.scope, activity) if self.recovery and activity not in self.anew else None

    def iteration(self, container: ActivityRun, item: Any, number: int = 0) -> "Frame":
        """Return the frame of one iteration of a ForEach, or of one item of a Filter."""
        return self.inner(container, number)._with(activities=ChainMap({}, self.activities), item=item, in_loop=True)

    @property
    def own_activities(self) -> Mapping[str, Any]:
        """The activities that ended in this frame itself: for an iteration, not those before the loop."""
        return self.activities.maps[0] if isinstance(self.activities, ChainMap) else self.activities

    def evaluate(self, value: Any, **more: Any) -> Any:
        """Evaluate every expression in a JSON value.

        Args:
            value: the JSON value.
            more: what its expressions see besides: `dataset`, `linkedService`.

        Raises:
            ExpressionError: an expression is wrong or cannot be evaluated here.
        """
        scope = {"pipeline": self.system, "variables": self.variables, "activities": self.activities, **more}
        return evaluate(value, {**scope, "item": self.item} if self.in_loop else scope)

    def _with(self, **changes: Any) -> "Frame":
        return Frame(**{**self.__dict__, **changes})


class Engine(Protocol):
    """What runs activities: they ask it for what they cannot do themselves."""

    resources: Resources
    notebooks: Notebooks
    http: Http
    stand_ins: StandIns
    sleep: Callable[[float], Awaitable[Any]]

    def resource(self, kind: str, name: str) -> Resource:
        """Return one object of the factory."""
        ...

    def start_pipeline(
        self, name: str, parameters: Mapping[str, Any], invocation: Invocation, *, recovery: Recovery | None = None
    ) -> tuple[PipelineRun, asyncio.Task[None]]:
        """Start a pipeline and return its run with the task that carries it out."""
        ...

    async def run_activities(self, activities: Sequence[Activity], frame: Frame) -> None:
        """Run activities by their dependencies; raise ActivityError when the set fails."""
        ...

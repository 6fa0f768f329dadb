"""Tests of whole pipelines, in milliseconds: `LocalFactory("adf", stubs=...).run("PL_Copy", day="2026-01-01")`.

The pipeline runs on the engine that `run_local.py` has, so dependencies, retries, loops, timeouts and outcomes are the
real ones. Waits pass in no time.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bundle.bundle import Bundle, read_bundle
from bundle.findings import Finding
from bundle.resources import ResourceKey
from bundle.validation import check
from local_factory.activities import load_data_activities
from local_factory.clock import LeapingLoop, real_work
from local_factory.data.stand_ins import read_stand_ins
from local_factory.engine import NotebookRequest, NotebookResult, Notebooks
from local_factory.errors import ActivityError, ArgumentError, LocalFactoryError, StandInError, StubError
from local_factory.factory import Factory
from local_factory.invocation import Invocation
from local_factory.parameters import check_given
from local_factory.reach import notebook_clusters
from local_factory.runs import PipelineRun
from local_factory.startup_checks import check_runnable, unsupported_activities
from local_factory.stubs import Stubs, read_stubs

if TYPE_CHECKING:
    import httpx

__all__ = ["Coverage", "LocalFactory", "LocalFactoryError", "Run", "StandInError", "StubError"]


class Run(dict[str, Any]):
    """A pipeline run as `run_local.py --json` has it, with the runs of the pipelines that it called under `runs`."""

    @property
    def status(self) -> str:
        """How the run ended: Succeeded, Failed or Cancelled."""
        return str(self["status"])

    @property
    def succeeded(self) -> bool:
        """Whether the run succeeded."""
        return self.status == "Succeeded"

    @property
    def message(self) -> str:
        """Why the run failed; empty when it did not."""
        return str(self["message"])

    @property
    def children(self) -> list["Run"]:
        """The runs of the pipelines that this one called."""
        return list(self["runs"])

    @property
    def skipped(self) -> list[str]:
        """The names of the activities that were skipped."""
        return [run["activityName"] for run in self["activityRuns"] if run["status"] == "Skipped"]

    def activity_runs(self, name: str) -> list[dict[str, Any]]:
        """Return every try of an activity, also in loops, in the order of their start; none if it was not reached."""
        return [run for run in self["activityRuns"] if run["activityName"].casefold() == name.casefold()]

    def activity(self, name: str) -> dict[str, Any]:
        """Return the last run of an activity.

        Raises:
            KeyError: the activity was not reached; the message names those that were.
        """
        runs = self.activity_runs(name)
        if not runs:
            ran = ", ".join(dict.fromkeys(run["activityName"] for run in self["activityRuns"])) or "none"
            raise KeyError(f"{name} was not reached in {self['pipelineName']}; these were: {ran}")
        return runs[-1]

    def output(self, name: str) -> Any:
        """Return the output of the last run of an activity."""
        return self.activity(name)["output"]

    def inputs(self, name: str) -> list[Any]:
        """Return what an activity was called with, each time."""
        return [run["input"] for run in self.activity_runs(name) if run["status"] not in ("Skipped", "Inactive")]


@dataclass(frozen=True)
class Coverage:
    """Which activities of the pipelines that ran, ran: names as `PIPELINE/ACTIVITY`."""

    ran: tuple[str, ...]
    not_run: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share of activities that ran, 1.0 when there are none."""
        count = len(self.ran) + len(self.not_run)
        return len(self.ran) / count if count else 1.0


class LocalFactory:
    """A factory whose pipelines run here and now.

    Args:
        adf: the factory's Git root.
        stubs: what activities answer instead of running: a TOML file, or a dict as such a file reads.
        linked_services: what stands in for linked services: a TOML file, or a dict as such a file reads.
        notebooks: the folder of the notebooks; without it notebook activities need stubs.
        stub_unsupported: let activities that cannot run here succeed with an empty output.
        real_time: let waits take their time.

    A stub's tries go on from one `run` to the next.

    Raises:
        StubError: a stub is wrong.
        StandInError: a stand-in is wrong.
        ResourceError: `adf` is no folder, or holds no factory objects.
    """

    def __init__(
        self,
        adf: Path | str,
        stubs: Path | str | Mapping[str, Any] | None = None,
        linked_services: Path | str | Mapping[str, Any] | None = None,
        notebooks: Path | str | None = None,
        *,
        stub_unsupported: bool = False,
        real_time: bool = False,
    ) -> None:
        self._notebooks = Path(notebooks) if notebooks else None
        self._bundle: Bundle = read_bundle(Path(adf), self._notebooks or Path(adf) / "no notebooks")
        self._stubs = read_stubs(stubs or {}, self._bundle)
        self._stand_ins = read_stand_ins(linked_services or {}, self._bundle)
        if self._stand_ins:
            load_data_activities()
        self._stub_unsupported = stub_unsupported
        self._real_time = real_time
        self._ran: dict[str, set[str]] = {}
        self._checked: dict[str, Stubs] = {}

    def run(self, pipeline: str, **parameters: Any) -> Run:
        """Run a pipeline to its end and return its run; what it calls without waiting ends too.

        Raises:
            ArgumentError: a parameter is missing, not declared or of the wrong type.
            UnsupportedFactoryError: the pipeline cannot run here; the message says what to stub or stand in for.
        """
        if pipeline not in self._checked:
            self._checked[pipeline] = self._check(pipeline)
        stubs = self._checked[pipeline]
        declared = self._bundle.resources[ResourceKey("pipeline", pipeline)].properties.get("parameters") or {}
        check_given(declared, parameters, pipeline)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            runs = self._run(pipeline, parameters, stubs)
        else:  # the caller's thread has a loop that goes on: this one gets a thread of its own
            with ThreadPoolExecutor(1) as thread:
                runs = thread.submit(self._run, pipeline, parameters, stubs).result()
        for run in runs:
            names = self._ran.setdefault(run.pipeline_name, set())
            names |= {a.activity_name for a in run.activity_runs if a.status not in ("Skipped", "Inactive")}
        return _with_children(runs[0], runs)

    def coverage(self) -> Coverage:
        """Return which activities of the pipelines that ran so far ran at least once, those of branches too."""
        ran: list[str] = []
        not_run: list[str] = []
        for pipeline in self._bundle.pipelines:
            name = pipeline.resource.name
            if name in self._ran:
                for activity in pipeline.activities:
                    list_ = ran if activity.name in self._ran[name] else not_run
                    list_.append(f"{name}/{activity.name}")
        return Coverage(tuple(ran), tuple(not_run))

    @cached_property
    def _findings(self) -> list[Finding]:
        return check(self._bundle)

    def _check(self, pipeline: str) -> Stubs:
        stubs = self._stubs
        if self._stub_unsupported:
            stubs = stubs.with_empty_output(unsupported_activities(self._bundle, [pipeline], stubs))
        check_runnable(self._bundle, [pipeline], stubs, self._stand_ins, self._findings)
        if not self._notebooks and notebook_clusters(self._bundle, [pipeline], stubs):
            raise ArgumentError(f"{pipeline} runs notebooks: give their folder (notebooks=...), or stub them.")
        return stubs

    def _run(self, pipeline: str, parameters: Mapping[str, Any], stubs: Stubs) -> list[PipelineRun]:
        loop = asyncio.new_event_loop if self._real_time else LeapingLoop
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(self._run_pipeline(pipeline, parameters, stubs))

    async def _run_pipeline(self, pipeline: str, parameters: Mapping[str, Any], stubs: Stubs) -> list[PipelineRun]:
        async with AsyncExitStack() as stack:
            http = LazyHttp(stack)
            notebooks = await stack.enter_async_context(self._notebook_runner(pipeline, stubs))
            factory = Factory(self._bundle.resources, notebooks, http, stubs=stubs, stand_ins=self._stand_ins)
            factory.start_pipeline(pipeline, parameters, Invocation.manual())
            await factory.wait_for_all()
        return factory.runs

    @asynccontextmanager
    async def _notebook_runner(self, pipeline: str, stubs: Stubs) -> AsyncIterator[Notebooks]:
        clusters = notebook_clusters(self._bundle, [pipeline], stubs)
        if not clusters or not self._notebooks:
            yield _NoNotebooks()
            return
        from local_factory.cluster.jvm import start_jvm
        from local_factory.cluster.runner import NotebookRunner
        from local_factory.session import Settings, open_session

        with TemporaryDirectory(prefix="local-factory-") as folder, start_jvm() as jvm:
            settings = Settings(self._notebooks, Path(folder), customers=1000, products=200)
            async with AsyncExitStack() as stack:
                with real_work():
                    session = await stack.enter_async_context(open_session(settings, jvm, clusters))
                yield NotebookRunner(
                    session.cluster,
                    self._notebooks,
                    Path(folder) / "notebooks",
                    session.environment,
                    session.secrets,
                    kernels=session.kernels,
                )


class LazyHttp:
    """An HTTP client that is made when the first request is sent: making one costs more than most test runs."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._client: httpx.AsyncClient | None = None

    async def request(self, method: str, url: str, **options: Any) -> "httpx.Response":
        """Send a request and return the answer."""
        if self._client is None:
            import httpx

            self._client = await self._stack.enter_async_context(httpx.AsyncClient())
        return await self._client.request(method, url, **options)


class _NoNotebooks:
    async def run(self, request: NotebookRequest) -> NotebookResult:
        raise ActivityError("3200", f"{request.notebook_path}: no notebooks were given.", failure_type="SystemError")

    async def job(self, job_id: str) -> Mapping[str, Any]:
        raise ActivityError("3200", f"job {job_id}: no notebooks were given.", failure_type="SystemError")


def _with_children(run: PipelineRun, runs: list[PipelineRun]) -> Run:
    called = {activity.activity_run_id for activity in run.activity_runs}
    children = [_with_children(other, runs) for other in runs if other.invoked_by.get("id") in called]
    return Run(run.to_json(), runs=children)

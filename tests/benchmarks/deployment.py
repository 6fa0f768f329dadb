"""`deploy.py` plan and apply, by number of pipelines and latency of the services.

Every tenth pipeline is called by the next nine, so there are two levels; every hundredth has a trigger. The services
are the tests' fakes on loopback, in the deployer's own process; each call is answered after the latency.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness import BenchmarkError, Case, Result, Run, measure
from fakes.bundles import BundleFolder, linked_service, pipeline, schedule_trigger
from fakes.cloud import Cloud
from fakes.factory_service import FactoryService
from fakes.workspace_service import WorkspaceService

BENCHMARK = "Deployment"
_ANSWER_SECONDS = 60


def deployment(
    pipelines: Sequence[int], latencies: Sequence[float], repetitions: int, progress: Callable[[str], None]
) -> Iterator[list[Result]]:
    """Measure a first apply, and a plan and an apply without changes, for each number and each latency (seconds)."""
    for number in pipelines:
        for latency in latencies:
            case = Case(BENCHMARK, f"{number:,} pipelines, {latency * 1000:g} ms a call", number, "pipelines")
            with _Deployer(number, latency) as deployer:
                contenders = {
                    "first apply": deployer.first_apply,
                    "plan, no change": deployer.plan,
                    "apply, no change": deployer.apply,
                }
                yield measure(case, contenders, repetitions=repetitions, progress=progress)


class _Deployer:
    """A bundle of so many pipelines, and the services that it is deployed to: new ones for each first apply."""

    def __init__(self, pipelines: int, latency: float) -> None:
        self._pipelines = pipelines
        self._latency = latency
        self._folder = tempfile.TemporaryDirectory()
        self._services = ExitStack()

    def __enter__(self) -> "_Deployer":
        os.environ["DATABRICKS_TOKEN"] = "t"
        self._bundle = BundleFolder(Path(self._folder.name) / "bundle")
        self._bundle.put("linkedService", linked_service("LS_Databricks", baseUrl="https://one"))
        self._bundle.notebook("load", "1")
        for number in range(self._pipelines):
            calls = None if number % 10 == 0 else f"PL_{number - number % 10:04}"
            self._bundle.put("pipeline", pipeline(f"PL_{number:04}", calls=calls))
            if number % 100 == 0:
                self._bundle.put("trigger", schedule_trigger(f"TR_{number:04}", f"PL_{number:04}"))
        return self

    def __exit__(self, *_reason: object) -> None:
        self._services.close()
        self._folder.cleanup()

    def first_apply(self) -> Run:
        """Deploy to a factory and a workspace that hold nothing."""
        self._services.close()
        factory = self._services.enter_context(FactoryService(latency=self._latency))
        workspace = self._services.enter_context(WorkspaceService(latency=self._latency))
        self._cloud = Cloud(factory, workspace, self._bundle, Path(self._folder.name), answer=_ANSWER_SECONDS)
        run = self._timed(self._cloud.apply)
        triggers = -(-self._pipelines // 100)
        if len(factory.objects) != self._pipelines + triggers + 1 or set(factory.states.values()) != {"Started"}:
            raise BenchmarkError(
                f"{len(factory.objects)} objects are there, triggers are {set(factory.states.values())}"
            )
        return run

    def plan(self) -> Run:
        """Compare with what was deployed."""
        return self._timed(self._cloud.plan)

    def apply(self) -> Run:
        """Deploy what is there already."""
        return self._timed(self._cloud.apply)

    def _timed(self, act: Callable[[], object]) -> Run:
        cloud = self._cloud
        cloud.forget()
        started = time.perf_counter()
        act()
        seconds = time.perf_counter() - started
        return Run(
            seconds,
            figures={
                "requests": len(cloud.factory.requests) + len(cloud.workspace.requests),
                "writes": len(cloud.factory.writes) + len(cloud.workspace.writes),
            },
        )

"""`deploy.py` plan and apply, by number of pipelines and latency of the services.

Every tenth pipeline is called by the next nine, so there are two levels; every hundredth has a trigger. The services
are the tests' fakes on loopback, in another process than the deployer; each call is answered after the latency.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness import BenchmarkError, Case, Result, Run, measure
from benchmarks.worker import Worker, nothing
from bundle.environments import load_environment
from deployment.apply import apply, current_plan
from deployment.connections import Patience, Target, connect
from deployment.desired import Desired, read_desired
from deployment.plan import Options
from fakes.bundles import BundleFolder, environment_file, linked_service, pipeline, schedule_trigger
from fakes.factory_service import FactoryService
from fakes.workspace_service import WorkspaceService

BENCHMARK = "Deployment"
_PATIENCE = Patience(answer=60, backoff=0, poll=0.005, settle=1)


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
        self._stack = ExitStack()
        self._services = ExitStack()

    def __enter__(self) -> "_Deployer":
        os.environ["DATABRICKS_TOKEN"] = "t"
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._worker = self._stack.enter_context(Worker("deployer", nothing, self._folder))
        self._bundle = BundleFolder(self._folder / "bundle")
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
        self._stack.close()

    def first_apply(self) -> Run:
        """Deploy to a factory and a workspace that hold nothing."""
        self._services.close()
        self._factory = self._services.enter_context(FactoryService(latency=self._latency))
        self._workspace = self._services.enter_context(WorkspaceService(latency=self._latency))
        run = self._run(apply_bundle)
        triggers = -(-self._pipelines // 100)
        there, states = len(self._factory.objects), set(self._factory.states.values())
        if there != self._pipelines + triggers + 1 or states != {"Started"}:
            raise BenchmarkError(f"{there} objects are there, triggers are {states}")
        return run

    def plan(self) -> Run:
        """Compare with what was deployed."""
        return self._run(plan_bundle)

    def apply(self) -> Run:
        """Deploy what is there already."""
        return self._run(apply_bundle)

    def _run(self, act: Callable[[None, Path, Path], None]) -> Run:
        services = (self._factory, self._workspace)
        for service in services:
            service.requests.clear()
        environment = environment_file(self._folder, self._factory.url, self._workspace.url)
        _, run = self._worker.run(act, environment, self._bundle.root)
        requests, writes = (
            sum(len(found) for found in numbers)
            for numbers in zip(*((service.requests, service.writes) for service in services), strict=True)
        )
        return Run(run.seconds, figures={"requests": requests, "writes": writes})


def apply_bundle(_ready: None, environment: Path, bundle: Path) -> None:
    """Deploy a bundle, as `deploy.py apply` does."""
    target, desired = _opened(environment, bundle)
    snapshots = environment.parent / "snapshots"
    apply(target, desired, options=Options(), saved=None, snapshots=snapshots, progress=lambda _line: None)


def plan_bundle(_ready: None, environment: Path, bundle: Path) -> None:
    """Compare a bundle with what is deployed, as `deploy.py plan` does."""
    current_plan(*_opened(environment, bundle), Options())


def _opened(environment: Path, bundle: Path) -> tuple[Target, Desired]:
    target = connect(load_environment(environment, {}), _PATIENCE, {"AZURE_ACCESS_TOKEN": "t"})
    dashboards = bundle / "infra" / "dashboards"
    return target, read_desired(bundle / "adf", bundle / "notebooks", target.environment, dashboards)

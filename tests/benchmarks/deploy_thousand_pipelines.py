"""How many requests and seconds a factory of 1,000 pipelines takes: the first apply, and one with nothing to do.

    python tests/benchmarks/deploy_thousand_pipelines.py [PIPELINES] [LATENCY IN MILLISECONDS]

Every tenth pipeline is called by the next nine, so there are two levels; every hundredth has a trigger. The services
are the tests' fakes on loopback, each call answered after the latency.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "scripts"), str(REPOSITORY / "tests")]

from fakes.bundles import BundleFolder, linked_service, pipeline, schedule_trigger  # noqa: E402 the path is set above
from fakes.cloud import Cloud  # noqa: E402
from fakes.factory_service import FactoryService  # noqa: E402
from fakes.workspace_service import WorkspaceService  # noqa: E402


def generate(bundle: BundleFolder, pipelines: int) -> None:
    """Write a factory of as many pipelines."""
    bundle.put("linkedService", linked_service("LS_Databricks", baseUrl="https://one"))
    bundle.notebook("load", "1")
    for number in range(pipelines):
        calls = None if number % 10 == 0 else f"PL_{number - number % 10:04}"
        bundle.put("pipeline", pipeline(f"PL_{number:04}", calls=calls))
        if number % 100 == 0:
            bundle.put("trigger", schedule_trigger(f"TR_{number:04}", f"PL_{number:04}"))


def main() -> None:
    """Measure and print a Markdown table."""
    pipelines = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    latency = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.05
    os.environ["DATABRICKS_TOKEN"] = "t"
    services = FactoryService(latency=latency), WorkspaceService(latency=latency)
    with tempfile.TemporaryDirectory() as name, services[0] as factory, services[1] as workspace:
        bundle = BundleFolder(Path(name) / "bundle")
        generate(bundle, pipelines)
        cloud = Cloud(factory, workspace, bundle, Path(name), answer=60)
        print(f"| {pipelines} pipelines, {latency * 1000:g} ms a call | requests | writes | seconds |")
        print("| --- | --- | --- | --- |")
        for title, act in (
            ("first apply", cloud.apply),
            ("plan, no change", cloud.plan),
            ("apply, no change", cloud.apply),
        ):
            cloud.forget()
            start = time.perf_counter()
            act()
            seconds = time.perf_counter() - start
            requests = len(factory.requests) + len(workspace.requests)
            print(f"| {title} | {requests} | {len(factory.writes) + len(workspace.writes)} | {seconds:.1f} |")
        assert len(factory.objects) == pipelines + (pipelines + 99) // 100 + 1
        assert set(factory.states.values()) == {"Started"}


if __name__ == "__main__":
    main()

"""A factory, a workspace and a bundle, with the deployer's functions over them as deploy.py puts them together."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks.sdk.clock import Clock

from bundle.environments import load_environment
from deployment.apply import Applied, apply, current_plan, rollback
from deployment.connections import Patience, Target, connect
from deployment.desired import Desired, read_desired
from deployment.plan import Options, Plan
from deployment.snapshot import load_snapshot
from fakes.bundles import BundleFolder, environment_file
from fakes.factory_service import FactoryService
from fakes.workspace_service import WorkspaceService


class NoWaits(Clock):
    """A clock whose waits are steps of time: the SDK's retries cost nothing."""

    def __init__(self) -> None:
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


@dataclass
class Cloud:
    """The services and the bundle."""

    factory: FactoryService
    workspace: WorkspaceService
    bundle: BundleFolder
    folder: Path
    environment_options: dict[str, Any] = field(default_factory=dict)
    # Longer than a busy machine takes: a call that is given up may have been done.
    answer: float = 60.0
    settle: float = 60.0
    told: list[str] = field(default_factory=list)

    @property
    def snapshots(self) -> Path:
        return self.folder / "snapshots"

    def environment_file(self) -> Path:
        return environment_file(self.folder, self.factory.url, self.workspace.url, **self.environment_options)

    def target(self) -> Target:
        patience = Patience(answer=self.answer, backoff=0, poll=0.005, settle=self.settle, clock=NoWaits())
        environment = load_environment(self.environment_file(), {})
        return connect(environment, patience, {"AZURE_ACCESS_TOKEN": "t"})

    def plan(self, **options: Any) -> Plan:
        target = self.target()
        desired = self._desired(target)
        return current_plan(target, desired, Options(**options))[0]

    def apply(self, saved: Plan | None = None, *, break_lock: bool = False, **options: Any) -> Applied:
        target = self.target()
        desired = self._desired(target)
        return apply(
            target,
            desired,
            options=Options(**options),
            saved=saved,
            snapshots=self.snapshots,
            progress=self.told.append,
            break_lock=break_lock,
            sleep=lambda _seconds: None,
        )

    def _desired(self, target: Target) -> Desired:
        dashboards = self.bundle.root / "infra" / "dashboards"
        return read_desired(self.bundle.adf, self.bundle.notebooks, target.environment, dashboards)

    def rollback(self, snapshot: Path) -> list[str]:
        target = self.target()
        found = load_snapshot(snapshot, target.environment)
        return rollback(target, found, progress=self.told.append, sleep=lambda _seconds: None)

    def state(self) -> dict[str, Any]:
        """All that the services hold, for comparison; locks are not part of it."""
        files = {path: file for path, file in self.workspace.files.items() if ".lock/" not in path}
        return {**self.factory.state(), "files": files, "dashboards": self.workspace.dashboard_state()}

    def locks(self) -> list[str]:
        return [path for path in self.workspace.files if ".lock/" in path]

    def forget(self) -> None:
        """Forget all calls so far."""
        self.factory.requests.clear()
        self.workspace.requests.clear()
        self.factory.faults.forget()
        self.told.clear()

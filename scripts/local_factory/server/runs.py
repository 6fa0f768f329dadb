"""The runs of the served factory: creating, rerunning and cancelling them, keeping what came of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bundle.resources import Resource
from local_factory.data.stand_ins import StandIns
from local_factory.engine import Http, Notebooks
from local_factory.errors import ArgumentError
from local_factory.factory import Factory
from local_factory.invocation import Invocation
from local_factory.parameters import MASK, check_given, resolve, secure_names
from local_factory.recovery import Recovery, last_tries
from local_factory.runs import ActivityRun, PipelineRun, Status
from local_factory.server.checks import Checks
from local_factory.server.errors import ServiceError, bad_request, not_found
from local_factory.server.events import Events
from local_factory.server.history import ENDED, History, KeptRun
from local_factory.server.objects import FactoryObjects
from local_factory.slots import Slots
from local_factory.stubs import Stubs

_SECONDS_BETWEEN_WRITES = 0.05
_MOST_QUEUED = 100  # https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities: concurrency
_MOST_SECRETS_KEPT = 1000

KILLED = "The local factory was ended while this run was going."
STOPPED = "The local factory was stopped while this run was going."
_NOT_KEPT = "its parameter {name!r} is a SecureString, which is not kept"


@dataclass(frozen=True)
class Rerun:
    """A run that is to be run again.

    Attributes:
        run_id: the earlier run.
        recovery: whether the new run is grouped with it.
        start_at: the activity from which on all is run, empty for the first.
        from_failure: whether what succeeded is taken over.
    """

    run_id: str
    recovery: bool
    start_at: str = ""
    from_failure: bool = False


@dataclass
class _Going:
    """A run that goes on: its task, what it takes to start it anew, and what of it is not written yet."""

    run: PipelineRun
    task: asyncio.Task[None]
    origin: Mapping[str, Any]
    positions: dict[str, int] = field(default_factory=dict)
    unwritten: dict[str, ActivityRun] = field(default_factory=dict)


class Runs:
    """The runs: those that go on, in memory, and all of them, in the history.

    Args:
        objects: the factory's objects; a run takes its pipeline as it is at its start.
        history: where runs are kept.
        events: who is told.
        checks: what cannot run is refused.
        notebooks: what stands in for Databricks.
        http: the client of web activities.
        stubs: what activities answer instead of running.
        stand_ins: what takes linked services' places.
    """

    def __init__(
        self,
        objects: FactoryObjects,
        history: History,
        events: Events,
        checks: Checks,
        *,
        notebooks: Notebooks,
        http: Http,
        stubs: Stubs | None = None,
        stand_ins: StandIns = MappingProxyType({}),
    ) -> None:
        self.history = history
        self._objects = objects
        self._events = events
        self._checks = checks
        self._going: dict[str, _Going] = {}
        self._origin: Mapping[str, Any] = {}
        self._secrets: dict[str, Mapping[str, Any]] = {}
        self._slots = Slots()
        self._write_later: asyncio.TimerHandle | None = None
        self._stopping = False
        self._factory = _Engine(
            self,
            objects.resources,
            notebooks,
            http,
            listener=self.changed,
            slots=self._slots,
            stubs=stubs,
            stand_ins=stand_ins,
        )

    # Starting

    def create(
        self,
        pipeline: str,
        parameters: Mapping[str, Any],
        *,
        rerun: Rerun | None = None,
        invocation: Invocation | None = None,
    ) -> PipelineRun:
        """Start a run, or queue it behind the pipeline's concurrency.

        Raises:
            ServiceError: no such pipeline, wrong parameters, a run that cannot be run again, or too many that wait.
        """
        resource = self._objects.get("pipeline", pipeline)
        earlier = self._earlier(resource, rerun) if rerun else None
        given = {**(self._parameters_of(earlier, resource, parameters) if earlier else {}), **parameters}
        try:
            if invocation is None:  # a trigger may leave parameters out
                check_given(_declared(resource), given, resource.name)
            resolve(_declared(resource), given, resource.name)
        except ArgumentError as error:
            raise bad_request(_for_clients(str(error)), target=f"pipeline/{resource.name}") from error
        self._checks.run(resource, self._objects.resources)
        concurrency = resource.properties.get("concurrency")
        if concurrency and self._slots.waiting(resource.name) >= _MOST_QUEUED:
            raise bad_request(
                f"{resource.name}: {_MOST_QUEUED} runs wait already behind its concurrency of {concurrency}.",
                code="TooManyQueuedRuns",
            )
        recovery = self._recovery(earlier, rerun) if earlier and rerun else None
        run = self._start(resource, given, invocation or Invocation.manual(), recovery=recovery, rerun=rerun)
        if recovery:
            self.history.supersede(run.group_id, run.run_id)
        return run

    def start_queued(self) -> None:
        """Start the runs that waited when the server ended."""
        for kept in self.history.runs_with_status(Status.QUEUED):
            run = kept.run
            try:
                resource = self._objects.get("pipeline", run.pipeline_name)
                parameters = self._parameters_of(kept, resource, {})
                rerun = Rerun(**kept.origin["rerun"]) if kept.origin.get("rerun") else None
                earlier = self.history.pipeline_run(rerun.run_id) if rerun else None
                recovery = self._recovery(earlier, rerun) if earlier and rerun else None
                self._checks.run(resource, self._objects.resources)
                invocation = Invocation(run.invoked_by, kept.origin["system"])
                self._start(resource, parameters, invocation, recovery=recovery, rerun=rerun, run_id=run.run_id)
            except (ServiceError, ArgumentError) as error:
                self.history.fail(run.run_id, f"It waited when the local factory ended, and cannot start now: {error}")

    def _start(
        self,
        resource: Resource,
        given: Mapping[str, Any],
        invocation: Invocation,
        *,
        recovery: Recovery | None,
        rerun: Rerun | None,
        run_id: str | None = None,
    ) -> PipelineRun:
        self._origin = {"system": dict(invocation.system), "rerun": rerun and rerun.__dict__}
        run, _ = self._factory.start_pipeline(resource.name, given, invocation, recovery=recovery, run_id=run_id)
        secure = secure_names(_declared(resource))
        if secrets := {name: value for name, value in given.items() if name.lower() in secure}:
            self._secrets[run.run_id] = secrets
            if len(self._secrets) > _MOST_SECRETS_KEPT:
                del self._secrets[next(iter(self._secrets))]
        return run

    def _earlier(self, resource: Resource, rerun: Rerun) -> KeptRun:
        target = f"pipeline/{resource.name}/"
        earlier = self.history.pipeline_run(rerun.run_id)
        if earlier is None or earlier.run.pipeline_name != resource.name:
            raise bad_request(
                f"Referenced pipeline run id {rerun.run_id} is not a valid run id.",
                code="ReferencedPipelineRunNotValid",
                target=target,
            )
        if (rerun.start_at or rerun.from_failure) and earlier.run.status not in ENDED:
            raise bad_request(
                f"Referenced pipeline run id {rerun.run_id} has not ended yet: it is {earlier.run.status}.",
                code="ReferencedPipelineRunNotValid",
                target=target,
            )
        names = [activity["name"] for activity in resource.properties.get("activities") or []]
        if rerun.start_at and rerun.start_at not in names:
            raise bad_request(
                f"startActivityName: {resource.name} has no activity '{rerun.start_at}'. It has: {', '.join(names)}.",
                code="InvalidStartActivity",
                target=target,
            )
        return earlier

    def _recovery(self, earlier: KeptRun, rerun: Rerun) -> Recovery | None:
        if not (rerun.recovery or rerun.start_at or rerun.from_failure):
            return None
        group = earlier.run.group_id if rerun.recovery else ""
        if not (rerun.start_at or rerun.from_failure):
            return Recovery(group, {}, anew=True)
        return self._recovered(earlier.run.run_id, group, rerun.start_at)

    def _recovered(self, run_id: str, group_id: str, start_at: str = "") -> Recovery:
        activities = self.history.activity_runs(run_id)
        called = {kept.run.invoked_by.get("id"): kept.run for kept in self.history.children(run_id)}
        children = {
            (activity.scope, activity.activity_name): self._recovered(child.run_id, child.group_id)
            for activity in activities
            if (child := called.get(activity.activity_run_id))
        }
        return Recovery(group_id, last_tries(activities), children, start_at)

    def _parameters_of(self, kept: KeptRun, resource: Resource, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of an earlier run; a secret that is not known any more is that of the default."""
        declared = _declared(resource)
        names = {name.lower() for name in declared}
        replaced = {name.lower() for name in given}
        secure = secure_names(declared)
        values: dict[str, Any] = {}
        for name, value in kept.run.parameters.items():
            if name.lower() in replaced or name.lower() not in names:
                continue
            if name.lower() not in secure or value != MASK:
                values[name] = value
            elif name in self._secrets.get(kept.run.run_id, {}):
                values[name] = self._secrets[kept.run.run_id][name]
            elif next((d for n, d in declared.items() if n.lower() == name.lower())).get("defaultValue") is None:
                raise bad_request(f"Run {kept.run.run_id}: {_NOT_KEPT.format(name=name)}. Give it again.")
        return values

    # What is there

    def find(self, run_id: str) -> KeptRun | None:
        """Return a run as it is now, None when there is none; its activities are in `activities`."""
        self._write(run_id)
        return self.history.pipeline_run(run_id)

    def get(self, run_id: str) -> KeptRun:
        """Return a run as it is now.

        Raises:
            ServiceError: there is none of this id.
        """
        found = self.find(run_id)
        if found is None:
            raise not_found(f"The pipeline run '{run_id}' was not found.", code="PipelineRunNotFound")
        return found

    def activities(self, run_id: str) -> list[ActivityRun]:
        """Return a run's activity runs as they are now; of those that go on, also what they were given."""
        going = self._going.get(run_id)
        return list(going.run.activity_runs) if going else self.history.activity_runs(run_id)

    def with_children(self, run_id: str) -> list[PipelineRun]:
        """Return a run and all that it called, at any depth, each with its activity runs."""
        found = [self.get(run_id).run]
        for run in found:
            run.activity_runs = self.activities(run.run_id)
            found.extend(kept.run for kept in self.history.children(run.run_id))
        return found

    @property
    def number_going(self) -> int:
        """How many runs go on or wait."""
        return len(self._going)

    # Ending

    def cancel(self, run_id: str, *, recursive: bool = False) -> None:
        """Cancel a run, and with `recursive` those that it called; one that has ended stays as it is.

        Raises:
            ServiceError: there is none of this id.
        """
        kept = self.get(run_id)
        if recursive:
            for child in self.history.children(run_id):
                self.cancel(child.run.run_id, recursive=True)
        going = self._going.get(kept.run.run_id)
        if going:
            going.task.cancel()

    async def ended(self, run_id: str) -> None:
        """Wait until a run has ended."""
        going = self._going.get(run_id)
        if going:
            await asyncio.wait([going.task])

    async def stop(self) -> None:
        """End all runs: those that were going are failed with the reason, those that waited wait for the next start."""
        self.write()
        self._stopping = True
        self.history.fail_running(STOPPED)
        await self._factory.cancel()

    # Keeping

    def changed(self, run: PipelineRun, activity: ActivityRun | None) -> None:
        """Note a change; a run's own state is written before anyone can ask for it."""
        going = self._going.get(run.run_id)
        if self._stopping or going is None:
            return
        if activity is not None:
            going.positions.setdefault(activity.activity_run_id, len(going.positions))
            going.unwritten[activity.activity_run_id] = activity
            if self._write_later is None:
                self._write_later = asyncio.get_running_loop().call_later(_SECONDS_BETWEEN_WRITES, self.write)
        else:
            self._write_one(going)
        self._events.tell("runs")

    def write(self) -> None:
        """Write all that is not written yet."""
        if self._write_later:
            self._write_later.cancel()
            self._write_later = None
        for going in self._going.values():
            if going.unwritten:
                self._write_one(going)

    def started(self, run: PipelineRun, task: asyncio.Task[None], invocation: Invocation) -> None:
        """Take a run up; runs that others call come here too."""
        origin = self._origin or {"system": dict(invocation.system)}
        self._origin = {}
        going = _Going(run, task, origin)
        self._going[run.run_id] = going
        task.add_done_callback(lambda _task: self._forget(run))
        self._write_one(going)

    def _forget(self, run: PipelineRun) -> None:
        going = self._going.pop(run.run_id)
        if not self._stopping:
            self._write_one(going)
        self._factory.runs.remove(run)
        self._events.tell("runs")

    def _write(self, run_id: str) -> None:
        going = self._going.get(run_id)
        if going and going.unwritten and not self._stopping:
            self._write_one(going)

    def _write_one(self, going: _Going) -> None:
        activities = [(going.positions[number], run) for number, run in going.unwritten.items()]
        going.unwritten = {}
        self.history.keep(going.run, going.origin, activities)


class _Engine(Factory):
    """The engine, which tells of every run that it starts."""

    def __init__(self, runs: Runs, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._served = runs

    def start_pipeline(
        self,
        name: str,
        parameters: Mapping[str, Any],
        invocation: Invocation,
        *,
        recovery: Recovery | None = None,
        run_id: str | None = None,
    ) -> tuple[PipelineRun, asyncio.Task[None]]:
        """Start a pipeline and tell of it."""
        run, task = super().start_pipeline(name, parameters, invocation, recovery=recovery, run_id=run_id)
        self._served.started(run, task, invocation)
        return run, task


def _declared(resource: Resource) -> Mapping[str, Any]:
    return resource.properties.get("parameters") or {}


def _for_clients(message: str) -> str:
    """Return a message without the hint for the command line."""
    return message.partition(" Pass it: --param")[0]

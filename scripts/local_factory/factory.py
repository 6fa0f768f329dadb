"""Runs pipelines as Azure Data Factory does: dependencies, retries, timeouts, concurrency and outcomes."""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bundle.resources import Resource, ResourceKey, Resources
from local_factory import clock
from local_factory.activities import ACTIVITIES
from local_factory.control_flow import Activity, Readiness, failures, folded, readiness
from local_factory.data.stand_ins import StandIns
from local_factory.engine import Frame, Http, Notebooks
from local_factory.errors import ActivityError
from local_factory.expressions import ExpressionError
from local_factory.invocation import Invocation
from local_factory.parameters import default_of_variable, resolve, without_secrets
from local_factory.policy import Policy, whole_number
from local_factory.recovery import Recovery
from local_factory.runs import ActivityRun, PipelineRun, Status, timestamp
from local_factory.slots import Slots
from local_factory.stubbing import run_stub
from local_factory.stubs import Stubs

Listener = Callable[[PipelineRun, ActivityRun | None], None]


class Factory:
    """A factory's objects with what they need to run. `runs` holds every pipeline run, in the order of their start.

    The listener is told of each change: of a run's own state, or of one of its activity runs.
    """

    def __init__(
        self,
        resources: Resources,
        notebooks: Notebooks,
        http: Http,
        *,
        stubs: Stubs | None = None,
        stand_ins: StandIns = MappingProxyType({}),
        name: str = "local",
        listener: Listener = lambda _run, _activity: None,
        sleep: Callable[[float], Any] = asyncio.sleep,
        slots: Slots | None = None,
    ) -> None:
        self.resources = resources
        self.notebooks = notebooks
        self.http = http
        self.stand_ins = stand_ins
        self.sleep = sleep
        self.runs: list[PipelineRun] = []
        self._name = name
        self._listener = listener
        self._stubs = stubs or Stubs()
        self._slots = slots or Slots()
        self._detached: set[asyncio.Task[None]] = set()

    def resource(self, kind: str, name: str) -> Resource:
        """Return one object of the factory; the start checks made sure that references resolve."""
        return self.resources[ResourceKey(kind, name)]

    async def run_pipeline(
        self, name: str, parameters: Mapping[str, Any], invocation: Invocation | None = None
    ) -> PipelineRun:
        """Run a pipeline to its end.

        Raises:
            ArgumentError: the parameters do not fit the pipeline's.
        """
        run, execution = self.start_pipeline(name, parameters, invocation or Invocation.manual())
        await execution
        return run

    def start_pipeline(
        self,
        name: str,
        parameters: Mapping[str, Any],
        invocation: Invocation,
        *,
        recovery: Recovery | None = None,
        run_id: str | None = None,
    ) -> tuple[PipelineRun, asyncio.Task[None]]:
        """Start a pipeline and return its run with the task that carries it out; the run queues for a free slot.

        Args:
            name: the pipeline.
            parameters: their values.
            invocation: what starts it.
            recovery: what a rerun takes over from an earlier run.
            run_id: the run's id, for a run that was queued before; a new one by default.

        Raises:
            ArgumentError: the parameters do not fit the pipeline's.
        """
        pipeline = self.resource("pipeline", name)
        name, properties = pipeline.name, pipeline.properties
        declared = properties.get("parameters") or {}
        resolved = resolve(declared, parameters, name)
        shown = without_secrets(declared, resolved)
        identity = run_id or str(uuid.uuid4())
        run = PipelineRun(identity, name, shown, dict(invocation.invoked_by), clock.now())
        run.group_id = (recovery and recovery.group_id) or identity
        self.runs.append(run)
        frame = Frame(
            run=run,
            properties=properties,
            system={**self._system_variables(run, invocation), "parameters": resolved},
            variables={},
            recovery=recovery,
        )
        task = asyncio.create_task(self._carry_out(frame), name=f"{name} {run.run_id}")
        self._detached.add(task)
        task.add_done_callback(self._detached.discard)
        return run, task

    async def wait_for_all(self) -> None:
        """Wait until every run has ended, those that nobody waits for included."""
        while self._detached:
            await asyncio.gather(*self._detached)

    async def cancel(self) -> None:
        """Cancel every run that has not ended, and wait until each is marked so."""
        for task in self._detached:
            task.cancel()
        await asyncio.gather(*self._detached, return_exceptions=True)

    async def run_activities(self, activities: Sequence[Activity], frame: Frame) -> None:
        """Run activities by their dependencies, side by side where these allow.

        Raises:
            ActivityError: the set failed; the message names the activity that made it fail.
        """
        statuses: dict[str, Status] = {}
        recovered, frame.anew = frame.recovery.parted(activities, frame.scope) if frame.recovery else ({}, frozenset())
        for earlier in recovered.values():
            statuses[folded(earlier.activity_name)] = self._take_over(earlier, frame)
        waiting = [activity for activity in activities if activity["name"] not in recovered]
        running: dict[asyncio.Task[Status], str] = {}
        try:
            while waiting or running:
                waiting, skipped = self._start_ready(waiting, statuses, running, frame)
                if skipped:
                    continue
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    statuses[folded(running.pop(task))] = task.result()
        finally:
            await _cancel(running)
        failed = failures(activities, statuses)
        if failed:
            reason = frame.activities[failed[0]]["error"]["message"]
            raise ActivityError("BadRequest", f"Operation on target {failed[0]} failed: {reason}")

    def _start_ready(
        self,
        waiting: list[Activity],
        statuses: dict[str, Status],
        running: dict[asyncio.Task[Status], str],
        frame: Frame,
    ) -> tuple[list[Activity], bool]:
        still_waiting, skipped = [], False
        for activity in waiting:
            match readiness(activity, statuses):
                case Readiness.WAIT:
                    still_waiting.append(activity)
                case Readiness.RUN:
                    running[asyncio.create_task(self._run_activity(activity, frame))] = activity["name"]
                case Readiness.SKIP:
                    statuses[folded(activity["name"])] = self._end_unrun(activity, frame, Status.SKIPPED)
                    skipped = True
        return still_waiting, skipped

    async def _carry_out(self, frame: Frame) -> None:
        run = frame.run
        self._changed(run)
        try:
            concurrency = frame.evaluate(frame.properties.get("concurrency"))
            most = None if concurrency is None else whole_number(concurrency, "concurrency")
            async with self._slots.taken(run.pipeline_name, most):
                run.status = Status.IN_PROGRESS
                self._changed(run)
                for variable, declaration in (frame.properties.get("variables") or {}).items():
                    frame.variables[variable] = default_of_variable(declaration, frame.evaluate)
                await self.run_activities(frame.properties.get("activities") or [], frame)
                run.status = Status.SUCCEEDED
        except ActivityError as error:
            run.status, run.message = Status.FAILED, error.message
        except ExpressionError as error:
            run.status, run.message = Status.FAILED, str(error)
        except asyncio.CancelledError:
            run.status, run.message = Status.CANCELLED, "The run was cancelled."
            raise
        finally:
            run.end = clock.now()
            run.returned = dict(frame.returned)
            self._changed(run)

    async def _run_activity(self, activity: Activity, frame: Frame) -> Status:
        if activity.get("state") == "Inactive":
            return self._end_unrun(activity, frame, Status.INACTIVE)
        try:
            policy = Policy.read(activity.get("policy"), frame.evaluate)
        except ActivityError as error:
            return self._end_unrun(activity, frame, Status.FAILED, error)
        except ExpressionError as error:
            return self._end_unrun(activity, frame, Status.FAILED, ActivityError("InvalidTemplate", str(error)))
        attempt = 0
        while True:
            run = await self._try_activity(activity, frame, policy, attempt)
            if run.status is Status.SUCCEEDED or attempt == policy.retries:
                return run.status
            run.retried = True
            attempt += 1
            await self.sleep(policy.retry_interval)

    async def _try_activity(self, activity: Activity, frame: Frame, policy: Policy, attempt: int) -> ActivityRun:
        run = self._new_activity_run(activity, frame, attempt)
        error: ActivityError | None = None
        try:
            async with asyncio.timeout(policy.timeout_seconds):
                run.output = await self._perform(activity, run, frame)
            run.status = Status.SUCCEEDED
        except ActivityError as failure:
            error = failure
        except ExpressionError as failure:
            error = ActivityError("InvalidTemplate", str(failure))
        except TimeoutError:
            error = ActivityError(
                "Timeout", f"Activity {run.activity_name} ran longer than its timeout, {policy.timeout}."
            )
        except asyncio.CancelledError:
            run.status = Status.CANCELLED
            raise
        finally:
            if error:
                run.status, run.error = Status.FAILED, error.to_json(run.activity_name)
            run.end = clock.now()
            frame.activities[run.activity_name] = _as_seen_by_expressions(run)
            run.output = None if policy.secure_output else run.output
            run.input = None if policy.secure_input else run.input
            self._changed(frame.run, run)
        return run

    async def _perform(self, activity: Activity, run: ActivityRun, frame: Frame) -> Any:
        answer = self._stubs.next_answer(run.pipeline_name, run.activity_name, run.activity_type)
        if answer:
            return await run_stub(answer, activity, run, frame, self)
        return await ACTIVITIES[run.activity_type](activity, run, frame, self)

    def _end_unrun(
        self, activity: Activity, frame: Frame, status: Status, error: ActivityError | None = None
    ) -> Status:
        run = self._new_activity_run(activity, frame, 0)
        run.status, run.end = status, run.start
        counts_as = Status(activity.get("onInactiveMarkAs") or "Succeeded") if status is Status.INACTIVE else status
        if counts_as is Status.FAILED:
            inactive = ActivityError("Inactive", f"Activity {run.activity_name} is inactive and marked as failed.")
            run.error = (error or inactive).to_json(run.activity_name)
        frame.activities[run.activity_name] = {**_as_seen_by_expressions(run), "Status": counts_as}
        self._changed(frame.run, run)
        return counts_as

    def _take_over(self, earlier: ActivityRun, frame: Frame) -> Status:
        """Let an activity count as run, with what an earlier run says of it."""
        run = replace(
            earlier,
            activity_run_id=str(uuid.uuid4()),
            pipeline_run_id=frame.run.run_id,
            container=frame.container,
            recovered=True,
        )
        frame.run.activity_runs.append(run)
        frame.activities[run.activity_name] = _as_seen_by_expressions(run)
        self._changed(frame.run, run)
        return run.status

    def _new_activity_run(self, activity: Activity, frame: Frame, attempt: int) -> ActivityRun:
        policy = activity.get("policy") or {}
        run = ActivityRun(
            activity_name=activity["name"],
            activity_type=activity["type"],
            activity_run_id=str(uuid.uuid4()),
            pipeline_name=frame.run.pipeline_name,
            pipeline_run_id=frame.run.run_id,
            status=Status.IN_PROGRESS,
            start=clock.now(),
            retry_attempt=attempt,
            container=frame.container,
            scope=frame.scope,
            secure_input=bool(policy.get("secureInput")),
            secure_output=bool(policy.get("secureOutput")),
        )
        frame.run.activity_runs.append(run)
        self._changed(frame.run, run)
        return run

    def _system_variables(self, run: PipelineRun, invocation: Invocation) -> dict[str, Any]:
        return {
            "DataFactory": self._name,
            "Pipeline": run.pipeline_name,
            "RunId": run.run_id,
            "GroupId": run.group_id,
            "TriggeredByPipelineName": None,
            "TriggeredByPipelineRunId": None,
            **invocation.system,
            "globalParameters": self._global_parameters(),
        }

    def _global_parameters(self) -> dict[str, Any]:
        return {
            name: parameter.get("value")
            for key, resource in self.resources.items()
            if key.kind == "factory"
            for name, parameter in (resource.properties.get("globalParameters") or {}).items()
        }

    def _changed(self, run: PipelineRun, activity: ActivityRun | None = None) -> None:
        self._listener(run, activity)


def _as_seen_by_expressions(run: ActivityRun) -> dict[str, Any]:
    return {
        "ActivityName": run.activity_name,
        "ActivityType": run.activity_type,
        "ActivityRunId": run.activity_run_id,
        "PipelineName": run.pipeline_name,
        "PipelineRunId": run.pipeline_run_id,
        "Status": run.status,
        "ExecutionStartTime": timestamp(run.start),
        "ExecutionEndTime": timestamp(run.end),
        "RetryAttempt": run.retry_attempt,
        "input": run.input,
        "output": {} if run.output is None else run.output,
        "error": run.error,
    }


async def _cancel(tasks: Mapping[asyncio.Task[Status], str]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""The factory's triggers as they fire: on a schedule, or for each window of time once it has closed.

A trigger that listens to events is kept, started and stopped, but nothing on this machine sends it events.
"""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from bundle.resources import Resource, ResourceKey
from local_factory.errors import LocalFactoryError
from local_factory.expressions import ExpressionError
from local_factory.runs import Status, timestamp
from local_factory.schedule import fire_times
from local_factory.server.errors import ServiceError, bad_request, not_found
from local_factory.server.events import Events
from local_factory.server.history import ENDED, TriggerRun
from local_factory.server.objects import FactoryObjects
from local_factory.server.runs import Runs
from local_factory.server.service_rules import STARTED
from local_factory.triggers import find_trigger, requests_of, window_requests_of
from local_factory.watching import StateOfWindow, is_ready
from local_factory.windows import Window, Windows, read_windows

SUCCEEDED, FAILED, IN_PROGRESS = "Succeeded", "Failed", "Inprogress"
_SECONDS_BETWEEN_LOOKS = 1.0
# Of a trigger's windows that are due, so many at most are looked at together.
_MOST_WINDOWS_AHEAD = 500
_A_MOMENT_BEFORE = timedelta(microseconds=1)


class Triggers:
    """The triggers that are started, each waiting for its next moment."""

    def __init__(self, objects: FactoryObjects, runs: Runs, events: Events) -> None:
        self._objects = objects
        self._runs = runs
        self._events = events
        self._waiting: dict[str, tuple[bytes, asyncio.Task[None]]] = {}

    # What clients do

    def start(self, name: str) -> None:
        """Start a trigger.

        Raises:
            ServiceError: there is none, or it starts nothing.
        """
        self._objects.start(name)
        self.refresh()

    def stop(self, name: str) -> None:
        """Stop a trigger; runs that it started go on.

        Raises:
            ServiceError: there is none.
        """
        self._objects.stop(name)
        self.refresh()

    def rerun(self, name: str, trigger_run_id: str) -> None:
        """Run what a trigger's run started once more, for the same moment.

        Raises:
            ServiceError: there is no such run, or it cannot be run again.
        """
        run = self._run_of(name, trigger_run_id)
        if run.status == IN_PROGRESS and not self._settled(run):
            raise bad_request(f"Trigger run '{trigger_run_id}' is still in progress.")
        resource = self._objects.get("trigger", run.trigger_name)
        edges = [run.properties.get(name) for name in ("WindowStartTime", "WindowEndTime")]
        if all(edges):
            start, end = (datetime.fromisoformat(str(edge)) for edge in edges)
            self._keep_window(self._fire(resource, Window(start, end, end), run.group_id))
        else:
            self._keep(self._fire(resource, datetime.fromisoformat(run.properties["ScheduleTime"]), run.group_id))

    def forget(self, name: str) -> None:
        """Forget which windows a trigger that was deleted has fired for."""
        self._runs.history.forget_windows(name)

    def cancel(self, name: str, trigger_run_id: str) -> None:
        """Cancel a trigger's run with the pipelines that it started.

        Raises:
            ServiceError: there is no such run.
        """
        run = self._run_of(name, trigger_run_id)
        for pipeline_run in run.runs.values():
            self._runs.cancel(pipeline_run, recursive=True)

    def next_fire_times(self, resource: Resource, number: int) -> list[datetime]:
        """Return a trigger's next moments; none for one that listens to events, or whose schedule is wrong."""
        try:
            if resource.properties.get("type") == "TumblingWindowTrigger":
                until = self._runs.history.windows_until(resource.name)
                windows = read_windows(resource.properties).after(until)
                return list(islice((window.due for window in windows if not self._has_run(resource, window)), number))
            return list(islice(fire_times(resource.document, datetime.now(UTC)), number))
        except LocalFactoryError:
            return []

    # What happens by itself

    def refresh(self) -> None:
        """Let those wait that are started, and no others."""
        wanted = {
            resource.name: resource.content
            for resource in self._objects.of("trigger")
            if self._objects.state(resource.name) == STARTED
        }
        for name in [name for name, (content, _) in self._waiting.items() if wanted.get(name) != content]:
            self._waiting.pop(name)[1].cancel()
        for name, content in wanted.items():
            if name not in self._waiting:
                self._waiting[name] = (content, asyncio.create_task(self._wait(name), name=f"trigger {name}"))

    async def watch(self) -> None:
        """Follow the files of triggers, and the runs that triggers started, as long as the server runs."""
        while True:
            generation = self._objects.generation
            self._objects.refresh()
            if self._objects.generation != generation:
                self._events.tell("factory")
            self.refresh()
            self.settle()
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    def settle(self) -> None:
        """Write down how the runs of triggers ended whose pipelines have ended."""
        for run in self._runs.history.trigger_runs_with_status(IN_PROGRESS):
            self._settled(run)

    async def close(self) -> None:
        """Let none fire any more."""
        tasks = [task for _, task in self._waiting.values()]
        self._waiting = {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, name: str) -> None:
        resource = self._objects.resources[ResourceKey("trigger", name)]
        kind = resource.properties.get("type")
        try:
            if kind == "ScheduleTrigger":
                for moment in fire_times(resource.document, datetime.now(UTC) - _A_MOMENT_BEFORE):
                    await _sleep_until(moment)
                    self._keep(self._fire(resource, moment))
            elif kind == "TumblingWindowTrigger":
                await self._tumble(resource)
        except LocalFactoryError as error:
            self._keep(_new_run(resource, {}, FAILED, str(error)))

    async def _tumble(self, resource: Resource) -> None:
        """Run every window that is due, closed ones at once, as soon as those that it depends on have succeeded.

        One that waits for another holds up none that need not.
        """
        windows = read_windows(resource.properties)
        self._dependencies(resource, windows)
        queue = _WindowQueue(asyncio.Semaphore(windows.most_at_once))
        ahead = asyncio.Semaphore(_MOST_WINDOWS_AHEAD)
        async with asyncio.TaskGroup() as going:
            for window in windows.after(self._runs.history.windows_until(resource.name)):
                if self._has_run(resource, window):
                    continue
                await _sleep_until(window.due)
                await ahead.acquire()
                queue.enter(window)
                task = going.create_task(self._run_window(resource, windows, window, queue))
                task.add_done_callback(lambda _task: ahead.release())

    async def _run_window(self, resource: Resource, windows: Windows, window: Window, queue: "_WindowQueue") -> None:
        while not self._is_ready(resource, windows, window):
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        async with queue.side_by_side:
            run = self._fire(resource, window)
            self._keep_window(run, queue.leave(window))
            await self._see_through(resource, windows, window, run)

    def _is_ready(self, resource: Resource, windows: Windows, window: Window) -> bool:
        try:
            return is_ready(windows, window, self._dependencies(resource, windows))
        except LocalFactoryError:
            return False  # a trigger that it depends on is being made anew

    def _dependencies(self, resource: Resource, windows: Windows) -> dict[str | None, tuple[Windows, StateOfWindow]]:
        """Return the triggers that a trigger depends on, by name (None: itself), each with how its windows stand."""
        found: dict[str | None, tuple[Windows, StateOfWindow]] = {}
        for name in {dependency.trigger for dependency in windows.dependencies}:
            other = find_trigger(self._objects.resources, name) if name else resource
            found[name] = (read_windows(other.properties), partial(self._runs.history.window_status, other.name))
        return found

    def _has_run(self, resource: Resource, window: Window) -> bool:
        return self._runs.history.window_status(resource.name, str(timestamp(window.start))) is not None

    async def _see_through(self, resource: Resource, windows: Windows, window: Window, run: TriggerRun) -> None:
        """Wait for a window's run, and run the window again as often as the trigger's retry policy says."""
        for attempt in range(windows.retries + 1):
            await asyncio.gather(*(self._runs.ended(run_id) for run_id in run.runs.values()))
            self._settled(run)
            kept = self._runs.history.trigger_run(run.trigger_run_id)
            if kept is None or kept.status != FAILED or attempt == windows.retries:
                return
            await asyncio.sleep(windows.seconds_between_tries)
            run = self._fire(resource, window, run.group_id)
            self._keep_window(run)

    def _fire(self, resource: Resource, moment: datetime | Window, group_id: str | None = None) -> TriggerRun:
        """Start what a trigger starts, at a moment or for a window, and return the trigger's run."""
        properties = (
            {"WindowStartTime": timestamp(moment.start), "WindowEndTime": timestamp(moment.end)}
            if isinstance(moment, Window)
            else {"ScheduleTime": timestamp(moment)}
        )
        run = _new_run(resource, properties, IN_PROGRESS, "")
        run = replace(run, group_id=group_id or run.group_id)
        started: dict[str, str] = {}
        problems: list[str] = []
        try:
            requests = (
                window_requests_of(resource, moment, run.trigger_run_id)
                if isinstance(moment, Window)
                else requests_of(resource, moment, run.trigger_run_id)
            )
            for request in requests:
                try:
                    created = self._runs.create(request.pipeline, request.parameters, invocation=request.invocation)
                    started[request.pipeline] = created.run_id
                except ServiceError as error:
                    problems.append(f"{request.pipeline}: {error.message}")
        except ExpressionError as error:
            problems.append(str(error))
        status = FAILED if problems else IN_PROGRESS
        return replace(run, status=status, message=" ".join(problems), runs=started)

    def _settled(self, run: TriggerRun) -> bool:
        """Say whether a trigger's run has ended, and write down how."""
        kept = [self._runs.find(pipeline_run) for pipeline_run in run.runs.values()]
        statuses = [found.run.status for found in kept if found]
        if any(status not in ENDED for status in statuses):
            return False
        failed = [found.run.pipeline_name for found in kept if found and found.run.status is not Status.SUCCEEDED]
        message = f"{', '.join(failed)} did not succeed." if failed else ""
        self._keep(replace(run, status=FAILED if failed else SUCCEEDED, message=message))
        return True

    def _run_of(self, name: str, trigger_run_id: str) -> TriggerRun:
        trigger = self._objects.get("trigger", name)
        run = self._runs.history.trigger_run(trigger_run_id)
        if run is None or run.trigger_name != trigger.name:
            raise not_found(f"The trigger run '{trigger_run_id}' of '{trigger.name}' was not found.")
        return run

    def _keep(self, run: TriggerRun) -> None:
        self._runs.history.keep_trigger_run(run)
        self._events.tell("triggers")

    def _keep_window(self, run: TriggerRun, until: datetime | None = None) -> None:
        self._runs.history.keep_window(run, until)
        self._events.tell("triggers")


class _WindowQueue:
    """The windows of a trigger that are due and have not been fired for; `side_by_side` lets so many run at once."""

    def __init__(self, side_by_side: asyncio.Semaphore) -> None:
        self.side_by_side = side_by_side
        self._waiting: set[datetime] = set()
        self._last_end: datetime | None = None

    def enter(self, window: Window) -> None:
        """Add a window, the next one in time."""
        self._waiting.add(window.start)
        self._last_end = window.end

    def leave(self, window: Window) -> datetime | None:
        """Take out a window that is fired for, and return up to when all have been."""
        self._waiting.remove(window.start)
        return min(self._waiting, default=self._last_end)


def _new_run(resource: Resource, properties: Mapping[str, Any], status: str, message: str) -> TriggerRun:
    identity = str(uuid.uuid4())
    now = datetime.now(UTC)
    kind = str(resource.properties.get("type"))
    told = {"TriggerTime": timestamp(now), **properties}
    return TriggerRun(identity, identity, resource.name, kind, status, now, message, told, {})


async def _sleep_until(moment: datetime) -> None:
    # A laptop that slept meanwhile wakes up late: what is left is asked for again and again.
    while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(left, 30))

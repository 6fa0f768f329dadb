"""Watching a trigger: what it fires from now on, whatever its type, as `run_local.py --watch` runs it.

Schedules fire at their moments. Tumbling windows run once they have closed, in their order, what they depend on first;
what became of each stands in the work folder, so that a later watch goes on from there. Storage events come of looks at
the folder that stands in.
"""

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bundle.bundle import Bundle
from bundle.resources import Resource
from local_factory import blob_events
from local_factory.data.stand_ins import StandIns
from local_factory.errors import ScheduleError
from local_factory.local_run import PipelineRequest
from local_factory.runs import timestamp
from local_factory.schedule import fire_times
from local_factory.triggers import event_requests_of, find_trigger, requests_of, window_requests_of
from local_factory.windows import Window, Windows, read_windows

_SECONDS_BETWEEN_LOOKS = 1.0
_SCHEDULE, _WINDOWS = "ScheduleTrigger", "TumblingWindowTrigger"
# What became of the window that starts at a moment, as runs.timestamp writes it; None where it has not run.
StateOfWindow = Callable[[str], str | None]


@dataclass(frozen=True)
class Fire:
    """One firing: what it starts, what it is called, how often a failure is tried again, and who hears of the end."""

    requests: Sequence[PipelineRequest]
    title: str
    retries: int = 0
    seconds_between_tries: float = 0
    ended: Callable[[bool], None] = lambda _succeeded: None


class WindowHistory:
    """What became of a trigger's windows, in a file of the work folder: Succeeded or Failed by the window's start."""

    def __init__(self, workdir: Path, trigger: str) -> None:
        self._file = workdir / "triggers" / f"{trigger}.json"

    def states(self) -> dict[str, str]:
        """Return what became of the windows that have ended."""
        try:
            return dict(json.loads(self._file.read_text(encoding="utf-8")))
        except OSError:
            return {}

    def note(self, window: Window, *, succeeded: bool) -> None:
        """Keep what became of a window."""
        states = {**self.states(), str(timestamp(window.start)): "Succeeded" if succeeded else "Failed"}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        aside = self._file.with_suffix(".partial")
        aside.write_text(json.dumps(states, indent=2), encoding="utf-8")
        os.replace(aside, self._file)  # noqa: PTH105 - replaces what is there


def fires(
    trigger: Resource, bundle: Bundle, stand_ins: StandIns, workdir: Path, say: Callable[[str], None]
) -> AsyncIterator[Fire]:
    """Return what a trigger fires from now on.

    Args:
        trigger: the trigger.
        bundle: the factory.
        stand_ins: which folder stands in for a storage account.
        workdir: where it is kept which windows have run.
        say: is told what is waited for.

    Raises:
        ScheduleError: the trigger cannot be watched.
    """
    kind = trigger.properties.get("type")
    if kind == _SCHEDULE:
        return _scheduled(trigger, say)
    if kind == _WINDOWS:
        return _tumbling(trigger, bundle, workdir, say)
    if kind == blob_events.TYPE:
        return _stored(trigger, blob_events.read_blob_events(trigger, bundle, stand_ins), say)
    raise ScheduleError(f"{trigger.name}: a {kind} has nothing to watch here: give it an event, --event FILE.")


def is_ready(own: Windows, window: Window, others: Mapping[str | None, tuple[Windows, StateOfWindow]]) -> bool:
    """Say whether every window that this one depends on has succeeded.

    Args:
        own: the window's trigger.
        window: the window.
        others: each trigger that it depends on, by name (None: itself), with what tells what became of its windows.
    """
    for dependency in own.dependencies:
        trigger, state_of = others[dependency.trigger]
        start = window.start + dependency.offset
        end = start + (dependency.size or window.end - window.start)
        if dependency.trigger is None and start < trigger.start:
            continue  # before its first window there is nothing to depend on
        covered = start
        for candidate in trigger.after(start):
            if candidate.start >= end:
                break
            if candidate.start > covered or state_of(str(timestamp(candidate.start))) != "Succeeded":
                return False
            covered = candidate.end
        if covered < end:
            return False
    return True


async def _scheduled(trigger: Resource, say: Callable[[str], None]) -> AsyncIterator[Fire]:
    for moment in fire_times(trigger.document, datetime.now(UTC)):
        say(f"{trigger.name} fires next at {moment:%a %Y-%m-%d %H:%M %Z}. Ctrl-C ends the watch.")
        await asyncio.sleep((moment - datetime.now(UTC)).total_seconds())
        yield Fire(requests_of(trigger, moment), f"{moment:%Y-%m-%d %H:%M}")


async def _tumbling(
    trigger: Resource, bundle: Bundle, workdir: Path, say: Callable[[str], None]
) -> AsyncIterator[Fire]:
    windows, history = read_windows(trigger.properties), WindowHistory(workdir, trigger.name)
    names = {dependency.trigger for dependency in windows.dependencies}
    others = {name: find_trigger(bundle.resources, name) if name else trigger for name in names}
    read = {name: read_windows(other.properties) for name, other in others.items()}
    free = asyncio.Semaphore(windows.most_at_once)
    for window in windows.after(None):
        if str(timestamp(window.start)) in history.states():
            continue
        title = f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}"
        if window.due > datetime.now(UTC):
            say(f"{trigger.name} fires next at {window.due:%a %Y-%m-%d %H:%M} UTC. Ctrl-C ends the watch.")
            await asyncio.sleep((window.due - datetime.now(UTC)).total_seconds())

        def states() -> dict[str | None, tuple[Windows, StateOfWindow]]:
            return {
                name: (read[name], WindowHistory(workdir, other.name).states().get) for name, other in others.items()
            }

        if not is_ready(windows, window, states()):
            say(f"{trigger.name}: the window {title} waits for what it depends on.")
        while not is_ready(windows, window, states()):
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        await free.acquire()
        yield Fire(
            window_requests_of(trigger, window, str(uuid.uuid4())),
            title,
            windows.retries,
            windows.seconds_between_tries,
            _noting(history, window, free),
        )


def _noting(history: WindowHistory, window: Window, free: asyncio.Semaphore) -> Callable[[bool], None]:
    def ended(succeeded: bool) -> None:
        history.note(window, succeeded=succeeded)
        free.release()

    return ended


async def _stored(trigger: Resource, events: blob_events.BlobEvents, say: Callable[[str], None]) -> AsyncIterator[Fire]:
    say(f"{trigger.name} watches {events.root}{events.begins} for files. Ctrl-C ends the watch.")
    before = events.snapshot()
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        after = await asyncio.to_thread(events.snapshot)
        # A file that still grows is told when it has come to rest.
        settled = {path: state for path, state in after.items() if before.get(path) == state}
        for event in events.between(events.seen, settled):
            body = event.body
            yield Fire(event_requests_of(trigger, body, {"body": body}), f"{event.folder}/{event.file}")
        events.remember(settled, after)
        before = after


def read_event(file: Path) -> Mapping[str, Any]:
    """Read an event for a trigger of custom or storage events, given by hand.

    Raises:
        ScheduleError: the file is not a JSON object.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ScheduleError(f"--event {file}: cannot be read as JSON: {error}") from None
    if not isinstance(document, dict):
        raise ScheduleError(f"--event {file}: expected a JSON object.")
    return document

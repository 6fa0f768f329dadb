"""Carrying out actions: notebooks first, then factory objects level by level, each level in parallel, deletes last.

An apply and a rollback differ in what they want, not in how it is done: both come here.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from bundle.resources import ResourceKey
from deployment.connections import PARALLEL, Target
from deployment.differences import differences
from deployment.errors import (
    ChangedMeanwhileError,
    DeploymentError,
    ExecutionError,
    FactoryError,
    WorkspaceError,
)
from deployment.factory import LiveObject
from deployment.jobs import with_job_ids
from deployment.plan import DASHBOARD, DONE, GIT_FOLDER, JOB, Action, Operation
from deployment.workspace import FileKind, WorkspaceFile, parent

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Contents:
    """What actions send: objects' bytes, files by path, jobs' and dashboards' settings; a Git folder's branch."""

    objects: Mapping[ResourceKey, bytes]
    files: Mapping[str, WorkspaceFile]
    branch: str | None = None
    jobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    dashboards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass
class Execution:
    """One pass over a list of actions.

    Args:
        target: where to.
        contents: what the actions send.
        progress: is told of every change that is done.
        before_step: is called between steps, and stops the execution by raising (a lock that was lost).
        keep_going: go on after an error, as a rollback does; without, a step with an error is the last.
    """

    target: Target
    contents: Contents
    progress: Progress
    before_step: Callable[[], None] = lambda: None
    keep_going: bool = False
    _errors: list[str] = field(default_factory=list)
    # A trigger has another ETag once it is stopped.
    _etags: dict[ResourceKey, str | None] = field(default_factory=dict)
    # The ids of jobs that are made here: pipelines name them.
    _job_ids: dict[str, str] = field(default_factory=dict)

    def run(self, actions: Iterable[Action]) -> None:
        """Do it all.

        Raises:
            ExecutionError: with one line for every change that was refused.
        """
        actions = list(actions)
        ours = [action for action in actions if action.in_factory]
        jobs = [action for action in actions if action.kind == JOB]
        files = [action for action in actions if action.kind in list(FileKind)]
        dashboards = [action for action in actions if action.kind == DASHBOARD]
        upserts = [action for action in ours if action.operation is not Operation.DELETE]
        deletes = [action for action in ours if action.operation is Operation.DELETE]
        stops = [action for action in ours if action.stop and (action.sends or not action.start)]
        starts = [action for action in upserts if action.start and (action.sends or not action.stop)]

        self._step([action for action in actions if action.kind == GIT_FOLDER], self._update_git_folder)
        self._write_files([action for action in files if action.operation is not Operation.DELETE])
        self._step([action for action in jobs if action.operation is not Operation.DELETE], self._put_job)
        self._levels(stops, self._stop, reverse=True)
        self._levels([action for action in upserts if action.sends], self._put)
        self._levels(starts, self._start)
        self._levels(deletes, self._delete, reverse=True)
        self._step([action for action in jobs if action.operation is Operation.DELETE], self._delete_job)
        self._step([action for action in files if action.operation is Operation.DELETE], self._delete_file)
        self._step(dashboards, self._put_or_trash_dashboard)
        self._raise_errors()

    def _levels(self, actions: list[Action], do: Callable[[Action], str], *, reverse: bool = False) -> None:
        ordered = sorted(actions, key=lambda action: action.level, reverse=reverse)
        for _, level in groupby(ordered, key=lambda action: action.level):
            self._step(list(level), do)

    def _step(self, actions: list[Action], do: Callable[[Action], str]) -> None:
        if not actions:
            return
        self.before_step()
        with ThreadPoolExecutor(PARALLEL) as pool:
            futures = [pool.submit(do, action) for action in actions]
            try:
                for future in futures:
                    self._finish(future, futures)
            except BaseException:
                # Interrupted: what has not begun does not begin; leaving the pool waits for what has.
                _cancel(futures)
                raise
        if not self.keep_going:
            self._raise_errors()

    def _finish(self, future: Future[str], futures: list[Future[str]]) -> None:
        if future.cancelled():
            return
        try:
            self.progress(future.result())
        except DeploymentError as error:
            self._errors.append(str(error))
            if not self.keep_going:
                _cancel(futures)

    def _raise_errors(self) -> None:
        if self._errors:
            raise ExecutionError("\n".join(self._errors))

    def _write_files(self, actions: list[Action]) -> None:
        if not actions:
            return
        self.before_step()
        for folder in sorted({parent(action.name) for action in actions}):
            try:
                self.target.workspace.make_folder(folder)
            except WorkspaceError as error:
                self._errors.append(str(error))
        if not self.keep_going:
            self._raise_errors()
        self._step(actions, self._write_file)

    def _write_file(self, action: Action) -> str:
        self.target.workspace.write(self.contents.files[action.name])
        return f"{DONE[action.operation]} {action.label}"

    def _delete_file(self, action: Action) -> str:
        self.target.workspace.delete(action.name)
        return f"{DONE[action.operation]} {action.label}"

    def _update_git_folder(self, action: Action) -> str:
        folder = self.target.workspace.git_folder(action.name)
        if folder is None or self.contents.branch is None:
            raise WorkspaceError(f"{action.name}: the Git folder is gone.")
        after = self.target.workspace.update_git_folder(folder, self.contents.branch)
        if after.commit != action.content:
            raise WorkspaceError(
                f"{action.name}: the newest commit of {self.contents.branch} is {after.commit}, not {action.content} "
                "of this bundle. Push it, or deploy the newest: a Git folder is brought to a branch's end only."
            )
        return f"updated {action.label} to {after.commit}"

    def _put_job(self, action: Action) -> str:
        job_id = self.target.workspace.put_job(self.contents.jobs[action.name], action.etag)
        self._job_ids[action.name] = job_id
        return f"{DONE[action.operation]} {action.label}"

    def _delete_job(self, action: Action) -> str:
        self.target.workspace.delete_job(str(action.etag))
        return f"{DONE[action.operation]} {action.label}"

    def _put_or_trash_dashboard(self, action: Action) -> str:
        if action.operation is Operation.DELETE:
            self.target.lakeview.trash(action.name)
        else:
            self.target.lakeview.put(action.name, self.contents.dashboards[action.name], action.etag)
        return f"{DONE[action.operation]} {action.label}"

    def _put(self, action: Action) -> str:
        content = with_job_ids(self.contents.objects[action.key], self._job_ids)
        try:
            self.target.factory.put(action.key, content, self._etags.get(action.key, action.etag))
        except FactoryError:
            if not self._is_as_sent(action.key, content):
                raise
        return f"{DONE[action.operation]} {action.label}"

    def _is_as_sent(self, key: ResourceKey, content: bytes) -> bool:
        # An answer may be lost after the effect; the try that follows it then fails on the new ETag.
        live = self.target.factory.get(key)
        return live is not None and not differences(live.document, json.loads(content))

    def _delete(self, action: Action) -> str:
        try:
            self.target.factory.delete(action.key)
        except FactoryError:
            if self.target.factory.get(action.key) is not None:
                raise
        return f"deleted {action.key}"

    def _stop(self, action: Action) -> str:
        trigger = self._trigger(action)
        if action.etag not in (None, trigger.etag):
            raise ChangedMeanwhileError(f"{action.key}: changed in the factory since the plan was made (ETag).")
        self._etags[action.key] = self.target.factory.stop_trigger(trigger).etag
        return f"stopped {action.key}"

    def _start(self, action: Action) -> str:
        self.target.factory.start_trigger(self._trigger(action))
        return f"started {action.key}"

    def _trigger(self, action: Action) -> LiveObject:
        live = self.target.factory.get(action.key)
        if live is None:
            raise FactoryError(f"{action.key}: is gone.")
        return live


def _cancel(futures: Iterable[Future[str]]) -> None:
    for future in futures:
        future.cancel()

"""Apply and rollback: plan, lock, snapshot, execution, and the way back when anything fails."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bundle.environments import NotebookDelivery
from deployment.connections import Target
from deployment.dashboards import with_access
from deployment.desired import Desired
from deployment.errors import (
    ApplyFailedError,
    DeploymentError,
    LockLostError,
    PlanRefusedError,
    RollbackFailedError,
    StalePlanError,
)
from deployment.execution import Contents, Execution, Progress
from deployment.jobs import resolved
from deployment.live import Live, read_dashboards, read_files, read_jobs, read_live, read_objects
from deployment.lock import Lock
from deployment.plan import Options, Plan, what_differs
from deployment.planning import make_plan
from deployment.snapshot import Snapshot, take_snapshot, way_back

# A rollback meets the fault that made it necessary: it tries again, and waits longer each time (seconds).
ROLLBACK_WAITS = (0.0, 2.0, 10.0)


@dataclass(frozen=True)
class Applied:
    """What an apply did: the plan, and the snapshot's file when anything was changed."""

    plan: Plan
    snapshot: Path | None


def current_plan(target: Target, desired: Desired, options: Options) -> tuple[Plan, Live]:
    """Return the plan of this moment, and what it was made from."""
    live = read_live(target, desired.files, desired.jobs, desired.dashboards)
    with_ids = dataclasses.replace(desired, objects=resolved(desired.objects, live.jobs))
    return make_plan(with_ids, live, target.environment, options), live


def apply(
    target: Target,
    desired: Desired,
    *,
    options: Options,
    saved: Plan | None,
    snapshots: Path,
    progress: Progress,
    announce: Callable[[Plan], None] = lambda _plan: None,
    break_lock: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Applied:
    """Bring an environment to what is wanted; on any failure put it back as it was.

    A saved plan is applied only if it is, word for word, what would be planned now. The same holds for the plan that is
    made here and looked at again once the lock is held. `announce` is given the plan before anything is changed.

    Raises:
        StalePlanError: the saved plan is not of this moment. Nothing was changed.
        PlanRefusedError: the plan holds what must not be done. Nothing was changed.
        LockedError: another deployment is under way. Nothing was changed.
        LockLostError: another deployment took the lock over; nothing was put back.
        ApplyFailedError: something failed; everything was put back.
        RollbackFailedError: something failed, and not everything could be put back.
    """
    plan, _ = current_plan(target, desired, saved.options if saved else options)
    if saved:
        _check_fresh(saved, plan)
    if plan.refusals:
        raise PlanRefusedError(*plan.refusals)
    if not plan.actions:
        return Applied(plan, None)
    announce(plan)
    lock = _lock(target)
    with lock.held(progress, take_over=break_lock):
        fresh, live = current_plan(target, desired, plan.options)
        _check_fresh(plan, fresh)
        snapshot = take_snapshot(plan, live, datetime.now(UTC))
        file = snapshot.save(snapshots)
        progress(f"snapshot: {file}")
        objects = {key: resource.content for key, resource in resolved(desired.objects, live.jobs).items()}
        dashboards = with_access(desired.dashboards.settings, live.dashboards)
        contents = Contents(objects, desired.files, desired.branch, desired.jobs, dashboards)
        try:
            Execution(target, contents, progress, lock.renew).run(plan.actions)
        except LockLostError as failure:
            # Another deployment is at work: putting things back would undo what it does.
            raise LockLostError(f"{failure} Stopped half-way, nothing was put back. Before it all: {file}") from None
        except BaseException as failure:
            # Whatever it was, an interruption or an error of ours: nothing stays half done.
            what = str(failure) if isinstance(failure, DeploymentError) else f"interrupted: {failure!r}"
            try:
                undone = _undo(target, snapshot, what, progress, sleep)
            except RollbackFailedError as error:
                way_out = f"deploy.py rollback {file} --env {target.environment.name}"
                raise RollbackFailedError(f"{what}\nNOT everything was put back:\n{error}\nTry: {way_out}") from failure
            raise ApplyFailedError(undone) from failure
    return Applied(plan, file)


def rollback(
    target: Target,
    snapshot: Snapshot,
    *,
    progress: Progress,
    break_lock: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Put an environment back as a snapshot holds it, and return what was put back.

    Raises:
        LockedError: another deployment is under way. Nothing was changed.
        RollbackFailedError: not everything could be put back.
    """
    with _lock(target).held(progress, take_over=break_lock):
        return restore(target, snapshot, progress, sleep)


def restore(target: Target, snapshot: Snapshot, progress: Progress, sleep: Callable[[float], None]) -> list[str]:
    """Put everything back, trying again what fails, and return what was put back.

    Raises:
        RollbackFailedError: with one line for everything that is not as the snapshot holds it.
    """
    restored: dict[str, None] = {}
    problems: list[str] = []
    for wait in (*ROLLBACK_WAITS, None):
        try:
            files = read_files(target.workspace, snapshot.files)
            jobs = read_jobs(target.workspace, snapshot.jobs)
            dashboards = read_dashboards(target.lakeview, snapshot.dashboards)
            actions, contents = way_back(snapshot, read_objects(target.factory), files, jobs, dashboards)
            if not actions:
                problems = []
                break
            restored.update(dict.fromkeys(action.label for action in actions))
            problems = [f"{action.label}: is not as it was" for action in actions]
            if wait is None:
                break
            sleep(wait)
            Execution(target, contents, progress, keep_going=True).run(actions)
        except DeploymentError as error:
            problems = str(error).splitlines()
            progress(f"not put back yet: {error}")
    problems += _git_folder_problems(target, snapshot)
    if problems:
        raise RollbackFailedError("\n".join(problems))
    return list(restored)


def _git_folder_problems(target: Target, snapshot: Snapshot) -> list[str]:
    if target.environment.databricks.notebooks is not NotebookDelivery.GIT_FOLDER or not snapshot.git_folder:
        return []
    try:
        folder = target.workspace.git_folder(snapshot.git_folder)
    except DeploymentError as error:
        return [str(error)]
    if folder and folder.commit == snapshot.commit:
        return []
    return [
        f"{snapshot.git_folder}: the Git folder was at {snapshot.commit}, is at {folder.commit if folder else 'none'}. "
        "It is brought to a branch's end only: revert the commit on the branch, and deploy."
    ]


def _check_fresh(plan: Plan, fresh: Plan) -> None:
    changed = what_differs(plan, fresh)
    if changed:
        raise StalePlanError("the plan is stale; make it again. Nothing was changed.\n" + "\n".join(changed))


def _lock(target: Target) -> Lock:
    return Lock(target.workspace, target.environment.databricks.root, target.factory.name)


def _undo(target: Target, snapshot: Snapshot, what: str, progress: Progress, sleep: Callable[[float], None]) -> str:
    """Put everything back, and return what there is to say of it; the error says what could not be."""
    progress(f"failed: {what}\nrolling back")
    restored = restore(target, snapshot, progress, sleep)
    listed = "".join(f"\n  {name}" for name in restored) or " nothing had been changed"
    return f"{what}\nEverything is as it was before. Put back:{listed}"

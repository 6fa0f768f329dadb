"""Control activities: branches, loops, child pipelines, waiting and failing on purpose."""

import asyncio
from collections.abc import Sequence
from typing import Any

from local_factory.control_flow import Activity
from local_factory.durations import timespan_seconds
from local_factory.engine import Engine, Frame
from local_factory.errors import ActivityError, ArgumentError
from local_factory.invocation import Invocation
from local_factory.parameters import convert, without_secrets
from local_factory.policy import whole_number
from local_factory.runs import ActivityRun, Status

# How many iterations of a ForEach run side by side: what it says, 20 if it does not, 50 at most.
_DEFAULT_BATCH = 20
_MOST_BATCH = 50


async def run_if(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Run one of two branches; a branch that fails fails the activity."""
    properties = activity["typeProperties"]
    condition = _boolean(frame.evaluate(properties["expression"]), "expression")
    run.input = {"expression": condition}
    branch = properties.get("ifTrueActivities" if condition else "ifFalseActivities") or []
    await engine.run_activities(branch, frame.inner(run))
    return {}


async def run_switch(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Run the case whose value equals `on` as text, else the default activities."""
    properties = activity["typeProperties"]
    value = convert(frame.evaluate(properties["on"]), "String")
    run.input = {"on": value}
    chosen = next(
        (case.get("activities") for case in properties.get("cases") or [] if str(case["value"]) == value),
        properties.get("defaultActivities"),
    )
    await engine.run_activities(chosen or [], frame.inner(run))
    return {}


async def run_foreach(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Run the inner activities once an item, side by side unless sequential; all items are tried, then it fails."""
    properties = activity["typeProperties"]
    items = _array(frame.evaluate(properties["items"]), "items")
    run.input = {"itemsCount": len(items)}
    if frame.evaluate(properties.get("isSequential")) is True:
        batch = 1
    else:
        most = whole_number(frame.evaluate(properties.get("batchCount")) or _DEFAULT_BATCH, "batchCount")
        batch = min(most, _MOST_BATCH)
    iterations = [frame.iteration(run, item, number) for number, item in enumerate(items)]
    pending = iter(iterations)
    failures: list[ActivityError] = []

    async def work() -> None:
        for iteration in pending:
            try:
                await engine.run_activities(properties["activities"], iteration)
            except ActivityError as error:
                failures.append(error)

    async with asyncio.TaskGroup() as workers:
        for _ in range(min(batch, len(items))):
            workers.create_task(work())
    for iteration in iterations:  # what reads them after the loop sees those of the last item
        frame.activities.update(iteration.own_activities)
    if failures:
        raise failures[0]
    return {}


async def run_until(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Run the inner activities again and again until the expression is true, which is looked at after each time.

    A round that fails does not end the loop; when the last one failed, so did the activity.
    Source: https://learn.microsoft.com/azure/data-factory/control-flow-until-activity.
    """
    properties = activity["typeProperties"]
    timeout = frame.evaluate(properties.get("timeout") or "7.00:00:00")
    iterations = 0
    try:
        async with asyncio.timeout(timespan_seconds(timeout)):
            while True:
                iterations += 1
                run.input = {"iterations": iterations}
                failure = await _round(properties["activities"], frame.inner(run, iterations - 1), engine)
                if _boolean(frame.evaluate(properties["expression"]), "expression"):
                    break
                await asyncio.sleep(0)
    except TimeoutError:
        raise ActivityError("Timeout", f"Until {activity['name']} ran longer than its timeout, {timeout}.") from None
    if failure:
        raise failure
    return {}


async def run_filter(activity: Activity, run: ActivityRun, frame: Frame, _engine: Engine) -> Any:
    """Return the items for which the condition is true, and how many there were."""
    properties = activity["typeProperties"]
    items = _array(frame.evaluate(properties["items"]), "items")
    run.input = {"itemsCount": len(items)}
    kept = [
        item for item in items if _boolean(frame.iteration(run, item).evaluate(properties["condition"]), "condition")
    ]
    return {"ItemsCount": len(items), "FilteredItemsCount": len(kept), "Value": kept}


async def run_execute_pipeline(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Start a child pipeline; when it waits for the child, the child's failure is its own."""
    properties = activity["typeProperties"]
    name = properties["pipeline"]["referenceName"]
    parameters = frame.evaluate(properties.get("parameters") or {})
    waits = bool(properties.get("waitOnCompletion", False))
    declared = engine.resource("pipeline", name).properties.get("parameters") or {}
    shown = without_secrets(declared, parameters)
    run.input = {"pipelineName": name, "waitOnCompletion": waits, "parameters": shown}
    recovery = frame.child_recovery(run.activity_name)
    try:
        invocation = Invocation.activity(run, frame.system)
        child, execution = engine.start_pipeline(name, parameters, invocation, recovery=recovery)
    except ArgumentError as error:
        raise ActivityError("BadRequest", str(error)) from None
    run.output = {"pipelineRunId": child.run_id, "pipelineName": name}
    if not waits:
        return run.output
    await asyncio.shield(execution)  # a run that is cancelled leaves those that it called alone, as in ADF
    if child.status is not Status.SUCCEEDED:
        raise ActivityError("BadRequest", child.message)
    return {**run.output, "pipelineReturnValue": child.returned} if child.returned else run.output


async def run_wait(activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Wait for a number of seconds."""
    seconds = frame.evaluate(activity["typeProperties"]["waitTimeInSeconds"])
    run.input = {"waitTimeInSeconds": seconds}
    try:
        waiting_time = int(seconds)
    except (TypeError, ValueError):
        raise ActivityError("InvalidTemplate", f"waitTimeInSeconds: expected seconds, got {seconds!r}.") from None
    await engine.sleep(waiting_time)
    return {}


async def run_fail(activity: Activity, run: ActivityRun, frame: Frame, _engine: Engine) -> Any:
    """Fail with the message and the error code that the activity gives."""
    properties = frame.evaluate(activity["typeProperties"])
    run.input = {"message": properties["message"], "errorCode": properties["errorCode"]}
    raise ActivityError(str(properties["errorCode"]), str(properties["message"]))


async def _round(activities: Sequence[Activity], frame: Frame, engine: Engine) -> ActivityError | None:
    try:
        await engine.run_activities(activities, frame)
    except ActivityError as error:
        return error
    return None


def _boolean(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ActivityError("InvalidTemplate", f"{name}: expected true or false, got {value!r}.")


def _array(value: Any, name: str) -> Sequence[Any]:
    if isinstance(value, list):
        return value
    raise ActivityError("InvalidTemplate", f"{name}: expected an array, got {value!r}.")

"""What a stubbed activity does: it notes what it was called with, waits as long as the stub says, and answers."""

from typing import Any

from bundle.activities import INNER_LISTS
from local_factory.control_flow import Activity
from local_factory.engine import Engine, Frame
from local_factory.runs import ActivityRun
from local_factory.stubs import Answer

# What is evaluated for each item or round, so that it has no value where the activity starts.
_EVALUATED_WITHIN = frozenset({("Filter", "condition"), ("Until", "expression")})
_SWITCH_CASES = ("Switch", "cases")


async def run_stub(answer: Answer, activity: Activity, run: ActivityRun, frame: Frame, engine: Engine) -> Any:
    """Answer for an activity: its input is what it would have run with, every expression evaluated."""
    run.stubbed = True
    run.input = called_with(activity, frame)
    if answer.seconds:
        await engine.sleep(answer.seconds)
    run.output = answer.evaluated_output(frame.evaluate)
    if answer.error:
        raise answer.error
    return run.output


def called_with(activity: Activity, frame: Frame) -> dict[str, Any]:
    """Return an activity's `typeProperties`, and its `inputs` and `outputs` if it has such, evaluated."""
    kind = activity["type"]
    inner = {(kind, key) for key in INNER_LISTS.get(kind, ())} | {_SWITCH_CASES}
    properties = {
        key: value
        for key, value in (activity.get("typeProperties") or {}).items()
        if (kind, key) not in inner | _EVALUATED_WITHIN
    }
    datasets = {key: activity[key] for key in ("inputs", "outputs") if activity.get(key)}
    evaluated: dict[str, Any] = _without_secrets(frame.evaluate({**properties, **datasets}))
    return evaluated


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("type") == "SecureString" and "value" in value:
            return {**value, "value": "********"}
        return {key: _without_secrets(item) for key, item in value.items()}
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value

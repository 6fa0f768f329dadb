"""The engine: retries, timeouts, concurrency, parameters and what each run records."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from local_factory.errors import ActivityError, ArgumentError
from local_factory.factory import Factory
from local_factory.invocation import Invocation
from support.pipelines import (
    DATABRICKS,
    ScriptedNotebooks,
    activity_runs,
    expression,
    fail,
    no_sleep,
    notebook,
    pipeline,
    run,
    run_all,
    set_variable,
    statuses,
    succeed,
)

FAILURE = ActivityError("3204", "run failed")


def recorder(naps: list[float]) -> Any:
    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    return sleep


def test_a_failed_try_is_tried_again_after_the_interval_and_each_try_is_recorded() -> None:
    naps: list[float] = []
    result = run(
        [notebook("load", "/nb", policy={"retry": 2, "retryIntervalInSeconds": 45})],
        notebooks=ScriptedNotebooks(**{"/nb": [FAILURE, 7]}),
        sleep=recorder(naps),
    )
    tries = [(entry.status, entry.retry_attempt, entry.retried) for entry in result.activity_runs]
    assert tries == [("Failed", 0, True), ("Succeeded", 1, False)]
    assert naps == [45]
    assert result.status == "Succeeded"


def test_retries_end_after_the_number_that_the_policy_gives() -> None:
    notebooks = ScriptedNotebooks(**{"/nb": FAILURE})
    result = run([notebook("load", "/nb", policy={"retry": 2})], notebooks=notebooks)
    assert len(notebooks.requests) == 3
    assert result.status == "Failed"


def test_without_a_policy_there_is_one_try() -> None:
    notebooks = ScriptedNotebooks(**{"/nb": FAILURE})
    run([notebook("load", "/nb")], notebooks=notebooks)
    assert len(notebooks.requests) == 1


def test_an_activity_that_runs_longer_than_its_timeout_fails() -> None:
    never = asyncio.Event()
    result = run(
        [notebook("load", "/nb", policy={"timeout": "0.00:00:01"})], notebooks=ScriptedNotebooks(**{"/nb": never})
    )
    assert result.activity_runs[0].error is not None
    assert result.activity_runs[0].error["errorCode"] == "Timeout"
    assert "0.00:00:01" in result.message


def test_secure_input_and_output_are_not_recorded_but_expressions_see_them() -> None:
    result = run(
        [
            notebook("load", "/nb", parameters={"key": "k"}, policy={"secureInput": True, "secureOutput": True}),
            set_variable("keep", "v", expression("@string(activity('load').output.runOutput)"), "load"),
        ],
        notebooks=ScriptedNotebooks(**{"/nb": 7}),
        variables={"v": {"type": "String"}},
    )
    load, keep = result.activity_runs
    assert (load.input, load.output) == (None, None)
    assert keep.output == {"name": "v", "value": "7"}


def test_independent_activities_run_side_by_side() -> None:
    """Each waits for the other: run one after the other, neither would end."""
    here, there = asyncio.Event(), asyncio.Event()

    class Meeting(ScriptedNotebooks):
        async def run(self, request: Any) -> Any:
            mine, other = (here, there) if request.notebook_path == "/a" else (there, here)
            mine.set()
            await asyncio.wait_for(other.wait(), 5)
            return await super().run(request)

    result = run([notebook("A", "/a"), notebook("B", "/b")], notebooks=Meeting(**{"/a": 1, "/b": 2}))
    assert result.status == "Succeeded"


def test_runs_beyond_the_concurrency_of_a_pipeline_queue() -> None:
    async def execute() -> list[tuple[str, str]]:
        gate = asyncio.Event()
        resources = {e.key: e for e in [pipeline("PL", [notebook("load", "/nb")], concurrency=1), DATABRICKS]}
        async with httpx.AsyncClient() as http:
            factory = Factory(resources, ScriptedNotebooks(**{"/nb": gate}), http)
            first, _ = factory.start_pipeline("PL", {}, Invocation.manual())
            second, _ = factory.start_pipeline("PL", {}, Invocation.manual())
            await asyncio.sleep(0.05)
            before = (str(first.status), str(second.status))
            gate.set()
            await factory.wait_for_all()
            return [before, (str(first.status), str(second.status))]

    assert asyncio.run(execute()) == [("InProgress", "Queued"), ("Succeeded", "Succeeded")]


def test_a_cancelled_run_and_what_it_runs_are_marked_so() -> None:
    async def execute() -> Factory:
        resources = {entry.key: entry for entry in [pipeline("PL", [notebook("load", "/nb")]), DATABRICKS]}
        async with httpx.AsyncClient() as http:
            factory = Factory(resources, ScriptedNotebooks(**{"/nb": asyncio.Event()}), http)
            factory.start_pipeline("PL", {}, Invocation.manual())
            await asyncio.sleep(0.05)
            await factory.cancel()
            return factory

    (result,) = asyncio.run(execute()).runs
    assert result.status == "Cancelled"
    assert result.end is not None
    assert statuses(result) == {"load": "Cancelled"}


def test_parameters_take_their_defaults_and_what_is_given() -> None:
    result = run(
        [set_variable("keep", "v", expression("@concat(pipeline().parameters.a, pipeline().parameters.B)"))],
        {"b": "given"},
        parameters={"a": {"type": "String", "defaultValue": "default "}, "b": {"type": "String"}},
        variables={"v": {"type": "String"}},
    )
    assert activity_runs(result, "keep")[0].output == {"name": "v", "value": "default given"}
    assert result.parameters == {"a": "default ", "b": "given"}


def test_a_secure_parameter_is_not_recorded_but_expressions_see_it() -> None:
    result = run(
        [set_variable("keep", "v", expression("@string(length(pipeline().parameters.key))"))],
        {"key": "hush"},
        parameters={"key": {"type": "SecureString"}},
        variables={"v": {"type": "String"}},
    )
    assert result.parameters == {"key": "********"}
    assert activity_runs(result, "keep")[0].output["value"] == "4"


def test_a_parameter_of_the_wrong_type_is_refused_before_the_run() -> None:
    with pytest.raises(ArgumentError, match=r"PL: parameter 'n': expected Int, got \"many\""):
        run([succeed("A")], {"n": "many"}, parameters={"n": {"type": "Int"}})


VARIABLES = {"v": {"type": "String"}}


@pytest.mark.parametrize(
    ("declaration", "value"),
    [
        ({"type": "String"}, ""),
        ({"type": "Boolean"}, "False"),
        ({"type": "Bool"}, "False"),
        ({"type": "Integer"}, "0"),
        ({"type": "Array"}, "[]"),
        ({"type": "Integer", "defaultValue": "5"}, "5"),
        ({"type": "Boolean", "defaultValue": "true"}, "True"),
        ({"type": "String", "defaultValue": "@if(empty(pipeline().parameters.day), 'today', 'then')"}, "today"),
        ({"type": "String", "defaultValue": expression("@concat('a', 'b')")}, "ab"),
    ],
)
def test_a_variable_starts_with_its_default_evaluated_or_the_empty_value_of_its_type(
    declaration: Any, value: str
) -> None:
    result = run(
        [set_variable("show", "v", expression("@string(variables('n'))"))],
        parameters={"day": {"type": "string", "defaultValue": ""}},
        variables={"n": declaration, **VARIABLES},
    )
    assert activity_runs(result, "show")[0].output["value"] == value


def test_a_variable_whose_default_cannot_be_evaluated_fails_the_run() -> None:
    result = run([succeed("A")], variables={"v": {"type": "String", "defaultValue": "@int('x')"}})
    assert (result.status, result.activity_runs) == ("Failed", [])
    assert "@int('x')" in result.message


def test_names_of_activities_and_variables_ignore_case() -> None:
    result = run(
        [
            set_variable("First Step", "State", "a"),
            set_variable("second", "V", expression("@variables('STATE')"), "first step"),
            fail("third", ("SECOND", "Failed")),
        ],
        variables={"state": {"type": "String"}, **VARIABLES},
    )
    assert statuses(result) == {"First Step": "Succeeded", "second": "Succeeded", "third": "Skipped"}
    assert activity_runs(result, "second")[0].output["value"] == "a"


def test_a_policy_may_hold_expressions() -> None:
    notebooks = ScriptedNotebooks(**{"/nb": [ActivityError("1", "once"), 1]})
    policy = {
        "retry": expression("@int('1')"),
        "retryIntervalInSeconds": "@add(1, 1)",
        "timeout": "@concat('0:0', ':9')",
    }
    result = run([notebook("load", "/nb", policy=policy)], notebooks=notebooks)
    assert [str(entry.status) for entry in result.activity_runs] == ["Failed", "Succeeded"]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"retry": "many"}, "policy.retry: expected a whole number of 0 or more, got 'many'"),
        ({"retry": expression("@int('x')")}, "@int('x')"),
        ({"timeout": "soon"}, "expected a time span D.HH:MM:SS, got 'soon'"),
    ],
)
def test_a_policy_that_cannot_be_read_fails_the_activity_and_says_why(policy: Any, message: str) -> None:
    result = run([notebook("load", "/nb", policy=policy)], notebooks=ScriptedNotebooks(**{"/nb": 1}))
    assert (result.status, statuses(result)) == ("Failed", {"load": "Failed"})
    assert message in result.message


@pytest.mark.parametrize("properties", [{"policy": None, "dependsOn": None}, {"state": None, "userProperties": None}])
def test_optional_keys_of_an_activity_may_be_null(properties: Any) -> None:
    assert run([{**succeed("A"), **properties}], parameters=None, variables=None).status == "Succeeded"


def test_system_variables_name_the_run() -> None:
    result = run(
        [
            set_variable(
                "keep",
                "v",
                "@{pipeline().Pipeline} @{pipeline().RunId} @{pipeline().TriggerType} @{pipeline().DataFactory}"
                "@{pipeline()?.TriggeredByPipelineRunId}",
            )
        ],
        variables={"v": {"type": "String"}},
    )
    assert activity_runs(result, "keep")[0].output["value"] == f"PL {result.run_id} Manual local"


def test_a_wrong_expression_fails_the_activity_with_the_reason() -> None:
    result = run([fail("A", message=expression("@activity('nobody').output"))])
    assert result.activity_runs[0].error is not None
    assert result.activity_runs[0].error["errorCode"] == "InvalidTemplate"
    assert "nobody" in result.message


def test_a_run_is_recorded_under_the_names_of_the_rest_api() -> None:
    result = run([succeed("A")]).to_json()
    assert set(result) == {
        "runId",
        "pipelineName",
        "status",
        "message",
        "parameters",
        "invokedBy",
        "runStart",
        "runEnd",
        "durationInMs",
        "activityRuns",
    }
    assert set(result["activityRuns"][0]) == {
        "activityName",
        "activityType",
        "activityRunId",
        "status",
        "input",
        "output",
        "error",
        "activityRunStart",
        "activityRunEnd",
        "durationInMs",
        "retryAttempt",
        "pipelineName",
        "pipelineRunId",
    }


def test_ten_thousand_iterations_take_seconds() -> None:
    loop = {
        "name": "loop",
        "type": "ForEach",
        "typeProperties": {
            "items": expression("@range(0, 10000)"),
            "activities": [set_variable("keep", "v", expression("@string(item())"))],
        },
    }
    start = time.process_time()
    result = run_all([pipeline("PL", [loop], variables={"v": {"type": "String"}})], sleep=no_sleep)[0]
    assert result.status == "Succeeded"
    assert len(result.activity_runs) == 10_001
    assert time.process_time() - start < 20

"""Control activities: branches, loops, child pipelines."""

import asyncio
from typing import Any

import pytest

from local_factory.errors import ActivityError
from support.pipelines import (
    ScriptedNotebooks,
    activity,
    activity_runs,
    expression,
    fail,
    notebook,
    pipeline,
    run,
    run_all,
    set_variable,
    statuses,
    succeed,
)


def if_condition(condition: str, when_true: Any = None, when_false: Any = None) -> dict[str, Any]:
    branches = {"ifTrueActivities": when_true, "ifFalseActivities": when_false}
    return activity("if", "IfCondition", expression=expression(condition), **{k: v for k, v in branches.items() if v})


def for_each(items: str, activities: Any, **fields: Any) -> dict[str, Any]:
    return activity("loop", "ForEach", items=expression(items), activities=activities, **fields)


@pytest.mark.parametrize(("condition", "ran"), [("@greater(2, 1)", "yes"), ("@greater(1, 2)", "no")])
def test_an_if_runs_one_branch_and_does_not_mention_the_other(condition: str, ran: str) -> None:
    result = run([if_condition(condition, [succeed("yes")], [succeed("no")])])
    assert statuses(result) == {"if": "Succeeded", ran: "Succeeded"}
    assert activity_runs(result, ran)[0].container is activity_runs(result, "if")[0]


def test_an_if_without_the_branch_succeeds() -> None:
    assert run([if_condition("@equals(1, 2)", [fail("no")])]).status == "Succeeded"


def test_a_failure_in_a_branch_fails_the_if_and_the_run_says_which_activity_it_was() -> None:
    result = run([if_condition("@equals(1, 1)", [fail("load", message="no table")])])
    assert activity_runs(result, "if")[0].error == {
        "errorCode": "BadRequest",
        "message": "Operation on target load failed: no table",
        "failureType": "UserError",
        "target": "if",
        "details": "",
    }
    assert result.message == "Operation on target if failed: Operation on target load failed: no table"


def test_an_if_that_is_neither_true_nor_false_fails() -> None:
    result = run([if_condition("@string(12)", [succeed("yes")])])
    assert "expected true or false, got '12'" in result.message


def test_activities_in_a_branch_see_what_ran_before_the_if() -> None:
    result = run(
        [
            succeed("before"),
            {**if_condition("@equals(1, 1)", [set_variable("in", "v", expression("@activity('before').Status"))])}
            | {"dependsOn": [{"activity": "before", "dependencyConditions": ["Succeeded"]}]},
        ],
        variables={"v": {"type": "String"}},
    )
    assert activity_runs(result, "in")[0].output["value"] == "Succeeded"


@pytest.mark.parametrize(("on", "ran"), [("a", "case a"), ("b", "case b"), ("A", "default"), ("z", "default")])
def test_a_switch_runs_the_case_that_equals_its_value(on: str, ran: str) -> None:
    result = run(
        [
            activity(
                "switch",
                "Switch",
                on=expression(f"@concat('{on}', '')"),
                cases=[{"value": c, "activities": [succeed(f"case {c}")]} for c in "ab"],
                defaultActivities=[succeed("default")],
            )
        ]
    )
    assert statuses(result) == {"switch": "Succeeded", ran: "Succeeded"}


def test_a_sequential_for_each_keeps_the_order_of_its_items() -> None:
    result = run(
        [
            for_each(
                "@createArray('x', 'y', 'z')",
                [activity("add", "AppendVariable", variableName="seen", value=expression("@item()"))],
                isSequential=True,
            ),
            set_variable("keep", "text", expression("@join(variables('seen'), '')"), "loop"),
        ],
        variables={"seen": {"type": "Array"}, "text": {"type": "String"}},
    )
    assert activity_runs(result, "keep")[0].output["value"] == "xyz"


@pytest.mark.parametrize(("fields", "most"), [({"batchCount": 3}, 3), ({}, 20), ({"isSequential": True}, 1)])
def test_a_for_each_runs_no_more_iterations_at_once_than_its_batch_count(fields: dict[str, Any], most: int) -> None:
    running, peak = 0, 0

    async def sleep(_seconds: float) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0.002)
        running -= 1

    result = run([for_each("@range(1, 60)", [succeed("wait")], **fields)], sleep=sleep)
    assert result.status == "Succeeded"
    assert peak == most


def test_a_for_each_goes_on_after_an_iteration_that_fails_and_then_fails() -> None:
    check = activity(
        "check",
        "IfCondition",
        expression=expression("@equals(item(), 2)"),
        ifTrueActivities=[fail("two", message="two is wrong")],
    )
    result = run([for_each("@range(1, 4)", [check], isSequential=True)])
    assert [str(entry.status) for entry in activity_runs(result, "check")] == ["Succeeded", "Failed"] + [
        "Succeeded"
    ] * 2
    assert statuses(result)["loop"] == "Failed"
    assert "two is wrong" in result.message


def test_an_iteration_sees_its_own_activities_only() -> None:
    result = run(
        [
            for_each(
                "@createArray('a', 'b', 'c', 'd')",
                [
                    notebook("load", "/nb", parameters={"name": expression("@item()")}),
                    activity(
                        "add",
                        "AppendVariable",
                        "load",
                        variableName="seen",
                        value=expression("@concat(item(), activity('load').input.baseParameters.name)"),
                    ),
                ],
            ),
        ],
        notebooks=ScriptedNotebooks(**{"/nb": 1}),
        variables={"seen": {"type": "Array"}},
    )
    assert sorted(e.output["value"] for e in activity_runs(result, "add")) == ["aa", "bb", "cc", "dd"]


def test_a_for_each_over_nothing_succeeds_and_over_no_array_fails() -> None:
    assert run([for_each("@json('[]')", [fail("never")])]).status == "Succeeded"
    assert "expected an array" in run([for_each("@string('x')", [succeed("never")])]).message


def test_until_runs_until_its_expression_is_true() -> None:
    result = run(
        [
            activity(
                "until",
                "Until",
                expression=expression("@equals(length(variables('seen')), 3)"),
                activities=[activity("add", "AppendVariable", variableName="seen", value="x")],
                timeout="0.00:01:00",
            )
        ],
        variables={"seen": {"type": "Array"}},
    )
    assert len(activity_runs(result, "add")) == 3
    assert result.status == "Succeeded"


@pytest.mark.parametrize(("last", "status"), [("fails", "Failed"), ("succeeds", "Succeeded")])
def test_a_round_that_fails_does_not_end_an_until_whose_outcome_is_that_of_the_last(last: str, status: str) -> None:
    fails_at_first = activity(
        "try",
        "IfCondition",
        "count",
        expression=expression(f"@or(less(length(variables('tries')), 3), equals('{last}', 'fails'))"),
        ifTrueActivities=[fail("stop", message="not yet")],
    )
    result = run(
        [
            activity(
                "until",
                "Until",
                expression=expression("@greaterOrEquals(length(variables('tries')), 3)"),
                activities=[activity("count", "AppendVariable", variableName="tries", value="x"), fails_at_first],
                timeout="0.00:01:00",
            )
        ],
        variables={"tries": {"type": "Array"}},
    )
    assert len(activity_runs(result, "count")) == 3
    assert result.status == status


def container(kind: str, *inner: Any) -> dict[str, Any]:
    fields = {
        "IfCondition": {"expression": expression("@equals(1, 1)"), "ifTrueActivities": list(inner)},
        "Switch": {"on": "a", "cases": [{"value": "a", "activities": list(inner)}]},
        "Until": {
            "expression": expression("@equals(activity('inner').output.value, 'done')"),
            "activities": list(inner),
        },
        "ForEach": {"items": expression("@createArray(1, 2)"), "activities": list(inner)},
    }
    return activity("container", kind, **fields[kind])


@pytest.mark.parametrize("kind", ["IfCondition", "Switch", "Until", "ForEach"])
def test_an_inner_activity_is_seen_outside_when_its_container_has_ended(kind: str) -> None:
    result = run(
        [
            container(kind, set_variable("inner", "state", "done")),
            set_variable("use", "other", expression("@activity('inner').output.value"), "container"),
        ],
        variables={"state": {"type": "String"}, "other": {"type": "String"}},
    )
    assert activity_runs(result, "use")[0].output["value"] == "done"


def test_after_a_for_each_the_activities_of_the_last_item_are_seen() -> None:
    result = run(
        [
            for_each("@createArray('a', 'b')", [set_variable("inner", "v", expression("@item()"))], isSequential=True),
            set_variable("use", "v", expression("@activity('inner').output.value"), "loop"),
        ],
        variables={"v": {"type": "String"}},
    )
    assert activity_runs(result, "use")[0].output["value"] == "b"


def test_a_batch_count_may_be_an_expression_and_must_be_a_number() -> None:
    loop = for_each("@range(1, 4)", [succeed("wait")], batchCount=expression("@add(1, 1)"))
    assert run([loop]).status == "Succeeded"
    loop["typeProperties"]["batchCount"] = expression("@string('many')")
    assert "batchCount: expected a whole number of 0 or more, got 'many'" in run([loop]).message


def test_until_fails_when_it_runs_longer_than_its_timeout() -> None:
    never = activity(
        "until", "Until", expression=expression("@equals(1, 2)"), activities=[succeed("wait")], timeout="0.00:00:01"
    )
    result = run([never], sleep=lambda _: asyncio.sleep(0.01))
    assert result.status == "Failed"
    assert "0.00:00:01" in result.message


def test_a_filter_keeps_the_items_for_which_its_condition_is_true() -> None:
    keep = activity("filter", "Filter", items=expression("@range(1, 5)"), condition=expression("@greater(item(), 3)"))
    result = run([keep])
    assert result.activity_runs[0].output == {"ItemsCount": 5, "FilteredItemsCount": 2, "Value": [4, 5]}


def test_wait_waits_for_its_seconds_and_refuses_what_is_no_number() -> None:
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    run([activity("wait", "Wait", waitTimeInSeconds=expression("@add(2, 3)"))], sleep=sleep)
    assert naps == [5]
    assert "expected seconds" in run([activity("wait", "Wait", waitTimeInSeconds="soon")]).message


def execute_pipeline(name: str = "call", **fields: Any) -> dict[str, Any]:
    reference = {"referenceName": "Child", "type": "PipelineReference"}
    return activity(name, "ExecutePipeline", pipeline=reference, **{"waitOnCompletion": True, **fields})


def test_a_child_pipeline_runs_with_its_parameters_and_knows_its_parent() -> None:
    child = pipeline(
        "Child",
        [set_variable("keep", "v", "@{pipeline().parameters.n} @{pipeline()?.TriggeredByPipelineName}")],
        parameters={"n": {"type": "String"}},
        variables={"v": {"type": "String"}},
    )
    parent, called = run_all(
        [pipeline("Parent", [execute_pipeline(parameters={"n": expression("@add(600, 1)")})]), child]
    )
    assert called.parameters == {"n": "601"}
    assert activity_runs(called, "keep")[0].output["value"] == "601 Parent"
    assert activity_runs(parent, "call")[0].output == {"pipelineRunId": called.run_id, "pipelineName": "Child"}
    assert called.invoked_by["invokedByType"] == "PipelineActivity"
    assert called.invoked_by["pipelineRunId"] == parent.run_id


def test_the_failure_of_a_child_that_is_waited_for_is_the_parents() -> None:
    parent, child = run_all([pipeline("Parent", [execute_pipeline()]), pipeline("Child", [fail("A", message="no")])])
    assert child.status == "Failed"
    assert parent.message == "Operation on target call failed: Operation on target A failed: no"
    assert activity_runs(parent, "call")[0].output["pipelineRunId"] == child.run_id


def test_a_child_that_is_not_waited_for_does_not_fail_its_parent_but_runs_to_its_end() -> None:
    parent, child = run_all(
        [pipeline("Parent", [execute_pipeline(waitOnCompletion=False)]), pipeline("Child", [fail("A")])]
    )
    assert (parent.status, child.status) == ("Succeeded", "Failed")


def test_a_child_gives_back_its_return_values() -> None:
    give = activity(
        "give",
        "SetVariable",
        variableName="pipelineReturnValue",
        setSystemVariable=True,
        value=[{"key": "count", "value": {"type": "Expression", "content": "@add(1, 2)"}}],
    )
    parent, _ = run_all(
        [
            pipeline(
                "Parent",
                [
                    execute_pipeline(),
                    set_variable(
                        "keep", "v", expression("@string(activity('call').output.pipelineReturnValue.count)"), "call"
                    ),
                ],
                variables={"v": {"type": "String"}},
            ),
            pipeline("Child", [give]),
        ]
    )
    assert activity_runs(parent, "keep")[0].output["value"] == "3"


@pytest.mark.parametrize(
    "given", [{}, {"caller": None}, {"caller": expression("@pipeline()?.TriggeredByPipelineRunId")}]
)
def test_a_parameter_that_is_not_given_or_is_null_is_null_in_the_child(given: Any) -> None:
    child = pipeline(
        "Child",
        [set_variable("keep", "v", expression("@coalesce(pipeline().parameters.caller, 'nobody')"))],
        parameters={"caller": {"type": "string"}},
        variables={"v": {"type": "String"}},
    )
    _, called = run_all([pipeline("Parent", [execute_pipeline(parameters=given)]), child])
    assert activity_runs(called, "keep")[0].output["value"] == "nobody"


def test_a_parameter_that_the_child_does_not_declare_is_left_out() -> None:
    parent, called = run_all([pipeline("Parent", [execute_pipeline(parameters={"full": True})]), pipeline("Child", [])])
    assert (parent.status, called.parameters) == ("Succeeded", {})


def test_a_child_is_found_whatever_the_case_of_its_name() -> None:
    parent, called = run_all([pipeline("Parent", [execute_pipeline()]), pipeline("CHILD", [])])
    assert (parent.status, called.pipeline_name) == ("Succeeded", "CHILD")


def test_fail_fails_with_its_own_code_and_evaluated_message() -> None:
    result = run([fail("stop", message=expression("@concat('count: ', 12)"))])
    assert result.activity_runs[0].error is not None
    assert (result.activity_runs[0].error["errorCode"], result.activity_runs[0].error["message"]) == ("E1", "count: 12")


def test_a_failed_notebook_fails_its_activity_with_the_run_page_in_the_output() -> None:
    notebooks = ScriptedNotebooks(**{"/nb": ActivityError("3204", "run failed")})
    result = run([notebook("load", "/nb")], notebooks=notebooks)
    assert result.activity_runs[0].output == {"runPageUrl": "page"}
    assert result.message == "Operation on target load failed: run failed"

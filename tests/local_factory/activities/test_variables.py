"""SetVariable and AppendVariable."""

from typing import Any

import pytest

from support.pipelines import activity, activity_runs, expression, run, set_variable


@pytest.mark.parametrize(
    ("declared", "value"),
    [("String", "text"), ("Boolean", True), ("Array", [1, "two"]), ("Integer", 3)],
)
def test_a_variable_takes_a_value_of_its_type(declared: str, value: Any) -> None:
    result = run([set_variable("set", "v", value)], variables={"v": {"type": declared}})
    assert result.activity_runs[0].output == {"name": "v", "value": value}


@pytest.mark.parametrize(
    ("declared", "value"),
    [("String", 5), ("String", True), ("Boolean", "true"), ("Array", "x"), ("Integer", "3"), ("Integer", True)],
)
def test_a_value_of_the_wrong_type_fails_the_activity(declared: str, value: Any) -> None:
    result = run([set_variable("set", "v", value)], variables={"v": {"type": declared}})
    assert result.status == "Failed"
    assert f"Variable 'v': expected {declared}" in result.message


def test_a_variable_starts_with_its_default() -> None:
    result = run(
        [set_variable("set", "w", expression("@concat(variables('v'), '!')"))],
        variables={"v": {"type": "String", "defaultValue": "hello"}, "w": {"type": "String"}},
    )
    assert activity_runs(result, "set")[0].output["value"] == "hello!"


def test_a_variable_that_is_not_declared_fails_the_activity() -> None:
    assert "'v' is not declared" in run([set_variable("set", "v", "x")]).message


def test_only_an_array_can_be_appended_to() -> None:
    append = activity("add", "AppendVariable", variableName="v", value="x")
    assert "no Array" in run([append], variables={"v": {"type": "String"}}).message


def test_a_default_is_not_changed_by_appending() -> None:
    default = [1]
    run(
        [activity("add", "AppendVariable", variableName="v", value=2)],
        variables={"v": {"type": "Array", "defaultValue": default}},
    )
    assert default == [1]

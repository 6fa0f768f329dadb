"""The outcome of pipelines whose activities fail, are skipped or inactive: ADF's documented patterns, one by one."""

import pytest

from support.pipelines import fail, run, statuses, succeed


def test_activities_run_after_those_they_depend_on() -> None:
    result = run([succeed("third", "second"), succeed("second", "first"), succeed("first")])
    assert [entry.activity_name for entry in result.activity_runs] == ["first", "second", "third"]
    assert result.status == "Succeeded"


def test_the_run_fails_with_the_activity_that_failed_named_in_its_message() -> None:
    result = run([fail("load", message="no such table")])
    assert result.status == "Failed"
    assert result.message == "Operation on target load failed: no such table"
    assert result.activity_runs[0].error == {
        "errorCode": "E1",
        "message": "no such table",
        "failureType": "UserError",
        "target": "load",
        "details": "",
    }


def test_what_comes_after_a_failure_is_skipped_all_the_way_down() -> None:
    result = run([fail("A"), succeed("B", "A"), succeed("C", "B")])
    assert statuses(result) == {"A": "Failed", "B": "Skipped", "C": "Skipped"}
    assert result.status == "Failed"


def test_try_catch_a_handler_alone_on_a_failure_makes_the_run_succeed() -> None:
    result = run([fail("A"), succeed("handler", ("A", "Failed"))])
    assert result.status == "Succeeded"


def test_do_if_else_a_handler_beside_a_success_branch_leaves_the_run_failed() -> None:
    result = run([fail("A"), succeed("handler", ("A", "Failed")), succeed("next", "A")])
    assert statuses(result) == {"A": "Failed", "handler": "Succeeded", "next": "Skipped"}
    assert result.status == "Failed"


def test_do_if_skip_else_the_success_branch_rejoined_on_skipped_makes_the_run_succeed() -> None:
    result = run(
        [fail("A"), succeed("next", "A"), succeed("handler", ("A", "Failed"), ("next", "Skipped", "Succeeded"))]
    )
    assert statuses(result)["handler"] == "Succeeded"
    assert result.status == "Succeeded"


def test_a_failing_handler_fails_the_run() -> None:
    result = run([fail("A"), fail("handler", ("A", "Failed"), message="no mail server")])
    assert result.message == "Operation on target handler failed: no mail server"


def test_a_skipped_handler_of_a_success_is_no_failure() -> None:
    result = run([succeed("A"), succeed("handler", ("A", "Failed"))])
    assert statuses(result)["handler"] == "Skipped"
    assert result.status == "Succeeded"


def test_entries_of_depends_on_are_anded() -> None:
    result = run([succeed("A"), fail("B"), succeed("C", "A", "B"), succeed("D", "A", ("B", "Failed"))])
    assert statuses(result) == {"A": "Succeeded", "B": "Failed", "C": "Skipped", "D": "Succeeded"}


@pytest.mark.parametrize(
    ("condition", "after_success", "after_failure", "after_skip"),
    [
        ("Succeeded", "Succeeded", "Skipped", "Skipped"),
        ("Failed", "Skipped", "Succeeded", "Skipped"),
        ("Completed", "Succeeded", "Succeeded", "Skipped"),
        ("Skipped", "Skipped", "Skipped", "Succeeded"),
    ],
)
def test_a_condition_follows_just_the_outcomes_it_names(
    condition: str, after_success: str, after_failure: str, after_skip: str
) -> None:
    result = run(
        [
            succeed("success"),
            fail("failure"),
            succeed("skip", "failure"),
            *[succeed(f"after {name}", (name, condition)) for name in ("success", "failure", "skip")],
        ]
    )
    ends = statuses(result)
    assert [ends[f"after {name}"] for name in ("success", "failure", "skip")] == [
        after_success,
        after_failure,
        after_skip,
    ]


def test_conditions_within_one_entry_are_ored() -> None:
    result = run([fail("A"), succeed("B", ("A", "Succeeded", "Failed"))])
    assert statuses(result)["B"] == "Succeeded"


def test_an_inactive_activity_is_not_run_and_counts_as_succeeded() -> None:
    result = run([fail("A", state="Inactive"), succeed("B", "A")])
    assert statuses(result) == {"A": "Inactive", "B": "Succeeded"}
    assert result.status == "Succeeded"


def test_an_inactive_activity_counts_as_it_is_marked() -> None:
    result = run([succeed("A", state="Inactive", onInactiveMarkAs="Failed"), succeed("B", ("A", "Failed"))])
    assert statuses(result) == {"A": "Inactive", "B": "Succeeded"}
    assert run([succeed("A", state="Inactive", onInactiveMarkAs="Failed")]).status == "Failed"

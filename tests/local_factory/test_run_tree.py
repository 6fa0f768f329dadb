"""How runs nest, which failures count, and what is folded away."""

import pytest

from local_factory.run_tree import RunNode, failures, fold, outcome, run_tree, sum_up
from local_factory.runs import Status
from support.sample_runs import activity, countries_run, customer_runs, error, pipeline, regions_run


def outline(nodes: tuple[RunNode, ...]) -> list[tuple[str, list]]:
    """Return names and the names below them."""
    return [(node.name, outline(node.children)) for node in nodes]


CUSTOMERS = [
    (
        "PL_Process_Customer_Data",
        [
            ("RunCustomerProcessingNotebook", []),
            ("CheckCustomerProcessingError", []),
            (
                "CheckCustomerCount",
                [("ExecuteProductPipeline", [("PL_Copy_Product_Data", [("RunProductProcessingNotebook", [])])])],
            ),
        ],
    )
]


def test_a_child_pipeline_hangs_under_its_execute_pipeline_and_that_under_its_condition():
    assert outline(run_tree(customer_runs(fails=False))) == CUSTOMERS


def test_the_order_of_the_runs_makes_no_difference():
    assert outline(run_tree(reversed(customer_runs(fails=False)))) == CUSTOMERS


def test_a_child_pipeline_under_way_is_found_by_what_invoked_it():
    runs = customer_runs(fails=False)
    runs[0].activity_runs[3].output = None
    assert outline(run_tree(runs)) == CUSTOMERS


def test_a_run_whose_caller_is_not_there_stands_by_itself():
    assert outline(run_tree(customer_runs(fails=False)[1:])) == [
        ("PL_Copy_Product_Data", [("RunProductProcessingNotebook", [])])
    ]


def test_inner_runs_are_under_their_own_container_also_when_two_of_one_name_are_under_way():
    run = pipeline("P", 0, 9)
    loop = activity(run, "Loop", "ForEach", 0, 9)
    first = activity(run, "Check", "IfCondition", 1, 5, container=loop)
    second = activity(run, "Check", "IfCondition", 2, 6, container=loop)
    activity(run, "Inner2", "Wait", 3, 4, container=second)
    activity(run, "Inner1", "Wait", 3, 4, container=first)
    assert outline(run_tree([run])) == [
        ("P", [("Loop", [("Check", [("Inner1", [])]), ("Check", [("Inner2", [])])])]),
    ]


def test_only_the_failed_try_that_was_tried_again_is_a_retried_one():
    first, second = run_tree([countries_run()])[0].children
    assert (first.retried, second.retried) == (True, False)


def test_the_reason_of_a_failure_is_the_innermost_one():
    assert [failure.first.name for failure in failures(run_tree(customer_runs(fails=True)))] == [
        "RunProductProcessingNotebook"
    ]


def test_a_pipeline_that_failed_without_a_failed_activity_gives_its_own_message():
    run = pipeline("P", 0, 1, Status.FAILED, message="The expression is wrong.")
    activity(run, "Load", "Copy", 0, 1, status=Status.FAILED, retried=True, error=error("once"))
    activity(run, "Load", "Copy", 0, 1, retry_attempt=1)
    assert [failure.first.error_message for failure in failures(run_tree([run]))] == [
        "once",
        "The expression is wrong.",
    ]


def test_equal_failures_are_told_once():
    run = regions_run(iterations=40, failing=30)
    for load in run.activity_runs[2:]:
        if load.error:
            load.error = error("The server is down.")
    (failure,) = failures(run_tree([run]))
    assert len(failure.nodes) == 30


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], Status.SUCCEEDED),
        ([Status.SUCCEEDED, Status.SUCCEEDED], Status.SUCCEEDED),
        ([Status.SUCCEEDED, Status.IN_PROGRESS], Status.IN_PROGRESS),
        ([Status.CANCELLED, Status.IN_PROGRESS], Status.CANCELLED),
        ([Status.CANCELLED, Status.FAILED, Status.SUCCEEDED], Status.FAILED),
    ],
)
def test_the_outcome_of_several_runs_is_the_worst(statuses, expected):
    runs = [pipeline(f"P{number}", 0, 1, status) for number, status in enumerate(statuses)]
    assert outcome(run_tree(runs)) is expected


def test_few_inner_runs_are_all_shown():
    loop = run_tree([regions_run(iterations=20)])[0].children[1]
    assert fold(loop.children, 20) == (loop.children, ())


def test_of_many_inner_runs_those_that_need_attention_are_shown_and_none_is_lost():
    run = regions_run(iterations=150, failing=2)
    run.activity_runs[5].status, run.activity_runs[5].end = Status.IN_PROGRESS, None
    run.activity_runs[6].status = Status.SKIPPED
    loop = run_tree([run])[0].children[1]
    shown, folded = fold(loop.children, 20)
    assert [node.run.status for node in shown] == [Status.IN_PROGRESS, Status.FAILED, Status.FAILED]
    assert len(shown) + len(folded) == 150
    assert sum_up(folded) == "146 Succeeded, 1 Skipped"

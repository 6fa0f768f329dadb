"""A rerun from the failure: what succeeded is taken over, what failed and what follows it is run again."""

import asyncio

import httpx

from local_factory.errors import ActivityError
from local_factory.factory import Factory
from local_factory.invocation import Invocation
from local_factory.recovery import Recovery, last_tries
from local_factory.runs import Status
from support.pipelines import DATABRICKS, ScriptedNotebooks, activity, activity_runs, expression, notebook, pipeline

BROKEN = ActivityError("3200", "broken")


def _run_twice(pipelines, notebooks, *, start_at: str = "", child: str = ""):
    """Run the first pipeline, then once more as a rerun; return both runs and the notebooks that the second ran."""

    async def execute():
        resources = {entry.key: entry for entry in [*pipelines, DATABRICKS]}
        async with httpx.AsyncClient() as http:
            factory = Factory(resources, notebooks, http)
            first = await factory.run_pipeline(pipelines[0].name, {})
            before = len(notebooks.requests)
            children = {
                (run.scope, run.activity_name): Recovery(called.run_id, last_tries(called.activity_runs))
                for run in first.activity_runs
                for called in factory.runs
                if run.output and run.output.get("pipelineRunId") == called.run_id
            }
            recovery = Recovery(first.run_id, last_tries(first.activity_runs), children, start_at)
            second, task = factory.start_pipeline(pipelines[0].name, {}, Invocation.manual(), recovery=recovery)
            await task
        return first, second, [request.notebook_path for request in notebooks.requests[before:]]

    return asyncio.run(execute())


def test_what_succeeded_is_taken_over_with_its_output_and_the_rest_is_run():
    activities = [
        notebook("A", "/a"),
        notebook("B", "/b", "A"),
        notebook("C", "/c", "B", parameters={"a": expression("@activity('A').output.runOutput")}),
    ]
    notebooks = ScriptedNotebooks(**{"/a": 1, "/b": [BROKEN, 2], "/c": 3})
    first, second, ran = _run_twice([pipeline("PL", activities)], notebooks)
    assert (first.status, second.status) == (Status.FAILED, Status.SUCCEEDED)
    assert ran == ["/b", "/c"]
    assert notebooks.requests[-1].parameters == {"a": "1"}
    taken = activity_runs(second, "A")[0]
    assert taken.recovered
    assert taken.pipeline_run_id == second.run_id
    assert second.group_id == first.run_id


def test_a_rerun_from_an_activity_runs_it_and_all_that_follows_and_nothing_before():
    activities = [notebook("A", "/a"), notebook("B", "/b", "A"), notebook("C", "/c", "B")]
    notebooks = ScriptedNotebooks(**{"/a": 1, "/b": 2, "/c": 3})
    _, second, ran = _run_twice([pipeline("PL", activities)], notebooks, start_at="B")
    assert second.status is Status.SUCCEEDED
    assert ran == ["/b", "/c"]


def test_a_loop_loops_again_and_within_it_only_the_failed_iteration_is_run():
    inner = [notebook("N", "/n", parameters={"i": expression("@item()")})]
    loop = activity("Each", "ForEach", items=expression("@createArray(1, 2, 3)"), isSequential=True, activities=inner)
    notebooks = ScriptedNotebooks(**{"/n": [1, BROKEN, 3, 4]})
    first, second, ran = _run_twice([pipeline("PL", [loop])], notebooks)
    assert (first.status, second.status) == (Status.FAILED, Status.SUCCEEDED)
    assert len(ran) == 1
    assert notebooks.requests[-1].parameters == {"i": "2"}


def test_a_child_pipeline_is_called_again_and_skips_what_succeeded_in_it():
    call = activity(
        "Call",
        "ExecutePipeline",
        pipeline={"referenceName": "Child", "type": "PipelineReference"},
        waitOnCompletion=True,
    )
    child = pipeline("Child", [notebook("A", "/a"), notebook("B", "/b", "A")])
    notebooks = ScriptedNotebooks(**{"/a": 1, "/b": [BROKEN, 2]})
    first, second, ran = _run_twice([pipeline("PL", [call]), child], notebooks)
    assert (first.status, second.status) == (Status.FAILED, Status.SUCCEEDED)
    assert ran == ["/b"]


def test_a_secure_output_was_not_kept_so_its_activity_is_run_again():
    activities = [notebook("A", "/a"), notebook("B", "/b", "A")]
    activities[0]["policy"] = {"secureOutput": True}
    notebooks = ScriptedNotebooks(**{"/a": 1, "/b": [BROKEN, 2]})
    _, _, ran = _run_twice([pipeline("PL", activities)], notebooks)
    assert ran == ["/a", "/b"]

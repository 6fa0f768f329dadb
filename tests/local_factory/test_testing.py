"""`LocalFactory`: whole pipelines under test, as a team's own tests use it."""

import asyncio
import time
from pathlib import Path

import pytest

from local_factory.errors import ArgumentError, UnsupportedFactoryError
from local_factory.testing import LocalFactory
from support.factories import copy, write_pipeline
from support.pipelines import activity, expression, fail, notebook, set_variable, succeed


@pytest.fixture
def adf(tmp_path: Path) -> Path:
    return tmp_path / "adf"


def test_a_run_is_what_json_shows_with_the_called_pipelines_runs_within(adf: Path) -> None:
    parameters = {"day": expression("@pipeline().parameters.day")}
    child = {"referenceName": "Child", "type": "PipelineReference"}
    call = activity("call", "ExecutePipeline", pipeline=child, parameters=parameters, waitOnCompletion=True)
    write_pipeline(adf, "PL", [call], parameters={"day": {"type": "String"}})
    write_pipeline(adf, "Child", [copy("C", {}, {})], parameters={"day": {"type": "String"}})
    run = LocalFactory(str(adf), {"Child/C": {"output": {"rowsCopied": 3}}}).run("PL", day="2026-01-01")
    assert (run["pipelineName"], run["status"], run["parameters"]) == ("PL", "Succeeded", {"day": "2026-01-01"})
    (inner,) = run["runs"]
    assert (inner["pipelineName"], inner["parameters"]) == ("Child", {"day": "2026-01-01"})
    assert inner.output("C") == {"rowsCopied": 3}
    assert inner["activityRuns"][0]["stubbed"] is True


def test_hours_of_waiting_pass_in_no_time_and_in_their_order(adf: Path) -> None:
    write_pipeline(
        adf,
        "PL",
        [
            activity("long", "Wait", waitTimeInSeconds=7200),
            activity("short", "Wait", waitTimeInSeconds=3600),
            set_variable("first", "v", "short", "short"),
            set_variable("last", "v", "long", "long"),
        ],
        variables={"v": {"type": "String"}},
    )
    began = time.monotonic()
    run = LocalFactory(adf).run("PL")
    assert time.monotonic() - began < 600
    ends = {one["activityName"]: one["activityRunEnd"] for one in run["activityRuns"]}
    assert ends["short"] < ends["first"] < ends["long"] < ends["last"]
    assert 7_200_000 <= run["durationInMs"] < 7_260_000


def test_an_until_that_never_comes_true_times_out_after_its_rounds(adf: Path) -> None:
    until = activity(
        "until", "Until", expression=expression("@equals(1, 2)"), timeout="0.01:00:00",
        activities=[activity("wait", "Wait", waitTimeInSeconds=600)],
    )  # fmt: skip
    write_pipeline(adf, "PL", [until])
    run = LocalFactory(adf).run("PL")
    assert run.status == "Failed"
    assert len(run.activity_runs("wait")) in (6, 7)


def test_the_clock_of_expressions_leaps_too(adf: Path) -> None:
    later = expression("@greater(utcNow(), addHours(pipeline().TriggerTime, 1))")
    until = activity("until", "Until", expression=later, activities=[activity("wait", "Wait", waitTimeInSeconds=1200)])
    write_pipeline(adf, "PL", [until])
    assert len(LocalFactory(adf).run("PL").activity_runs("wait")) == 3


def test_real_time_takes_its_time(adf: Path) -> None:
    write_pipeline(adf, "PL", [activity("wait", "Wait", waitTimeInSeconds=1)])
    began = time.monotonic()
    assert LocalFactory(adf, real_time=True).run("PL").succeeded
    assert time.monotonic() - began >= 1


def test_what_was_skipped_and_which_branches_never_ran_is_told(adf: Path) -> None:
    branch = activity(
        "if", "IfCondition", expression=expression("@equals(pipeline().parameters.n, 1)"),
        ifTrueActivities=[succeed("yes")], ifFalseActivities=[succeed("no")],
    )  # fmt: skip
    write_pipeline(adf, "PL", [fail("F"), succeed("after", "F"), branch], parameters={"n": {"type": "Int"}})
    factory = LocalFactory(adf)
    assert factory.run("PL", n=1).skipped == ["after"]
    assert factory.coverage().not_run == ("PL/after", "PL/no")
    factory.run("PL", n=2)
    assert factory.coverage().not_run == ("PL/after",)
    assert factory.coverage().share == pytest.approx(4 / 5)


def test_it_runs_where_an_event_loop_runs_already(adf: Path) -> None:
    write_pipeline(adf, "PL", [succeed("go")])

    async def outer() -> str:
        return LocalFactory(adf).run("PL").status

    assert asyncio.run(outer()) == "Succeeded"


def test_what_cannot_run_here_is_refused_or_stubbed_when_asked(adf: Path) -> None:
    write_pipeline(adf, "PL", [activity("usql", "DataLakeAnalyticsU-SQL", scriptPath="x", scriptLinkedService={})])
    with pytest.raises(UnsupportedFactoryError, match="'usql': type 'DataLakeAnalyticsU-SQL' does not run"):
        LocalFactory(adf).run("PL")
    run = LocalFactory(adf, stub_unsupported=True).run("PL")
    assert (run.output("usql"), run.activity("usql")["stubbed"]) == ({}, True)


def test_a_missing_parameter_and_notebooks_that_were_not_given_are_refused(adf: Path) -> None:
    write_pipeline(adf, "PL", [succeed("go")], parameters={"n": {"type": "Int"}})
    write_pipeline(adf, "Notebooks", [notebook("load", "@concat('/nb')")])
    with pytest.raises(ArgumentError, match="parameter 'n'"):
        LocalFactory(adf).run("PL")
    with pytest.raises(UnsupportedFactoryError, match="Databricks"):
        LocalFactory(adf).run("Notebooks")
    assert (
        LocalFactory(adf, {"type": {"DatabricksNotebook": {"output": {"runOutput": 601}}}}).run("Notebooks").succeeded
    )


def test_an_activity_that_was_not_reached_is_named_with_those_that_were(adf: Path) -> None:
    write_pipeline(adf, "PL", [succeed("go")])
    with pytest.raises(KeyError, match="Nowhere was not reached in PL; these were: go"):
        LocalFactory(adf).run("PL").output("Nowhere")

"""Stubs: what activities answer instead of running, and what a wrong file of stubs is told."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bundle.bundle import read_bundle
from local_factory.stubs import line_of, read_stubs
from local_factory.testing import LocalFactory, StubError
from support.factories import copy, write_pipeline
from support.pipelines import activity, expression, fail, set_variable, succeed


@pytest.fixture
def adf(tmp_path: Path) -> Path:
    return tmp_path / "adf"


def write(adf: Path, *activities: Mapping[str, Any], **properties: Any) -> None:
    write_pipeline(adf, "PL", activities, **properties)


def test_a_stub_by_name_wins_over_one_by_type_and_both_over_running(adf: Path) -> None:
    write(adf, fail("A"), fail("B"), succeed("C"))
    stubs = {"PL/A": {"output": {"by": "name"}}, "type": {"Fail": {"output": {"by": "type"}}}}
    run = LocalFactory(adf, stubs).run("PL")
    assert run.succeeded
    assert [run.output(name) for name in "ABC"] == [{"by": "name"}, {"by": "type"}, {}]
    assert [one.get("stubbed") for one in run["activityRuns"]] == [True, True, None]


def test_tries_go_on_over_retries_iterations_and_runs_and_the_last_one_stays(adf: Path) -> None:
    tried = {**copy("C", {}, {}), "policy": {"retry": 1}}
    write(
        adf, activity("each", "ForEach", items=expression("@createArray(1, 2)"), isSequential=True, activities=[tried])
    )
    failed = {"status": "Failed", "error": {"errorCode": "2200", "message": "no"}}
    factory = LocalFactory(adf, {"PL/C": {"tries": [failed, {"output": {"n": 2}}, failed, {"output": {"n": 4}}]}})
    run = factory.run("PL")
    assert [(one["status"], one["retryAttempt"], one["output"]) for one in run.activity_runs("C")] == [
        ("Failed", 0, {}),
        ("Succeeded", 1, {"n": 2}),
        ("Failed", 0, {}),
        ("Succeeded", 1, {"n": 4}),
    ]
    assert run.activity_runs("C")[0]["error"]["errorCode"] == "2200"
    assert factory.run("PL").output("C") == {"n": 4}


def test_in_a_parallel_loop_tries_come_in_the_order_of_the_items(adf: Path) -> None:
    inner = [copy("C", {}, {}), set_variable("V", "v", expression("@string(activity('C').output.n)"), "C")]
    write(
        adf,
        activity("each", "ForEach", items=expression("@range(0, 5)"), activities=inner),
        variables={"v": {"type": "String"}},
    )
    run = LocalFactory(adf, {"PL/C": {"tries": [{"output": {"n": n}} for n in range(5)]}}).run("PL")
    assert [one["output"]["n"] for one in run.activity_runs("C")] == [0, 1, 2, 3, 4]


def test_texts_of_an_output_that_begin_with_an_at_sign_are_expressions(adf: Path) -> None:
    call = copy("C", {"query": expression("@concat('select ', item())")}, {})
    write(adf, activity("each", "ForEach", items=expression("@createArray('a')"), activities=[call]))
    output = {"e": "@toUpper(item())", "list": ["@@x", "a @{1}"], "nothing": "@json('null')", "in": {"n": "@add(1, 2)"}}
    run = LocalFactory(adf, {"PL/C": {"output": output}}).run("PL")
    assert run.output("C") == {"e": "A", "list": ["@x", "a @{1}"], "nothing": None, "in": {"n": 3}}
    assert run.inputs("C")[0]["source"] == {"query": "select a"}


def test_a_stub_that_takes_longer_than_the_timeout_times_out_in_no_time(adf: Path) -> None:
    write(adf, {**copy("C", {}, {}), "policy": {"timeout": "0.01:00:00"}})
    run = LocalFactory(adf, {"PL/C": {"seconds": 3601}}).run("PL")
    assert run.activity("C")["error"]["errorCode"] == "Timeout"
    assert 3_600_000 <= run["durationInMs"] < 3_610_000


def test_a_stubbed_container_runs_nothing_within_and_needs_nothing_that_it_refers_to(adf: Path) -> None:
    call = activity("call", "ExecutePipeline", pipeline={"referenceName": "Nowhere", "type": "PipelineReference"})
    write(adf, activity("each", "ForEach", items=expression("@createArray(1)"), activities=[fail("F")]), call)
    run = LocalFactory(adf, {"PL/each": {}, "PL/call": {}}).run("PL")
    assert run.succeeded
    assert run.activity_runs("F") == []


def test_secure_input_and_output_hold_for_stubs_too(adf: Path) -> None:
    write(adf, {**copy("C", {"query": "secret"}, {}), "policy": {"secureInput": True, "secureOutput": True}})
    run = LocalFactory(adf, {"PL/C": {"output": {"n": 1}}}).run("PL")
    assert (run.activity("C")["input"], run.output("C")) == (None, None)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ('["PL/Copi"]\n', ["1: [\"PL/Copi\"]: PL has no activity 'Copi'; is 'Copy' meant?"]),
        ('\n["PX/Copy"]\n', ["2: [\"PX/Copy\"]: there is no pipeline 'PX'; there are: PL."]),
        ('["Copy"]\n', ['1: ["Copy"]: expected "PIPELINE/ACTIVITY" or type.TYPE; is \'PL/Copy\' meant?']),
        ("[type.Copyy]\n", ["1: [type.Copyy]: there is no activity type 'Copyy'; is 'Copy' meant?"]),
        (
            '["PL/Copy"]\noutput = {a = 1}\nstatsu = "Failed"\n',
            ["3: [\"PL/Copy\"] statsu: there is no key 'statsu'; is 'status' meant?"],
        ),
        (
            '["PL/Copy"]\nstatus = "Fail"\n[type.Wait]\nseconds = -1\n',
            [
                "2: [\"PL/Copy\"] status: there is no status 'Fail'; is 'Failed' meant?",
                "4: [type.Wait] seconds: expected",
            ],
        ),
        ('["PL/Copy"]\ntries = []\n', ['2: ["PL/Copy"] tries: expected a list of one or more']),
        (
            '["PL/Copy"]\ntries = [{outputs = {}}]\n',
            ["2: [\"PL/Copy\"] outputs: there is no key 'outputs'; is"],
        ),
        (
            '["PL/Copy"]\nerror = {code = "1"}\n',
            ["2: [\"PL/Copy\"] code: there is no key 'error.code'; is 'error"],
        ),
        ('["PL/Copy"]\nstatus = "Succeeded"\nerror = {message = "1"}\n', ['3: ["PL/Copy"] error: one that succeeds']),
        ('["PL/Copy"]\noutput = "text"\n', ['2: ["PL/Copy"] output: expected a table']),
        ("[[[", ["is no TOML in UTF-8"]),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_line_the_key_and_the_nearest_name(
    adf: Path, text: str, messages: Sequence[str]
) -> None:
    write(adf, copy("Copy", {}, {}))
    file = adf.parent / "stubs.toml"
    file.write_text(text)
    with pytest.raises(StubError) as error:
        LocalFactory(adf, file)
    lines = str(error.value).splitlines()
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert line.startswith(str(file))
        assert message in line


def test_a_stub_that_is_not_reached_is_no_fault_and_names_ignore_case(adf: Path) -> None:
    write_pipeline(adf, "Other", [fail("F")])
    write(adf, fail("F"))
    assert LocalFactory(adf, {"other/f": {}, "pl/f": {}}).run("PL").succeeded


def test_a_line_is_found_whichever_way_a_table_is_written(adf: Path) -> None:
    write(adf, copy("a.b", {}, {}), copy("c", {}, {}))
    text = '# ["PL/a.b"]\n\'PL/c\' = {output = {n = 1}}\n[ "PL/a.b" ]\nseconds = 1\n[type . Copy]\n seconds=2\n'
    assert [line_of(text, "PL/c"), line_of(text, "PL/a.b"), line_of(text, "type.Copy", "seconds")] == [2, 3, 6]
    file = adf.parent / "stubs.toml"
    file.write_text(text)
    assert read_stubs(file, read_bundle(adf, adf)).covers("PL", "c", "Copy")

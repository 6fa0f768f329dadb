"""The command `run_local.py`, as a process: exit statuses, `--json`, arguments, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import run_local
from support.factories import write_object, write_pipeline
from support.pipelines import activity, expression, fail, set_variable, succeed

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, str(REPOSITORY / "scripts" / "run_local.py")]


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=240, check=False)


def write_factory(folder: Path, **pipelines: Mapping[str, Any]) -> Path:
    """Write a factory's Git root with these pipelines, each given by its properties."""
    for name, properties in pipelines.items():
        file = folder / "factory" / "pipeline" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"name": name, "properties": properties}))
    return folder / "factory"


def pipeline(*activities: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    return {"activities": activities, **properties}


def test_without_arguments_both_parents_run_and_land_in_the_work_folder(tmp_path: Path) -> None:
    answer = command(tmp_path, "--json")
    assert answer.returncode == 0, answer.stderr
    runs = json.loads(answer.stdout)["runs"]
    assert {run["pipelineName"]: run["status"] for run in runs} == {
        "PL_Ingest_Country_Data": "Succeeded",
        "PL_Process_Customer_Data": "Succeeded",
        "PL_Copy_Product_Data": "Succeeded",
    }
    lake = tmp_path / ".local" / "lake"
    assert sorted(file.name for file in (lake / "countries").iterdir()) == [
        f"{name}.json" for name in ("china", "india", "russia", "uk", "us")
    ]
    assert list((lake / "customer_data").glob("*.parquet"))
    assert list((lake / "product_data").glob("*.parquet"))
    (report,) = (tmp_path / ".local" / "runs").glob("*/report.html")
    assert report.as_uri() in answer.stderr
    logs = [log.read_text(encoding="utf-8") for log in report.parent.glob("notebooks/*.log")]
    assert len(logs) == 3
    assert "deliver log" not in "".join(logs), "nothing is posted from here"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".local"]


def test_any_factorys_folder_can_be_run_with_parameters_by_their_types(tmp_path: Path) -> None:
    text = expression("@concat(pipeline().parameters.text, string(pipeline().parameters.number))")
    adf = write_factory(
        tmp_path,
        P=pipeline(
            set_variable("keep", "v", text),
            parameters={"text": {"type": "String"}, "number": {"type": "Int"}},
            variables={"v": {"type": "String"}},
        ),
    )
    answer = command(tmp_path, "P", "--adf", str(adf), "--param", "text=7", "--param", "number=8", "--json")
    assert answer.returncode == 0, answer.stderr
    (run,) = json.loads(answer.stdout)["runs"]
    assert run["parameters"] == {"text": "7", "number": 8}
    assert run["activityRuns"][0]["output"]["value"] == "78"


def test_a_failed_run_exits_with_1_and_shows_its_whole_error(tmp_path: Path) -> None:
    message = "the reason " * 30
    adf = write_factory(tmp_path, P=pipeline(fail("stop", message=message)), Q=pipeline(succeed("go")))
    answer = command(tmp_path, "P", "Q", "--adf", str(adf))
    assert answer.returncode == 1
    assert message.strip() in " ".join(answer.stderr.split())
    assert answer.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Nobody"], "Nobody: no such pipeline. The factory has: P."),
        (["P"], "parameter 'n' (Int) is required and was not given"),
        (["P", "--param", "n=many"], "--param n: P: expected Int as JSON, got 'many'"),
        (["P", "--param", "n=1", "--param", "m=2"], "--param m: none of P declares this parameter"),
        (["P", "--param", "n"], "--param n: expected NAME=VALUE"),
        (["P", "--param", "n=1", "--customers", "-5"], "'-5' is no whole number of 0 or more"),
        (["P", "--param", "n=1", "--change", "-5"], "'-5' is no whole number of 0 or more"),
        (["P", "--change", "5", "--sql-url", "jdbc:derby:x"], "--sql-url takes another: leave out one of them"),
        (["P", "--param", "n=1", "--change", "5"], "nothing that P reaches reads the demo database"),
        (["--serve", "--change", "5"], "nothing is run here"),
        (["P", "--param", "n=1", "--jar", "nowhere.jar"], "nowhere.jar: no such file"),
        (["--trigger", "TR_None", "--next", "0"], "0 is too few"),
        (["--trigger", "TR_None", "--next", "1"], "TR_None: no such trigger. The factory has: none."),
    ],
)
def test_a_wrong_argument_exits_with_2_and_runs_nothing(tmp_path: Path, arguments: Sequence[str], message: str) -> None:
    adf = write_factory(tmp_path, P=pipeline(succeed("go"), parameters={"n": {"type": "Int"}}))
    answer = command(tmp_path, *arguments, "--adf", str(adf))
    assert answer.returncode == 2
    assert message in answer.stderr
    assert not (tmp_path / ".local").exists()


def test_a_work_folder_that_cannot_be_written_exits_with_2(tmp_path: Path) -> None:
    adf = write_factory(tmp_path, P=pipeline(succeed("go")))
    (tmp_path / "file").touch()
    answer = command(tmp_path, "P", "--adf", str(adf), "--workdir", "file/folder")
    assert answer.returncode == 2
    assert "--workdir file/folder: cannot be written" in answer.stderr


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (activity("count", "HDInsightHive"), "activity 'count': type 'HDInsightHive' does not run on this machine"),
        (succeed("go", "nobody"), "no activity 'nobody' [dependency-exists]"),
        (set_variable("set", "v", "@concat('a'"), "[expression-parses]"),
    ],
)
def test_a_factory_that_cannot_run_exits_with_2_and_names_the_file(tmp_path: Path, broken: Any, message: str) -> None:
    adf = write_factory(tmp_path, P=pipeline(succeed("before"), broken))
    answer = command(tmp_path, "P", "--adf", str(adf))
    assert answer.returncode == 2
    assert message in answer.stderr
    assert str(adf / "pipeline" / "P.json") in answer.stderr
    assert not (tmp_path / ".local").exists()


def test_a_pipeline_that_is_not_run_may_hold_what_this_machine_cannot(tmp_path: Path) -> None:
    adf = write_factory(tmp_path, P=pipeline(succeed("go")), Other=pipeline(activity("copy", "Copy")))
    assert command(tmp_path, "P", "--adf", str(adf)).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--watch"], "name it with --trigger"),
        (["--next", "2"], "name it with --trigger"),
        (["--event", __file__], "name it with --trigger"),
        (["P", "--trigger", "T"], "leave out a PIPELINE"),
        (["--trigger", "T", "--param", "a=1"], "leave out --param"),
        (["--country-api", "http://h/v3.1?fields=name"], "a base address has no query"),
        (["--country-api", "restcountries.com/v3.1"], "write an address such as https://"),
        (["--country-api", "http://h:port/v3.1"], "write an address such as https://"),
        (["--sql-url", "jbdc:sqlserver://h"], "write a JDBC address"),
        (["--sql-url", "jdbc:sqlsever://h"], "is jdbc:sqlserver: meant?"),
    ],
)
def test_what_the_command_line_gets_wrong_is_told_before_anything_starts(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_local.main(arguments)
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


def test_ctrl_c_while_things_are_imported_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("raise KeyboardInterrupt")
    answer = subprocess.run(
        COMMAND, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert answer.stderr == "Cancelled before anything was run.\n"
    assert answer.returncode in (1, 130, -signal.SIGINT)


def test_ctrl_c_before_a_run_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bundle.bundle.read_bundle", interrupt)
    assert run_local.main([]) == 1
    assert capsys.readouterr().err == "Cancelled before anything was run.\n"


def test_output_that_nobody_reads_on_ends_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    arguments = ["--trigger", "TR_Ingest_Country_Data_Twice_Daily", "--next", "4", "--json"]
    process = subprocess.Popen([*COMMAND, *arguments], cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    _, errors = process.communicate(timeout=240)
    assert (process.returncode, errors) == (0, "")


def test_the_next_fire_times_are_printed_in_the_schedules_zone_and_in_utc(tmp_path: Path) -> None:
    arguments = ("--trigger", "TR_Ingest_Country_Data_Twice_Daily", "--next", "4")
    times = json.loads(command(tmp_path, *arguments, "--json").stdout)["fireTimes"]
    assert [time["local"][10:] for time in times] in (
        ["T00:00:00+05:30", "T12:00:00+05:30"] * 2,
        ["T12:00:00+05:30", "T00:00:00+05:30"] * 2,
    )
    assert {time["utc"][10:] for time in times} == {"T18:30:00+00:00", "T06:30:00+00:00"}
    table = command(tmp_path, *arguments)
    assert table.returncode == 0
    assert table.stdout.count("Z") == 4


def test_the_next_fire_times_of_a_tumbling_window_trigger_are_when_its_windows_may_run(tmp_path: Path) -> None:
    recurrence = {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:30:00Z", "delay": "00:10:00"}
    entry = {"pipelineReference": {"referenceName": "PL_Hourly", "type": "PipelineReference"}}
    properties = {"type": "TumblingWindowTrigger", "pipeline": entry, "typeProperties": recurrence}
    adf = tmp_path / "adf"
    write_pipeline(adf, "PL_Hourly", [])
    write_object(adf, "trigger", "TR_Hourly", properties)
    arguments = ("--adf", str(adf), "--notebooks", str(adf), "--trigger", "TR_Hourly", "--next", "3")
    times = json.loads(command(tmp_path, *arguments, "--json").stdout)["fireTimes"]
    moments = [datetime.fromisoformat(time["utc"]) for time in times]
    assert [moment.strftime("%M:%S") for moment in moments] == ["40:00"] * 3
    assert moments == [moments[0] + timedelta(hours=number) for number in range(3)]
    assert timedelta(minutes=-5) < moments[0] - datetime.now(UTC) <= timedelta(hours=1)


def wait_for(condition: Any, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def java_processes(parent: int) -> list[int]:
    children = subprocess.run(
        ["ps", "-o", "pid=,comm=", "--ppid", str(parent)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in children.stdout.splitlines() if "java" in line]


def test_ctrl_c_marks_the_run_cancelled_and_leaves_no_process_behind(tmp_path: Path) -> None:
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    (notebooks / "slow.py").write_text("# Databricks notebook source\nimport time\ntime.sleep(300)\n")
    adf = write_factory(
        tmp_path,
        P=pipeline(
            {
                **activity("slow", "DatabricksNotebook", notebookPath="/x/slow"),
                "linkedServiceName": {"referenceName": "L", "type": "LinkedServiceReference"},
            }
        ),
    )
    (adf / "linkedService").mkdir()
    (adf / "linkedService" / "L.json").write_text(
        json.dumps({"name": "L", "properties": {"type": "AzureDatabricks", "typeProperties": {"domain": "https://x"}}})
    )
    arguments = ["P", "--adf", str(adf), "--notebooks", str(notebooks), "--customers", "0", "--products", "0", "--json"]
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: list(tmp_path.glob(".local/runs/*/notebooks/*.log")))
    java = java_processes(process.pid)
    assert java
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 1, errors
    (run,) = json.loads(output)["runs"]
    assert (run["status"], run["activityRuns"][0]["status"]) == ("Cancelled", "Cancelled")
    assert list(tmp_path.glob(".local/runs/*/report.html"))
    for pid in java:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_watch_whose_trigger_gives_what_its_pipeline_does_not_take_is_refused(tmp_path: Path) -> None:
    adf = write_factory(tmp_path, P=pipeline(succeed("go"), parameters={"n": {"type": "Int"}}))
    (adf / "trigger").mkdir()
    recurrence = {"frequency": "Day", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC"}
    reference = {"referenceName": "P", "type": "PipelineReference"}
    started = {"pipelineReference": reference, "parameters": {"n": "many"}}
    properties = {"type": "ScheduleTrigger", "pipelines": [started], "typeProperties": {"recurrence": recurrence}}
    (adf / "trigger" / "T.json").write_text(json.dumps({"name": "T", "properties": properties}))
    answer = command(tmp_path, "--adf", str(adf), "--trigger", "T", "--watch")
    assert answer.returncode == 2
    assert "P: parameter 'n': expected Int" in answer.stderr


def test_a_watch_runs_at_the_fire_times_until_it_is_interrupted(tmp_path: Path) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    adf = write_factory(tmp_path, P=pipeline(succeed("go"), parameters={"at": {"type": "String"}}))
    (adf / "trigger").mkdir()
    recurrence = {"frequency": "Minute", "interval": 1, "startTime": f"{soon:%Y-%m-%dT%H:%M:%SZ}", "timeZone": "UTC"}
    started = {
        "pipelineReference": {"referenceName": "P", "type": "PipelineReference"},
        "parameters": {"at": expression("@trigger().scheduledTime")},
    }
    properties = {"type": "ScheduleTrigger", "pipelines": [started], "typeProperties": {"recurrence": recurrence}}
    (adf / "trigger" / "T.json").write_text(json.dumps({"name": "T", "properties": properties}))
    process = subprocess.Popen(
        [*COMMAND, "--adf", str(adf), "--trigger", "T", "--watch", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: list(tmp_path.glob(".local/runs/*/report.html")) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    (run,) = json.loads(output.splitlines()[0])["runs"]
    assert run["invokedBy"]["invokedByType"] == "ScheduleTrigger"
    assert run["parameters"]["at"].endswith(f"{soon:%S}Z"), "a slot, of this minute or of one that follows"
    assert "T fires next at" in errors


def test_a_users_mistake_is_one_line_and_verbose_shows_where_it_came_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adf = write_factory(tmp_path, P=pipeline(succeed("go")))
    said = "Nobody: no such pipeline. The factory has: P.\n"

    assert run_local.main(["Nobody", "--adf", str(adf)]) == 2
    assert capsys.readouterr().err == said

    assert run_local.main(["Nobody", "--adf", str(adf), "--verbose"]) == 2
    verbose = capsys.readouterr().err
    assert verbose.startswith(f"{said}Traceback (most recent call last):\n")
    assert "UnsupportedFactoryError: Nobody" in verbose


def test_a_fault_of_the_program_is_one_line_that_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise KeyError("pipelines") from ValueError("behind it, hunter2")

    monkeypatch.setattr("bundle.bundle.read_bundle", read)
    monkeypatch.setenv("SECRET_INGESTION_SQL_PASSWORD", "hunter2")

    assert run_local.main(["P"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "KeyError: 'pipelines'. This is a fault of the program, not of what you asked for: --verbose"
    )

    assert run_local.main(["P", "--verbose"]) == 1
    assert "ValueError: behind it, [REDACTED]" in capsys.readouterr().err

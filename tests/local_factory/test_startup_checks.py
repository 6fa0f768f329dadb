"""What is asked before a run: of what the run reaches, and of nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundle.bundle import read_bundle
from local_factory.errors import UnsupportedFactoryError
from local_factory.startup_checks import check_runnable
from support.sample_bundle import expression, reference

WAIT = {"name": "Pause", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}}


def write(folder: Path, name: str, properties: Any, *, inside: str = "") -> None:
    file = folder / "adf" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"name": inside or file.stem, "properties": properties}), encoding="utf-8")


def call(name: str) -> dict[str, Any]:
    return {
        "name": "Call",
        "type": "ExecutePipeline",
        "typeProperties": {"pipeline": reference("Pipeline", name), "waitOnCompletion": True},
    }


def notebook(path: str, service: str = "Bricks") -> dict[str, Any]:
    return {
        "name": "Run",
        "type": "DatabricksNotebook",
        "linkedServiceName": reference("LinkedService", service),
        "typeProperties": {"notebookPath": path},
    }


def refusal(folder: Path, pipeline: str) -> str:
    """Why a pipeline cannot be run; empty when it can."""
    try:
        check_runnable(read_bundle(folder / "adf", folder / "notebooks"), [pipeline])
    except UnsupportedFactoryError as error:
        return str(error)
    return ""


def test_a_run_asks_nothing_of_what_it_does_not_reach(tmp_path: Path) -> None:
    write(tmp_path, "pipeline/Pause", {"activities": [WAIT]})
    write(tmp_path, "pipeline/Other", {"activities": [{"name": "x"}, {"name": "X", "type": "Nonsense"}]})
    write(tmp_path, "pipeline/Old_Name", {"activities": [call("Nobody")]}, inside="New_Name")
    write(tmp_path, "trigger/Daily", {"type": "ScheduleTrigger", "pipelines": []})
    (tmp_path / "adf/pipeline/Broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "adf/linkedService").mkdir()
    (tmp_path / "adf/linkedService/Broken.json").write_bytes(b"\xff")
    (tmp_path / "adf/managedVirtualNetwork").mkdir()
    (tmp_path / "adf/managedVirtualNetwork/default.json").write_text('{"name": "default"}', encoding="utf-8")

    assert refusal(tmp_path, "Pause") == ""


@pytest.mark.parametrize(
    ("activity", "reason"),
    [
        (call("Broken"), "Broken.json: $: not well-formed JSON"),
        (call("Nobody"), "no pipeline 'Nobody' in the bundle"),
        (notebook("/load", "Gone"), "no linkedService 'Gone' in the bundle"),
        (notebook("/load", "Broken"), "Broken.json: $: not well-formed JSON"),
        (notebook("/score"), "score.scala: only notebooks in Python (.py) run on this machine"),
        (notebook("/nobody"), "no notebook '/nobody'"),
        ({**WAIT, "typeProperties": {"waitTimeInSeconds": expression("@item(")}}, "[expression-parses]"),
        (
            {
                "name": "Ask",
                "type": "WebActivity",
                "typeProperties": {
                    "method": "GET",
                    "url": "https://example.net",
                    "authentication": {"type": "ClientCertificate"},
                },
            },
            "authentication 'ClientCertificate' does not work from this machine",
        ),
    ],
)
def test_what_a_run_reaches_is_refused_with_the_reason(activity: Any, reason: str, tmp_path: Path) -> None:
    for kind in ("pipeline", "linkedService"):
        (tmp_path / "adf" / kind).mkdir(parents=True)
        (tmp_path / "adf" / kind / "Broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/load.py").write_text("# Databricks notebook source\n", encoding="utf-8")
    (tmp_path / "notebooks/score.scala").write_text("// Databricks notebook source\n", encoding="utf-8")
    write(tmp_path, "linkedService/Bricks", {"type": "AzureDatabricks", "typeProperties": {}})
    write(tmp_path, "pipeline/Child", {"activities": [activity]})
    write(tmp_path, "pipeline/Parent", {"activities": [call("CHILD")]})

    assert reason in refusal(tmp_path, "Parent")
    assert reason in refusal(tmp_path, "child")

    write(tmp_path, "pipeline/Child", {"activities": [{**activity, "state": "Inactive"}]})

    assert refusal(tmp_path, "Parent") == ""


def test_an_integration_runtime_that_is_not_there_keeps_nothing_from_running_here(tmp_path: Path) -> None:
    write(tmp_path, "pipeline/Pause", {"activities": [WAIT, notebook("/load")]})
    service = {"type": "AzureDatabricks", "typeProperties": {}, "connectVia": reference("IntegrationRuntime", "IR_Own")}
    write(tmp_path, "linkedService/Bricks", service)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/load.py").write_text("# Databricks notebook source\n", encoding="utf-8")

    assert refusal(tmp_path, "Pause") == ""

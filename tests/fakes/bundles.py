"""Bundles on disk for tests: a factory's JSON and notebooks in a folder, changed object by object."""

import json
from pathlib import Path
from typing import Any

MARK = "continuous-ingestion"


class BundleFolder:
    """A folder with `adf/` and `notebooks/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.adf = root / "adf"
        self.notebooks = root / "notebooks"
        self.notebooks.mkdir(parents=True)

    def put(self, kind: str, document: dict[str, Any]) -> None:
        folder = self.adf / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{document['name']}.json").write_text(json.dumps(document, indent=2), encoding="utf-8")

    def read(self, kind: str, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.adf / kind / f"{name}.json").read_text(encoding="utf-8"))
        return document

    def change(self, kind: str, name: str, **properties: Any) -> None:
        document = self.read(kind, name)
        self.put(kind, {**document, "properties": {**document["properties"], **properties}})

    def remove(self, kind: str, name: str) -> None:
        (self.adf / kind / f"{name}.json").unlink()

    def notebook(self, name: str, code: str) -> None:
        text = f"# Databricks notebook source\n{code}\n"
        (self.notebooks / f"{name}.py").write_text(text, encoding="utf-8")

    def module(self, path: str, code: str) -> None:
        file = self.notebooks / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")


def environment_file(
    folder: Path,
    factory_url: str,
    workspace_url: str,
    *,
    root: str = "/Shared/app",
    notebooks: str = "workspace",
    more: str = "",
) -> Path:
    """Write an environment file for the services of a test, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "test.toml"
    file.write_text(
        f"""
[azure]
subscription_id = "00000000-0000-0000-0000-000000000000"
resource_group = "rg-test"
data_factory = "adf-test"
management_url = "{factory_url}"

[databricks]
host = "{workspace_url}"
notebooks = "{notebooks}"
root = "{root}"
{more}""",
        encoding="utf-8",
    )
    return file


def linked_service(name: str, **type_properties: Any) -> dict[str, Any]:
    return {
        "name": name,
        "properties": {"annotations": [MARK], "type": "AzureKeyVault", "typeProperties": type_properties},
    }


def pipeline(name: str, *, calls: str | None = None, notebook: str = "load", **properties: Any) -> dict[str, Any]:
    """A pipeline that runs a notebook, and calls another pipeline when one is named."""
    activities: list[dict[str, Any]] = [
        {
            "name": "RunNotebook",
            "type": "DatabricksNotebook",
            "linkedServiceName": {"referenceName": "LS_Databricks", "type": "LinkedServiceReference"},
            "typeProperties": {"notebookPath": f"/Shared/app/notebooks/{notebook}"},
        }
    ]
    if calls:
        reference = {"referenceName": calls, "type": "PipelineReference"}
        activities.append(
            {
                "name": "Call",
                "type": "ExecutePipeline",
                "dependsOn": [{"activity": "RunNotebook", "dependencyConditions": ["Succeeded"]}],
                "typeProperties": {"pipeline": reference, "waitOnCompletion": True},
            }
        )
    return {"name": name, "properties": {"activities": activities, "annotations": [MARK], **properties}}


def schedule_trigger(
    name: str, starts: str, *, state: str | None = "Started", hours: list[int] | None = None
) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "annotations": [MARK],
        "type": "ScheduleTrigger",
        "pipelines": [{"pipelineReference": {"referenceName": starts, "type": "PipelineReference"}, "parameters": {}}],
        "typeProperties": {
            "recurrence": {
                "frequency": "Day",
                "interval": 1,
                "startTime": "2026-01-01T00:00:00Z",
                "timeZone": "UTC",
                "schedule": {"hours": hours or [0], "minutes": [0]},
            }
        },
    }
    return {"name": name, "properties": {**properties, **({"runtimeState": state} if state else {})}}


def window_trigger(name: str, starts: str, *, interval: int = 1, delay: str = "00:00:00") -> dict[str, Any]:
    reference = {"referenceName": starts, "type": "PipelineReference"}
    return {
        "name": name,
        "properties": {
            "annotations": [MARK],
            "type": "TumblingWindowTrigger",
            "runtimeState": "Started",
            "pipeline": {"pipelineReference": reference, "parameters": {}},
            "typeProperties": {
                "frequency": "Hour",
                "interval": interval,
                "startTime": "2026-01-01T00:00:00Z",
                "delay": delay,
                "maxConcurrency": 1,
            },
        },
    }

"""A small bundle that every rule is content with, and the edits that tests make to it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def expression(text: str) -> dict[str, str]:
    return {"value": text, "type": "Expression"}


def reference(kind: str, name: str) -> dict[str, str]:
    return {"referenceName": name, "type": f"{kind}Reference"}


def secret(name: str) -> dict[str, Any]:
    return {
        "type": "AzureKeyVaultSecret",
        "store": reference("LinkedService", "LS_KeyVault"),
        "secretName": name,
    }


POLICY = {"timeout": "0.01:00:00", "retry": 1, "retryIntervalInSeconds": 60}
RUN_OUTPUT = "activity('Count').output.runOutput"

ADF: Mapping[str, Mapping[str, Any]] = {
    "linkedService/LS_KeyVault": {
        "description": "The vault of all secrets.",
        "annotations": ["shop"],
        "type": "AzureKeyVault",
        "typeProperties": {"baseUrl": "https://kv.vault.azure.net/"},
    },
    "linkedService/LS_Databricks": {
        "description": "Runs the notebooks.",
        "annotations": ["shop"],
        "type": "AzureDatabricks",
        "typeProperties": {
            "domain": "https://adb-1.1.azuredatabricks.net",
            "existingClusterId": "0101-000000-abcdefgh",
            "accessToken": secret("databricks-token"),
        },
    },
    "linkedService/LS_Sql": {
        "description": "The shop's database.",
        "annotations": ["shop"],
        "type": "AzureSqlDatabase",
        "parameters": {"database": {"type": "String"}},
        "typeProperties": {
            "connectionString": "Server=tcp:sql.example.net,1433;Database=@{linkedService().database};User ID=loader",
            "password": secret("sql-password"),
        },
    },
    "dataset/DS_Table": {
        "type": "AzureSqlTable",
        "linkedServiceName": {
            **reference("LinkedService", "LS_Sql"),
            "parameters": {"database": "@dataset().database"},
        },
        "parameters": {"database": {"type": "String", "defaultValue": "shop"}, "table": {"type": "String"}},
        "typeProperties": {"table": "@dataset().table"},
        "schema": [],
    },
    "pipeline/PL_Load": {
        "description": "Called by PL_Count; mail data@example.com.",
        "annotations": ["shop"],
        "parameters": {"count": {"type": "Int"}, "country": {"type": "String", "defaultValue": "India"}},
        "activities": [
            {
                "name": "Look",
                "description": "Looks customers up.",
                "type": "Lookup",
                "policy": POLICY,
                "typeProperties": {
                    "source": {"type": "AzureSqlSource"},
                    "dataset": {**reference("Dataset", "DS_Table"), "parameters": {"table": "Customers"}},
                },
            },
            {
                "name": "Load",
                "description": "Loads one country.",
                "type": "DatabricksNotebook",
                "dependsOn": [{"activity": "Look", "dependencyConditions": ["Succeeded"]}],
                "policy": POLICY,
                "linkedServiceName": reference("LinkedService", "LS_Databricks"),
                "typeProperties": {
                    "notebookPath": "/Shared/app/notebooks/load",
                    "baseParameters": {"count": "@string(pipeline().parameters.count)"},
                },
            },
        ],
        "concurrency": 4,
    },
    "pipeline/PL_Count": {
        "description": "Counts, then loads each country.",
        "annotations": ["shop"],
        "parameters": {"day": {"type": "String", "defaultValue": "today"}},
        "variables": {"note": {"type": "String"}, "other": {"type": "String"}, "seen": {"type": "Array"}},
        "activities": [
            {
                "name": "Count",
                "description": "Exits with the number of customers.",
                "type": "DatabricksNotebook",
                "policy": POLICY,
                "linkedServiceName": reference("LinkedService", "LS_Databricks"),
                "typeProperties": {
                    "notebookPath": "/Shared/app/notebooks/count",
                    "baseParameters": {"day": expression("@pipeline().parameters.day")},
                },
            },
            {
                "name": "CheckFailure",
                "description": "A negative number is a failure.",
                "type": "IfCondition",
                "dependsOn": [{"activity": "Count", "dependencyConditions": ["Succeeded"]}],
                "typeProperties": {
                    "expression": expression(f"@less(int({RUN_OUTPUT}), 0)"),
                    "ifTrueActivities": [
                        {
                            "name": "FailRun",
                            "description": "Ends the run as failed.",
                            "type": "Fail",
                            "typeProperties": {
                                "message": expression(f"@concat('Counting failed: ', string({RUN_OUTPUT}))"),
                                "errorCode": "CountFailed",
                            },
                        }
                    ],
                },
            },
            {
                "name": "EachCountry",
                "description": "One after the other.",
                "type": "ForEach",
                "dependsOn": [{"activity": "CheckFailure", "dependencyConditions": ["Succeeded"]}],
                "typeProperties": {
                    "items": expression("@createArray('India', 'China')"),
                    "isSequential": True,
                    "activities": [
                        {
                            "name": "LoadCountry",
                            "description": "Loads one country, and waits.",
                            "type": "ExecutePipeline",
                            "typeProperties": {
                                "pipeline": reference("Pipeline", "PL_Load"),
                                "waitOnCompletion": True,
                                "parameters": {"count": expression(f"@int({RUN_OUTPUT})"), "country": "@item()"},
                            },
                        },
                        {
                            "name": "Remember",
                            "description": "Keeps what was loaded.",
                            "type": "SetVariable",
                            "dependsOn": [{"activity": "LoadCountry", "dependencyConditions": ["Completed"]}],
                            "typeProperties": {"variableName": "note", "value": "@concat(variables('other'), item())"},
                        },
                    ],
                },
            },
        ],
    },
    "trigger/TR_Daily": {
        "description": "Counts at midnight and noon.",
        "annotations": ["shop"],
        "type": "ScheduleTrigger",
        "runtimeState": "Started",
        "pipelines": [{"pipelineReference": reference("Pipeline", "PL_Count"), "parameters": {"day": "monday"}}],
        "typeProperties": {
            "recurrence": {
                "frequency": "Day",
                "interval": 1,
                "startTime": "2026-01-01T00:00:00",
                "timeZone": "India Standard Time",
                "schedule": {"hours": [0, 12], "minutes": [0]},
            }
        },
    },
    "trigger/TR_Window": {
        "description": "Loads every hour.",
        "annotations": ["shop"],
        "type": "TumblingWindowTrigger",
        "runtimeState": "Stopped",
        "pipeline": {
            "pipelineReference": reference("Pipeline", "PL_Load"),
            "parameters": {"count": 1, "country": "@formatDateTime(trigger().outputs.windowStartTime)"},
        },
        "typeProperties": {
            "frequency": "Hour",
            "interval": 1,
            "startTime": "2026-01-01T00:00:00Z",
            "maxConcurrency": 1,
            "retryPolicy": {"count": 1, "intervalInSeconds": 60},
        },
    },
}

NOTEBOOKS: Mapping[str, str] = {
    "count.py": """\
# Databricks notebook source
dbutils.widgets.text("day", "")

# COMMAND ----------

from jobs.counting import count

dbutils.notebook.exit(count(spark, dbutils.widgets.get("day")))
""",
    "load.py": """\
# Databricks notebook source
# MAGIC %md
# MAGIC # Load

# COMMAND ----------

for name in ("count", "country"):
    dbutils.widgets.text(name, "")
""",
    "jobs/__init__.py": "",
    "jobs/counting.py": """\
FAILED = "-1"


def count(spark, day):
    try:
        return str(spark.table("customers").count())
    except Exception:
        return FAILED
""",
}


class Sample:
    """The sample bundle in a folder, and edits. Files are named as in `ADF`, notebooks with `.py` at the end."""

    def __init__(self, root: Path) -> None:
        self.adf, self.notebooks = root / "adf", root / "notebooks"
        for name, properties in ADF.items():
            self.write(name, json.dumps({"name": name.split("/")[1], "properties": properties}, indent=2))
        for name, source in NOTEBOOKS.items():
            self.write(name, source)

    def file(self, name: str) -> Path:
        """Return the path of a file; one of neither folder is named from the bundle's root."""
        if name.endswith((".toml", ".md", ".lvdash.json")):
            return self.adf.parent / name
        return self.notebooks / name if name.endswith(".py") else self.adf / f"{name}.json"

    def write(self, name: str, text: str) -> None:
        """Write a file as it is."""
        self.file(name).parent.mkdir(parents=True, exist_ok=True)
        self.file(name).write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace text that the file has."""
        text = self.file(name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def set(self, name: str, path: str, value: object) -> None:
        """Set one value, at keys and indexes below `properties` parted by dots."""
        document = json.loads(self.file(name).read_text(encoding="utf-8"))
        *parents, last = path.split(".")
        holder = document["properties"]
        for part in parents:
            holder = holder[int(part)] if isinstance(holder, list) else holder.setdefault(part, {})
        if isinstance(holder, list) and int(last) == len(holder):
            holder.append(value)
        else:
            holder[int(last) if isinstance(holder, list) else last] = value
        self.write(name, json.dumps(document, indent=2))

    def remove(self, name: str, path: str) -> None:
        """Remove one value, at keys and indexes below `properties` parted by dots."""
        document = json.loads(self.file(name).read_text(encoding="utf-8"))
        *parents, last = path.split(".")
        holder = document["properties"]
        for part in parents:
            holder = holder[int(part)] if isinstance(holder, list) else holder[part]
        del holder[int(last) if isinstance(holder, list) else last]
        self.write(name, json.dumps(document, indent=2))

    def add(self, name: str, properties: Mapping[str, Any]) -> None:
        """Add an object."""
        self.write(name, json.dumps({"name": name.split("/")[1], "properties": properties}))

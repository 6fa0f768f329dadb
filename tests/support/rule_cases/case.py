"""What a case of a rule is, and the edits that cases are made of."""

from collections.abc import Callable
from dataclasses import dataclass

from support.sample_bundle import Sample, expression

Edit = Callable[[Sample], object]

COUNT, LOAD, DAILY, WINDOW = "pipeline/PL_Count", "pipeline/PL_Load", "trigger/TR_Daily", "trigger/TR_Window"
SQL, DATABRICKS, TABLE = "linkedService/LS_Sql", "linkedService/LS_Databricks", "dataset/DS_Table"
ACTIVITIES = "$.properties.activities"
RECURRENCE = "$.properties.typeProperties.recurrence"
EACH = "activities.2.typeProperties.activities"


@dataclass(frozen=True)
class Case:
    """A rule, an edit that breaks it, where the one finding stands, what it says, and the same edit done right."""

    rule: str
    broken: Edit
    file: str
    path: str
    message: str
    good: Edit = lambda sample: None


def put(file: str, path: str, value: object) -> Edit:
    return lambda sample: sample.set(file, path, value)


def drop(file: str, path: str) -> Edit:
    return lambda sample: sample.remove(file, path)


def swap(file: str, old: str, new: str) -> Edit:
    return lambda sample: sample.replace(file, old, new)


def write(file: str, text: str) -> Edit:
    return lambda sample: sample.write(file, text)


def both(*edits: Edit) -> Edit:
    return lambda sample: [edit(sample) for edit in edits]


def wait(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}, **more}


def container(kind: str, name: str, inner: object) -> dict[str, object]:
    fields = {
        "IfCondition": {"expression": expression("@equals(1, 1)"), "ifTrueActivities": [inner]},
        "ForEach": {"items": expression("@createArray(1)"), "activities": [inner]},
        "Until": {"expression": expression("@equals(1, 1)"), "timeout": "0.01:00:00", "activities": [inner]},
        "Switch": {"on": expression("@string(1)"), "cases": [{"value": "1", "activities": [inner]}]},
    }
    return {"name": name, "type": kind, "typeProperties": fields[kind]}


def depends(name: str, *conditions: object) -> list[dict[str, object]]:
    return [{"activity": name, "dependencyConditions": list(conditions)}]

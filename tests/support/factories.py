"""Writes small factories to a folder, as ADF Studio keeps them: for tests that read them as users do."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Json = Mapping[str, Any]


def write_object(adf: Path, kind: str, name: str, properties: Json) -> None:
    file = adf / kind / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"name": name, "properties": properties}), encoding="utf-8")


def write_pipeline(adf: Path, name: str, activities: Sequence[Json], **properties: Any) -> None:
    write_object(adf, "pipeline", name, {"activities": list(activities), **properties})


def dataset_reference(name: str, /, **parameters: Any) -> dict[str, Any]:
    reference: dict[str, Any] = {"referenceName": name, "type": "DatasetReference"}
    return {**reference, "parameters": parameters} if parameters else reference


def linked_service_reference(name: str, /, **parameters: Any) -> dict[str, Any]:
    reference: dict[str, Any] = {"referenceName": name, "type": "LinkedServiceReference"}
    return {**reference, "parameters": parameters} if parameters else reference


def copy(
    name: str, source: Json, sink: Json, *after: Any, inputs: Any = "Source", outputs: Any = "Sink", **more: Any
) -> dict[str, Any]:
    """A Copy activity; inputs and outputs are dataset names, or references."""
    from support.pipelines import activity

    references = [dataset_reference(one) if isinstance(one, str) else one for one in (inputs, outputs)]
    return {
        **activity(name, "Copy", *after, source=source, sink=sink, **more),
        "inputs": references[:1],
        "outputs": references[1:],
    }

"""What a run of pipelines reaches, asked of a bundle that may be wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundle.bundle import read_bundle
from bundle.resources import ResourceKey
from local_factory.reach import notebook_clusters

REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_notebook_activity_has_its_clusters_variables_those_of_called_pipelines_too() -> None:
    bundle = read_bundle(REPOSITORY / "adf", REPOSITORY / "notebooks")
    service = bundle.resources[ResourceKey("linkedService", "AzureDatabricksLinkedService")]
    variables = service.properties["typeProperties"]["newClusterSparkEnvVars"]
    assert notebook_clusters(bundle, ["PL_Ingest_Country_Data", "PL_Process_Customer_Data"]) == [variables] * 3


@pytest.mark.parametrize(
    "activity",
    [
        {"type": "DatabricksNotebook"},
        {"type": "DatabricksNotebook", "linkedServiceName": "text"},
        {"type": "DatabricksNotebook", "linkedServiceName": {"referenceName": "nobody"}},
    ],
)
def test_a_notebook_activity_without_its_linked_service_counts_too(activity: Any, tmp_path: Path) -> None:
    file = tmp_path / "adf" / "pipeline" / "P.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"name": "P", "properties": {"activities": [activity]}}))
    assert notebook_clusters(read_bundle(tmp_path / "adf", tmp_path), ["P", "nobody"]) == [{}]

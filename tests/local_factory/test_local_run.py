"""The checked-in pipelines and notebooks, run whole on real Spark, a real database and a real HTTP API."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bundle.resources import load_resources
from local_factory.invocation import Invocation
from local_factory.local_run import PipelineRequest, RunResult, run_pipelines
from local_factory.session import Session
from support.pipelines import activity_runs, statuses

if TYPE_CHECKING:
    from local_factory.conftest import Laptop

REPOSITORY = Path(__file__).resolve().parents[2]
COUNTRIES = {"india": "IN", "us": "US", "uk": "GB", "china": "CN", "russia": "RU"}
NOTEBOOK = "RunCustomerProcessingNotebook"


def run(session: Session, *pipelines: str, adf: Path = REPOSITORY / "adf") -> RunResult:
    requests = [PipelineRequest(name, {}, Invocation.manual()) for name in pipelines]
    return asyncio.run(run_pipelines(session, load_resources(adf), requests, lambda _runs: None))


def parquet_rows(folder: Path) -> int:
    from pyarrow.parquet import read_table

    return int(read_table(folder).num_rows)


@pytest.mark.parametrize(
    ("customers", "exit_value", "customers_land", "products_land"),
    [
        (0, 0, False, False),
        (500, 0, False, False),
        (501, 501, True, False),
        (600, 600, True, False),
        (601, 601, True, True),
    ],
)
def test_the_thresholds_decide_what_lands(
    laptop: "Laptop", customers: int, exit_value: int, customers_land: bool, products_land: bool
) -> None:
    result = run(laptop.session(customers), "PL_Process_Customer_Data")
    parent = result.runs[0]
    assert result.succeeded
    assert activity_runs(parent, NOTEBOOK)[0].output["runOutput"] == exit_value
    assert [entry.pipeline_name for entry in result.runs[1:]] == (["PL_Copy_Product_Data"] if products_land else [])
    landed = {entry.path: entry.rows for entry in result.landed if not entry.path.startswith("quality_metrics/")}
    assert len(result.landed) - len(landed) == (2 if products_land else 1)
    expected = {"customer_data/": customers} if customers_land else {}
    assert landed == (expected | {"product_data/": 20} if products_land else expected)
    for name, rows in landed.items():
        assert parquet_rows(laptop.lake / name) == rows


def test_each_country_file_holds_the_record_of_its_country(laptop: "Laptop") -> None:
    result = run(laptop.session(0), "PL_Ingest_Country_Data")
    assert result.succeeded
    files = {file.stem: json.loads(file.read_bytes())["cca2"] for file in (laptop.lake / "countries").iterdir()}
    assert files == COUNTRIES


def test_a_customer_run_that_reads_no_customers_is_never_green(laptop: "Laptop") -> None:
    session = laptop.session(700)
    laptop.execute("DROP TABLE Customers")
    result = run(session, "PL_Process_Customer_Data")
    parent = result.runs[0]
    notebook_run = activity_runs(parent, NOTEBOOK)[0]
    assert parent.status == "Failed"
    assert (notebook_run.status, notebook_run.output["runOutput"]) == ("Succeeded", -1)
    assert statuses(parent)["FailCustomerProcessing"] == "Failed"
    assert notebook_run.output["runPageUrl"] in parent.message
    assert len(result.runs) == 1
    log = (result.report.parent / "notebooks" / f"{notebook_run.activity_run_id}.log").read_text()
    assert "Customers: cannot be read" in log
    assert "CUSTOMERS' does not exist" in log


def test_a_run_leaves_its_runs_logs_and_pages_in_its_folder(laptop: "Laptop") -> None:
    result = run(laptop.session(601), "PL_Ingest_Country_Data", "PL_Process_Customer_Data")
    folder = result.report.parent
    assert folder.parent == laptop.workdir / "runs"
    written = json.loads((folder / "runs.json").read_bytes())
    assert {entry["pipelineName"] for entry in written["runs"]} == {
        "PL_Ingest_Country_Data",
        "PL_Process_Customer_Data",
        "PL_Copy_Product_Data",
    }
    for entry in [activity for pipeline in written["runs"] for activity in pipeline["activityRuns"]]:
        if entry["activityType"] == "DatabricksNotebook":
            page = Path(entry["output"]["runPageUrl"].removeprefix("file://"))
            assert page.parent == folder / "notebooks"
            assert page.is_file()
            assert page.with_suffix(".log").read_text()


def test_the_databases_password_is_nowhere_in_what_a_run_writes(laptop: "Laptop") -> None:
    session = laptop.session(601)
    result = run(session, "PL_Ingest_Country_Data", "PL_Process_Customer_Data")
    assert result.succeeded
    secret = session.secrets["sql-password"].encode()
    written = [file for file in laptop.workdir.rglob("*") if file.is_file() and "derby" not in file.parts]
    assert written
    assert [file for file in written if secret in file.read_bytes()] == []

"""Runs to show: the bundle's own two parents, one that fails within a child pipeline, and a ForEach of 150."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local_factory.report import RunReport, Sources
from local_factory.runs import ActivityRun, LandedData, PipelineRun, Status
from local_factory.timeline import LogEntry

START = datetime(2026, 3, 14, 6, 30, 0, 124000, tzinfo=UTC)
SOURCES = Sources("jdbc:derby:.local/derby/source", "http://127.0.0.1:41873/v3.1", Path("/home/ada/bundle/.local/lake"))
COUNTRIES = ("india", "us", "uk", "china", "russia")
REASON = (
    "PRODUCTS_UNREADABLE: [FAILED_READ_TABLE] jdbc:derby:.local/derby/source: Table/View 'PRODUCTS' does not exist. "
    "Was the demo database made with an older version? Remove .local/derby and run again."
)


def at(seconds: float) -> datetime:
    """Return the moment so many seconds after the sample's start."""
    return START + timedelta(seconds=seconds)


def pipeline(
    name: str, start: float, end: float | None, status: Status = Status.SUCCEEDED, **changes: Any
) -> PipelineRun:
    """Return a pipeline run without activity runs; its run id is `run-` and its name."""
    values: dict[str, Any] = {
        "run_id": f"run-{name}",
        "pipeline_name": name,
        "parameters": {},
        "invoked_by": {"name": "Manual", "id": "manual", "invokedByType": "Manual"},
        "start": at(start),
        "end": None if end is None else at(end),
        "status": status,
    }
    return PipelineRun(**(values | changes))


def activity(
    run: PipelineRun,
    name: str,
    kind: str,
    start: float,
    end: float | None,
    *,
    status: Status = Status.SUCCEEDED,
    **more: Any,
) -> ActivityRun:
    """Add an activity run to a pipeline run and return it; its id is new within the pipeline run."""
    added = ActivityRun(
        activity_name=name,
        activity_type=kind,
        activity_run_id=f"{run.run_id}/{len(run.activity_runs)}",
        pipeline_name=run.pipeline_name,
        pipeline_run_id=run.run_id,
        status=status,
        start=at(start),
        end=None if end is None else at(end),
        **more,
    )
    run.activity_runs.append(added)
    return added


def error(message: str, code: str = "3204", target: str = "") -> dict[str, Any]:
    """Return an error as ADF gives it."""
    return {"errorCode": code, "message": message, "failureType": "UserError", "target": target, "details": []}


def notebook_output(value: str | None, page: str = "file:///home/ada/bundle/.local/runs/r1/a.html") -> dict[str, Any]:
    """Return a notebook activity's output as ADF gives it."""
    output: dict[str, Any] = {
        "runPageUrl": page,
        "effectiveIntegrationRuntime": "AutoResolveIntegrationRuntime (Local)",
        "executionDuration": 12,
        "durationInQueue": {"integrationRuntimeQueue": 0},
        "billingReference": {"activityType": "ExternalActivity", "billableDuration": []},
    }
    return output if value is None else {"runPageUrl": page, "runOutput": value} | output


def countries_run() -> PipelineRun:
    """Return the run that lands five countries, at its second try."""
    run = pipeline("PL_Ingest_Country_Data", 0, 9.3)
    notebook = {"notebookPath": "/Shared/continuous-ingestion/notebooks/ingest_country_data", "baseParameters": {}}
    activity(
        run,
        "RunCountryIngestionNotebook",
        "DatabricksNotebook",
        0.1,
        3.9,
        status=Status.FAILED,
        retried=True,
        input=notebook,
        error=error("CountryError: russia: HTTP 503 three times in 3.1 s", target="RunCountryIngestionNotebook"),
    )
    activity(
        run,
        "RunCountryIngestionNotebook",
        "DatabricksNotebook",
        5.4,
        9.2,
        input=notebook,
        output=notebook_output(None),
        retry_attempt=1,
    )
    return run


def customer_runs(*, fails: bool) -> list[PipelineRun]:
    """Return the customers' run and the products' run that it calls, which may fail."""
    parent = pipeline("PL_Process_Customer_Data", 9.5, 24.6, Status.FAILED if fails else Status.SUCCEEDED)
    child = pipeline(
        "PL_Copy_Product_Data",
        18.0,
        24.4,
        Status.FAILED if fails else Status.SUCCEEDED,
        parameters={"customerCountParam": "1000"},
        invoked_by={
            "id": f"{parent.run_id}/3",
            "name": "ExecuteProductPipeline",
            "invokedByType": "PipelineActivity",
            "pipelineName": parent.pipeline_name,
            "pipelineRunId": parent.run_id,
        },
    )
    end = child.status
    path = "/Shared/continuous-ingestion/notebooks/"
    activity(
        parent,
        "RunCustomerProcessingNotebook",
        "DatabricksNotebook",
        9.6,
        17.8,
        input={"notebookPath": path + "process_customer_data", "baseParameters": {}},
        output=notebook_output("1000"),
    )
    activity(parent, "CheckCustomerProcessingError", "IfCondition", 17.85, 17.9, output={"result": False})
    check = activity(parent, "CheckCustomerCount", "IfCondition", 17.85, 24.5, status=end)
    activity(
        parent,
        "ExecuteProductPipeline",
        "ExecutePipeline",
        17.95,
        24.45,
        status=end,
        container=check,
        input={"pipeline": {"referenceName": child.pipeline_name}, "parameters": {"customerCountParam": "1000"}},
        output={"pipelineRunId": child.run_id, "pipelineName": child.pipeline_name},
    )
    activity(
        child,
        "RunProductProcessingNotebook",
        "DatabricksNotebook",
        18.1,
        24.3,
        status=end,
        input={"notebookPath": path + "process_product_data", "baseParameters": {"customer_count": "1000"}},
        output=notebook_output(None),
        error=error(REASON) if fails else None,
    )
    if fails:
        child.message = f"Operation on target RunProductProcessingNotebook failed: {REASON}"
        parent.activity_runs[3].error = error(child.message, "BadRequest")
        parent.activity_runs[2].error = error(
            f"Operation on target ExecuteProductPipeline failed: {child.message}", "BadRequest"
        )
        parent.message = f"Operation on target CheckCustomerCount failed: {child.message}"
        activity(parent, "ArchiveCustomers", "DatabricksNotebook", 24.6, 24.6, status=Status.SKIPPED)
    return [parent, child]


def regions_run(iterations: int = 150, failing: int = 2) -> PipelineRun:
    """Return a run whose ForEach ran an activity so many times, eight at once, of which the last ones failed."""
    end = 26.7 + iterations // 8 * 0.9
    run = pipeline("PL_Load_All_Regions", 25, end, Status.FAILED if failing else Status.SUCCEEDED)
    activity(run, "ListRegions", "WebActivity", 25.1, 25.4, output={"value": list(range(iterations))})
    loop = activity(run, "ForEachRegion", "ForEach", 25.5, end)
    for number in range(iterations):
        fails = number >= iterations - failing
        begin = 25.5 + number // 8 * 0.9 + number % 8 * 0.05
        activity(
            run,
            "LoadRegion",
            "DatabricksNotebook",
            begin,
            begin + 0.7 + number % 5 * 0.06,
            status=Status.FAILED if fails else Status.SUCCEEDED,
            container=loop,
            input={"notebookPath": "/Shared/load_region", "baseParameters": {"region": f"R{number:03}"}},
            output=None if fails else notebook_output(str(number * 37)),
            error=error(f"Region R{number:03}: the source answered 404") if fails else None,
        )
    if failing:
        loop.status = Status.FAILED
        loop.error = error("Operation on target LoadRegion failed", "BadRequest")
        run.message = "Operation on target ForEachRegion failed: Operation on target LoadRegion failed"
    return run


def logs_of(runs: list[PipelineRun]) -> dict[str, LogEntry]:
    """Return a log and a page for every notebook activity run."""
    return {
        run.activity_run_id: LogEntry(_log(number * 100), f"notebooks/{parent.pipeline_name} {number}.html")
        for parent in runs
        for number, run in enumerate(parent.activity_runs)
        if run.activity_type == "DatabricksNotebook" and run.status is not Status.SKIPPED
    }


def sample_report(runs: list[PipelineRun], **changes: Any) -> RunReport:
    """Return a report on runs, with a title, logs and landed data."""
    ends = [run.end for run in runs if run.end]
    values: dict[str, Any] = {
        "title": "continuous-ingestion on this machine",
        "started": START,
        "ended": max(ends, default=START),
        "runs": runs,
        "sources": SOURCES,
        "landed": [
            *(LandedData(f"countries/{name}.json", 1, 1, 4200 + 731 * len(name)) for name in COUNTRIES),
            LandedData("customer_data", 2, 1000, 88_412),
            LandedData("product_data", 1, 200, 9_377),
        ],
        "logs": logs_of(runs),
    }
    return RunReport(**(values | changes))


def _log(rows: int) -> str:
    return (
        f'{{"time": "2026-03-14T06:30:04.118Z", "step": "read", "source": "Customers", "rows": {rows}}}\n'
        f'{{"time": "2026-03-14T06:30:09.502Z", "step": "write", "target": "customer_data", "rows": {rows}}}\n'
    )


def feeds_run(*feeds: dict[str, Any]) -> PipelineRun:
    """Return a run of the notebook that loads feeds, which exits with these."""
    run = pipeline("PL_Ingest", 0, 9)
    exit_value = json.dumps({"status": "Failed", "message": "", "feeds": feeds})
    activity(run, "RunIngestNotebook", "DatabricksNotebook", 1, 8, output=notebook_output(exit_value))
    return run


FEEDS: tuple[dict[str, Any], ...] = (
    {
        "feed": "shop.dbo.Orders",
        "status": "Succeeded",
        "rows_read": 1200,
        "inserted": 7,
        "updated": 3,
        "deleted": 1,
        "quarantined": 0,
        "rows_in_target": 51200,
        "seconds": 2.5,
        "error": None,
        "notes": ["column At is text"],
    },
    {"feed": "shop.dbo.Gone", "status": "Failed", "rows_read": None, "seconds": 0.2, "error": "no <table> Gone\nmore"},
)

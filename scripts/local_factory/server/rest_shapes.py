"""Runs as Data Factory's REST API shows them."""

from typing import Any

from local_factory.runs import ActivityRun, timestamp
from local_factory.server.history import KeptRun, TriggerRun


def pipeline_run(factory_id: str, kept: KeptRun) -> dict[str, Any]:
    """Return a pipeline run as `pipelineruns/{id}` answers it."""
    shown = kept.run.to_json()
    del shown["activityRuns"]
    return {
        "id": f"{factory_id}/pipelineruns/{kept.run.run_id}",
        **shown,
        "runGroupId": kept.run.group_id,
        "isLatest": kept.is_latest,
        "lastUpdated": timestamp(kept.updated),
        "runDimensions": {},
        "debugRunId": None,
        "pipelineReturnValue": kept.run.returned or {},
        "annotations": [],
    }


def activity_run(factory_id: str, run: ActivityRun) -> dict[str, Any]:
    """Return an activity run as `queryActivityruns` answers it."""
    return {
        "id": f"{factory_id}/pipelineruns/{run.pipeline_run_id}/activityruns/{run.activity_run_id}",
        **run.to_json(),
        "error": run.error or {"errorCode": "", "message": "", "failureType": "", "target": run.activity_name},
        "iterationHash": run.scope,
        "recoveryStatus": "Recovered" if run.recovered else "None",
        "userProperties": {},
        "integrationRuntimeNames": ["local"],
    }


def trigger_run(run: TriggerRun) -> dict[str, Any]:
    """Return a trigger's run as `queryTriggerRuns` answers it."""
    return {
        "triggerRunId": run.trigger_run_id,
        "triggerName": run.trigger_name,
        "triggerType": run.trigger_type,
        "triggerRunTimestamp": timestamp(run.fired),
        "status": run.status,
        "message": run.message,
        "properties": dict(run.properties),
        "triggeredPipelines": dict(run.runs),
        "runDimension": {},
        "dependencyStatus": {},
        "groupId": run.group_id,
    }

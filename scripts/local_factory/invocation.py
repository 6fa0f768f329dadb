"""What starts a pipeline run: "Trigger Now", a schedule trigger or another pipeline, under ADF's own names."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local_factory import clock
from local_factory.runs import ActivityRun, timestamp


@dataclass(frozen=True)
class Invocation:
    """What started a pipeline run, under ADF's names: the run's `invokedBy`, and what `pipeline()` says of it."""

    invoked_by: Mapping[str, Any]
    system: Mapping[str, Any]

    @classmethod
    def manual(cls) -> "Invocation":
        """Return what "Trigger Now" leaves behind."""
        identity = str(uuid.uuid4())
        return cls(
            {"id": identity, "name": "Manual", "invokedByType": "Manual"},
            {
                "TriggerType": "Manual",
                "TriggerId": identity,
                "TriggerName": "Manual",
                "TriggerTime": str(timestamp(clock.now())),
            },
        )

    @classmethod
    def schedule(cls, trigger_name: str, scheduled: datetime, trigger_run_id: str | None = None) -> "Invocation":
        """Return what a schedule trigger's fire leaves behind."""
        return cls._trigger("ScheduleTrigger", trigger_name, scheduled, trigger_run_id or str(uuid.uuid4()))

    @classmethod
    def window(cls, trigger_name: str, end: datetime, trigger_run_id: str) -> "Invocation":
        """Return what a tumbling window trigger leaves behind for a window that ended then."""
        return cls._trigger("TumblingWindowTrigger", trigger_name, end, trigger_run_id)

    @classmethod
    def event(cls, trigger_name: str, kind: str, moment: datetime) -> "Invocation":
        """Return what a trigger of storage or custom events leaves behind."""
        return cls._trigger(kind, trigger_name, moment, str(uuid.uuid4()))

    @classmethod
    def _trigger(cls, kind: str, name: str, scheduled: datetime, identity: str) -> "Invocation":
        return cls(
            {"id": identity, "name": name, "invokedByType": kind},
            {
                "TriggerType": kind,
                "TriggerId": identity,
                "TriggerName": name,
                "TriggerTime": timestamp(scheduled),
            },
        )

    @classmethod
    def activity(cls, run: ActivityRun, caller: Mapping[str, Any]) -> "Invocation":
        """Return what an ExecutePipeline activity leaves behind in its child.

        Args:
            run: the activity's run.
            caller: the system variables of the pipeline run that it is part of.
        """
        parent = {"pipelineName": run.pipeline_name, "pipelineRunId": run.pipeline_run_id}
        return cls(
            {
                "id": run.activity_run_id,
                "name": run.activity_name,
                "invokedByType": "PipelineActivity",
                **parent,
            },
            {
                **{name: caller[name] for name in ("TriggerType", "TriggerId", "TriggerName", "TriggerTime")},
                "TriggeredByPipelineName": run.pipeline_name,
                "TriggeredByPipelineRunId": run.pipeline_run_id,
                "GroupId": caller["GroupId"],
            },
        )

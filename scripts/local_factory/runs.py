"""What a run leaves behind: pipeline runs and activity runs under the names of ADF's own REST API."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """The states of pipeline and activity runs that ADF's monitoring shows."""

    QUEUED = "Queued"
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    INACTIVE = "Inactive"
    CANCELLED = "Cancelled"


@dataclass
class ActivityRun:
    """One try of one activity.

    `container` is the run of the control activity it ran in (an If, a ForEach), if any, and `scope` that place's name;
    `retried` says that this try failed and another followed, `recovered` that a rerun took it over from an earlier run,
    `stubbed` that a stub answered.
    What is secure is in no answer, also while the activity runs and still needs it.
    """

    activity_name: str
    activity_type: str
    activity_run_id: str
    pipeline_name: str
    pipeline_run_id: str
    status: Status
    start: datetime
    end: datetime | None = None
    input: Any = None
    output: Any = None
    error: dict[str, Any] | None = None
    retry_attempt: int = 0
    container: "ActivityRun | None" = None
    retried: bool = False
    scope: str = ""
    recovered: bool = False
    secure_input: bool = False
    secure_output: bool = False
    stubbed: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the run as ADF's `queryActivityruns` answers it."""
        return {
            "activityName": self.activity_name,
            "activityType": self.activity_type,
            "activityRunId": self.activity_run_id,
            "pipelineName": self.pipeline_name,
            "pipelineRunId": self.pipeline_run_id,
            "status": self.status,
            "input": None if self.secure_input else self.input,
            "output": None if self.secure_output else self.output,
            "error": self.error,
            "activityRunStart": timestamp(self.start),
            "activityRunEnd": timestamp(self.end),
            "durationInMs": _milliseconds(self.start, self.end),
            "retryAttempt": self.retry_attempt,
            **({"stubbed": True} if self.stubbed else {}),
        }


@dataclass
class PipelineRun:
    """One run of one pipeline, with its activities' runs in the order of their start and the values it returned.

    Reruns share the `group_id` of the run that they recover; a run of its own is its own group.
    """

    run_id: str
    pipeline_name: str
    parameters: dict[str, Any]
    invoked_by: dict[str, Any]
    start: datetime
    status: Status = Status.QUEUED
    message: str = ""
    end: datetime | None = None
    activity_runs: list[ActivityRun] = field(default_factory=list)
    returned: dict[str, Any] = field(default_factory=dict)
    group_id: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the run as ADF's `queryPipelineRuns` answers it, its activity runs within."""
        return {
            "runId": self.run_id,
            "pipelineName": self.pipeline_name,
            "status": self.status,
            "message": self.message,
            "parameters": self.parameters,
            "invokedBy": self.invoked_by,
            "runStart": timestamp(self.start),
            "runEnd": timestamp(self.end),
            "durationInMs": _milliseconds(self.start, self.end),
            "activityRuns": [run.to_json() for run in self.activity_runs],
        }


@dataclass(frozen=True)
class LandedData:
    """What a run put at one place of the lake: a file, or a dataset that is a folder of files.

    `path` is relative to the lake, `rows` is None where counting them makes no sense.
    """

    path: str
    files: int
    rows: int | None
    bytes: int


def timestamp(moment: datetime | None) -> str | None:
    """Return a moment as ADF writes it: UTC, ISO-8601, ending in Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _milliseconds(start: datetime, end: datetime | None) -> int | None:
    return round((end - start).total_seconds() * 1000) if end else None

"""The pages of runs: the list with its filters, and one run with its timeline."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from local_factory.formatting import elapsed
from local_factory.run_tree import failures
from local_factory.runs import ActivityRun, Status
from local_factory.server.history import ENDED, Filter, KeptRun, Query
from local_factory.server.monitor.parts import Page, Parts, here
from local_factory.timeline import LogEntry, build_timeline

if TYPE_CHECKING:
    from starlette.requests import Request

_ROWS = 50
_PERIODS = {"1h": ("Last hour", 1), "24h": ("Last 24 hours", 24), "7d": ("Last 7 days", 7 * 24)}
_STATUSES = (Status.QUEUED, Status.IN_PROGRESS, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
_MOST_CAUSES = 5


def list_page(parts: Parts, request: "Request") -> Page:
    """Return the list of runs, newest on top, by pipeline, status, time and text."""
    asked = request.query_params
    pipeline, status, period = asked.get("pipeline", ""), asked.get("status", ""), asked.get("period", "")
    text, token = asked.get("text", "").strip(), asked.get("after") or None
    hours = _PERIODS.get(period, ("", 0))[1]
    filters = [Filter("pipeline", [pipeline])] if pipeline else []
    filters += [Filter("status", [status])] if status else []
    parts.runs.write()
    found, older = parts.runs.history.pipeline_runs(
        Query(
            filters=filters,
            started_after=datetime.now(UTC) - timedelta(hours=hours) if hours else None,
            text=text,
            token=token,
            limit=_ROWS,
        )
    )
    kept = {name: asked[name] for name in ("pipeline", "status", "period", "text") if asked.get(name)}
    names = sorted({*(r.name for r in parts.objects.of("pipeline")), *([pipeline] if pipeline else [])}, key=str.lower)
    now = datetime.now(UTC)
    return Page(
        "runs.html.j2",
        "Runs",
        {
            "runs": found,
            "seconds": {kept_run.run.run_id: elapsed(kept_run.run, now) for kept_run in found},
            "counts": parts.runs.history.counts(),
            "pipelines": names,
            "statuses": _STATUSES,
            "periods": {name: label for name, (label, _) in _PERIODS.items()},
            "chosen": {"pipeline": pipeline, "status": status, "period": period, "text": text},
            "filtered": bool(kept),
            "older": f"/runs?{urlencode({**kept, 'after': older})}" if older else None,
            "newest": f"/runs?{urlencode(kept)}" if token else None,
            "has_pipelines": bool(parts.objects.of("pipeline")),
            "here": here,
        },
        live=("runs",),
    )


def run_page(parts: Parts, request: "Request") -> Page:
    """Return a run: how it went, its timeline with all that it called, what can be done about it."""
    run_id = request.path_params["run"]
    kept = parts.runs.get(run_id)
    runs = parts.runs.with_children(run_id)
    now = datetime.now(UTC)
    logs = {
        activity.activity_run_id: _log(parts, activity)
        for run in runs
        for activity in run.activity_runs
        if activity.activity_type == "DatabricksNotebook" and activity.status is not Status.SKIPPED
    }
    timeline = build_timeline(runs, here(kept.run.start), here(now), logs)
    root = timeline.roots[0] if timeline.roots else None
    causes = [cause for cause in failures(timeline.roots) if not cause.first.retried]
    if kept.run.status is not Status.FAILED:
        causes = []
    return Page(
        "run.html.j2",
        f"{kept.run.pipeline_name} · {kept.run.status}",
        {
            "kept": kept,
            "run": kept.run,
            "root": root,
            "status": kept.run.status,
            "timeline": timeline,
            "causes": [(cause, timeline.anchor(cause.first), timeline.log(cause.first)) for cause in causes],
            "most_causes": _MOST_CAUSES,
            "seconds": elapsed(kept.run, now),
            "activities": sum(len(run.activity_runs) for run in runs),
            "called": len(runs) - 1,
            "ended": kept.run.status in ENDED,
            "group": parts.runs.history.group(kept.run.group_id),
            "parent": _parent(parts, kept),
            "zone": here(kept.run.start).tzinfo,
            "zone_name": here(kept.run.start).tzname(),
            "here": here,
        },
        live=("runs",),
    )


def _parent(parts: Parts, kept: KeptRun) -> KeptRun | None:
    return parts.runs.find(kept.parent_run) if kept.parent_run else None


def _log(parts: Parts, activity: ActivityRun) -> LogEntry:
    file = parts.notebooks.page(activity.activity_run_id)
    log = file.with_suffix(".log")
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return LogEntry(text, f"/notebooks/{activity.activity_run_id}" if file.is_file() else None)

"""One run of pipelines on a session: they run side by side, and what came of them is written into a folder."""

import asyncio
import json
import logging
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from bundle.errors import DashboardError
from bundle.notebooks import Cell, Language
from bundle.resources import Resources
from local_factory.cluster.jvm import JvmError, java_errors
from local_factory.cluster.kernel import CellOutcome, Table
from local_factory.cluster.runner import NotebookRun, NotebookRunner
from local_factory.cluster.spark import Cluster
from local_factory.dashboards.answers import has_any_table, read_dashboards
from local_factory.dashboards.drawing import write_dashboard
from local_factory.data.stand_ins import StandIns
from local_factory.factory import Factory
from local_factory.invocation import Invocation
from local_factory.lake import landed_since
from local_factory.notebook_page import CellResult, NotebookPage, TableOutput, write_notebook_page
from local_factory.parameters import MASK
from local_factory.report import RunReport, write_report
from local_factory.runs import LandedData, PipelineRun, Status
from local_factory.session import Session
from local_factory.stubs import Stubs
from local_factory.timeline import LogEntry

_LOG = logging.getLogger(__name__)
_SECONDS_BETWEEN_UPDATES = 0.25
Listener = Callable[[Sequence[PipelineRun]], None]


@dataclass(frozen=True)
class PipelineRequest:
    """A pipeline to run, with its parameters and what starts it."""

    pipeline: str
    parameters: Mapping[str, Any]
    invocation: Invocation


@dataclass(frozen=True)
class RunResult:
    """What a run of pipelines left behind; the pipelines that they called have runs of their own here."""

    runs: Sequence[PipelineRun]
    landed: Sequence[LandedData]
    report: Path

    @property
    def succeeded(self) -> bool:
        """Say whether every run succeeded."""
        return all(run.status is Status.SUCCEEDED for run in self.runs)

    def to_json(self) -> dict[str, Any]:
        """Return the runs as `--json` prints them."""
        return {"runs": [run.to_json() for run in self.runs]}


async def run_pipelines(
    session: Session,
    resources: Resources,
    requests: Sequence[PipelineRequest],
    listener: Listener,
    *,
    stubs: Stubs | None = None,
    stand_ins: StandIns = MappingProxyType({}),
) -> RunResult:
    """Run pipelines to their end and write their folder, `runs/<moment>/`; cancelled, the runs are marked so.

    Args:
        session: what stands in for Azure.
        resources: the factory's objects.
        requests: what to run.
        listener: is told all runs a few times a second, and once at the end.
        stubs: what activities answer instead of running.
        stand_ins: what takes linked services' places.
    """
    started = datetime.now(UTC)
    folder = session.settings.workdir / "runs" / f"{started:%Y-%m-%dT%H-%M-%SZ}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    notebooks = NotebookRunner(
        session.cluster,
        session.settings.notebooks,
        folder / "notebooks",
        session.environment,
        session.secrets,
        kernels=session.kernels,
    )
    async with httpx.AsyncClient() as http:
        factory = Factory(resources, notebooks, http, stubs=stubs, stand_ins=stand_ins, slots=session.slots)
        telling = asyncio.create_task(_tell(listener, factory.runs))
        try:
            for request in requests:
                factory.start_pipeline(request.pipeline, request.parameters, request.invocation)
            await factory.wait_for_all()
        except asyncio.CancelledError:
            await factory.cancel()
        finally:
            telling.cancel()
            listener(factory.runs)
    landed = landed_since(session.settings.lake, started, partial(_count_rows, session.cluster))
    result = RunResult(factory.runs, landed, folder / "report.html")
    title = ", ".join(request.pipeline for request in requests)
    _write(result, title, notebooks, session, started)
    return result


def _count_rows(cluster: Cluster | None, folder: Path) -> int | None:
    """Return how many rows a folder holds; None where nobody can say: the report is written all the same."""
    if not cluster:
        return None
    try:
        with java_errors():
            return cluster.count_rows(folder)
    except (JvmError, OSError, ValueError) as error:
        _LOG.warning("%s: its rows cannot be counted: %s", folder, error)
        return None


async def _tell(listener: Listener, runs: Sequence[PipelineRun]) -> None:
    while True:
        listener(runs)
        await asyncio.sleep(_SECONDS_BETWEEN_UPDATES)


def _write(result: RunResult, title: str, notebooks: NotebookRunner, session: Session, started: datetime) -> None:
    folder = result.report.parent
    (folder / "runs.json").write_text(json.dumps(result.to_json(), indent=2, ensure_ascii=False), encoding="utf-8")
    logs = {}
    for run_id, run in notebooks.runs.items():
        page = notebooks.page(run_id)
        write_notebook_page(notebook_page(run, os.path.relpath(result.report, page.parent)), page)
        logs[run_id] = LogEntry(run.log, page.relative_to(folder).as_posix())
    report = RunReport(
        title=title,
        started=started,
        ended=datetime.now(UTC),
        runs=result.runs,
        sources=session.sources,
        landed=result.landed,
        logs=logs,
        dashboards=_write_dashboards(session, result.report),
    )
    write_report(report, result.report)


def _write_dashboards(session: Session, report: Path) -> dict[str, str]:
    """Write the dashboards beside the report, where the lake has what they show; return addresses by title."""
    lake = session.settings.lake
    try:
        dashboards = read_dashboards()
    except DashboardError as error:
        _LOG.warning("the dashboards are not drawn: %s", error)
        return {}
    if not has_any_table(dashboards, lake):
        return {}
    pages = {}
    for dashboard in dashboards.all:
        page = report.with_name(f"dashboard-{dashboard.name}.html")
        write_dashboard(dashboards, dashboard, lake, page, report.name)
        pages[dashboard.title] = page.name
    return pages


def notebook_page(run: NotebookRun, report: str) -> NotebookPage:
    """Return a notebook run's page, without what is secure; `report` is the address of the run that it is part of."""
    status = Status.CANCELLED if run.outcome.status == "InProgress" else Status(run.outcome.status)
    request, outcome = run.request, run.outcome
    cells = [replace(cell, outputs=[]) for cell in outcome.cells] if request.secure else outcome.cells
    return NotebookPage(
        title=request.title,
        path=request.notebook_path,
        status=status,
        started=run.start,
        ended=run.end,
        parameters=dict.fromkeys(request.parameters, MASK) if request.secure_input else request.parameters,
        cells=[_cell_result(cell) for cell in cells],
        exit_value=MASK if request.secure_output and outcome.exit_value is not None else outcome.exit_value,
        report=report,
    )


def _cell_result(cell: CellOutcome) -> CellResult:
    outputs = [
        TableOutput(output.columns, output.rows, output.more) if isinstance(output, Table) else output
        for output in cell.outputs
    ]
    return CellResult(
        Cell(Language(cell.language), cell.source, cell.line, cell.title), outputs, cell.error, cell.seconds
    )

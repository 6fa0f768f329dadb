"""Runs notebooks for the factory: one process each, its output kept without secrets, its outcome as ADF gives it."""

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from bundle.errors import NotebookNotFoundError
from bundle.notebooks import find_notebook, find_python_file
from local_factory.cluster.kernel import (
    KernelRequest,
    NotebookOutcome,
    Table,
    read_outcome,
)
from local_factory.cluster.kernels import Kernels
from local_factory.cluster.redaction import DEFAULT_SCOPE, Redactor, secret_variable, secrets_of
from local_factory.cluster.spark import Cluster
from local_factory.engine import NotebookRequest, NotebookResult
from local_factory.errors import ActivityError


@dataclass(frozen=True)
class NotebookRun:
    """What a notebook run leaves behind: texts and values are free of secrets."""

    request: NotebookRequest
    file: Path
    outcome: NotebookOutcome
    log: str
    start: datetime
    end: datetime


class NotebookRunner:
    """Stands in for the Databricks workspace.

    Args:
        cluster: where notebooks run; without one, none can.
        notebooks: the folder of the bundle's notebooks.
        folder: where logs and run pages go.
        environment: variables that win over those of the linked service, since this machine is not Azure.
        secrets: what the linked service's secret scope holds besides the secrets of this machine, by key.
        kernels: gives each run its process; without it, each is started when it is needed.
        page_address: says where a run's page is read, by the run's id; without it, it is a file.
    """

    def __init__(
        self,
        cluster: Cluster | None,
        notebooks: Path,
        folder: Path,
        environment: Mapping[str, str],
        secrets: Mapping[str, str] = MappingProxyType({}),
        *,
        kernels: Kernels | None = None,
        page_address: Callable[[str], str] | None = None,
    ) -> None:
        self.runs: dict[str, NotebookRun] = {}
        self._cluster = cluster
        self._notebooks = notebooks
        self._folder = folder
        self._environment = environment
        self._secrets = secrets
        self._kernels = kernels or Kernels()
        self._page_address = page_address or (lambda run_id: self.page(run_id).resolve().as_uri())
        if cluster and not kernels:
            self._kernels.attach(cluster.gateway)

    def page(self, run_id: str) -> Path:
        """Return the file of a notebook run's page."""
        return self._folder / f"{run_id}.html"

    async def job(self, job_id: str) -> Mapping[str, Any]:
        """Return a job's settings."""
        return read_job(self._notebooks, job_id)

    async def run(self, request: NotebookRequest) -> NotebookResult:
        """Run a notebook to its end."""
        cluster = self._cluster
        if not cluster:
            raise ActivityError("3200", "No cluster was started.", failure_type="SystemError")
        try:
            find = find_notebook if request.arguments is None else find_python_file
            file = find(request.notebook_path, self._notebooks).resolve()
        except NotebookNotFoundError as error:
            raise ActivityError("3200", str(error)) from None
        variables = {**request.environment, **os.environ}
        scope = variables.get("SECRET_SCOPE", DEFAULT_SCOPE)
        environment = {
            **{secret_variable(scope, key): value for key, value in self._secrets.items()},
            **self._environment,
        }
        # The cluster's own, since what a notebook knows may also come to stand in the log of Spark.
        redactor = cluster.redactor
        redactor.hide(cluster.gateway.secret)
        redactor.hide_variables(secrets_of({**variables, **environment}))
        redactor.hide_passwords_in([*request.environment.values(), *environment.values(), *request.parameters.values()])
        self._folder.mkdir(parents=True, exist_ok=True)
        start = datetime.now(UTC)
        lines: list[str] = []
        # What the notebook's process writes of itself may hold secrets: not in a folder that stays.
        with TemporaryDirectory(prefix="notebook-") as results:
            result = Path(results) / "outcome.json"
            kernel = KernelRequest(
                notebook=str(file),
                notebooks=str(self._notebooks.resolve()),
                parameters=request.parameters,
                run_id=request.run_id,
                result=str(result),
                environment=environment,
                arguments=request.arguments,
            )
            try:
                with (self._folder / f"{request.run_id}.log").open("w", encoding="utf-8") as log:
                    if redactor.too_short:
                        names = ", ".join(sorted(redactor.too_short))
                        lines.append(f"Too short to be taken out of what is written: {names}.\n")
                        log.write(lines[-1])
                    async with aclosing(self._kernels.run(kernel, request.environment)) as output:
                        async for line in output:
                            if request.secure:
                                continue
                            lines.append(redactor.text(line))
                            log.write(lines[-1])
                            log.flush()
            except asyncio.CancelledError:
                await asyncio.to_thread(cluster.cancel, request.run_id)
                raise
            finally:
                outcome = _redacted(read_outcome(result), redactor)
                run = NotebookRun(request, file, outcome, "".join(lines), start, datetime.now(UTC))
                self.runs[request.run_id] = run
        return self._result(run)

    def _result(self, run: NotebookRun) -> NotebookResult:
        address = self._page_address(run.request.run_id)
        seconds = (run.end - run.start).total_seconds()
        output: dict[str, Any] = {
            "runPageUrl": address,
            "effectiveIntegrationRuntime": "AutoResolveIntegrationRuntime (local)",
            "executionDuration": round(seconds),
            "durationInQueue": {"integrationRuntimeQueue": 0},
            "billingReference": {"activityType": "ExternalActivity", "billableDuration": []},
        }
        if run.outcome.status == "Succeeded":
            if run.outcome.exit_value is not None:
                output["runOutput"] = _parsed(run.outcome.exit_value)
            return NotebookResult(output)
        reason = run.outcome.error or "the notebook's process ended before the notebook did."
        message = (
            f"Databricks execution failed with error state: Terminated, error message: {reason} "
            f"For more details please check the run page url: {address}"
        )
        return NotebookResult(output, ActivityError("3204", message, details=[]))


def read_job(notebooks: Path, job_id: str) -> Mapping[str, Any]:
    """Return a job's settings, from `jobs/ID.json` in the notebooks' folder.

    Raises:
        ActivityError: there is no such file, or it is not a JSON object.
    """
    file = notebooks / "jobs" / f"{job_id}.json"
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig")) if job_id.isalnum() else None
    except OSError:
        document = None
    except ValueError as error:
        raise ActivityError("3200", f"{file}: is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ActivityError(
            "3200", f"job {job_id}: write its settings to {file} (databricks jobs get {job_id}), or stub the activity."
        )
    return document


def _redacted(outcome: NotebookOutcome, redactor: Redactor) -> NotebookOutcome:
    if outcome.exit_value is not None and redactor.text(outcome.exit_value) != outcome.exit_value:
        # Changed, it would decide otherwise what the pipeline does next.
        outcome.status, outcome.exit_value = "Failed", None
        outcome.error = "the notebook's exit value holds a secret, which the factory must not see; exit without it."
    outcome.error = None if outcome.error is None else redactor.text(outcome.error)
    for cell in outcome.cells:
        cell.source = redactor.text(cell.source)
        cell.error = None if cell.error is None else redactor.text(cell.error)
        cell.outputs = [_redacted_output(output, redactor) for output in cell.outputs]
    return outcome


def _redacted_output(output: str | Table, redactor: Redactor) -> str | Table:
    if isinstance(output, str):
        return redactor.text(output)
    columns, *rows = ([redactor.text(text) for text in row] for row in [output.columns, *output.rows])
    return Table(columns, rows, output.more)


def _parsed(exit_value: str) -> Any:
    """Return an exit value as ADF's `runOutput` shows it: parsed where it is JSON."""
    try:
        return json.loads(exit_value)
    except ValueError:
        return exit_value

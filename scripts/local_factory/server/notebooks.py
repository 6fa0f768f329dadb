"""Runs notebooks for the served factory: Spark starts when the first one is needed, and each run's page is kept."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

from local_factory.cluster.runner import NotebookRunner, read_job
from local_factory.engine import NotebookRequest, NotebookResult
from local_factory.errors import ActivityError, LocalFactoryError
from local_factory.local_run import notebook_page
from local_factory.notebook_page import write_notebook_page
from local_factory.server.checks import workspace_notebook
from local_factory.session import Session

OpenSession = Callable[[], AbstractAsyncContextManager[Session]]


class ServedNotebooks:
    """What stands in for Databricks.

    Args:
        open_session: starts Spark and the sources.
        folder: where logs and pages go.
        workspace: the folder of the workspace, whose notebooks win over the bundle's.
        url: the server's address.
    """

    def __init__(self, open_session: OpenSession, folder: Path, workspace: Path, url: str) -> None:
        self._open_session = open_session
        self._folder = folder
        self._workspace = workspace
        self._url = url
        self._stack = AsyncExitStack()
        self._session: asyncio.Task[Session] | None = None

    def warm_up(self) -> None:
        """Start Spark ahead of need; what goes wrong is told to the run that needs it."""
        self._starting()

    def page(self, activity_run_id: str) -> Path:
        """Return the file of a notebook run's page."""
        return self._folder / f"{activity_run_id}.html"

    async def job(self, job_id: str) -> Mapping[str, Any]:
        """Return a job's settings."""
        session = await asyncio.shield(self._starting())
        return read_job(session.settings.notebooks, job_id)

    async def run(self, request: NotebookRequest) -> NotebookResult:
        """Run a notebook to its end, and keep its page."""
        try:
            session = await asyncio.shield(self._starting())
        except LocalFactoryError as error:
            self._session = None
            raise ActivityError("3200", f"No cluster could be started: {error}", failure_type="SystemError") from error
        uploaded = workspace_notebook(self._workspace, request.notebook_path)
        runner = NotebookRunner(
            session.cluster,
            uploaded.parent if uploaded else session.settings.notebooks,
            self._folder,
            session.environment,
            session.secrets,
            kernels=session.kernels,
            page_address=lambda run_id: f"{self._url}/notebooks/{run_id}",
        )
        try:
            return await runner.run(request)
        finally:
            for run in runner.runs.values():
                page = notebook_page(run, f"/activityruns/{request.run_id}")
                await asyncio.to_thread(write_notebook_page, page, self.page(request.run_id))

    async def close(self) -> None:
        """Stop Spark and the sources."""
        if self._session and not self._session.done():
            self._session.cancel()
            await asyncio.wait([self._session])
        await self._stack.aclose()

    def _starting(self) -> asyncio.Task[Session]:
        if self._session is None:
            self._session = asyncio.create_task(self._start(), name="start Spark")
        return self._session

    async def _start(self) -> Session:
        return await self._stack.enter_async_context(self._open_session())

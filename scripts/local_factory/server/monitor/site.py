"""Monitor's pages by address. Every form works without script; the script keeps what is shown up to date."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from local_factory.pages import render
from local_factory.server.errors import ServiceError, bad_request
from local_factory.server.events import Events
from local_factory.server.monitor import lake_pages, pipeline_pages, run_pages, trigger_pages
from local_factory.server.monitor.dashboard_pages import dashboard_page
from local_factory.server.monitor.feeds import feeds_page
from local_factory.server.monitor.parts import Page, Parts
from local_factory.server.notebooks import ServedNotebooks
from local_factory.server.objects import FactoryObjects
from local_factory.server.runs import Rerun, Runs
from local_factory.server.triggers import Triggers

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

_FOLDER = Path(__file__).parent
_TEMPLATES = _FOLDER / "templates"
_SHARED = _FOLDER.parents[1] / "templates"
_STATIC: Mapping[str, tuple[str, tuple[Path, ...]]] = {
    "monitor.css": (
        "text/css; charset=utf-8",
        (_SHARED / "page.css", _SHARED / "charts.css", _FOLDER / "static" / "monitor.css"),
    ),
    "monitor.js": ("text/javascript; charset=utf-8", (_FOLDER / "static" / "monitor.js",)),
}
# A notebook's page has its style within; it, too, runs no script.
_NOTEBOOK_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_MOST_FORM = 1024 * 1024

Handler = Callable[["Request"], Awaitable["Response"]]


class Monitor:
    """The pages over the parts of the server."""

    def __init__(
        self,
        objects: FactoryObjects,
        runs: Runs,
        triggers: Triggers,
        events: Events,
        *,
        workdir: Path,
        notebooks: ServedNotebooks,
    ) -> None:
        self._parts = Parts(objects, runs, triggers, workdir, notebooks)
        self._events = events

    def routes(self) -> "list[Route]":
        """Return the addresses of the pages."""
        from starlette.routing import Route

        pages: list[tuple[str, Callable[[Parts, Request], Page]]] = [
            ("/", run_pages.list_page),
            ("/runs", run_pages.list_page),
            ("/runs/{run}", run_pages.run_page),
            ("/pipelines", pipeline_pages.list_page),
            ("/pipelines/{name:path}", pipeline_pages.pipeline_page),
            ("/triggers", trigger_pages.list_page),
            ("/triggers/{name:path}", trigger_pages.trigger_page),
            ("/feeds", feeds_page),
            ("/dashboards", dashboard_page),
            ("/dashboards/{name}/{page}", dashboard_page),
            ("/lake", lake_pages.folder_page),
            ("/lake/{path:path}", lake_pages.folder_page),
        ]
        actions: list[tuple[str, Callable[[Request, Mapping[str, str]], str]]] = [
            ("/runs/{run}/cancel", self._cancel),
            ("/runs/{run}/rerun", self._rerun),
            ("/runs/{run}/rerun-from-failed", self._rerun_from_failed),
            ("/start/{name:path}", self._start),
            ("/stop/{name:path}", self._stop),
        ]
        return [
            Route("/static/{name}", self._static),
            Route("/events", self._stream),
            Route("/notebooks/{run}", self._notebook),
            Route("/activityruns/{run}", self._activity),
            Route("/trigger-now/{name:path}", self._trigger_now, methods=["POST"]),
            *(Route(path, _acting(action), methods=["POST"]) for path, action in actions),
            *(Route(path, self._showing(page)) for path, page in pages),
        ]

    # Answers

    def refused(self, request: "Request", error: Exception) -> "Response":
        """Return the page that says why something was refused."""
        if isinstance(error, ServiceError):
            return self._page(request, Page("message.html.j2", "Not done", {"message": error.message}), error.status)
        raise error

    def not_found(self, request: "Request") -> "Response":
        """Return the page for an address that leads nowhere."""
        message = "There is no such page."
        return self._page(request, Page("message.html.j2", "Not found", {"message": message}), 404)

    def _showing(self, page: "Callable[[Parts, Request], Page]") -> Handler:
        from anyio.to_thread import run_sync

        async def show(request: "Request") -> "Response":
            self._parts.objects.refresh()
            # What reads the lake's files must not hold up the runs.
            slow = page in (lake_pages.folder_page, feeds_page, dashboard_page)
            shown = await run_sync(page, self._parts, request) if slow else page(self._parts, request)
            return self._page(request, shown)

        return show

    def _page(self, request: "Request", page: Page, status: int = 200) -> "Response":
        from starlette.responses import HTMLResponse

        section = request.url.path.strip("/").partition("/")[0] or "runs"
        html = render(page.template, _TEMPLATES, title=page.title, section=section, live=page.live, **page.values)
        return HTMLResponse(html, status)

    # What is no page

    async def _static(self, request: "Request") -> "Response":
        from starlette.responses import Response

        name = request.path_params["name"]
        if name not in _STATIC:
            return self.not_found(request)
        kind, files = _STATIC[name]
        return Response(_joined(files), headers={"Content-Type": kind})

    async def _stream(self, _request: "Request") -> "Response":
        from starlette.responses import StreamingResponse

        return StreamingResponse(self._events.stream(), media_type="text/event-stream")

    async def _notebook(self, request: "Request") -> "Response":
        from starlette.responses import HTMLResponse

        run = self._parts.runs.history.activity_run(request.path_params["run"])
        # The id is one of ours, so the file's name is.
        file = self._parts.notebooks.page(run.activity_run_id) if run else None
        if file is None or not file.is_file():
            message = "This notebook run has no page yet. It comes when the notebook has ended."
            return self._page(request, Page("message.html.j2", "No page", {"message": message}, live=("runs",)), 404)
        return HTMLResponse(file.read_text(encoding="utf-8"), headers={"Content-Security-Policy": _NOTEBOOK_POLICY})

    async def _activity(self, request: "Request") -> "Response":
        from starlette.responses import RedirectResponse

        run = self._parts.runs.history.activity_run(request.path_params["run"])
        if run is None:
            return self.not_found(request)
        return RedirectResponse(f"/runs/{run.pipeline_run_id}#run-{run.activity_run_id}", 303)

    # What buttons do

    async def _trigger_now(self, request: "Request") -> "Response":
        from starlette.responses import RedirectResponse

        name, fields = request.path_params["name"], await _fields(request)
        started, page = pipeline_pages.trigger_now(self._parts, name, fields)
        if started:
            return RedirectResponse(f"/runs/{started}", 303)
        return self._page(request, page, 400)

    def _cancel(self, request: "Request", _fields: Mapping[str, str]) -> str:
        run = request.path_params["run"]
        self._parts.runs.cancel(run, recursive=True)
        return f"/runs/{run}"

    def _rerun(self, request: "Request", _fields: Mapping[str, str]) -> str:
        return self._again(request, Rerun(request.path_params["run"], recovery=True))

    def _rerun_from_failed(self, request: "Request", _fields: Mapping[str, str]) -> str:
        return self._again(request, Rerun(request.path_params["run"], recovery=True, from_failure=True))

    def _again(self, request: "Request", rerun: Rerun) -> str:
        earlier = self._parts.runs.get(request.path_params["run"])
        return f"/runs/{self._parts.runs.create(earlier.run.pipeline_name, {}, rerun=rerun).run_id}"

    def _start(self, request: "Request", fields: Mapping[str, str]) -> str:
        self._parts.triggers.start(request.path_params["name"])
        self._events.tell("triggers")
        return _back(fields, request)

    def _stop(self, request: "Request", fields: Mapping[str, str]) -> str:
        self._parts.triggers.stop(request.path_params["name"])
        self._events.tell("triggers")
        return _back(fields, request)


def _acting(action: "Callable[[Request, Mapping[str, str]], str]") -> Handler:
    from starlette.responses import RedirectResponse

    async def act(request: "Request") -> "Response":
        return RedirectResponse(action(request, await _fields(request)), 303)

    return act


async def _fields(request: "Request") -> dict[str, str]:
    body = await request.body()
    if len(body) > _MOST_FORM:
        raise bad_request("The form is too long.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000))
    except ValueError as error:
        raise bad_request(f"The form cannot be read: {error}.") from error


def _back(fields: Mapping[str, str], request: "Request") -> str:
    one = fields.get("from") == "trigger"
    return f"/triggers/{quote(request.path_params['name'])}" if one else "/triggers"


@cache
def _joined(files: tuple[Path, ...]) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in files)

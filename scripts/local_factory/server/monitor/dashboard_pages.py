"""The pages of the bundle's dashboards, on the lake as it is now; filters are parts of the address."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import quote

from bundle.dashboards.model import Dashboard
from bundle.dashboards.model import Page as DashboardPage
from bundle.dashboards.queries import Choice
from bundle.errors import DashboardError
from local_factory.dashboards.answers import open_answers, read_dashboards
from local_factory.dashboards.drawing import draw_page
from local_factory.server.errors import bad_request, not_found
from local_factory.server.monitor.parts import Page, Parts

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST_CHOSEN = 50


def dashboard_page(parts: Parts, request: "Request") -> Page:
    """Return a page of a dashboard; without a name the first one."""
    try:
        dashboards = read_dashboards()
    except DashboardError as error:
        return Page("message.html.j2", "Dashboards", {"message": str(error)})
    places = {(board.name, page.name): (board, page) for board in dashboards.all for page in board.pages}
    asked = (request.path_params.get("name"), request.path_params.get("page"))
    if not places:
        return Page("message.html.j2", "Dashboards", {"message": "The bundle has no dashboard."})
    found = next(iter(places.values())) if asked == (None, None) else places.get((str(asked[0]), str(asked[1])))
    if found is None:
        raise not_found("There is no such page of a dashboard.")
    dashboard, page = found
    with open_answers(dashboard, dashboards.tables, (parts.workdir / "lake").resolve()) as answers:
        drawn = draw_page(answers, page, _choices(page, request))
    links = [(each.title, _address(board, each), each is page) for board, each in places.values()]
    values: Mapping[str, object] = {"drawn": drawn, "links": links, "address": _address(dashboard, page)}
    return Page("dashboard_page.html.j2", page.title, values, live=("runs",))


def _choices(page: DashboardPage, request: "Request") -> dict[str, Choice]:
    """Return what the address chooses: values by a filter's name, of a range of time `NAME.from` and `NAME.to`.

    Raises:
        ServiceError: an end of a range is no date.
    """
    found = {}
    for widget in page.filters:
        values = [value for value in request.query_params.getlist(widget.name) if value][:_MOST_CHOSEN]
        start, end = (_day(request, f"{widget.name}.{side}") for side in ("from", "to"))
        if values or start or end:
            found[widget.name] = Choice("", values, start, end)
    return found


def _day(request: "Request", name: str) -> str | None:
    value = request.query_params.get(name)
    if not value:
        return None
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise bad_request(f"{name}: {value[:40]!r} is no date, such as 2026-01-31.") from None


def _address(dashboard: Dashboard, page: DashboardPage) -> str:
    return f"/dashboards/{quote(dashboard.name)}/{quote(page.name)}"

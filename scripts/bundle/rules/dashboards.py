"""Rules for `infra/dashboards/`: what a workspace would refuse, or would not draw as it is meant."""

from collections.abc import Iterator
from pathlib import Path

from bundle.bundle import Bundle
from bundle.dashboards.checks import problems
from bundle.dashboards.model import dashboard_files, read_dashboard
from bundle.dashboards.tables import FILE, read_tables
from bundle.errors import DashboardError
from bundle.findings import Problem


def dashboard_right(bundle: Bundle) -> Iterator[Problem]:
    """Refuse a dashboard that a workspace would not draw as it is meant.

    Widgets of kinds and versions that there are, within the grid, expressions and names that lead to a dataset and its
    columns, and queries of tables that `tables.toml` knows: a deployment would stop at the same.
    """
    folder = bundle.dashboards
    files = dashboard_files(folder)
    if not files:
        return
    try:
        tables = read_tables(folder / FILE)
    except DashboardError as error:
        yield _unread(folder / FILE, error)
        return
    for file in files:
        try:
            dashboard = read_dashboard(file)
        except DashboardError as error:
            yield _unread(file, error)
            continue
        for place, problem in problems(dashboard, tables):
            yield Problem(file, place, problem)


def _unread(file: Path, error: DashboardError) -> Problem:
    return Problem(file, "$", str(error).removeprefix(f"{file}: "))

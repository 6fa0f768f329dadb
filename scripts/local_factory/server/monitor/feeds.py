"""The page of feeds: where each stands, and its last loads as small plots.

It reads the lake's table `ingest_runs`: a file of JSON lines a run, named by the moment that it ended, or Parquet.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_factory.lake import RUNS_TABLE
from local_factory.server.monitor.parts import Page, Parts, here
from local_factory.server.monitor.tables import UnreadableTableError, is_table, read_rows

if TYPE_CHECKING:
    from starlette.requests import Request

_LOADS = 30
# The newest runs tell where each feed stands; of older ones there may be years.
_MOST_FILES = 2000
_COLUMNS = (
    *("feed", "status", "mode", "rows_read", "inserted", "updated", "deleted", "quarantined", "rows_in_target"),
    *("position_before", "position_after", "seconds", "error", "run_id", "pipeline_run_id"),
    *("started", "finished"),
)
_PLOT_WIDTH, _PLOT_HEIGHT, _BAR = 180.0, 36.0, 6.0


@dataclass(frozen=True)
class Bar:
    """A load as a bar of a plot."""

    x: float
    y: float
    height: float
    failed: bool
    label: str


@dataclass(frozen=True)
class Feed:
    """A feed: its last load, its position, how long ago it was last loaded, and the plots of its last loads."""

    name: str
    last: Mapping[str, Any]
    failed: bool
    position: str
    ended: datetime | None
    lag_seconds: float | None
    loads: int
    rows: Sequence[Bar]
    seconds: Sequence[Bar]
    run: str


def feeds_page(parts: Parts, _request: "Request") -> Page:
    """Return the page of feeds."""
    folder = parts.workdir / "lake" / RUNS_TABLE
    if not folder.is_dir():
        return _page([], "")
    try:
        loads = [*_json_rows(folder), *(read_rows(folder, _COLUMNS) if is_table(folder) else ())]
    except UnreadableTableError as error:
        return _page([], str(error))
    return _page(_feeds(loads, datetime.now(UTC)), "")


def _json_rows(folder: Path) -> list[Mapping[str, Any]]:
    """Return the rows of the newest files; a line that is none is left out, as one that is being written may be."""
    rows: list[Mapping[str, Any]] = []
    for file in sorted(folder.glob("[!_.]*.json"))[-_MOST_FILES:]:
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and "feed" in row:
                rows.append(row)
    return rows


def _page(feeds: Sequence[Feed], problem: str) -> Page:
    values = {
        "feeds": feeds,
        "problem": problem,
        "table": RUNS_TABLE,
        "plot": (_PLOT_WIDTH, _PLOT_HEIGHT),
        "bar": _BAR - 1,
        "here": here,
    }
    return Page("feeds.html.j2", "Feeds", values, live=("runs",))


def _feeds(loads: Sequence[Mapping[str, Any]], now: datetime) -> list[Feed]:
    by_feed: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for load in loads:
        by_feed[str(load.get("feed"))].append(load)
    return [
        _feed(name, sorted(of_feed, key=_order)[-_LOADS:], len(of_feed), now)
        for name, of_feed in sorted(by_feed.items())
    ]


def _feed(name: str, loads: Sequence[Mapping[str, Any]], number: int, now: datetime) -> Feed:
    last = loads[-1]
    good = [load for load in loads if _succeeded(load)]
    ended = _moment(good[-1]) if good else None
    position = next((load.get("position_after") for load in reversed(good) if load.get("position_after")), None)
    return Feed(
        name=name,
        last=last,
        failed=_failed(last),
        position="" if position is None else str(position),
        ended=ended,
        lag_seconds=(now - ended).total_seconds() if ended else None,
        loads=number,
        rows=_bars(loads, "rows_read", "rows read"),
        seconds=_bars(loads, "seconds", "seconds"),
        run=str(last.get("pipeline_run_id") or ""),
    )


def _bars(loads: Sequence[Mapping[str, Any]], column: str, unit: str) -> list[Bar]:
    values = [_number(load.get(column)) for load in loads]
    most = max(values, default=0) or 1
    bars = []
    for position, (load, value) in enumerate(zip(loads, values, strict=True)):
        height = max(round(value / most * (_PLOT_HEIGHT - 2), 1), 1.5)
        moment = _moment(load)
        when = f"{here(moment):%d %b %H:%M}: " if moment else ""
        label = f"{when}{value:,.10g} {unit}{', failed' if _failed(load) else ''}"
        bars.append(Bar(position * _BAR, _PLOT_HEIGHT - height, height, _failed(load), label))
    return bars


def _failed(load: Mapping[str, Any]) -> bool:
    return str(load.get("status", "")).lower() == "failed"


def _succeeded(load: Mapping[str, Any]) -> bool:
    return str(load.get("status", "")).lower() == "succeeded"


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _order(load: Mapping[str, Any]) -> datetime:
    return _moment(load) or datetime.min.replace(tzinfo=UTC)


def _moment(load: Mapping[str, Any]) -> datetime | None:
    for column in ("finished", "started"):
        value = load.get(column)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                continue
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
    return None

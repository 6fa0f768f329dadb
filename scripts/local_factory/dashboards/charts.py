"""Widgets' answers as what a page draws: shares of a length, texts, colours by number. Pure.

Places and lengths are percent of the area that a chart has: the page gives it its size, on a phone another than on a
screen, and no text is ever stretched.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from bundle.dashboards.model import Widget
from bundle.documents import items, mapping, text

# Colours that a page tells apart; what comes after shares the last one.
_COLOURS = 8
_MOST_ROWS = 15
_MOST_LABELS = 6
_ALL_LABELS = 8
_TICKS = 4
_MOST_DOTS = 40
_NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class Series:
    """A name in the legend, and its colour: one of the page's by number, or the file's own."""

    name: str
    colour: str


@dataclass(frozen=True)
class Mark:
    """A bar, or a piece of one: where it begins and how long it is, where it stands across the values and how wide."""

    start: float
    length: float
    left: float
    width: float
    colour: str
    label: str


@dataclass(frozen=True)
class Line:
    """A line: the path of its points in a square of 100 by 100, and its points where they are few."""

    path: str
    dots: Sequence[tuple[float, float, str]]
    colour: str
    name: str


@dataclass(frozen=True)
class Label:
    """A text at a place of an axis."""

    place: float
    text: str


@dataclass(frozen=True)
class BarRow:
    """A row of a chart whose bars lie."""

    name: str
    total: str
    pieces: Sequence[Mark]


@dataclass(frozen=True)
class Chart:
    """A chart: `rows` of bars that lie, or `bars` that stand, or `lines`, with axes, and a legend of several series.

    `has_slots`: each place has a slot of its own, as wide as the others. `more`: rows that are left out.
    """

    rows: Sequence[BarRow] = ()
    bars: Sequence[Mark] = ()
    lines: Sequence[Line] = ()
    values: Sequence[Label] = ()
    places: Sequence[Label] = ()
    has_slots: bool = False
    legend: Sequence[Series] = ()
    more: int = 0


@dataclass(frozen=True)
class Cell:
    """A value of a table as text, and whether it is a number."""

    text: str
    is_number: bool


@dataclass(frozen=True)
class Point:
    """A value of a chart: of which series, at what place of the other axis."""

    at: Any
    series: str
    value: float


def chart(widget: Widget, rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Return a bar or line chart of rows."""
    across, along = _axes(widget)
    points = _points(widget, rows, across, along)
    if not points:
        return Chart()
    series = _series(widget, points)
    if widget.kind == "line":
        return _lines(points, series)
    if mapping(mapping(widget.encodings.get("x")).get("scale")).get("type") == "quantitative":
        return _lying(points, series)
    is_grouped = mapping(widget.spec.get("mark")).get("layout") == "group"
    return _standing(points, series, is_grouped=is_grouped)


def counter(widget: Widget, rows: Sequence[Mapping[str, Any]], *, is_lacking: bool) -> str:
    """Return a counter's value as text; a dash where there is none, or nothing to count as a table is lacking."""
    encoding = mapping(widget.encodings.get("value"))
    places = mapping(mapping(encoding.get("format")).get("decimalPlaces")).get("places", 0)
    value = rows[0].get(text(encoding.get("fieldName"))) if rows else None
    return (
        _NONE if value is None or (is_lacking and not value) else shown(value, places if isinstance(places, int) else 0)
    )


def table(widget: Widget, rows: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[str, bool]], list[list[Cell]]]:
    """Return a table's heads, each with whether its column holds numbers, and its rows."""
    columns = [mapping(column) for column in items(widget.encodings.get("columns"))]
    names = [text(column.get("fieldName")) for column in columns]
    numbers = [all(_is_number(row.get(name)) for row in rows if row.get(name) is not None) for name in names]
    heads = [(text(column.get("displayName")), number) for column, number in zip(columns, numbers, strict=True)]
    cells = [
        [Cell(shown(row.get(name), 2), number) for name, number in zip(names, numbers, strict=True)] for row in rows
    ]
    return heads, cells


def shown(value: object, places: int = 2) -> str:
    """Return a value as text: numbers with separators, moments to the minute."""
    if value is None:
        return _NONE
    if _is_number(value):
        number = round(float(value), places)  # type: ignore[arg-type] # it is a number
        return f"{number:,.{places}f}".rstrip("0").rstrip(".") if places else f"{number:,.0f}"
    if isinstance(value, datetime):
        return f"{value:%d %b %Y %H:%M}"
    return f"{value:%d %b %Y}" if isinstance(value, date) else str(value)


def _axes(widget: Widget) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the axis of places and the one of values."""
    x, y = (mapping(widget.encodings.get(axis)) for axis in ("x", "y"))
    return (y, x) if mapping(x.get("scale")).get("type") == "quantitative" else (x, y)


def _points(
    widget: Widget, rows: Sequence[Mapping[str, Any]], across: Mapping[str, Any], along: Mapping[str, Any]
) -> list[Point]:
    colour = text(mapping(widget.encodings.get("color")).get("fieldName"))
    place, value = text(across.get("fieldName")), text(along.get("fieldName"))
    return [
        Point(row[place], str(row[colour]) if colour else "", float(row[value]))
        for row in rows
        if row.get(place) is not None and row.get(value) is not None
    ]


def _series(widget: Widget, points: Sequence[Point]) -> dict[str, Series]:
    """Return the series by name, the largest first, each with its colour."""
    totals: defaultdict[str, float] = defaultdict(float)
    for point in points:
        totals[point.series] += point.value
    scale = mapping(mapping(widget.encodings.get("color")).get("scale"))
    own = {text(mapping(each).get("value")): text(mapping(each).get("color")) for each in items(scale.get("mappings"))}
    numbered = iter(range(len(totals)))
    found = {}
    for name in sorted(totals, key=lambda name: (-totals[name], name)):
        found[name] = Series(name, own.get(name) or f"var(--chart-{min(next(numbered), _COLOURS - 1)})")
    return found


def _legend(series: Mapping[str, Series]) -> list[Series]:
    return [] if list(series) == [""] else list(series.values())


def _lying(points: Sequence[Point], series: Mapping[str, Series]) -> Chart:
    by_place: defaultdict[str, list[Point]] = defaultdict(list)
    for point in points:
        by_place[shown(point.at)].append(point)
    totals = {name: sum(point.value for point in of_it) for name, of_it in by_place.items()}
    most = max(totals.values()) or 1
    names = sorted(totals, key=lambda name: (-totals[name], name))
    rows = [BarRow(name, shown(totals[name]), _stack(by_place[name], series, most)) for name in names[:_MOST_ROWS]]
    return Chart(rows=rows, legend=_legend(series), more=max(len(names) - _MOST_ROWS, 0))


def _stack(points: Sequence[Point], series: Mapping[str, Series], most: float) -> list[Mark]:
    pieces, start = [], 0.0
    for point in sorted(points, key=lambda point: list(series).index(point.series)):
        length = _percent(point.value, most)
        label = f"{shown(point.at)}{f', {point.series}' if point.series else ''}: {shown(point.value)}"
        pieces.append(Mark(start, length, 0, 100, series[point.series].colour, label))
        start += length
    return pieces


def _standing(points: Sequence[Point], series: Mapping[str, Series], *, is_grouped: bool) -> Chart:
    places = sorted({point.at for point in points})
    by_place: defaultdict[Any, list[Point]] = defaultdict(list)
    for point in points:
        by_place[point.at].append(point)
    highest = max(
        max((point.value for point in of_it), default=0) if is_grouped else sum(point.value for point in of_it)
        for of_it in by_place.values()
    )
    top, values = _scale(points, highest)
    slot = 100 / len(places)
    bars: list[Mark] = []
    for number, place in enumerate(places):
        pieces = _stack(by_place[place], series, top)
        room = slot * 0.76
        left = number * slot + slot * 0.12
        if is_grouped:
            width, order = room / len(series), list(series)
            there = sorted({point.series for point in by_place[place]}, key=order.index)
            for name, piece in zip(there, pieces, strict=True):
                at = round(left + width * order.index(name), 3)
                bars.append(Mark(0, piece.length, at, round(width * 0.9, 3), piece.colour, piece.label))
        else:
            bars += [Mark(p.start, p.length, round(left, 3), round(room, 3), p.colour, p.label) for p in pieces]
    middle = [Label(round((number + 0.5) * slot, 3), text) for number, text in enumerate(_place_texts(places))]
    has_room = len(places) <= _ALL_LABELS
    labels = middle if has_room else _thinned(middle)
    return Chart(bars=bars, values=values, places=labels, has_slots=has_room, legend=_legend(series))


def _lines(points: Sequence[Point], series: Mapping[str, Series]) -> Chart:
    moments = sorted({_seconds(point.at) for point in points})
    first, span = moments[0], moments[-1] - moments[0]
    top, values = _scale(points, max(point.value for point in points))

    def left(at: Any) -> float:
        return round((_seconds(at) - first) / span * 100, 3) if span else 50.0

    lines = []
    for name, one in series.items():
        of_it = sorted((point for point in points if point.series == name), key=lambda point: _seconds(point.at))
        path = " L".join(f"{left(point.at):g},{100 - _percent(point.value, top):g}" for point in of_it)
        dots = [
            (
                left(point.at),
                100 - _percent(point.value, top),
                f"{name} {shown(point.at)}: {shown(point.value)}".strip(),
            )
            for point in of_it
        ]
        lines.append(Line(f"M{path}", dots if len(dots) <= _MOST_DOTS else (), one.colour, name))
    places = sorted({point.at for point in points}, key=_seconds)
    labels = _thinned([Label(left(at), text) for at, text in zip(places, _place_texts(places), strict=True)])
    return Chart(lines=lines, values=values, places=labels, legend=_legend(series))


def _place_texts(places: Sequence[Any]) -> list[str]:
    """Return the texts of an axis: of moments as much as tells them apart."""
    moments = [place for place in places if isinstance(place, date)]
    if len(moments) < len(places):
        return [shown(place) for place in places]
    stamps = [_moment(place) for place in moments]
    if all((stamp.hour, stamp.minute, stamp.second) == (0, 0, 0) for stamp in stamps):
        is_monthly = len(stamps) > 1 and all(stamp.day == 1 for stamp in stamps)
        return [f"{stamp:%b %Y}" if is_monthly else f"{stamp:%d %b}" for stamp in stamps]
    is_one_day = len({stamp.date() for stamp in stamps}) == 1
    return [f"{stamp:%H:%M}" if is_one_day else f"{stamp:%d %b %H:%M}" for stamp in stamps]


def _thinned(labels: Sequence[Label]) -> list[Label]:
    """Return as many labels as have room, at distances that are about the same."""
    kept: list[Label] = []
    apart = 100 / _MOST_LABELS
    for label in labels:
        if not kept or label.place - kept[-1].place >= apart:
            kept.append(label)
    return kept


def _scale(points: Sequence[Point], highest: float) -> tuple[float, list[Label]]:
    """Return the end of the values' axis, and its labels: at round steps, whole ones where all values are whole."""
    wanted = max(highest, 0) / _TICKS or 1
    power = 10 ** math.floor(math.log10(wanted))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted * 0.999)
    if all(point.value.is_integer() for point in points):
        step = max(step, 1)
    number = max(math.ceil(round(highest / step, 6)), 1)
    return step * number, [Label(round(100 * at / number, 3), _short(step * at)) for at in range(number + 1)]


def _short(value: float) -> str:
    for size, sign in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if sign == 'k' else size):g}{sign}"
    return f"{value:,.10g}"


def _percent(value: float, most: float) -> float:
    return round(max(value, 0) / most * 100, 3)


def _seconds(at: Any) -> float:
    return _moment(at).timestamp()


def _moment(at: date) -> datetime:
    moment = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)

"""Answers as charts: shares of a length, round axes, colours that stay."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bundle.dashboards.model import Position, Widget
from local_factory.dashboards.charts import chart, counter, shown, table


def widget(kind: str, *, colour: dict[str, Any] | None = None, lying: bool = False, mark: str = "") -> Widget:
    value = {"fieldName": "n", "scale": {"type": "quantitative"}}
    place = {"fieldName": "at", "scale": {"type": "categorical"}}
    encodings: dict[str, Any] = {"x": value, "y": place} if lying else {"x": place, "y": value}
    if colour is not None:
        encodings["color"] = {"fieldName": "who", "scale": colour}
    spec = {"widgetType": kind, "encodings": encodings, "mark": {"layout": mark}}
    return Widget("w", kind, 3, Position(0, 0, 3, 6), (), spec, ())


def row(at: Any, n: Any, who: str = "") -> dict[str, Any]:
    return {"at": at, "n": n, "who": who}


def test_lying_bars_are_shares_of_the_longest_the_longest_first():
    found = chart(widget("bar", lying=True), [row("b", 1), row("a", 4), row("c", 4)])
    assert [(one.name, one.total, one.pieces[0].length) for one in found.rows] == [
        *(("a", "4", 100), ("c", "4", 100), ("b", "1", 25))
    ]
    assert found.legend == []


def test_of_many_lying_bars_the_shortest_are_counted():
    found = chart(widget("bar", lying=True), [row(str(number), number) for number in range(1, 21)])
    assert (len(found.rows), found.more) == (15, 5)


def test_stacked_pieces_follow_each_other_and_have_the_files_own_colours():
    own = {"mappings": [{"value": "bad", "color": "#f00"}]}
    rows = [row("x", 6, "good"), row("x", 2, "bad"), row("y", 2, "bad")]
    found = chart(widget("bar", colour=own), rows)
    assert [(bar.start, bar.length) for bar in found.bars] == [(0, 75), (75, 25), (0, 25)]
    assert {one.name: one.colour for one in found.legend} == {"good": "var(--chart-0)", "bad": "#f00"}
    assert [label.text for label in found.values] == ["0", "2", "4", "6", "8"]
    assert found.has_slots


def test_grouped_bars_stand_beside_each_other_all_from_the_ground():
    found = chart(widget("bar", colour={}, mark="group"), [row("x", 4, "a"), row("x", 2, "b"), row("y", 2, "b")])
    assert [(bar.start, bar.length) for bar in found.bars] == [(0, 100), (0, 50), (0, 50)]
    first, second, third = found.bars
    assert first.left + first.width <= second.left
    assert third.left - second.left == pytest.approx(50), "a series has its place also where another is not"


def test_one_point_of_a_line_is_a_dot_in_the_middle():
    found = chart(widget("line"), [row(datetime(2026, 1, 1, 12, tzinfo=UTC), 7)])
    [line] = found.lines
    [(left, top, label)] = line.dots
    assert (left, label) == (50, "01 Jan 2026 12:00: 7")
    assert 0 <= top < 50


def test_a_line_goes_by_time_and_values_that_are_none_are_left_out():
    moments = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 5)]
    found = chart(widget("line"), [row(moments[2], 10), row(moments[0], 0), row(moments[1], None)])
    assert found.lines[0].path == "M0,100 L100,0"
    assert [label.text for label in found.places] == ["01 Jan", "05 Jan"]


@pytest.mark.parametrize(
    ("highest", "labels"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (3, ["0", "1", "2", "3"]),
        (7, ["0", "2", "4", "6", "8"]),
        (615, ["0", "200", "400", "600", "800"]),
        (1000, ["0", "500", "1,000"]),
        (45_000, ["0", "20k", "40k", "60k"]),
        (2_500_000, ["0", "1M", "2M", "3M"]),
        (0.25, ["0", "0.1", "0.2", "0.3"]),
    ],
)
def test_an_axis_has_round_labels_whole_ones_of_whole_values(highest: float, labels: list[str]):
    found = chart(widget("bar"), [row("x", highest)])
    assert [label.text for label in found.values] == labels
    assert all(bar.length <= 100 for bar in found.bars)


@pytest.mark.parametrize("rows", [[], [row("x", None)], [row(None, 1)]])
def test_without_values_there_is_no_chart(rows: list[dict[str, Any]]):
    for kind in ("bar", "line"):
        found = chart(widget(kind), rows)
        assert not (found.rows or found.bars or found.lines)


def test_a_counter_shows_a_number_or_a_dash():
    spec = {"encodings": {"value": {"fieldName": "n", "format": {"decimalPlaces": {"places": 2}}}}}
    one = Widget("w", "counter", 2, Position(0, 0, 1, 1), (), spec, ())
    assert counter(one, [{"n": 21620.15}], is_lacking=False) == "21,620.15"
    assert counter(one, [{"n": None}], is_lacking=False) == "–"  # noqa: RUF001 - the dash that is shown
    assert counter(one, [{"n": 0}], is_lacking=False) == "0"
    assert counter(one, [{"n": 0}], is_lacking=True) == "–"  # noqa: RUF001 - the dash that is shown


def test_a_table_knows_its_columns_of_numbers():
    spec = {"encodings": {"columns": [{"fieldName": "a", "displayName": "A"}, {"fieldName": "b", "displayName": "B"}]}}
    one = Widget("w", "table", 2, Position(0, 0, 1, 1), (), spec, ())
    heads, rows = table(one, [{"a": "x", "b": None}, {"a": "y", "b": 1234.5}])
    assert heads == [("A", False), ("B", True)]
    assert [[cell.text for cell in cells] for cells in rows] == [["x", "–"], ["y", "1,234.5"]]  # noqa: RUF001


def test_values_are_shown_as_people_read_them():
    assert shown(datetime(2026, 1, 2, 3, 4)) == "02 Jan 2026 03:04"
    assert (shown(1000), shown(0.5), shown(True), shown("x")) == ("1,000", "0.5", "True", "x")

"""The benchmarks' arithmetic: rounds, medians, rates, ratios, and how they are shown. Nothing is measured here."""

import json
from collections.abc import Callable

import pytest
from rich.console import Console

from benchmarks.harness import Case, Result, Run, lines, markdown, measure, table, to_json

CASE = Case("Landing", "1,000 rows", 1_000)
FIRST = Result(CASE, "first", (2.0, 1.0, 9.0), 3_000_000, {"heap_after_gc_bytes": 70_000_000})
SLOWER = Result(CASE, "slower", (4.0, 6.0))
BROKEN = Result(CASE, "broken", error="no such table")


def scripted(*seconds: float) -> Callable[[], Run]:
    """Return a contender whose runs take these seconds, in turn; it fails when there are no more."""
    left = list(seconds)

    def run() -> Run:
        if not left:
            raise ValueError("no such table")
        return Run(left.pop(0))

    return run


def test_the_median_is_neither_moved_by_one_slow_run_nor_by_the_order() -> None:
    assert FIRST.median == 2.0
    assert SLOWER.median == 5.0
    assert BROKEN.median is None


def test_a_rate_is_items_a_second() -> None:
    assert FIRST.rate == 500
    assert BROKEN.rate is None


def test_a_ratio_says_how_many_times_as_long_as_the_first_of_the_same_case() -> None:
    other = Case("Landing", "2,000 rows", 2_000)
    results = [FIRST, SLOWER, BROKEN, Result(other, "first", (4.0,)), Result(other, "slower", (2.0,))]
    assert [entry["ratio"] for entry in to_json(results)] == [1.0, 2.5, None, 1.0, 0.5]


def test_there_is_no_ratio_to_a_first_that_failed() -> None:
    assert [entry["ratio"] for entry in to_json([BROKEN, SLOWER])] == [None, None]


def test_the_warm_up_is_not_timed_and_gives_the_memory() -> None:
    memory = iter([7, 900, 900])
    seconds = iter([99.0, 1.0, 3.0])
    [result] = measure(CASE, {"one": lambda: Run(next(seconds), next(memory))}, repetitions=2)
    assert (result.seconds, result.median, result.peak_memory) == ((1.0, 3.0), 2.0, 7)


def test_of_several_warm_ups_none_is_timed_and_the_first_gives_the_memory() -> None:
    memory = iter([7, 900, 900, 900])
    [result] = measure(CASE, {"one": lambda: Run(1.0, next(memory))}, warm_ups=3, repetitions=1)
    assert (result.seconds, result.peak_memory) == ((1.0,), 7)


def test_all_contenders_run_once_in_each_round() -> None:
    order: list[str] = []

    def contender(name: str) -> Callable[[], Run]:
        def run() -> Run:
            order.append(name)
            return Run(1.0)

        return run

    measure(CASE, {"one": contender("one"), "two": contender("two")}, repetitions=2)
    assert order == ["one", "two"] * 3


def test_of_further_figures_the_largest_of_all_runs_is_kept() -> None:
    figures = iter([5, 9, 4])
    [result] = measure(CASE, {"one": lambda: Run(1.0, figures={"requests": next(figures)})}, repetitions=2)
    assert result.figures == {"requests": 9}


def test_a_contender_that_fails_is_run_no_more_and_the_others_go_on() -> None:
    told: list[str] = []
    contenders = {"broken": scripted(1.0), "whole": scripted(1.0, 2.0, 4.0)}
    broken, whole = measure(CASE, contenders, repetitions=2, progress=told.append)
    assert (broken.seconds, broken.error) == ((), "ValueError: no such table")
    assert whole.seconds == (2.0, 4.0)
    assert sum("broken, run" in line and "ValueError" not in line for line in told) == 1


def test_results_are_json_with_every_runs_seconds() -> None:
    [first, broken] = json.loads(json.dumps(to_json([FIRST, BROKEN])))
    assert first == {
        "benchmark": "Landing",
        "name": "1,000 rows",
        "items": 1000,
        "unit": "rows",
        "contender": "first",
        "seconds": [2.0, 1.0, 9.0],
        "median_seconds": 2.0,
        "items_per_second": 500.0,
        "ratio": 1.0,
        "peak_memory_bytes": 3_000_000,
        "heap_after_gc_bytes": 70_000_000,
        "error": None,
    }
    assert (broken["seconds"], broken["median_seconds"], broken["error"]) == ([], None, "no such table")


def test_a_line_is_shown_for_each_result() -> None:
    heads, cells = lines([FIRST, SLOWER, BROKEN])
    assert heads == ["case", "contender", "seconds", "rows/s", "peak memory", "heap after gc", "ratio"]
    assert cells == [
        ["1,000 rows", "first", "2.00", "500", "3 MB", "70 MB", "1.00"],
        ["1,000 rows", "slower", "5.00", "200", "", "", "2.50"],
        ["1,000 rows", "broken", "failed", "", "", "", ""],
    ]


def test_memory_that_nobody_measured_has_no_column() -> None:
    heads, [cells] = lines([SLOWER])
    assert heads == ["case", "contender", "seconds", "rows/s", "ratio"]
    assert cells == ["1,000 rows", "slower", "5.00", "200", "1.00"]


def test_the_markdown_table_has_a_line_for_each_result_below_its_heads() -> None:
    first, marks, *rows = markdown([FIRST, BROKEN]).splitlines()
    assert first == "| case | contender | seconds | rows/s | peak memory | heap after gc | ratio |"
    assert marks == "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    assert rows[0] == "| 1,000 rows | first | 2.00 | 500 | 3 MB | 70 MB | 1.00 |"


@pytest.mark.parametrize("text", ["Landing", "first", "slower", "failed", "2.50", "heap after gc"])
def test_the_terminals_table_shows_what_the_lines_hold(text: str) -> None:
    console = Console(width=120)
    with console.capture() as shown:
        console.print(table([FIRST, SLOWER, BROKEN]))
    assert text in shown.get()

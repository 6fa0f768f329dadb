"""The pages in a real Chromium: at desktop and phone width, light and dark."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bundle.notebooks import Cell, Language
from local_factory.notebook_page import CellResult, NotebookPage, TableOutput, write_notebook_page
from local_factory.report import write_report
from local_factory.runs import LandedData, Status
from support.contrast import LOW_CONTRAST
from support.sample_runs import START, at, countries_run, customer_runs, error, regions_run, sample_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
HOSTILE = "<script>window.planted = true</script><img src=x onerror='window.planted = true'>"
LONG = "a_word_without_any_place_to_break_" * 12


@dataclass
class Shown:
    """A page on a screen, and what it said and asked for."""

    page: "Page"
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


Show = Callable[[Path], Shown]


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")], ids="-".join)
def show(request: pytest.FixtureRequest, browser: "Browser") -> Iterator[Show]:
    """Return a function that opens a file: at each size, in each colour scheme."""
    size, scheme = request.param
    with browser.new_context(viewport=SIZES[size], color_scheme=scheme) as context:

        def open_file(path: Path) -> Shown:
            shown = Shown(context.new_page())
            shown.page.on("console", lambda message: shown.console.append(message.text))
            shown.page.on("pageerror", lambda failure: shown.console.append(str(failure)))
            shown.page.on("request", lambda sent: shown.requests.append(sent.url))
            shown.page.goto(path.as_uri())
            return shown

        yield open_file


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: "Browser") -> Iterator["Page"]:
    """Return an empty page: at each size."""
    with browser.new_context(viewport=SIZES[request.param]) as context:
        yield context.new_page()


@pytest.fixture
def desktop(browser: "Browser") -> Iterator["Page"]:
    """Return an empty page of a desktop whose colour scheme is dark."""
    with browser.new_context(viewport=SIZES["desktop"], color_scheme="dark") as context:
        yield context.new_page()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the pages: a good run, one with all that can be wrong with 150 iterations, two notebook runs."""
    folder = tmp_path_factory.mktemp("pages")
    bad = [countries_run(), *customer_runs(fails=True), regions_run()]
    bad[1].activity_runs[0].output = {"text": LONG, HOSTILE: HOSTILE}
    bad[2].activity_runs[0].error = error(f"{HOSTILE} {LONG}")
    bad[2].activity_runs[0].activity_name = LONG
    write_report(sample_report([countries_run(), *customer_runs(fails=False)]), folder / "good.html")
    landed = [LandedData(f"folder/{LONG}", 1_000_000, 10**12, 10**15), LandedData(HOSTILE, 1, None, 1)]
    write_report(sample_report(bad, title=LONG, landed=landed), folder / "bad.html")
    write_report(sample_report([], landed=()), folder / "empty.html")
    _write_notebook_page(folder / "notebook.html")
    _write_notebook_page(folder / "failed-notebook.html", title=LONG, status=Status.FAILED, exit_value=LONG)
    return {path.stem: path for path in folder.glob("*.html")}


def _write_notebook_page(path: Path, **changes: Any) -> None:
    wide = TableOutput([f"column {number}" for number in range(30)], [[LONG, *range(29)], [None] * 30], more=True)
    markdown = (
        f"# Heading\n\n`code` and **bold** [link](https://example.com)\n\n> quote\n\n    block\n\n{HOSTILE} {LONG}"
    )
    source = 'import os  # a comment\n\n@wraps\ndef f(a=1.5):\n    """Doc."""\n    return f"{a}" + "' + LONG + '"'
    cells = (
        CellResult(Cell(Language.MARKDOWN, markdown, 2)),
        CellResult(Cell(Language.PYTHON, source, 12, "Title"), ["text\n", wide, LONG], seconds=1),
        CellResult(Cell(Language.SQL, "SELECT 1 -- one\nFROM t WHERE a = 'b'", 30), seconds=1),
        CellResult(Cell(Language.PYTHON, "1 / 0", 40), error=f"ZeroDivisionError: {LONG}", seconds=0),
        CellResult(Cell(Language.SHELL, "ls | wc -l", 42)),
    )
    values: dict[str, Any] = {"title": "load", "path": "/Shared/load", "status": Status.SUCCEEDED, "exit_value": "1000"}
    values |= {"started": START, "ended": at(7), "parameters": {LONG: LONG, "n": "1"}, "cells": cells}
    write_notebook_page(NotebookPage(**(values | changes)), path)


@pytest.mark.parametrize("name", ["good", "bad", "empty", "notebook", "failed-notebook"])
def test_a_page_fits_loads_nothing_runs_nothing_and_can_be_read(show: Show, pages, name):
    shown = show(pages[name])
    page = shown.page
    # Every row open, so that all there is can be measured.
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    contrast = page.evaluate(LOW_CONTRAST)
    assert contrast["checked"] > 10
    assert contrast["low"] == []
    assert page.evaluate("window.planted") is None
    assert [url for url in shown.requests if not url.startswith("data:")] == [pages[name].as_uri()]
    assert shown.console == []


def test_the_check_of_contrast_finds_pale_text(desktop: "Page"):
    desktop.set_content("<body style='background: white'><p style='color: #999'>pale</p><p>dark</p>")
    found = desktop.evaluate(LOW_CONTRAST)
    assert found["checked"] == 2
    assert [line.endswith("pale") for line in found["low"]] == [True]


def test_the_policy_of_the_page_lets_no_script_and_no_request_through(desktop: "Page", pages):
    said: list[str] = []
    desktop.on("console", lambda message: said.append(message.text))
    desktop.goto(pages["good"].as_uri())
    desktop.evaluate(
        """() => {
            const image = "<img src='http://127.0.0.1:9/x' onerror='window.planted = true'>";
            document.body.insertAdjacentHTML('beforeend', image);
            const script = document.createElement('script');
            script.text = 'window.planted = true';
            document.body.append(script);
        }"""
    )
    desktop.wait_for_timeout(100)
    assert desktop.evaluate("window.planted") is None
    assert len([line for line in said if "Content Security Policy" in line]) >= 2


def test_the_keyboard_opens_a_row_and_reaches_what_is_in_it(page: "Page", pages):
    page.goto(pages["good"].as_uri())
    summary = page.locator(".run > summary", has_text="RunCustomerProcessingNotebook")
    page.keyboard.press("Tab")
    for _ in range(30):
        if summary.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    assert summary.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    more = summary.locator("xpath=../div")
    assert not more.is_visible()
    page.keyboard.press("Enter")
    assert more.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Open the notebook run")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert not more.is_visible()


def test_a_failure_leads_to_its_opened_row_below_the_head_of_the_timeline(page: "Page", pages):
    page.goto(pages["bad"].as_uri())
    page.locator(".causes a", has_text="Show in the timeline").last.click()
    error_box = page.locator(".more:target .box.error")
    assert error_box.is_visible()
    head, box = page.locator(".axis").bounding_box(), error_box.bounding_box()
    assert head is not None
    assert box is not None
    assert head["y"] + head["height"] <= box["y"] < 844


def test_a_folded_iteration_is_one_click_away(desktop: "Page", pages):
    desktop.goto(pages["bad"].as_uri())
    rows = desktop.locator(".folded .run > summary")
    assert rows.count() == 148
    assert not rows.first.is_visible()
    desktop.locator(".folded > summary").click()
    assert rows.first.is_visible()


def test_bars_stand_in_the_order_of_time_within_their_lane(page: "Page", pages):
    page.goto(pages["good"].as_uri())
    boxes = page.evaluate(
        """[...document.querySelectorAll('.run > summary .lane')].map(lane => {
            const [l, b] = [lane.getBoundingClientRect(), lane.querySelector('.bar').getBoundingClientRect()];
            return [b.left - l.left, l.right - b.right, b.width];
        })"""
    )
    assert len(boxes) == 10
    assert all(left >= -0.5 and right >= -0.5 and width >= 4 for left, right, width in boxes)
    (try_end, second_start) = boxes[1][0] + boxes[1][2], boxes[2][0]
    assert try_end < second_start


def test_on_paper_texts_are_whole_and_dark_on_white(desktop: "Page", pages):
    desktop.goto(pages["failed-notebook"].as_uri())
    desktop.emulate_media(media="print")
    assert desktop.evaluate("getComputedStyle(document.body).color") == "rgb(18, 21, 28)"
    cut = "[...document.querySelectorAll('pre')].filter(pre => pre.scrollHeight > pre.clientHeight + 1).length"
    assert desktop.evaluate(cut) == 0


def test_every_page_has_one_title_a_language_and_named_landmarks(desktop: "Page", pages):
    desktop.goto(pages["bad"].as_uri())
    assert (
        desktop.locator("html[lang=en]").count()
        == desktop.locator("h1").count()
        == desktop.locator("main").count()
        == 1
    )
    snapshot = desktop.locator("main").aria_snapshot()
    for line in ('region "Timeline"', 'region "Landed in the lake"', 'columnheader "Rows"', 'rowheader "Total"'):
        assert line in snapshot

"""A dashboard's file in a real Chromium: at desktop and phone width, light and dark, on lakes of every kind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_factory.dashboards.answers import read_dashboards
from local_factory.dashboards.drawing import write_dashboard
from support.contrast import LOW_CONTRAST
from support.dashboard_lake import write_lake, write_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
DASHBOARDS = read_dashboards(Path(__file__).resolve().parents[3] / "infra" / "dashboards")
HOSTILE = "<script>window.planted = true</script><img src=x onerror='window.planted = true'>"
# Whatever stands out of its card to the right or left, texts of axes too.
OUTSIDE = """[...document.querySelectorAll('.tile :is(span, i, u, b)')].filter(element => {
    const box = element.getBoundingClientRect(), tile = element.closest('.tile').getBoundingClientRect();
    return box.width && !element.closest('.scroll') && (box.left < tile.left - 1 || box.right > tile.right + 1);
}).map(element => element.outerHTML)"""


def odd(lake: Path) -> None:
    """Loads of many feeds with names that are long or no names, and checks like that."""
    for number in range(30):
        feed = f"{HOSTILE}{'a_very_long_name' * 6}{number}"
        write_run(
            lake, number, {"feed": feed, "status": "Failed", "hours": number * 30, "error": HOSTILE, "seconds": 9e9}
        )
    check = {"check": "x" * 300, "severity": "error", "rows": 10**12}
    row = {"table": HOSTILE, "run_id": "r", "started": "2026-01-01T00:00:00+00:00", "checks": [check]}
    (lake / "quality_metrics").mkdir()
    (lake / "quality_metrics" / "a.json").write_text(json.dumps(row) + "\n", encoding="utf-8")


def one_run(lake: Path) -> None:
    write_run(lake, 0, {"feed": "a", "status": "Succeeded", "hours": 1, "inserted": 3, "seconds": 1})


LAKES: dict[str, Callable[[Path], object]] = {
    "full": write_lake,
    "empty": lambda lake: None,
    "one run": one_run,
    "odd": odd,
}


@pytest.fixture(scope="module", params=LAKES)
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("lake")
    LAKES[request.param](lake)
    file = lake / "page" / "dashboard.html"
    write_dashboard(DASHBOARDS, DASHBOARDS.all[0], lake, file, "report.html")
    return file


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_loads_nothing_and_can_be_read(browser: "Browser", page_file: Path, size: str, scheme: str):
    with browser.new_context(viewport=SIZES[size], color_scheme=scheme) as context:
        page = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda sent: asked.append(sent.url))
        page.goto(page_file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate("window.planted") is None
        found = page.evaluate(LOW_CONTRAST)
        assert found["checked"] > 5
        assert found["low"] == []
        assert [name.inner_text() for name in page.locator("nav a").all()] == ["Health", "Customers", "Products"]
        assert page.locator(".tile").count() == sum(
            bool(widget.kind) and not widget.is_filter for page_ in DASHBOARDS.all[0].pages for widget in page_.widgets
        )
        assert said == []
        assert [url for url in asked if not url.startswith("data:")] == [page_file.as_uri()]


def test_charts_have_marks_where_there_are_rows_and_words_where_there_are_none(browser: "Browser", tmp_path: Path):
    with browser.new_context(viewport=SIZES["desktop"]) as context:
        page = context.new_page()
        for name, is_full in (("full", True), ("empty", False)):
            lake = tmp_path / name
            lake.mkdir()
            LAKES[name](lake)
            write_dashboard(DASHBOARDS, DASHBOARDS.all[0], lake, lake / "d.html", "report.html")
            page.goto((lake / "d.html").as_uri())
            bars = page.locator(".plot-area > i, .bar-track i")
            sizes = bars.evaluate_all("all => all.map(one => one.offsetWidth * one.offsetHeight)")
            assert bool(sizes) is is_full
            lines = 5 + 4 + 1  # feeds, feeds whose seconds are known, growth
            assert page.locator(".plot-area path").count() == (lines if is_full else 0)
            assert page.locator(".nothing").count() == (0 if is_full else 17)
        assert "ingest_runs is not there yet" in page.locator(".nothing").first.inner_text()

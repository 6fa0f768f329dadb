"""Monitor in a real Chromium: runs as they go, "Trigger now", everything by keyboard, nothing from data as script."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from support.contrast import LOW_CONTRAST
from support.local_server import TOKEN, LocalServer

from .conftest import PIPELINES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}


class Window:
    """A page of a browser that was let in, and what went wrong in it."""

    def __init__(self, page: "Page", server: LocalServer) -> None:
        self.page = page
        self.url = server.url
        self.problems: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("pageerror", lambda failure: self.problems.append(str(failure)))
        page.on("request", self._asked)
        page.goto(f"{server.url}/?token={TOKEN}")

    def _asked(self, request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.foreign.append(request.url)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")


@pytest.fixture
def window(browser: "Browser", server: LocalServer) -> Iterator[Window]:
    with browser.new_context(viewport=SIZES["desktop"]) as context:
        window = Window(context.new_page(), server)
        yield window
        assert window.problems == []
        assert window.foreign == []


def test_a_run_that_a_client_starts_comes_up_goes_on_and_ends_without_a_reload(window, server):
    window.page.evaluate("window.unloaded = false")
    run_id = server.create_run("PL_Slow")
    row = window.page.locator(f'tr[data-key="{run_id}"]')
    row.get_by_text("In progress").wait_for()
    server.call("POST", f"/pipelineruns/{run_id}/cancel")
    row.get_by_text("Cancelled").wait_for()
    assert window.page.evaluate("window.unloaded") is False


def test_what_is_open_stays_open_while_the_run_goes_on(window, server):
    run_id = server.create_run("PL_Parent")
    window.open(f"/runs/{run_id}")
    page = window.page
    page.locator("summary", has_text="Call").first.click()
    child = page.locator("summary", has_text="Slow").first
    child.wait_for()
    assert page.locator("details.run[open]").count() == 1
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled").first.wait_for()
    assert server.ended(run_id)["status"] == "Cancelled"


def test_trigger_now_says_beside_the_field_what_is_wrong_and_starts_nothing(window, server):
    before = len(server.runs())
    window.open("/pipelines/PL_Typed")
    page = window.page
    page.get_by_label("number").fill("many")
    page.get_by_role("button", name="Trigger now").click()
    page.get_by_text("number must be a whole number").wait_for()
    assert page.get_by_label("number").get_attribute("aria-invalid") == "true"
    assert page.get_by_label("number").input_value() == "many"
    assert len(server.runs()) == before
    window.problems = [text for text in window.problems if "400" not in text]
    page.get_by_label("number").fill("7")
    page.get_by_role("button", name="Trigger now").click()
    page.get_by_text("Succeeded").first.wait_for()
    run = server.run(page.url.rpartition("/")[2])
    assert run["parameters"] == {"day": "2026-01-01", "number": 7, "list": [1, 2]}


def test_a_failed_run_is_run_again_from_the_failure(window, server):
    first = server.create_run("PL_Bad")
    server.ended(first)
    window.open(f"/runs/{first}")
    page = window.page
    page.get_by_role("heading", name="What went wrong").wait_for()
    page.get_by_role("button", name="Rerun from failed").click()
    page.get_by_text("This run and its reruns").wait_for()
    assert server.run(page.url.rpartition("/")[2])["runGroupId"] == first


def test_a_trigger_is_started_and_stopped(window, server):
    window.open("/triggers")
    page = window.page
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Stop").wait_for()
    assert server.call("GET", "/triggers/TR_Minute").json()["properties"]["runtimeState"] == "Started"
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Start").wait_for()
    assert server.call("GET", "/triggers/TR_Minute").json()["properties"]["runtimeState"] == "Stopped"


HOSTILE = "<script>window.planted = true</script><img src=x onerror='window.planted = true'>"
PAGES = (
    *("/runs", "/pipelines", "/pipelines/PL_Typed", "/pipelines/PL_Bad", "/triggers", "/triggers/TR_Minute"),
    *("/feeds", "/lake", "/lake/countries", "/lake/countries/a.json", "/lake/customer_data", "/runs?status=Failed"),
    *("/dashboards", "/dashboards/ingestion/customers", "/dashboards/ingestion/products?products-currency=x"),
)


def furnish(server: LocalServer) -> str:
    """Fill the lake and the history with what may stand in them, and return a run that failed."""
    import pyarrow as pa
    from pyarrow import parquet

    lake = server.workdir / "lake"
    for folder in ("countries", "customer_data", "ingest_runs"):
        (lake / folder).mkdir(parents=True, exist_ok=True)
    (lake / "countries" / "a.json").write_text(json.dumps({"name": HOSTILE}))
    parquet.write_table(pa.table({"id": [1, 2], HOSTILE: [HOSTILE, None]}), lake / "customer_data" / "p.parquet")
    for number in range(5):
        row = {"feed": f"shop.{HOSTILE}", "status": "Failed" if number == 4 else "Succeeded", "mode": "load"}
        row |= {"rows_read": number * 100, "rows_in_target": 400, "position_after": HOSTILE, "seconds": 1.5}
        row |= {"error": HOSTILE if number == 4 else None, "finished": f"2026-01-0{number + 1}T00:00:00+00:00"}
        (lake / "ingest_runs" / f"2026010{number + 1}T000000Z_x.json").write_text(json.dumps(row) + "\n{not a line\n")
    fail = {"name": "Break", "type": "Fail", "typeProperties": {"message": HOSTILE, "errorCode": HOSTILE}}
    description = {"description": HOSTILE, "activities": [fail]}
    assert server.put("pipelines", "PL Odd 'name'", description).status_code == 200
    run_id = server.create_run("PL Odd 'name'")
    server.ended(run_id)
    return run_id


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_loads_only_from_the_server_runs_nothing_from_data_and_can_be_read(
    browser: "Browser", server: LocalServer, size, scheme
):
    failed = furnish(server)
    with browser.new_context(viewport=SIZES[size], color_scheme=scheme) as context:
        window = Window(context.new_page(), server)
        for path in (*PAGES, f"/runs/{failed}", "/pipelines/PL%20Odd%20'name'"):
            window.open(path)
            page = window.page
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert page.evaluate("window.planted") is None, path
            found = page.evaluate(LOW_CONTRAST)
            assert found["checked"] > 5, path
            assert found["low"] == [], (path, found["low"])
            controls = page.locator("main :is(button, a, input, select, textarea):not([type=hidden])")
            assert controls.evaluate_all(UNNAMED) == [], path
            assert page.locator("h1").count() == 1, path
        assert window.problems == []
        assert window.foreign == []


FOCUSED = """(document.activeElement.labels?.[0]?.innerText || document.activeElement.innerText || '').trim()"""
UNNAMED = """elements => elements
    .filter(element => !(element.innerText?.trim() || element.labels?.length || element.getAttribute('aria-label')))
    .map(element => element.outerHTML)"""


def test_from_an_empty_list_to_a_finished_run_by_keyboard_alone(browser: "Browser", serve):
    server = serve(*PIPELINES)
    with browser.new_context(viewport=SIZES["desktop"]) as context:
        window = Window(context.new_page(), server)
        page = window.page
        page.get_by_text("Nothing has run yet").wait_for()

        def reach(text: str) -> None:
            """Press Tab until what has the focus says this."""
            for _ in range(60):
                page.keyboard.press("Tab")
                shown = page.evaluate(FOCUSED)
                if shown == text:
                    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
                    return
            raise AssertionError(f"not reached by Tab: {text}")

        reach("Choose a pipeline")
        page.keyboard.press("Enter")
        page.wait_for_url("**/pipelines")
        reach("PL_Typed")
        page.keyboard.press("Enter")
        page.wait_for_url("**/pipelines/PL_Typed")
        reach("number")
        page.keyboard.type("7")
        reach("Trigger now")
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs/*")
        # Its first activity succeeds before the run does; only an ended run has this button.
        page.get_by_role("button", name="Rerun", exact=True).wait_for()
        reach("Rerun")
        page.keyboard.press("Enter")
        page.get_by_text("This run and its reruns").wait_for()
        assert window.problems == []
    assert [run["status"] for run in server.runs()] == ["Succeeded", "Succeeded"]

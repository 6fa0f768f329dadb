"""Monitor in a real Chromium: runs as they go, "Trigger now", everything by keyboard, nothing from data as script."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from support.local_server import TOKEN, LocalServer

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

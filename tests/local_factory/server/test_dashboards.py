"""Monitor's pages of dashboards: on the lake as it is, filtered by the address."""

import re
from html import unescape

import pytest

from support.dashboard_lake import write_lake
from support.local_server import LocalServer

from .conftest import PIPELINES


@pytest.fixture(scope="module")
def filled(server: LocalServer) -> LocalServer:
    write_lake(server.workdir / "lake")
    return server


def counters(server: LocalServer, path: str) -> dict[str, str]:
    page = server.page(path)
    assert page.status_code == 200, page.text
    return dict(re.findall(r"<dl class=\"tile is-counter\".*?<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", page.text, re.DOTALL))


def test_the_first_page_opens_and_leads_to_the_others(filled: LocalServer):
    text = filled.page("/dashboards").text
    for name in ("health", "customers", "products"):
        assert f'href="/dashboards/ingestion/{name}"' in text
    assert counters(filled, "/dashboards")["Loads"] == "7"


def test_filters_are_parts_of_the_address(filled: LocalServer):
    health = "/dashboards/ingestion/health"
    assert counters(filled, f"{health}?health-feed=sql.Customers")["Loads"] == "3"
    assert counters(filled, f"{health}?health-feed=sql.Customers&health-feed=api.tickets")["Loads"] == "4"
    assert counters(filled, "/dashboards/ingestion/customers?customers-country=India")["Customers"] == "3"
    assert counters(filled, "/dashboards/ingestion/customers?customers-time.from=2026-02-12")["Customers"] == "2"
    text = unescape(filled.page("/dashboards/ingestion/products?products-currency=EUR").text)
    assert "<option selected>EUR</option>" in text
    assert counters(filled, "/dashboards/ingestion/products?products-currency=EUR")["Products"] == "3"


def test_what_is_no_date_and_what_is_no_page_is_said(filled: LocalServer):
    answer = filled.page("/dashboards/ingestion/health?health-time.from=yesterday")
    assert answer.status_code == 400
    assert "is no date, such as 2026-01-31" in unescape(answer.text)
    assert filled.page("/dashboards/ingestion/else").status_code == 404


def test_an_empty_lake_says_what_it_waits_for(serve):
    text = serve(*PIPELINES).page("/dashboards").text
    assert "<code>ingest_runs</code> is not there yet" in text

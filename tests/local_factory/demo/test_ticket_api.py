"""The demo's ticket tracker: its pages hold every ticket once, and tickets change as time goes by."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from ingestion.feeds.model import Endpoint, RestSource
from ingestion.feeds.sources import read_sources
from ingestion.rest.client import ApiClient
from ingestion.rest.endpoint import EndpointReader
from local_factory.demo.ticket_api import TicketApi, page_of_tickets, ticket

NOW = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
COUNT = 9 * 24 + 13
TOML = """\
[source]
type = "rest"
url = "${DEMO_API_URL}"

[[endpoints]]
name = "tickets"
path = "tickets"
params = { per_page = 100 }
paginator = { type = "header_link" }
primary_key = ["id"]
"""


def test_ten_lines_of_toml_read_all_tickets(tmp_path: Path) -> None:
    (tmp_path / "tickets.toml").write_text(TOML, encoding="utf-8")
    with TicketApi.start(lambda: NOW) as api:
        [source] = read_sources(tmp_path, {"DEMO_API_URL": api.url}.get)
        assert isinstance(source, RestSource)
        [tickets] = source.feeds
        assert isinstance(tickets, Endpoint)
        reader = EndpointReader(ApiClient(source, requests.Session(), str), source)
        pages = [page.records for page in reader.pages(tickets, {})]
    assert [len(page) for page in pages] == [100, 100, COUNT - 200]
    assert {record["id"] for page in pages for record in page} == set(range(1, COUNT + 1))


def test_a_ticket_is_worked_on_until_it_is_closed() -> None:
    opened = datetime(2026, 1, 2, tzinfo=UTC)
    ages = (timedelta(0), timedelta(minutes=59), timedelta(hours=1), timedelta(days=2), timedelta(days=8))
    assert [ticket(25, opened + age)["status"] for age in ages] == ["open", "open", "assigned", "solved", "closed"]
    assert ticket(25, opened + timedelta(days=2))["updated_at"] == "2026-01-03T00:00:00Z"


def test_since_asks_for_what_changed() -> None:
    changed = page_of_tickets({"since": "2026-01-10T11:00:00Z", "per_page": "100"}, NOW).tickets
    # At eleven and twelve: two opened, one of which is assigned by now, two assigned, solved, closed.
    assert sorted(record["status"] for record in changed) == sorted(["open", *["assigned", "solved", "closed"] * 2])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tickets/1", 200),
        ("/tickets/99999", 404),
        ("/users", 404),
        ("/tickets?per_page=101", 400),
        ("/tickets?page=x", 400),
        ("/tickets?since=soon", 400),
        ("/tickets/x", 400),
    ],
)
def test_what_is_not_there_or_no_sense_is_refused(path: str, status: int) -> None:
    with TicketApi.start(lambda: NOW) as api:
        assert requests.get(api.url + path, timeout=240).status_code == status

"""Monitor's page of feeds, over rows as the notebooks write them to the lake's table `ingest_runs`."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

from ingestion.loads.results import FeedResult, Status, run_lines
from support.local_server import LocalServer

PIPELINE_RUN = "3f0d9b4e-0000-4000-8000-000000000001"


def keep(server: LocalServer, ended: datetime, *results: FeedResult) -> None:
    """Write a run's rows where `ingestion.loads.run` appends them."""
    folder = server.workdir / "lake" / "ingest_runs"
    folder.mkdir(parents=True, exist_ok=True)
    run_id = f"{ended:%H%M%S}-run"
    lines = run_lines(results, run_id, PIPELINE_RUN, ended - timedelta(seconds=5), ended)
    (folder / f"{ended:%Y%m%dT%H%M%SZ}_{run_id[:8]}.json").write_bytes(lines)


def cards(server: LocalServer) -> dict[str, str]:
    """The page's cards by the feed's name, each as its words and its plots' labels."""
    page = server.page("/feeds")
    assert page.status_code == 200
    found = re.findall(r'<li class="card" data-key="([^"]+)">(.*?)</li>', page.text, re.DOTALL)
    shown = re.compile(r"<[^>]*?href=\"(\S+)\"[^>]*>|<[^>]+>")
    return {name: " ".join(unescape(shown.sub(r" \1 ", card)).split()) for name, card in found}


def loaded(feed: str, rows: int, position: str | None = None) -> FeedResult:
    numbers = {"rows_read": rows, "inserted": rows, "updated": 0, "deleted": 0, "quarantined": 1}
    return FeedResult(
        feed, "load", Status.SUCCEEDED, **numbers, rows_in_target=12_345, position_after=position, seconds=1.25
    )


def test_each_feed_is_shown_as_it_was_last_loaded(server):
    failure = FeedResult("shop.orders", "load", seconds=0.5, error="orders: the source is <away>.")
    skipped = FeedResult("shop.slow", "load", Status.SKIPPED, error="3 rows, and it lands when there are more than 9.")
    now = datetime.now(UTC)
    keep(server, now - timedelta(hours=3), loaded("shop.orders", 100, "2026-01-01"), loaded("shop.slow", 7))
    keep(server, now - timedelta(hours=2), loaded("shop.orders", 1234, "2026-01-02"), loaded("shop.customers", 0))
    keep(server, now - timedelta(hours=1), failure, skipped)
    shown = cards(server)
    assert sorted(shown) == ["shop.customers", "shop.orders", "shop.slow"]

    orders = shown["shop.orders"]
    assert "Failed" in orders
    assert "orders: the source is <away>." in orders
    assert "Position 2026-01-02 Lag 2 h" in orders  # where the next load goes on, and since the last one that succeeded
    assert "1,234 rows read" in orders
    assert "0 rows read, failed" in orders
    assert "1.25 seconds" in orders
    assert "Rows read, last 3 loads of 3" in orders
    assert f"/runs/{PIPELINE_RUN}" in orders

    customers = shown["shop.customers"]
    assert "Rows in target 12,345" in customers
    assert "0 read · 0 inserted · 0 updated · 0 deleted · 1 quarantined" in customers

    slow = shown["shop.slow"]
    assert "Skipped" in slow
    assert "3 rows, and it lands when there are more than 9." in slow
    assert "Lag 3 h" in slow  # nothing has landed since
    assert "failed" not in slow

"""The dashboard's queries, by Spark as the workspace runs them, on rows whose answers are counted here otherwise."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bundle.dashboards.checks import load_dashboards
from bundle.dashboards.queries import widget_sql
from bundle.dashboards.tables import Places, read_tables, with_places
from support.dashboard_lake import COUNTRIES, CUSTOMERS, FINDINGS, HOUR, NOW, PRODUCTS, loads, write_lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOLDER = Path(__file__).resolve().parents[2] / "infra" / "dashboards"
TABLES = read_tables(FOLDER / "tables.toml")
[DASHBOARD] = load_dashboards(FOLDER, TABLES)
WIDGETS = {widget.name: widget for page in DASHBOARD.pages for widget in page.widgets if widget.queries}
NAMES = {"IN": "India", "US": "United States"}

Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    # A name that is a pattern to Hadoop, and a quote to SQL.
    return Places(str(write_lake(tmp_path_factory.mktemp("lake") / "it's a [lake] {1}")))


@pytest.fixture(scope="module")
def ask(spark: "SparkSession", places: Places) -> Ask:
    """Return what asks a widget's query."""

    def answer(name: str) -> list[dict[str, Any]]:
        [query] = WIDGETS[name].queries
        sql = widget_sql(query, with_places(DASHBOARD.datasets[query.dataset], TABLES, places))
        return [row.asDict() for row in spark.sql(sql).collect()]

    return answer


@pytest.fixture(scope="module")
def rows_of(spark: "SparkSession", places: Places) -> Ask:
    """Return what reads a dataset whole."""

    def read(name: str) -> list[dict[str, Any]]:
        return [row.asDict() for row in spark.sql(with_places(DASHBOARD.datasets[name], TABLES, places)).collect()]

    return read


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def hours_since(moment: datetime) -> float:
    return (datetime.now(UTC) - moment) / HOUR


def day(hours: float) -> datetime:
    ended = datetime.fromtimestamp(NOW.timestamp() - hours * 3600 - 60, UTC)
    return ended.replace(hour=0, minute=0, second=0, tzinfo=None)


def test_loads_are_counted_by_day_and_status_without_what_only_looked(ask: Ask):
    found = {(row["daily(started)"], row["status"]): row["count(feed)"] for row in ask("loads-by-status")}
    own = (NOW - HOUR).replace(hour=0, minute=0, second=0, tzinfo=None)
    assert found == Counter([*((day(run["hours"]), run["status"]) for run in loads()), (own, "Succeeded")])
    assert ask("loads") == [{"count(feed)": 7}]


def test_failures_rows_and_quarantined_rows_are_summed(ask: Ask):
    assert ask("failed") == [{"sum(failed)": 2}]
    assert ask("quarantined") == [{"sum(quarantined)": 3}]
    assert ask("rows-landed") == [{"sum(rows_landed)": 600 + 10 + 5 + 40}]


def test_rows_and_seconds_are_told_by_feed_and_load(ask: Ask):
    rows = defaultdict(list)
    for row in sorted(ask("rows-by-feed"), key=lambda row: row["started"]):
        rows[row["feed"]].append(row["sum(rows_landed)"])
    assert rows == {
        "sql.Customers": [600, 0, 15],
        "sql.Products": [0],
        "api.tickets": [0],
        "api.quiet": [0],
        "own_table": [40],
    }
    seconds = {(row["feed"], row["avg(seconds)"]) for row in ask("seconds-by-feed")}
    assert seconds == {*((run["feed"], run.get("seconds")) for run in loads()), ("own_table", 5.0)}


def test_a_feeds_lag_counts_from_its_last_success(ask: Ask, rows_of: Ask):
    least = {hours: hours_since(NOW - hours * HOUR) for hours in (2, 3)}
    feeds = {row["feed"]: row for row in rows_of("feeds")}
    most = {hours: hours_since(NOW - hours * HOUR) for hours in (2, 3)}
    rounded = 0.051  # to a tenth of an hour, and the file's whole seconds
    assert feeds.keys() == {*(run["feed"] for run in loads()), "own_table"}
    customers = feeds["sql.Customers"]
    assert (customers["last_status"], customers["rows_in_target"], customers["loads"]) == ("Succeeded", 610, 3)
    assert customers["failed_loads"] == 1
    assert least[2] - rounded <= customers["lag_hours"] <= most[2] + rounded
    products = feeds["sql.Products"]
    assert least[3] - rounded <= products["lag_hours"] <= most[3] + rounded
    never = feeds["api.tickets"]
    assert (never["last_status"], never["last_success"], never["lag_hours"]) == ("Failed", None, None)
    [longest] = ask("lag")
    assert products["lag_hours"] <= longest["max(lag_hours)"] <= hours_since(NOW - 3 * HOUR) + rounded


def test_failures_are_listed_with_their_reasons_the_newest_first(ask: Ask):
    bad = [run for run in loads() if run["status"] != "Succeeded"]
    rows = ask("failures")
    assert {(row["feed"], row["error"]) for row in rows} == {(run["feed"], run["error"]) for run in bad}
    assert rows[-1]["error"] == "no answer"


def test_bad_rows_are_counted_by_the_check_that_they_break(ask: Ask, rows_of: Ask):
    expected: Counter[tuple[str, str]] = Counter()
    for _, _, checks in FINDINGS:
        for check, (severity, rows) in checks.items():
            if rows:
                expected[check, "kept out" if severity == "error" else "told"] += rows
    found = {(row["reason"], row["outcome"]): row["sum(bad_rows)"] for row in ask("bad-rows")}
    assert found == expected
    assert {row["feed"] for row in rows_of("checks")} == {"customer_data", "product_data"}, "old rows name no feed"


def country(code: str | None) -> str:
    return NAMES.get(code or "", code or "unknown")


def test_customers_are_counted_by_the_name_of_their_country(ask: Ask):
    found = {row["country"]: row["count(customer_id)"] for row in ask("customers-by-country")}
    assert found == Counter(country(code) for code, *_ in CUSTOMERS)
    assert ask("customers") == [{"count(customer_id)": 6}]
    assert ask("active") == [{"sum(active)": 4}]
    assert ask("countries") == [{"countdistinct(country)": 4}]


def test_credit_limits_are_averaged_over_those_who_have_one(ask: Ask):
    limits: dict[str, list[float]] = defaultdict(list)
    for code, _, limit, _ in CUSTOMERS:
        if limit:
            limits[country(code)].append(float(limit))
    found = {row["country"]: row["avg(credit_limit)"] for row in ask("credit-by-country")}
    assert found == {name: mean(values) for name, values in limits.items()}
    [all_of_them] = ask("credit-limit")
    assert all_of_them["avg(credit_limit)"] == pytest.approx(
        mean([limit for values in limits.values() for limit in values])
    )
    bands = {row["credit_band"]: row["count(customer_id)"] for row in ask("credit-bands")}
    assert [bands[name] for name in sorted(bands)] == [1, 1, 1, 1, 1, 1]


def test_growth_has_every_month_of_every_country(ask: Ask, rows_of: Ask):
    months = [datetime(2026, month, 1) for month in range(1, 5)]
    dated = [(country(code), datetime(at.year, at.month, 1)) for code, _, _, at in CUSTOMERS if at]
    expected = {
        (name, month): (dated.count((name, month)), sum(who == name and at <= month for who, at in dated))
        for name in {who for who, _ in dated}
        for month in months
    }
    rows = rows_of("growth")
    assert {(row["country"], row["month"]): (row["new_customers"], row["customers"]) for row in rows} == expected
    assert [row["sum(customers)"] for row in sorted(ask("growth"), key=lambda row: row["month"])] == [2, 4, 4, 5]
    assert [row["sum(new_customers)"] for row in sorted(ask("new-customers"), key=lambda row: row["month"])] == [
        *(2, 2, 0, 1)
    ]


def test_a_country_shows_its_population_and_customers_of_an_unknown_one_stay(ask: Ask):
    rows = {row["country"]: row for row in ask("country-table")}
    assert rows.keys() == {country(code) for code, *_ in CUSTOMERS}
    population = {one.get("cca2") or one["codes"]["alpha_2"]: one["population"] for one in COUNTRIES}
    assert rows["India"]["population"] == population["IN"]
    assert rows["India"]["per_million"] == 0.003
    assert (rows["United States"]["region"], rows["XX"]["region"]) == ("Americas", None)


def test_products_are_counted_and_their_stock_summed(ask: Ask):
    stock: Counter[str] = Counter()
    for _, category, _, _, units, _ in PRODUCTS:
        stock[category or "none"] += units
    found = {row["category"]: row["sum(stock)"] for row in ask("stock-by-category")}
    assert found == stock
    assert ask("products") == [{"count(product_id)": 5}]
    assert ask("stock") == [{"sum(stock)": 107}]
    assert ask("out-of-stock") == [{"sum(out_of_stock)": 1}]
    assert ask("discontinued") == [{"sum(discontinued)": 1}]


def test_prices_are_told_by_currency_and_never_mixed(ask: Ask):
    rows = {row["currency"]: row for row in ask("value-by-currency")}
    assert rows.keys() == {"EUR", "INR", "USD"}
    prices = [(float(price), units) for _, _, currency, price, units, _ in PRODUCTS if currency == "EUR"]
    assert rows["EUR"]["avg(price)"] == pytest.approx(mean([price for price, _ in prices]))
    assert (rows["EUR"]["min(price)"], rows["EUR"]["max(price)"]) == (1.25, 20.0)
    assert rows["EUR"]["sum(stock_value)"] == sum(price * units for price, units in prices)
    by_category = {(row["category"], row["currency"]): row["avg(price)"] for row in ask("price-by-category")}
    assert by_category["Books", "EUR"] == 15.25
    counted = {(row["currency"], row["category"]): row["count(product_id)"] for row in ask("products-by-currency")}
    assert counted == Counter((currency, category or "none") for _, category, currency, *_ in PRODUCTS)


def test_the_lowest_stock_is_that_of_products_that_are_sold(ask: Ask):
    assert [row["sku"] for row in ask("lowest-stock")] == ["A-2", "B-2", "A-1", "B-1"]


def test_a_table_that_is_not_there_has_no_rows_and_all_columns(spark: "SparkSession"):
    empty = Places("/nowhere", missing=TABLES.keys())
    for name, sql in DASHBOARD.datasets.items():
        assert spark.sql(with_places(sql, TABLES, empty)).collect() == [], name

"""The laptop's engine answers as Spark does, and says what it lacks."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bundle.dashboards.model import Page, Widget
from bundle.dashboards.queries import Choice, where_is, widget_sql
from bundle.dashboards.tables import Places, with_places
from local_factory.dashboards.answers import has_any_table, open_answers, read_dashboards
from local_factory.dashboards.lake_tables import is_there
from support.dashboard_lake import write_lake, write_own_landing, write_run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOLDER = Path(__file__).resolve().parents[3] / "infra" / "dashboards"
DASHBOARDS = read_dashboards(FOLDER)
[DASHBOARD] = DASHBOARDS.all
ASKED = [
    (page, widget) for page in DASHBOARD.pages for widget in page.widgets if not widget.is_filter and widget.queries
]
CHOICES = {
    "health-feed": Choice("", ("sql.Customers", "customer_data")),
    "customers-time": Choice("", start="2026-01-05", end="2026-02-12"),
    "customers-country": Choice("", ("India", "XX")),
    "products-currency": Choice("", ("EUR",)),
}


def plain(value: Any) -> Any:
    """Return a value as both engines can give it: moments in UTC without a zone, numbers to twelve digits."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, str) or value is None:
        return value
    return float(f"{float(value):.12g}")


def comparable(rows: Any) -> list[str]:
    return sorted(json.dumps({name: plain(value) for name, value in row.items()}, default=str) for row in rows)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lake(tmp_path_factory.mktemp("lake") / "it's a [lake] {1} *")


def answer(lake: Path, name: str, choices: dict[str, Choice] | None = None) -> Any:
    page, widget = next((page, widget) for page, widget in ASKED if widget.name == name)
    with open_answers(DASHBOARD, DASHBOARDS.tables, lake) as answers:
        return answers.answer(widget, page, choices or {})


@pytest.mark.parametrize("choices", [{}, CHOICES], ids=["all", "chosen"])
def test_each_widget_has_the_rows_that_spark_gives_it(spark: "SparkSession", lake: Path, choices: dict[str, Choice]):
    def of_spark(page: Page, widget: Widget) -> list[str]:
        [query] = widget.queries
        dataset = with_places(DASHBOARD.datasets[query.dataset], DASHBOARDS.tables, Places(str(lake)))
        sql = widget_sql(query, dataset, where_is(page.filters, query.dataset, choices))
        return comparable(row.asDict() for row in spark.sql(sql).collect())

    asked = [pair for pair in ASKED if not choices or pair[1].name in _ABOUT_CHOICES]
    with open_answers(DASHBOARD, DASHBOARDS.tables, lake) as answers:
        for page, widget in asked:
            found = answers.answer(widget, page, choices)
            assert found.problem is None, widget.name
            if widget.name not in ("lag", "freshness"):  # of the moment: each engine asks its own clock
                assert comparable(found.rows) == of_spark(page, widget), widget.name


_ABOUT_CHOICES = ("rows-by-feed", "bad-rows", "customers", "growth", "products-by-currency")


def test_a_choice_keeps_only_its_rows(lake: Path):
    assert answer(lake, "loads").rows == [{"count(feed)": 7}]
    assert answer(lake, "loads", CHOICES).rows == [{"count(feed)": 3}]
    assert answer(lake, "customers", {"customers-country": Choice("", ("x' OR 'a'='a",))}).rows == [
        {"count(customer_id)": 0}
    ]
    assert answer(lake, "customers", {"customers-time": Choice("", start="2026-02-11")}).rows == [
        {"count(customer_id)": 3}
    ], "those of that day too"


def test_a_filter_lets_choose_what_there_is(lake: Path):
    filters = {widget.name: widget for page in DASHBOARD.pages for widget in page.filters}
    with open_answers(DASHBOARD, DASHBOARDS.tables, lake) as answers:
        assert answers.choices(filters["customers-country"]) == ["India", "United States", "unknown", "XX"]
        assert answers.choices(filters["products-currency"]) == ["EUR", "INR", "USD"]


def test_in_an_empty_lake_each_widget_says_which_tables_it_waits_for(tmp_path: Path):
    assert not has_any_table(DASHBOARDS, tmp_path)
    with open_answers(DASHBOARD, DASHBOARDS.tables, tmp_path) as answers:
        for page, widget in ASKED:
            found = answers.answer(widget, page, {})
            assert found.problem is None, widget.name
            assert found.lacking, widget.name
            assert set(found.lacking.values()) == {"not there yet"}
    assert answer(tmp_path, "growth").lacking.keys() == {"customer_data", "countries"}


def test_customers_are_shown_before_the_countries_come(tmp_path: Path):
    lake = write_lake(tmp_path)
    for file in (lake / "countries").iterdir():
        file.unlink()
    found = answer(lake, "customers-by-country")
    assert {row["country"] for row in found.rows} == {"IN", "US", "XX", "unknown"}
    assert found.lacking == {"countries": "not there yet"}


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path):
    lake = write_lake(tmp_path)
    (lake / "ingest_runs" / "half.json").write_text('{"feed": "sql.Cust', encoding="utf-8")
    (lake / "ingest_runs" / "_hidden.json").write_text('{"feed": "x", "mode": "load"}\n', encoding="utf-8")
    assert answer(lake, "loads").rows == [{"count(feed)": 7}]


def test_one_run_is_enough(tmp_path: Path):
    write_run(tmp_path, 0, {"feed": "a", "status": "Succeeded", "hours": 1, "inserted": 3, "seconds": 1})
    assert answer(tmp_path, "rows-landed").rows == [{"sum(rows_landed)": 3}]
    assert len(answer(tmp_path, "rows-by-feed").rows) == 1
    assert has_any_table(DASHBOARDS, tmp_path)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("landed", "Succeeded"), ("too few rows", "Skipped"), ("refused", "Failed"), ("failed", "Failed")],
)
def test_a_table_that_a_notebook_loads_by_itself_is_a_load_too(tmp_path: Path, outcome: str, status: str):
    write_own_landing(tmp_path, outcome, 3)
    found = answer(tmp_path, "loads-by-status")
    assert [(row["status"], row["count(feed)"]) for row in found.rows] == [(status, 1)]
    assert found.lacking == {"ingest_runs": "not there yet"}


def test_a_table_of_delta_is_read_by_its_log(tmp_path: Path):
    import pyarrow as pa
    from deltalake import write_deltalake

    folder = tmp_path / "product_data"
    columns = {"ProductId": pa.int32(), "Sku": pa.string(), "Name": pa.string(), "Category": pa.string()}
    columns |= {"CurrencyCode": pa.string(), "UnitPrice": pa.decimal128(10, 2), "StockQuantity": pa.int32()}
    columns |= {"IsDiscontinued": pa.bool_(), "UpdatedAt": pa.timestamp("us", tz="UTC")}
    row = dict.fromkeys(columns) | {"ProductId": 1, "StockQuantity": 5}
    for _ in range(2):
        write_deltalake(folder, pa.Table.from_pylist([row], schema=pa.schema(columns)), mode="overwrite")
    assert is_there(tmp_path, DASHBOARDS.tables["products"])
    assert answer(tmp_path, "stock").rows == [{"sum(stock)": 5}]


@pytest.mark.parametrize("broken", ["no Parquet", ""])
def test_a_table_that_cannot_be_read_says_so_in_its_widgets(tmp_path: Path, broken: str):
    (tmp_path / "product_data").mkdir()
    (tmp_path / "product_data" / "part.parquet").write_text(broken, encoding="utf-8")
    found = answer(tmp_path, "stock")
    assert found.lacking["product_data"] not in ("", "not there yet")
    assert "\n" not in found.lacking["product_data"]


def test_a_table_without_a_column_that_is_asked_for_is_a_problem_in_words(tmp_path: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "product_data").mkdir()
    pq.write_table(pa.table({"ProductId": [1]}), tmp_path / "product_data" / "part.parquet")
    found = answer(tmp_path, "stock")
    assert found.problem is not None
    assert "Sku" in found.problem

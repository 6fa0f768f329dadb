"""A lake of known rows, written as the notebooks write it, with what is awkward in each table."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

from ingestion.loads.results import FeedResult, Status, run_lines
from ingestion.quality.checks import CheckResult, Severity
from ingestion.quality.metrics import LandingMetrics, Outcome
from local_factory.demo.country_api import sample_countries
from local_factory.demo.country_v5 import v5_country

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
_SOURCE_TABLES = Path(__file__).resolve().parents[3] / "infra" / "sql" / "01_tables.sql"
_ARROW_TYPES = {"INT": pa.int32(), "BIT": pa.bool_(), "DATE": pa.date32(), "DATETIME2": pa.timestamp("us", tz="UTC")}


def write_lake(lake: Path) -> None:
    """Write the tables of a lake that has seen some days."""
    _write_runs(lake / "ingest_runs")
    _write_metrics(lake)
    _write_countries(lake / "countries")
    _write_table(lake / "customer_data", "Customers", _CUSTOMERS)
    _write_table(lake / "product_data", "Products", _PRODUCTS)


def _write_runs(folder: Path) -> None:
    """Failures before and after successes, a tie of both, only skipped, no numbers, another case, the old calendar."""
    good = FeedResult("shop.Orders", "load", Status.SUCCEEDED, 100, 10, 5, 1, 2, 94, None, "7", 12.5)
    bad = FeedResult("shop.Orders", "load", error='lost: "the\nsource"')
    day = datetime(2026, 2, 27, 23, 59, 50, tzinfo=UTC)
    files = [
        (day, [good, replace(bad, feed="crm.People", seconds=0.5)]),
        (
            day + timedelta(hours=20),
            [replace(bad, seconds=3.25), replace(good, feed="crm.People", rows_read=0, inserted=0)],
        ),
        (day + timedelta(days=1), [replace(good, feed="SHOP.orders", seconds=None, updated=None)]),
        (day + timedelta(days=1, hours=2), [replace(good, feed="tie.Table", quarantined=None)]),
        (day + timedelta(days=1, hours=2), [replace(bad, feed="tie.Table")]),
        (
            day + timedelta(days=2),
            [FeedResult("few.Rows", "load", Status.SKIPPED, 3, error="too few rows", seconds=1.0)],
        ),
        (day + timedelta(days=2), [replace(good, feed="only.Looked", mode="discover"), replace(bad, mode="status")]),
        (datetime(2023, 5, 1, tzinfo=UTC), [replace(good, feed="old.Table", mode="reload", rows_in_target=0)]),
    ]
    folder.mkdir(parents=True)
    for number, (started, results) in enumerate(files):
        content = run_lines(results, f"run{number}", None, started, started + timedelta(seconds=40))
        (folder / f"{number}.json").write_bytes(content)
    (folder / "half.json").write_text('{"feed": "shop.Orders", "mode": "load", "sta')
    (folder / "empty.json").touch()


def _write_metrics(lake: Path) -> None:
    """Landed, refused, failed before anything was read, without checks, a name that a path escapes, a feed's name."""
    day = datetime(2026, 2, 27, 10, tzinfo=UTC)
    null = CheckResult("Email is not null", Severity.ERROR, 3, "not so in 3 of 1000 rows")
    fine = CheckResult("Email is unique", Severity.ERROR, 0, None)
    stale = CheckResult("the newest UpdatedAt is of the last 30 days", Severity.WARNING, None, "it is of 2020")
    unasked = CheckResult("Fax is not null", Severity.ERROR, None, "there is no column Fax", applied=False)
    runs = [
        LandingMetrics(
            "a" * 32, "customer_data", "azure_sql.Customers", day, Outcome.LANDED, 1000, 997, 3, [null, fine, stale]
        ),
        LandingMetrics(
            "b" * 32,
            "customer_data",
            "azure_sql.Customers",
            day + timedelta(days=1),
            Outcome.REFUSED,
            1000,
            0,
            80,
            [null, unasked],
        ),
        LandingMetrics("c" * 32, "product_data", "azure_sql.Products", day, Outcome.FAILED, error="gone"),
        LandingMetrics(
            "d" * 32, "shop/ordérs", "shop.ordérs", day + timedelta(days=2), Outcome.TOO_FEW_ROWS, 0, 0, 0, []
        ),
    ]
    for run in runs:
        folder = lake / run.folder
        folder.mkdir(parents=True, exist_ok=True)
        row = json.loads(run.dump(run.started + timedelta(minutes=2)))
        del row["feed"]  # which earlier releases did not write
        (folder / run.file).write_text(json.dumps(row) + "\n")
    with_feed = json.loads(runs[0].dump(day)) | {"feed": "shop.Orders", "table": "orders", "run_id": "e" * 32}
    (lake / "quality_metrics" / "table=orders").mkdir()
    (lake / "quality_metrics" / "table=orders" / "e.json").write_text(json.dumps(with_feed) + "\n")


def _write_countries(folder: Path) -> None:
    """Some of version 3.1, some of version 5; none of France."""
    folder.mkdir()
    wanted = {"IN": "india", "US": "us", "GB": "uk", "CN": "china", "RU": "russia"}
    for country in sample_countries():
        if name := wanted.get(country["cca2"]):
            record = v5_country(country) if name in ("uk", "china") else country
            (folder / f"{name}.json").write_text(json.dumps(record, indent=2, ensure_ascii=False), encoding="utf-8")


def _customer(
    number: int, code: str | None, limit: str | None, active: bool | None, created: datetime
) -> dict[str, Any]:
    return {
        **{"CustomerId": number, "FirstName": "Ada", "LastName": "L", "Email": f"c{number}@example.com"},
        **{"CountryCode": code, "CreditLimit": None if limit is None else Decimal(limit), "IsActive": active},
        **{"City": "Pune", "DateOfBirth": date(1990, 1, 1), "CreatedAt": created, "UpdatedAt": created},
    }


# No limit and a limit of nothing, a country that is not there, none, another case, before the calendar, a month's ends.
_CUSTOMERS = [
    _customer(1, "IN", "1000.25", True, datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC)),
    _customer(2, "IN", None, False, datetime(2024, 2, 1, tzinfo=UTC)),
    _customer(3, "GB", "0.00", True, datetime(2024, 2, 29, tzinfo=UTC)),
    _customer(4, "FR", "9999999999.99", True, datetime(2025, 12, 31, tzinfo=UTC)),
    _customer(5, "in", "500.00", None, datetime(2019, 7, 1, tzinfo=UTC)),
    _customer(6, None, None, True, datetime(2026, 3, 1, tzinfo=UTC)),
    _customer(7, "CN", "0.01", False, datetime(2026, 3, 1, tzinfo=UTC)),
]


def _product(
    number: int, price: tuple[str, str | None], stock: int | None, gone: bool | None, category: str
) -> dict[str, Any]:
    created = datetime(2024, 1, number, tzinfo=UTC)
    return {
        **{"ProductId": number, "Sku": f"P{number}", "Name": f"Product {number}", "Category": category},
        **{"CurrencyCode": price[1], "UnitPrice": Decimal(price[0]), "StockQuantity": stock, "IsDiscontinued": gone},
        **{"CreatedAt": created, "UpdatedAt": created},
    }


# Out of stock and sold, and sold no more, not known whether it is, a gift, a price of many digits, of no currency.
_PRODUCTS = [
    _product(1, ("10.50", "USD"), 3, False, "Books"),
    _product(2, ("99999999.99", "INR"), 2, False, "Books"),
    _product(3, ("0.00", "USD"), 7, False, "Toys"),
    _product(4, ("5.00", "EUR"), 0, True, "Toys"),
    _product(5, ("7.25", "EUR"), 0, False, "toys"),
    _product(6, ("1.00", "EUR"), 0, None, "Games"),
    _product(7, ("3.00", None), None, False, "Games"),
]


def source_columns(table: str) -> Mapping[str, pa.DataType]:
    """Return the columns of a source table, of `infra/sql`, in the types that they land in."""
    statements = sqlglot.parse(_SOURCE_TABLES.read_text(encoding="utf-8").replace("\nGO\n", "\n;\n"), dialect="tsql")
    creates = [node for statement in statements if statement for node in statement.find_all(exp.Create)]
    [create] = [node for node in creates if node.find(exp.Table).name == table]
    return {column.name: _arrow_type(column.args["kind"]) for column in create.find_all(exp.ColumnDef)}


def _arrow_type(kind: exp.DataType) -> pa.DataType:
    name = kind.this.value
    if name == "DECIMAL":
        return pa.decimal128(*(int(size.name) for size in kind.expressions))
    return _ARROW_TYPES.get(name, pa.string())


def _write_table(folder: Path, table: str, rows: list[dict[str, Any]]) -> None:
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(source_columns(table))), folder / "part-0.parquet")

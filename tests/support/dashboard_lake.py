"""A small lake of which all is known: what the dashboards' queries answer on it can be counted by hand."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)

RUNS: list[dict[str, Any]] = [
    {"feed": "sql.Customers", "status": "Succeeded", "hours": 50, "inserted": 600, "rows_in_target": 600, "seconds": 4},
    {"feed": "sql.Customers", "status": "Failed", "hours": 26, "error": "no answer", "seconds": 30.5},
    {
        **{"feed": "sql.Customers", "status": "Succeeded", "hours": 2, "inserted": 10, "updated": 5, "quarantined": 3},
        **{"rows_in_target": 610, "seconds": 2},
    },
    {"feed": "sql.Products", "status": "Succeeded", "hours": 3, "inserted": 0, "rows_in_target": 6, "seconds": 1},
    {"feed": "api.tickets", "status": "Failed", "hours": 1, "error": "401 Unauthorized", "seconds": 0.25},
    {"feed": "api.quiet", "status": "Skipped", "hours": 1, "error": "4 rows, and it lands when there are more than 5."},
    {"feed": "sql.*", "mode": "discover", "status": "Succeeded", "hours": 1},
]

FINDINGS = [
    ("customer_data", 26, {"Email is not null": ("error", 2), "CreditLimit is at least 0": ("error", 0)}),
    ("customer_data", 2, {"Email is not null": ("error", 1), "CountryCode matches [A-Z]{2}": ("error", 2)}),
    ("product_data", 3, {"UpdatedAt is of the last 30 days": ("warning", 4), "there are rows": ("warning", None)}),
]

# Code, active, credit limit, created.
CUSTOMERS = [
    ("IN", True, "100.00", date(2026, 1, 5)),
    ("IN", False, "6000.50", date(2026, 1, 31)),
    ("IN", True, None, date(2026, 4, 1)),
    ("US", True, "60000.00", date(2026, 2, 11)),
    ("XX", True, "12000.25", date(2026, 2, 12)),
    (None, None, "30000.00", None),
]

# SKU, category, currency, price, stock, discontinued.
PRODUCTS = [
    ("A-1", "Books", "EUR", "10.50", 4, False),
    ("A-2", "Books", "EUR", "20.00", 0, False),
    ("A-3", "Books", "INR", "100.00", 1, True),
    ("B-1", "Toys", "EUR", "1.25", 100, False),
    ("B-2", None, "USD", "7.00", 2, None),
]

COUNTRIES: list[dict[str, Any]] = [
    {"cca2": "IN", "name": {"common": "India"}, "region": "Asia", "population": 1_000_000_000},
    {"codes": {"alpha_2": "US"}, "names": {"common": "United States"}, "region": "Americas", "population": 300_000_000},
    {"cca2": "CN", "name": {"common": "China"}, "region": "Asia", "population": 1_400_000_000},
]


def loads() -> list[dict[str, Any]]:
    """Return the loads, as rows that any reader of `ingest_runs` sees; the mode `discover` is none."""
    return [run for run in RUNS if run.get("mode", "load") == "load"]


def write_lake(lake: Path) -> Path:
    """Write the lake, as notebooks write it, and return it."""
    for number, run in enumerate(RUNS):
        write_run(lake, number, run)
    for number, (table, hours, checks) in enumerate(FINDINGS):
        started = NOW - hours * HOUR
        found = [
            {"check": check, "severity": severity, "rows": rows, "failure": None, "applied": True, "fits": True}
            for check, (severity, rows) in checks.items()
        ]
        ended = {"started": started.isoformat(), "finished": started.isoformat(), "outcome": "landed", "error": None}
        row = {"run_id": f"r{number}", "table": table, "checks": found, **ended}
        _write(lake / f"quality_metrics/table={table}/{number}.json", json.dumps(row) + "\n")
    write_own_landing(lake, "landed", 40)
    for country in COUNTRIES:
        code = country.get("cca2") or country["codes"]["alpha_2"]
        _write(lake / f"countries/{code}.json", json.dumps(country, indent=2) + "\n")
    write_tables(lake)
    return lake


def write_run(lake: Path, number: int, run: dict[str, Any]) -> None:
    """Write a file of `ingest_runs` with one row."""
    ended = NOW - run["hours"] * HOUR
    row = {
        **dict.fromkeys(("rows_read", "inserted", "updated", "deleted", "quarantined", "rows_in_target", "error")),
        **{"mode": "load", "seconds": None, "run_id": f"r{number}", "pipeline_run_id": None, "notes": []},
        **{key: value for key, value in run.items() if key != "hours"},
        **{"started": (ended - HOUR / 60).isoformat(), "finished": ended.isoformat()},
    }
    _write(lake / f"ingest_runs/{ended:%Y%m%dT%H%M%SZ}_{number}.json", json.dumps(row) + "\n")


def write_own_landing(lake: Path, outcome: str, rows: int, number: int = 90) -> None:
    """Write what a notebook of one table left in earlier releases: a row of `quality_metrics` alone, of an hour ago."""
    times = {"started": (NOW - HOUR).isoformat(), "finished": (NOW - HOUR + HOUR / 720).isoformat()}
    row = {"run_id": f"own{number}", "table": "own_table", "outcome": outcome, "rows_landed": rows, "checks": []}
    _write(lake / f"quality_metrics/table=own_table/{number}.json", json.dumps(row | times | {"error": None}) + "\n")


def write_tables(lake: Path) -> None:
    """Write the tables of customers and products as Parquet."""
    moment = pa.timestamp("us", tz="UTC")
    created = [at and datetime(at.year, at.month, at.day, 12, tzinfo=UTC) for *_, at in CUSTOMERS]
    customers = {
        "CustomerId": pa.array(range(len(CUSTOMERS)), pa.int32()),
        "CountryCode": pa.array([code for code, *_ in CUSTOMERS], pa.string()),
        "IsActive": pa.array([active for _, active, *_ in CUSTOMERS], pa.bool_()),
        "CreditLimit": pa.array([limit and Decimal(limit) for *_, limit, _ in CUSTOMERS], pa.decimal128(12, 2)),
        "CreatedAt": pa.array(created, moment),
    }
    sku, category, currency, price, stock, discontinued = zip(*PRODUCTS, strict=True)
    products = {
        "ProductId": pa.array(range(len(PRODUCTS)), pa.int32()),
        "Sku": pa.array(sku, pa.string()),
        "Name": pa.array([f"The {one}" for one in sku], pa.string()),
        "Category": pa.array(category, pa.string()),
        "CurrencyCode": pa.array(currency, pa.string()),
        "UnitPrice": pa.array(map(Decimal, price), pa.decimal128(10, 2)),
        "StockQuantity": pa.array(stock, pa.int32()),
        "IsDiscontinued": pa.array(discontinued, pa.bool_()),
        "UpdatedAt": pa.array([NOW] * len(PRODUCTS), moment),
    }
    for folder, columns in (("customer_data", customers), ("product_data", products)):
        (lake / folder).mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), lake / folder / "part-0.zstd.parquet")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")

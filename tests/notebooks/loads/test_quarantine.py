"""Bad rows stay out of the table and are kept with their reasons; too many keep the old table. Nothing is lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fakes.derby import Derby
from fakes.workspace import Settings
from ingestion.loads.process_customers import process_customers
from support.lakes import every_row_is_accounted_for, leftovers, quarantined_rows, rows_found, run_metrics

Lines = Callable[[], list[dict[str, Any]]]
GOOD = "({}, 'zoe@example.com', 'IN', 1.5, TIMESTAMP('2026-11-01 00:00:00'), TIMESTAMP('2026-11-20 00:00:00'))"
BAD_EMAIL = GOOD.replace("@", " at ")
BAD_COUNTRY = GOOD.replace("'IN'", "'in'")
BAD_TWICE = BAD_EMAIL.replace("1.5", "-1.5")
UPDATED_EARLY = GOOD.replace("2026-11-20", "2026-10-20")
NO_KEY = GOOD.replace("{}", "CAST(NULL AS INT)")


@pytest.fixture
def workspace(derby: Derby, lake: Path) -> Settings:
    return Settings(environment={"LAKE_ROOT": str(lake), "SQL_URL": derby.url})


@pytest.fixture
def customers(derby: Derby, spark: SparkSession, workspace: Settings) -> Callable[..., str]:
    """Return a function that lands so many good customers and some further rows."""

    def land(good: int, *others: str) -> str:
        derby.drop("Customers")
        derby.execute(
            'CREATE TABLE Customers ("CustomerId" INT, "Email" VARCHAR(100), "CountryCode" CHAR(2), '
            '"CreditLimit" DECIMAL(12, 2), "CreatedAt" TIMESTAMP, "UpdatedAt" TIMESTAMP)'
        )
        rows = [GOOD.format(number) for number in range(1, good + 1)]
        rows += [row.format(10_000 + number) for number, row in enumerate(others)]
        derby.execute(f"INSERT INTO Customers VALUES {', '.join(rows)}")  # noqa: S608 - our own values
        return process_customers(spark, workspace.configuration())

    return land


def quarantined(spark: SparkSession, lake: Path) -> dict[int | None, list[str]]:
    rows = spark.read.parquet(str(lake / "quarantine" / "customer_data")).collect()
    return {row["CustomerId"]: row["_errors"] for row in rows}


def test_bad_rows_go_to_quarantine_with_their_reasons_and_the_good_ones_land(
    spark: SparkSession, customers: Callable[..., str], lake: Path, log_lines: Lines
) -> None:
    assert customers(600, BAD_EMAIL, BAD_COUNTRY, BAD_TWICE, UPDATED_EARLY, NO_KEY) == "600"
    landed = spark.read.parquet(str(lake / "customer_data"))
    assert landed.columns == ["CustomerId", "Email", "CountryCode", "CreditLimit", "CreatedAt", "UpdatedAt"]
    assert landed.count() == 600
    assert every_row_is_accounted_for(lake, "customer_data")
    is_email = r"Email matches [^@\s]+@[^@\s]+\.[^@\s]+"
    assert quarantined(spark, lake) == {
        10_000: [is_email],
        10_001: ["CountryCode matches [A-Z]{2}"],
        10_002: [is_email, "CreditLimit is at least 0"],
        10_003: ["UpdatedAt is not before CreatedAt"],
        None: ["CustomerId is not null"],
    }
    told = {line["error"]: (line["level"], line["rows"]) for line in log_lines() if line["step"] == "check"}
    assert told[f"{is_email}: not so in 2 of 605 rows"] == ("ERROR", 2)
    assert leftovers(lake) == []


def test_every_run_adds_its_metrics_to_a_table_of_the_lake(
    spark: SparkSession, derby: Derby, customers: Callable[..., str], lake: Path
) -> None:
    customers(600, BAD_EMAIL, BAD_TWICE)
    customers(500)
    customers(510, BAD_EMAIL, *[GOOD.replace("{}", "7")] * 9)
    customers(600, *[BAD_EMAIL] * 40)
    derby.drop("Customers")
    runs = run_metrics(lake, "customer_data")
    keys = ("outcome", "rows_read", "rows_landed", "rows_quarantined")
    assert [tuple(run[key] for key in keys) for run in runs] == [
        ("landed", 602, 600, 2),
        ("too few rows", None, 0, None),
        ("landed", 520, 509, 11),
        ("refused", 640, 0, 40),
    ]
    checks = {check["check"]: check for check in runs[0]["checks"]}
    assert checks["CreditLimit is at least 0"]["rows"] == 1
    assert checks["CustomerId is unique"] == {
        "check": "CustomerId is unique",
        "severity": "error",
        "rows": 0,
        "failure": None,
        "applied": True,
        "fits": True,
    }
    assert not checks["DateOfBirth is at least 1900-01-01"]["applied"]
    assert "40 of 640 rows" in runs[3]["error"]
    table = spark.read.json(str(lake / "quality_metrics"))
    assert table.where("table = 'customer_data' AND outcome = 'landed'").count() == 2


def test_too_many_bad_rows_keep_the_old_table_and_can_be_looked_at(
    spark: SparkSession, customers: Callable[..., str], lake: Path, log_lines: Lines
) -> None:
    assert customers(600) == "600"
    assert customers(608, *[BAD_EMAIL] * 33) == "-1"
    assert rows_found(lake / "customer_data") == 600
    assert len(quarantined(spark, lake)) == 33
    reason = log_lines()[-1]["error"]
    assert "33 of 641 rows (5.15%) are bad, more than the 5.00% that are allowed: Email matches" in reason
    assert f"They are in {lake}/quarantine/customer_data" in reason
    assert customers(608, *[BAD_EMAIL] * 32) == "608"


@pytest.mark.parametrize(("limit", "exit_value"), [("0", "-1"), ("0.1", "-1"), ("10 %", "600"), ("100", "600")])
def test_how_many_bad_rows_are_too_many_is_a_setting(
    limit: str, exit_value: str, workspace: Settings, customers: Callable[..., str]
) -> None:
    workspace.environment["QUARANTINE_LIMIT"] = limit
    assert customers(600, *[BAD_EMAIL] * 50) == exit_value


def test_all_rows_of_a_repeated_key_are_bad(spark: SparkSession, customers: Callable[..., str], lake: Path) -> None:
    seventh = [GOOD.replace("{}", "7")] * 2
    assert customers(600, *seventh, NO_KEY, NO_KEY, BAD_EMAIL.replace("{}", "8")) == "598"
    landed = spark.read.parquet(str(lake / "customer_data"))
    assert landed.count() == 598
    assert every_row_is_accounted_for(lake, "customer_data")
    assert landed.where("CustomerId IN (7, 8) OR CustomerId IS NULL").count() == 0
    rows = spark.read.parquet(str(lake / "quarantine" / "customer_data")).collect()
    reasons = sorted((row["CustomerId"] or 0, *row["_errors"]) for row in rows)
    is_email = r"Email matches [^@\s]+@[^@\s]+\.[^@\s]+"
    assert reasons == [
        (0, "CustomerId is not null"),
        (0, "CustomerId is not null"),
        *[(7, "CustomerId is unique")] * 3,
        (8, "CustomerId is unique"),
        (8, is_email, "CustomerId is unique"),
    ]


def test_the_bad_rows_of_every_run_are_kept_by_date_and_run(
    spark: SparkSession, customers: Callable[..., str], lake: Path
) -> None:
    began = datetime.now(UTC).date()
    customers(600, BAD_EMAIL)
    customers(600, BAD_COUNTRY, BAD_COUNTRY)
    customers(600)
    first, second, clean = (run["run_id"] for run in run_metrics(lake, "customer_data"))
    kept = spark.read.parquet(str(lake / "quarantine" / "customer_data"))
    assert {row["quarantined_by"]: row["count"] for row in kept.groupBy("quarantined_by").count().collect()} == {
        first: 1,
        second: 2,
    }
    days = {row[0] for row in kept.select("quarantined_on").distinct().collect()}
    assert days <= {began, datetime.now(UTC).date()}
    assert kept.where("_errors IS NULL").count() == 0
    assert quarantined_rows(lake, "customer_data", clean) == 0
    assert every_row_is_accounted_for(lake, "customer_data")
    assert leftovers(lake) == []


def test_bad_rows_of_more_than_thirty_days_ago_are_removed_once_a_day(
    workspace: Settings, customers: Callable[..., str], lake: Path
) -> None:
    today = datetime.now(UTC).date()
    # A day less than is kept: the test may run over midnight.
    kept = lake / "quarantine" / "customer_data" / f"quarantined_on={today - timedelta(days=29)}" / "quarantined_by=a"
    late = lake / "quarantine" / "customer_data" / f"quarantined_on={today - timedelta(days=31)}" / "quarantined_by=b"
    for folder in (kept, late):
        folder.mkdir(parents=True)
        (folder / "part-0.parquet").write_bytes(b"rows")
    assert customers(600) == "600"
    assert kept.exists()
    assert not late.parent.exists()
    workspace.environment["QUARANTINE_DAYS"] = "1"
    assert customers(600) == "600"
    assert kept.exists()
    assert customers(600, BAD_EMAIL) == "600"
    assert not kept.exists()
    assert quarantined_rows(lake, "customer_data") == 1


@pytest.mark.parametrize("days", ["0", "many", "-1", "1.5"])
def test_days_that_are_no_number_are_refused(
    days: str, workspace: Settings, customers: Callable[..., str], log_lines: Lines
) -> None:
    workspace.environment["QUARANTINE_DAYS"] = days
    assert customers(600) == "-1"
    assert "quarantine_days is" in log_lines()[-1]["error"]


def test_what_the_threshold_counts_is_the_good_rows(customers: Callable[..., str], lake: Path) -> None:
    assert customers(500, *[BAD_EMAIL] * 10) == "0"
    assert not (lake / "customer_data").exists()
    assert quarantined_rows(lake, "customer_data") == 10
    assert customers(501, *[BAD_EMAIL] * 10) == "501"


def test_a_table_of_bad_rows_alone_may_be_allowed_and_is_not_enough(
    workspace: Settings, customers: Callable[..., str], lake: Path
) -> None:
    workspace.environment["QUARANTINE_LIMIT"] = "100"
    assert customers(0, *[BAD_EMAIL] * 600) == "0"
    assert quarantined_rows(lake, "customer_data") == 600

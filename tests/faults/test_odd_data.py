"""Odd data in the source: what can be landed is, to the last digit; the rest fails clearly and replaces nothing."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from fakes.derby import Derby
from fakes.workspace import Settings
from ingestion.loads.process_products import process_products
from ingestion.platform.errors import QualityError, SchemaChangedError
from ingestion.sql import partitioning
from support.lakes import leftovers

Land = Callable[..., str]


@pytest.fixture(scope="module")
def source(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Derby:
    return Derby(spark, f"jdbc:derby:{tmp_path_factory.mktemp('odd') / 'source'};create=true")


@pytest.fixture
def land(spark: SparkSession, source: Derby, lake: Path, monkeypatch: pytest.MonkeyPatch) -> Land:
    """Return a function that makes the table Products, and lands it, a few rows a connection."""
    monkeypatch.setattr(partitioning, "_ROWS_PER_PARTITION", 2)

    def process(columns: str, *rows: str, then: Sequence[str] = ()) -> str:
        source.drop("Products")
        source.execute(f"CREATE TABLE Products ({columns})")
        if rows:
            source.execute(f"INSERT INTO Products VALUES {', '.join(rows)}")  # noqa: S608 - our own values
        source.execute(*then)
        settings = Settings({"customer_count": "601"}, {"LAKE_ROOT": str(lake), "SQL_URL": source.url})
        return process_products(spark, settings.configuration())

    return process


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def landed(spark: SparkSession, lake: Path) -> Callable[[], DataFrame]:
    return lambda: spark.read.parquet(str(lake / "product_data"))


def test_keys_may_be_negative_huge_and_far_apart(land: Land, landed: Callable[[], DataFrame], lake: Path) -> None:
    keys = [-(2**63), -(2**63) + 1, -7, 0, 1, 2, 3, 4, 5, 2**40, 2**63 - 2, 2**63 - 1]
    assert land('"ProductId" BIGINT', *(f"({key})" for key in keys)) == str(len(keys))
    assert sorted(row["ProductId"] for row in landed().collect()) == keys
    assert leftovers(lake) == []


def test_keys_may_be_decimals_longer_than_any_integer(land: Land, landed: Callable[[], DataFrame]) -> None:
    keys = [-(10**31) + 1, 0, 5, 6, 10**31 - 1]
    assert land('"ProductId" DECIMAL(31, 0)', *(f"({key}.)" for key in keys)) == str(len(keys))
    assert sorted(int(row["ProductId"]) for row in landed().collect()) == keys


def test_rows_without_a_key_are_read_once_and_kept_out(land: Land, landed: Callable[[], DataFrame], lake: Path) -> None:
    numbers = [f"({number}, 'x')" for number in range(200)]
    assert land('"ProductId" INT, "Name" VARCHAR(9)', *numbers, "(NULL, 'y')", "(NULL, 'z')") == "200"
    assert landed().where("ProductId IS NULL").count() == 0
    kept = landed().sparkSession.read.parquet(str(lake / "quarantine" / "product_data"))
    assert sorted((row["Name"], *row["_errors"]) for row in kept.collect()) == [
        ("y", "ProductId is not null"),
        ("z", "ProductId is not null"),
    ]


def test_decimals_dates_and_moments_at_their_limits_keep_every_digit(
    land: Land, landed: Callable[[], DataFrame]
) -> None:
    columns = '"ProductId" INT, "Small" DECIMAL(31, 31), "Large" DECIMAL(31, 0), "Day" DATE, "Moment" TIMESTAMP'
    least = f"(1, -0.{'9' * 31}, -{'9' * 31}., DATE('0001-01-01'), TIMESTAMP('0001-01-01 00:00:00'))"
    most = f"(2, 0.{'9' * 31}, {'9' * 31}., DATE('9999-12-31'), TIMESTAMP('9999-12-31 23:59:59.999999'))"
    assert land(columns, least, most, "(3, NULL, NULL, NULL, NULL)") == "3"
    rows = [tuple(row) for row in landed().orderBy("ProductId").collect()]
    small, large = Decimal(f"0.{'9' * 31}"), Decimal("9" * 31)
    assert rows == [
        (1, small.copy_negate(), large.copy_negate(), date(1, 1, 1), datetime(1, 1, 1)),
        (2, small, large, date(9999, 12, 31), datetime(9999, 12, 31, 23, 59, 59, 999999)),
        (3, None, None, None, None),
    ]


def test_texts_of_every_script_arrive_whole(land: Land, landed: Callable[[], DataFrame]) -> None:
    texts = [
        "",
        " ",
        "Zoë 陈 प्रिया",
        "👩‍👩‍👧",
        "\u202eright to left",
        "a\tb\nc\r\n",
        "it's \" \\ `",
        "NULL",
        "\ufeffbom",
    ]
    rows = [f"({number}, '{text.replace(chr(39), chr(39) * 2)}')" for number, text in enumerate(texts)]
    assert land('"ProductId" INT, "Description" VARCHAR(99)', *rows) == str(len(texts))
    assert [row["Description"] for row in landed().orderBy("ProductId").collect()] == texts


def test_a_text_of_ten_megabytes_arrives_whole(land: Land, landed: Callable[[], DataFrame]) -> None:
    # The database makes it longer than any statement could be.
    double = 'UPDATE Products SET "Description" = "Description" || "Description"'
    assert land('"ProductId" INT, "Description" CLOB(20M)', f"(1, '{'é' * 10_000}')", then=[double] * 10) == "1"
    (row,) = landed().collect()
    assert row["Description"] == "é" * 10_000 * 2**10


def test_a_table_of_a_thousand_columns_is_landed(land: Land, landed: Callable[[], DataFrame]) -> None:
    columns = ", ".join(f'"C{number}" INT' for number in range(1, 1000))
    row = f"({', '.join(map(str, range(1000)))})"
    assert land(f'"ProductId" INT, {columns}', row) == "1"
    assert tuple(landed().collect()[0]) == tuple(range(1000))


def test_names_of_columns_may_be_any(land: Land, landed: Callable[[], DataFrame]) -> None:
    names = ["ProductId", "a.b", "with blank", "é", "COUNT(*)", "select", "back`tick", "_errors", "rows"]
    columns = ", ".join(f'"{name}" INT' for name in names)
    assert land(columns, f"({', '.join(map(str, range(len(names))))})") == "1"
    assert landed().columns == names


def test_a_column_that_was_renamed_is_refused_until_that_is_allowed(
    land: Land, landed: Callable[[], DataFrame], spark: SparkSession, source: Derby, lake: Path
) -> None:
    assert land('"ProductId" INT, "Name" VARCHAR(9)', "(1, 'x')") == "1"
    with pytest.raises(SchemaChangedError, match=r"column Name \(string\) vanished"):
        land('"ProductId" INT, "Title" VARCHAR(9)', "(1, 'x')")
    assert landed().columns == ["ProductId", "Name"]
    environment = {"LAKE_ROOT": str(lake), "SQL_URL": source.url, "SCHEMA_CHANGE": "allow"}
    settings = Settings({"customer_count": "601"}, environment)
    assert process_products(spark, settings.configuration()) == "1"
    assert landed().columns == ["ProductId", "Title"]


@pytest.mark.parametrize(
    ("values", "reason"), [("(-1.5)", "UnitPrice is at least 0"), ("(NULL)", "UnitPrice is not null")]
)
def test_one_bad_product_of_one_is_too_many(values: str, reason: str, land: Land, lake: Path) -> None:
    with pytest.raises(QualityError, match=rf"1 of 1 rows \(100.00%\) are bad.*{reason}"):
        land('"UnitPrice" DECIMAL(9, 2)', values)
    assert not (lake / "product_data").exists()
    assert leftovers(lake) == []


def test_columns_of_the_quarantines_own_names_are_kept_and_its_own_give_way(
    land: Land, landed: Callable[[], DataFrame], lake: Path
) -> None:
    columns = '"ProductId" INT, "_errors" VARCHAR(9), "_PASSED" INT'
    good = [f"({number}, 'x', 0)" for number in range(40)]
    assert land(columns, *good, "(NULL, 'y', 1)") == "40"
    assert landed().columns == ["ProductId", "_errors", "_PASSED"]
    (kept,) = landed().sparkSession.read.parquet(str(lake / "quarantine" / "product_data")).collect()
    assert (kept["_errors"], kept["_PASSED"], kept["__errors"]) == ("y", 1, ["ProductId is not null"])


def test_a_year_of_five_digits_is_told_and_stops_nothing(
    land: Land, landed: Callable[[], DataFrame], capsys: pytest.CaptureFixture[str]
) -> None:
    assert land('"ProductId" INT, "UpdatedAt" TIMESTAMP', "(1, TIMESTAMP('9999-12-31 23:59:59'))") == "1"
    assert (
        "the newest UpdatedAt is of the last 30 days: it is 9999-12-31 23:59 UTC, in the future"
        in capsys.readouterr().out
    )


def test_a_check_that_a_columns_type_cannot_keep_is_not_applied_and_told(
    land: Land, landed: Callable[[], DataFrame], capsys: pytest.CaptureFixture[str]
) -> None:
    assert land('"ProductId" INT, "UnitPrice" VARCHAR(9)', "(1, '12.50')", "(2, 'free')") == "2"
    assert "not applied to columns of other types: UnitPrice is at least 0" in capsys.readouterr().out

"""Databases as they are: what is in them is found, divided and read to the last digit, or refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from fakes.derby import Derby, driver_manager
from fakes.postgres import Postgres
from fakes.workspace import Settings
from ingestion.loads.process_customers import process_customers
from ingestion.loads.process_products import process_products
from ingestion.platform.errors import SourceError
from ingestion.platform.key_range import KeyRange
from ingestion.sql.database import Extent, SqlDatabase

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def locked(spark: SparkSession, tmp_path: Path) -> Derby:
    """Return a database that gives up waiting for a lock after a second, as a transient error."""
    database = Derby(spark, f"jdbc:derby:{tmp_path / 'locked'};create=true")
    database.execute("CALL SYSCS_UTIL.SYSCS_SET_DATABASE_PROPERTY('derby.locks.waitTimeout', '1')")
    return database


@pytest.mark.parametrize("table", ["Customers", "Products"])
def test_a_table_that_is_locked_for_a_while_is_landed_after_all(
    table: str, spark: SparkSession, locked: Derby, lake: Path, log_lines: Lines
) -> None:
    locked.create(table, 601)
    connection = driver_manager().getConnection(locked.url)
    connection.setAutoCommit(False)
    connection.createStatement().execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
    waits: list[float] = []

    def wait_until_released(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            connection.rollback()
            connection.close()

    environment = {"LAKE_ROOT": str(lake), "SQL_URL": locked.url}
    settings = Settings(environment=environment, widgets={"customer_count": "601"})
    process = process_customers if table == "Customers" else process_products
    assert process(spark, settings.configuration(), sleep=wait_until_released) == "601"
    retries = [line for line in log_lines() if line["step"] == "retry"]
    assert [line["level"] for line in retries] == ["WARNING", "WARNING"]
    assert all("lock could not be obtained" in line["error"] for line in retries)


def test_an_unknown_table_fails_at_once_with_the_databases_own_words(
    spark: SparkSession, locked: Derby, lake: Path
) -> None:
    waits: list[float] = []
    environment = {"LAKE_ROOT": str(lake), "SQL_URL": locked.url}
    settings = Settings(environment=environment, widgets={"customer_count": "601"})
    with pytest.raises(SourceError, match=r"Products.* does not exist"):
        process_products(spark, settings.configuration(), sleep=waits.append)
    assert waits == []


@pytest.fixture
def database(spark: SparkSession, derby: Derby) -> SqlDatabase:
    return SqlDatabase(spark, derby.url, dict)


def measure(database: SqlDatabase, table: str, key: str | None = None) -> Extent:
    return database.measure(database.describe(table), key)


def read(database: SqlDatabase, table: str, extent: Extent, connections: int = 1) -> DataFrame:
    return database.read(database.describe(table), extent, connections)


def connections_of(frame: DataFrame) -> int:
    return frame.select(F.spark_partition_id()).distinct().count()


def keys_by_connection(database: SqlDatabase, extent: Extent, connections: int) -> list[list[int]]:
    """Return which keys each connection reads."""
    table = database.describe("Keyed")
    rows = database.read(table, extent, connections).select("Id", F.spark_partition_id().alias("part")).collect()
    keys: dict[int, list[int]] = {}
    for row in rows:
        keys.setdefault(row["part"], []).append(row["Id"])
    return list(keys.values())


@pytest.fixture
def keyed(derby: Derby) -> Callable[..., None]:
    """Return a function that makes the table Keyed with these keys."""

    def create(*keys: object) -> None:
        derby.drop("Keyed")
        derby.execute('CREATE TABLE Keyed ("Id" BIGINT)')
        derby.execute(f"INSERT INTO Keyed VALUES {', '.join(f'({key})' for key in keys)}")

    return create


def test_one_query_tells_rows_and_ends_of_the_key_in_any_case(
    database: SqlDatabase, keyed: Callable[..., None]
) -> None:
    keyed(-5, 7, "NULL", 2**63 - 1)
    assert measure(database, "Keyed", "ID") == Extent("Id", KeyRange(4, -5, 2**63 - 1))
    assert measure(database, "Keyed", "Other") == Extent(None, KeyRange(4, None, None))


def test_a_key_that_is_no_whole_number_divides_nothing_on_a_database_whose_hash_is_not_known(
    database: SqlDatabase, derby: Derby
) -> None:
    derby.create("Customers", 10)
    extent = measure(database, "Customers", "full name")
    assert extent == Extent("Full Name", KeyRange(10, None, None))
    assert connections_of(read(database, "Customers", extent, 4)) == 1


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("TEXT", "'Zoë ' || n"),
        ("UUID", "gen_random_uuid()"),
        ("NUMERIC(20, 3)", "n / 7.0"),
        ("TIMESTAMPTZ", "now() + n * INTERVAL '1 day'"),
    ],
)
def test_on_postgresql_a_key_of_another_kind_divides_by_its_hash_and_each_row_is_read_once(
    spark: SparkSession, postgres: Postgres, kind: str, key: str
) -> None:
    postgres.drop("hashed")
    rows_of_which_three_have_no_key = f"SELECT n, CASE WHEN n > 3 THEN {key} END FROM generate_series(1, 400) n"
    postgres.execute(
        f'CREATE TABLE hashed ("Id" INT, "The Key" {kind})',
        f"INSERT INTO hashed {rows_of_which_three_have_no_key}",
    )
    database = SqlDatabase(spark, postgres.url, lambda: {"user": postgres.user, "password": postgres.password})
    extent = measure(database, "hashed", "the key")
    rows = read(database, "hashed", extent, 3).select("Id", F.spark_partition_id().alias("part")).collect()
    assert sorted(row["Id"] for row in rows) == list(range(1, 401))
    parts = [row["part"] for row in rows]
    assert min(parts.count(part) for part in range(3)) > 80
    assert read(database, "hashed", extent, 1).count() == 400


def test_a_column_whose_type_changes_between_two_parts_of_one_read_is_noticed(
    spark: SparkSession, postgres: Postgres
) -> None:
    postgres.drop("changing")
    postgres.execute(
        "CREATE TABLE changing (id INT PRIMARY KEY, amount INT)", "INSERT INTO changing VALUES (1, 10), (2, 20)"
    )
    database = SqlDatabase(spark, postgres.url, lambda: {"user": postgres.user, "password": postgres.password})
    table = database.describe("changing")
    first, second = (database.read_part(table, f"id = {number}", (), 1, rows=1) for number in (1, 2))
    assert [tuple(row) for row in first.collect()] == [(1, 10)]
    database.check_columns(table)
    postgres.execute("ALTER TABLE changing ALTER amount TYPE NUMERIC(10, 2)", "UPDATE changing SET amount = 20.75")
    assert [tuple(row) for row in second.collect()] == [(2, 20)], "the driver cuts it off, and says nothing"
    with pytest.raises(SourceError, match=r"changing: columns changed .*amount was int, is decimal\(10,2\)"):
        database.check_columns(table)
    postgres.execute("ALTER TABLE changing DROP amount")
    with pytest.raises(SourceError, match="has no column amount"):
        database.check_columns(table)


def test_a_key_without_a_value_divides_nothing(database: SqlDatabase, keyed: Callable[..., None]) -> None:
    keyed("NULL", "NULL")
    assert connections_of(read(database, "Keyed", measure(database, "Keyed", "Id"), 4)) == 1


def test_a_table_is_divided_among_its_connections_and_each_row_is_read_once(
    database: SqlDatabase, keyed: Callable[..., None]
) -> None:
    keyed(*range(1, 401), "NULL", "NULL")
    parts = keys_by_connection(database, measure(database, "Keyed", "Id"), 4)
    assert sorted(len(part) for part in parts) == [100, 100, 100, 102]
    assert sorted(key or 0 for part in parts for key in part) == [0, 0, *range(1, 401)]


def test_one_far_key_leaves_no_connection_with_most_of_the_rows(
    database: SqlDatabase, keyed: Callable[..., None]
) -> None:
    keyed(*range(1, 400), 2**62)
    parts = keys_by_connection(database, measure(database, "Keyed", "Id"), 4)
    assert sum(len(part) for part in parts) == 400
    assert max(len(part) for part in parts) <= 200


def test_rows_that_came_after_the_count_are_read_too(database: SqlDatabase, keyed: Callable[..., None]) -> None:
    keyed(*range(1, 11))
    extent = measure(database, "Keyed", "Id")
    keyed(*range(-10, 30))
    assert sorted(key for part in keys_by_connection(database, extent, 3) for key in part) == list(range(-10, 30))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_a_moment_without_a_zone_is_what_the_database_shows_in_every_zone_and_century(
    zone: str, spark: SparkSession, derby: Derby
) -> None:
    moments = ["0001-01-01 00:00:00", "1500-03-01 12:00:00", "2026-03-29 02:30:00.123456", "9999-12-31 23:59:59.999999"]
    values = ", ".join(f"TIMESTAMP('{moment}')" for moment in moments)
    derby.drop("Keyed")
    derby.execute('CREATE TABLE Keyed ("At" TIMESTAMP)')
    derby.execute(f"INSERT INTO Keyed VALUES {values}")
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        database = SqlDatabase(spark, derby.url, dict)
        table = read(database, "Keyed", measure(database, "Keyed", "Id"))
        assert table.dtypes == [("At", "timestamp_ntz")]
        assert sorted(row[0] for row in table.select(F.col("At").cast("string")).collect()) == moments
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")

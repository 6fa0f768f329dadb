"""The method `cursor` on real servers: what a window holds, where it ends, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from fakes.derby import Derby
from fakes.mariadb import MariaDb
from fakes.postgres import Postgres
from ingestion.feeds.model import TableIncremental
from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window
from ingestion.platform.errors import InvalidSettingError, PositionLostError, SourceError
from ingestion.sql.database import SqlDatabase
from ingestion.sql.methods.cursor import Cursor

BY_TIME = TableIncremental(method="cursor", cursor_column="at", on_null="include")


@pytest.fixture(scope="module")
def database(spark: SparkSession, postgres: Postgres) -> SqlDatabase:
    return SqlDatabase(spark, postgres.url, lambda: {"user": postgres.user, "password": postgres.password})


@pytest.fixture(scope="module")
def writer(postgres: Postgres) -> Iterator[psycopg.Connection[Any]]:
    address = {"host": "127.0.0.1", "port": postgres.port, "dbname": postgres.database}
    with psycopg.connect(**address, user=postgres.user, password=postgres.password, autocommit=True) as connection:
        yield connection


@pytest.fixture
def orders(writer: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Make the table `orders` anew, with three rows of one moment and one later."""
    writer.execute("DROP TABLE IF EXISTS orders")
    writer.execute("CREATE TABLE orders (id INT PRIMARY KEY, at TIMESTAMP(6), day DATE, word TEXT)")
    writer.execute(
        "INSERT INTO orders SELECT n, TIMESTAMP '2026-03-01 10:00:00.123456' + (n / 4) * INTERVAL '1 hour', "
        "DATE '2026-03-01' + n / 4, 'w' || n FROM generate_series(1, 4) n"
    )
    return writer


def cursor(database: SqlDatabase, incremental: TableIncremental = BY_TIME, **more: Any) -> Cursor:
    return Cursor(database, database.describe("orders"), ("id",), incremental=incremental, **more)


def window(reach: Reach, start: str | None = None, number: int = 1) -> Window:
    return Window(number, start, reach.end, pinned=reach.pinned)


def ids(changes: Changes) -> list[int]:
    return sorted(row["id"] for row in changes.frame.select("id").collect())


def test_a_first_window_is_all_and_the_next_one_what_ties_with_its_end_or_is_newer(
    database: SqlDatabase, orders: psycopg.Connection[Any]
) -> None:
    reach = cursor(database).now(None)
    assert reach.end == "2026-03-01 11:00:00.123456"
    assert reach.clock
    assert abs(reach.clock - datetime.now(UTC)) < timedelta(minutes=5)
    assert ids(cursor(database).changes(window(reach))) == [1, 2, 3, 4]
    orders.execute("INSERT INTO orders VALUES (5, '2026-03-01 11:00:00.123456'), (6, '2026-03-01 11:00:00.123457')")
    following = cursor(database).now(reach.end)
    changes = cursor(database).changes(window(following, reach.end, 2))
    assert ids(changes) == [4, 5, 6]
    assert changes.again
    assert {row["id"]: row[changes.again] for row in changes.frame.collect()} == {4: False, 5: False, 6: True}


def test_rows_that_come_after_the_end_was_asked_for_belong_to_the_next_window(
    database: SqlDatabase, orders: psycopg.Connection[Any]
) -> None:
    reach = cursor(database).now(None)
    orders.execute("UPDATE orders SET at = '2026-03-02' WHERE id = 1")
    assert ids(cursor(database).changes(window(reach))) == [2, 3, 4]
    following = cursor(database).now(reach.end)
    assert ids(cursor(database).changes(window(following, reach.end, 2))) == [1, 4]


def test_a_late_commit_is_read_within_lookback_and_lost_without(
    database: SqlDatabase, orders: psycopg.Connection[Any]
) -> None:
    reach = cursor(database).now(None)
    orders.execute("INSERT INTO orders VALUES (9, TIMESTAMP '2026-03-01 10:45:00.123456')")
    following = window(cursor(database).now(reach.end), reach.end, 2)
    assert ids(cursor(database).changes(following)) == [4]
    assert ids(cursor(database, replace(BY_TIME, lookback=timedelta(minutes=15))).changes(following)) == [4, 9]
    assert ids(cursor(database, replace(BY_TIME, lookback=timedelta(seconds=899))).changes(following)) == [4]


def test_what_is_known_to_be_whole_ends_lookback_before_the_databases_clock(
    database: SqlDatabase, orders: psycopg.Connection[Any]
) -> None:
    reach = cursor(database, replace(BY_TIME, lookback=timedelta(hours=1))).now(None)
    assert reach.clock
    assert reach.complete_until == reach.clock - timedelta(hours=1)
    assert cursor(database).now(None).complete_until is None


def test_deleted_newest_rows_do_not_take_the_position_back(
    database: SqlDatabase, orders: psycopg.Connection[Any]
) -> None:
    reach = cursor(database).now(None)
    orders.execute("DELETE FROM orders WHERE id = 4")
    assert reach.end
    assert cursor(database).now(reach.end).end == reach.end
    cursor(database).check(reach.end, cursor(database).identity())


def test_a_cursor_in_the_future_fails_is_left_out_or_read_and_never_is_the_position(
    database: SqlDatabase, orders: psycopg.Connection[Any]
) -> None:
    orders.execute("INSERT INTO orders VALUES (7, LOCALTIMESTAMP + INTERVAL '2 days'), (8, 'infinity')")
    with pytest.raises(SourceError, match="2 rows whose at is later than the database's own clock"):
        cursor(database).now(None)
    orders.execute("DELETE FROM orders WHERE id = 8")
    skipping = cursor(database, replace(BY_TIME, on_future="skip"))
    reach = skipping.now(None)
    assert reach.end == "2026-03-01 11:00:00.123456"
    assert ids(skipping.changes(window(reach))) == [1, 2, 3, 4]
    assert "1 rows" in reach.pinned["notes"][0]
    including = cursor(database, replace(BY_TIME, on_future="include"))
    reach = including.now(None)
    assert reach.end == "2026-03-01 11:00:00.123456"
    assert ids(including.changes(window(reach))) == [1, 2, 3, 4, 7]
    assert ids(including.changes(window(including.now(reach.end), reach.end, 2))) == [4, 7]


def test_null_is_read_each_time_left_out_or_fails(database: SqlDatabase, orders: psycopg.Connection[Any]) -> None:
    orders.execute("INSERT INTO orders VALUES (7, NULL)")
    reach = cursor(database).now(None)
    assert ids(cursor(database).changes(window(reach))) == [1, 2, 3, 4, 7]
    assert ids(cursor(database).changes(window(reach, reach.end, 2))) == [4, 7]
    skipping = cursor(database, replace(BY_TIME, on_null="skip"))
    assert ids(skipping.changes(window(skipping.now(None)))) == [1, 2, 3, 4]
    assert skipping.now(None).pinned["notes"] == ["1 rows whose at is NULL were left out"]
    with pytest.raises(SourceError, match="1 rows have NULL in at"):
        cursor(database, replace(BY_TIME, on_null="fail")).now(reach.end)


def test_rows_that_are_all_null_are_read_although_there_is_no_position(
    database: SqlDatabase, orders: psycopg.Connection[Any]
) -> None:
    orders.execute("UPDATE orders SET at = NULL")
    reach = cursor(database).now(None)
    assert reach.end is None
    assert ids(cursor(database).changes(window(reach))) == [1, 2, 3, 4]


def test_the_first_load_begins_with_the_initial_value_and_lookback_does_not_go_below_it(
    database: SqlDatabase, orders: psycopg.Connection[Any]
) -> None:
    since = datetime(2026, 3, 1, 11, 0, 0, 123456)
    later = cursor(database, replace(BY_TIME, initial_value=since, lookback=timedelta(days=1)))
    reach = later.now(None)
    assert ids(later.changes(window(reach))) == [4]
    assert ids(later.changes(window(reach, reach.end, 2))) == [4]


def test_without_a_key_windows_do_not_overlap_and_a_cursor_that_repeats_is_refused(
    database: SqlDatabase, orders: psycopg.Connection[Any]
) -> None:
    by_id = TableIncremental(method="cursor", cursor_column="id", on_null="fail")
    appending = cursor(database, by_id, is_open=True)
    reach = appending.now(None)
    assert reach.end == "4"
    assert ids(appending.changes(window(reach))) == [1, 2, 3, 4]
    orders.execute("INSERT INTO orders VALUES (5), (6)")
    assert ids(appending.changes(window(appending.now("4"), "4", 2))) == [5, 6]
    by_time = cursor(database, replace(BY_TIME, on_null="skip"), is_open=True)
    with pytest.raises(SourceError, match="at has one value in 3 rows, and append without a key"):
        by_time.changes(window(by_time.now(None)))
    orders.execute("DELETE FROM orders WHERE id IN (2, 3)")
    orders.execute("INSERT INTO orders VALUES (7, '2026-03-01 11:00:00.123456')")
    start = "2026-03-01 11:00:00.123456"
    with pytest.raises(SourceError, match="at has one value in 2 rows"):
        by_time.changes(window(by_time.now(start), start, 2))


@pytest.mark.parametrize(("column", "start", "found"), [("day", "2026-03-01", [1, 2, 3, 4]), ("word", "w3", [3, 4])])
def test_days_and_texts_are_cursors_too(
    database: SqlDatabase, orders: psycopg.Connection[Any], column: str, start: str, found: list[int]
) -> None:
    by_column = cursor(database, replace(BY_TIME, cursor_column=column))
    assert ids(by_column.changes(window(by_column.now(start), start, 2))) == found


def test_a_backfill_is_half_open(database: SqlDatabase, orders: psycopg.Connection[Any]) -> None:
    made = cursor(database, replace(BY_TIME, lookback=timedelta(days=1)))
    low, high = made.at("2026-03-01T10:00:00.123456Z"), made.at("2026-03-01T11:00:00.123456Z")
    assert ids(made.changes(Window(3, low, high, half_open=True))) == [1, 2, 3]
    with pytest.raises(InvalidSettingError, match="is no moment"):
        made.at("soon")


def test_a_window_is_read_over_several_connections(database: SqlDatabase, orders: psycopg.Connection[Any]) -> None:
    orders.execute("INSERT INTO orders SELECT n, TIMESTAMP '2026-03-02' FROM generate_series(10, 250000) n")
    made = cursor(database, connections=2)
    changes = made.changes(window(made.now(None)))
    assert changes.frame.select(F.spark_partition_id()).distinct().count() == 2
    assert changes.frame.count() == 249_995


def test_another_table_of_the_name_is_not_the_one_it_was(
    database: SqlDatabase, orders: psycopg.Connection[Any]
) -> None:
    before = cursor(database).identity()
    assert {"server_id", "database_id", "table_id"} == set(before)
    orders.execute("ALTER TABLE orders RENAME TO earlier")
    orders.execute("CREATE TABLE orders (LIKE earlier INCLUDING ALL)")
    orders.execute("DROP TABLE earlier")
    with pytest.raises(PositionLostError, match=r"is not the one it was: table_id was .* mode reload"):
        cursor(database).check("2026-03-01 11:00:00.123456", before)


def test_a_view_is_read_as_a_table_is(spark: SparkSession, postgres: Postgres, orders: psycopg.Connection[Any]) -> None:
    orders.execute("CREATE VIEW recent AS SELECT * FROM orders WHERE id > 1")
    # The tables of a database are asked for once.
    database = SqlDatabase(spark, postgres.url, lambda: {"user": postgres.user, "password": postgres.password})
    try:
        made = Cursor(database, database.describe("recent"), ("id",), incremental=BY_TIME)
        reach = made.now(None)
        assert ids(made.changes(window(reach))) == [2, 3, 4]
        made.check(str(reach.end), made.identity())
    finally:
        orders.execute("DROP VIEW recent")


def test_a_reader_without_rights_is_told_what_may_be_asked(
    spark: SparkSession, database: SqlDatabase, postgres: Postgres, orders: psycopg.Connection[Any]
) -> None:
    whole = database.identity("orders")
    orders.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    orders.execute("DROP ROLE IF EXISTS reader")
    orders.execute("CREATE ROLE reader LOGIN PASSWORD 'x'")
    orders.execute("GRANT SELECT ON orders TO reader")
    reader = SqlDatabase(spark, postgres.url, lambda: {"user": "reader", "password": "x"})
    assert reader.identity("orders") == {name: fact for name, fact in whole.items() if name != "server_id"}
    made = Cursor(reader, reader.describe("orders"), ("id",), incremental=BY_TIME)
    made.check("2026-03-01 11:00:00.123456", whole)
    orders.execute("REVOKE ALL ON orders FROM reader")


def test_a_cursor_column_of_another_type_is_another_one(database: SqlDatabase, orders: psycopg.Connection[Any]) -> None:
    before = cursor(database).identity()
    orders.execute("ALTER TABLE orders ALTER COLUMN at TYPE BIGINT USING 7")
    with pytest.raises(PositionLostError, match="is no position of a cursor that is a number"):
        cursor(database).check("2026-03-01 11:00:00.123456", before)


@pytest.mark.parametrize(
    ("incremental", "way_out"),
    [
        (replace(BY_TIME, cursor_column="att"), "has no column att. Did you mean 'at'?"),
        (replace(BY_TIME, cursor_column="id", lookback=timedelta(1)), "lookback is a span of time, and id is of type"),
        (replace(BY_TIME, cursor_column="doc"), "doc is of type json, which is no cursor"),
    ],
)
def test_what_is_no_cursor_is_refused(
    database: SqlDatabase, orders: psycopg.Connection[Any], incremental: TableIncremental, way_out: str
) -> None:
    orders.execute("ALTER TABLE orders ADD COLUMN doc JSON")
    with pytest.raises(SourceError) as refused:
        cursor(database, incremental).now(None)
    assert way_out in str(refused.value)


def test_on_mariadb_windows_are_the_same(spark: SparkSession, mariadb: MariaDb) -> None:
    mariadb.execute(
        "CREATE OR REPLACE TABLE orders (id INT PRIMARY KEY, at TIMESTAMP(6) NULL, local DATETIME(6)); "
        "INSERT INTO orders VALUES (1, '2026-03-01 10:00:00.123456', '2026-03-01 10:00:00.123456'), "
        "(2, '2026-03-01 10:00:00.123457', '2026-03-01 10:00:00.123457'), (3, NULL, NULL)"
    )
    database = SqlDatabase(spark, mariadb.url, lambda: {"user": mariadb.user, "password": mariadb.password})
    for column in ("at", "local"):
        made = cursor(database, replace(BY_TIME, cursor_column=column, lookback=timedelta(seconds=0)))
        reach = made.now(None)
        assert str(reach.end).startswith("2026-03-01 10:00:00.123457")
        assert ids(made.changes(window(reach))) == [1, 2, 3]
        assert ids(made.changes(window(made.now(reach.end), reach.end, 2))) == [2, 3]
        made.check(str(reach.end), made.identity())
    mariadb.execute("INSERT INTO orders VALUES (4, NOW(6) + INTERVAL 1 DAY, NOW(6) + INTERVAL 2 DAY)")
    for column in ("at", "local"):
        with pytest.raises(SourceError, match="1 rows whose"):
            cursor(database, replace(BY_TIME, cursor_column=column)).now(None)


def test_on_derby_windows_are_the_same(spark: SparkSession, derby: Derby) -> None:
    derby.drop("orders")
    derby.execute('CREATE TABLE orders ("id" INT PRIMARY KEY, "at" TIMESTAMP)')
    derby.execute(
        "INSERT INTO orders VALUES (1, TIMESTAMP('2026-03-01 10:00:00.123456')), "
        "(2, TIMESTAMP('2026-03-01 10:15:00.123456'))"
    )
    database = SqlDatabase(spark, derby.url, dict)
    made = cursor(database, replace(BY_TIME, lookback=timedelta(minutes=15)))
    reach = made.now(None)
    assert reach.end == "2026-03-01 10:15:00.123456"
    assert ids(made.changes(window(made.now(reach.end), reach.end, 2))) == [1, 2]
    before = made.identity()
    derby.execute("INSERT INTO orders VALUES (3, {fn TIMESTAMPADD(SQL_TSI_DAY, 2, CURRENT_TIMESTAMP)})")
    with pytest.raises(SourceError, match="1 rows whose at is later"):
        made.now(None)
    derby.drop("orders")
    derby.execute('CREATE TABLE orders ("id" INT PRIMARY KEY, "at" TIMESTAMP)')
    with pytest.raises(PositionLostError, match="is not the one it was"):
        cursor(database).check(str(reach.end), before)

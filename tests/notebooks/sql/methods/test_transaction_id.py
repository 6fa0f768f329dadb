"""The method `transaction_id` on PostgreSQL: nothing that commits late is lost, and nothing is read twice."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pyspark.sql import SparkSession

from fakes.postgres import Postgres
from ingestion.feeds.model import TableIncremental
from ingestion.lake.journal import Window
from ingestion.platform.errors import PositionLostError, SourceError
from ingestion.sql.database import SqlDatabase
from ingestion.sql.methods.transaction_id import TransactionId

BY_TRANSACTION = TableIncremental(method="transaction_id", cursor_column="tx")


@pytest.fixture
def writer(postgres: Postgres) -> Iterator[psycopg.Connection[Any]]:
    with connect(postgres) as connection:
        connection.autocommit = True
        connection.execute("DROP TABLE IF EXISTS events")
        connection.execute("CREATE TABLE events (id INT PRIMARY KEY, tx XID8 DEFAULT pg_current_xact_id())")
        connection.execute("INSERT INTO events VALUES (1), (2)")
        connection.execute("INSERT INTO events VALUES (3, NULL)")
        yield connection


def connect(postgres: Postgres) -> psycopg.Connection[Any]:
    address = {"host": "127.0.0.1", "port": postgres.port, "dbname": postgres.database}
    return psycopg.connect(**address, user=postgres.user, password=postgres.password)


@pytest.fixture
def method(spark: SparkSession, postgres: Postgres, writer: psycopg.Connection[Any]) -> TransactionId:
    database = SqlDatabase(spark, postgres.url, lambda: {"user": postgres.user, "password": postgres.password})
    return TransactionId(database, database.describe("events"), ("id",), incremental=BY_TRANSACTION)


def read(method: TransactionId, start: str | None) -> tuple[str, list[int]]:
    """Return where a window ends, and its rows' keys."""
    reach = method.now(start)
    changes = method.changes(Window(1, start, reach.end))
    assert reach.end is not None
    return reach.end, sorted(row["id"] for row in changes.frame.collect())


def test_a_slow_transaction_is_read_once_it_is_done_and_the_faster_ones_with_it(
    method: TransactionId, postgres: Postgres, writer: psycopg.Connection[Any]
) -> None:
    position, found = read(method, None)
    assert found == [1, 2, 3]
    with connect(postgres) as slow:
        slow.execute("INSERT INTO events VALUES (4)")
        writer.execute("INSERT INTO events VALUES (5)")
        assert method.now(position).complete_until is None
        held, found = read(method, position)
        assert found == []
        slow.commit()
    position, found = read(method, held)
    assert found == [4, 5]
    assert method.now(position).complete_until is not None
    method.check(position, method.identity())
    assert read(method, position)[1] == []


def test_a_column_that_holds_transactions_lands_as_their_number(method: TransactionId) -> None:
    changes = method.changes(Window(1, None, method.now(None).end))
    rows = {row["id"]: row for row in changes.frame.collect()}
    assert changes.order
    assert str(rows[1]["tx"]) == str(rows[1][changes.order])


def test_a_position_ahead_of_the_database_is_lost(method: TransactionId) -> None:
    with pytest.raises(PositionLostError, match="before the position 18446744073709551614"):
        method.now("18446744073709551614")


def test_a_column_of_another_type_and_a_database_without_the_method_are_refused(
    method: TransactionId, spark: SparkSession, postgres: Postgres
) -> None:
    database = method.database
    by_id = TableIncremental(method="transaction_id", cursor_column="id")
    with pytest.raises(SourceError, match=r"id is of type integer, and method transaction_id reads by .* xid8"):
        TransactionId(database, method.table, incremental=by_id).now(None)
    rowversion = TableIncremental(method="rowversion", cursor_column="tx")
    with pytest.raises(SourceError, match="method rowversion is not there in PostgreSQL"):
        TransactionId(database, method.table, incremental=rowversion).now(None)

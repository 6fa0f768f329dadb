"""Values of every type a database has: they arrive to the last digit, as text where Spark has no such type, or not."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pysqlbridge.tds.result import Column, Integer

from fakes.derby import Derby
from fakes.mariadb import MariaDb
from fakes.postgres import Postgres
from fakes.sql_server import Dates, Moments, SqlServer, Times
from ingestion.platform.spark_errors import root_cause
from ingestion.sql.database import SqlDatabase

DAY, MOMENT = datetime.date, datetime.datetime


def arriving(database: SqlDatabase, table: str) -> dict[str, tuple[str, Any]]:
    """Return of each column the type and, as texts where Python's own would not do, the values that arrive."""
    source = database.describe(table)
    frame = database.read(source, database.measure(source))
    (row,) = frame.collect()
    return {name: (kind, row[name]) for name, kind in frame.dtypes}


@pytest.fixture
def on_postgresql(spark: SparkSession, postgres: Postgres) -> SqlDatabase:
    return SqlDatabase(spark, postgres.url, lambda: {"user": postgres.user, "password": postgres.password})


@pytest.fixture
def on_mariadb(spark: SparkSession, mariadb: MariaDb) -> SqlDatabase:
    return SqlDatabase(spark, mariadb.url, lambda: {"user": mariadb.user, "password": mariadb.password})


@pytest.fixture
def on_sql_server(spark: SparkSession, sql_server: SqlServer) -> SqlDatabase:
    return SqlDatabase(spark, sql_server.url, lambda: {"user": sql_server.user, "password": sql_server.password})


POSTGRESQL = [
    ("NUMERIC", "0.1234567890123456789012345", "string", "0.1234567890123456789012345"),
    ("NUMERIC(50, 20)", "1.01234567890123456789", "string", "1.01234567890123456789"),
    ("NUMERIC(38, 2)", "1e35", "decimal(38,2)", Decimal("1" + "0" * 35 + ".00")),
    ("TIME", "'23:59:59.999999'", "string", "23:59:59.999999"),
    ("TIME", "'24:00'", "string", "24:00:00"),
    ("TIMETZ", "'23:59:59.999999+05:30'", "string", "23:59:59.999999+05:30"),
    ("DATE", "'1582-10-10'", "date", DAY(1582, 10, 10)),
    ("DATE", "'0001-01-01'", "date", DAY(1, 1, 1)),
    ("DATE", "'9999-12-31'", "date", DAY(9999, 12, 31)),
    ("TIMESTAMP", "'0001-01-01'", "timestamp_ntz", MOMENT(1, 1, 1)),
    ("TIMESTAMP(6)", "'9999-12-31 23:59:59.999999'", "timestamp_ntz", MOMENT(9999, 12, 31, 23, 59, 59, 999999)),
    ("INTERVAL", "'1 mon 2 days 03:04:05.678901'", "string", "1 mon 2 days 03:04:05.678901"),
    ("JSONB", "'{\"a\": [1, null]}'", "string", '{"a": [1, null]}'),
    ("INT[]", "'{1,NULL,3}'", "array<int>", [1, None, 3]),
    ("BYTEA", "'\\x00ff'", "binary", bytearray(b"\x00\xff")),
    ("UUID", "'6f9619ff-8b86-d011-b42d-00c04fc964ff'", "string", "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
    ("BIGINT", "-9223372036854775808", "bigint", -(2**63)),
    ("DOUBLE PRECISION", "'1e308'", "double", 1e308),
    ("VARCHAR(5)", "'é 陈'", "string", "é 陈"),
]


@pytest.mark.parametrize(("declared", "value", "kind", "arrives"), POSTGRESQL)
def test_of_postgresql(
    declared: str, value: str, kind: str, arrives: Any, on_postgresql: SqlDatabase, postgres: Postgres
) -> None:
    postgres.drop("typed")
    postgres.execute(
        f'CREATE TABLE typed ("The Value" {declared}, empty {declared})', f"INSERT INTO typed VALUES ({value})"
    )
    assert arriving(on_postgresql, "typed") == {"The Value": (kind, arrives), "empty": (kind, None)}


MARIADB = [
    ("DECIMAL(65,30)", "1.012345678901234567890123456789", "string", "1.012345678901234567890123456789"),
    ("DECIMAL(10,2)", "-1.25", "decimal(10,2)", Decimal("-1.25")),
    ("TINYINT(1)", "5", "tinyint", 5),
    ("BIGINT UNSIGNED", "18446744073709551615", "decimal(20,0)", Decimal(18446744073709551615)),
    ("INT UNSIGNED", "4294967295", "bigint", 4294967295),
    ("SMALLINT UNSIGNED", "65535", "int", 65535),
    ("DATE", "'1582-10-10'", "date", DAY(1582, 10, 10)),
    ("DATE", "'0001-01-01'", "date", DAY(1, 1, 1)),
    ("DATETIME(6)", "'2026-03-29 02:30:00.123456'", "timestamp_ntz", MOMENT(2026, 3, 29, 2, 30, 0, 123456)),
    ("TIME(6)", "'-838:59:59.999999'", "string", "-838:59:59.999999"),
    ("BIT(8)", "b'10000001'", "bigint", 129),
    ("BIT(64)", f"b'{'1' * 64}'", "decimal(20,0)", Decimal(2**64 - 1)),
    ("BIT(1)", "b'1'", "boolean", True),
    ("JSON", "'{\"a\": 1}'", "string", '{"a": 1}'),
    ("ENUM('a','b')", "'b'", "string", "b"),
    ("BLOB", "x'00ff'", "binary", bytearray(b"\x00\xff")),
    ("VARCHAR(9)", "'é 陈 🫙'", "string", "é 陈 🫙"),
]


@pytest.mark.parametrize(("declared", "value", "kind", "arrives"), MARIADB)
def test_of_mariadb(
    declared: str, value: str, kind: str, arrives: Any, on_mariadb: SqlDatabase, mariadb: MariaDb
) -> None:
    mariadb.execute(
        f'DROP TABLE IF EXISTS typed; CREATE TABLE typed ("The Value" {declared}, empty {declared} NULL); '
        f"INSERT INTO typed VALUES ({value}, NULL)"
    )
    assert arriving(on_mariadb, "typed") == {"The Value": (kind, arrives), "empty": (kind, None)}


def test_of_mariadb_a_year_is_a_number_and_a_moment_one_of_utc(on_mariadb: SqlDatabase, mariadb: MariaDb) -> None:
    mariadb.execute(
        "DROP TABLE IF EXISTS typed; CREATE TABLE typed (y YEAR, m TIMESTAMP(6) NULL); SET time_zone = '+05:30'; "
        "INSERT INTO typed VALUES (2155, '2026-03-29 08:00:00.123456')"
    )
    arrived = arriving(on_mariadb, "typed")
    assert arrived["y"][1] == 2155
    assert arrived["m"][0] == "timestamp"
    assert arrived["m"][1].astimezone(datetime.UTC) == MOMENT(2026, 3, 29, 2, 30, 0, 123456, tzinfo=datetime.UTC)


def test_of_sql_server(on_sql_server: SqlDatabase, sql_server: SqlServer) -> None:
    moment = MOMENT(2026, 3, 29, 23, 59, 59, 999999)
    columns = {
        "three": (Moments(3), "timestamp_ntz", MOMENT(2026, 3, 29, 23, 59, 59, 999000)),
        "seven": (Moments(7), "string", "2026-03-29 23:59:59.9999990"),
        "time": (Times(), "string", "23:59:59.9999990"),
        "day": (Dates(), "date", DAY(1582, 10, 10)),
    }
    values = [moment, moment, moment.time(), DAY(1582, 10, 10)]
    named = [Column(name, kind) for name, (kind, _, _) in columns.items()]
    sql_server.fill("Typed", [Column("Id", Integer(4)), *named], [[1, *values]])
    arrived = arriving(on_sql_server, "Typed")
    assert {name: arrived[name][0] for name in columns} == {name: kind for name, (_, kind, _) in columns.items()}
    assert {name: arrived[name][1] for name in columns} == {name: value for name, (_, _, value) in columns.items()}
    assert on_sql_server.describe("Typed").notes == [
        "column seven is landed as text: a moment of seven digits, Spark's have six",
        "column time is landed as text: a time of day: Spark has no such type",
    ]


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("DATE", "infinity"),
        ("TIMESTAMP", "-infinity"),
        ("TIMESTAMPTZ", "infinity"),
        ("NUMERIC(10, 2)", "NaN"),
    ],
)
def test_what_no_type_of_spark_holds_fails_with_the_columns_name(
    declared: str, value: str, on_postgresql: SqlDatabase, postgres: Postgres
) -> None:
    postgres.drop("typed")
    postgres.execute(f'CREATE TABLE typed ("Valid To" {declared})', f"INSERT INTO typed VALUES ('{value}')")
    with pytest.raises(Exception, match=f"column Valid To holds {value}") as raised:
        arriving(on_postgresql, "typed")
    assert f"column Valid To holds {value}" in root_cause(raised.value)


@pytest.mark.parametrize(
    ("declared", "value", "shown"),
    [("DATE", "0000-00-00", "0000-00-00"), ("DATETIME", "0000-00-00", "0000-00-00"), ("TIMESTAMP", "0000-00-00", "0")],
)
def test_dates_of_zeros_are_refused_with_the_columns_name(
    declared: str, value: str, shown: str, on_mariadb: SqlDatabase, mariadb: MariaDb
) -> None:
    mariadb.execute(
        f"SET sql_mode = ''; DROP TABLE IF EXISTS typed; CREATE TABLE typed (Born {declared} NULL); "
        f"INSERT INTO typed VALUES ('{value}')"
    )
    with pytest.raises(Exception, match=f"column Born holds {shown}"):
        arriving(on_mariadb, "typed")


def test_types_that_spark_does_not_know_come_as_text(spark: SparkSession, derby: Derby) -> None:
    derby.drop("typed")
    derby.execute(
        'CREATE TABLE typed ("Doc" XML, "Id" INT, "At" TIME)',
        "INSERT INTO typed VALUES (XMLPARSE(DOCUMENT '<a/>' PRESERVE WHITESPACE), 1, '12:00:01')",
    )
    database = SqlDatabase(spark, derby.url, dict)
    assert arriving(database, "typed") == {
        "Doc": ("string", "<a/>"),
        "Id": ("int", 1),
        "At": ("string", "12:00:01"),
    }
    assert database.describe("typed").notes == [
        "column Doc is landed as text: of a type that Spark does not know",
        "column At is landed as text: a time of day: Spark has no such type",
    ]

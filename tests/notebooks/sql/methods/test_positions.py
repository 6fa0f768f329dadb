"""A cursor becomes the text of a position and a value again in the database, to the last digit, whatever its type."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.derby import Derby
from fakes.mariadb import MariaDb
from fakes.postgres import Postgres
from ingestion.platform.errors import SourceError
from ingestion.sql.dialects import DIALECTS, Dialect
from ingestion.sql.dialects.cursor_type import CursorKind, CursorType, Scalar

BY_NAME = {dialect.name: dialect for dialect in DIALECTS}
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31))
CLOSE = st.integers(0, 5).map(lambda digit: datetime(2026, 10, 25, 0, 59, 59, 999_990 + digit))
DAYS = st.dates(date(1000, 1, 1), date(9999, 12, 31))
INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
DECIMALS = st.decimals(Decimal("-1e20"), Decimal("1e20"), places=9)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\t\n\r\\", exclude_categories=["Cs", "Cn", "Cc"]))
few = settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
    deadline=None,
)


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=2, max_size=4)


def differences(dialect: Dialect, kind: CursorType, ask: Callable[[str], str]) -> list[str]:
    """Return the positions of the table `positions` that are not equal to just the rows that have them."""
    quoted = dialect.quote("c")
    measured = kind.measure.format(quoted)
    texts = [
        line for line in ask(f"SELECT DISTINCT {kind.text.format(measured)} AS text FROM positions").split("\n") if line
    ]
    checks = []
    for text in texts:
        value = kind.value(text, dialect.text)
        same = f"{kind.text.format(measured)} = {dialect.text(text)}"
        # Equal where the text is, and of the others either above or below, in the database's own order.
        wrong = (
            f"({same} AND NOT ({kind.at_least(quoted, value)} AND {kind.at_most(quoted, value)})) OR (NOT ({same}) "
            f"AND {kind.at_least(quoted, value)} AND {kind.at_most(quoted, value)})"
        )
        checks.append(f"SELECT COUNT(*) AS n FROM positions WHERE {wrong}")
    found = [ask(check).strip() for check in checks]
    return [text for text, wrong in zip(texts, found, strict=True) if wrong != "0"]


POSTGRES = [
    ("TIMESTAMP", "timestamp without time zone", lists(MOMENTS | CLOSE)),
    ("TIMESTAMPTZ", "timestamp with time zone", lists(MOMENTS | CLOSE)),
    ("DATE", "date", lists(DAYS)),
    ("BIGINT", "bigint", lists(INTEGERS)),
    ("NUMERIC", "numeric", lists(DECIMALS)),
    ("TEXT", "text", lists(TEXTS.filter(bool))),
]


@pytest.mark.parametrize(("column", "declared", "values"), POSTGRES, ids=[each[0] for each in POSTGRES])
def test_on_postgresql(postgres: Postgres, column: str, declared: str, values: st.SearchStrategy[list[Any]]) -> None:
    dialect = BY_NAME["PostgreSQL"]
    kind = dialect.cursor_type(declared)
    assert kind

    @few
    @given(values)
    def holds(rows: list[Any]) -> None:
        literals = ", ".join(f"(CAST({dialect.text(str(row))} AS {column}))" for row in rows)
        postgres.execute("DROP TABLE IF EXISTS positions", f'CREATE TABLE positions ("c" {column})')
        postgres.execute(f"INSERT INTO positions VALUES {literals}")
        assert differences(dialect, kind, postgres.execute) == []

    postgres.execute("SET client_min_messages = warning")
    holds()


MARIADB = [
    ("DATETIME(6)", "datetime", lists(MOMENTS | CLOSE)),
    ("DATETIME", "datetime", lists(MOMENTS.map(lambda moment: moment.replace(microsecond=0)))),
    ("TIMESTAMP(6)", "timestamp", lists(MOMENTS | CLOSE)),
    ("DATE", "date", lists(DAYS)),
    ("BIGINT", "bigint", lists(INTEGERS)),
    ("DECIMAL(38, 9)", "decimal", lists(DECIMALS)),
    ("VARCHAR(1000) COLLATE utf8mb4_bin", "varchar", lists(TEXTS.filter(bool))),
]


@pytest.mark.parametrize(("column", "declared", "values"), MARIADB, ids=[each[0] for each in MARIADB])
def test_on_mariadb(mariadb: MariaDb, column: str, declared: str, values: st.SearchStrategy[list[Any]]) -> None:
    dialect = BY_NAME["MySQL"]
    kind = dialect.cursor_type(declared)
    assert kind

    @few
    @given(values)
    def holds(rows: list[Any]) -> None:
        literals = ", ".join(f"({dialect.text(str(row))})" for row in rows)
        mariadb.execute(f"CREATE OR REPLACE TABLE positions (c {column}); INSERT INTO positions VALUES {literals}")
        assert differences(dialect, kind, mariadb.execute) == []

    holds()


def test_on_mariadb_an_hour_that_comes_twice_keeps_its_order(mariadb: MariaDb) -> None:
    kind = BY_NAME["MySQL"].cursor_type("timestamp")
    assert kind
    berlin = "SET time_zone = '+02:00'"  # before the clocks go back, and below after
    mariadb.execute(
        "CREATE OR REPLACE TABLE positions (c TIMESTAMP(6), n INT); "
        f"{berlin}; INSERT INTO positions VALUES ('2026-10-25 02:30:00', 1); "
        "SET time_zone = '+01:00'; INSERT INTO positions VALUES ('2026-10-25 02:10:00', 2)"
    )
    measured = kind.measure.format("`c`")
    first = mariadb.execute(f"SELECT {kind.text.format(measured)} FROM positions WHERE n = 1")
    assert first == "2026-10-25 00:30:00.000000+00:00"
    value = kind.value(first, BY_NAME["MySQL"].text)
    for zone in ("+01:00", "+02:00", "SYSTEM"):
        later = f"SET time_zone = '{zone}'; SELECT n FROM positions WHERE {kind.at_least('`c`', value)} AND n = 2"
        assert mariadb.execute(later) == "2"


DERBY = [
    ("TIMESTAMP", ["2026-03-29 02:30:00", "2026-03-29 02:30:00.1", "2026-03-29 02:30:00.123456789"]),
    ("DATE", ["2026-03-29", "2026-03-30"]),
    ("BIGINT", ["-9223372036854775807", "7", "9223372036854775807"]),
    ("DECIMAL(31, 9)", ["-0.000000001", "12345678901234567890.123456789"]),
    ("VARCHAR(100)", ["Zoë", "it''s", "~"]),
]


@pytest.mark.parametrize(("column", "values"), DERBY, ids=[each[0] for each in DERBY])
def test_on_derby(derby: Derby, column: str, values: list[str]) -> None:
    dialect = BY_NAME["Derby"]
    kind = dialect.cursor_type(column)
    assert kind
    derby.drop("positions")
    derby.execute(f'CREATE TABLE positions ("c" {column})')
    mark = "" if kind.kind is CursorKind.NUMBER else "'"
    derby.execute(f"INSERT INTO positions VALUES {', '.join(f'({mark}{value}{mark})' for value in values)}")

    def ask(query: str) -> str:
        rows = derby.spark.read.format("jdbc").options(url=derby.url, query=query).load().collect()
        return "\n".join(str(row[0]) for row in rows)

    assert differences(dialect, kind, ask) == []


@pytest.mark.parametrize(
    ("kind", "value", "position"),
    [
        (CursorKind.MOMENT, datetime(2026, 11, 28, 10, tzinfo=UTC), "2026-11-28 10:00:00.000000"),
        (CursorKind.MOMENT, "2026-11-28T10:00:00+02:00", "2026-11-28 08:00:00.000000"),
        (CursorKind.MOMENT, "2026-11-28", "2026-11-28 00:00:00.000000"),
        (CursorKind.ZONED, "2026-11-28T10:00:00.5+02:00", "2026-11-28 08:00:00.500000+00:00"),
        (CursorKind.ZONED, date(2026, 11, 28), "2026-11-28 00:00:00.000000+00:00"),
        (CursorKind.DAY, "2026-11-28T23:00:00Z", "2026-11-28"),
        (CursorKind.NUMBER, 7, "7"),
        (CursorKind.NUMBER, "-12.50", "-12.50"),
        (CursorKind.TEXT, "any 'text'", "any 'text'"),
    ],
)
def test_a_value_that_people_write_is_a_position(kind: CursorKind, value: Scalar, position: str) -> None:
    assert CursorType(kind, "{}", "{}").position(value) == position
    assert CursorType(kind, "{}", "{}").value(position, repr)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (CursorKind.MOMENT, "yesterday"),
        (CursorKind.ZONED, 7),
        (CursorKind.NUMBER, "7; DROP TABLE x"),
        (CursorKind.NUMBER, True),
        (CursorKind.NUMBER, "1e9"),
    ],
)
def test_what_is_no_value_of_a_cursor_is_refused(kind: CursorKind, value: Scalar) -> None:
    with pytest.raises(SourceError):
        CursorType(kind, "{}", "{}").position(value)


@pytest.mark.parametrize(
    ("kind", "position"),
    [
        (CursorKind.MOMENT, "2026-11-28 10:00:00' OR 1=1 --"),
        (CursorKind.ZONED, "2026-11-28 10:00:00.000000"),
        (CursorKind.NUMBER, "1 OR 1"),
        (CursorKind.NUMBER, "१"),
    ],
)
def test_a_text_that_is_no_position_never_becomes_sql(kind: CursorKind, position: str) -> None:
    with pytest.raises(SourceError, match="is no position of a cursor"):
        CursorType(kind, "{}", "{}").value(position, repr)

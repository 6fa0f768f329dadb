"""The rows that a window takes the place of are, in Spark's SQL, those that the database is asked for."""

from datetime import timedelta
from typing import Any

import pytest
from pyspark.sql.types import (
    DataType,
    DateType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from ingestion.feeds.model import TableIncremental
from ingestion.lake.journal import Window
from ingestion.platform.errors import SourceError
from ingestion.sql.dialects.cursor_type import CursorKind, CursorType
from ingestion.sql.dialects.postgresql import PostgreSql
from ingestion.sql.methods.covered_rows import covers
from ingestion.sql.methods.cursor_statements import CursorStatements

TIMES = ("2026-03-29 01:59:59.1234567", "2026-03-29 02:00:00.7654321")
ZONED = ("2026-03-29 01:59:59.123456+00:00", "2026-03-29 02:00:00.654321+00:00")


def covered(kind: CursorKind, landed: DataType, window: Window, **facts: Any) -> str:
    incremental = TableIncremental(method="cursor", cursor_column="c`", **{"on_null": "skip", **facts})
    statements = CursorStatements(PostgreSql(), "t", "c`", CursorType(kind, "{}", "{}"), incremental)
    return covers(statements, StructType([StructField("c`", landed)]), window)


@pytest.mark.parametrize(
    ("kind", "landed", "ends", "condition"),
    [
        (
            CursorKind.MOMENT,
            TimestampNTZType(),
            TIMES,
            "`c``` >= TIMESTAMP_NTZ'2026-03-29 01:44:59.123456' AND `c``` <= TIMESTAMP_NTZ'2026-03-29 02:00:00.765432'",
        ),
        (
            CursorKind.MOMENT,
            StringType(),
            TIMES,
            "`c``` >= '2026-03-29 01:44:59.1234567' AND `c``` <= '2026-03-29 02:00:00.7654321'",
        ),
        (
            CursorKind.ZONED,
            TimestampType(),
            ZONED,
            "`c``` >= TIMESTAMP'2026-03-29 01:44:59.123456+00:00' AND "
            "`c``` <= TIMESTAMP'2026-03-29 02:00:00.654321+00:00'",
        ),
        (
            CursorKind.DAY,
            DateType(),
            ("2026-03-01", "2026-03-02"),
            "`c``` >= DATE'2026-02-28' AND `c``` <= DATE'2026-03-02'",
        ),
    ],
)
def test_a_window_begins_lookback_before_its_start(
    kind: CursorKind, landed: DataType, ends: tuple[str, str], condition: str
) -> None:
    assert covered(kind, landed, Window(2, *ends), lookback=timedelta(minutes=15)) == condition


def test_null_the_future_and_the_initial_value_are_as_the_feed_says() -> None:
    first = Window(1, None, "9", pinned={"clock": "12"})
    assert covered(CursorKind.NUMBER, LongType(), first) == "`c``` <= 9"
    assert covered(CursorKind.NUMBER, LongType(), first, initial_value=5) == "`c``` >= 5 AND `c``` <= 9"
    including = covered(CursorKind.NUMBER, LongType(), first, on_null="include", on_future="include")
    assert including == "((`c``` <= 9) OR `c``` > 12) OR `c``` IS NULL"
    assert (
        covered(CursorKind.NUMBER, LongType(), Window(1, None, None), on_null="include") == "(1 = 0) OR `c``` IS NULL"
    )


def test_a_backfill_is_half_open_and_has_no_lookback() -> None:
    window = Window(3, "2026-03-01", "2026-03-02", half_open=True)
    found = covered(CursorKind.DAY, DateType(), window, lookback=timedelta(days=1), on_null="include")
    assert found == "`c``` >= DATE'2026-03-01' AND `c``` < DATE'2026-03-02'"


@pytest.mark.parametrize(
    ("kind", "landed"),
    [(CursorKind.TEXT, StringType()), (CursorKind.ZONED, StringType()), (CursorKind.DAY, StringType())],
)
def test_what_lands_in_another_order_than_the_databases_is_refused(kind: CursorKind, landed: DataType) -> None:
    with pytest.raises(SourceError, match="lands as string, so it does not tell which rows"):
        covered(kind, landed, Window(2, "a", "b"))


def test_a_cursor_that_does_not_land_is_refused() -> None:
    statements = CursorStatements(
        PostgreSql(), "t", "at", CursorType(CursorKind.DAY, "{}", "{}"), TableIncremental(method="cursor")
    )
    with pytest.raises(SourceError, match="at does not land"):
        covers(statements, StructType([]), Window(2, "a", "b"))

"""Values as SQL has them are what PySpark's own function makes of them."""

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.platform.columns import literal

VALUES = (
    *("", r"it's a \d+ `back`tick\'", "zwei\nZeilen \u2028 \U0001f600", r"\A(?:[^@\s]+)\z"),
    *(True, 0, -5, 2**31, -(2**40), 1.5, -1e300, 5e-324, math.inf, Decimal("-1.50"), Decimal("0.001")),
    *(date(1600, 2, 29), date(9999, 12, 31)),
    *(datetime(2026, 11, 28, 13, 5, 0, 123456, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    *(datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=-5, minutes=-30))), datetime(2026, 6, 1, 12, 0, 1)),
)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_literal_is_the_value_that_it_was_made_of(spark: SparkSession, value: str | int | float | date) -> None:
    meant, written = F.lit(value), F.expr(literal(value))
    found = spark.range(1).select((meant == written).alias("same"), meant.alias("meant"), written.alias("written"))
    assert found.schema["meant"].dataType == found.schema["written"].dataType
    assert found.collect()[0]["same"]


def test_what_is_no_number_is_a_literal_too(spark: SparkSession) -> None:
    assert spark.range(1).where(F.isnan(F.expr(literal(math.nan)))).count() == 1

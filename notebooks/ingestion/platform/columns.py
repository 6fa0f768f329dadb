"""Columns by their names, whatever characters those have, and values, as SQL has them.

What is long is told to Spark as SQL: each function of PySpark is several calls to the JVM.
"""

import math
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return "`" + name.replace("`", "``") + "`"


def column(name: str) -> Column:
    """Return a column by its exact name, in which a dot or a backtick means nothing."""
    return F.col(quoted(name))


def literal(value: str | int | float | Decimal | date) -> str:
    """Return a value as SQL has it, of the type that `pyspark.sql.functions.lit` gives it.

    Args:
        value: a text, truth, number, day or moment; one without a zone is in Python's.
    """
    match value:
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case datetime():
            return f"timestamp_micros({_microseconds(value)})"
        case date():
            return f"DATE '{value.isoformat()}'"
        case bool():
            return str(value).lower()
    return _number(value)


def _number(value: int | float | Decimal) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}BD"
    if isinstance(value, float):
        return f"{value!r}D" if math.isfinite(value) else f"CAST('{value}' AS DOUBLE)"
    return str(value)


def _microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970-01-01 UTC."""
    if moment.tzinfo is None:
        return int(time.mktime(moment.timetuple())) * 10**6 + moment.microsecond
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)

"""Which landed rows a cursor's window takes the place of: the window's condition once more, in Spark's SQL. Pure."""

import re
from datetime import datetime, timedelta

from pyspark.sql.types import (
    DataType,
    DateType,
    NumericType,
    StringType,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from ingestion.lake.journal import Window
from ingestion.platform.errors import SourceError
from ingestion.sql.dialects.cursor_type import CursorKind
from ingestion.sql.methods.cursor_statements import CursorStatements

# Spark's moments end there; what is below that is read, and replaced, with its microsecond.
_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


def covers(statements: CursorStatements, columns: StructType, window: Window) -> str:
    """Return the condition of the landed rows whose place a window takes: all that the source has of it, and no other.

    Args:
        statements: of the window's cursor.
        columns: as they land.
        window: that is read.

    Raises:
        SourceError: the cursor does not land, or Spark orders what lands in another way than the database.
    """
    name, kind = statements.column, statements.type.kind
    landed = columns[name].dataType if name in columns.names else None
    if landed is None or not _has_the_databases_order(kind, landed):
        raise SourceError(
            f"{statements.table}: {name} {'does not land' if landed is None else f'lands as {landed.simpleString()}'}, "
            'so it does not tell which rows of the target a window replaces: take another cursor_column, or "merge".'
        )
    quoted = "`" + name.replace("`", "``") + "`"
    incremental = statements.incremental
    lookback = timedelta(0) if window.half_open else incremental.lookback
    bounds = []
    if window.start is not None:
        bounds.append(f"{quoted} >= {_literal(_earlier(window.start, kind, lookback), landed)}")
    if incremental.initial_value is not None and not window.half_open:
        initial = statements.type.position(incremental.initial_value)
        bounds.append(f"{quoted} >= {_literal(initial, landed)}")
    if window.end is not None:
        bounds.append(f"{quoted} {'<' if window.half_open else '<='} {_literal(window.end, landed)}")
    elif not window.half_open:
        bounds.append("1 = 0")
    inside = " AND ".join(bounds) or f"{quoted} IS NOT NULL"
    if window.half_open:
        return inside
    clock = window.pinned.get("clock")
    if clock is not None and incremental.on_future == "include":
        inside = f"({inside}) OR {quoted} > {_literal(clock, landed)}"
    return f"({inside}) OR {quoted} IS NULL" if incremental.on_null == "include" else inside


def _has_the_databases_order(kind: CursorKind, landed: DataType) -> bool:
    match kind:
        case CursorKind.MOMENT:
            return isinstance(landed, TimestampNTZType | StringType)
        case CursorKind.ZONED:
            return isinstance(landed, TimestampType)
        case CursorKind.DAY:
            return isinstance(landed, DateType)
        case CursorKind.NUMBER:
            return isinstance(landed, NumericType)
        case CursorKind.TEXT:
            return False


def _literal(position: str, landed: DataType) -> str:
    moment = _MICROSECONDS.sub(r"\1", position)
    match landed:
        case TimestampNTZType():
            return f"TIMESTAMP_NTZ'{moment}'"
        case TimestampType():
            return f"TIMESTAMP'{moment}'"
        case DateType():
            return f"DATE'{position}'"
        case StringType():
            return f"'{position}'"
    return position


def _earlier(position: str, kind: CursorKind, span: timedelta) -> str:
    """Return the position that is so long before another, as the database counts it."""
    if not span:
        return position
    if kind is CursorKind.DAY:
        return (datetime.fromisoformat(position) - span).date().isoformat()
    # Spans are whole seconds: the fraction stays, to its last digit.
    seconds, rest = position[:19], position[19:]
    return f"{datetime.fromisoformat(seconds) - span}{rest}"

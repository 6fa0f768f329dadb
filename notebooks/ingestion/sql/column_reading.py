"""How a column is asked for, and what is made of what arrives: so that a value is landed as it is, or not at all."""

from dataclasses import dataclass
from enum import Enum

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.platform.columns import column


class Conversion(Enum):
    """What is made of a value that arrived."""

    NONE = "nothing"
    # A moment as the database's clock showed it, which JDBC hands over in Java's own zone.
    WITHOUT_ZONE = "without zone"
    # Java's calendar leaves out ten days of 1582, which databases have: they come as numbers or texts.
    DAYS = "days since 1970-01-01"
    DATE_TEXT = "a date's text"
    MOMENT_TEXT = "a text of a moment without zone"
    MICROSECONDS = "microseconds since 1970-01-01 UTC"


AS_IT_COMES = Conversion.NONE


@dataclass(frozen=True)
class ColumnReading:
    """How one column is read.

    Attributes:
        name: of the column.
        sql: what is asked for in its place; None for the column itself.
        as_text: the driver is asked for its text, whatever its type.
        conversion: of what arrives.
        note: why it is landed as text although it is none; None where it is landed as it is.
    """

    name: str
    sql: str | None = None
    conversion: Conversion = AS_IT_COMES
    note: str | None = None
    as_text: bool = False


def converted(reading: ColumnReading, session_zone: str, java_zone: str) -> Column:
    """Return what a column becomes.

    Args:
        reading: how it was read.
        session_zone: the session's time zone.
        java_zone: the time zone of the Java that reads.
    """
    value = column(reading.name)
    match reading.conversion:
        case Conversion.WITHOUT_ZONE:
            moment = value.cast("timestamp_ntz")
            if java_zone != session_zone:
                moment = F.convert_timezone(F.lit(session_zone), F.lit(java_zone), moment)
            return moment
        case Conversion.DAYS:
            return F.date_from_unix_date(value)
        case Conversion.DATE_TEXT:
            return _or_refuse(value, value.try_cast("date"), reading.name)
        case Conversion.MOMENT_TEXT:
            return _or_refuse(value, value.try_cast("timestamp_ntz"), reading.name)
        case Conversion.MICROSECONDS:
            # MySQL's moments begin at 1970-01-01 00:00:01; zero stands for 0000-00-00.
            moment = F.when(value != 0, F.timestamp_micros(value))
            return _or_refuse(value, moment, reading.name)
        case Conversion.NONE:
            return value


def _or_refuse(value: Column, meant: Column, name: str) -> Column:
    """Return what a value means, or fail the read with the column's name and the value."""
    words = F.concat(
        F.lit(f"column {name} holds "), value.cast("string"), F.lit(", which is no moment of any calendar")
    )
    return F.when(value.isNull(), F.lit(None)).when(meant.isNotNull(), meant).otherwise(F.raise_error(words))

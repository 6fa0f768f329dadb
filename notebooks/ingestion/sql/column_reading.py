"""How a column is asked for, and what is made of what arrives: so that a value is landed as it is, or not at all."""

from dataclasses import dataclass
from enum import Enum

from ingestion.platform.columns import literal, quoted


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


def converted(reading: ColumnReading, session_zone: str, java_zone: str) -> str:
    """Return in SQL what a column becomes.

    Args:
        reading: how it was read.
        session_zone: the session's time zone.
        java_zone: the time zone of the Java that reads.
    """
    value = quoted(reading.name)
    match reading.conversion:
        case Conversion.WITHOUT_ZONE:
            moment = f"CAST({value} AS TIMESTAMP_NTZ)"
            if java_zone != session_zone:
                moment = f"convert_timezone({literal(session_zone)}, {literal(java_zone)}, {moment})"
            return moment
        case Conversion.DAYS:
            return f"date_from_unix_date({value})"
        case Conversion.DATE_TEXT:
            return _or_refuse(value, f"TRY_CAST({value} AS DATE)", reading.name)
        case Conversion.MOMENT_TEXT:
            return _or_refuse(value, f"TRY_CAST({value} AS TIMESTAMP_NTZ)", reading.name)
        case Conversion.MICROSECONDS:
            # MySQL's moments begin at 1970-01-01 00:00:01; zero stands for 0000-00-00.
            return _or_refuse(value, f"CASE WHEN {value} != 0 THEN timestamp_micros({value}) END", reading.name)
        case Conversion.NONE:
            return value


def _or_refuse(value: str, meant: str, name: str) -> str:
    """Return what a value means, or fail the read with the column's name and the value."""
    begin, end = literal(f"column {name} holds "), literal(", which is no moment of any calendar")
    words = f"concat({begin}, CAST({value} AS STRING), {end})"
    return f"CASE WHEN {value} IS NULL THEN NULL WHEN {meant} IS NOT NULL THEN {meant} ELSE raise_error({words}) END"

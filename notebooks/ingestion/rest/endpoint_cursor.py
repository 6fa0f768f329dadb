"""The method `cursor` of an endpoint: records since a position, which the API is asked for by a parameter.

The API is asked from the position on, less `lookback`; what it gives is a window, which ends where its greatest cursor
is. A record that was read before and is older than the one in the table does not take its place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StructType

from ingestion.feeds.json_path import JsonPath
from ingestion.feeds.model import Endpoint
from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window
from ingestion.platform.columns import column
from ingestion.platform.errors import (
    InvalidSettingError,
    PositionLostError,
    UnexpectedAnswerError,
)
from ingestion.rest.cursor_window import CursorWindow
from ingestion.rest.cursors import CursorKind, api_cursor
from ingestion.rest.spool import Spool


@dataclass(frozen=True)
class EndpointCursor:
    """Reads an endpoint by its cursor.

    Attributes:
        spark: the session.
        endpoint: what is read.
        read: reads a window aside; its records are there until the load ends.
        known: returns the columns that the target has; None before the first load.
    """

    spark: SparkSession
    endpoint: Endpoint
    read: Callable[[CursorWindow], Spool]
    known: Callable[[], StructType | None]

    def identity(self) -> Mapping[str, str]:
        """Return nothing: an API does not tell what it is."""
        return {}

    def now(self, position: str | None) -> Reach:
        """Tell nothing: an API does not tell how far it can be read before it is."""
        return Reach(None)

    def at(self, value: str) -> str:
        """Return the position that a person means by a moment (ISO 8601) or a number.

        Raises:
            InvalidSettingError: it is none.
        """
        try:
            return api_cursor(value).text
        except UnexpectedAnswerError as error:
            raise InvalidSettingError(f"{self.endpoint.name}: {error}") from error

    def check(self, position: str, identity: Mapping[str, str]) -> None:
        """Make sure that a position is one of an API."""
        try:
            api_cursor(position)
        except UnexpectedAnswerError as error:
            raise PositionLostError(f"{self.endpoint.name}: its position is of no use: {error}") from error

    def changes(self, window: Window) -> Changes:
        """Return the records since a window's start.

        Raises:
            ApiError: a page could not be read, or a record's cursor cannot be compared or fails the feed.
        """
        is_open = self.endpoint.write_disposition == "append" and not self.endpoint.primary_key
        end = window.end if window.half_open else None
        records = CursorWindow(self.endpoint.incremental, window.start, end, is_open)
        spool, known = self.read(records), self.known()
        notes = records.notes(self.endpoint.name)
        frame = spool.frame(self.spark, known)
        if is_open:
            self._refuse_repeats(frame, spool.cursor_column(known))
        order, cursor, number = spool.order_column(known), spool.cursor_column(known), spool.order_column(known)
        # Without a cursor the record that was read last is the newest; of two that tie the load judges.
        read_last = F.when(column(cursor).isNull(), column(number)) if cursor in frame.columns else column(number)
        rank = [column(cursor).alias("cursor")] if cursor in frame.columns else []
        frame = frame.withColumn(order, F.struct(*rank, read_last.alias("number"))).drop(cursor)
        newer, time = guard(self.endpoint, records.kind), None
        if newer is not None and records.kind is CursorKind.TIME:
            time = spool.time_column(known)
            frame = frame.withColumn(time, F.expr(newer))
        return Changes(
            frame,
            order=order,
            time=time,
            guard=newer,
            end=records.position,
            notes=tuple(notes),
        )

    def _refuse_repeats(self, frame: DataFrame, cursor: str) -> None:
        """Refuse records of one cursor, of which the next window would lose those that come later."""
        if cursor not in frame.columns:
            return
        repeated = frame.groupBy(column(cursor)).count().where("count > 1").orderBy(F.desc("count")).first()
        if repeated is not None:
            raise UnexpectedAnswerError(
                f"{self.endpoint.name}: {repeated['count']} records have the cursor {repeated[0]}, and append without "
                'a key would lose those that come later: name primary_key, or write "merge".'
            )


def guard(endpoint: Endpoint, kind: CursorKind | None) -> str | None:
    """Return what is greater in the newer of two landed records, in Spark's SQL; None where no column tells.

    Args:
        endpoint: whose records.
        kind: how their cursors are compared.
    """
    path = endpoint.incremental.cursor_path
    if path is None or kind is None or any(step is None for step in path.steps):
        return None
    landed = _landed(path, as_text=endpoint.nested == "json")
    match kind:
        case CursorKind.TIME:
            return f"TRY_CAST({landed} AS TIMESTAMP)"
        case CursorKind.NUMBER:
            return f"TRY_CAST({landed} AS DECIMAL(38, 9))"
        case CursorKind.IDENTIFIER:
            return landed


def _landed(path: JsonPath, *, as_text: bool) -> str:
    """Return a path's value in a landed row, in Spark's SQL."""
    first, *rest = path.steps
    sql = _quoted(str(first))
    if rest and as_text:
        steps = "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in rest)
        text = f"${steps}".replace("\\", "\\\\").replace('"', '\\"')
        return f'GET_JSON_OBJECT({sql}, "{text}")'
    return sql + "".join(f"[{step}]" if isinstance(step, int) else f".{_quoted(str(step))}" for step in rest)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"

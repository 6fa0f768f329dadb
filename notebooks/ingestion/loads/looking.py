"""The modes that only look: what a source has, and how its feeds stand."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

from ingestion.feeds.model import Feed, FilesSource, Source, SqlSource, Table
from ingestion.files.discovery import propose_feeds
from ingestion.lake.journal import read_journal
from ingestion.loads.databases import open_database
from ingestion.loads.method import TellsLag
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.loads.table_changes import TableChanges
from ingestion.platform.errors import IngestionError, LakeError, SourceError
from ingestion.platform.spark_errors import root_cause
from ingestion.sql.database import SqlDatabase
from ingestion.sql.dialects import TableName
from ingestion.sql.proposals import TableFacts, proposal

_RUNS = "ingest_runs"
_COLUMNS = StructType(
    [
        StructField("feed", StringType()),
        StructField("mode", StringType()),
        StructField("status", StringType()),
        StructField("rows_in_target", LongType()),
        StructField("position_after", StringType()),
        StructField("finished", StringType()),
        StructField("seconds", DoubleType()),
        StructField("error", StringType()),
    ]
)


def discover(run: Run, source: SqlSource | FilesSource, folder: Path, result: FeedResult) -> None:
    """Ask a database or a folder what it has, and propose its file: as it is in `folder`, with all there is.

    Raises:
        SourceError: it cannot be reached.
    """
    if source.unset:
        raise SourceError("\n".join(source.unset))
    # As its author wrote it: `${SQL_URL}`, not what stands behind it.
    written = tomllib.loads((folder / source.file).read_text(encoding="utf-8-sig"))["source"]
    if isinstance(source, FilesSource):
        result.toml = propose_feeds(run.spark, run.storage, source, written)
    else:
        database = open_database(run, source)
        listed = sorted(database.tables, key=lambda each: str(each[0]))
        names = [_name(run, table, is_default=is_default) for table, is_default in listed]
        result.toml = proposal(written, [_facts(database, name) for name in names])
    result.status = Status.SUCCEEDED
    result.rows_read = 0


def _name(run: Run, table: TableName, *, is_default: bool) -> str:
    """Return a table's name as it is to be written: a schema that is called as its user is a secret's value."""
    name = str(table)
    return table.name if is_default and run.secrets.redact(name) != name else name


def status(run: Run, feeds: Sequence[Feed], sources: Sequence[Source]) -> list[FeedResult]:
    """Tell of each feed its position, its lag, and how its last load ended; of a pattern for each table that it loaded.

    The source is asked how many rows it has beyond the position; one that does not answer is told in the notes.
    """
    last = _last_loads(run)
    databases: dict[str, SqlDatabase] = {}
    by_name = {source.name: source for source in sources}
    found: list[FeedResult] = []
    for feed in feeds:
        names = [feed.name]
        if isinstance(feed, Table) and feed.pattern:
            tables = {name: name.removeprefix(f"{feed.source}.") for name in last}
            names = [name for name, table in tables.items() if name != table and feed.takes(table)] or names
        for name in names:
            result = _standing(name, last.get(name))
            named = (
                feed.named(name.removeprefix(f"{feed.source}.")) if isinstance(feed, Table) and feed.pattern else feed
            )
            _tell_position(run, named, by_name[feed.source], databases, result)
            found.append(result)
    return found


def _tell_position(run: Run, feed: Feed, source: Source, databases: dict[str, SqlDatabase], result: FeedResult) -> None:
    """Tell where a feed stands by its journal, and how far behind its source that is."""
    if isinstance(feed, Table) and feed.pattern:
        return
    journal = read_journal(run.storage, feed.destination)
    if journal is None:
        return
    result.position_after, result.rows_in_target = journal.position, journal.rows
    result.complete_until = journal.complete_until
    if journal.complete_until:
        lag = run.log.clock() - datetime.fromisoformat(journal.complete_until)
        result.lag_seconds = round(max(lag.total_seconds(), 0), 3)
    if journal.position is None or not isinstance(feed, Table) or not isinstance(source, SqlSource):
        return
    try:
        if source.name not in databases:
            databases[source.name] = open_database(run, source)
        method = TableChanges(run, databases[source.name], feed, 1).method
        if isinstance(method, TellsLag):
            result.lag_rows = method.behind(journal.position)
    except IngestionError as error:
        result.notes.append(f"how many rows it is behind is not known: {run.secrets.redact(str(error))}")


def _standing(name: str, last: Mapping[str, Any] | None) -> FeedResult:
    result = FeedResult(name, "status", Status.SUCCEEDED)
    if last is None:
        result.notes = ["it was not loaded yet"]
        return result
    result.rows_in_target, result.position_after = last["rows_in_target"], last["position_after"]
    ended = f"the last load {last['status'].lower()} at {last['finished']} after {last['seconds']} s"
    result.notes = [f"{ended}: {last['error']}" if last["error"] else ended]
    return result


def table(results: Sequence[FeedResult]) -> str:
    """Return feeds as a table for people: name, how it stands, rows, notes."""
    rows = [("feed", "status", "rows", "behind", "position", "notes")]
    rows += [
        (
            result.feed,
            str(result.status),
            "" if result.rows_in_target is None else f"{result.rows_in_target:,}",
            _behind(result),
            result.position_after or "",
            result.error or "; ".join(result.notes),
        )
        for result in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row[:-1], widths, strict=True)), row[-1]]).rstrip()
        for row in rows
    )


def _behind(result: FeedResult) -> str:
    """Return a feed's lag for people: rows, and the time up to which the target is known to be whole."""
    rows = "" if result.lag_rows is None else f"{result.lag_rows:,} rows"
    whole = "" if result.complete_until is None else f"whole until {result.complete_until}"
    return ", ".join(text for text in (rows, whole) if text)


def _facts(database: SqlDatabase, name: str) -> TableFacts:
    found = database.describe(name)
    kinds = {kind: method for method, counter in database.dialect.counters.items() for kind in counter.declared}
    # Most databases count no writes: those are not asked for the types that they declare.
    declared = database.declared(name) if kinds else {}
    counters = {column: kinds[kind.lower()] for column, kind in declared.items() if kind.lower() in kinds}
    return TableFacts(name, database.measure(found).rows, database.primary_key(name), found.types, counters)


def _last_loads(run: Run) -> dict[str, Mapping[str, Any]]:
    if not run.storage.list(_RUNS):
        return {}
    frame = run.spark.read.schema(_COLUMNS).json(run.storage.url(_RUNS))
    loads = frame.where(F.col("mode").isin("load", "reload"))
    newest = loads.groupBy("feed").agg(F.max_by(F.struct(*_COLUMNS.names), "finished").alias("last"))
    try:
        return {row["feed"]: row["last"].asDict() for row in newest.collect()}
    except Exception as error:
        raise LakeError(f"{run.storage.url(_RUNS)}: cannot be read: {root_cause(error)}") from error

"""The modes that only look: what a source has, and how its feeds stand."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

from ingestion.feeds.model import Feed, SqlSource, Table
from ingestion.loads.databases import open_database
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_context import Run
from ingestion.platform.errors import LakeError
from ingestion.platform.spark_errors import root_cause
from ingestion.sql.database import SqlDatabase
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


def discover(run: Run, source: SqlSource, folder: Path, result: FeedResult) -> None:
    """Ask a database what it has, and propose its file: as it is in `folder`, with all tables.

    Raises:
        SourceError: it cannot be reached.
    """
    database = open_database(run, source)
    facts = [_facts(database, str(table)) for table, _ in sorted(database.tables, key=lambda each: str(each[0]))]
    # As its author wrote it: `${SQL_URL}`, not what stands behind it.
    written = tomllib.loads((folder / source.file).read_text(encoding="utf-8-sig"))["source"]
    result.toml = proposal(written, facts)
    result.status = Status.SUCCEEDED
    result.rows_read = 0


def status(run: Run, feeds: Sequence[Feed]) -> list[FeedResult]:
    """Tell of each feed how its last load ended, from `ingest_runs`; of a pattern for each table that it loaded."""
    last = _last_loads(run)
    found: list[FeedResult] = []
    for feed in feeds:
        names = [feed.name]
        if isinstance(feed, Table) and feed.pattern:
            tables = {name: name.removeprefix(f"{feed.source}.") for name in last}
            names = [name for name, table in tables.items() if name != table and feed.takes(table)] or names
        found += [_standing(name, last.get(name)) for name in names]
    return found


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
    rows = [("feed", "status", "rows", "notes")]
    rows += [
        (
            result.feed,
            str(result.status),
            "" if result.rows_in_target is None else f"{result.rows_in_target:,}",
            result.error or "; ".join(result.notes),
        )
        for result in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row[:3], widths, strict=True)), row[3]]).rstrip()
        for row in rows
    )


def _facts(database: SqlDatabase, name: str) -> TableFacts:
    found = database.describe(name)
    return TableFacts(name, database.measure(found).rows, database.primary_key(name), found.types)


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

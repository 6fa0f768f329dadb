"""Continuous loads of a table: all of it, every hundredth row changed, nothing changed; beside dlt's merge."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contenders import Source, quiet_dlt
from benchmarks.harness import BenchmarkError, Case, Result, measure
from benchmarks.spark import Spark, start_spark
from benchmarks.worker import Worker
from fakes.postgres import Postgres, running_postgres, what_is_missing
from fakes.workspace import Settings
from ingestion.loads.run import run_feeds

BENCHMARK = "Continuous loads from PostgreSQL"
_ORDERS = Path(__file__).with_name("orders.sql")
_WARM_UP_ROWS = 100_000
_IDLE_FEEDS, _IDLE_ROWS = 40, 1_000
# Rows with other numbers than the last time, so that each round changes others.
_CHANGE = "UPDATE orders SET cents = cents + 1, modified = clock_timestamp() WHERE id % 100 = {remainder}"
_FEED = 'write_disposition = "merge"\nincremental = { method = "cursor", cursor_column = "modified" }\n'

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Sums:
    """What a table's copy has to agree in: its rows, and the sum of a column that changes."""

    rows: int
    cents: int


def loads(folder: Path, rows: Sequence[int], repetitions: int, progress: Progress) -> Iterator[list[Result]]:
    """Measure loads of one table, and of many in which nothing changed.

    Raises:
        BenchmarkError: there is no PostgreSQL server on this machine.
    """
    missing = what_is_missing()
    if missing:
        raise BenchmarkError(missing)
    with running_postgres() as server, ExitStack() as stack:
        spark = stack.enter_context(Worker("spark", start_spark, folder / "spark"))
        dlt = stack.enter_context(Worker("worker", quiet_dlt, folder / "dlt"))
        contenders = {"this": (spark, this_load, this_sums), "dlt, connectorx": (dlt, dlt_load, dlt_sums)}
        for _ in _of_one_table(server, contenders, folder / "warm-up", _WARM_UP_ROWS, 1, progress=progress):
            pass
        for number in rows:
            yield from _of_one_table(server, contenders, folder / "lakes", number, repetitions, progress=progress)
        yield _of_many(server, spark, folder / "lakes", repetitions, progress)


def _of_one_table(
    server: Postgres, contenders: dict[str, Any], folder: Path, rows: int, repetitions: int, *, progress: Progress
) -> Iterator[list[Result]]:
    """Load the table whole, then what changed, then nothing; in each round anew. Give the results by case."""
    changed = rows // 100
    cases = {
        "whole": Case(BENCHMARK, f"{rows:,} rows, all", rows),
        "changed": Case(BENCHMARK, f"{rows:,} rows, {changed:,} of them changed", changed),
        "idle": Case(BENCHMARK, f"{rows:,} rows, nothing changed", 0),
    }
    progress(f"{BENCHMARK}: making {rows:,} rows")
    source = _fill(server, rows)
    measured: dict[str, list[list[Result]]] = {name: [] for name in cases}
    for number in range(repetitions):
        shutil.rmtree(folder, ignore_errors=True)
        for name, case in cases.items():
            if name == "changed":
                server.execute(_CHANGE.format(remainder=number % 100), "VACUUM ANALYZE orders")
            sums = Sums(*map(int, server.execute("SELECT count(*), sum(cents) FROM orders").split("|")))
            runs = {
                contender: partial(_run, worker, load, sums_of, source, folder / load.__name__, expected=sums)
                for contender, (worker, load, sums_of) in contenders.items()
            }
            measured[name].append(measure(case, runs, repetitions=1, warm_ups=0, progress=progress))
    shutil.rmtree(folder, ignore_errors=True)
    for rounds in measured.values():
        yield [_together(of_contender) for of_contender in zip(*rounds, strict=True)]


def _of_many(server: Postgres, spark: Worker, folder: Path, repetitions: int, progress: Progress) -> list[Result]:
    """Load many feeds in which nothing changed."""
    shutil.rmtree(folder, ignore_errors=True)
    tables = [f"orders_{number}" for number in range(_IDLE_FEEDS)]
    _fill(server, _IDLE_ROWS)
    for table in tables:
        server.drop(table)
        server.execute(
            f"CREATE TABLE {table} (LIKE orders INCLUDING INDEXES)",
            f"INSERT INTO {table} SELECT * FROM orders",  # noqa: S608 - our own names
        )
    source = Source(server.url, server.user, server.password, _IDLE_ROWS)
    spark.call(this_load, source, folder, tables)  # it is not what is measured

    def run() -> Any:
        _, taken = spark.run(this_load, source, folder, tables)
        return taken

    case = Case(BENCHMARK, f"{_IDLE_FEEDS} feeds, nothing changed", _IDLE_FEEDS, "feeds")
    return measure(case, {"this": run}, repetitions=repetitions, progress=progress)


def _fill(server: Postgres, rows: int) -> Source:
    script = _ORDERS.read_text(encoding="utf-8").replace(":rows", str(rows))
    server.execute(*(statement for statement in script.split(";\n") if statement.strip()))
    return Source(server.url, server.user, server.password, rows, f"127.0.0.1:{server.port}/{server.database}")


def _run(worker: Worker, load: Any, sums_of: Any, source: Source, folder: Path, *, expected: Sums) -> Any:
    _, run = worker.run(load, source, folder)
    found = worker.call(sums_of, folder)
    if found != expected:
        raise BenchmarkError(f"its table has {found}, the source {expected}")
    return run


def _together(rounds: Sequence[Result]) -> Result:
    """Return the rounds of a contender in a case as one result."""
    failed = next((result for result in rounds if result.error), None)
    if failed:
        return failed
    return replace(rounds[0], seconds=tuple(seconds for result in rounds for seconds in result.seconds))


# The contenders


def this_load(spark: Spark, source: Source, folder: Path, tables: Sequence[str] = ("orders",)) -> None:
    """The notebook `ingest`, with three lines of TOML a table."""
    sources = folder / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    (sources / "bench.toml").write_text(
        '[source]\ntype = "sql"\nurl = "${SQL_URL}"\nuser = { secret = "sql-user" }\n'
        'password = { secret = "sql-password" }\n'
        + "".join(f'[[tables]]\nname = "{table}"\n{_FEED}' for table in tables),
        encoding="utf-8",
    )
    configuration = Settings(
        {"sources": str(sources)},
        {"LAKE_ROOT": str(folder), "SQL_URL": source.jdbc_url},
        {"sql-user": source.user, "sql-password": source.password},
    ).configuration()
    result = json.loads(run_feeds(spark.session, configuration))
    if result["status"] != "Succeeded":
        raise BenchmarkError(result["message"])


def this_sums(spark: Spark, folder: Path) -> Sums:
    """What the table in the lake holds."""
    frame = spark.session.read.format("delta").load(str(folder / "bench" / "orders"))
    return Sums(*frame.selectExpr("count(*)", "sum(cents)").collect()[0])


def dlt_load(_ready: None, source: Source, folder: Path) -> None:
    """dlt's sql_database source with its connectorx backend, merged by its key (upsert) into a Delta table."""
    import dlt
    from dlt.sources.sql_database import sql_table

    table = sql_table(
        credentials=source.uri,
        table="orders",
        backend="connectorx",
        incremental=dlt.sources.incremental("modified"),
        primary_key="id",
        write_disposition={"disposition": "merge", "strategy": "upsert"},
    )
    table.apply_hints(table_format="delta")
    pipeline = dlt.pipeline(
        "benchmark_continuous",
        destination=dlt.destinations.filesystem(bucket_url=folder.as_uri()),
        dataset_name="raw",
        pipelines_dir=str(folder / "_pipelines"),
    )
    pipeline.run(table)


def dlt_sums(_ready: None, folder: Path) -> Sums:
    """What dlt's table holds."""
    import pyarrow.compute as pc
    from deltalake import DeltaTable

    cents = DeltaTable(str(folder / "raw" / "orders")).to_pyarrow_table(columns=["cents"])["cents"]
    return Sums(len(cents), pc.sum(cents).as_py())

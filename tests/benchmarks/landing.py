"""Landing a table of customers: this landing beside the usual ways, on PostgreSQL and on Derby, by numbers of rows."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable

from benchmarks.contenders import IN_SMALL_HEAP, ON_DERBY, ON_SPARK, WITHOUT_SPARK, Contender, Source, quiet_dlt
from benchmarks.harness import BenchmarkError, Case, Result, Run, measure
from benchmarks.spark import Spark, collect_garbage, largest_heap, start_spark
from benchmarks.worker import Worker
from fakes.postgres import Postgres, running_postgres, what_is_missing
from local_factory.demo.database import prepare_database

POSTGRES, DERBY = "Landing from PostgreSQL", "Landing from Derby"
# The least that Spark starts with is 450 MB.
_SMALL_HEAP = "512m"
SMALL = f"Landing from PostgreSQL in {_SMALL_HEAP} of heap"
_CUSTOMERS = Path(__file__).with_name("customers.sql")

Progress = Callable[[str], None]
Wanted = Callable[[str], bool]


def from_postgres(
    folder: Path, rows: Sequence[int], repetitions: int, progress: Progress, wanted: Wanted = lambda _name: True
) -> Iterator[list[Result]]:
    """Measure the wanted contenders on PostgreSQL; give the results of each number of rows when they are there.

    Raises:
        BenchmarkError: there is no PostgreSQL server on this machine.
    """
    missing = what_is_missing()
    if missing:
        raise BenchmarkError(missing)
    with running_postgres() as server, ExitStack() as stack:
        spark = stack.enter_context(Worker("spark", start_spark, folder / "spark"))
        others = {
            name: stack.enter_context(Worker("worker", quiet_dlt, folder / contender.__name__))
            for name, contender in WITHOUT_SPARK.items()
        }
        for number in rows:
            progress(f"{POSTGRES}: making {number:,} rows")
            source = _fill(server, number)
            with _emptied(folder / "lakes") as lakes:
                contenders = {
                    **{name: partial(_run_on_spark, spark, land, source, lakes) for name, land in ON_SPARK.items()},
                    **{name: partial(_run, others[name], land, source, lakes) for name, land in WITHOUT_SPARK.items()},
                }
                yield measure(
                    _case(POSTGRES, number),
                    _chosen(contenders, wanted),
                    repetitions=repetitions,
                    warm_ups=_warm_ups(number, rows),
                    progress=progress,
                )


def in_small_heap(folder: Path, rows: Sequence[int], repetitions: int, progress: Progress) -> Iterator[list[Result]]:
    """Measure this landing in a JVM with little memory.

    Raises:
        BenchmarkError: there is no PostgreSQL server on this machine.
    """
    missing = what_is_missing()
    if missing:
        raise BenchmarkError(missing)
    prepare = partial(start_spark, heap=_SMALL_HEAP)
    with running_postgres() as server, Worker("spark", prepare, folder / "spark") as spark:
        for number in rows:
            progress(f"{SMALL}: making {number:,} rows")
            source = _fill(server, number)
            with _emptied(folder / "lakes") as lakes:
                contenders = {
                    name: partial(_run_on_spark, spark, land, source, lakes) for name, land in IN_SMALL_HEAP.items()
                }
                yield measure(_case(SMALL, number), contenders, repetitions=repetitions, progress=progress)


def from_derby(
    folder: Path, rows: Sequence[int], repetitions: int, progress: Progress, wanted: Wanted = lambda _name: True
) -> Iterator[list[Result]]:
    """Measure this landing and the obvious notebook on Derby, embedded in Spark's own JVM."""
    with _emptied(folder / "derby") as database, Worker("spark", start_spark, folder / "spark") as spark:
        for number in rows:
            progress(f"{DERBY}: making {number:,} rows")
            source = spark.call(_derby, database, number)
            with _emptied(folder / "lakes") as lakes:
                contenders = {
                    name: partial(_run_on_spark, spark, land, source, lakes) for name, land in ON_DERBY.items()
                }
                yield measure(
                    _case(DERBY, number),
                    _chosen(contenders, wanted),
                    repetitions=repetitions,
                    warm_ups=_warm_ups(number, rows),
                    progress=progress,
                )


def _warm_ups(number: int, rows: Sequence[int]) -> int:
    """Return how often to warm up: a JVM that has just started takes several runs until its code is compiled."""
    return 3 if number == rows[0] else 1


def _chosen(contenders: dict[str, Callable[[], Run]], wanted: Wanted) -> dict[str, Callable[[], Run]]:
    return {name: run for name, run in contenders.items() if wanted(name)}


def _case(benchmark: str, rows: int) -> Case:
    return Case(benchmark, f"{rows:,} rows", rows)


def _fill(server: Postgres, rows: int) -> Source:
    script = _CUSTOMERS.read_text(encoding="utf-8").replace(":rows", str(rows))
    server.execute(*(statement for statement in script.split(";\n") if statement.strip()))
    address = f"127.0.0.1:{server.port}/{server.database}"
    return Source(server.url, server.user, server.password, rows, address)


def _derby(spark: Spark, folder: Path, rows: int) -> Source:
    database = prepare_database(spark.session, folder, rows, 0)
    return Source(database.url, database.user, database.password, rows)


def _run_on_spark(worker: Worker, contender: Contender, source: Source, lakes: Path) -> Run:
    """Run a contender; the JVM has collected its garbage before the first run, the one whose memory counts."""
    if not _lake(contender, lakes).exists():
        worker.call(collect_garbage)
    run = _run(worker, contender, source, lakes)
    heap = worker.call(largest_heap)
    return replace(run, figures={"heap_after_gc_bytes": heap} if heap else {})


def _run(worker: Worker, contender: Contender, source: Source, lakes: Path) -> Run:
    files, run = worker.run(contender, source, _lake(contender, lakes))
    landed = _rows(files)
    if landed != source.rows:
        raise BenchmarkError(f"{landed} rows are in its files, {source.rows} are in the table")
    return run


def _rows(folder: Path) -> int:
    """Return the rows that a table's newest version holds, by Delta's log or by its files' footers."""
    if (folder / "_delta_log").is_dir():
        return DeltaTable(folder).to_pyarrow_dataset().count_rows()
    return sum(pq.read_metadata(file).num_rows for file in folder.rglob("*.parquet"))


def _lake(contender: Contender, lakes: Path) -> Path:
    return lakes / contender.__name__


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    """Return a new folder, which is gone at the end: five million rows are several hundred megabytes a contender."""
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)

"""Many small feeds in one run, beside the loop that everyone writes; and the memory of a large answer's many pages."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import requests

from benchmarks.contenders import quiet_dlt
from benchmarks.harness import BenchmarkError, Case, Result, Run, measure
from benchmarks.spark import Spark, start_spark
from benchmarks.worker import Worker, WorkerError
from fakes.faulty_http import Answer, FaultyServer, Request, json_answer, running
from fakes.postgres import Postgres, running_postgres, what_is_missing
from fakes.workspace import Settings
from ingestion.loads.run import run_feeds

MANY, RECORDS = "Many small feeds", "Many records of one endpoint"
_ROWS = 1_000
_PAGES, _PAGE = 5, 100
_LATENCY = 0.02
_LARGE_PAGE = 1_000
# What a table of a shop is like: numbers, texts, a moment.
_COLUMNS = (
    "g AS id, g % 97 AS kind, 'name of ' || g AS name, g * 1.25 AS price, now() AS changed, repeat('x', 40) AS note"
)

Progress = Callable[[str], None]
Contender = Callable[[Any, Mapping[str, str], int, int, Path], Path]


def this_ingestion(spark: Spark, source: Mapping[str, str], tables: int, endpoints: int, folder: Path) -> Path:
    """Land all feeds as the notebook `ingest` does: one run, one file of TOML for each source."""
    sources = folder / "sources"
    sources.mkdir(parents=True)
    signed_in = 'user = { secret = "user" }\npassword = { secret = "password" }'
    (sources / "shop.toml").write_text(
        f'[source]\ntype = "sql"\nurl = "{source["url"]}"\n{signed_in}\n[defaults]\nformat = "parquet"\n'
        + "".join(f'[[tables]]\nname = "t{number}"\n' for number in range(tables)),
        encoding="utf-8",
    )
    if not endpoints:
        _run_feeds(spark, sources, folder, source)
        return folder
    (sources / "api.toml").write_text(
        f'[source]\ntype = "rest"\nurl = "{source["api"]}"\n[defaults]\nformat = "parquet"\n'
        'paginator = { type = "page_number" }\ndata_selector = "items"\n'
        + "".join(f'[[endpoints]]\nname = "e{number}"\npath = "e{number}"\n' for number in range(endpoints)),
        encoding="utf-8",
    )
    _run_feeds(spark, sources, folder, source)
    return folder


def loop(spark: Spark, source: Mapping[str, str], tables: int, endpoints: int, folder: Path) -> Path:
    """Read and write one after the other with Spark's own reader and writer: neither checked nor promoted."""
    options = {"url": source["url"], "user": source["user"], "password": source["password"]}
    for number in range(tables):
        frame = spark.session.read.format("jdbc").options(**options, dbtable=f"t{number}").load()
        frame.write.mode("overwrite").parquet(str(folder / "shop" / f"t{number}"))
    for number in range(endpoints):
        records: list[dict[str, Any]] = []
        for page in range(1, _PAGES + 2):
            answer = requests.get(f"{source['api']}/e{number}", params={"page": str(page)}, timeout=30)
            answer.raise_for_status()
            records += answer.json()["items"]
        frame = spark.session.createDataFrame(records)
        frame.write.mode("overwrite").parquet(str(folder / "api" / f"e{number}"))
    return folder


def dlt_tables(_ready: None, source: Mapping[str, str], tables: int, _endpoints: int, folder: Path) -> Path:
    """Land the tables with dlt: one pipeline, its sql_database source with the connectorx backend, side by side."""
    import dlt
    from dlt.sources.sql_database import sql_database

    names = [f"t{number}" for number in range(tables)]
    shop = sql_database(credentials=source["uri"], table_names=names, backend="connectorx").parallelize()
    pipeline = dlt.pipeline(
        "benchmark_feeds",
        destination=dlt.destinations.filesystem(bucket_url=folder.as_uri()),
        dataset_name="shop",
        pipelines_dir=str(folder / "_pipelines"),
    )
    pipeline.run(shop, loader_file_format="parquet", write_disposition="replace")
    for own in (folder / "shop").glob("_dlt*"):
        shutil.rmtree(own)
    (folder / "shop" / "init").unlink(missing_ok=True)
    return folder


CONTENDERS: Mapping[str, Contender] = {"this ingestion": this_ingestion, "loop": loop}
# Of tables alone. What it does without Spark has a process of its own.
WITHOUT_SPARK: Mapping[str, Contender] = {"dlt, connectorx": dlt_tables}
# A new JVM compiles its code first, on this many feeds, as often.
_WARM_TABLES, _WARM_ENDPOINTS, _WARM_RUNS = 30, 4, 2


def many(
    folder: Path,
    feeds: tuple[int, int],
    repetitions: int,
    progress: Progress,
    wanted: Callable[[str], bool] = lambda _name: True,
) -> Iterator[list[Result]]:
    """Measure so many tables of 1,000 rows, then those and endpoints of five pages, all Spark contenders in one Spark.

    Raises:
        BenchmarkError: there is no PostgreSQL server on this machine.
    """
    missing = what_is_missing()
    if missing:
        raise BenchmarkError(missing)
    tables, endpoints = feeds
    alone = Case(MANY, f"{tables} tables", tables, "feeds")
    both = Case(MANY, f"{tables} tables, {endpoints} endpoints", tables + endpoints, "feeds")
    with (
        running_postgres() as server,
        running(FaultyServer()) as api,
        Worker("spark", start_spark, folder) as spark,
        Worker("dlt", quiet_dlt, folder) as dlt,
    ):
        _fill(server, tables)
        for number in range(endpoints):
            api.route(f"/e{number}", _pages)
        uri = f"postgresql://{server.user}:{server.password}@127.0.0.1:{server.port}/{server.database}"
        source = {"url": server.url, "uri": uri, "user": server.user, "password": server.password, "api": api.url}
        lakes = folder / "lakes"
        on_spark = {name: (spark, contender) for name, contender in CONTENDERS.items() if wanted(name)}
        others = {name: (dlt, contender) for name, contender in WITHOUT_SPARK.items() if wanted(name)}
        for name, (worker, contender) in {**on_spark, **others}.items():
            few = (min(tables, _WARM_TABLES), 0 if name in others else min(endpoints, _WARM_ENDPOINTS))
            for _ in range(_WARM_RUNS):
                progress(f"{MANY}, {name}, warm-up")
                with suppress(WorkerError):  # it is told of the measured run
                    _run(worker, contender, source, few, lakes)
        for case, contenders, sizes in (
            (alone, {**on_spark, **others}, (tables, 0)),
            (both, on_spark, feeds),
        ):
            runs = {
                name: partial(_run, worker, contender, source, sizes, lakes)
                for name, (worker, contender) in contenders.items()
            }
            yield measure(case, runs, repetitions=repetitions, warm_ups=0, progress=progress)


def records(folder: Path, number: int, progress: Progress) -> Iterator[list[Result]]:
    """Measure the memory in which so many records of one endpoint land: of the process that reads, and of Spark's."""
    case = Case(RECORDS, f"{number:,} records", number, "records")
    with running(FaultyServer()) as api, Worker("spark", start_spark, folder) as spark:
        api.route("/e0", partial(_large_pages, number))
        lake = folder / "lakes"
        yield measure(
            case,
            {"this ingestion": partial(_run_records, spark, api.url, number, lake)},
            repetitions=1,
            warm_ups=0,
            progress=progress,
        )


def _run(worker: Worker, contender: Contender, source: Mapping[str, str], feeds: tuple[int, int], lakes: Path) -> Run:
    folder = lakes / f"{contender.__name__}-{time.monotonic_ns()}"
    lake, run = worker.run(contender, source, *feeds, folder)
    found = tuple(len({file.parent for file in (lake / name).glob("*/*.parquet")}) for name in ("shop", "api"))
    if found != feeds:
        raise BenchmarkError(f"{found} feeds were landed, not {feeds}")
    shutil.rmtree(folder)
    return run


def _run_records(worker: Worker, url: str, number: int, lakes: Path) -> Run:
    folder = lakes / f"records-{time.monotonic_ns()}"
    (peak, rows), run = worker.run(_load_records, url, folder)
    if rows != number:
        raise BenchmarkError(f"{rows:,} of {number:,} records were landed")
    return Run(run.seconds, run.peak_memory, {"reader_peak_bytes": peak})


def _load_records(spark: Spark, url: str, folder: Path) -> tuple[int, int]:
    """Land one endpoint, and return the peak memory of this process, in bytes, and the rows that landed."""
    sources = folder / "sources"
    sources.mkdir(parents=True)
    (sources / "api.toml").write_text(
        f'[source]\ntype = "rest"\nurl = "{url}"\n[[endpoints]]\nname = "e0"\npath = "e0"\nformat = "parquet"\n'
        'paginator = { type = "page_number" }\ndata_selector = "items"\n',
        encoding="utf-8",
    )
    _run_feeds(spark, sources, folder, {})
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return peak * 1024, spark.session.read.parquet(str(folder / "api" / "e0")).count()


def _run_feeds(spark: Spark, sources: Path, folder: Path, source: Mapping[str, str]) -> None:
    settings = Settings(
        widgets={"sources": str(sources)},
        environment={"LAKE_ROOT": str(folder)},
        secrets={name: source[name] for name in ("user", "password") if name in source},
    )
    outcome = json.loads(run_feeds(spark.session, settings.configuration()))
    if outcome["status"] != "Succeeded":
        raise BenchmarkError(outcome["message"][:500])


def _fill(server: Postgres, tables: int) -> None:
    statements = [
        f"CREATE TABLE t{number} AS SELECT {_COLUMNS} FROM generate_series(1, {_ROWS}) g"  # noqa: S608 - our own numbers
        for number in range(tables)
    ]
    server.execute(*statements)


def _pages(request: Request) -> Answer:
    page = int(request.query.get("page", "1"))
    items = [_record((page - 1) * _PAGE + number) for number in range(_PAGE)] if page <= _PAGES else []
    answer = json_answer({"items": items})

    def late(handler: Any) -> None:
        time.sleep(_LATENCY)
        answer(handler)

    return late


def _large_pages(number: int, request: Request) -> Answer:
    start = (int(request.query.get("page", "1")) - 1) * _LARGE_PAGE
    return json_answer({"items": [_record(each) for each in range(start, min(start + _LARGE_PAGE, number))]})


def _record(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"name of {number}",
        "price": number * 1.25,
        "at": {"x": number % 97, "note": "x" * 40},
    }

"""Many small feeds in one run, beside the loop that everyone writes; and the memory of a large answer's many pages."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import requests

from benchmarks.harness import BenchmarkError, Case, Result, Run, measure
from benchmarks.spark import Spark, start_spark
from benchmarks.worker import Worker
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
Contender = Callable[[Spark, Mapping[str, str], int, int, Path], Path]


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


CONTENDERS: Mapping[str, Contender] = {"this ingestion": this_ingestion, "loop": loop}


def many(folder: Path, tables: int, endpoints: int, repetitions: int, progress: Progress) -> Iterator[list[Result]]:
    """Measure both on so many tables of 1,000 rows and endpoints of five pages, in one Spark.

    Raises:
        BenchmarkError: there is no PostgreSQL server on this machine.
    """
    missing = what_is_missing()
    if missing:
        raise BenchmarkError(missing)
    case = Case(MANY, f"{tables} tables, {endpoints} endpoints", tables + endpoints, "feeds")
    with running_postgres() as server, running(FaultyServer()) as api, Worker("spark", start_spark, folder) as spark:
        _fill(server, tables)
        for number in range(endpoints):
            api.route(f"/e{number}", _pages)
        source = {"url": server.url, "user": server.user, "password": server.password, "api": api.url}
        contenders = {
            name: partial(_run, spark, contender, source, (tables, endpoints), folder / "lakes")
            for name, contender in CONTENDERS.items()
        }
        yield measure(case, contenders, repetitions=repetitions, progress=progress)


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
    landed = [len(list((lake / name).glob("*/*.parquet"))) > 0 for name in ("shop", "api")]
    found = sum(1 for name in ("shop", "api") for _ in (lake / name).iterdir())
    if found != sum(feeds) or not all(landed):
        raise BenchmarkError(f"{found} of {sum(feeds)} feeds were landed")
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

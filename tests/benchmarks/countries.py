"""Country ingestion beside a client that asks one after the other, by latency of the API and number of documents."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from benchmarks.harness import BenchmarkError, Case, Result, Run, measure
from benchmarks.spark import Spark, start_spark
from benchmarks.worker import Worker
from fakes.country_records import COUNTRIES, Country, v3_record, write_sources
from fakes.faulty_http import Answer, FaultyServer, json_answer, running
from fakes.workspace import Settings
from ingestion.loads.ingest_countries import ingest_countries

BENCHMARK = "Country ingestion"

Contender = Callable[[Spark, str, Sequence[Country], Path], Path]


def this_ingestion(spark: Spark, url: str, countries: Sequence[Country], folder: Path) -> Path:
    """Land the countries as the notebook ingest_country_data does."""
    settings = Settings(environment={"LAKE_ROOT": str(folder), "COUNTRY_API_URL": url})
    sources = write_sources(folder / "sources", countries)
    ingest_countries(spark.session, requests.Session(), settings.configuration(), sources=sources)
    return folder / "countries"


def sequential_client(_spark: Spark, url: str, countries: Sequence[Country], folder: Path) -> Path:
    """Ask for one after the other, and write each into its file: neither checked nor promoted."""
    folder.mkdir(parents=True, exist_ok=True)
    for country in countries:
        answer = requests.get(f"{url}/name/{quote(country.name)}", timeout=30)
        answer.raise_for_status()
        [record] = [record for record in answer.json() if record["cca2"] == country.alpha_2]
        (folder / country.file_name).write_text(json.dumps(record), encoding="utf-8")
    return folder


CONTENDERS: dict[str, Contender] = {"this ingestion": this_ingestion, "sequential client": sequential_client}


def ingestion(
    folder: Path,
    documents: Sequence[int],
    latencies: Sequence[float],
    repetitions: int,
    progress: Callable[[str], None],
) -> Iterator[list[Result]]:
    """Measure for each number of documents and each latency (seconds); the API is in this process, its clients not."""
    with Worker("spark", start_spark, folder / "spark") as spark:
        for number in documents:
            countries = _countries(number)
            for latency in latencies:
                case = Case(BENCHMARK, f"{number} documents, {latency * 1000:g} ms", number, "documents")
                with running(FaultyServer()) as server:
                    for country in countries:
                        server.answer(f"/name/{country.name}", _after(latency, json_answer([_record(country)])))
                    contenders = {
                        name: partial(_run, spark, contender, server.url, countries, folder / contender.__name__)
                        for name, contender in CONTENDERS.items()
                    }
                    yield measure(case, contenders, repetitions=repetitions, progress=progress)


def _run(worker: Worker, contender: Contender, url: str, countries: Sequence[Country], folder: Path) -> Run:
    files, run = worker.run(contender, url, countries, folder)
    missing = [country.name for country in countries if not (files / country.file_name).is_file()]
    if missing:
        raise BenchmarkError(f"{len(missing)} of {len(countries)} documents were not landed")
    return run


def _countries(number: int) -> Sequence[Country]:
    """Return the five countries, or made-up ones where more are wanted."""
    made_up = [Country(f"country{index}", f"{index:03}") for index in range(len(COUNTRIES), number)]
    return [*COUNTRIES[:number], *made_up]


def _record(country: Country) -> dict[str, Any]:
    return v3_record("IN", cca2=country.alpha_2)


def _after(latency: float, answer: Answer) -> Answer:
    def wait_and_answer(handler: Any) -> None:
        time.sleep(latency)
        answer(handler)

    return wait_and_answer

"""What the notebook `ingest_country_data` calls: the countries of `sources/restcountries.toml`, each into its file."""

import json
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import requests
from pyspark.sql import SparkSession

from ingestion.feeds.model import Endpoint, RestSource
from ingestion.feeds.sources import SOURCES, read_sources
from ingestion.lake.documents import replace_document
from ingestion.lake.storage import Storage, open_storage
from ingestion.loads.results import FeedResult, Status
from ingestion.loads.run_rows import kept
from ingestion.platform import strict_json
from ingestion.platform.errors import (
    ApiError,
    ApiTimeoutError,
    CountriesFailedError,
    CountryApiDeprecatedError,
    IngestionError,
    MissingSettingError,
)
from ingestion.platform.identity import find_credential
from ingestion.platform.log import Clock, StepLog, utc_now
from ingestion.platform.log_ingestion import notebook_log
from ingestion.platform.settings import Configuration, CountrySettings, country_api_url
from ingestion.platform.threads import completed
from ingestion.rest.answers import Values
from ingestion.rest.client import ApiClient, RetryPolicy
from ingestion.rest.endpoint import EndpointReader, Page
from ingestion.rest.http import Bounds
from ingestion.rest.record_files import record_file

_FILE, _FEED = "restcountries.toml", "restcountries.countries"
# An answer that is not whole by then, retries included, is given up.
_SECONDS = 300.0
# A true answer is 80 kB at most.
DEFAULT_BOUNDS = Bounds(connect=5, silence=10, whole=30, size=1024 * 1024)
# A free key has 500 requests a month.
DEFAULT_RETRIES = RetryPolicy(tries=4, longest_wait=60, total=180)
_DEPRECATION = re.compile(r"deprecat|shut ?down|no longer (supported|available)", re.IGNORECASE)


def ingest_countries(
    spark: SparkSession,
    session: requests.Session,
    configuration: Configuration,
    *,
    sources: Path = SOURCES,
    clock: Clock = utc_now,
    sleep: Callable[[float], None] = time.sleep,
    seconds: float = _SECONDS,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> str:
    """Land the record of every country, each in a file of its own; return the files' names as a JSON list.

    As many as `country_api_connections` says are asked for at the same time, and each is written as it comes.

    Args:
        spark: the session.
        session: makes the connections to the country API, and keeps as many of them as are used at a time.
        configuration: where the settings come from.
        sources: the folder whose feed `restcountries.countries` says what is asked.
        clock: the time, in UTC.
        sleep: waits a number of seconds between two tries.
        seconds: after which a country that is not there is given up.
        bounds: of one request to the country API.

    Raises:
        CountriesFailedError: after all others were landed, with the reason for each that was not; its old file is as
            it was.
        SettingError: a setting is missing, or cannot be used; or the file is wrong.
    """
    log = notebook_log(configuration, clock)
    with log.run("ingest_country_data") as run:
        settings = CountrySettings.read(configuration)
        source, feed = _read_feed(sources, configuration, settings)
        client = ApiClient(
            source,
            session,
            lambda secret: configuration.require_secret(secret.secret),
            hide=configuration.secrets.hide,
            bounds=bounds,
            retries=DEFAULT_RETRIES,
            clock=clock,
            sleep=sleep,
            on_retry=log.retry,
        )
        reader = EndpointReader(client, source)
        storage = open_storage(settings.lake_root, partial(find_credential, configuration))
        result = FeedResult(_FEED, "load")
        with kept(storage, log, result, configuration.secrets):
            countries = {", ".join(map(str, values.values())): values for values in reader.combinations(feed)}

            def fetch(values: Values) -> Page:
                page = _fetch(reader, feed, values, log)
                return replace(page, url=configuration.secrets.redact(page.url))

            landings = _land_all(countries, fetch, partial(_land, storage, feed, log), source.max_connections, seconds)
            landed = landings.files
            result.rows_read, result.inserted = landings.fetched, len(landed)
            run.rows = len(landed)
            if landings.failures:
                raise CountriesFailedError(_message(landings.failures, len(countries)))
            result.rows_in_target, result.status = len(landed), Status.SUCCEEDED
    return json.dumps(landed)


def _read_feed(folder: Path, configuration: Configuration, settings: CountrySettings) -> tuple[RestSource, Endpoint]:
    """Return the country API as the files say, at the address and with the connections that the settings say."""

    def has_secret(key: str) -> bool:
        return configuration.secrets.find(configuration.secret(key)) is not None

    def setting(name: str) -> str | None:
        if name == "COUNTRY_API_URL":
            return settings.api_url or country_api_url(configuration)
        return configuration.variable(name)

    for source in read_sources(folder, setting, has_secret, _FILE):
        for feed in source.feeds:
            if feed.name == _FEED and isinstance(source, RestSource) and isinstance(feed, Endpoint):
                return replace(source, max_connections=settings.api_connections), feed
    raise MissingSettingError(f"{folder}: {_FILE} has no feed {_FEED}, which says what ingest_country_data asks for.")


@dataclass(frozen=True)
class _Landings:
    """What came of all countries.

    Attributes:
        fetched: how many the API answered for.
        files: their names, in the countries' order.
        failures: why others did not land, by country.
    """

    fetched: int
    files: list[str]
    failures: dict[str, BaseException]


def _land_all(
    countries: Mapping[str, Values],
    fetch: Callable[[Values], Page],
    land: Callable[[Page], str],
    workers: int,
    seconds: float,
) -> _Landings:
    """Fetch so many countries at a time, and land each as it comes."""
    late = ApiTimeoutError(f"no whole answer after {seconds:g} s, retries included.")
    tasks = {name: partial(fetch, values) for name, values in countries.items()}
    landings: dict[str, Future[str]] = {}
    failures: dict[str, BaseException] = {}
    with ThreadPoolExecutor(workers) as pool:
        for name, ended in completed(tasks, workers=workers, seconds=seconds, late=late):
            if error := ended.exception():
                failures[name] = error
            else:
                landings[name] = pool.submit(land, ended.result())
    files: list[str] = []
    for name in [each for each in countries if each in landings]:
        try:
            files.append(landings[name].result())
        except IngestionError as error:
            failures[name] = error
    return _Landings(len(landings), files, {name: failures[name] for name in countries if name in failures})


def _fetch(reader: EndpointReader, feed: Endpoint, values: Values, log: StepLog) -> Page:
    with log.step("fetch", source=reader.url(feed, values)) as step:
        try:
            [page] = reader.pages(feed, values)
        except ApiError as error:
            if _DEPRECATION.search(str(error)):
                raise CountryApiDeprecatedError(str(error)) from error
            raise
        step.rows = len(page.records)
    return page


def _land(storage: Storage, feed: Endpoint, log: StepLog, page: Page) -> str:
    [record] = page.records
    name = record_file(feed, page.values, record)
    with log.step("land", source=page.url, target=storage.url(name)) as step:
        replace_document(storage, name, strict_json.dump(record), run_id=log.run_id, source=page.url, clock=log.clock)
        step.rows = 1
    return name


def _message(failures: dict[str, BaseException], asked: int) -> str:
    lines = [f"- {name}: {type(error).__name__}: {error}" for name, error in failures.items()]
    head = f"{len(failures)} of {asked} countries were not landed; their old files are as they were:"
    return "\n".join([head, *lines])

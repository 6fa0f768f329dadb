"""What the notebook `ingest_country_data` calls: five countries from the country API to the lake."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import requests
from pyspark.sql import SparkSession
from requests.adapters import HTTPAdapter

from ingestion.lake.documents import replace_document
from ingestion.lake.storage import Storage, open_storage
from ingestion.platform import strict_json
from ingestion.platform.errors import CountriesFailedError, CountryApiTimeoutError, IngestionError
from ingestion.platform.identity import find_credential
from ingestion.platform.log import Clock, StepLog, utc_now
from ingestion.platform.log_ingestion import notebook_log
from ingestion.platform.settings import Configuration, CountrySettings
from ingestion.platform.threads import gather
from ingestion.rest.countries import COUNTRIES, Country, Record
from ingestion.rest.country_api import DEFAULT_BOUNDS, CountryApi
from ingestion.rest.http_get import Bounds

# An answer that is not whole by then, retries included, is given up.
_SECONDS = 300.0


def ingest_countries(
    spark: SparkSession,
    session: requests.Session,
    configuration: Configuration,
    *,
    countries: Sequence[Country] = COUNTRIES,
    clock: Clock = utc_now,
    sleep: Callable[[float], None] = time.sleep,
    seconds: float = _SECONDS,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> str:
    """Land the record of every country, each in a file of its own; return the files' names as a JSON list.

    They are asked for at the same time, and then written at the same time, as many as `country_api_connections` says.

    Args:
        spark: the session, whose file systems the lake is reached through.
        session: makes the connections to the country API, and keeps as many of them as are used at a time.
        configuration: where the settings come from.
        countries: whose records are landed.
        clock: the time, in UTC.
        sleep: waits a number of seconds between two tries.
        seconds: after which a country that is not there is given up.
        bounds: of one request to the country API.

    Raises:
        CountriesFailedError: after all others were landed, with the reason for each that was not; its old file is as
            it was.
        SettingError: a setting is missing, or cannot be used.
    """
    log = notebook_log(configuration, clock)
    with log.run("ingest_country_data") as run:
        settings = CountrySettings.read(configuration)
        _keep_connections(session, settings.api_connections)
        api = CountryApi(
            session,
            settings.api_url,
            configuration.secrets.find(settings.api_key),
            bounds=bounds,
            clock=clock,
            sleep=sleep,
            on_retry=log.retry,
        )
        storage = open_storage(settings.lake_root, partial(find_credential, configuration))
        late = CountryApiTimeoutError(f"no whole answer after {seconds:g} s, retries included.")
        tasks = {country: partial(_fetch, api, country, log) for country in countries}
        records, failures = gather(tasks, workers=settings.api_connections, seconds=seconds, late=late)
        with ThreadPoolExecutor(settings.api_connections) as pool:
            landings = {
                country: pool.submit(
                    _land, storage, country, record, configuration.secrets.redact(api.url(country)), log
                )
                for country, record in records.items()
            }
        landed: list[str] = []
        for country, landing in landings.items():
            try:
                landed.append(landing.result())
            except IngestionError as error:
                failures[country] = error
        run.rows = len(landed)
        if failures:
            raise CountriesFailedError(_message(failures, len(countries)))
    return json.dumps(landed)


def _keep_connections(session: requests.Session, connections: int) -> None:
    """Let a session keep this many connections to a server; its own ten would close those beyond them after a use."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=connections))


def _fetch(api: CountryApi, country: Country, log: StepLog) -> Record:
    with log.step("fetch", source=api.url(country)) as step:
        record = api.fetch(country)
        step.rows = 1
    return record


def _land(storage: Storage, country: Country, record: Record, source: str, log: StepLog) -> str:
    name = f"countries/{country.file_name}"
    with log.step("land", source=source, target=storage.url(name)) as step:
        content = strict_json.dump(record)
        replace_document(storage, name, content, run_id=log.run_id, source=source, clock=log.clock)
        step.rows = 1
    return name


def _message(failures: dict[Country, Exception], asked: int) -> str:
    lines = [f"- {country}: {type(error).__name__}: {error}" for country, error in failures.items()]
    head = f"{len(failures)} of {asked} countries were not landed; their old files are as they were:"
    return "\n".join([head, *lines])

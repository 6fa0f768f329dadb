"""Five countries from a real API server to the lake: all at once, and each on its own when things go wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Condition
from typing import Any

import pytest
import requests
from pyspark.sql import SparkSession

from fakes.country_records import (
    COUNTRIES,
    DEPRECATION,
    SEARCHES,
    Country,
    v3_answer,
    v3_record,
    v5_answer,
    v5_record,
    write_sources,
)
from fakes.faulty_http import Answer, FaultyServer, bytes_answer, json_answer
from fakes.log_ingestion_service import LogIngestionService
from fakes.workspace import Settings
from ingestion.lake.folder_storage import FolderStorage
from ingestion.loads.ingest_countries import ingest_countries
from ingestion.platform.errors import CountriesFailedError, IngestionError, InvalidSettingError, MissingSettingError
from support.lakes import leftovers, run_rows

FILES = [f"countries/{name}.json" for name in ("india", "us", "uk", "china", "russia")]
OLD = b'{"name": "what was landed before"}\n'


@pytest.fixture
def workspace(server: FaultyServer, lake: Path) -> Settings:
    """Return settings for a v3.1 server that answers all five searches rightly."""
    for search in SEARCHES:
        server.answer(f"/name/{search}", json_answer(v3_answer(search)))
    return Settings(environment={"LAKE_ROOT": str(lake), "COUNTRY_API_URL": server.url})


@pytest.fixture
def ingest(spark: SparkSession, workspace: Settings) -> Callable[..., list[str]]:
    """Return a function that does what ingest_country_data does, and returns what it exits with; it does not wait."""

    def ingest(**options: Any) -> list[str]:
        configuration = workspace.configuration()
        exit_value = ingest_countries(spark, requests.Session(), configuration, sleep=lambda _: None, **options)
        names: list[str] = json.loads(exit_value)
        return names

    return ingest


def landed(lake: Path, name: str) -> Any:
    return json.loads((lake / "countries" / f"{name}.json").read_text(encoding="utf-8"))


def test_each_country_is_landed_as_the_api_gave_it(ingest: Callable[..., list[str]], lake: Path) -> None:
    assert ingest() == FILES
    for country in COUNTRIES:
        assert landed(lake, country.name) == v3_record(country.alpha_2)
    assert sorted(path.name for path in (lake / "countries").iterdir()) == sorted(Path(name).name for name in FILES)
    assert "भारत" in (lake / "countries" / "india.json").read_text(encoding="utf-8")
    (row,) = run_rows(lake)
    assert (row["feed"], row["status"], row["rows_in_target"]) == ("restcountries.countries", "Succeeded", 5)


def test_the_recorded_answers_land_the_five_countries(
    ingest: Callable[..., list[str]], server: FaultyServer, lake: Path, shared_folder: Path
) -> None:
    for country in COUNTRIES:
        recorded = (shared_folder / "data" / "restcountries-v3.1" / country.file_name).read_bytes()
        server.answer(f"/name/{country.name}", bytes_answer(recorded))
    ingest()
    names = {name: (landed(lake, name)["cca2"], landed(lake, name)["name"]["common"]) for name in SEARCHES}
    assert names == {
        "india": ("IN", "India"),
        "us": ("US", "United States"),
        "uk": ("GB", "United Kingdom"),
        "china": ("CN", "China"),
        "russia": ("RU", "Russia"),
    }


def test_with_a_key_v5_is_asked(
    ingest: Callable[..., list[str]], server: FaultyServer, workspace: Settings, lake: Path
) -> None:
    workspace.secrets["restcountries-api-key"] = "the-key"
    for country in COUNTRIES:
        server.answer(f"/codes.alpha_2/{country.alpha_2}", json_answer(v5_answer(v5_record(country.alpha_2))))
    assert ingest() == FILES
    for country in COUNTRIES:
        assert landed(lake, country.name) == v5_record(country.alpha_2)
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer the-key"}


def test_all_five_are_asked_at_the_same_time(ingest: Callable[..., list[str]], server: FaultyServer) -> None:
    # Nobody is answered before all five have asked.
    barrier = Barrier(5, timeout=240)

    def together(answer: Answer) -> Answer:
        def wait_and_answer(handler: Any) -> None:
            barrier.wait()
            answer(handler)

        return wait_and_answer

    for search in SEARCHES:
        server.answer(f"/name/{search}", together(json_answer(v3_answer(search))))
    assert ingest() == FILES


def test_all_five_are_landed_at_the_same_time(
    ingest: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is landed before all five are about to be.
    barrier, write = Barrier(5, timeout=240), FolderStorage.write

    def wait_and_write(*arguments: Any) -> None:
        barrier.wait()
        write(*arguments)

    monkeypatch.setattr(FolderStorage, "write", wait_and_write)
    assert ingest() == FILES


class Crowd:
    """Answers with one document each, none before as many wait as are expected, and counts how many wait at a time.

    `sources` is a folder that says to ask for all of them.
    """

    def __init__(self, server: FaultyServer, documents: int, sources: Path, expected: int) -> None:
        self.most = 0
        self._now = 0
        self._expected = expected
        self._changed = Condition()
        countries = [Country(f"country{number}", f"{number:03}") for number in range(documents)]
        self.sources = write_sources(sources, countries)
        for country in countries:
            server.answer(f"/name/{country.name}", self._counted(json_answer([v3_record("IN", cca2=country.alpha_2)])))

    def _counted(self, answer: Answer) -> Answer:
        def count_and_answer(handler: Any) -> None:
            with self._changed:
                self._now += 1
                self.most = max(self.most, self._now)
                self._changed.notify_all()
                self._changed.wait_for(lambda: self.most >= self._expected, timeout=240)
                self._now -= 1
            answer(handler)

        return count_and_answer


@pytest.mark.parametrize(("documents", "setting", "connections"), [(30, "", 8), (300, "16", 16)])
def test_documents_are_asked_for_on_as_many_connections_as_the_setting_says(
    ingest: Callable[..., list[str]],
    server: FaultyServer,
    workspace: Settings,
    tmp_path: Path,
    *,
    documents: int,
    setting: str,
    connections: int,
) -> None:
    workspace.widgets["country_api_connections"] = setting
    crowd = Crowd(server, documents, tmp_path / "sources", connections)
    assert len(ingest(sources=crowd.sources)) == documents
    assert crowd.most == connections
    assert len({request.connection for request in server.requests}) == connections


def test_a_country_that_fails_keeps_its_old_file_and_the_others_land(
    ingest: Callable[..., list[str]], server: FaultyServer, lake: Path
) -> None:
    (lake / "countries").mkdir(parents=True)
    for name in FILES:
        (lake / name).write_bytes(OLD)
    server.answer("/name/us", json_answer([v3_record("SZ")]))
    server.answer("/name/china", json_answer({"message": "Broken"}, 503))
    with pytest.raises(CountriesFailedError) as raised:
        ingest()
    message = str(raised.value)
    assert message.splitlines()[0].startswith("2 of 5 countries were not landed")
    assert "- us: NotFoundError" in message
    assert "- china: ApiUnavailableError" in message
    assert [(lake / name).read_bytes() == OLD for name in FILES] == [False, True, False, True, False]
    (row,) = run_rows(lake)
    assert (row["feed"], row["status"], row["rows_read"]) == ("restcountries.countries", "Failed", 3)
    assert "2 of 5 countries were not landed" in row["error"]


def test_the_deprecation_notice_is_landed_nowhere(
    ingest: Callable[..., list[str]], server: FaultyServer, lake: Path
) -> None:
    for search in SEARCHES:
        server.answer(f"/name/{search}", json_answer(DEPRECATION))
    with pytest.raises(CountriesFailedError) as raised:
        ingest()
    assert str(raised.value).count("CountryApiDeprecatedError") == 5
    assert not (lake / "countries").exists()


def test_a_second_run_replaces_the_first(ingest: Callable[..., list[str]], server: FaultyServer, lake: Path) -> None:
    ingest()
    server.answer("/name/india", json_answer([v3_record("IN", population=5)]))
    ingest()
    assert landed(lake, "india")["population"] == 5
    assert leftovers(lake) == []


def test_a_line_is_logged_for_each_fetch_landing_and_retry(
    ingest: Callable[..., list[str]],
    server: FaultyServer,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    server.answer("/name/uk", json_answer({}, 503), json_answer(v3_answer("uk")))
    ingest()
    lines = log_lines()
    steps = [line["step"] for line in lines]
    assert {step: steps.count(step) for step in steps} == {
        "fetch": 5,
        "retry": 1,
        "land": 5,
        "ingest_country_data": 1,
    }
    assert (lines[-1]["step"], lines[-1]["rows"], lines[-1]["level"]) == ("ingest_country_data", 5, "INFO")
    retry = next(line for line in lines if line["step"] == "retry")
    assert (retry["level"], retry["source"]) == ("WARNING", f"{server.url}/name/uk")
    assert "status 503" in retry["error"]
    assert len({line["run_id"] for line in lines}) == 1


def test_a_key_that_a_server_repeats_is_not_shown(
    ingest: Callable[..., list[str]],
    server: FaultyServer,
    workspace: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    workspace.secrets["restcountries-api-key"] = "the-key"
    for country in COUNTRIES:
        path = f"/codes.alpha_2/{country.alpha_2}"
        server.answer(path, json_answer({"errors": [{"message": "unknown key the-key"}]}, 401))
    with pytest.raises(IngestionError, match=r"unknown key \[REDACTED\]") as raised:
        ingest()
    assert "the-key" not in "".join(capsys.readouterr())
    assert raised.value.__suppress_context__


def test_the_lines_are_posted_when_countries_landed_and_when_one_did_not(
    ingest: Callable[..., list[str]],
    server: FaultyServer,
    workspace: Settings,
    principal: Settings,
    monitor: LogIngestionService,
) -> None:
    workspace.environment |= principal.environment | {"LOG_INGESTION_URL": monitor.ingestion_url}
    workspace.secrets |= principal.secrets
    ingest()
    steps = [row["step"] for row in monitor.rows]
    assert {step: steps.count(step) for step in steps} == {"fetch": 5, "land": 5, "ingest_country_data": 1}
    monitor.rows.clear()
    server.answer("/name/uk", json_answer({}, 404))
    with pytest.raises(CountriesFailedError):
        ingest()
    assert [row["step"] for row in monitor.rows if row["level"] == "ERROR"] == ["fetch", "ingest_country_data"]


def test_a_missing_lake_is_a_clear_failure(ingest: Callable[..., list[str]], workspace: Settings) -> None:
    del workspace.environment["LAKE_ROOT"]
    with pytest.raises(MissingSettingError, match="LAKE_ROOT"):
        ingest()


def test_a_key_is_not_sent_over_plain_http_to_another_machine(
    ingest: Callable[..., list[str]], workspace: Settings
) -> None:
    workspace.secrets["restcountries-api-key"] = "the-key"
    workspace.environment["COUNTRY_API_URL"] = "http://api.example"
    with pytest.raises(InvalidSettingError, match="https"):
        ingest()

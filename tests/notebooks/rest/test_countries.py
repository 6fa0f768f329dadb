"""The right country is found by its code, whatever else an answer holds, or a named error says why not."""

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.country_records import DEPRECATION, SEARCHES, v3_answer, v3_record, v5_answer, v5_record
from ingestion.platform.errors import (
    AmbiguousAnswerError,
    CountryApiDeprecatedError,
    CountryError,
    CountryNotFoundError,
    EmptyAnswerError,
    ErrorAnswerError,
    UnexpectedAnswerError,
)
from ingestion.rest.countries import COUNTRIES, V3, V5, Country, find_country

INDIA = COUNTRIES[0]


def test_the_files_are_named_after_the_five_countries() -> None:
    assert [(country.file_name, country.alpha_2) for country in COUNTRIES] == [
        ("india.json", "IN"),
        ("us.json", "US"),
        ("uk.json", "GB"),
        ("china.json", "CN"),
        ("russia.json", "RU"),
    ]


@pytest.mark.parametrize("country", COUNTRIES, ids=str)
def test_v3_finds_each_country_by_code_wherever_it_stands(country: Country) -> None:
    answer = v3_answer(country.name)
    for turned in (answer, answer[::-1]):
        assert find_country(turned, country, V3) == v3_record(country.alpha_2)


@pytest.mark.parametrize("country", COUNTRIES, ids=str)
def test_v3_finds_each_country_in_the_recorded_answers(country: Country, shared_folder: Path) -> None:
    recorded = shared_folder / "data" / "restcountries-v3.1" / country.file_name
    answer = json.loads(recorded.read_text(encoding="utf-8"))
    record = find_country(answer, country, V3)
    assert (record["cca2"], record["cca3"]) == (country.alpha_2, country.alpha_3)
    assert record in answer


@pytest.mark.parametrize("country", COUNTRIES, ids=str)
def test_v5_finds_each_country_by_code(country: Country) -> None:
    answer = v5_answer(*(v5_record(alpha_2) for alpha_2 in SEARCHES[country.name]))
    assert find_country(answer, country, V5) == v5_record(country.alpha_2)


def test_each_version_asks_in_its_own_way() -> None:
    uk = COUNTRIES[2]
    assert (V3.path(uk), V5.path(uk)) == ("/name/uk", "/codes.alpha_2/GB")


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (DEPRECATION, CountryApiDeprecatedError, "restcountries-api-key"),
        ({"success": False, "errors": [{"message": "Out of cheese"}]}, ErrorAnswerError, "Out of cheese"),
        ({"success": False}, ErrorAnswerError, "no reason given"),
        ({"errors": ["Plain words"]}, ErrorAnswerError, "Plain words"),
        ({"message": "Not Found", "status": 404}, ErrorAnswerError, "Not Found"),
        ([], EmptyAnswerError, "no country at all"),
        ([v3_record("IO")], CountryNotFoundError, "IO"),
        ([v3_record("SZ", name={"common": "India"})], CountryNotFoundError, "SZ"),
        ([v3_record("IN"), v3_record("IN")], AmbiguousAnswerError, "2 of the 2"),
        ([v3_record("IN", cca3="PAK")], UnexpectedAnswerError, "'PAK'"),
        ([{"cca2": "IN", "cca3": "IND"}], UnexpectedAnswerError, "no common name"),
        ([v3_record("IN", name="India")], UnexpectedAnswerError, "no common name"),
        ([v3_record("IN", name={"common": " "})], UnexpectedAnswerError, "no common name"),
        ([v3_record("IN"), None], UnexpectedAnswerError, "other than country objects"),
        (v3_record("IN"), UnexpectedAnswerError, "list of countries"),
        (v5_answer(v5_record("IN")), UnexpectedAnswerError, "data"),
        ({}, UnexpectedAnswerError, "(none)"),
        (None, UnexpectedAnswerError, "NoneType"),
        ("India", UnexpectedAnswerError, "str"),
        (42, UnexpectedAnswerError, "int"),
    ],
)
def test_v3_names_what_is_wrong(answer: Any, error: type[CountryError], words: str) -> None:
    with pytest.raises(error) as raised:
        find_country(answer, INDIA, V3)
    assert type(raised.value) is error
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (v5_answer(), EmptyAnswerError),
        (v5_answer(v5_record("IO")), CountryNotFoundError),
        (v5_answer(v5_record("IN"), v5_record("IN")), AmbiguousAnswerError),
        (v5_answer(v5_record("IN", codes={"alpha_2": "IN"})), UnexpectedAnswerError),
        (v5_answer(v5_record("IN", codes="IN")), CountryNotFoundError),
        (v5_answer("India"), UnexpectedAnswerError),
        ({"errors": [{"message": "Bad query"}]}, ErrorAnswerError),
        ({"data": None}, UnexpectedAnswerError),
        ({"data": {"objects": None}}, UnexpectedAnswerError),
        ({"data": {"objects": {"IN": v5_record("IN")}}}, UnexpectedAnswerError),
        ([v5_record("IN")], UnexpectedAnswerError),
        ([v3_record("IN")], UnexpectedAnswerError),
    ],
)
def test_v5_names_what_is_wrong(answer: Any, error: type[CountryError]) -> None:
    with pytest.raises(error) as raised:
        find_country(answer, INDIA, V5)
    assert type(raised.value) is error

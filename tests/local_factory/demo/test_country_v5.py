"""Countries of version 5 made from those of version 3.1."""

import pytest

from local_factory.demo.country_api import sample_countries
from local_factory.demo.country_v5 import v5_country

COUNTRIES = {country["cca2"]: country for country in sample_countries()}


def test_a_country_keeps_what_it_says_under_the_names_of_v5():
    india = v5_country(COUNTRIES["IN"])
    assert india["names"]["common"] == "India"
    assert india["names"]["native"]["hin"] == {"official": "भारत गणराज्य", "common": "भारत"}
    assert india["codes"] == {"alpha_2": "IN", "alpha_3": "IND", "ccn3": "356", "cioc": "IND", "fifa": "IND"}
    assert india["capitals"] == [
        {"name": "New Delhi", "coordinates": {"lat": 28.6, "lng": 77.2}, "attributes": {"primary": True}}
    ]
    assert india["flag"]["unicode"] == "U+1F1EE U+1F1F3"
    assert india["flag"]["emoji"] == "🇮🇳"
    assert india["area"] == {"kilometers": 3287590.0, "miles": pytest.approx(1269345.6, abs=0.1)}
    assert india["coordinates"] == {"lat": 20.0, "lng": 77.0}
    assert india["currencies"] == [{"code": "INR", "symbol": "₹", "name": "Indian rupee"}]
    assert {"name": "Hindi", "iso639_3": "hin"} in india["languages"]
    assert india["economy"] == {"gini_coefficient": {"2011": 35.7}}
    assert india["classification"] == {"sovereign": True, "un_member": True, "iso_status": "official"}
    assert india["cars"] == {"driving_side": "left", "signs": ["IND"]}


@pytest.mark.parametrize(("code", "calling_codes"), [("IN", ["+91"]), ("US", ["+1"]), ("RU", ["+7"]), ("GB", ["+44"])])
def test_a_calling_code_is_the_country_s_without_its_areas(code, calling_codes):
    assert v5_country(COUNTRIES[code])["calling_codes"] == calling_codes


@pytest.mark.parametrize("code", sorted(COUNTRIES))
def test_every_country_of_the_sample_has_the_keys_that_are_never_empty(code):
    country = v5_country(COUNTRIES[code])
    assert {"names", "codes", "flag", "region", "area", "population", "timezones", "uuid"} <= set(country)
    assert country["codes"]["alpha_2"] == code


@pytest.mark.parametrize("code", sorted(COUNTRIES))
def test_nothing_empty_is_left_in(code):
    def empty(value):
        if isinstance(value, dict):
            return any(item in (None, "", [], {}) or empty(item) for item in value.values())
        return isinstance(value, list) and any(empty(item) for item in value)

    assert not empty(v5_country(COUNTRIES[code]))


def test_the_sample_holds_each_country_once():
    assert len(COUNTRIES) == len(sample_countries()) == 23
    assert len({v5_country(country)["uuid"] for country in sample_countries()}) == 23

"""A country as version 5 of the country API gives it, made from its version 3.1 record.

What v3.1 does not know (memberships, government, neighbours' parents, FIPS codes, ...) is left out, as is every key
whose v3.1 source is empty.
"""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

_SQUARE_MILES_IN_A_SQUARE_KILOMETER = 0.386102159
_REGIONAL_INDICATOR_A = 0x1F1E6


def v5_country(country: Mapping[str, Any]) -> dict[str, Any]:
    """Return the v5 object of a country, given its v3.1 record."""
    alpha_2 = country["cca2"]
    converted: dict[str, Any] = _without_empty(
        {
            "uuid": str(uuid5(NAMESPACE_URL, f"country/{alpha_2}")),
            "names": {
                "common": country["name"]["common"],
                "official": country["name"]["official"],
                "alternates": country.get("altSpellings"),
                "native": country["name"].get("nativeName"),
                "translations": country.get("translations"),
            },
            "codes": {
                "alpha_2": alpha_2,
                "alpha_3": country["cca3"],
                "ccn3": country.get("ccn3"),
                "cioc": country.get("cioc"),
                "fifa": country.get("fifa"),
            },
            "capitals": _capitals(country),
            "flag": {
                "emoji": country.get("flag"),
                "unicode": " ".join(f"U+{_regional_indicator(letter):X}" for letter in alpha_2),
                "html_entity": "".join(f"&#{_regional_indicator(letter)};" for letter in alpha_2),
                "url_png": country["flags"].get("png"),
                "url_svg": country["flags"].get("svg"),
                "description": country["flags"].get("alt"),
            },
            "region": country["region"],
            "subregion": country.get("subregion"),
            "continents": country["continents"],
            "coordinates": _coordinates(country["latlng"]),
            "area": {
                "kilometers": country["area"],
                "miles": round(country["area"] * _SQUARE_MILES_IN_A_SQUARE_KILOMETER, 1),
            },
            "landlocked": country["landlocked"],
            "borders": country.get("borders"),
            "timezones": country["timezones"],
            "population": country["population"],
            "economy": {"gini_coefficient": country.get("gini")},
            "languages": [{"name": name, "iso639_3": code} for code, name in country.get("languages", {}).items()],
            "currencies": [{"code": code, **currency} for code, currency in country.get("currencies", {}).items()],
            "calling_codes": _calling_codes(country.get("idd", {})),
            "tlds": country.get("tld"),
            "demonyms": country.get("demonyms"),
            "classification": {
                "sovereign": country.get("independent"),
                "un_member": country["unMember"],
                "iso_status": "official" if country["status"] == "officially-assigned" else "user_assigned",
            },
            "cars": {
                "driving_side": country["car"]["side"],
                "signs": [sign for sign in country["car"].get("signs", []) if sign],
            },
            "postal_code": country.get("postalCode"),
            "date": {"start_of_week": country["startOfWeek"]},
            "links": {
                "google_maps": country["maps"]["googleMaps"],
                "open_street_maps": country["maps"]["openStreetMaps"],
            },
        }
    )
    return converted


def _capitals(country: Mapping[str, Any]) -> list[dict[str, Any]]:
    """v3.1 knows where the first capital is, and no other."""
    capitals = []
    for index, name in enumerate(country.get("capital", [])):
        place = country.get("capitalInfo", {}).get("latlng") if index == 0 else None
        capital = {"name": name, "coordinates": _coordinates(place) if place else None}
        capitals.append({**capital, "attributes": {"primary": index == 0}})
    return capitals


def _coordinates(latlng: list[float]) -> dict[str, float]:
    latitude, longitude = latlng
    return {"lat": latitude, "lng": longitude}


def _calling_codes(idd: Mapping[str, Any]) -> list[str]:
    """v3.1 splits a code into root and suffix; many suffixes are area codes, and the root is the country's code."""
    if "root" not in idd:
        return []
    suffixes = idd.get("suffixes", [])
    return [idd["root"] + suffixes[0]] if len(suffixes) == 1 else [idd["root"]]


def _regional_indicator(letter: str) -> int:
    return _REGIONAL_INDICATOR_A + ord(letter) - ord("A")


def _without_empty(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item not in (None, "", [], {})}

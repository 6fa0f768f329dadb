"""Small country records in the shapes of the country API's two versions, and whole answers made of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple


class Country(NamedTuple):
    """A country: the name of its file, and its ISO 3166-1 code."""

    name: str
    alpha_2: str

    @property
    def file_name(self) -> str:
        """The name of its file in the lake."""
        return f"{self.name}.json"


COUNTRIES = (
    Country("india", "IN"),
    Country("us", "US"),
    Country("uk", "GB"),
    Country("china", "CN"),
    Country("russia", "RU"),
)
_SOURCE = """\
[source]
type = "rest"
url = "${COUNTRY_API_URL}"

[[endpoints]]
name = "countries"
destination = "countries"
format = "json"
path = "name/{country}"
data_selector = "[*]"
select = { path = "cca2", equals = "{country.alpha_2}" }
file_name = "{country}"
[endpoints.for_each]
country = [
"""


def write_sources(folder: Path, countries: Iterable[Country]) -> Path:
    """Write a folder of sources that ask v3.1 for these countries, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    values = [f'  {{ value = "{country.name}", alpha_2 = "{country.alpha_2}" }},\n' for country in countries]
    (folder / "restcountries.toml").write_text(_SOURCE + "".join(values) + "]\n", encoding="utf-8")
    return folder


_NAMES = {
    "IN": ("IND", "India"),
    "US": ("USA", "United States"),
    "GB": ("GBR", "United Kingdom"),
    "CN": ("CHN", "China"),
    "RU": ("RUS", "Russia"),
    "IO": ("IOT", "British Indian Ocean Territory"),
    "SZ": ("SWZ", "Eswatini"),
    "KP": ("PRK", "North Korea"),
    "UA": ("UKR", "Ukraine"),
    "TW": ("TWN", "Taiwan"),
}

# What v3.1's search by name finds, in its order (recorded July 2025; us and china cut short).
SEARCHES = {
    "india": ("IO", "IN"),
    "us": ("SZ", "US"),
    "uk": ("KP", "UA", "GB"),
    "china": ("TW", "CN"),
    "russia": ("RU",),
}


def v3_record(alpha_2: str, **changes: Any) -> dict[str, Any]:
    """Return a record as v3.1 gives it."""
    alpha_3, name = _NAMES[alpha_2]
    return {
        "name": {"common": name, "official": f"The {name}", "nativeName": {"hin": {"common": "भारत"}}},
        "cca2": alpha_2,
        "cca3": alpha_3,
        "currencies": {"GBP": {"symbol": "£", "name": "British pound"}},
        "area": 3287590.0,
        "flag": "🇮🇳",
    } | changes


def v3_answer(search: str) -> list[dict[str, Any]]:
    """Return v3.1's answer to a search by name."""
    return [v3_record(alpha_2) for alpha_2 in SEARCHES[search]]


def v5_record(alpha_2: str, **changes: Any) -> dict[str, Any]:
    """Return a record as v5 gives it."""
    alpha_3, name = _NAMES[alpha_2]
    return {
        "names": {"common": name, "official": f"The {name}", "native": {"hin": {"common": "भारत"}}},
        "codes": {"alpha_2": alpha_2, "alpha_3": alpha_3},
        "population": 1,
    } | changes


def v5_answer(*records: Any) -> dict[str, Any]:
    """Return v5's envelope around records."""
    meta = {"total": len(records), "count": len(records), "limit": 25, "offset": 0, "more": False}
    return {"data": {"objects": list(records), "meta": meta}}


DEPRECATION = {
    "success": False,
    "data": None,
    "errors": [{"message": "This API version has been deprecated. Use v5."}],
}

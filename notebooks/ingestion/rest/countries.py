"""The five countries, and finding the right one in whatever the country API answers. Pure: no I/O.

Source of the shapes: the v3.1 server's answers as recorded in July 2025, and the documentation of v5.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ingestion.platform.errors import (
    AmbiguousAnswerError,
    CountryApiDeprecatedError,
    CountryNotFoundError,
    EmptyAnswerError,
    ErrorAnswerError,
    UnexpectedAnswerError,
)
from ingestion.platform.excerpt import excerpt

Record = Mapping[str, Any]
_LONGEST_MESSAGE = 300
_DEPRECATION = re.compile(r"deprecat|shut ?down|no longer (supported|available)", re.IGNORECASE)


@dataclass(frozen=True)
class Country:
    """A country: the name that v3.1 is asked for, which is also its file's, and its ISO 3166-1 codes."""

    name: str
    alpha_2: str
    alpha_3: str

    @property
    def file_name(self) -> str:
        """The name of its file in the lake."""
        return f"{self.name}.json"

    def __str__(self) -> str:
        """Name and code: a name alone is not enough."""
        return f"{self.name} ({self.alpha_2})"


COUNTRIES = (
    Country("india", "IN", "IND"),
    Country("us", "US", "USA"),
    Country("uk", "GB", "GBR"),
    Country("china", "CN", "CHN"),
    Country("russia", "RU", "RUS"),
)


@dataclass(frozen=True)
class ApiVersion:
    """A version of the country API: the path that asks for a country, and how its answer is read.

    Attributes:
        path: returns the path that is appended to the base address.
        records: returns the country objects of an answer.
        codes: returns a record's alpha-2 and alpha-3 code, None for one that is missing.
        common_name: returns a record's common name, None where it is missing.
    """

    name: str
    path: Callable[[Country], str]
    records: Callable[[object], list[Any]]
    codes: Callable[[Record], tuple[Any, Any]]
    common_name: Callable[[Record], Any]


def find_country(answer: object, country: Country, version: ApiVersion) -> Record:
    """Return a country's record from an answer, chosen by its ISO code: a search by name finds others too.

    Args:
        answer: the parsed JSON of an answer with status 200.
        country: the country asked for.
        version: the API version that answered.

    Raises:
        CountryError: a narrow one for each way in which the answer does not hold this country exactly once.
    """
    _raise_if_error(answer)
    records = version.records(answer)
    if not records:
        raise EmptyAnswerError("the answer holds no country at all.")
    if not all(isinstance(record, dict) for record in records):
        raise UnexpectedAnswerError("the answer's list holds something other than country objects.")
    found = [record for record in records if version.codes(record)[0] == country.alpha_2]
    if not found:
        codes = excerpt(", ".join(str(version.codes(record)[0]) for record in records[:20]), 300)
        raise CountryNotFoundError(f"none of the {len(records)} countries in the answer is it (their codes: {codes}).")
    if len(found) > 1:
        raise AmbiguousAnswerError(f"{len(found)} of the {len(records)} records in the answer have its code.")
    record: Record = found[0]
    _check_identity(record, country, version)
    return record


def _raise_if_error(answer: object) -> None:
    """Raise what an answer says went wrong, if it does: both versions also do so with status 200.

    Raises:
        CountryApiDeprecatedError: the answer is the notice that this API version is shut down.
        ErrorAnswerError: the answer is any other error.
    """
    message = error_message(answer)
    if message is None:
        return
    if is_deprecation(message):
        raise CountryApiDeprecatedError(message)
    raise ErrorAnswerError(f"the API answered with an error: {message}")


def is_deprecation(message: str) -> bool:
    """Say whether an error's message is the notice that this API version is shut down."""
    return bool(_DEPRECATION.search(message))


def error_message(answer: object) -> str | None:
    """Return the beginning of an error answer's message, in either version's form; None where it is none."""
    if not isinstance(answer, dict):
        return None
    errors = answer.get("errors")
    if errors or answer.get("success") is False:
        listed = errors if errors and isinstance(errors, list) else [errors or "no reason given"]
        messages = [str(error.get("message", error)) if isinstance(error, dict) else str(error) for error in listed]
        return excerpt("; ".join(messages), _LONGEST_MESSAGE)
    if "message" in answer and "data" not in answer:
        return excerpt(str(answer["message"]), _LONGEST_MESSAGE)
    return None


def _check_identity(record: Record, country: Country, version: ApiVersion) -> None:
    alpha_3 = version.codes(record)[1]
    if alpha_3 != country.alpha_3:
        raise UnexpectedAnswerError(
            f"the record has alpha-2 code {country.alpha_2}, but alpha-3 code {excerpt(repr(alpha_3), 80)} in place of "
            f"{country.alpha_3!r}: it is not clear which country it is."
        )
    name = version.common_name(record)
    if not isinstance(name, str) or not name.strip():
        raise UnexpectedAnswerError("the record has no common name.")


def _part(record: object, name: str) -> Record:
    part = record.get(name) if isinstance(record, dict) else None
    return part if isinstance(part, dict) else {}


def _v3_records(answer: object) -> list[Any]:
    if not isinstance(answer, list):
        raise UnexpectedAnswerError(f"v3.1 answers with a list of countries, this is {_kind(answer)}.")
    return answer


def _v5_records(answer: object) -> list[Any]:
    objects = _part(answer, "data").get("objects")
    if not isinstance(objects, list):
        raise UnexpectedAnswerError(f"v5 answers with data.objects, a list of countries; this is {_kind(answer)}.")
    return objects


def _kind(answer: object) -> str:
    if isinstance(answer, dict):
        return "an object with the keys " + (excerpt(", ".join(list(answer)[:10]), 300) or "(none)")
    return f"a {type(answer).__name__}"


V3 = ApiVersion(
    name="v3.1",
    path=lambda country: f"/name/{quote(country.name)}",
    records=_v3_records,
    codes=lambda record: (record.get("cca2"), record.get("cca3")),
    common_name=lambda record: _part(record, "name").get("common"),
)
V5 = ApiVersion(
    name="v5",
    path=lambda country: f"/codes.alpha_2/{country.alpha_2}",
    records=_v5_records,
    codes=lambda record: (_part(record, "codes").get("alpha_2"), _part(record, "codes").get("alpha_3")),
    common_name=lambda record: _part(record, "names").get("common"),
)

"""What the country API answers: REST Countries' protocols v3.1 and v5, as pure functions over a set of countries."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

_DEFAULT_PAGE, _LARGEST_PAGE = 25, 100
_LARGEST_FIELDS = 10
# v5's names for bundles of properties that are searched together.
_AGGREGATES = {
    "name": ("names.common", "names.official", "names.alternates", "names.native"),
    "code": ("codes.alpha_2", "codes.alpha_3", "codes.ccn3", "codes.cioc", "codes.fifa"),
}

Country = Mapping[str, Any]
Query = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """An answer to a request: its status and its JSON body."""

    status: HTTPStatus
    body: Any


def v3_error(status: HTTPStatus, message: str) -> Answer:
    """Return an error as v3.1 words it."""
    return Answer(status, {"message": message, "status": status.value})


def v5_error(status: HTTPStatus, message: str) -> Answer:
    """Return an error as v5 words it."""
    return Answer(status, {"errors": [{"message": message}]})


def answer_v3(countries: Sequence[Country], path: Sequence[str], query: Query) -> Answer:
    """Answer a v3.1 request: `name/{name}`, `alpha/{code}` or `all`, with `fields`; `fullText` for names."""
    match path:
        case ["name", name]:
            full_text = query.get("fullText", "").lower() == "true"
            found = [country for country in countries if _has_name(country, name.lower(), full_text=full_text)]
        case ["alpha", code] if len(code) in (2, 3):
            found = [country for country in countries if _has_code(country, code.upper())]
        case ["alpha", _]:
            return v3_error(HTTPStatus.BAD_REQUEST, "Bad Request")
        case ["all"] if not query.get("fields"):
            return v3_error(HTTPStatus.BAD_REQUEST, "'fields' query not specified")
        case ["all"] if len(query["fields"].split(",")) > _LARGEST_FIELDS:
            return v3_error(HTTPStatus.BAD_REQUEST, f"at most {_LARGEST_FIELDS} fields can be asked for")
        case ["all"]:
            found = list(countries)
        case _:
            found = []
    if not found:
        return v3_error(HTTPStatus.NOT_FOUND, "Not Found")
    fields = query.get("fields")
    if fields:
        wanted = fields.split(",")
        found = [{key: country[key] for key in wanted if key in country} for country in found]
    return Answer(HTTPStatus.OK, found)


def answer_v5(countries: Sequence[Country], path: Sequence[str], query: Query) -> Answer:
    """Answer a v5 request whose key is good: the base address or `{property}` with `q`, or `{property}/{value}`.

    Args:
        countries: v5 objects.
        path: the decoded segments after the base address.
        query: `q` is a case-insensitive part of a text; `limit` is 1 to 100 (25), `offset` from 0.
    """
    try:
        limit, offset = int(query.get("limit", _DEFAULT_PAGE)), int(query.get("offset", 0))
    except ValueError:
        return v5_error(HTTPStatus.BAD_REQUEST, "limit and offset must be integers.")
    if not 1 <= limit <= _LARGEST_PAGE or offset < 0:
        return v5_error(HTTPStatus.BAD_REQUEST, f"limit must be 1 to {_LARGEST_PAGE}, offset must not be negative.")

    searched = query.get("q", "").casefold()
    match path:
        case []:
            paths = (*_AGGREGATES["name"], *_AGGREGATES["code"])
            found = [one for one in countries if not searched or _any_text(one, paths, searched, whole=False)]
        case [name] if _is_known(countries, name):
            if not searched:
                return v5_error(HTTPStatus.BAD_REQUEST, "q parameter is required and cannot be empty")
            found = [one for one in countries if _any_text(one, _paths(name), searched, whole=False)]
        case [name, value] if _is_known(countries, name):
            found = [one for one in countries if _any_text(one, _paths(name), value.casefold(), whole=True)]
        case _:
            return v5_error(HTTPStatus.NOT_FOUND, "Unknown property or aggregate.")
    page = found[offset : offset + limit]
    meta = {
        "total": len(found),
        "count": len(page),
        "limit": limit,
        "offset": offset,
        "more": offset + len(page) < len(found),
        "request_id": f"req_{secrets.token_hex(8)}",
    }
    return Answer(HTTPStatus.OK, {"data": {"objects": page, "meta": meta}})


def _has_name(country: Country, name: str, *, full_text: bool) -> bool:
    names = [country["name"]["common"].lower(), country["name"]["official"].lower()]
    if full_text:
        return name in names
    return any(name in text for text in (*names, *(spelling.lower() for spelling in country.get("altSpellings", []))))


def _has_code(country: Country, code: str) -> bool:
    return code in (country["cca2"], country["cca3"], country.get("ccn3"), country.get("cioc"))


def _paths(name: str) -> Sequence[str]:
    return _AGGREGATES.get(name, (name,))


def _is_known(countries: Sequence[Country], name: str) -> bool:
    return any(_texts(country, path) for country in countries for path in _paths(name))


def _any_text(country: Country, paths: Sequence[str], wanted: str, *, whole: bool) -> bool:
    texts = (text.casefold() for path in paths for text in _texts(country, path))
    return any(text == wanted if whole else wanted in text for text in texts)


def _texts(country: Country, path: str) -> list[str]:
    """Return every text at or below a dotted path of an object."""
    value: Any = country
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return _leaves(value)


def _leaves(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is None else [str(value)]

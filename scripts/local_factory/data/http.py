"""What is behind an address: REST APIs with pagination, files by HTTP, OData.

Rules: https://learn.microsoft.com/azure/data-factory/connector-rest and connector-http.
"""

import re
import time
from collections.abc import Iterator, Mapping
from itertools import count, product
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from local_factory.data.datasets import Dataset
from local_factory.data.errors import copy_error
from local_factory.data.json_documents import at_path, parse_json_path
from local_factory.data.stand_ins import Kind
from local_factory.data.work import Work
from local_factory.durations import timespan_seconds

if TYPE_CHECKING:
    import httpx

_TIMEOUT_SECONDS = 100  # requestTimeout: 00:01:40
_RETRIED = frozenset({429, 500, 502, 503, 504})
_TRIES = 3
_FIRST_ERROR = 400
_MOST_PAGES = 100_000

Rule = tuple[str, str, str]
"""One pagination rule: what it sets (`AbsoluteUrl`, `QueryParameters`, `EndCondition`, ...), which, and how."""


def fetch(dataset: Dataset, source: Mapping[str, Any], work: Work) -> Any:
    """Send the one request of an HTTP dataset and return the answer."""
    with _client() as client:
        settings = {**source, **_mapping(source.get("storeSettings"))}
        return _send(client, _url(dataset), dataset, settings, {}, work=work)


def pages(dataset: Dataset, source: Mapping[str, Any], work: Work) -> Iterator[Any]:
    """Yield the JSON of every page of a REST or OData dataset.

    Raises:
        ActivityError: an answer is a failure, or no JSON; pages come round in a circle.
    """
    rules = _rules(source.get("paginationRules") or dataset.properties.get("paginationRules"))
    interval = _interval(source.get("requestInterval"))
    with _client() as client:
        for body in _paged(client, dataset, source, rules, work):
            yield body
            work.check()
            if interval:
                time.sleep(interval)


def _paged(
    client: "httpx.Client", dataset: Dataset, source: Mapping[str, Any], rules: list[Rule], work: Work
) -> Iterator[Any]:
    ends = [rule for rule in rules if rule[0] == "EndCondition"]
    most = next((int(value) for kind, _, value in rules if kind == "MaxRequestNumber"), _MOST_PAGES)
    links = next((value.lower() != "false" for kind, _, value in rules if kind == "SupportRFC5988"), True)
    moving = [rule for rule in rules if rule[0] in ("AbsoluteUrl", "QueryParameters", "Headers")]
    ranges = [rule for rule in moving if rule[2].upper().startswith("RANGE:")]
    found = [rule for rule in moving if rule not in ranges]
    url, headers = _url(dataset), dict[str, str]()
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
    steps = _range_values(ranges)
    for _ in range(most):
        if ranges:
            values = next(steps, None)
            if values is None:
                return
            url, headers = _moved(_url(dataset), {}, list(zip(ranges, values, strict=True)), url)
        key = (url, tuple(sorted(headers.items())))
        if key in seen:
            raise copy_error("RestSourceCallFailed", f"the pagination of {url} comes round in a circle", "Source")
        seen.add(key)
        answer = _send(client, url, dataset, source, headers, work=work, allow_missing=bool(ranges))
        if answer is None:
            return
        body = _json(answer)
        if any(_ended(rule, answer, body) for rule in ends):
            if not _is_empty_end(ends, body):
                yield body
            return
        yield body
        if ranges:
            continue
        following = [(rule, _value(rule[2], answer, body)) for rule in found]
        if found:
            if all(value is None for _, value in following):
                return
            url, headers = _moved(url, headers, [(rule, value) for rule, value in following if value is not None], url)
        else:
            linked = answer.links.get("next", {}).get("url") if links else None
            linked = linked or (body.get("@odata.nextLink") if isinstance(body, Mapping) else None)
            if not linked:
                return
            url = _inside(urljoin(url, linked), dataset)


def _rules(value: Any) -> list[Rule]:
    rules: list[Rule] = []
    for name, how in _mapping(value).items():
        kind, _, rest = name.partition(":") if name.lower().startswith("endcondition") else name.partition(".")
        names = {"absoluteurl": "AbsoluteUrl", "queryparameters": "QueryParameters", "headers": "Headers"}
        names |= {
            "endcondition": "EndCondition",
            "maxrequestnumber": "MaxRequestNumber",
            "supportrfc5988": "SupportRFC5988",
        }
        known = names.get(kind.lower())
        if known is None:
            raise copy_error("UserErrorInvalidPaginationRule", f"paginationRules: there is no rule {name!r}", "Source")
        rules.append((known, rest.strip("[]'\""), str(how)))
    return rules


def _range_values(rules: list[Rule]) -> Iterator[tuple[int, ...]]:
    """Yield the values of all RANGE rules, each combination once, the first rule's slowest."""

    def one(text: str) -> Iterator[int]:
        parts = text.split(":")[1:]
        start, step = int(parts[0]), int(parts[2]) if len(parts) > 2 and parts[2] else 1  # noqa: PLR2004
        if len(parts) > 1 and parts[1]:
            return iter(range(start, int(parts[1]) + 1, step))
        return count(start, step)

    if len(rules) == 1:
        return ((value,) for value in one(rules[0][2]))
    return iter(product(*(one(rule[2]) for rule in rules)))


def _value(how: str, answer: "httpx.Response", body: Any) -> Any:
    """Return what a rule's value gives: a header of the answer, or what its JSON path leads to; None for nothing."""
    if how.lower().startswith("headers."):
        value: Any = answer.headers.get(how.partition(".")[2].strip("[]'\""))
    else:
        value = at_path(body, parse_json_path(how)[1]) if how.startswith("$") else how
    return None if value in (None, "", False) else value


def _ended(rule: Rule, answer: "httpx.Response", body: Any) -> bool:
    """Say whether an end condition holds: `EndCondition:$.x` with Empty, NonExist, Exist or `Const:value`."""
    place, how = rule[1], rule[2]
    if place.lower().startswith("headers."):
        value: Any = answer.headers.get(place.partition(".")[2])
    else:
        value = at_path(body, parse_json_path(place)[1])
    wanted = how.strip()
    if wanted.lower() == "empty":
        return value is None or value in ("", [], {})
    if wanted.lower() == "nonexist":
        return value is None
    if wanted.lower() == "exist":
        return value is not None
    constant = wanted.partition(":")[2] if wanted.lower().startswith("const:") else wanted
    return value is not None and str(value).lower() == constant.lower()


def _is_empty_end(ends: list[Rule], body: Any) -> bool:
    """Say whether the last page has nothing in it: what was looked at is empty."""
    return all(rule[2].lower() in ("empty", "nonexist") for rule in ends) and not body


def _moved(
    url: str, headers: Mapping[str, str], changes: list[tuple[Rule, Any]], base: str
) -> tuple[str, dict[str, str]]:
    headers = dict(headers)
    for (kind, name, _), value in changes:
        if kind == "AbsoluteUrl" and name == "":
            url = urljoin(base, str(value))
        elif kind == "AbsoluteUrl":
            url = url.replace(f"{{{name}}}", str(value))
        elif name.startswith("{") and name.endswith("}"):
            url = url.replace(name, str(value))
        elif kind == "QueryParameters":
            parts = urlsplit(url)
            query = [(key, old) for key, old in parse_qsl(parts.query, keep_blank_values=True) if key != name]
            url = urlunsplit(parts._replace(query=urlencode([*query, (name, str(value))])))
        else:
            headers[name] = str(value)
    return url, headers


def _url(dataset: Dataset) -> str:
    base = dataset.linked_service.of_kind(Kind.ADDRESS).place
    properties = dataset.properties
    location = _mapping(properties.get("location"))
    relative = properties.get("relativeUrl") or location.get("relativeUrl") or properties.get("path") or ""
    if not relative:
        return base
    text = str(relative)
    if text.startswith("?"):
        return base.rstrip("/") + text
    return base.rstrip("/") + "/" + text.lstrip("/")


def _inside(url: str, dataset: Dataset) -> str:
    """Return a link to the next page, led to the stand-in when it names the host that this one stands in for."""
    stand_in = urlsplit(dataset.linked_service.of_kind(Kind.ADDRESS).place)
    real = urlsplit(str(dataset.linked_service.properties.get("url") or ""))
    parts = urlsplit(url)
    if real.netloc and parts.netloc == real.netloc:
        return urlunsplit(parts._replace(scheme=stand_in.scheme, netloc=stand_in.netloc))
    return url


def _client() -> "httpx.Client":
    import httpx

    return httpx.Client(follow_redirects=True)


def _send(
    client: "httpx.Client",
    url: str,
    dataset: Dataset,
    source: Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    work: Work,
    allow_missing: bool = False,
) -> Any:
    import httpx

    properties = dataset.properties
    method = str(source.get("requestMethod") or properties.get("requestMethod") or "GET").upper()
    body = source.get("requestBody") or properties.get("requestBody")
    given = source.get("additionalHeaders") or properties.get("additionalHeaders")
    timeout = source.get("httpRequestTimeout") or source.get("requestTimeout")
    for attempt in range(_TRIES):
        work.check()
        try:
            answer = client.request(
                method,
                _inside(url, dataset),
                headers={**_headers(given), **headers},
                content=None if body is None else str(body),
                timeout=timespan_seconds(str(timeout)) if timeout else _TIMEOUT_SECONDS,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise copy_error(
                "UserErrorHttpRequestFailed", f"Error calling the endpoint {url!r}: {error!r}", "Source"
            ) from None
        if answer.status_code in _RETRIED and attempt < _TRIES - 1:
            time.sleep(min(float(answer.headers.get("Retry-After") or 0.2), 10))
            continue
        break
    if answer.status_code == 404 and allow_missing:  # noqa: PLR2004 - a range's end that the API says so
        return None
    if answer.status_code >= _FIRST_ERROR:
        raise copy_error(
            "UserErrorFailToReadFromRestResource"
            if dataset.type == "RestResource"
            else "UserErrorHttpStatusCodeIndicatingFailure",
            f"The HttpStatusCode {answer.status_code} indicates failure. Request URL: {url}. "
            f"Response: {answer.text[:500]}",
            "Source",
        )
    return answer


def _headers(value: Any) -> dict[str, str]:
    """Return headers given as an object, or as text with one a line."""
    if isinstance(value, Mapping):
        return {str(name): str(item) for name, item in value.items()}
    lines = (line.partition(":") for line in re.split(r"\r?\n", str(value or "")) if ":" in line)
    return {name.strip(): item.strip() for name, _, item in lines}


def _json(answer: "httpx.Response") -> Any:
    try:
        return answer.json()
    except ValueError:
        raise copy_error(
            "UserErrorInvalidJsonResponse",
            f"{answer.url} answered with what is no JSON: {answer.text[:200]!r}",
            "Source",
        ) from None


def _interval(value: Any) -> float:
    if not value:
        return 0
    try:
        return timespan_seconds(str(value))
    except ValueError:
        raise copy_error(
            "UserErrorInvalidInterval", f"requestInterval: expected hh:mm:ss, got {value!r}", "Source"
        ) from None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

"""Reading an endpoint: one walk through its pages for each value of `for_each` and `parent`."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any
from urllib.parse import quote

import requests

from ingestion.feeds.model import Endpoint, ForEachValue, RestSource, Secret
from ingestion.feeds.rules import PLACEHOLDER
from ingestion.platform.errors import ApiError, PaginationError, UnexpectedAnswerError
from ingestion.platform.excerpt import excerpt
from ingestion.rest.answers import Record, Values, check_expectations, filled, records_of, the_one
from ingestion.rest.client import ApiClient
from ingestion.rest.http import date_of
from ingestion.rest.paginators import walk_of

_DOTS = re.compile(r"(^|/)\.{1,2}(/|$)")


@dataclass(frozen=True)
class Page:
    """One page: the address that gave it, the values that it was asked for, and its records in their order.

    Attributes:
        clock: the server's own time when it answered; None where it does not tell.
    """

    url: str
    values: Values
    records: list[Record]
    clock: datetime | None = None


class EndpointReader:
    """Reads the endpoints of one source. May be used from several threads.

    Args:
        client: asks.
        source: whose feeds are the endpoints that may be each other's parents.
    """

    def __init__(self, client: ApiClient, source: RestSource) -> None:
        self._client = client
        self._endpoints = {endpoint.local_name: endpoint for endpoint in source.feeds}

    def combinations(self, endpoint: Endpoint) -> Iterator[Values]:
        """Yield the values that an endpoint is asked for, each combination once; parents are read for it.

        Raises:
            ApiError: the parent could not be read, or a record of it lacks the value.
        """
        for chosen in product(*endpoint.for_each.values()):
            own = dict(zip(endpoint.for_each, chosen, strict=True))
            if endpoint.parent is None:
                yield own
                continue
            for value in self._parent_values(endpoint):
                yield {**own, endpoint.parent.as_: value}

    def pages(self, endpoint: Endpoint, values: Values, since: str | None = None) -> Iterator[Page]:
        """Yield the pages for one combination of values; with `select`, the one record that is meant, on one page.

        Args:
            endpoint: what to read.
            values: of `for_each` and `parent`.
            since: the position that the parameter of `incremental` takes; None for all.

        Raises:
            ApiError: a narrow one for each way in which the API gives anything but all pages.
        """
        if endpoint.select is None:
            yield from self._walk(endpoint, values, since)
            return
        pages = list(self._walk(endpoint, values, since, check=False))
        url = pages[0].url
        with named(url):
            records = the_one([record for page in pages for record in page.records], endpoint, values)
            for record in records:
                check_expectations(record, endpoint, values)
        yield Page(url, values, records, pages[0].clock)

    def url(self, endpoint: Endpoint, values: Values) -> str:
        """Return the address of the first page, without parameters.

        Raises:
            UnexpectedAnswerError: a value that a parent gave would leave the source's address.
        """
        path = PLACEHOLDER.sub(lambda found: _quoted(values, found), endpoint.path)
        base = self._client.source.url
        return f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base

    def _walk(self, endpoint: Endpoint, values: Values, since: str | None, *, check: bool = True) -> Iterator[Page]:
        walk, auth = walk_of(endpoint.paginator), self._client.signer(endpoint)
        params = {
            name: _param(filled(value, values))
            for name, value in endpoint.params.items()
            if not isinstance(value, Secret)
        }
        if since is not None and endpoint.incremental.param:
            params[endpoint.incremental.param] = since
        request = walk.first()
        base = self.url(endpoint, values)
        for _ in range(endpoint.max_pages):
            url = request.url or _with_params(base, {**params, **(request.params or {})})
            answer = self._client.get(url, auth)
            with named(url):
                records = records_of(answer.value, endpoint)
                for record in records if check else ():
                    check_expectations(record, endpoint, values)
            following = walk.following(answer, records)
            yield Page(url, values, records, date_of(answer.headers))
            if following is None:
                return
            request = following
        raise PaginationError(f"{base}: has more than {endpoint.max_pages} pages; raise max_pages, or ask for less.")

    def _parent_values(self, endpoint: Endpoint) -> Iterator[ForEachValue]:
        """Yield the values of a parent's records, each once."""
        parent = endpoint.parent
        if parent is None:
            return
        seen: set[Any] = set()
        source = self._endpoints[parent.endpoint]
        for values in self.combinations(source):
            for page in self.pages(source, values):
                for record in page.records:
                    value = parent.field.first(record)
                    if not isinstance(value, str | int | float | bool) or value == "":
                        raise UnexpectedAnswerError(
                            f"{page.url}: a record has {excerpt(repr(value), 80)} for {parent.field}, which "
                            f"{endpoint.local_name} is to be asked for as {{{parent.as_}}}."
                        )
                    if value not in seen:
                        seen.add(value)
                        yield ForEachValue(value)


def _quoted(values: Values, found: re.Match[str]) -> str:
    value = values[found[1]]
    text = str(value.fields[found[2]]) if found[2] else str(value)
    if _DOTS.search(text):
        raise UnexpectedAnswerError(f"{text[:80]!r} is no value for {found[0]} in an address: its dots would leave it.")
    # A slash stays one: `repos/{repo}` with a/b is repos/a/b.
    return quote(text, safe="/")


@contextmanager
def named(url: str) -> Iterator[None]:
    """Let an error say which address it is about."""
    try:
        yield
    except ApiError as error:
        raise type(error)(f"{url}: {error}") from error


def _param(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _with_params(url: str, params: Mapping[str, Any]) -> str:
    return str(requests.Request("GET", url, params=dict(params)).prepare().url) if params else url

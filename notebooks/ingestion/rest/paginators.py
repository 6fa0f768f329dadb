"""How the next page is found, one small class a way. A paginator is asked anew for each walk through pages.

What shows a next page and is not followed fails: a page left out is a loss that nobody notices.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin

from requests.utils import parse_header_links

from ingestion.feeds import model
from ingestion.feeds.json_path import JsonPath
from ingestion.platform import strict_json
from ingestion.platform.errors import PaginationError
from ingestion.platform.excerpt import excerpt
from ingestion.rest.answers import Record
from ingestion.rest.client import JsonAnswer
from ingestion.rest.http import origin


@dataclass(frozen=True)
class PageRequest:
    """What asks for a page: a whole address, or further parameters for the endpoint's own."""

    url: str | None = None
    params: Mapping[str, Any] | None = None


class Walk(ABC):
    """One walk through the pages of an endpoint."""

    def first(self) -> PageRequest:
        """Return what asks for the first page."""
        return PageRequest()

    @abstractmethod
    def following(self, answer: JsonAnswer, records: Sequence[Record]) -> PageRequest | None:
        """Return what asks for the page after this one, None where this is the last.

        Raises:
            PaginationError: pages do not lead to an end.
        """


def walk_of(paginator: model.Paginator | None) -> Walk:  # noqa: PLR0911 - one line a paginator
    """Return a new walk by a paginator; None is the default, which lets no page be left out."""
    match paginator:
        case model.HeaderLink():
            return _HeaderLink()
        case model.JsonLink():
            return _JsonLink(paginator.next_url_path)
        case model.Cursor():
            return _Cursor(paginator.cursor_path, paginator.cursor_param)
        case model.HeaderCursor():
            return _HeaderCursor(paginator.cursor_key, paginator.cursor_param)
        case model.PageNumber():
            return _PageNumber(paginator)
        case model.Offset():
            return _Offset(paginator)
        case model.SinglePage():
            return _SinglePage()
    return _OnlyPage()


class _SinglePage(Walk):
    """One answer holds all, whatever else it shows."""

    def following(self, answer: JsonAnswer, records: Sequence[Record]) -> PageRequest | None:
        return None


class _OnlyPage(Walk):
    """One answer is thought to hold all."""

    def following(self, answer: JsonAnswer, records: Sequence[Record]) -> PageRequest | None:
        hint = next_page_hint(answer, records) or more_records_hint(answer, records)
        listed = _list_in_the_only_record(answer, records)
        inner = next_page_hint(answer, ()) if listed and not hint else None
        if inner:
            raise PaginationError(
                f"{answer.url}: the whole answer is taken for the record, but holds a list, {listed}, and shows a next "
                f'page, {inner.what}. Set data_selector = "{listed}" and paginator = {inner.paginator}, or '
                'paginator = { type = "single_page" } where this is all.'
            )
        if hint:
            raise PaginationError(
                f"{answer.url}: the answer shows a next page, {hint.what}, and no paginator is set. Set paginator = "
                f'{hint.paginator}, or {{ type = "single_page" }} where this is all.'
            )
        return None


class _Linked(Walk):
    """The answer tells what leads to the next page, until it tells nothing."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def following(self, answer: JsonAnswer, records: Sequence[Record]) -> PageRequest | None:
        token = self.token(answer)
        if token is None:
            hint = next_page_hint(answer, records)
            if hint:
                raise PaginationError(
                    f"{answer.url}: the paginator finds no next page, but the answer shows one, {hint.what}. Set "
                    f"paginator = {hint.paginator}, or correct the one that is set."
                )
            return None
        # A digest, because tokens may be long and pages many.
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()[:16]
        if digest in self._seen:
            raise PaginationError(
                f"{answer.url}: leads to the same page twice ({excerpt(token, 100)}): pages in a circle."
            )
        self._seen.add(digest)
        return self.request(token, answer)

    @abstractmethod
    def token(self, answer: JsonAnswer) -> str | None:
        """Return what leads to the next page; None where nothing does."""

    @abstractmethod
    def request(self, token: str, answer: JsonAnswer) -> PageRequest:
        """Return what asks for the page that a token leads to."""


class _Address(_Linked):
    """The next page's address is told."""

    def request(self, token: str, answer: JsonAnswer) -> PageRequest:
        try:
            url = urljoin(answer.url, token)
            same = origin(url) == origin(answer.url)
        except ValueError:
            same, url = False, token
        if not same:
            raise PaginationError(
                f"{answer.url}: the next page is on another host, {excerpt(url, 200)}, which is asked nothing."
            )
        return PageRequest(url=url)


class _HeaderLink(_Address):
    def token(self, answer: JsonAnswer) -> str | None:
        return header_link(answer)


class _JsonLink(_Address):
    def __init__(self, path: JsonPath) -> None:
        super().__init__()
        self._path = path

    def token(self, answer: JsonAnswer) -> str | None:
        return _told(self._path.first(answer.value), f"next_url_path {self._path}", answer, texts_only=True)


class _Cursor(_Linked):
    def __init__(self, path: JsonPath, param: str) -> None:
        super().__init__()
        self._path = path
        self._param = param

    def token(self, answer: JsonAnswer) -> str | None:
        return _told(self._path.first(answer.value), f"cursor_path {self._path}", answer, texts_only=False)

    def request(self, token: str, answer: JsonAnswer) -> PageRequest:
        return PageRequest(params={self._param: token})


class _HeaderCursor(_Linked):
    def __init__(self, key: str, param: str) -> None:
        super().__init__()
        self._key = key
        self._param = param

    def token(self, answer: JsonAnswer) -> str | None:
        return answer.headers.get(self._key, "").strip() or None

    def request(self, token: str, answer: JsonAnswer) -> PageRequest:
        return PageRequest(params={self._param: token})


class _Counted(Walk):
    """Pages are asked for by a number; a server that does not heed it gives the same page again."""

    def __init__(self) -> None:
        self._last = b""

    def check_new(self, answer: JsonAnswer, records: Sequence[Record], param: str) -> None:
        """Make sure that a page is another one than the page before."""
        content = sha256(strict_json.line(list(records))).digest() if records else b""
        if content and content == self._last:
            raise PaginationError(
                f"{answer.url}: is the same page again: the API heeds no parameter {param!r}. Name the right one."
            )
        self._last = content


class _PageNumber(_Counted):
    def __init__(self, paginator: model.PageNumber) -> None:
        super().__init__()
        self._paginator = paginator
        self._page = paginator.base_page

    def first(self) -> PageRequest:
        return PageRequest(params={self._paginator.page_param: self._page})

    def following(self, answer: JsonAnswer, records: Sequence[Record]) -> PageRequest | None:
        self.check_new(answer, records, self._paginator.page_param)
        self._page += 1
        if self._paginator.total_path:
            total = _total(answer, self._paginator.total_path)
            return self.first() if self._page - self._paginator.base_page < total else None
        return self.first() if records else None


class _Offset(_Counted):
    """A server may give fewer records than asked for: what came is counted, and only an empty page is the end."""

    def __init__(self, paginator: model.Offset) -> None:
        super().__init__()
        self._paginator = paginator
        self._offset = 0

    def first(self) -> PageRequest:
        paginator = self._paginator
        return PageRequest(params={paginator.offset_param: self._offset, paginator.limit_param: paginator.limit})

    def following(self, answer: JsonAnswer, records: Sequence[Record]) -> PageRequest | None:
        self.check_new(answer, records, self._paginator.offset_param)
        self._offset += len(records)
        if self._paginator.total_path:
            total = _total(answer, self._paginator.total_path)
            if not records and self._offset < total:
                raise PaginationError(f"{answer.url}: has no record, though {self._offset} of {total} were read.")
            return self.first() if self._offset < total else None
        return self.first() if records else None


@dataclass(frozen=True)
class Hint:
    """What shows that there is a next page, and the paginator that would follow it."""

    what: str
    paginator: str


_ENVELOPES = ("meta", "links", "_links", "paging", "pagination", "page", "page_info", "pageInfo", "cursors", "data")
_ADDRESSES = ("next", "next_url", "nextUrl", "next_link", "nextLink", "@odata.nextLink", "next_page_url", "nextPageUrl")
_TOKENS = (
    *("next", "next_cursor", "nextCursor", "next_token", "nextToken", "next_page_token", "nextPageToken", "NextToken"),
    *("next_page", "nextPage", "end_cursor", "endCursor", "continuation", "continuation_token", "continuationToken"),
)
_FLAGS = ("has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage", "more")

_TOTALS = ("total", "total_count", "totalCount", "total_results", "totalResults", "total_records", "totalRecords")


def next_page_hint(answer: JsonAnswer, records: Sequence[Record]) -> Hint | None:
    """Return what of an answer shows that there is a next page, by the names in use; None where nothing does."""
    link = header_link(answer)
    if link:
        return Hint(f"Link: <{excerpt(link, 100)}>", '{ type = "header_link" }')
    for path, place in _envelopes(answer.value, records):
        for key in _ADDRESSES:
            value = place.get(key)
            inner = value.get("href") if isinstance(value, dict) else value
            if isinstance(inner, str) and inner.startswith(("http://", "https://", "/", "?")):
                where = _joined(path, key) + (".href" if isinstance(value, dict) else "")
                return Hint(where, f'{{ type = "json_link", next_url_path = "{where}" }}')
        for key in _TOKENS:
            value = place.get(key)
            if (isinstance(value, str) and value) or (type(value) is int and value):
                where = _joined(path, key)
                return Hint(where, f'{{ type = "cursor", cursor_path = "{where}", cursor_param = "..." }}')
        for key in _FLAGS:
            if place.get(key) is True and records:
                return Hint(f"{_joined(path, key)} = true", "the one that this API's documentation tells")
    return None


def header_link(answer: JsonAnswer) -> str | None:
    """Return the address of the `Link` header's relation `next` (RFC 8288)."""
    for link in parse_header_links(answer.headers.get("Link", "")):
        if "next" in link.get("rel", "").lower().split():
            return link.get("url")
    return None


def more_records_hint(answer: JsonAnswer, records: Sequence[Record]) -> Hint | None:
    """Return what of an answer shows that there are more records than it holds; None where nothing does."""
    for path, place in _envelopes(answer.value, records):
        for key in _TOTALS:
            value = place.get(key)
            if type(value) is int and value > len(records) > 0:
                where = _joined(path, key)
                paginator = f'{{ type = "offset", limit = {len(records)}, total_path = "{where}" }}'
                return Hint(f"{where} = {value} where it has {len(records)}", f"{paginator}, or page_number")
    return None


def _envelopes(value: Any, records: Sequence[Record]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the objects around the records, by their paths; the keys of a record are data."""
    places = [("", value)]
    for path, place in places:
        if not isinstance(place, dict) or any(place is record for record in records):
            continue
        yield path, place
        if path in ("", "data"):
            places += [(_joined(path, name), place[name]) for name in _ENVELOPES if name in place]


def _list_in_the_only_record(answer: JsonAnswer, records: Sequence[Record]) -> str | None:
    """Return the key of a list of objects in an answer that is itself the only record; None where there is none."""
    if len(records) != 1 or records[0] is not answer.value:
        return None
    lists = (
        key
        for key, value in records[0].items()
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value)
    )
    return next(lists, None)


def _joined(path: str, key: str) -> str:
    shown = key if key.isidentifier() else f"['{key}']"
    return shown if not path else f"{path}.{shown}" if key.isidentifier() else f"{path}{shown}"


def _told(value: Any, where: str, answer: JsonAnswer, *, texts_only: bool) -> str | None:
    """Return a token that an answer tells; none is null, an empty text, or nothing at all."""
    if value is None or value is False or value == "":
        return None
    if isinstance(value, str):
        return value
    if type(value) is int and not texts_only:
        return str(value)
    raise PaginationError(f"{answer.url}: {where} leads to {excerpt(repr(value), 80)}, which is no next page.")


def _total(answer: JsonAnswer, path: JsonPath) -> int:
    total = path.first(answer.value)
    if isinstance(total, str) and total.isascii() and total.isdigit():
        return int(total)
    if type(total) is not int or total < 0:
        raise PaginationError(
            f"{answer.url}: total_path {path} leads to {excerpt(repr(total), 80)}, which is no number."
        )
    return total

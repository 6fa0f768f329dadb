"""What cannot be right in a feed or a source, whatever its keys say one by one. Pure: no I/O.

Each rule yields the key at fault and the way out. What only the database knows (its keys, whether a cursor repeats)
is for the run to find.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ingestion.feeds.destinations import unfit
from ingestion.feeds.file_options import meant
from ingestion.feeds.model import (
    Cursor,
    Endpoint,
    EndpointIncremental,
    Feed,
    Files,
    FilesSource,
    HeaderCursor,
    Offset,
    PageNumber,
    RestSource,
    Secret,
    Source,
    SqlSource,
    Table,
    TableIncremental,
)
from ingestion.feeds.settings import is_open
from ingestion.feeds.toml_lines import Path
from ingestion.platform.names import nearest

# A key within its table, and the message.
Refusal = tuple[Path, str]
Incremental = TableIncremental | EndpointIncremental
PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)(?:\.(\w+))?\}")
_NEED_COLUMN = ("cursor", "rowversion", "transaction_id")
_TELL_DELETES = ("change_tracking", "cdc")
_KEYED = ("merge", "scd2")
_NO_FOLDERS = ("http", "https", "jdbc", "ftp", "sftp")
# Of Spark's options those that would leave out files, lines or columns, or say where bad lines go.
_OPTIONS_OF_OURS = (
    *("mode", "columnnameofcorruptrecord", "badrecordspath", "path", "paths", "pathglobfilter", "recursivefilelookup"),
    *("modifiedafter", "modifiedbefore", "ignorecorruptfiles", "ignoremissingfiles", "samplingratio", "basepath"),
)
_SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
AnyFeed = TypeVar("AnyFeed", bound=Feed)


def completed(feed: AnyFeed) -> AnyFeed:
    """Return a feed with the defaults that depend on its other keys."""
    if not isinstance(feed, Table | Endpoint) or feed.incremental.on_null is not None:
        return feed
    on_null: Any = "fail" if feed.write_disposition == "append" else "include"
    incremental: Any = replace(feed.incremental, on_null=on_null)
    return replace(feed, incremental=incremental)


def incremental_of(feed: Feed) -> Incremental | None:
    """Return how a feed reads only what changed; None for files, each of which is read once."""
    return feed.incremental if isinstance(feed, Table | Endpoint) else None


def feed_refusals(feed: Feed, source: Source | None) -> Iterator[Refusal]:
    """Yield what cannot be right in a feed of a source; None for one that is wrong itself."""
    for rule in _FEED_RULES:
        yield from rule(feed)
    if isinstance(feed, Table):
        yield from _columns(feed)
    if isinstance(feed, Files):
        yield from _files(feed)
    if isinstance(feed, Endpoint):
        yield from _endpoint(feed)
        yield from _endpoint_secrets(feed, source)


def source_refusals(source: Source) -> Iterator[Refusal]:
    """Yield what cannot be right in the table `[source]`."""
    if not _SOURCE_NAME.fullmatch(source.name):
        yield ("name",), f"{source.name[:80]!r} is no source's name; write letters, digits, - and _ only"
    if isinstance(source, SqlSource):
        yield from _sql_source(source)
    if isinstance(source, RestSource):
        yield from _rest_source(source)
    if isinstance(source, FilesSource):
        yield from _files_source(source)


def parent_refusals(endpoints: Sequence[Endpoint]) -> Iterator[tuple[int, Refusal]]:
    """Yield, with the endpoint's place, what cannot be right among endpoints that ask for each other's records."""
    parents = {endpoint.local_name: endpoint.parent.endpoint for endpoint in endpoints if endpoint.parent}
    names = [endpoint.local_name for endpoint in endpoints]
    place = ("parent", "endpoint")
    for number, endpoint in enumerate(endpoints):
        if not endpoint.parent:
            continue
        seen, name = {endpoint.local_name}, endpoint.parent.endpoint
        if name not in names:
            yield number, (place, f"{name[:80]!r} is no endpoint of this source. {nearest(name, names)}")
        while name not in seen and name in parents:
            seen.add(name)
            name = parents[name]
        if name == endpoint.local_name:
            yield number, (place, f"{name!r} asks in the end for itself; name an endpoint that does not")


def _name(feed: Feed) -> Iterator[Refusal]:
    name = feed.local_name
    if not name or name != name.strip() or not name.isprintable():
        yield (
            ("name",),
            "is empty, or has blanks around it or control characters in it; write it as the source spells it",
        )
    elif not isinstance(feed, Table) and re.search(r"[*?,]", name):
        yield ("name",), f"{name[:80]!r} has one of * ? , in it, by which a run chooses feeds; choose another name"


def _destination(feed: Feed) -> Iterator[Refusal]:
    if isinstance(feed, Table) and feed.pattern:
        if feed.destination:
            yield (
                ("destination",),
                "is one folder for all tables that match; leave it out, or name the tables one by one",
            )
        return
    if isinstance(feed, Table) and feed.exclude:
        yield (
            ("exclude",),
            f"excludes from nothing: {feed.local_name!r} is one table; take * or ? into the name, or leave it out",
        )
    reason = unfit(feed.destination)
    if reason:
        yield ("destination",), f"{feed.destination[:80]!r} {reason}"


def _format(feed: Feed) -> Iterator[Refusal]:
    if feed.format != "delta" and feed.write_disposition != "replace":
        yield (
            ("format",),
            f'{feed.format!r} can only be replaced whole; write format = "delta" for {feed.write_disposition}, or '
            'write_disposition = "replace"',
        )
    if feed.format == "json" and not isinstance(feed, Endpoint):
        yield ("format",), '"json" is a file a record, for endpoints of an API only; write "delta" or "parquet"'


def _method(feed: Feed) -> Iterator[Refusal]:
    incremental = incremental_of(feed)
    if incremental is None:
        return
    method = incremental.method
    if isinstance(incremental, TableIncremental):
        if method in _NEED_COLUMN and not incremental.cursor_column:
            yield ("incremental", "cursor_column"), f"is missing: {method} reads by a column; name it"
        if method not in _NEED_COLUMN and incremental.cursor_column:
            yield ("incremental", "cursor_column"), f"means nothing to {method}, {_or_cursor(method)}"
    else:
        for key in ("cursor_path", "param"):
            if method == "cursor" and not getattr(incremental, key):
                yield (
                    ("incremental", key),
                    "is missing: cursor needs cursor_path (in a record) and param (that takes the position)",
                )
            if method == "full" and getattr(incremental, key):
                yield ("incremental", key), f"means nothing to full, {_or_cursor(method)}"
    if method != "cursor" and incremental.lookback:
        yield ("incremental", "lookback"), f"means nothing to {method}: only a cursor reads again; leave it out"
    if method not in _NEED_COLUMN and incremental.initial_value is not None:
        yield ("incremental", "initial_value"), f"means nothing to {method}, {_or_cursor(method)}"


def _or_cursor(method: str) -> str:
    return 'which reads all; write method = "cursor", or leave it out' if method == "full" else "leave it out"


def _disposition(feed: Feed) -> Iterator[Refusal]:
    incremental, disposition = incremental_of(feed), feed.write_disposition
    method = incremental.method if incremental else "files"
    place = ("write_disposition",)
    if disposition == "append" and method == "full":
        yield (
            place,
            (
                '"append" of method "full" adds all rows again at each load; write "replace", or another '
                "incremental.method"
            ),
        )
    if disposition == "replace" and method not in ("full", "files"):
        yield (
            place,
            (
                f'"replace" of method "{method}" leaves only what changed last; write "merge" or "append", or '
                'incremental.method = "full"'
            ),
        )
    if disposition == "replace_window" and method != "cursor":
        yield place, '"replace_window" replaces the window of a cursor; write incremental.method = "cursor"'
    elif disposition == "replace_window" and isinstance(feed, Endpoint):
        yield (
            place,
            (
                '"replace_window" would delete what an API leaves out of its answer, the record at the position itself '
                'among it; write "merge", and deletes = "hard" with delete_detection = "key_scan" for what is gone'
            ),
        )
    if incremental is None or disposition != "append":
        return
    if incremental.on_null == "include":
        yield (
            ("incremental", "on_null"),
            ('"include" under "append" adds rows without a cursor again at each load; write "fail" or "skip"'),
        )
    if incremental.on_future == "include" and not feed.primary_key:
        yield (
            ("incremental", "on_future"),
            ('"include" under "append" without primary_key reads rows twice; name the key, or write "fail" or "skip"'),
        )


def _keys(feed: Feed) -> Iterator[Refusal]:
    """A database may declare a key that the file does not name; nobody declares one for endpoints and files."""
    if len(set(feed.primary_key)) < len(feed.primary_key):
        yield ("primary_key",), "names a column twice; name each once"
    if feed.primary_key or isinstance(feed, Table):
        return
    if feed.write_disposition in _KEYED:
        yield ("write_disposition",), f'"{feed.write_disposition}" needs a key; name its columns in primary_key'
    incremental = incremental_of(feed)
    if incremental and incremental.lookback > timedelta(0) and feed.write_disposition != "replace_window":
        yield ("incremental", "lookback"), "reads rows again, which only a key tells; name its columns in primary_key"
    if feed.delete_detection == "key_scan":
        yield ("delete_detection",), '"key_scan" needs a key; name its columns in primary_key'


def _deletes(feed: Feed) -> Iterator[Refusal]:
    if feed.deletes == "ignore":
        return
    incremental = incremental_of(feed)
    if incremental is None:
        yield ("deletes",), f'"{feed.deletes}" is detected by nothing: files tell of no deleted row; write "ignore"'
    elif incremental.method not in _TELL_DELETES and feed.delete_detection is None:
        yield (
            ("deletes",),
            (
                f'"{feed.deletes}" is detected by nothing: write delete_detection = "key_scan", or an '
                f"incremental.method that tells deletes ({', '.join(_TELL_DELETES)})"
            ),
        )
    elif feed.write_disposition == "replace":
        yield (
            ("deletes",),
            (
                f'"{feed.deletes}" finds nothing to do under "replace", which holds what the source holds; write '
                '"merge" or "scd2", or leave it out'
            ),
        )


def _checks(feed: Feed) -> Iterator[Refusal]:
    for number, check in enumerate(feed.checks):
        low, high = check.arguments.get("at_least"), check.arguments.get("at_most")
        try:
            is_upside_down = low is not None and high is not None and low > high
        except TypeError:
            is_upside_down = True
        if is_upside_down:
            yield ("checks", number), "at_least and at_most leave no value between them"


def _tags(feed: Feed) -> Iterator[Refusal]:
    for number, tag in enumerate(feed.tags):
        if not tag.strip() or "," in tag or tag != tag.strip():
            yield (
                ("tags", number),
                f"{tag[:80]!r} cannot be asked for; write words without commas and blanks around them",
            )


_FEED_RULES: Sequence[Callable[[Feed], Iterator[Refusal]]] = (
    _name,
    _destination,
    _format,
    _method,
    _disposition,
    _keys,
    _deletes,
    _checks,
    _tags,
)


def _columns(table: Table) -> Iterator[Refusal]:
    if table.columns and table.exclude_columns:
        yield ("exclude_columns",), "and columns exclude each other; write one of the two"
        return
    kept = {name.casefold() for name in table.columns}
    dropped = {name.casefold() for name in table.exclude_columns}
    for name in table.primary_key:
        if kept and name.casefold() not in kept:
            yield ("primary_key",), f"{name!r} is not among columns; add it there"
        if name.casefold() in dropped:
            yield ("primary_key",), f"{name!r} is among exclude_columns; take it out there"


def _endpoint(endpoint: Endpoint) -> Iterator[Refusal]:
    yield from _path(endpoint)
    yield from _placeholders(endpoint)
    yield from _parameters(endpoint)
    if endpoint.when and (endpoint.when.secret is None) == (endpoint.when.no_secret is None):
        yield ("when",), "takes one of secret and no_secret"
    for number, expectation in enumerate(endpoint.expect):
        if (expectation.equals is None) == (expectation.matches is None):
            yield ("expect", number), "takes one of equals and matches"
        if expectation.matches is not None:
            try:
                re.compile(expectation.matches)
            except re.error as error:
                yield ("expect", number, "matches"), f"is no regular expression: {error}"
    named = endpoint.primary_key or endpoint.file_name or (endpoint.select and values_names(endpoint))
    if endpoint.format == "json" and not named:
        yield (
            ("format",),
            '"json" is a file a record, and nothing tells their names: write primary_key, or file_name = "{id}"',
        )
    if endpoint.file_name is not None and endpoint.format != "json":
        yield ("file_name",), f'means nothing to {endpoint.format!r}; write format = "json", or leave it out'


def values_names(endpoint: Endpoint) -> list[str]:
    """Return the names for which an endpoint's requests have a value each, in order."""
    return [*endpoint.for_each, *([endpoint.parent.as_] if endpoint.parent else [])]


def _path(endpoint: Endpoint) -> Iterator[Refusal]:
    path = endpoint.path
    if "://" in path or path.startswith("//"):
        yield ("path",), "is a whole address; write what follows the source's url"
    elif ".." in path.split("?")[0].split("/"):
        yield ("path",), "leaves the source's url with ..; write what follows it"
    elif re.search(r"[{}]", PLACEHOLDER.sub("", path)):
        yield ("path",), "has a brace that names no value; write {NAME}, with a NAME of for_each or parent"
    elif re.search(r"[\s#\\]", path):
        yield ("path",), "has a blank, # or backslash in it; write them percent-encoded"


def _placeholders(endpoint: Endpoint) -> Iterator[Refusal]:
    names = values_names(endpoint)
    if len(set(names)) < len(names):
        yield ("parent", "as"), f"{names[-1]!r} is a name of for_each too; choose another"
    for name, values in endpoint.for_each.items():
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            yield ("for_each", name), f"{name[:80]!r} is no name: letters, digits and _ only"
        if not values:
            yield ("for_each", name), "has no value; write one at least, or leave it out"
        if len(set(map(str, values))) < len(values):
            yield ("for_each", name), "has a value twice; write each once"
    used: set[str] = set()
    asked: list[tuple[Path, str]] = [(("path",), endpoint.path)]
    asked += [(("params", key), value) for key, value in endpoint.params.items() if isinstance(value, str)]
    for place, text in asked:
        for name, key in PLACEHOLDER.findall(text):
            used.add(name)
            yield from _unknown(endpoint, names, name, key, place)
    for place, text in _record_texts(endpoint):
        for name, key in PLACEHOLDER.findall(text):
            if name in names or place != ("file_name",):
                yield from _unknown(endpoint, names, name, key, place)
    for name in names:
        if name not in used:
            place = ("for_each", name) if name in endpoint.for_each else ("parent", "as")
            yield (
                place,
                f"is asked for nowhere, so each request would be the same; write {{{name}}} into path or params",
            )


def _record_texts(endpoint: Endpoint) -> Iterator[tuple[Path, str]]:
    if endpoint.select and isinstance(endpoint.select.equals, str):
        yield ("select", "equals"), endpoint.select.equals
    for number, expectation in enumerate(endpoint.expect):
        if isinstance(expectation.equals, str):
            yield ("expect", number, "equals"), expectation.equals
    if endpoint.file_name:
        yield ("file_name",), endpoint.file_name


def _unknown(endpoint: Endpoint, names: Sequence[str], name: str, key: str, place: Path) -> Iterator[Refusal]:
    if name not in names:
        yield place, f"{{{name}}} has no value: no for_each or parent names it. {nearest(name, names)}"
    elif key and name in endpoint.for_each and any(key not in value.fields for value in endpoint.for_each[name]):
        yield place, f"{{{name}.{key}}}: not each value of for_each.{name} is a table with the key {key!r}"
    elif key and name not in endpoint.for_each:
        yield place, f"{{{name}.{key}}}: a parent gives one value; write {{{name}}}"


def _parameters(endpoint: Endpoint) -> Iterator[Refusal]:
    paginator = endpoint.paginator
    ours: dict[str, str] = {}
    match paginator:
        case PageNumber():
            ours[paginator.page_param] = "paginator"
        case Offset():
            ours |= {paginator.offset_param: "paginator", paginator.limit_param: "paginator"}
        case Cursor() | HeaderCursor():
            ours[paginator.cursor_param] = "paginator"
    if endpoint.incremental.param:
        ours[endpoint.incremental.param] = "incremental"
    for name in endpoint.params:
        if name in ours:
            yield ("params", name), f"is set by {ours[name]} too; leave it out here"


def _sql_source(source: SqlSource) -> Iterator[Refusal]:
    if not source.url.startswith("jdbc:") and not is_open(source.url):
        yield ("url",), 'is no JDBC address; write it as jdbc:sqlserver://HOST:1433;databaseName=NAME, or "${SQL_URL}"'
    if source.credential and (source.user or source.password):
        yield ("credential",), "stands in place of user and password; leave those out"
    elif source.credential and not source.url.startswith(("jdbc:sqlserver:", "${")):
        yield ("credential",), "is for Azure SQL (jdbc:sqlserver:) only; write user and password"
    elif (source.user is None) != (source.password is None):
        missing = "password" if source.user else "user"
        yield (
            (missing,),
            f'is missing beside {"user" if source.user else "password"}; write {missing} = {{ secret = "KEY" }}',
        )


def _files_source(source: FilesSource) -> Iterator[Refusal]:
    if is_open(source.url):
        return
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", source.url)
    if not source.url.startswith("/") and (scheme is None or scheme[1].lower() in _NO_FOLDERS):
        yield ("url",), "is no folder; write /PATH, or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH"


def _files(feed: Files) -> Iterator[Refusal]:
    parts = feed.pattern.split("/")
    if "" in parts or ".." in parts or "." in parts:
        yield ("pattern",), "is no path below the source's url; write it as *.csv, or **/*.csv for any depth"
    for name in feed.options:
        if name.lower() in _OPTIONS_OF_OURS:
            yield (
                ("options", name),
                "would leave out files or lines without a word: it is the loader's own; leave it out",
            )
        elif option := meant(name, feed.file_format):
            yield ("options", name), f"is no option of Spark's for {feed.file_format}. Did you mean {option!r}?"


def _rest_source(source: RestSource) -> Iterator[Refusal]:
    yield from _web_address("url", source.url, secret=has_secrets(source))
    if source.auth and hasattr(source.auth, "access_token_url"):
        for place, message in _web_address("access_token_url", source.auth.access_token_url, secret=True):
            yield ("auth", *place), message
    for name in source.headers:
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            yield ("headers", name), "is no header's name"


def _endpoint_secrets(endpoint: Endpoint, source: Source | None) -> Iterator[Refusal]:
    if endpoint.auth and hasattr(endpoint.auth, "access_token_url"):
        for place, message in _web_address("access_token_url", endpoint.auth.access_token_url, secret=True):
            yield ("auth", *place), message
    secret = endpoint.auth is not None or any(isinstance(value, Secret) for value in endpoint.params.values())
    if secret and isinstance(source, RestSource) and not has_secrets(source):
        for _, message in _web_address("url", source.url, secret=True):
            yield ("auth" if endpoint.auth else "params",), f"the source's url {message}"


def has_secrets(source: RestSource) -> bool:
    """Say whether requests to a source carry a secret of its own."""
    return source.auth is not None or any(isinstance(value, Secret) for value in source.headers.values())


def _web_address(key: str, url: str, *, secret: bool) -> Iterator[Refusal]:
    if is_open(url):
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        yield (key,), "is no web address; write it as https://api.example.com/v2/"
    elif parts.scheme == "http" and secret and not is_loopback(host):
        yield (key,), "is plain http: secrets are only sent over https; write https://"
    elif parts.query or parts.fragment:
        yield (key,), "has a ? or # in it; write parameters in params"


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

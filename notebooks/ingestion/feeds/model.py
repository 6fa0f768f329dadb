"""Sources and feeds as values. The dataclasses are the contract: files are read by them, `schema.json` is made of them.

A field is a key of the TOML file, unless its metadata say `computed`; its docstring is what an editor shows.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fnmatch import translate
from typing import Annotated, Any, Literal

from ingestion.feeds.json_path import JsonPath

Scalar = str | int | float | bool | datetime | date | time
Bound = int | float | Decimal | date | datetime
Severity = Literal["error", "warning"]
Format = Literal["delta", "parquet", "json"]
WriteDisposition = Literal["replace", "append", "merge", "scd2", "replace_window"]
_COMPUTED = {"computed": True}


@dataclass(frozen=True)
class AtLeast:
    """The least value of a number."""

    value: float


@dataclass(frozen=True)
class Between:
    """The least and the greatest value of a number."""

    least: float
    most: float


Count = Annotated[int, AtLeast(0)]
Positive = Annotated[int, AtLeast(1)]
Share = Annotated[float, Between(0, 1)]


@dataclass(frozen=True)
class Secret:
    """A secret by its name; no value may stand in a file.

    Attributes:
        secret: its key in the secret scope.
    """

    secret: str

    def __str__(self) -> str:
        """The key, which may be shown."""
        return self.secret


@dataclass(frozen=True)
class CheckSpec:
    """What the rows of a feed have to be like.

    Attributes:
        kind: `not_null`, `unique`, `matches`, `in_range`, `in_set`, `not_before`, `fresh` or `row_count`.
        columns: that it is about; none for `row_count`.
        arguments: `pattern`; `at_least`, `at_most`; `values`; `column`; `within` (a span of time); `at_least_share`.
        severity: `error`, or `warning`, which is only told.
    """

    kind: str
    columns: tuple[str, ...]
    arguments: Mapping[str, Any]
    severity: Severity = "error"


@dataclass(frozen=True, kw_only=True)
class Feed:
    """One table, endpoint or path, and where it lands.

    Attributes:
        name: what it is called in its source; `SOURCE.NAME` once it is read.
        source: the name of its source.
        place: the file and the line of its table there: `sales.toml:12`.
        destination: the folder in the lake, or the table where a catalog is set; by default SOURCE/NAME in lower case,
            dots as `_`. Empty where the name is a pattern.
        format: `delta`, `parquet`, or `json`: a file a record (REST only).
        write_disposition: what a load does with the rows of its window.
        primary_key: the columns that tell one row from all others; by default what the database declares.
        deletes: what becomes of a row that the source deleted: `hard` deletes it, `soft` sets `_deleted_at`.
        delete_detection: `key_scan` reads all keys; change tracking and CDC tell deletes themselves.
        key_scan_every: how often keys are scanned; by default at each load.
        delete_limit: the share of the target's rows that one run may delete; above it nothing is applied.
        schema_contract: what a new column or a wider type does.
        checks: what rows have to be like; a row that breaks one goes to the quarantine.
        quarantine_limit: the share of bad rows above which nothing is landed.
        land_when_more_than: with this many good rows or fewer nothing is landed.
        tags: free words, by which a run chooses feeds.
    """

    name: str
    source: str = field(default="", metadata=_COMPUTED)
    place: str = field(default="", metadata=_COMPUTED, compare=False)
    destination: str = ""
    format: Format = "delta"
    write_disposition: WriteDisposition = "replace"
    primary_key: tuple[str, ...] = ()
    deletes: Literal["ignore", "hard", "soft"] = "ignore"
    delete_detection: Literal["key_scan"] | None = None
    key_scan_every: timedelta | None = None
    delete_limit: Share = 0.1
    schema_contract: Literal["evolve", "freeze", "discard_columns"] = "evolve"
    checks: tuple[CheckSpec, ...] = ()
    quarantine_limit: Share = 0.05
    land_when_more_than: Count | None = None
    tags: tuple[str, ...] = ()

    @property
    def local_name(self) -> str:
        """The name within its source: `dbo.Orders` of `sales.dbo.Orders`."""
        return self.name.removeprefix(f"{self.source}.")


@dataclass(frozen=True, kw_only=True)
class TableIncremental:
    """How only what changed is read from a table.

    Attributes:
        method: `full` reads all of it each time.
        cursor_column: the column of `cursor`, `rowversion`, `transaction_id`.
        lookback: how far below the position a `cursor` reads again; needs a key.
        initial_value: where the first load begins, itself included; by default all is loaded.
        on_null: a cursor that is NULL; `include`, for `append` `fail`.
        on_future: a cursor later than the source's own clock.
    """

    method: Literal["full", "cursor", "rowversion", "change_tracking", "cdc", "transaction_id"] = "full"
    cursor_column: str | None = None
    lookback: timedelta = timedelta(0)
    initial_value: Scalar | None = None
    on_null: Literal["fail", "include", "skip"] | None = None
    on_future: Literal["fail", "include", "skip"] = "fail"


@dataclass(frozen=True, kw_only=True)
class Table(Feed):
    """A table or view of a database.

    Attributes:
        exclude: of a pattern such as `dbo.*`: what is not taken, names or patterns.
        columns: the only ones that are read; by default all.
        exclude_columns: those that are not read.
        incremental: how only what changed is read.
    """

    exclude: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    exclude_columns: tuple[str, ...] = ()
    incremental: TableIncremental = TableIncremental()

    @property
    def pattern(self) -> str | None:
        """The name within the source, where it means all tables that match it, also ones that come later."""
        return self.local_name if is_pattern(self.local_name) else None

    def takes(self, table: str) -> bool:
        """Say whether a pattern means a table of the database."""
        return matches(table, self.local_name) and not any(matches(table, name) for name in self.exclude)

    def named(self, table: str) -> "Table":
        """Return the feed of one table that this pattern means."""
        return replace(
            self,
            name=f"{self.source}.{table}",
            destination=default_destination(self.source, table),
            exclude=(),
        )


@dataclass(frozen=True)
class Parent:
    """Another endpoint of the source, whose records say what is asked for.

    Attributes:
        endpoint: its name.
        field: the path of the value in its records.
        as_: the name that the value has in `path` and `params`.
    """

    endpoint: str
    field: JsonPath
    as_: str


@dataclass(frozen=True)
class Select:
    """The record that is meant, of several in an answer; with it each answer has to hold just one.

    Attributes:
        path: of a value in the record.
        equals: what that value is; `{NAME}` stands for the value of `for_each`.
    """

    path: JsonPath
    equals: str | int | float | bool


@dataclass(frozen=True)
class Expectation:
    """What must be true of each record, or the answer is not what was asked for.

    Attributes:
        path: of a value in the record.
        equals: what that value is; `{NAME}` stands for the value of `for_each`.
        matches: a regular expression that is found in the value, which is a text.
    """

    path: JsonPath
    equals: str | int | float | bool | None = None
    matches: str | None = None


@dataclass(frozen=True)
class SinglePage:
    """One answer holds all, whatever else it shows."""

    type: Literal["single_page"]


@dataclass(frozen=True)
class HeaderLink:
    """The next page is the `Link` header's address of the relation `next` (RFC 8288)."""

    type: Literal["header_link"]


@dataclass(frozen=True)
class JsonLink:
    """The next page's address stands in the answer.

    Attributes:
        next_url_path: where.
    """

    type: Literal["json_link"]
    next_url_path: JsonPath


@dataclass(frozen=True)
class Cursor:
    """The answer holds a value with which the next page is asked for.

    Attributes:
        cursor_path: where it stands.
        cursor_param: the parameter that takes it.
    """

    type: Literal["cursor"]
    cursor_path: JsonPath
    cursor_param: str


@dataclass(frozen=True)
class HeaderCursor:
    """A header of the answer holds a value with which the next page is asked for.

    Attributes:
        cursor_key: the header.
        cursor_param: the parameter that takes it.
    """

    type: Literal["header_cursor"]
    cursor_key: str
    cursor_param: str


@dataclass(frozen=True)
class PageNumber:
    """Pages are asked for by number, until the last one was read, or one is empty.

    Attributes:
        page_param: the parameter that takes the number.
        base_page: the number of the first page.
        total_path: where the answer tells how many pages there are.
    """

    type: Literal["page_number"]
    page_param: str = "page"
    base_page: Count = 1
    total_path: JsonPath | None = None


@dataclass(frozen=True)
class Offset:
    """Pages are asked for by the number of records before them, until all were read, or a page is empty.

    Attributes:
        limit: records of a page.
        offset_param: the parameter that takes the records before.
        limit_param: the parameter that takes the limit.
        total_path: where the answer tells how many records there are.
    """

    type: Literal["offset"]
    limit: Positive
    offset_param: str = "offset"
    limit_param: str = "limit"
    total_path: JsonPath | None = None


Paginator = SinglePage | HeaderLink | JsonLink | Cursor | HeaderCursor | PageNumber | Offset


@dataclass(frozen=True)
class Bearer:
    """A token in the header `Authorization: Bearer`.

    Attributes:
        token: the secret.
    """

    type: Literal["bearer"]
    token: Secret


@dataclass(frozen=True)
class ApiKey:
    """A key in a header, or in the address.

    Attributes:
        name: of the header or parameter.
        value: the secret.
        location: `header` or `query`.
    """

    type: Literal["api_key"]
    value: Secret
    name: str = "X-Api-Key"
    location: Literal["header", "query"] = "header"


@dataclass(frozen=True)
class HttpBasic:
    """User name and password (RFC 7617).

    Attributes:
        username: a text, or a secret.
        password: the secret.
    """

    type: Literal["http_basic"]
    username: str | Secret
    password: Secret


@dataclass(frozen=True)
class OAuth2ClientCredentials:
    """A token that is asked for with the client's own credentials (RFC 6749, 4.4), a new one when it ends.

    Attributes:
        access_token_url: where.
        client_id: a text, or a secret.
        client_secret: the secret.
        scope: what is asked for.
    """

    type: Literal["oauth2_client_credentials"]
    access_token_url: str
    client_id: str | Secret
    client_secret: Secret
    scope: str | None = None


Auth = Bearer | ApiKey | HttpBasic | OAuth2ClientCredentials


@dataclass(frozen=True)
class When:
    """Which secret decides whether an endpoint is there: one API in two versions, one of them with a key.

    Attributes:
        secret: the endpoint is there only with this secret stored.
        no_secret: the endpoint is there only without it.
    """

    secret: str | None = None
    no_secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class EndpointIncremental:
    """How only what changed is read from an endpoint.

    Attributes:
        method: `full` reads all of it each time.
        cursor_path: of the cursor in a record.
        param: the parameter that takes the position.
        lookback: how far below the position is read again; needs a key.
        initial_value: where the first load begins, itself included; by default all is loaded.
        on_null: a record without a cursor; `include`, for `append` `fail`.
        on_future: a cursor later than the server's own clock.
    """

    method: Literal["full", "cursor"] = "full"
    cursor_path: JsonPath | None = None
    param: str | None = None
    lookback: timedelta = timedelta(0)
    initial_value: Scalar | None = None
    on_null: Literal["fail", "include", "skip"] | None = None
    on_future: Literal["fail", "include", "skip"] = "fail"


@dataclass(frozen=True, kw_only=True)
class Endpoint(Feed):
    """One address of a REST API, or several of one form.

    Attributes:
        path: appended to the source's address; `{NAME}` stands for the value of `for_each` or `parent`.
        params: of each request; `{NAME}` as in `path`. A value may be a secret.
        for_each: by name the values that are asked for in turn. One may be a table with the key `value` and further
            ones, which `{NAME.KEY}` stands for. Records carry the value in the column `_NAME`.
        parent: another endpoint whose records give the values.
        data_selector: the records' path in the answer; by default the answer is a list, or one record.
        select: the record that is meant, of several in an answer.
        expect: what must be true of each record, or the answer is refused.
        paginator: how the next page is found; by default one answer holds all, and one that shows a next page fails.
        max_pages: more than these in one load fail the feed.
        error_path: where an answer with status 200 tells an error.
        incremental: how only what changed is read.
        nested: objects and lists in a record become structs and arrays, or JSON text.
        file_name: of `format = "json"`: the name of a record's file, by default made of the `for_each` values and the
            key. `{NAME}` stands for the value of `for_each`, or of the record.
        auth: in place of the source's.
        when: which secret decides whether the endpoint is there.
    """

    path: str = ""
    params: Mapping[str, str | int | float | bool | Secret] = field(default_factory=dict)
    for_each: Mapping[str, tuple["ForEachValue", ...]] = field(default_factory=dict)
    parent: Parent | None = None
    data_selector: JsonPath | None = None
    select: Select | None = None
    expect: tuple[Expectation, ...] = ()
    paginator: Paginator | None = None
    max_pages: Positive = 10_000
    error_path: JsonPath | None = None
    incremental: EndpointIncremental = EndpointIncremental()
    nested: Literal["struct", "json"] = "struct"
    file_name: str | None = None
    auth: Auth | None = None
    when: When | None = None


@dataclass(frozen=True)
class ForEachValue:
    """One value that an endpoint is asked for.

    Attributes:
        value: itself.
        fields: what else is known of it.
    """

    value: str | int | float | bool
    fields: Mapping[str, str | int | float | bool] = field(default_factory=dict)

    def __str__(self) -> str:
        """The value as an address has it."""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


@dataclass(frozen=True, kw_only=True)
class Files(Feed):
    """Files of a folder, each read once.

    Attributes:
        pattern: of their names below the source's folder: `*` and `?` within a name, `**/` for folders of any depth.
        file_format: `csv`, `json` (a record a line) or `parquet`.
        options: of Spark's reader; with `inferSchema = false` all columns of a CSV file are text.
    """

    write_disposition: WriteDisposition = "append"
    pattern: str
    file_format: Literal["csv", "json", "parquet"]
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class RateLimit:
    """The most requests to a source within a time.

    Attributes:
        requests: how many.
        seconds: in how many seconds.
    """

    requests: Positive
    seconds: Annotated[float, AtLeast(0.001)] = 1


@dataclass(frozen=True, kw_only=True)
class Source:
    """A system that data comes from.

    Attributes:
        name: by default the file's name.
        type: `sql`, `rest` or `files`.
        url: its address; `${SETTING}` stands for a widget, a variable of the cluster, or a default.
        file: the file that it is read from.
        unset: what its file asks for and nobody has set, each with the way out; the source cannot be read.
    """

    name: str = ""
    type: str
    url: str = field(repr=False)
    file: str = field(default="", metadata=_COMPUTED)
    unset: tuple[str, ...] = field(default=(), metadata=_COMPUTED)
    feeds: Sequence[Feed] = field(default=(), metadata=_COMPUTED)


@dataclass(frozen=True, kw_only=True)
class SqlSource(Source):
    """A database, over JDBC.

    Attributes:
        user: a secret; without it and `password` the database is asked without.
        password: a secret.
        credential: in place of both, for Azure SQL: the service credential of Unity Catalog that Entra ID knows.
        max_connections: over all tables of the source, all runs of one cluster counted.
    """

    type: Literal["sql"]
    user: Secret | None = None
    password: Secret | None = None
    credential: str | None = None
    max_connections: Positive | None = None
    feeds: Sequence[Table] = field(default=(), metadata=_COMPUTED)


@dataclass(frozen=True, kw_only=True)
class RestSource(Source):
    """A REST API.

    Attributes:
        auth: how requests are signed.
        headers: of each request; a value may be a secret.
        rate_limit: the most requests within a time; what the server says of its own limits is kept to besides.
        max_connections: over all endpoints of the source.
    """

    type: Literal["rest"]
    auth: Auth | None = None
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    rate_limit: RateLimit | None = None
    max_connections: Positive = 4
    feeds: Sequence[Endpoint] = field(default=(), metadata=_COMPUTED)


@dataclass(frozen=True, kw_only=True)
class FilesSource(Source):
    """A folder."""

    type: Literal["files"]
    feeds: Sequence[Files] = field(default=(), metadata=_COMPUTED)


def default_destination(source: str, name: str) -> str:
    """Return where a feed lands when nobody says: SOURCE/NAME in lower case, dots as `_`."""
    return f"{source}/{name.replace('.', '_')}".lower()


def is_pattern(name: str) -> bool:
    """Say whether a name means all names that match it."""
    return "*" in name or "?" in name


def matches(name: str, pattern: str) -> bool:
    """Say whether a name matches a pattern of `*` and `?`; all other characters mean themselves."""
    return bool(re.fullmatch(translate(pattern.replace("[", "[[]")), name))

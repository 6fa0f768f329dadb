"""What a folder of sources says, and every refusal: its file, line, table, key and the way out."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from ingestion.feeds.model import Bearer, CheckSpec, Endpoint, Files, HeaderLink, RateLimit, Secret, Table
from ingestion.feeds.problems import Problem, SourcesError
from ingestion.feeds.sources import check_sources, read_sources
from support.source_files import DROP, FILES_MISTAKES, REST_MISTAKES, SALES, SQL_MISTAKES, TRACKER, Mistake

BUNDLE = Path(__file__).resolve().parents[3] / "notebooks" / "sources"


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a folder of these files."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_a_database_of_the_contract(folder: Callable[..., Path]) -> None:
    [source] = read_sources(folder(any_name=SALES), {"SQL_URL": "jdbc:derby:x"}.get)
    assert (source.name, source.url, source.unset) == ("sales", "jdbc:derby:x", ())
    [orders] = source.feeds
    assert isinstance(orders, Table)
    assert (orders.name, orders.local_name, orders.destination) == ("sales.dbo.Orders", "dbo.Orders", "orders")
    assert (orders.write_disposition, orders.tags) == ("merge", ("hourly",))
    assert orders.incremental.lookback == timedelta(minutes=15)
    assert (orders.incremental.on_null, orders.incremental.on_future) == ("include", "fail")
    assert orders.checks == (
        CheckSpec("not_null", ("OrderId",), {}),
        CheckSpec("matches", ("Email",), {"pattern": "..."}),
    )


def test_an_api_of_the_contract(folder: Callable[..., Path]) -> None:
    [source] = read_sources(folder(tracker=TRACKER))
    assert source.name == "tracker"  # the file's
    assert (source.auth, source.rate_limit) == (Bearer("bearer", Secret("tracker-token")), RateLimit(10, 1))
    [issues] = source.feeds
    assert isinstance(issues, Endpoint)
    assert (issues.name, issues.destination) == ("tracker.issues", "tracker/issues")
    assert issues.paginator == HeaderLink("header_link")
    assert [value.value for value in issues.for_each["repo"]] == ["a/b", "c/d"]
    assert (issues.max_pages, str(issues.data_selector)) == (10_000, "items")


def test_a_folder_of_files_appends(folder: Callable[..., Path]) -> None:
    [source] = read_sources(folder(drop=DROP), {"LAKE_ROOT": "/lake"}.get)
    [events] = source.feeds
    assert isinstance(events, Files)
    assert (source.url, events.write_disposition, events.options) == ("/lake/landing", "append", {"header": True})


def test_a_table_takes_three_lines(folder: Callable[..., Path]) -> None:
    text = '[source]\ntype = "sql"\nurl = "jdbc:derby:x"\n[[tables]]\nname = "Sales.Big Orders"\n'
    [source] = read_sources(folder(shop=text))
    [feed] = source.feeds
    assert (feed.destination, feed.format, feed.write_disposition) == ("shop/sales_big orders", "delta", "replace")
    assert (feed.delete_limit, feed.quarantine_limit, feed.schema_contract) == (0.1, 0.05, "evolve")


def test_append_fails_on_a_null_cursor_unless_told_otherwise(folder: Callable[..., Path]) -> None:
    text = SALES.replace('"merge"', '"append"').replace('deletes = "hard"\n', "")
    [source] = read_sources(folder(sales=text))
    assert source.feeds[0].incremental.on_null == "fail"


def test_a_setting_that_is_not_there_is_told_of_its_source_and_stops_no_other(folder: Callable[..., Path]) -> None:
    both = folder(sales=SALES.replace('tags = ["hourly"]', 'format = "${FORM}"'), tracker=TRACKER)
    sales, tracker = read_sources(both, lambda _: None)
    assert [text.split(": give")[0] for text in sales.unset] == [
        "sales.toml:4: [source]: url: ${SQL_URL} is not set",
        "sales.toml:10: [defaults]: format: ${FORM} is not set",
    ]
    assert "widget sql_url or as environment variable SQL_URL" in sales.unset[0]
    assert tracker.unset == ()


def test_the_bundles_own_sources_are_right() -> None:
    sources, problems, secrets = check_sources(BUNDLE)
    assert problems == []
    assert [source.name for source in sources] == ["azure_sql", "restcountries"]
    assert {secret.secret for secret in secrets} == {"sql-user", "sql-password", "restcountries-api-key"}


@pytest.mark.parametrize(("has_key", "path"), [(True, "codes.alpha_2/{country.alpha_2}"), (False, "name/{country}")])
def test_a_key_decides_which_version_of_the_country_api_is_asked(*, has_key: bool, path: str) -> None:
    sources = read_sources(BUNDLE, {"TABLE_FORMAT": "delta"}.get, lambda _key: has_key)
    [countries] = next(source.feeds for source in sources if source.name == "restcountries")
    assert isinstance(countries, Endpoint)
    assert (countries.path, countries.format) == (path, "json")


def test_the_shops_checks_are_values() -> None:
    sources = read_sources(BUNDLE, {"TABLE_FORMAT": "parquet", "SQL_URL": "jdbc:x"}.get, lambda _: False)
    customers, products = next(source.feeds for source in sources if source.name == "azure_sql")
    assert (customers.destination, customers.land_when_more_than) == ("customer_data", 500)
    assert (products.destination, products.land_when_more_than) == ("product_data", None)
    assert [customers.format, len(customers.checks), len(products.checks)] == ["parquet", 11, 11]
    assert CheckSpec("in_range", ("DateOfBirth",), {"at_least": date(1900, 1, 1)}) in customers.checks
    assert CheckSpec("fresh", ("UpdatedAt",), {"within": timedelta(days=30)}, "warning") in customers.checks
    assert CheckSpec("row_count", (), {"at_least_share": 0.5}, "warning") in products.checks


FILES = {"sales": (SALES, SQL_MISTAKES), "tracker": (TRACKER, REST_MISTAKES), "drop": (DROP, FILES_MISTAKES)}


@pytest.mark.parametrize(
    ("name", "mistake"), [(name, mistake) for name, (_, mistakes) in FILES.items() for mistake in mistakes]
)
def test_a_mistake_is_refused_with_its_place_and_the_way_out(
    name: str, mistake: Mistake, folder: Callable[..., Path]
) -> None:
    text, _ = FILES[name]
    assert mistake[0] in text
    right, wrong, line, key, words = mistake
    refused(folder(**{name: text.replace(right, wrong, 1)}), f"{name}.toml", line, key, words)


def refused(folder: Path, file: str, line: int, key: str, words: str) -> None:
    with pytest.raises(SourcesError) as raised:
        read_sources(folder)
    found = [problem for problem in raised.value.problems if words in problem.message]
    assert (file, line, key) in {(problem.file, problem.line, problem.key) for problem in found}, raised.value
    assert all(str(problem) in str(raised.value) for problem in found)
    assert "hunter2" not in str(raised.value)


APPENDS = [
    ('"append"', "", 'of method "full"', "write_disposition"),
    ('"append"', 'incremental = { method = "cursor", cursor_column = "c", on_null = "include" }', "", "on_null"),
    ('"append"', 'incremental = { method = "cursor", cursor_column = "c", on_future = "include" }', "", "on_future"),
    ('"replace_window"', 'incremental = { method = "rowversion", cursor_column = "c" }', "of a cursor", "disposition"),
]


@pytest.mark.parametrize(("disposition", "more", "words", "key"), APPENDS)
def test_what_would_hold_rows_twice_is_refused(
    disposition: str, more: str, words: str, key: str, folder: Callable[..., Path]
) -> None:
    text = (
        f'[source]\ntype = "sql"\nurl = "jdbc:x:y"\n[[tables]]\nname = "t"\nwrite_disposition = {disposition}\n{more}\n'
    )
    _, [problem], _ = check_sources(folder(shop=text))
    assert words in problem.message
    assert problem.key.endswith(key)


@pytest.mark.parametrize("method", ["change_tracking", "cdc"])
def test_methods_that_tell_deletes_need_no_detection(method: str, folder: Callable[..., Path]) -> None:
    text = SALES.replace(
        'method = "cursor", cursor_column = "ModifiedAt", lookback = "15 minutes"', f'method = "{method}"'
    )
    read_sources(folder(sales=text.replace('delete_detection = "key_scan"\n', "")))


def test_all_refusals_come_together_and_only_once_for_a_default(folder: Callable[..., Path]) -> None:
    bad = SALES.replace('"merge"', '"merg"') + '[[tables]]\nname = "dbo.B"\n[[tables]]\nname = "dbo.C"\nformat = "x"\n'
    _, problems, _ = check_sources(folder(a=bad, b="[source]\n", c=TRACKER))
    assert [(problem.file, problem.line, problem.table, problem.key) for problem in problems] == [
        ("a.toml", 11, "[defaults]", "write_disposition"),
        ("a.toml", 25, "[[tables]] 'dbo.C'", "format"),
        ("b.toml", 1, "[source]", "type"),
    ]


def test_a_default_that_is_wrong_for_one_table_names_the_table(folder: Callable[..., Path]) -> None:
    text = SALES + '[[tables]]\nname = "dbo.Log"\nformat = "parquet"\n'
    _, [problem], _ = check_sources(folder(sales=text))
    assert str(problem).startswith("sales.toml:23: [[tables]] 'dbo.Log': format: 'parquet' can only be replaced whole")


def test_one_destination_takes_one_feed(folder: Callable[..., Path]) -> None:
    other = '[source]\ntype = "sql"\nurl = "jdbc:x:y"\n[[tables]]\nname = "o"\ndestination = "Orders/2024"\n'
    _, [problem], _ = check_sources(folder(other=other, sales=SALES))
    assert (problem.file, problem.line, problem.key) == ("sales.toml", 15, "destination")
    assert "overlaps the destination of other.o (other.toml:6)" in problem.message


def test_one_table_of_a_catalog_takes_one_feed(folder: Callable[..., Path]) -> None:
    destinations = {"o": "orders 2024", "p": "陈", "q": "Orders/2024"}
    tables = [f'[[tables]]\nname = "{name}"\ndestination = "{place}"\n' for name, place in destinations.items()]
    folder(other='[source]\ntype = "sql"\nurl = "jdbc:x:y"\n' + "".join(tables))
    assert check_sources(folder(), {}.get)[1] == []
    _, problems, _ = check_sources(folder(), {"CATALOG": "main"}.get)
    assert [problem.line for problem in problems] == [9, 12]
    assert "no letter a-z" in problems[0].message
    assert "is the table orders_2024 of the catalog, as is that of other.o" in problems[1].message


def test_one_name_is_one_source_and_one_feed(folder: Callable[..., Path]) -> None:
    twice = TRACKER + '[[endpoints]]\nname = "issues"\npath = "x"\ndestination = "elsewhere"\n'
    _, problems, _ = check_sources(folder(a=SALES.replace('"orders"', '"o"'), sales=SALES, tracker=twice))
    assert [(problem.file, problem.line, problem.key) for problem in problems] == [
        ("sales.toml", 2, "name"),
        ("sales.toml", 14, "name"),
        ("tracker.toml", 20, "name"),
    ]


PARENTS = [
    ("users", "Known are: orgs, repos"),
    ("repo", "Did you mean 'repos'?"),
    ("repos", "asks in the end for itself"),
]


@pytest.mark.parametrize(("endpoint", "words"), PARENTS)
def test_a_parent_is_another_endpoint(endpoint: str, words: str, folder: Callable[..., Path]) -> None:
    text = f"""\
[source]
type = "rest"
url = "http://127.0.0.1:8000"
[[endpoints]]
name = "orgs"
path = "orgs"
[[endpoints]]
name = "repos"
path = "orgs/{{org}}"
parent = {{ endpoint = "{endpoint}", field = "login", as = "org" }}
"""
    _, [problem], _ = check_sources(folder(hub=text))
    assert (problem.line, problem.key) == (10, "parent.endpoint")
    assert words in problem.message
    read_sources(folder(hub=text.replace(f'"{endpoint}", field', '"orgs", field')))


def test_a_folder_or_file_that_cannot_be_read_is_named(tmp_path: Path, folder: Callable[..., Path]) -> None:
    with pytest.raises(SourcesError, match="no such folder"):
        read_sources(tmp_path / "nowhere")
    (tmp_path / "odd.toml").write_bytes(b"# \xff\n")
    (tmp_path / "dir.toml").mkdir()
    _, problems, _ = check_sources(tmp_path)
    assert [(problem.file, problem.message.split(":")[0]) for problem in problems] == [
        ("dir.toml", "cannot be read"),
        ("odd.toml", "is not UTF-8"),
    ]


def test_a_problem_is_one_line() -> None:
    problem = Problem("sales.toml", 12, "[[tables]] 'dbo.Orders'", "format", "'x' is not known.")
    assert str(problem) == "sales.toml:12: [[tables]] 'dbo.Orders': format: 'x' is not known."

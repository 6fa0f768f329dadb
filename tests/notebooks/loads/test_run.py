"""One run of `ingest`: the chosen feeds of all sources, whatever some of them do."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from fakes.derby import Derby
from fakes.faulty_http import FaultyServer
from fakes.paging_api import PagingApi
from fakes.postgres import Postgres
from fakes.workspace import Settings
from ingestion.feeds.problems import SourcesError
from ingestion.loads import landing
from ingestion.loads.run import run_feeds
from ingestion.platform.errors import InvalidSettingError
from ingestion.sql.database import SqlDatabase
from support.lakes import table_rows

Ingest = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Derby:
    database = Derby(spark, f"jdbc:derby:{tmp_path_factory.mktemp('shop') / 'source'};create=true")
    database.execute(
        'CREATE TABLE Orders ("Id" INT NOT NULL PRIMARY KEY, "Total" DECIMAL(9, 2), "At" TIME)',
        "INSERT INTO Orders VALUES (1, 10.50, '12:00:01'), (2, -1.00, NULL)",
        'CREATE TABLE Lines ("Order" INT NOT NULL, "No" INT NOT NULL, PRIMARY KEY ("Order", "No"))',
        "INSERT INTO Lines VALUES (1, 1)",
        'CREATE TABLE Secrets ("Id" INT)',
    )
    return database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    return folder


@pytest.fixture
def ingest(spark: SparkSession, shop: Derby, lake: Path, folder: Path) -> Ingest:
    """Return a function that runs the notebook's call with some widgets, and returns what it exits with."""

    def run(secrets: dict[str, str] | None = None, **widgets: str) -> dict[str, Any]:
        environment = {"LAKE_ROOT": str(lake), "SQL_URL": shop.url}
        settings = Settings(environment=environment, widgets={"sources": str(folder), **widgets}, secrets=secrets or {})
        return dict(json.loads(run_feeds(spark, settings.configuration(), sleep=lambda _seconds: None)))

    return run


def shop_toml(folder: Path, tables: str, source: str = 'url = "${SQL_URL}"', name: str = "shop") -> None:
    text = f'[source]\ntype = "sql"\n{source}\n[defaults]\nformat = "parquet"\n{tables}'
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")


def by_feed(exit_value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["feed"]: row for row in exit_value["feeds"]}


def test_three_lines_of_toml_land_a_table(ingest: Ingest, folder: Path, spark: SparkSession, lake: Path) -> None:
    shop_toml(folder, '[[tables]]\nname = "APP.ORDERS"')
    exit_value = ingest()
    assert exit_value["status"] == "Succeeded"
    row = by_feed(exit_value)["shop.APP.ORDERS"]
    assert (row["status"], row["mode"]) == ("Succeeded", "load")
    assert (row["rows_read"], row["inserted"], row["rows_in_target"], row["quarantined"]) == (2, 2, 2, 0)
    assert row["notes"] == ["column At is landed as text: a time of day: Spark has no such type"]
    landed = spark.read.parquet(str(lake / "shop" / "app_orders")).orderBy("Id").collect()
    assert [(each["Id"], str(each["Total"]), each["At"]) for each in landed] == [
        (1, "10.50", "12:00:01"),
        (2, "-1.00", None),
    ]


def test_a_pattern_takes_all_tables_that_match_but_for_those_it_excludes(ingest: Ingest, folder: Path) -> None:
    shop_toml(folder, '[[tables]]\nname = "APP.*"\nexclude = ["APP.SECR*"]')
    assert by_feed(ingest()).keys() == {"shop.APP.ORDERS", "shop.APP.LINES"}
    assert by_feed(ingest(feeds="shop.APP.L*")).keys() == {"shop.APP.LINES"}


def test_a_bad_feed_does_not_hold_back_the_others_and_is_named_with_its_reason(ingest: Ingest, folder: Path) -> None:
    shop_toml(folder, '[[tables]]\nname = "APP.LINES"\n[[tables]]\nname = "APP.ORDRES"')
    shop_toml(folder, '[[tables]]\nname = "a"\n[[tables]]\nname = "b"', 'url = "jdbc:derby:/no/such/folder"', "gone")
    exit_value = ingest()
    rows = by_feed(exit_value)
    assert exit_value["status"] == "Failed"
    assert {name: row["status"] for name, row in rows.items()} == {
        "gone.a": "Failed",
        "gone.b": "Failed",
        "shop.APP.LINES": "Succeeded",
        "shop.APP.ORDRES": "Failed",
    }
    assert rows["gone.a"]["error"] == rows["gone.b"]["error"]
    assert "/no/such/folder" in rows["gone.a"]["error"]
    assert "Did you mean 'APP.ORDERS'?" in rows["shop.APP.ORDRES"]["error"]
    assert exit_value["message"].startswith("3 of 4 feeds failed: gone.a: ")


def test_rows_that_break_a_check_are_kept_out(ingest: Ingest, folder: Path) -> None:
    checks = 'checks = [{ in_range = "Total", at_least = 0 }]'
    shop_toml(folder, f'[[tables]]\nname = "APP.ORDERS"\nquarantine_limit = 0.5\n{checks}')
    row = by_feed(ingest())["shop.APP.ORDERS"]
    assert (row["rows_read"], row["rows_in_target"], row["quarantined"]) == (2, 1, 1)
    shop_toml(folder, f'[[tables]]\nname = "APP.ORDERS"\n{checks}')
    row = by_feed(ingest())["shop.APP.ORDERS"]
    assert row["status"] == "Failed"
    assert "1 of 2 rows (50.00%) are bad" in row["error"]


def test_too_few_rows_are_skipped(ingest: Ingest, folder: Path, lake: Path) -> None:
    shop_toml(folder, '[[tables]]\nname = "APP.ORDERS"\nland_when_more_than = 2')
    exit_value = ingest()
    assert exit_value["status"] == "Succeeded"
    assert by_feed(exit_value)["shop.APP.ORDERS"]["status"] == "Skipped"
    assert not (lake / "shop").exists()


@pytest.fixture
def changing(shop: Derby) -> Iterator[None]:
    shop.execute('CREATE TABLE Changing ("Id" INT)', "INSERT INTO Changing VALUES (1)")
    yield
    shop.drop("Changing")


@pytest.mark.usefixtures("changing")
def test_the_schema_contract_holds_for_tables_that_are_replaced(ingest: Ingest, folder: Path, shop: Derby) -> None:
    def load(contract: str) -> dict[str, Any]:
        shop_toml(folder, f'[[tables]]\nname = "APP.CHANGING"\nschema_contract = "{contract}"')
        return by_feed(ingest())["shop.APP.CHANGING"]

    assert load("freeze")["status"] == "Succeeded"
    shop.execute('ALTER TABLE Changing ADD COLUMN "More" INT')
    assert "new column More (int), and schema_contract is 'freeze'" in load("freeze")["error"]
    assert load("discard_columns")["notes"] == ["new column More (int) is left out, as schema_contract says"]


ORDERS = """\
[[tables]]
name = "orders"
format = "delta"
write_disposition = "merge"
deletes = "hard"
delete_detection = "key_scan"
delete_limit = 0.5
incremental = { method = "cursor", cursor_column = "changed", lookback = "1 minute" }
"""


def test_only_what_changed_is_loaded_by_a_cursor(ingest: Ingest, folder: Path, postgres: Postgres, lake: Path) -> None:
    postgres.drop("orders")
    postgres.execute(
        "CREATE TABLE orders (id INT PRIMARY KEY, name TEXT, changed TIMESTAMPTZ)",
        "INSERT INTO orders SELECT n, 'a', '2026-01-01 00:00:00.123456Z' FROM generate_series(1, 10) n",
    )
    signed_in = f'url = "{postgres.url}"\nuser = {{ secret = "pg-user" }}\npassword = {{ secret = "pg-password" }}'
    shop_toml(folder, ORDERS, signed_in)

    def load(**widgets: str) -> dict[str, Any]:
        exit_value = ingest(secrets={"pg-user": postgres.user, "pg-password": postgres.password}, **widgets)
        assert exit_value["status"] == "Succeeded", exit_value["message"]
        return by_feed(exit_value)["shop.orders"]

    def names() -> dict[int, str]:
        return dict(table_rows(lake / "shop/orders", "id", "name"))

    first = load()
    assert (first["inserted"], first["rows_in_target"], first["position_before"]) == (10, 10, None)
    assert first["position_after"] == "2026-01-01 00:00:00.123456+00:00"
    postgres.execute(
        "UPDATE orders SET name = 'b', changed = '2026-01-02Z' WHERE id = 1",
        "INSERT INTO orders VALUES (11, 'late', '2026-01-01 00:00:00Z'), (12, 'new', '2026-01-02Z')",
        "DELETE FROM orders WHERE id = 2",
    )
    second = load()
    assert (second["inserted"], second["updated"], second["deleted"], second["rows_in_target"]) == (2, 1, 1, 11)
    assert names() == {1: "b", **dict.fromkeys(range(3, 11), "a"), 11: "late", 12: "new"}
    postgres.execute("UPDATE orders SET name = 'silent' WHERE id = 3")
    assert load(mode="backfill", **{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"})["updated"] == 1
    assert names()[3] == "silent"


@pytest.mark.parametrize(
    ("widgets", "words"),
    [
        ({"feeds": "shop.APP.NOTHING"}, "is no feed of the sources"),
        ({"tags": "hourly"}, "no feed carries 'hourly'"),
        ({"mode": "laod"}, "it takes load"),
        ({"from": "2026-01-01"}, "leave it empty for mode load"),
    ],
)
def test_a_request_that_means_nothing_is_refused_before_anything_runs(
    widgets: dict[str, str], words: str, ingest: Ingest, folder: Path, lake: Path
) -> None:
    shop_toml(folder, '[[tables]]\nname = "APP.ORDERS"')
    with pytest.raises(InvalidSettingError, match=words):
        ingest(**widgets)
    assert not lake.exists()


def test_a_file_that_cannot_be_right_is_refused_before_anything_runs(ingest: Ingest, folder: Path, lake: Path) -> None:
    shop_toml(folder, '[[tables]]\nname = "APP.ORDERS"\nprimary_kee = ["Id"]')
    with pytest.raises(SourcesError, match=r"shop.toml:8: .*primary_kee.*'primary_key'"):
        ingest()
    assert not lake.exists()


def test_what_each_run_did_is_kept_in_the_lake(ingest: Ingest, folder: Path, spark: SparkSession, lake: Path) -> None:
    shop_toml(folder, '[[tables]]\nname = "APP.LINES"\n[[tables]]\nname = "APP.ORDRES"')
    exit_value = ingest(pipeline_run_id="run-7")
    rows = spark.read.json(str(lake / "ingest_runs")).orderBy("feed").collect()
    assert [(row["feed"], row["status"], row["rows_in_target"], row["pipeline_run_id"]) for row in rows] == [
        ("shop.APP.LINES", "Succeeded", 1, "run-7"),
        ("shop.APP.ORDRES", "Failed", None, "run-7"),
    ]
    assert rows[1]["error"] == by_feed(exit_value)["shop.APP.ORDRES"]["error"]


def test_status_tells_how_each_feed_stands_and_writes_nothing(ingest: Ingest, folder: Path, lake: Path) -> None:
    shop_toml(folder, '[[tables]]\nname = "APP.*"')
    assert by_feed(ingest(mode="status"))["shop.APP.*"]["notes"] == ["it was not loaded yet"]
    ingest(feeds="shop.APP.LINES")
    kept = sorted(lake.rglob("*"))
    row = by_feed(ingest(mode="status"))["shop.APP.LINES"]
    assert row["rows_in_target"] == 1
    assert row["notes"][0].startswith("the last load succeeded at ")
    assert sorted(lake.rglob("*")) == kept


def test_discover_proposes_a_file_that_can_be_read_as_it_is(
    ingest: Ingest, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "shop.toml").write_text('[source]\ntype = "sql"\nurl = "${SQL_URL}"\n', encoding="utf-8")
    (row,) = ingest(mode="discover")["feeds"]
    assert row["toml"] in capsys.readouterr().out
    assert 'url = "${SQL_URL}"' in row["toml"]
    assert 'name = "APP.LINES" # 1 rows, key Order, No' in row["toml"]
    (folder / "shop.toml").write_text(row["toml"].replace("[[tables]]", "[[tables]]\nformat = 'parquet'"), "utf-8")
    exit_value = ingest()
    assert {name: row["rows_in_target"] for name, row in by_feed(exit_value).items()} == {
        "shop.APP.LINES": 1,
        "shop.APP.ORDERS": 2,
        "shop.APP.SECRETS": 0,
    }


def test_discover_proposes_a_table_without_its_schema_where_that_is_the_users_name(
    ingest: Ingest, folder: Path
) -> None:
    # The user's name is a secret's value, which a notebook must not exit with.
    signed_in = 'user = { secret = "db-user" }\npassword = { secret = "db-password" }'
    (folder / "shop.toml").write_text(f'[source]\ntype = "sql"\nurl = "${{SQL_URL}}"\n{signed_in}\n', encoding="utf-8")
    (row,) = ingest(secrets={"db-user": "APP", "db-password": "x"}, mode="discover")["feeds"]
    assert 'name = "ORDERS" # 2 rows, key Id' in row["toml"]
    assert "APP" not in row["toml"]


def test_discover_proposes_a_feed_for_each_kind_of_file_in_a_folder(
    ingest: Ingest, folder: Path, tmp_path: Path
) -> None:
    drop = tmp_path / "drop zone"
    (drop / "events").mkdir(parents=True)
    (drop / "orders_1.csv").write_text("id;total\n1;2.50\n", encoding="utf-8")
    (drop / "orders_2.csv").write_text("id;total\n2;3.50\n3;1.00\n", encoding="utf-8")
    (drop / "events" / "a.json").write_text('{"event_id": 1}\n{"event_id": 2}\n', encoding="utf-8")
    (folder / "drop.toml").write_text(f'[source]\ntype = "files"\nurl = "{drop}"\n', encoding="utf-8")
    (row,) = ingest(mode="discover", feeds="drop")["feeds"]
    assert 'pattern = "*.csv" # 2 files, such as orders_1.csv\nfile_format = "csv"\n' in row["toml"]
    assert 'options = { header = true, sep = ";" }\n# id looks like the key' in row["toml"]
    (folder / "drop.toml").write_text(row["toml"], encoding="utf-8")
    rows = by_feed(ingest(feeds="drop.*"))
    assert {name: (row["status"], row["inserted"]) for name, row in rows.items()} == {
        "drop.orders": ("Succeeded", 3),
        "drop.events": ("Succeeded", 2),
    }


def test_discover_of_a_folder_that_is_not_there_is_one_line(ingest: Ingest, folder: Path) -> None:
    (folder / "drop.toml").write_text('[source]\ntype = "files"\nurl = "/no/such"\n', encoding="utf-8")
    (row,) = ingest(mode="discover")["feeds"]
    assert row["error"].startswith("/no/such: there is no such folder")


def test_moments_are_what_every_reader_of_parquet_finds(
    ingest: Ingest, folder: Path, postgres: Postgres, lake: Path
) -> None:
    postgres.drop("moments")
    postgres.execute(
        "CREATE TABLE moments (id INT PRIMARY KEY, at TIMESTAMPTZ)",
        "INSERT INTO moments VALUES (1, '9999-12-31 23:59:59Z'), (2, '1500-01-01 00:00:00Z')",
    )
    signed_in = f'url = "{postgres.url}"\nuser = {{ secret = "pg-user" }}\npassword = {{ secret = "pg-password" }}'
    shop_toml(folder, '[[tables]]\nname = "moments"', signed_in)
    exit_value = ingest(secrets={"pg-user": postgres.user, "pg-password": postgres.password})
    assert exit_value["status"] == "Succeeded", exit_value["message"]
    (file,) = (lake / "shop" / "moments").glob("*.parquet")
    moments = dict(zip(*(pq.read_table(file)[name].to_pylist() for name in ("id", "at")), strict=True))
    assert moments[1] == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert moments[2] == datetime(1500, 1, 1, tzinfo=UTC)


def test_a_column_whose_type_changes_while_its_table_is_read_lands_nothing(
    ingest: Ingest, folder: Path, postgres: Postgres, lake: Path, *, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.drop("changing")
    postgres.execute("CREATE TABLE changing (id INT PRIMARY KEY, amount INT)", "INSERT INTO changing VALUES (1, 10)")
    signed_in = f'url = "{postgres.url}"\nuser = {{ secret = "pg-user" }}\npassword = {{ secret = "pg-password" }}'
    shop_toml(folder, '[[tables]]\nname = "changing"', signed_in)
    write = landing.write_table

    def written_late(*arguments: Any, **options: Any) -> Any:
        postgres.execute("ALTER TABLE changing ALTER amount TYPE NUMERIC(10, 2)", "UPDATE changing SET amount = 20.75")
        return write(*arguments, **options)

    monkeypatch.setattr(landing, "write_table", written_late)
    row = by_feed(ingest(secrets={"pg-user": postgres.user, "pg-password": postgres.password}))["shop.changing"]
    assert row["status"] == "Failed"
    assert "amount was int, is decimal(10,2)" in row["error"]
    assert not (lake / "shop" / "changing").exists()


ODD_NAMES = (
    *("id", "a b", "a,b", "x;y", "{z}", "(p)", "e=f", "tab\there", "new\nline", "dot.dot", "back`tick", 'quo"te', "é"),
    *("100%", "_row", "__key_0_0__", "a/b", "a\\b", "[0]", "select", "$1", "?", "*", "#"),
)


def test_columns_land_under_the_names_that_the_source_has(
    ingest: Ingest, folder: Path, postgres: Postgres, spark: SparkSession, lake: Path
) -> None:
    quoted = ['"' + name.replace('"', '""') + '"' for name in ODD_NAMES]
    postgres.drop("odd")
    postgres.drop("alike")
    postgres.execute(
        f"CREATE TABLE odd ({', '.join(f'{name} INT' for name in quoted)})",
        f"INSERT INTO odd VALUES ({', '.join(map(str, range(len(quoted))))})",  # noqa: S608 - numbers
        'CREATE TABLE alike ("Id" INT, "ID" INT, "iD" INT)',
        "INSERT INTO alike VALUES (1, 2, 3)",
    )
    signed_in = f'url = "{postgres.url}"\nuser = {{ secret = "pg-user" }}\npassword = {{ secret = "pg-password" }}'
    tables = (
        '[[tables]]\nname = "odd"\n[[tables]]\nname = "public.odd"\nformat = "delta"\n[[tables]]\nname = "alike"\n'
        '[[tables]]\nname = "public.alike"\nexclude_columns = ["ID", "iD"]'
    )
    shop_toml(folder, tables, signed_in)
    rows = by_feed(ingest(secrets={"pg-user": postgres.user, "pg-password": postgres.password}))
    assert "alike: columns 'Id' and 'ID' differ only in upper and lower case" in rows.pop("shop.alike")["error"]
    assert {name: row["error"] for name, row in rows.items()} == dict.fromkeys(rows)
    for folder_name, kind in (("odd", "parquet"), ("public_odd", "delta")):
        landed = spark.read.format(kind).load(str(lake / "shop" / folder_name))
        assert landed.columns == [*ODD_NAMES]
        assert tuple(landed.collect()[0]) == tuple(range(len(ODD_NAMES)))


def api_toml(folder: Path, server: FaultyServer, more: str = "") -> None:
    (folder / "tracker.toml").write_text(
        f'[source]\ntype = "rest"\nurl = "{server.url}/"\n[[endpoints]]\nname = "issues"\npath = "page_number"\n'
        'data_selector = "items"\npaginator = { type = "page_number", total_path = "pages" }\n' + more,
        encoding="utf-8",
    )


def test_an_api_lands_as_a_table_and_of_two_records_of_one_key_the_later_counts(
    ingest: Ingest, folder: Path, server: FaultyServer, spark: SparkSession, lake: Path
) -> None:
    records = [{"id": 1, "state": "open"}, {"id": 2, "labels": ["a"]}, {"id": 3}, {"id": 1, "state": "closed"}]
    PagingApi(server, records, size=2)
    api_toml(folder, server, 'format = "parquet"\nprimary_key = ["id"]')
    row = by_feed(ingest())["tracker.issues"]
    assert (row["rows_read"], row["rows_in_target"]) == (4, 3)
    landed = spark.read.parquet(str(lake / "tracker" / "issues")).orderBy("id").collect()
    assert [(each["id"], each["state"], each["labels"]) for each in landed] == [
        (1, "closed", None),
        (2, None, ["a"]),
        (3, None, None),
    ]


def test_a_page_that_fails_leaves_nothing_landed(
    ingest: Ingest, folder: Path, server: FaultyServer, lake: Path
) -> None:
    api = PagingApi(server, [{"id": number} for number in range(6)])
    api_toml(folder, server, 'format = "parquet"')
    ingest()
    before = sorted((lake / "tracker").rglob("*"))
    api.is_let_in = lambda request: request.query["page"] == "1"
    row = by_feed(ingest())["tracker.issues"]
    assert row["status"] == "Failed"
    assert "401" in row["error"]
    assert sorted((lake / "tracker").rglob("*")) == before
    assert not list((lake / "_spool").rglob("*.json"))


def test_an_api_may_land_a_file_a_record(ingest: Ingest, folder: Path, server: FaultyServer, lake: Path) -> None:
    PagingApi(server, [{"id": 7, "name": "Zoë"}, {"id": 8, "name": "x"}])
    api_toml(folder, server, 'format = "json"\nprimary_key = ["id"]')
    assert by_feed(ingest())["tracker.issues"]["rows_in_target"] == 2
    assert json.loads((lake / "tracker" / "issues" / "7.json").read_text(encoding="utf-8"))["name"] == "Zoë"


def test_a_table_is_counted_where_it_may_be_large_or_its_rows_decide(
    ingest: Ingest, folder: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in ("small", "few", "keyed", "large"):
        postgres.drop(table)
    postgres.execute(
        "CREATE TABLE small AS SELECT g AS id FROM generate_series(1, 3) g",
        "CREATE TABLE few AS SELECT * FROM small",
        "CREATE TABLE keyed AS SELECT * FROM small",
        "CREATE TABLE large AS SELECT g AS id, repeat('x', 60) AS note FROM generate_series(1, 50000) g",
    )
    signed_in = f'url = "{postgres.url}"\nuser = {{ secret = "pg-user" }}\npassword = {{ secret = "pg-password" }}'
    shop_toml(
        folder,
        '[[tables]]\nname = "public.small"\n[[tables]]\nname = "public.large"\n'
        '[[tables]]\nname = "public.few"\nland_when_more_than = 3\n'
        '[[tables]]\nname = "public.keyed"\nchecks = [{ unique = "id" }]',
        signed_in,
    )
    asked: list[str] = []
    ask = SqlDatabase.ask

    def noted(database: SqlDatabase, query: str, name: str) -> Any:
        asked.append(query)
        return ask(database, query, name)

    monkeypatch.setattr(SqlDatabase, "ask", noted)
    rows = by_feed(ingest(secrets={"pg-user": postgres.user, "pg-password": postgres.password}))
    assert {name: (row["status"], row["rows_read"], row["rows_in_target"]) for name, row in rows.items()} == {
        "shop.public.small": ("Succeeded", 3, 3),
        "shop.public.large": ("Succeeded", 50_000, 50_000),
        "shop.public.few": ("Skipped", 3, None),
        "shop.public.keyed": ("Succeeded", 3, 3),
    }
    counted = sorted(query.rpartition(" ")[2] for query in asked if "row_count" in query)
    assert counted == ['"public"."few"', '"public"."keyed"', '"public"."large"']
    assert sum("pg_class" in query for query in asked) == 1

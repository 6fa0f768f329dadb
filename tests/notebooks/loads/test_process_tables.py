"""Customers and products from a real database to the lake: at the thresholds, and when things go wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.connect.dataframe import DataFrame as RemoteFrame

from fakes.derby import Derby
from fakes.entra_service import CLIENT_ID, CLIENT_SECRET, EntraService
from fakes.log_ingestion_service import LogIngestionService
from fakes.workspace import Settings
from ingestion.loads.process_customers import process_customers
from ingestion.loads.process_products import process_products
from ingestion.platform.errors import (
    AzureRefusedError,
    InvalidSettingError,
    MissingSettingError,
    SchemaChangedError,
    SourceError,
    StagingError,
)
from ingestion.platform.identity import MONITOR_SCOPE, SQL_SCOPE
from ingestion.sql.database import Extent, SourceTable, SqlDatabase
from support.lakes import run_rows

Lines = Callable[[], list[dict[str, Any]]]
Landed = Callable[[str], DataFrame | None]
Customers = Callable[[], str]
Products = Callable[[str], str]


@pytest.fixture
def workspace(derby: Derby, lake: Path) -> Settings:
    return Settings(environment={"LAKE_ROOT": str(lake), "SQL_URL": derby.url})


@pytest.fixture
def customers(spark: SparkSession, workspace: Settings) -> Customers:
    """Return a function that does what process_customer_data does, and returns what it exits with."""
    return lambda: process_customers(spark, workspace.configuration())


@pytest.fixture
def products(spark: SparkSession, workspace: Settings) -> Products:
    """Return a function that does what process_product_data does after this many customers."""

    def process(customer_count: str) -> str:
        workspace.widgets["customer_count"] = customer_count
        return process_products(spark, workspace.configuration())

    return process


@pytest.fixture
def landed(spark: SparkSession, lake: Path) -> Landed:
    """Return a function that reads a folder of the lake, None where there is none."""
    return lambda name: spark.read.parquet(str(lake / name)) if (lake / name).exists() else None


def rows_of(frame: DataFrame | None) -> int | None:
    return None if frame is None else frame.count()


@pytest.mark.parametrize(
    ("rows", "exit_value", "rows_landed"),
    [(0, "0", None), (500, "0", None), (501, "501", 501), (600, "600", 600), (601, "601", 601)],
)
def test_more_than_500_customers_are_landed(
    rows: int, exit_value: str, rows_landed: int | None, derby: Derby, customers: Customers, *, landed: Landed
) -> None:
    derby.create("Customers", rows)
    assert customers() == exit_value
    assert rows_of(landed("customer_data")) == rows_landed


@pytest.mark.parametrize(
    ("customer_count", "exit_value", "rows_landed"),
    [
        ("0", "0", None),
        ("500", "0", None),
        ("501", "0", None),
        ("600", "0", None),
        ("601", "30", 30),
        ("601.0", "30", 30),
    ],
)
def test_products_are_landed_after_more_than_600_customers(
    customer_count: str, exit_value: str, rows_landed: int | None, derby: Derby, *, products: Products, landed: Landed
) -> None:
    derby.create("Products", 30)
    assert products(customer_count) == exit_value
    assert rows_of(landed("product_data")) == rows_landed


@pytest.mark.parametrize(("rows", "status", "in_target"), [(501, "Succeeded", 501), (500, "Skipped", None)])
def test_a_run_leaves_its_row_as_one_of_many_feeds_does(
    rows: int, status: str, in_target: int | None, derby: Derby, *, customers: Customers, lake: Path
) -> None:
    derby.create("Customers", rows)
    customers()
    (row,) = run_rows(lake)
    found = {name: row[name] for name in ("feed", "mode", "status", "rows_read", "rows_in_target")}
    expected = {"feed": "azure_sql.Customers", "mode": "load", "status": status}
    assert found == expected | {"rows_read": rows, "rows_in_target": in_target}
    (metrics,) = (lake / "quality_metrics" / "table=customer_data").iterdir()
    assert json.loads(metrics.read_bytes())["feed"] == "azure_sql.Customers"


def test_a_run_that_fails_leaves_its_row_with_the_reason(derby: Derby, customers: Customers, lake: Path) -> None:
    derby.drop("Customers")
    assert customers() == "-1"
    (row,) = run_rows(lake)
    assert (row["feed"], row["status"], row["rows_in_target"]) == ("azure_sql.Customers", "Failed", None)
    assert "Customers" in row["error"]


def test_the_landed_table_is_the_source_column_by_column(
    spark: SparkSession, derby: Derby, customers: Customers, landed: Landed
) -> None:
    derby.create("Customers", 501)
    customers()
    table = landed("customer_data")
    assert table is not None
    assert table.dtypes == [
        ("CustomerId", "int"),
        ("Full Name", "string"),
        ("Balance", "decimal(18,4)"),
        ("Score", "double"),
        ("IsActive", "boolean"),
        ("BirthDate", "date"),
        ("CreatedAt", "timestamp_ntz"),
    ]
    database = SqlDatabase(spark, derby.url, dict)
    described = database.describe("Customers")
    source = database.read(described, database.measure(described, "CustomerId"))
    assert_df_equality(table, source, ignore_row_order=True, ignore_nullable=True)
    first = table.where("CustomerId = 1").collect()[0]
    assert (first["Full Name"], str(first["CreatedAt"])) == ("Zoë Ångström 陈 1", "2026-03-29 02:30:00.123456")


def test_a_second_run_takes_the_place_of_the_first(derby: Derby, customers: Customers, landed: Landed) -> None:
    for rows in (700, 501):
        derby.create("Customers", rows)
        assert customers() == str(rows)
    assert rows_of(landed("customer_data")) == 501


def test_too_few_customers_leave_the_landed_ones_and_no_row_is_read(
    derby: Derby, customers: Customers, landed: Landed, log_lines: Lines
) -> None:
    derby.create("Customers", 501)
    customers()
    log_lines()
    derby.create("Customers", 500)
    assert customers() == "0"
    assert rows_of(landed("customer_data")) == 501
    assert [(line["step"], line["rows"]) for line in log_lines()] == [("count", 500), ("process_customer_data", 0)]


def test_a_table_that_shrinks_after_it_was_counted_is_not_promoted(
    derby: Derby, customers: Customers, landed: Landed, monkeypatch: pytest.MonkeyPatch
) -> None:
    derby.create("Customers", 501)
    measure = SqlDatabase.measure

    def measure_and_shrink(database: SqlDatabase, table: SourceTable, key: str) -> Extent:
        extent = measure(database, table, key)
        derby.execute('DELETE FROM Customers WHERE "CustomerId" = 7')
        return extent

    monkeypatch.setattr(SqlDatabase, "measure", measure_and_shrink)
    assert customers() == "0"
    assert landed("customer_data") is None


def test_customers_log_a_line_a_step(derby: Derby, customers: Customers, lake: Path, log_lines: Lines) -> None:
    derby.create("Customers", 501)
    customers()
    lines = log_lines()
    assert [(line["step"], line["level"], line["rows"]) for line in lines] == [
        ("count", "INFO", 501),
        ("check", "WARNING", None),
        ("land", "INFO", 501),
        ("process_customer_data", "INFO", 501),
    ]
    assert lines[1]["error"].startswith("not applied for want of columns: Email is not null; ")
    assert lines[2]["target"] == f"{lake}/customer_data"
    assert lines[2]["source"].endswith("#Customers")
    assert len({line["run_id"] for line in lines}) == 1


def test_a_missing_table_is_minus_one_with_the_databases_own_words_in_the_log(
    derby: Derby, customers: Customers, log_lines: Lines
) -> None:
    derby.drop("Customers")
    assert customers() == "-1"
    run = log_lines()[-1]
    assert (run["step"], run["level"]) == ("process_customer_data", "ERROR")
    for words in ("Traceback", "SourceError", "Customers", "does not exist", "java.sql.SQL"):
        assert words in run["error"]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LAKE_ROOT": ""}, "LAKE_ROOT"),
        ({"SQL_URL": ""}, "SQL_URL"),
        ({"SQL_URL": "jdbc:nosuch:x"}, "what is read here begins with jdbc:sqlserver:"),
        ({"SQL_URL": "jdbc:derby:/nowhere/at/all"}, "not found"),
        ({"LAKE_ROOT": "nosuch://x"}, "nosuch"),
        ({"LAKE_ROOT": "/proc/lake"}, "/proc/lake"),
        ({"TABLE_FORMAT": "csv"}, "TABLE_FORMAT"),
        ({"SECRET_SCOPE": "other"}, "SECRET_SCOPE"),
    ],
)
def test_any_error_is_minus_one_with_the_reason_in_the_log(
    environment: dict[str, str],
    words: str,
    derby: Derby,
    workspace: Settings,
    *,
    customers: Customers,
    log_lines: Lines,
) -> None:
    derby.create("Customers", 501)
    workspace.environment |= environment
    assert customers() == "-1"
    assert words in log_lines()[-1]["error"]


def test_a_source_that_breaks_off_leaves_the_landed_products(
    derby: Derby,
    products: Products,
    lake: Path,
    landed: Landed,
    log_lines: Lines,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    derby.create("Products", 3)
    products("601")
    derby.drop("Products")
    derby.create("Others", 701)
    view = (
        'CREATE VIEW Products AS SELECT "CustomerId", "Full Name", "Balance", CAST({} AS DOUBLE) AS "Score", '
        '"IsActive", "BirthDate", "CreatedAt" FROM Others'
    )
    derby.execute(view.format(1))
    measure = SqlDatabase.measure

    def measure_and_break(database: SqlDatabase, table: SourceTable, key: str) -> Extent:
        extent = measure(database, table, key)
        derby.execute("DROP VIEW Products", view.format('1 / (600 - "CustomerId")'))
        return extent

    monkeypatch.setattr(SqlDatabase, "measure", measure_and_break)
    try:
        log_lines()
        with pytest.raises(StagingError, match="divide by zero"):
            products("601")
    finally:
        derby.execute("DROP VIEW Products")
    _, land, run = log_lines()
    assert (land["step"], land["level"], land["rows"]) == ("land", "ERROR", None)
    assert "Caused by: java.sql.SQLDataException: Attempt to divide by zero" in run["error"]
    assert "\tat " not in run["error"]
    assert rows_of(landed("product_data")) == 3
    assert not list((lake / "_staging").rglob("*.parquet"))


def test_products_without_a_customer_count_fail(products: Products) -> None:
    with pytest.raises(MissingSettingError, match="customer_count"):
        products("")


@pytest.mark.parametrize("customer_count", ["many", "-1"])
def test_products_with_a_customer_count_that_is_no_number_fail(customer_count: str, products: Products) -> None:
    with pytest.raises(InvalidSettingError, match=customer_count):
        products(customer_count)


def test_a_missing_products_table_fails_and_leaves_the_landed_products(
    derby: Derby, products: Products, landed: Landed
) -> None:
    derby.create("Products", 3)
    products("601")
    derby.drop("Products")
    with pytest.raises(SourceError, match=r"Products.*does not exist"):
        products("601")
    assert rows_of(landed("product_data")) == 3


def test_an_empty_products_table_is_landed_empty(derby: Derby, products: Products, landed: Landed) -> None:
    derby.create("Products", 0)
    assert products("601") == "0"
    assert rows_of(landed("product_data")) == 0


@pytest.fixture(scope="session")
def guarded(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Derby:
    """Return a database that lets nobody in but its owner, `owner` with the password `hunter2 & more`."""
    url = f"jdbc:derby:{tmp_path_factory.mktemp('derby') / 'guarded'}"
    owner = {"user": "owner", "password": "hunter2 & more"}
    database = Derby(spark, f"{url};create=true")
    database.execute("CALL SYSCS_UTIL.SYSCS_CREATE_USER('owner', 'hunter2 & more')", **owner)
    database.execute("CREATE TABLE Products (id INT)", "INSERT INTO Products VALUES 1", **owner)
    with pytest.raises(Exception, match="shutdown"):
        Derby(spark, f"{url};shutdown=true").execute(**owner)
    return Derby(spark, url)


def test_user_and_password_come_from_the_secrets_and_are_never_shown(
    guarded: Derby, workspace: Settings, products: Products, log_lines: Lines
) -> None:
    workspace.environment["SQL_URL"] = guarded.url
    workspace.secrets |= {"sql-user": "owner", "sql-password": "hunter2 & more"}
    assert products("601") == "1"
    workspace.secrets["sql-password"] = "hunter2 & less"
    with pytest.raises(Exception, match="authentication failure") as raised:
        products("601")
    shown = str(log_lines()) + repr(raised.value)
    assert "hunter2" not in shown


def test_without_user_and_password_the_database_decides(
    guarded: Derby, workspace: Settings, products: Products
) -> None:
    workspace.environment["SQL_URL"] = guarded.url
    with pytest.raises(SourceError, match="authentication"):
        products("601")


@pytest.mark.parametrize(("given", "missing"), [("sql-user", "sql-password"), ("sql-password", "sql-user")])
def test_half_of_the_credentials_is_an_error(given: str, missing: str, workspace: Settings, products: Products) -> None:
    workspace.secrets[given] = "half"
    with pytest.raises(InvalidSettingError, match=f"ingestion/{given} is there, but ingestion/{missing} is not"):
        products("601")


def test_a_password_in_the_address_is_not_shown(
    derby: Derby, workspace: Settings, customers: Customers, capsys: pytest.CaptureFixture[str]
) -> None:
    derby.create("Customers", 501)
    workspace.environment["SQL_URL"] = f"{derby.url};user=app;password=hunter2"
    assert customers() == "501"
    derby.drop("Customers")
    assert customers() == "-1"
    assert "hunter2" not in "".join(capsys.readouterr())


SERVICE_PRINCIPAL = ";authentication=ActiveDirectoryServicePrincipal"


@pytest.fixture
def with_entra(workspace: Settings, principal: Settings, derby: Derby) -> Settings:
    """Return the workspace, with an address that asks for a sign-in at Entra ID, and a principal that may."""
    workspace.environment |= principal.environment | {"SQL_URL": derby.url + SERVICE_PRINCIPAL}
    workspace.secrets |= principal.secrets
    return workspace


@pytest.fixture
def given_to_the_driver(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Return, once tables were read, the address and the properties that Spark opens each connection with."""
    given: list[tuple[str, dict[str, str]]] = []
    load = SqlDatabase._load

    def load_and_look(database: SqlDatabase, *arguments: Any, **options: bool) -> DataFrame:
        frame = load(database, *arguments, **options)
        given.append(_options_of(frame))
        return frame

    monkeypatch.setattr(SqlDatabase, "_load", load_and_look)
    return given


def _options_of(frame: Any) -> tuple[str, dict[str, str]]:
    """Return the address that a frame is read from, and what goes with it."""
    if isinstance(frame, RemoteFrame):  # what is sent to the server
        properties = dict(frame._plan.to_proto(frame.sparkSession.client).root.read.data_source.options)
        return properties.pop("url"), properties
    options = frame._jdf.queryExecution().analyzed().collectLeaves().apply(0).relation().jdbcOptions()
    return options.url(), dict(options.asConnectionProperties())


def test_with_entra_id_the_driver_gets_a_token_and_neither_user_nor_password(
    with_entra: Settings,
    derby: Derby,
    entra: EntraService,
    customers: Customers,
    *,
    landed: Landed,
    given_to_the_driver: list[tuple[str, dict[str, str]]],
) -> None:
    derby.create("Customers", 601)
    assert customers() == "601"
    assert rows_of(landed("customer_data")) == 601
    assert entra.scopes == [SQL_SCOPE]
    assert given_to_the_driver
    for url, properties in given_to_the_driver:
        assert url == derby.url
        assert properties["accessToken"] == entra.token(SQL_SCOPE)
        assert properties.keys().isdisjoint({"user", "password", "authentication"})
        assert CLIENT_SECRET not in str(properties)
    assert with_entra.secrets["sql-user"] == CLIENT_ID


def test_without_entra_id_the_driver_gets_user_and_password_and_nobody_is_asked(
    workspace: Settings,
    principal: Settings,
    derby: Derby,
    entra: EntraService,
    products: Products,
    *,
    given_to_the_driver: list[tuple[str, dict[str, str]]],
) -> None:
    derby.create("Products", 3)
    workspace.environment |= principal.environment
    workspace.secrets |= {"sql-user": "app", "sql-password": "hunter2"}
    assert products("601") == "3"
    assert given_to_the_driver
    for url, properties in given_to_the_driver:
        assert url == derby.url
        assert (properties["user"], properties["password"]) == ("app", "hunter2")
        assert "accessToken" not in properties
    assert entra.requests == []


def test_a_refused_sign_in_is_minus_one_with_the_reason_and_without_the_secret(
    with_entra: Settings,
    derby: Derby,
    customers: Customers,
    products: Products,
    *,
    capfd: pytest.CaptureFixture[str],
) -> None:
    derby.create("Customers", 601)
    with_entra.secrets["sql-password"] = f"{CLIENT_SECRET}-old"
    assert customers() == "-1"
    with pytest.raises(AzureRefusedError, match="AADSTS7000215"):
        products("601")
    out = "".join(capfd.readouterr())
    assert "AADSTS7000215" in out
    assert CLIENT_SECRET not in out
    assert json.dumps(CLIENT_SECRET)[1:-1] not in out


def test_the_lines_of_a_run_are_posted_also_when_it_failed(
    with_entra: Settings,
    derby: Derby,
    entra: EntraService,
    monitor: LogIngestionService,
    customers: Customers,
    *,
    products: Products,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with_entra.environment["LOG_INGESTION_URL"] = monitor.ingestion_url
    derby.create("Customers", 601)
    derby.drop("Products")
    assert customers() == "601"
    with pytest.raises(SourceError):
        products("601")
    derby.drop("Customers")
    assert customers() == "-1"
    assert [(row["step"], row["level"], row["rows"]) for row in monitor.rows] == [
        ("count", "INFO", 601),
        ("check", "WARNING", None),
        ("land", "INFO", 601),
        ("process_customer_data", "INFO", 601),
        ("count", "ERROR", None),
        ("process_product_data", "ERROR", 0),
        ("count", "ERROR", None),
        ("process_customer_data", "ERROR", None),
    ]
    assert len(monitor.requests) == 3
    out, err = capfd.readouterr()
    assert monitor.rows == [json.loads(line) for line in out.splitlines()]
    for secret in (CLIENT_SECRET, entra.token(SQL_SCOPE), entra.token(MONITOR_SCOPE)):
        assert secret not in out + err + str(monitor.rows)


def test_a_column_that_vanished_fails_the_run_until_that_is_allowed(
    derby: Derby, workspace: Settings, products: Products, landed: Landed, log_lines: Lines
) -> None:
    derby.create("Products", 3)
    products("601")
    derby.execute('ALTER TABLE Products DROP COLUMN "Score"')
    log_lines()
    with pytest.raises(SchemaChangedError, match=r"Score.*vanished.*SCHEMA_CHANGE"):
        products("601")
    warning = log_lines()[1]
    assert (warning["step"], warning["level"], warning["error"]) == (
        "schema",
        "WARNING",
        "column Score (double) vanished",
    )
    assert "Score" in landed("product_data").columns
    workspace.environment["SCHEMA_CHANGE"] = "allow"
    assert products("601") == "3"
    assert "Score" not in landed("product_data").columns


def test_the_manifest_names_the_source_without_credentials(
    guarded: Derby, workspace: Settings, products: Products, lake: Path
) -> None:
    workspace.environment["SQL_URL"] = f"{guarded.url};user=owner;password=hunter2 & more"
    products("601")
    content = (lake / "_manifests" / "product_data.json").read_text()
    assert f'"source": "{guarded.url}#Products"' in content
    for secret in ("hunter2", "owner"):
        assert not [path for path in lake.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]

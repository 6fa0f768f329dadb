"""Microsoft's JDBC driver and a server that speaks SQL Server's protocol: what is read, and each way it goes wrong."""

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fakes.entra_service import CLIENT_ID, CLIENT_SECRET, EntraService
from fakes.sql_server import JDBC_DRIVER, SqlError, SqlServer
from fakes.workspace import Settings
from ingestion.platform.identity import SQL_SCOPE
from ingestion.sql.failures import DEFAULT_RETRIES
from support.customers_notebook import CustomersNotebook
from support.lakes import rows_found

REPOSITORY = Path(__file__).resolve().parents[2]
OLD, NEW = 700, 1500
IN_MID_READ = 100_000  # bytes of an answer that has three times as many


@pytest.fixture
def source(sql_server: SqlServer) -> Iterator[SqlServer]:
    """Return the server with its old customers; whatever a test did to it is undone."""
    sql_server.create("Customers", OLD)
    yield sql_server
    sql_server.stop()
    for faults in (sql_server.refusals, sql_server.failures, sql_server.cuts):
        faults.clear()
    sql_server.start()


@pytest.fixture
def notebook(
    spark: SparkSession, source: SqlServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> CustomersNotebook:
    """Return the notebook, after it landed the old customers; the new ones are in the database by now."""
    lake = tmp_path / "lake"
    settings = Settings(
        environment={"LAKE_ROOT": str(lake), "SQL_URL": source.url},
        secrets={"sql-user": source.user, "sql-password": source.password},
    )
    notebook = CustomersNotebook(spark, lake, settings, capfd)
    assert notebook.lands(OLD)
    source.create("Customers", NEW)
    source.queries.clear()
    return notebook


def test_the_landed_table_is_the_source_column_by_column(spark: SparkSession, notebook: CustomersNotebook) -> None:
    assert notebook.lands(NEW)
    table = spark.read.parquet(str(notebook.lake / "customer_data"))
    text = [(name, "string") for name in ("FirstName", "LastName", "Email", "Phone", "AddressLine", "City")]
    assert table.dtypes == [
        ("CustomerId", "int"),
        *text,
        *((name, "string") for name in ("StateProvince", "PostalCode", "CountryCode")),
        ("DateOfBirth", "date"),
        ("CreditLimit", "decimal(12,2)"),
        ("IsActive", "boolean"),
        ("CreatedAt", "timestamp_ntz"),
        ("UpdatedAt", "timestamp_ntz"),
    ]
    (row,) = table.where("CustomerId = 1201").collect()
    assert list(row) == [
        1201,
        "Zoë 陈",
        "O'Brien",
        "customer1201@example.com",
        None,
        "1201 Невский проспект",
        "Łódź",
        None,
        "90-001",
        "PL",
        datetime.date(1953, 4, 16),
        Decimal("1201.00"),
        True,
        datetime.datetime(2024, 3, 31, 2, 30, 0, 123000),
        datetime.datetime(2024, 3, 31, 2, 30, 0, 123000),
    ]
    assert table.select("CustomerId").distinct().count() == NEW


def test_a_refused_login_fails_at_once_with_the_servers_own_words(
    notebook: CustomersNotebook, source: SqlServer
) -> None:
    notebook.settings.secrets["sql-password"] = "hunter2 & less"
    assert notebook.run() == "-1"
    assert notebook.waits == []
    assert "SQLServerException: Login failed for user" in notebook.error
    assert "hunter2" not in notebook.shown
    assert notebook.rows == OLD
    notebook.settings.secrets["sql-password"] = source.password
    assert notebook.lands(NEW)


@pytest.fixture
def entra(notebook: CustomersNotebook, source: SqlServer) -> Iterator[EntraService]:
    """Return Entra ID, whose token for the database opens it; the notebook signs in there, as in Azure."""
    with EntraService() as service:
        source.access_token = service.token(SQL_SCOPE)
        notebook.settings.secrets |= {"sql-user": CLIENT_ID, "sql-password": CLIENT_SECRET}
        notebook.settings.environment |= dict(service.variables)
        notebook.settings.environment["SQL_URL"] += ";authentication=ActiveDirectoryServicePrincipal"
        yield service
        source.access_token = None


@pytest.mark.usefixtures("entra")
def test_a_service_principal_signs_in_with_its_token_as_in_azure(notebook: CustomersNotebook) -> None:
    assert notebook.lands(NEW)


@pytest.mark.usefixtures("entra")
def test_a_token_that_the_database_refuses_fails_at_once_and_is_not_shown(
    notebook: CustomersNotebook, source: SqlServer
) -> None:
    token, source.access_token = source.access_token, "another"
    assert notebook.run() == "-1"
    assert notebook.waits == []
    assert "Login failed for user '<token-identified principal>'" in notebook.error
    assert token not in notebook.shown
    assert notebook.rows == OLD


def test_an_unknown_table_fails_at_once_with_the_servers_own_words(
    notebook: CustomersNotebook, source: SqlServer
) -> None:
    source.drop("Customers")
    assert notebook.run() == "-1"
    assert notebook.waits == []
    assert "SQLServerException: invalid object name 'Customers'" in notebook.error
    assert notebook.rows == OLD
    source.create("Customers", NEW)
    assert notebook.lands(NEW)


def test_a_certificate_nobody_vouches_for_is_refused_at_once(notebook: CustomersNotebook, source: SqlServer) -> None:
    notebook.settings.environment["SQL_URL"] = source.url.replace("trustServerCertificate=true", "")
    assert notebook.run() == "-1"
    assert notebook.waits == []
    assert "unable to find valid certification path" in notebook.error
    assert source.queries == []
    assert notebook.rows == OLD


def test_a_connection_cut_in_mid_read_is_survived(notebook: CustomersNotebook, source: SqlServer) -> None:
    source.cuts.extend([IN_MID_READ, IN_MID_READ])
    seen: list[int | None] = []
    assert notebook.run(lambda _number: seen.append(notebook.rows)) == str(NEW)
    assert seen == [OLD, OLD]
    assert notebook.rows == NEW
    assert notebook.lands(NEW)


def test_a_connection_cut_in_every_read_fails_clean(notebook: CustomersNotebook, source: SqlServer) -> None:
    source.cuts.extend([IN_MID_READ] * 100)
    assert notebook.run() == "-1"
    assert "SQLServerException: SQL Server returned an incomplete response" in notebook.error
    assert len(notebook.waits) == DEFAULT_RETRIES.tries - 1
    assert sum(notebook.waits) < DEFAULT_RETRIES.total
    assert notebook.rows == OLD
    source.cuts.clear()
    assert notebook.lands(NEW)


def test_a_server_gone_in_mid_read_that_comes_back_is_survived(notebook: CustomersNotebook, source: SqlServer) -> None:
    def go_and_come_back(number: int) -> None:
        (source.stop, source.start)[number - 1]()

    source.cuts.append(IN_MID_READ)
    assert notebook.run(go_and_come_back) == str(NEW)
    assert len(notebook.waits) == 2
    assert notebook.lands(NEW)


def test_a_server_gone_in_mid_read_for_good_fails_clean(notebook: CustomersNotebook, source: SqlServer) -> None:
    notebook.settings.environment["SQL_URL"] = source.url.replace("loginTimeout=10", "loginTimeout=1")
    source.cuts.append(IN_MID_READ)
    assert notebook.run(lambda _number: source.stop()) == "-1"
    assert "Connection refused" in notebook.error
    assert len(notebook.waits) == DEFAULT_RETRIES.tries - 1
    assert notebook.rows == OLD
    source.start()
    assert notebook.lands(NEW)


def test_a_database_that_sleeps_for_a_minute_is_waited_for(notebook: CustomersNotebook, source: SqlServer) -> None:
    asleep = SqlError(40613, "Database 'shop' on server 'near' is not currently available. Please retry later.")
    source.refusals.append(asleep)

    def wake_after_a_minute(_number: int) -> None:
        if sum(notebook.waits) < 60:
            source.refusals.append(asleep)

    assert notebook.run(wake_after_a_minute) == str(NEW)
    assert sum(notebook.waits) >= 60
    assert notebook.shown.count("is not currently available") == len(notebook.waits)
    assert notebook.lands(NEW)


def test_azures_passing_errors_are_tried_again(notebook: CustomersNotebook, source: SqlServer) -> None:
    source.refusals.append(SqlError(40197, "The service has encountered an error processing your request."))
    source.failures.extend(
        [
            SqlError(40501, "The service is currently busy."),
            SqlError(10928, "Resource ID: 1. The request limit for the database is 60 and has been reached."),
            SqlError(49918, "Cannot process request. Not enough resources to process request."),
            SqlError(1205, "Transaction (Process ID 57) was deadlocked on lock resources with another process."),
        ]
    )
    assert notebook.run() == str(NEW)
    assert len(notebook.waits) == 5
    assert notebook.lands(NEW)


def test_an_error_that_does_not_pass_is_not_tried_again(notebook: CustomersNotebook, source: SqlServer) -> None:
    source.failures.append(SqlError(229, "The SELECT permission was denied on the object 'Customers'."))
    assert notebook.run() == "-1"
    assert notebook.waits == []
    assert "SQLServerException: The SELECT permission was denied" in notebook.error
    assert notebook.rows == OLD
    assert notebook.lands(NEW)


def test_the_local_command_runs_the_pipelines_on_a_sql_server(source: SqlServer, tmp_path: Path) -> None:
    source.create("Products", 30)
    credentials = {"SECRET_INGESTION_SQL_USER": source.user, "SECRET_INGESTION_SQL_PASSWORD": source.password}
    command = [sys.executable, str(REPOSITORY / "scripts" / "run_local.py"), "PL_Process_Customer_Data"]
    answer = subprocess.run(
        [*command, "--sql-url", source.url, "--jar", str(JDBC_DRIVER), "--json"],
        cwd=tmp_path,
        env=os.environ | credentials,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    statuses = {run["pipelineName"]: run["status"] for run in json.loads(answer.stdout)["runs"]}
    assert statuses == {"PL_Process_Customer_Data": "Succeeded", "PL_Copy_Product_Data": "Succeeded"}
    local = tmp_path / ".local"
    assert (rows_found(local / "lake/customer_data"), rows_found(local / "lake/product_data")) == (OLD, 30)
    written = [file.read_bytes() for file in local.rglob("*") if file.is_file()]
    secret = source.password.encode()
    assert not [content for content in [*written, answer.stdout.encode(), answer.stderr.encode()] if secret in content]

"""No secret is ever shown: each is planted, and everything that a run writes is searched for it, in every form."""

import base64
import html
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pyspark.sql import SparkSession

from fakes.country_records import COUNTRIES, v5_answer, v5_record
from fakes.derby import Derby, driver_manager
from fakes.entra_service import CLIENT_ID, CLIENT_SECRET, EntraService
from fakes.faulty_http import Answer, FaultyServer, bytes_answer, hang_up, json_answer, redirect
from fakes.log_ingestion_service import LogIngestionService
from fakes.workspace import Settings
from infra.bicep import declared_columns
from ingestion.loads.ingest_countries import ingest_countries
from ingestion.loads.process_customers import process_customers
from ingestion.platform.errors import IngestionError
from ingestion.platform.identity import MONITOR_SCOPE, SQL_SCOPE
from ingestion.platform.secrets import SecretStore
from local_factory.cluster.redaction import Redactor
from support.planted_secrets import API_KEY, FORMS, PASSWORD, URL_PASSWORD, forms_found, leaks, texts_of

REPOSITORY = Path(__file__).resolve().parents[2]


class Run:
    """One call of a notebook's function, and every text that came of it."""

    def __init__(self, lake: Path, capsys: pytest.CaptureFixture[str], monitor: LogIngestionService) -> None:
        self.settings = Settings(environment={"LAKE_ROOT": str(lake)})
        self.result: str | None = None
        self.error: IngestionError | None = None
        self._lake = lake
        self._capsys = capsys
        self._monitor = monitor

    def call(self, notebook: Callable[[], str]) -> "Run":
        try:
            self.result = notebook()
        except IngestionError as error:
            self.error = error
        return self

    def texts(self) -> dict[str, str]:
        out, err = self._capsys.readouterr()
        assert out
        shown = "".join(traceback.format_exception(self.error)) if self.error else ""
        posted = json.dumps(self._monitor.rows, ensure_ascii=False)
        return {"stdout": out, "stderr": err, "the exception": shown, "Log Analytics": posted, **texts_of(self._lake)}


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monitor: LogIngestionService) -> Run:
    (tmp_path / "lake").mkdir()
    return Run(tmp_path / "lake", capsys, monitor)


@pytest.fixture
def ingest(run: Run, spark: SparkSession, server: FaultyServer) -> Callable[..., Run]:
    """Return a function that asks a server, which gives all countries one answer, with the planted key."""
    run.settings.environment.setdefault("COUNTRY_API_URL", server.url)
    run.settings.secrets["restcountries-api-key"] = API_KEY

    def ingest(*answers: Answer) -> Run:
        for country in COUNTRIES:
            right = json_answer(v5_answer(v5_record(country.alpha_2)))
            server.answer(f"/codes.alpha_2/{country.alpha_2}", *(answers or [right]))
        configuration = run.settings.configuration()
        return run.call(lambda: ingest_countries(spark, requests.Session(), configuration, sleep=lambda _: None))

    return ingest


@pytest.fixture
def process(run: Run, spark: SparkSession) -> Callable[..., Run]:
    """Return a function that lands the customers from a database, with planted user and password."""

    def process(url: str, user: str = "pl4nted_user", password: str = PASSWORD) -> Run:
        run.settings.environment["SQL_URL"] = url
        run.settings.secrets |= {"sql-user": user, "sql-password": password}
        return run.call(lambda: process_customers(spark, run.settings.configuration(), sleep=lambda _: None))

    return process


@pytest.fixture
def guarded(spark: SparkSession, tmp_path: Path) -> Iterator[str]:
    """Return the address of a database that asks for the planted user and password."""
    url = f"jdbc:derby:{tmp_path / 'guarded'}"
    Derby(spark, f"{url};create=true;user=pl4nted_user").create("Customers", 501)
    connection = driver_manager().getConnection(f"{url};user=pl4nted_user")
    add_user = connection.prepareCall("CALL SYSCS_UTIL.SYSCS_CREATE_USER(?, ?)")
    add_user.setString(1, "PL4NTED_USER")
    add_user.setString(2, PASSWORD)
    add_user.execute()
    connection.close()
    shut_down(spark, url, "PL4NTED_USER")  # it asks for the password from the next start on
    yield url
    shut_down(spark, url, "PL4NTED_USER", PASSWORD)


def shut_down(spark: SparkSession, url: str, user: str, password: str = "") -> None:
    manager = driver_manager()
    with pytest.raises(Exception, match="shutdown"):
        manager.getConnection(f"{url};shutdown=true", user, password)


# What the other tests rest on: the search finds what is there, and each form is taken out.


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [PASSWORD, API_KEY, URL_PASSWORD, CLIENT_SECRET, "pl4nted-plain_token.x~y"])
def test_a_secret_is_found_in_every_form_and_taken_out_in_every_form(secret: str, form: str) -> None:
    text = f"before {FORMS[form](secret)} after"
    assert form in forms_found(secret, text)
    store = SecretStore(lambda _scope, _key: secret, lambda _scope: [])
    store.hide(secret)
    for redact in (store.redact, Redactor([secret]).text):
        assert redact(text).removeprefix("before ").removesuffix(" after").count("[REDACTED]") == 1
        assert forms_found(secret, redact(text)) == []


@pytest.mark.parametrize("text", [f"a:{PASSWORD}", f"user:{PASSWORD}@", f"me, {PASSWORD}"])
def test_base64_of_more_than_the_secret_does_not_show_it(text: str) -> None:
    redacted = Redactor([PASSWORD]).text(base64.b64encode(text.encode()).decode())
    assert redacted.count("[REDACTED]") == 1
    assert len(redacted) < len("[REDACTED]") + 16


def test_the_notebooks_and_the_local_factory_know_the_same_spellings() -> None:
    files = [
        REPOSITORY / folder / "spellings.py"
        for folder in ("notebooks/ingestion/platform", "scripts/local_factory/cluster")
    ]
    notebooks, factory = (file.read_text(encoding="utf-8").partition("\nimport ")[2] for file in files)
    assert notebooks == factory


@pytest.mark.parametrize(
    ("address", "password"),
    [
        ("jdbc:sqlserver://h:1433;user=u;password=a&b'c\"d;encrypt=true", "a&b'c\"d"),
        ("jdbc:sqlserver://h;password={a;b}}c};encrypt=true", "a;b}c"),
        ("jdbc:sqlserver://h;accessToken=t0ken;clientSecret=s3cret", "t0ken"),
        ("jdbc:postgresql://h/d?user=u&password=p;w&ssl=true", "p;w"),
        ("jdbc:mysql://u:p%26w@h/d", "p&w"),
        ("jdbc:oracle:thin:scott/ti@ger@host:1521", "ti@ger"),
        ("https://u:p@ss@h/path", "p@ss"),
    ],
)
def test_a_password_in_an_address_is_hidden_wherever_it_turns_up(address: str, password: str) -> None:
    store = SecretStore(lambda _scope, _key: "", lambda _scope: [])
    store.hide_passwords_in(address)
    redactor = Redactor()
    redactor.hide_passwords_in([address])
    for redact in (store.redact, redactor.text):
        assert redact(f"cannot sign in with {password}!") == "cannot sign in with [REDACTED]!"


@pytest.mark.parametrize("address", ["abfss://raw-data@account.dfs.core.windows.net/x", "jdbc:derby:/a/b;create=true"])
def test_an_address_without_a_password_hides_nothing(address: str) -> None:
    redactor = Redactor()
    redactor.hide_passwords_in([address])
    assert redactor.text(address) == address


# The country notebook.


def test_countries_that_land_show_no_key(ingest: Callable[..., Run]) -> None:
    run = ingest()
    assert run.error is None
    assert leaks([API_KEY], run.texts()) == []


ECHOES: dict[str, Callable[[str], Answer]] = {
    "401 in JSON": lambda key: json_answer({"errors": [{"message": f"unknown key {key}"}]}, 401),
    "200 in JSON": lambda key: json_answer({"errors": [{"message": f"unknown key {key}"}]}),
    "200 in JSON of no shape": lambda key: json_answer({f"unknown key {key}": key}),
    "200 with the key for a code": lambda key: json_answer(v5_answer({"codes": {"alpha_2": key}})),
    "a key twice": lambda key: bytes_answer(b"{%s: 1, %s: 2}" % ((json.dumps(key).encode(),) * 2)),
    "401 in half a JSON": lambda key: bytes_answer(f"{{{json.dumps(key)}".encode(), status=401),
    "200 in half a JSON": lambda key: bytes_answer(f"{{{json.dumps(key)}".encode()),
    "403 in a page": lambda key: bytes_answer(f"<p>No {html.escape(key)}</p>".encode(), "text/html", 403),
    "200 in a page": lambda key: bytes_answer(f"<p>No {html.escape(key)}</p>".encode(), "text/html"),
    "401 in base64": lambda key: bytes_answer(base64.b64encode(f"key:{key}".encode()), "text/plain", 401),
    "503 in JSON, tried again": lambda key: json_answer({"message": f"busy with {key}"}, 503),
    "redirect to a file with it": lambda key: redirect(f"file:///?key={requests.utils.quote(key)}"),
    "redirect to nobody with it": lambda key: redirect(f"http://127.0.0.1:1/?key={requests.utils.quote(key)}"),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_a_key_that_the_api_repeats_is_not_shown(echo: str, ingest: Callable[..., Run]) -> None:
    run = ingest(ECHOES[echo](API_KEY))
    assert run.error is not None
    assert "5 of 5 countries were not landed" in str(run.error)
    assert leaks([API_KEY], run.texts()) == []


@pytest.mark.parametrize("length", [*range(80, 130, 5), *range(270, 310, 5)])
@pytest.mark.parametrize("echo", ["401 in JSON", "200 in JSON", "403 in a page"])
def test_where_a_long_message_is_cut_no_half_of_a_key_is_shown(echo: str, length: int, server: FaultyServer) -> None:
    from ingestion.feeds.model import Endpoint, RestSource
    from ingestion.rest.client import ApiClient
    from ingestion.rest.endpoint import EndpointReader

    source = RestSource(type="rest", url=server.url)
    reader = EndpointReader(ApiClient(source, requests.Session(), str), source)
    server.answer("/codes.alpha_2/IN", ECHOES[echo]("x" * (length - 40) + " " + API_KEY + " and more" * 50))
    with pytest.raises(IngestionError) as raised:
        list(reader.pages(Endpoint(name="countries", path="codes.alpha_2/IN"), {}))
    store = SecretStore(lambda _scope, _key: "", lambda _scope: [])
    store.hide(API_KEY)
    assert "pl4nted" not in store.redact(str(raised.value))


def echo_authorization(handler: Any) -> None:
    json_answer({"message": f"not let in: {handler.headers['Authorization']}"}, 401)(handler)


@pytest.mark.parametrize("answer", [None, hang_up, echo_authorization, json_answer({}, 404)])
def test_a_password_in_the_apis_address_is_not_shown(
    answer: Answer | None, run: Run, spark: SparkSession, server: FaultyServer
) -> None:
    for country in COUNTRIES:
        server.answer(f"/name/{country.name}", answer or json_answer([]))
    address = f"http://me:{requests.utils.quote(URL_PASSWORD, safe='')}@127.0.0.1:{server.server_port}"
    run.settings.environment["COUNTRY_API_URL"] = address
    configuration = run.settings.configuration()
    run.call(lambda: ingest_countries(spark, requests.Session(), configuration, sleep=lambda _: None))
    assert run.error is not None
    credentials = base64.b64encode(f"me:{URL_PASSWORD}".encode()).decode()
    assert server.requests[0].headers["Authorization"] == f"Basic {credentials}"
    assert leaks([URL_PASSWORD, credentials], run.texts()) == []


# The table notebooks.


def test_customers_that_land_show_no_password(process: Callable[..., Run], guarded: str) -> None:
    run = process(guarded)
    assert run.result == "501"
    assert leaks([PASSWORD], run.texts()) == []


def test_a_wrong_password_is_not_shown(process: Callable[..., Run], guarded: str) -> None:
    wrong = PASSWORD.replace("second", "wrong")
    run = process(guarded, password=wrong)
    assert run.result == "-1"
    texts = run.texts()
    assert "authentication failure" in texts["stdout"]
    assert leaks([wrong], texts) == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        # Derby's driver repeats the whole address, options and all.
        ("jdbc:derby:nowhere;user=u;password={};garbage", "not properly formed"),
        ("jdbc:hive2://127.0.0.1:1/default;user=u;password={}", "begins with 'jdbc:hive2'"),
        ("jdbc:nothing://u:{}@127.0.0.1:1/default", "begins with 'jdbc:nothing'"),
    ],
)
def test_a_password_in_an_address_that_the_driver_repeats_is_not_shown(
    address: str, words: str, process: Callable[..., Run]
) -> None:
    password = URL_PASSWORD if "derby" in address else "pl4nted-URL-password"
    run = process(address.format(password))
    assert run.result == "-1"
    texts = run.texts()
    assert words in texts["stdout"]
    assert leaks([PASSWORD, password], texts) == []


@pytest.mark.parametrize("secret", [CLIENT_SECRET, PASSWORD])
def test_neither_client_secret_nor_token_is_shown(
    secret: str, process: Callable[..., Run], run: Run, entra: EntraService, monitor: LogIngestionService
) -> None:
    """With the true secret Entra ID gives a token; with the wrong one it repeats what it was sent."""
    run.settings.environment |= entra.variables | {"LOG_INGESTION_URL": monitor.ingestion_url}
    address = "jdbc:hive2://127.0.0.1:1/default;authentication=ActiveDirectoryServicePrincipal"
    process(address, user=CLIENT_ID, password=secret)
    assert run.result == "-1"
    assert bool(monitor.rows) == (secret == CLIENT_SECRET)
    texts = run.texts()
    assert ("AADSTS7000215" in texts["stdout"]) == (secret != CLIENT_SECRET)
    assert leaks([secret, entra.token(SQL_SCOPE), entra.token(MONITOR_SCOPE)], texts) == []


def test_a_token_that_the_log_service_repeats_is_not_shown(
    process: Callable[..., Run], run: Run, guarded: str, entra: EntraService
) -> None:
    run.settings.environment |= entra.variables
    with LogIngestionService("another token", declared_columns("collectionRule")) as closed:
        run.settings.environment["LOG_INGESTION_URL"] = closed.ingestion_url
        process(guarded, user=CLIENT_ID, password=CLIENT_SECRET)
        assert closed.rows == []
    texts = run.texts()
    assert "deliver log" in texts["stdout"]
    assert "not let in: Bearer [REDACTED]" in texts["stdout"]
    assert leaks([CLIENT_SECRET, entra.token(MONITOR_SCOPE)], texts) == []


# The local factory, as the command that people run.

CHATTY = """# Databricks notebook source
import base64, html, json, os, sys
from urllib.parse import quote, quote_plus

secret = dbutils.secrets.get("ingestion", "sql-password")
print(secret)
print([secret], secret.encode(), file=sys.stderr)
print(json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(json.dumps([secret])))
print(quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret))
print(base64.b64encode(secret.encode()).decode(), base64.b64encode(b"user:" + secret.encode()).decode())
print(os.environ["SQL_URL"], os.environ["COUNTRY_API_URL"])
secret

# COMMAND ----------

display(spark.createDataFrame([(secret, os.environ["SQL_URL"])], [secret, "address"]))
displayHTML(f"<b>{html.escape(secret)}</b>")
os.system("printenv")
spark._jvm.java.lang.System.err.println(f"Java says {secret}")

# COMMAND ----------

# MAGIC %sql SELECT 1 AS one

# COMMAND ----------

try:
    dbutils.notebook.run("./child", 60, {"address": os.environ["SQL_URL"]})
except RuntimeError as error:
    print(error)

# COMMAND ----------


def connect(rows):
    raise ConnectionError(f"cannot sign in with {secret} at {[secret]}")


spark.range(1).foreachPartition(connect)
"""
CHILD = """# Databricks notebook source
secret = dbutils.secrets.get("ingestion", "sql-password")
print("child", secret, dbutils.widgets.getAll())
raise ValueError(f"child fails with {secret}")
"""
EXITS = """# Databricks notebook source
import json

dbutils.notebook.exit(json.dumps({"token": dbutils.secrets.get("ingestion", "sql-password")}))
"""


def write_bundle(folder: Path) -> None:
    """Write the factory of this repository with two more pipelines, whose notebooks show all they know."""
    shutil.copytree(REPOSITORY / "adf", folder / "adf")
    shutil.copytree(REPOSITORY / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns("__pycache__"))
    template = json.loads((folder / "adf" / "pipeline" / "PL_Ingest_Country_Data.json").read_bytes())
    for name, source in {"chatty": CHATTY, "child": CHILD, "exits": EXITS}.items():
        (folder / "notebooks" / f"{name}.py").write_text(source, encoding="utf-8")
        template["name"] = f"PL_{name}"
        activity = template["properties"]["activities"][0]
        activity["typeProperties"]["notebookPath"] = f"/Shared/continuous-ingestion/notebooks/{name}"
        (folder / "adf" / "pipeline" / f"PL_{name}.json").write_text(json.dumps(template))
    for file in (folder / "adf" / "pipeline").iterdir():
        file.write_text(file.read_text().replace('"retry": 1', '"retry": 0').replace('"retry": 2', '"retry": 0'))


def test_a_local_run_shows_no_secret_whatever_its_notebooks_do(tmp_path: Path, server: FaultyServer) -> None:
    write_bundle(tmp_path)
    for country in COUNTRIES:
        server.answer(f"/codes.alpha_2/{country.alpha_2}", ECHOES["403 in a page"](API_KEY))
    pipelines = ["PL_Ingest_Country_Data", "PL_Process_Customer_Data", "PL_chatty", "PL_exits"]
    me = f"me:{requests.utils.quote(URL_PASSWORD, safe='')}"
    command = subprocess.run(
        [
            sys.executable,
            str(REPOSITORY / "scripts" / "run_local.py"),
            *pipelines,
            *("--adf", "adf", "--notebooks", "notebooks", "--workdir", "work", "--json"),
            *("--sql-url", f"jdbc:derby:nowhere;user=u;password={URL_PASSWORD};garbage"),
            *("--country-api", f"http://{me}@127.0.0.1:{server.server_port}"),
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "SECRET_INGESTION_SQL_USER": "pl4nted_user",
            "SECRET_INGESTION_SQL_PASSWORD": PASSWORD,
            "SECRET_INGESTION_RESTCOUNTRIES_API_KEY": API_KEY,
        },
        capture_output=True,
        timeout=240,
        check=False,
    )
    out, err = command.stdout.decode(), command.stderr.decode()
    assert command.returncode == 1, err
    runs = {run["pipelineName"]: run for run in json.loads(out)["runs"]}
    assert {name: run["status"] for name, run in runs.items()} == {
        **dict.fromkeys(pipelines, "Failed"),
    }
    (exits,) = runs["PL_exits"]["activityRuns"]
    assert "exit value holds a secret" in exits["error"]["message"]
    work = texts_of(tmp_path / "work")
    secrets = [PASSWORD, API_KEY, URL_PASSWORD, "pl4nted_user"]
    assert leaks(secrets, {"stdout": out, "stderr": err, **work}) == []
    # They did reach what was written: in the logs, on the pages, in Spark's own log.
    redacted = {Path(name).name for name, text in work.items() if "[REDACTED]" in text}
    assert {"spark.log", "report.html", "runs.json"} <= redacted
    assert len([name for name in redacted if name.endswith(".log")]) == 4
    assert "Java says [REDACTED]" in work["spark.log"]
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["lake", "runs", "spark", "spark.log"]

"""The notebooks are Databricks source, thin, say what they do, and declare the widgets they use: no more, no fewer."""

import ast
import runpy
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest
from pyspark.sql import SparkSession

from bundle.notebooks import Language, is_notebook, read_cells
from fakes.country_records import SEARCHES, v3_answer
from fakes.derby import Derby
from fakes.entra_service import EntraService
from fakes.faulty_http import FaultyServer, json_answer
from fakes.log_ingestion_service import LogIngestionService
from fakes.workspace import Settings
from ingestion.platform.errors import MissingSettingError
from ingestion.platform.identity import MONITOR_SCOPE, SQL_SCOPE

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
TABLE_WIDGETS = {
    "lake_root",
    "sql_url",
    "secret_scope",
    "table_format",
    "catalog",
    "schema",
    "schema_change",
    "quarantine_limit",
    "quarantine_days",
    "sql_connections",
}
RUN_WIDGETS = {"feeds", "tags", "mode", "from", "to", "sources", "pipeline_run_id"}
WIDGETS = {
    "ingest": {"country_api_url", *RUN_WIDGETS, *TABLE_WIDGETS},
    "ingest_country_data": {"lake_root", "country_api_url", "country_api_connections", "secret_scope"},
    "process_customer_data": TABLE_WIDGETS,
    "process_product_data": {"customer_count", *TABLE_WIDGETS},
}


def test_these_are_all_the_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.py")} == set(WIDGETS)


@pytest.mark.parametrize("name", WIDGETS)
def test_a_notebook_says_what_it_does_and_stays_thin(name: str) -> None:
    path = NOTEBOOKS / f"{name}.py"
    assert is_notebook(path)
    first, *cells = read_cells(path.read_text(encoding="utf-8"))
    assert first.language is Language.MARKDOWN
    for widget in WIDGETS[name]:
        assert f"`{widget}`" in first.source
    assert {cell.language for cell in cells} == {Language.PYTHON}
    lines = [line for cell in cells for line in cell.source.splitlines() if line.strip()]
    assert len(lines) < 30


@pytest.mark.parametrize("name", WIDGETS)
def test_the_exit_stands_in_no_try_block(name: str) -> None:
    tree = ast.parse((NOTEBOOKS / f"{name}.py").read_text(encoding="utf-8"))
    assert not any(isinstance(node, ast.Try) for node in ast.walk(tree))


class Exit(BaseException):
    """What dbutils.notebook.exit raises."""


class Dbutils:
    """Widgets that must be declared before they are read, secrets, and an exit."""

    def __init__(
        self, given: Mapping[str, str] = MappingProxyType({}), secrets: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.given = given
        self.declared: dict[str, str] = {}
        self.read: set[str] = set()
        self.widgets = SimpleNamespace(text=self._declare, get=self._get)
        self.secrets = SimpleNamespace(get=self._secret, list=lambda _: [])
        self.given_secrets = secrets
        self.credentials = SimpleNamespace()  # as before Databricks Runtime 16.2
        self.notebook = SimpleNamespace(exit=self._exit)

    def _declare(self, name: str, default: str, label: str) -> None:
        assert label
        self.declared[name] = default

    def _get(self, name: str) -> str:
        self.read.add(name)
        return self.given.get(name, self.declared[name])

    def _secret(self, scope: str, key: str) -> str:
        assert scope == "ingestion"
        return self.given_secrets[key]

    def _exit(self, value: str) -> None:
        raise Exit(value)


def run(name: str, dbutils: Dbutils, spark: SparkSession | None) -> str:
    """Run a notebook file as Databricks does, and return what it exits with."""
    with pytest.raises(Exit) as exited:
        runpy.run_path(str(NOTEBOOKS / f"{name}.py"), {"dbutils": dbutils, "spark": spark})
    return str(exited.value)


def test_customers_without_settings_exit_with_minus_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("process_customer_data", Dbutils(), None) == "-1"
    assert "lake_root is not set" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "missing"), [("ingest_country_data", "lake_root"), ("process_product_data", "customer_count")]
)
def test_the_others_without_settings_fail(name: str, missing: str) -> None:
    with pytest.raises(MissingSettingError, match=f"{missing} is not set"):
        run(name, Dbutils(), None)


@pytest.mark.parametrize(
    ("name", "exit_value", "landed"),
    [
        ("process_customer_data", "601", {"customer_data", "ingest_runs", "quality_metrics"}),
        ("process_product_data", "601", {"product_data", "ingest_runs", "quality_metrics"}),
        (
            "ingest_country_data",
            '["countries/india.json", "countries/us.json", "countries/uk.json", "countries/china.json", '
            '"countries/russia.json"]',
            {"countries", "ingest_runs"},
        ),
    ],
)
def test_a_notebook_runs_from_its_own_file_and_uses_each_widget_it_declares(
    name: str, exit_value: str, landed: set[str], sources: dict[str, str], spark: SparkSession, *, lake: Path
) -> None:
    dbutils = Dbutils(sources | {"customer_count": "601"})
    assert run(name, dbutils, spark) == exit_value
    assert dbutils.declared == dict.fromkeys(WIDGETS[name], "")
    # A setting that only a source's file names is asked for, too, and has no widget here.
    assert dbutils.read & dbutils.declared.keys() == WIDGETS[name]
    assert {path.name for path in lake.iterdir() if not path.name.startswith("_")} == landed


def test_on_a_cluster_in_azure_a_notebook_signs_in_and_posts_its_lines_before_it_exits(
    sources: dict[str, str],
    spark: SparkSession,
    entra: EntraService,
    monitor: LogIngestionService,
    principal: Settings,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in entra.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOG_INGESTION_URL", monitor.ingestion_url)
    sources["sql_url"] += ";authentication=ActiveDirectoryServicePrincipal"
    assert run("process_customer_data", Dbutils(sources, principal.secrets), spark) == "601"
    assert entra.scopes == [SQL_SCOPE, MONITOR_SCOPE]
    assert [row["step"] for row in monitor.rows] == ["count", "check", "land", "process_customer_data"]


@pytest.fixture
def sources(server: FaultyServer, derby: Derby, lake: Path) -> dict[str, str]:
    """Return the widgets' values for a database of 601 customers and products, and an API that answers rightly."""
    for search in SEARCHES:
        server.answer(f"/name/{search}", json_answer(v3_answer(search)))
    for table in ("Customers", "Products"):
        derby.create(table, 601)
    return {"lake_root": str(lake), "sql_url": derby.url, "country_api_url": server.url}

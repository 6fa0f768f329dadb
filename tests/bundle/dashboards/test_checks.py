"""What is wrong with a dashboard's file is told by file and place, before a workspace draws it wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bundle.dashboards.checks import load_dashboards
from bundle.dashboards.tables import read_tables
from bundle.errors import DashboardError

FOLDER = Path(__file__).resolve().parents[3] / "infra" / "dashboards"
TABLES = read_tables(FOLDER / "tables.toml")

Change = Callable[[dict[str, Any]], object]


def widget(document: dict[str, Any], name: str) -> dict[str, Any]:
    placed: dict[str, Any] = next(
        placed for page in document["pages"] for placed in page["layout"] if placed["widget"]["name"] == name
    )
    return placed


def query(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = widget(document, name)["widget"]["queries"][0]["query"]
    return found


def spec(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = widget(document, name)["widget"]["spec"]
    return found


def test_the_dashboard_of_the_bundle_is_right():
    [dashboard] = load_dashboards(FOLDER, TABLES)
    assert [page.title for page in dashboard.pages] == ["Health", "Customers", "Products"]
    assert dashboard.title == "Ingestion"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda d: d.update(theme={}), "theme: unknown key"),
        (lambda d: d["datasets"][0].update(queryLines=[]), "datasets.loads: queryLines: there is no query"),
        (
            lambda d: d["datasets"][0].update(queryLines=["SELECT 1", "FROM ingest_runs"]),
            "datasets.loads: queryLines: a line does not end",
        ),
        (lambda d: d["datasets"][0].update(queryLines=["SELECT 1 FROM runs\n"]), "names none of the tables"),
        (lambda d: d["datasets"].append(d["datasets"][0]), "datasets: 2 have the name 'loads'"),
        (lambda d: d["datasets"][0].pop("displayName"), "datasets.loads: displayName is missing"),
        (lambda d: d["datasets"].append({**d["datasets"][0], "name": "idle"}), "datasets.idle: no widget asks it"),
        (lambda d: d.update(pages=[]), "pages: there is none"),
        (lambda d: d["pages"][0].pop("displayName"), "pages.health: name or displayName is missing"),
        (lambda d: d["pages"][0].update(pageType="PAGE"), "pages.health: pageType"),
        (lambda d: widget(d, "loads")["position"].update(x=6), "pages.health.loads: position: does not lie"),
        (lambda d: widget(d, "failed")["position"].update(x=0), "pages.health.failed: position: lies upon loads"),
        (lambda d: widget(d, "loads")["widget"].update(name="failed"), "pages: 2 have the name 'failed'"),
        (lambda d: spec(d, "loads").update(widgetType="gauge"), "pages.health.loads: spec.widgetType: 'gauge'"),
        (lambda d: spec(d, "loads").update(version=3), "pages.health.loads: spec.version: of counter is 2, not 3"),
        (lambda d: spec(d, "loads")["frame"].pop("title"), "pages.health.loads: spec.frame: has no title"),
        (lambda d: query(d, "loads").update(datasetName="load"), "datasetName: there is no dataset 'load'"),
        (lambda d: query(d, "loads").update(fields=[]), "fields: there is none"),
        (lambda d: query(d, "loads")["fields"][0].update(expression="COUNT(*)"), "is no expression that the editor"),
        (lambda d: query(d, "loads").update(disaggregated=True), "an aggregate, and the query is disaggregated"),
        (lambda d: query(d, "loads")["fields"][0].update(name="n"), "loads.value: fieldName: 'count(feed)' is none"),
        (lambda d: spec(d, "growth")["encodings"].pop("y"), "pages.customers.growth: encodings: a scale's type"),
        (
            lambda d: spec(d, "growth")["encodings"]["y"]["scale"].update(type="categorical"),
            "pages.customers.growth: encodings: one axis is quantitative",
        ),
        (
            lambda d: spec(d, "health-feed")["encodings"]["fields"].pop(),
            "pages.health.health-feed: encodings.fields: is to have each of the queries once",
        ),
        (
            lambda d: spec(d, "health-feed")["encodings"]["fields"][0].update(fieldName="fed"),
            "'fed' is no field of its query",
        ),
        (
            lambda d: widget(d, "health-about")["widget"].update(multilineTextboxSpec={}),
            "pages.health.health-about: is neither a text",
        ),
        (lambda d: widget(d, "loads")["widget"]["queries"].clear(), "queries: is to be one, main_query"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, change: Change, problem: str):
    document = json.loads((FOLDER / "ingestion.lvdash.json").read_text(encoding="utf-8"))
    change(document)
    file = tmp_path / "ingestion.lvdash.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DashboardError) as caught:
        load_dashboards(tmp_path, TABLES)
    assert any(line.startswith(f"{file}: ") and problem in line for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"pages": [1], "datasets": {"a": 1}}', '{"pages": [{"layout": [{}]}]}']
)
def test_a_file_of_any_shape_is_an_error_and_no_traceback(tmp_path: Path, text: str):
    (tmp_path / "x.lvdash.json").write_text(text, encoding="utf-8")
    with pytest.raises(DashboardError, match=r"x\.lvdash\.json"):
        load_dashboards(tmp_path, TABLES)

"""The Power BI project: nothing in it points at what is not there, and the checks that say so can fail."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.powerbi.project import Project, problems

FOLDER = Path(__file__).resolve().parents[3] / "infra" / "powerbi"
TABLES = "Ingestion.SemanticModel/definition/tables/"
MODEL = "Ingestion.SemanticModel/definition/"
REPORT = "Ingestion.Report/definition/"


def test_nothing_points_at_what_is_not_there():
    assert problems(Project.read(FOLDER)) == []


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[str, str, str], list[str]]:
    """Return a function that replaces a text in the first file of the project that has it, and says what is found."""

    def replace(pattern: str, old: str, new: str) -> list[str]:
        folder = tmp_path / "powerbi"
        shutil.copytree(FOLDER, folder)
        file = next(path for path in sorted(folder.glob(pattern)) if old in path.read_text(encoding="utf-8"))
        file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
        return problems(Project.read(folder))

    return replace


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            MODEL + "relationships.tmdl",
            "Loads.feed",
            "Loads.source",
            "relationship to Loads[source], a column that is not there",
        ),
        (
            MODEL + "relationships.tmdl",
            "toColumn: Feeds.Feed",
            "toColumn: Date.Date",
            "columns of the types ['string', 'dateTime']",
        ),
        (
            TABLES + "Loads.tmdl",
            "SUM(Loads[rows_read])",
            "SUM(Loads[rows])",
            "Rows Read uses Loads[rows], a column that is not there",
        ),
        (
            TABLES + "Loads.tmdl",
            "DIVIDE([Succeeded Loads],",
            "DIVIDE([Good Loads],",
            "uses [Good Loads], a measure that is not there",
        ),
        (TABLES + "Loads.tmdl", "COUNTROWS(Loads)", "COUNTROWS(Runs)", "Loads uses Runs, a table that is not there"),
        (TABLES + "Loads.tmdl", "COUNTROWS(Loads)", "COUNTROWS(Loads", "Loads: COUNTROWS(Loads: cannot be read"),
        (TABLES + "Loads.tmdl", "COUNTROWS(Loads)", "[Failed Loads]", "in a circle: Failed Loads, Loads"),
        (
            TABLES + "Countries.tmdl",
            "measure Inhabitants",
            "measure Population",
            "Countries has two columns or measures of the name Population",
        ),
        (TABLES + "Loads.tmdl", "measure Loads", "measure Outcome", "column Outcome has the name of a measure"),
        (TABLES + "Loads.tmdl", "\t/// What a load takes.\n", "", "measure Average Load Seconds has no description"),
        (TABLES + "Date.tmdl", "sortByColumn: weekday_number", "sortByColumn: number", "Weekday is sorted by number"),
        (
            TABLES + "Date.tmdl",
            "sourceColumn: year",
            "sourceColumn: years",
            "Year is years of the lake, which the partition does not ask for",
        ),
        (TABLES + "Date.tmdl", "year = Int64.Type", "year = text", "Year is int64, the partition gives text"),
        (
            TABLES + "Loads.tmdl",
            "Source = LakeQuery(",
            "Source = LakeQery(",
            "uses LakeQery, a query or parameter that is not there",
        ),
        (TABLES + "Loads.tmdl", "& LakeRoot &", "& Lake &", "Loads uses Lake, a query or parameter that is not there"),
        (MODEL + "expressions.tmdl", "Catalogs(ServerHostname,", "Catalogs(ServerHost,", "LakeQuery uses ServerHost,"),
        (REPORT + "pages/pages.json", '"pageOrder": [\n', '"pageOrder": [\n    "gone",\n', "lists the pages ['gone'"),
        (REPORT + "pages/*/page.json", '"name": "', '"name": "x', "is named x"),
        (
            REPORT + "pages/*/visuals/*/visual.json",
            '"Property": "Rows Read"',
            '"Property": "Rows"',
            "shows Loads[Rows], a measure that is not there",
        ),
        (
            REPORT + "pages/*/visuals/*/visual.json",
            '"Source": "l"',
            '"Source": "x"',
            "shows x[Status], a column that is not there",
        ),
        (
            REPORT + "pages/*/visuals/*/visual.json",
            '"queryRef": "Loads.Rows Read"',
            '"queryRef": "Loads.Rows"',
            "the measure Rows Read is called Loads.Rows",
        ),
        (REPORT + "pages/*/visuals/*/visual.json", '"width": 1240', '"width": 1340', "reaches beyond the page"),
        (REPORT + "pages/*/visuals/*/visual.json", '"height": 100', '"height": 130', "lies over"),
        (
            REPORT + "pages/*/visuals/*/mobile.json",
            '"width": 324',
            '"width": 400',
            "mobile.json: reaches beyond the page",
        ),
        (
            REPORT + "report.json",
            '"path": "Ingestion.json"',
            '"path": "Other.json"',
            "uses Other.json, a file that is not there",
        ),
    ],
)
def test_a_mistake_is_found(broken, file, old, new, message):
    found = broken(file, old, new)
    assert any(message in problem for problem in found), found


def test_a_lineage_tag_that_two_have_is_found(broken):
    tags = [
        line.split()[1]
        for line in (FOLDER / TABLES / "Loads.tmdl").read_text(encoding="utf-8").splitlines()
        if line.lstrip().startswith("lineageTag:")
    ]
    assert any(
        "a lineage tag that another has" in problem for problem in broken(TABLES + "Loads.tmdl", tags[1], tags[0])
    )

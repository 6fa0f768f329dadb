"""Validating whole bundles: our own, malformed ones of any shape, and large ones."""

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import referencing.jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundle.errors import ResourceError
from bundle.findings import Severity
from bundle.policy import Policy
from bundle.validation import validate
from conftest import REPOSITORY
from local_factory.testing import LocalFactory
from support.sample_bundle import ADF, Sample

OUR_ADF, OUR_NOTEBOOKS = REPOSITORY / "adf", REPOSITORY / "notebooks"

# Keys that the rules look at, so that documents of any shape have them in unlikely places.
KEYS = [
    "name",
    "type",
    "properties",
    "activities",
    "typeProperties",
    "dependsOn",
    "activity",
    "dependencyConditions",
    "policy",
    "timeout",
    "retry",
    "retryIntervalInSeconds",
    "parameters",
    "variables",
    "defaultValue",
    "value",
    "pipelines",
    "pipeline",
    "pipelineReference",
    "referenceName",
    "recurrence",
    "schedule",
    "hours",
    "weekDays",
    "startTime",
    "endTime",
    "timeZone",
    "frequency",
    "interval",
    "runtimeState",
    "notebookPath",
    "baseParameters",
    "ifTrueActivities",
    "cases",
    "on",
    "expression",
    "items",
    "isSequential",
    "batchCount",
    "variableName",
    "waitOnCompletion",
    "concurrency",
    "linkedServiceName",
    "password",
    "encryptedCredential",
    "store",
    "annotations",
    "globalParameters",
]
TEXTS = st.sampled_from(
    [
        "DatabricksNotebook",
        "IfCondition",
        "Switch",
        "ForEach",
        "Until",
        "Filter",
        "ExecutePipeline",
        "SetVariable",
        "AppendVariable",
        "Lookup",
        "WebHook",
        "ScheduleTrigger",
        "TumblingWindowTrigger",
        "PipelineReference",
        "LinkedServiceReference",
        "DatasetReference",
        "SecureString",
        "Expression",
        "Int",
        "String",
        "Array",
        "PL_Count",
        "UTC",
        "Minute",
        "Month",
        "Started",
        "Look",
        "Load",
        "2026-01-01T00:00:00Z",
        "0.00:00:00",
        "@item()",
        "@activity('Look').output.runOutput",
        "@pipeline().parameters.x",
        "@{",
        "@",
        "@@",
        "/load",
        "/",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=25,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a JSON value, as keys and indexes."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in inner for place in places(child, (*path, key)))]


def replaced(value: Any, path: tuple[str | int, ...], new: object) -> Any:
    """The value with another in one place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


PLACES = [(name, place) for name, properties in ADF.items() for place in places(json.loads(json.dumps(properties)))]


@pytest.fixture(scope="module")
def module_sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return Sample(tmp_path_factory.mktemp("sample"))


def test_the_checked_in_bundle_has_no_finding() -> None:
    assert [str(finding) for finding in validate(OUR_ADF, OUR_NOTEBOOKS, policy=Policy())] == []


def test_the_triggers_that_the_readme_shows_are_right(tmp_path: Path) -> None:
    shutil.copytree(OUR_ADF, tmp_path / "adf")
    readme = (REPOSITORY / "infra/README.md").read_text(encoding="utf-8")
    triggers = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", readme, re.DOTALL)]
    assert [trigger["properties"]["type"] for trigger in triggers] == ["ScheduleTrigger", "TumblingWindowTrigger"]
    for trigger in triggers:
        (tmp_path / "adf/trigger" / f"{trigger['name']}.json").write_text(json.dumps(trigger), encoding="utf-8")
    assert [str(finding) for finding in validate(tmp_path / "adf", OUR_NOTEBOOKS, policy=Policy())] == []


def test_our_failure_check_is_what_keeps_the_customer_pipeline_clean(tmp_path: Path) -> None:
    shutil.copytree(OUR_ADF, tmp_path / "adf")
    pipeline = tmp_path / "adf/pipeline/PL_Process_Customer_Data.json"
    pipeline.write_text(
        pipeline.read_text(encoding="utf-8").replace("runOutput), 0)", "runOutput), 100)"), encoding="utf-8"
    )

    findings = validate(tmp_path / "adf", OUR_NOTEBOOKS, policy=Policy())

    assert [(finding.file, finding.path, finding.rule) for finding in findings] == [
        (pipeline, "$.properties.activities[0]", "failure-value")
    ]


def test_a_finding_is_one_line_of_file_path_message_and_rule(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    sample.set("pipeline/PL_Load", "activities.1.policy.retry", -1)
    sample.remove("pipeline/PL_Load", "activities.0.policy.timeout")

    policy = f"{sample.file('pipeline/PL_Load')}: $.properties.activities"
    assert [str(finding) for finding in validate(sample.adf, sample.notebooks, policy=Policy())] == [
        f"{policy}[0].policy: 'Look' has no timeout: write one, D.HH:MM:SS [timeout-given, warning]",
        f"{policy}[1].policy.retry: must be a whole number of 0 or more, is -1 [retry-range]",
    ]


def test_a_finding_can_be_printed_whatever_characters_the_files_spell(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    sample.set("pipeline/PL_Load", "activities.1.dependsOn.0.activity", "Look\ud800\n")
    sample.set("pipeline/PL_Load", "activities.0.name", "Look\ud800\n")

    lines = [str(finding) for finding in validate(sample.adf, sample.notebooks)]

    assert lines
    assert all(line.encode("utf-8") and line.isprintable() for line in lines)


def test_files_that_cannot_be_read_hide_neither_each_other_nor_the_rest(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    sample.write("dataset/DS_Table", "{")
    sample.file("linkedService/LS_Sql").write_bytes(b"\xff\xfe")
    sample.set("pipeline/PL_Load", "concurrency", 0)

    assert [(finding.file.stem, finding.rule) for finding in validate(sample.adf, sample.notebooks)] == [
        ("DS_Table", "well-formed"),
        ("LS_Sql", "well-formed"),
        ("PL_Load", "limits"),
    ]


def test_no_message_shows_a_secret_that_stands_in_a_broken_expression(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    sample.set("linkedService/LS_Sql", "typeProperties.connectionString", "@concat('Password=hunter2;'")

    findings = validate(sample.adf, sample.notebooks)

    assert {finding.rule for finding in findings} == {"expression-parses", "inline-secret"}
    assert not any("hunter2" in str(finding) for finding in findings)


def test_a_notebook_path_that_no_file_system_takes_is_a_finding(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    sample.set("pipeline/PL_Load", "activities.1.typeProperties.notebookPath", "/" + "x" * 5000)

    assert [finding.rule for finding in validate(sample.adf, sample.notebooks)] == ["notebook-exists"]


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("nowhere", "no such folder"),
        ("empty", "holds no factory objects"),
        ("repository", r"Is \S+/repository/adf meant\?"),
    ],
)
def test_a_folder_without_a_factory_is_refused_with_the_way_out(folder: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    Sample(tmp_path / "repository")

    with pytest.raises(ResourceError, match=message):
        validate(tmp_path / folder, tmp_path)


def test_what_is_switched_off_is_not_validated(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    half_made = {"name": "Later", "type": "Copy", "state": "Inactive", "typeProperties": {}}
    sample.set("pipeline/PL_Load", "activities.2", half_made)

    assert validate(sample.adf, sample.notebooks, policy=Policy()) == []

    sample.set("pipeline/PL_Load", "activities.2.state", "Active")

    assert {finding.rule for finding in validate(sample.adf, sample.notebooks)} == {"required-property"}


@pytest.mark.parametrize("wrong", [None, 1.5, "@item(", [[]], {}])
def test_a_value_of_any_wrong_type_in_any_place_never_raises(wrong: object, module_sample: Sample) -> None:
    for name, place in PLACES:
        broken = replaced(json.loads(json.dumps(ADF[name])), place, wrong)
        module_sample.write(name, json.dumps({"name": name.split("/")[1], "properties": broken}))
        validate(module_sample.adf, module_sample.notebooks)
        module_sample.add(name, ADF[name])


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(file=st.sampled_from(sorted(ADF)), place=st.sampled_from(PLACES), value=VALUES)
def test_documents_of_any_shape_never_raise(
    file: str, place: tuple[str, tuple[str | int, ...]], value: object, module_sample: Sample
) -> None:
    name, inner = place
    broken = replaced(json.loads(json.dumps(ADF[name])), inner, value)
    module_sample.write(name, json.dumps({"name": name.split("/")[1], "properties": broken}))
    module_sample.write(file, json.dumps({"name": file.split("/")[1], "properties": value}))

    findings = validate(module_sample.adf, module_sample.notebooks)

    assert all("\n" not in str(finding) for finding in findings)
    for changed in (name, file):
        module_sample.add(changed, ADF[changed])


def test_a_thousand_pipelines_are_checked_in_seconds(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    for number in range(500):
        for name in ("PL_Load", "PL_Count"):
            text = sample.file(f"pipeline/{name}").read_text(encoding="utf-8")
            text = text.replace("PL_Load", f"PL_Load_{number}").replace("PL_Count", f"PL_Count_{number}")
            sample.write(f"pipeline/{name}_{number}", text)

    start = time.process_time()
    findings = validate(sample.adf, sample.notebooks)

    assert findings == []
    assert time.process_time() - start < 15


@pytest.mark.parametrize("file", sorted(OUR_ADF.glob("*/*.json")), ids=lambda file: file.stem)
def test_our_factory_files_follow_the_published_schema(file: Path, shared_folder: Path) -> None:
    definition = {"linkedService": "LinkedService", "pipeline": "Pipeline", "trigger": "Trigger"}[file.parent.name]
    validator = schema_of(shared_folder, definition)

    errors = validator.iter_errors(json.loads(file.read_text(encoding="utf-8"))["properties"])

    assert [f"{error.json_path}: {error.message[:200]}" for error in errors] == []


@pytest.mark.parametrize("name", sorted(ADF))
def test_the_sample_bundle_follows_the_published_schema(name: str, shared_folder: Path) -> None:
    kind = name.split("/", maxsplit=1)[0]
    validator = schema_of(shared_folder, kind[0].upper() + kind[1:])

    errors = validator.iter_errors(json.loads(json.dumps(ADF[name])))

    assert [f"{error.json_path}: {error.message[:200]}" for error in errors] == []


def schema_of(shared_folder: Path, definition: str) -> jsonschema.Draft4Validator:
    """A validator of one definition of Azure's published schema (draft 4)."""
    schemas = shared_folder / "schemas"
    factory, common = (
        json.loads((schemas / name).read_text(encoding="utf-8"))
        for name in ("Microsoft.DataFactory.2018-06-01.json", "common.definitions.json")
    )
    draft4 = referencing.jsonschema.DRAFT4
    registry: referencing.Registry[Any] = referencing.Registry().with_resources(
        [
            ("urn:factory", draft4.create_resource({key: value for key, value in factory.items() if key != "id"})),
            ("https://schema.management.azure.com/schemas/common/definitions.json", draft4.create_resource(common)),
        ]
    )
    return jsonschema.Draft4Validator({"$ref": f"urn:factory#/definitions/{definition}"}, registry=registry)


NAME = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_ \-]{0,12}[A-Za-z0-9_]", fullmatch=True)
CASES_OF_A_NAME = st.sampled_from([str, str.upper, str.lower, str.swapcase])
OPTIONAL_KEYS = ("policy", "dependsOn", "userProperties", "description", "state")


@st.composite
def deployable_factories(draw: st.DrawFn) -> dict[str, Any]:
    """A factory that the service takes.

    Names are of all sorts, in any case when referred to; optional keys are left out or null; expressions stand where a
    constant could.
    """

    def recase(name: str) -> str:
        return draw(CASES_OF_A_NAME)(name)

    names = draw(st.lists(NAME, min_size=5, max_size=5, unique_by=str.casefold))
    child, parent, first, second, variable = names
    optional = dict.fromkeys(draw(st.sets(st.sampled_from(OPTIONAL_KEYS))))
    value = {"value": f"@variables('{recase(variable)}')", "type": "Expression"}
    activities = [
        {"name": first, "type": "SetVariable", **optional, "typeProperties": {"variableName": "v", "value": value}},
        {
            "name": second,
            "type": "ForEach",
            "dependsOn": [{"activity": recase(first), "dependencyConditions": ["Succeeded"]}],
            "typeProperties": {
                "items": {"value": "@createArray(1, 2)", "type": "Expression"},
                "batchCount": draw(st.sampled_from([1, "2", {"value": "@add(1, 1)", "type": "Expression"}])),
                "isSequential": draw(st.sampled_from([True, False, None])),
                "activities": [
                    {
                        "name": "call",
                        "type": "ExecutePipeline",
                        "typeProperties": {
                            "pipeline": {"referenceName": recase(child), "type": "PipelineReference"},
                            "waitOnCompletion": True,
                            "parameters": draw(st.sampled_from([None, {}, {"x": None}, {"x": "@string(item())"}])),
                        },
                    }
                ],
            },
        },
    ]
    default = draw(st.sampled_from(["a", "@concat('a', pipeline().RunId)", None]))
    variables = {variable: {"type": "String", "defaultValue": default}, "v": {"type": "string"}}
    shown = {
        "name": "show",
        "type": "Wait",
        "typeProperties": {"waitTimeInSeconds": draw(st.sampled_from([0, "@add(0, 0)"]))},
    }
    return {
        parent: {
            "activities": activities,
            "variables": variables,
            "concurrency": draw(st.sampled_from([None, 1, "4"])),
        },
        child: {"activities": [shown], "parameters": {"x": {"type": "string"}}},
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(factory=deployable_factories())
def test_no_factory_that_the_service_takes_has_an_error(factory: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / str(abs(hash(json.dumps(factory)))) / "pipeline"
    folder.mkdir(parents=True, exist_ok=True)
    for name, properties in factory.items():
        (folder / f"{name}.json").write_text(json.dumps({"name": name, "properties": properties}), encoding="utf-8")

    findings = validate(folder.parent, tmp_path / "none")

    assert [str(finding) for finding in findings if finding.severity is Severity.ERROR] == []
    run = LocalFactory(folder.parent).run(next(iter(factory)))
    assert run["status"] == "Succeeded", run["message"]

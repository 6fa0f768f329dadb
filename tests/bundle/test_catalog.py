"""The lists of types and keys agree with Azure's published schema, where it is at hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundle.activities import INNER_LISTS
from bundle.catalog import ACTIVITY_TYPES, SCHEMA_TYPES
from bundle.references import REFERENCE_KINDS


@pytest.fixture(scope="module")
def definitions(shared_folder: Path) -> dict[str, Any]:
    file = shared_folder / "schemas/Microsoft.DataFactory.2018-06-01.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))["definitions"])


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("linkedService", "LinkedService"),
        ("dataset", "Dataset"),
        ("trigger", "Trigger"),
        ("dataflow", "DataFlow"),
        ("integrationRuntime", "IntegrationRuntime"),
        ("credential", "Credential"),
    ],
)
def test_the_types_of_a_kind_are_those_of_the_schema(kind: str, definition: str, definitions: dict[str, Any]) -> None:
    documented = {choice["properties"]["type"]["enum"][0] for choice in definitions[definition]["oneOf"]}

    assert SCHEMA_TYPES[kind] == documented


def test_activity_types_and_their_keys_are_those_of_the_schema(definitions: dict[str, Any]) -> None:
    choices = {
        choice["properties"]["type"]["enum"][0]: choice["properties"] for choice in definitions["Activity"]["oneOf"]
    }

    assert ACTIVITY_TYPES.keys() == choices.keys()
    for name, properties in choices.items():
        within = definitions[properties["typeProperties"]["oneOf"][0]["$ref"].rpartition("/")[2]]
        known = ACTIVITY_TYPES[name]
        assert known.common == properties.keys() - {"type", "typeProperties"}
        assert known.required == set(within.get("required", ()))
        assert known.required | known.optional == within.get("properties", {}).keys()


def test_every_reference_type_is_one_of_the_schema(definitions: dict[str, Any]) -> None:
    assert definitions.keys() >= REFERENCE_KINDS.keys()


def test_every_list_of_inner_activities_of_the_schema_is_known(definitions: dict[str, Any]) -> None:
    lists = {
        (name.removesuffix("ActivityTypeProperties"), key)
        for name, definition in definitions.items()
        for key, value in definition.get("properties", {}).items()
        if name.endswith("ActivityTypeProperties") and '#/definitions/Activity"' in json.dumps(value)
    }

    assert lists == {(kind, key) for kind, keys in INNER_LISTS.items() for key in keys}

"""What counts as a difference between two versions of an object, and how it is shown."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployment.differences import Change, differences, mask, restorable
from fakes.factory_service import FactoryService

REPOSITORY = Path(__file__).resolve().parents[2]


def documents() -> list[tuple[str, dict[str, Any]]]:
    files = sorted((REPOSITORY / "adf").glob("*/*.json"))
    return [(file.parent.name, json.loads(file.read_text(encoding="utf-8"))) for file in files]


def changed(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    found = differences({"properties": old}, {"properties": new})
    return [(change.path.removeprefix("properties."), change.old, change.new) for change in found]


@pytest.mark.parametrize(
    ("kind", "document"), documents(), ids=lambda value: value if isinstance(value, str) else value["name"]
)
def test_what_the_service_adds_and_reorders_is_no_difference(kind: str, document: dict[str, Any]) -> None:
    service = FactoryService()
    service.seed(kind, document)
    shown = service._shown((kind, document["name"]))
    service._server.server_close()
    assert json.dumps(shown["properties"]) != json.dumps(document["properties"])
    assert differences(shown, document) == ()
    assert differences(shown, restorable(shown)) == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"concurrency": 1}, {"concurrency": 2}, [("concurrency", 1, 2)]),
        ({"a": 1}, {}, [("a", 1, None)]),
        ({}, {"parameters": {"p": {"type": "String"}}}, [("parameters", None, {"p": {"type": "String"}})]),
        ({"a": False}, {"a": 0}, [("a", False, 0)]),
        ({"a": "1"}, {"a": 1}, [("a", "1", 1)]),
        ({"a": {}}, {}, []),
        ({"a": ""}, {}, [("a", "", None)]),
        ({"annotations": ["a", "b"]}, {"annotations": ["b", "a"]}, []),
        ({"annotations": ["a"]}, {"annotations": ["b"]}, [("annotations[0]", "a", "b")]),
        ({"hours": [0, 12]}, {"hours": [12, 0]}, [("hours[0]", 0, 12), ("hours[1]", 12, 0)]),
        ({"runtimeState": "Started", "lastPublishTime": "x"}, {"runtimeState": "Stopped"}, []),
        ({"typeProperties": {"encryptedCredential": "x"}}, {"typeProperties": {}}, []),
        (
            {"activities": [{"name": "A", "policy": {"retry": 1}}, {"name": "B"}]},
            {"activities": [{"name": "B"}, {"name": "A", "policy": {"retry": 2}}]},
            [("activities.A.policy.retry", 1, 2)],
        ),
        (
            {"activities": [{"name": "A", "policy": {"retry": 2}}]},
            {"activities": [{"name": "A", "policy": {"timeout": "0.12:00:00"}}]},
            [("activities.A.policy.retry", 2, None)],
        ),
        (
            {"activities": [{"name": "A"}]},
            {"activities": [{"name": "A"}, {"name": "B", "type": "Wait"}]},
            [("activities.B", None, {"name": "B", "type": "Wait"})],
        ),
    ],
)
def test_differences(old: dict[str, Any], new: dict[str, Any], expected: list[tuple[str, Any, Any]]) -> None:
    assert changed(old, new) == expected


def test_a_start_time_is_compared_as_it_is_written() -> None:
    old, new = {"startTime": "2026-01-01T00:00:00"}, {"startTime": "2026-01-01T00:00:00Z"}
    assert changed({"typeProperties": old}, {"typeProperties": new}) != []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), JSON, max_size=4))
def test_a_document_does_not_differ_from_itself(properties: dict[str, Any]) -> None:
    assert differences({"properties": properties}, {"properties": copy.deepcopy(properties)}) == ()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"password": "x"}, {"password": "***"}),
        ({"password": {"type": "SecureString", "value": "x"}}, {"password": {"type": "SecureString", "value": "***"}}),
        ({"connectionString": "Server=a;Password=x;"}, {"connectionString": "***"}),
        ({"url": "Server=a;Password=x;Timeout=3"}, {"url": "Server=a;Password=***;Timeout=3"}),
        ({"sasUri": "https://a/?sig=x"}, {"sasUri": "***"}),
        ({"SQL_PASSWORD": "x", "SECRET_SCOPE": "ingestion"}, {"SQL_PASSWORD": "***", "SECRET_SCOPE": "ingestion"}),
        ({"servicePrincipalKey": "x"}, {"servicePrincipalKey": "***"}),
        ({"accessToken": "x"}, {"accessToken": "***"}),
    ],
)
def test_secrets_are_masked(value: dict[str, Any], shown: dict[str, Any]) -> None:
    assert mask(value) == shown


def test_where_a_secret_is_kept_is_shown() -> None:
    old = {"accessToken": {"type": "AzureKeyVaultSecret", "secretName": "one", "store": {"referenceName": "KV"}}}
    new = {"accessToken": {"type": "AzureKeyVaultSecret", "secretName": "two", "store": {"referenceName": "KV"}}}
    assert changed(old, new) == [("accessToken.secretName", "one", "two")]


def test_a_changed_secret_is_shown_as_changed_only() -> None:
    found = differences({"properties": {"password": "one"}}, {"properties": {"password": "two"}})
    assert found == (Change("properties.password", "***", "***"),)

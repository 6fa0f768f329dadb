"""What objects refer to, the levels that come of it, and circles."""

import json
from pathlib import Path

import pytest

from bundle.errors import ReferenceCycleError
from bundle.references import cycles, dependency_levels, describe_cycle, references
from bundle.resources import Resource, ResourceKey, load_resources
from support.sample_bundle import Sample, reference


def resource(kind: str, name: str, *targets: dict[str, str]) -> Resource:
    document = {"name": name, "properties": {"uses": list(targets)}}
    return Resource(ResourceKey(kind, name), Path(f"{kind}/{name}.json"), json.dumps(document).encode(), document)


def test_references_are_found_wherever_they_stand_with_their_path() -> None:
    document = {
        "a": [{"store": reference("LinkedService", "LS")}, {"referenceTrigger": reference("Trigger", "TR")}],
        "odd key": reference("DataFlow", "DF"),
        "notebook": {"referenceName": "elsewhere", "type": "NotebookReference"},
        "dynamic": reference("Dataset", "@pipeline().parameters.name"),
    }

    assert [(str(found.target), found.path) for found in references(document)] == [
        ("linkedService/LS", "$.a[0].store.referenceName"),
        ("trigger/TR", "$.a[1].referenceTrigger.referenceName"),
        ("dataflow/DF", "$['odd key'].referenceName"),
    ]


def test_levels_put_every_object_after_what_it_refers_to(tmp_path: Path) -> None:
    levels = dependency_levels(load_resources(Sample(tmp_path).adf))

    assert [[str(key) for key in level] for level in levels] == [
        ["linkedService/LS_KeyVault"],
        ["linkedService/LS_Databricks", "linkedService/LS_Sql"],
        ["dataset/DS_Table"],
        ["pipeline/PL_Load"],
        ["pipeline/PL_Count", "trigger/TR_Window"],
        ["trigger/TR_Daily"],
    ]


def test_a_reference_to_an_object_outside_does_not_disturb_the_levels() -> None:
    lonely = resource("pipeline", "A", reference("Pipeline", "Elsewhere"))

    assert dependency_levels({lonely.key: lonely}) == [[lonely.key]]


@pytest.mark.parametrize("names", ["A", "AB", "BCA"])
def test_a_circle_is_named_in_the_order_of_its_references(names: str) -> None:
    following = dict(zip(names, names[1:] + names[:1], strict=True))
    circle = [resource("pipeline", name, reference("Pipeline", following[name])) for name in names]
    start = min(names)
    expected = [start]
    while len(expected) <= len(names):
        expected.append(following[expected[-1]])

    with pytest.raises(ReferenceCycleError, match=" -> ".join(f"pipeline/{name}" for name in expected)):
        dependency_levels({item.key: item for item in circle})


def test_each_circle_of_several_is_found_once() -> None:
    graph = {"a": ["b"], "b": ["a", "c"], "c": ["d"], "d": ["c"], "e": ["a"]}

    assert sorted(describe_cycle(cycle) for cycle in cycles(graph)) == ["a -> b -> a", "c -> d -> c"]

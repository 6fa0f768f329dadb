"""Reading a factory's Git root."""

from pathlib import Path

import pytest

from bundle.errors import RepeatedKeyError, ResourceError
from bundle.resources import ResourceKey, load_resources, read_resource
from support.sample_bundle import Sample


def test_objects_are_keyed_by_kind_and_name_and_keep_their_bytes(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    resources = load_resources(sample.adf)

    assert "pipeline/PL_Load" in {str(key) for key in resources}
    assert all(resource.content == resource.path.read_bytes() for resource in resources.values())


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "A.json"
    file.write_bytes(b'\xef\xbb\xbf{"name": "A", "properties": {}}')

    assert read_resource("pipeline", file).name == "A"


def test_a_repeated_key_is_named_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "A.json"
    file.write_text('{"name": "A", "properties": {"list": [{"a b": 1, "c": 2, "a b": 3}]}}', encoding="utf-8")

    with pytest.raises(RepeatedKeyError, match=r"A\.json: \$\.properties\.list\[0\]\['a b'\]: this key appears twice"):
        read_resource("pipeline", file)


def test_every_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    sample.write("pipeline/PL_Load", "{")
    sample.write("dataset/DS_Table", '{"name": "", "properties": {}}')

    with pytest.raises(ResourceError) as caught:
        load_resources(sample.adf)

    lines = str(caught.value).splitlines()
    assert [("DS_Table.json: $.name" in line, "PL_Load.json: $: not well-formed" in line) for line in lines] == [
        (True, False),
        (False, True),
    ]


def test_a_factory_needs_no_properties(tmp_path: Path) -> None:
    file = tmp_path / "adf.json"
    file.write_text('{"name": "adf", "location": "westeurope"}', encoding="utf-8")

    assert read_resource("factory", file).properties == {}


def test_a_managed_network_needs_no_properties(tmp_path: Path) -> None:
    file = tmp_path / "default.json"
    file.write_text('{"name": "default", "type": "Microsoft.DataFactory/factories/managedvirtualnetworks"}')

    assert read_resource("managedVirtualNetwork", file).properties == {}


def test_keys_ignore_case_and_keep_their_names(tmp_path: Path) -> None:
    resources = load_resources(Sample(tmp_path).adf)

    assert resources[ResourceKey("pipeline", "pl_LOAD")].name == "PL_Load"
    assert ResourceKey("pipeline", "PL_Load") != ResourceKey("dataset", "PL_Load")
    assert str(ResourceKey("pipeline", "PL_Load")) == "pipeline/PL_Load"


def test_the_name_inside_counts_not_the_files(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    sample.write("pipeline/Old_Name", '{"name": "New_Name", "properties": {"activities": []}}')

    assert ResourceKey("pipeline", "New_Name") in load_resources(sample.adf)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    sample.write("pipeline/Copy", '{"name": "pl_load", "properties": {"activities": []}}')

    with pytest.raises(ResourceError, match=r"PL_Load\.json: \$\.name: 'PL_Load' is also the name of \S+Copy\.json"):
        load_resources(sample.adf)

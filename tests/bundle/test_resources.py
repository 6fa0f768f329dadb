"""Reading a factory's Git root."""

from pathlib import Path

import pytest

from bundle.errors import RepeatedKeyError, ResourceError
from bundle.resources import load_resources, read_resource
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
    sample.write("dataset/DS_Table", '{"name": "x", "properties": {}}')

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

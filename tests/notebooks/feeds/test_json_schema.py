"""The checked-in JSON Schema: made of the dataclasses, and of the same mind as the reader."""

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ingestion.feeds.json_schema import json_schema
from support.source_files import DROP, REST_MISTAKES, SALES, SQL_MISTAKES, TRACKER

BUNDLE = Path(__file__).resolve().parents[3] / "notebooks" / "sources"
SCHEMA = json.loads((BUNDLE / "schema.json").read_text(encoding="utf-8"))


def errors(text: str) -> list[Any]:
    return list(jsonschema.Draft7Validator(SCHEMA).iter_errors(tomllib.loads(text)))


def test_the_file_is_what_the_dataclasses_say() -> None:
    assert json_schema() == SCHEMA, "make it anew: python -m ingestion.feeds.json_schema >notebooks/sources/schema.json"
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", sorted(BUNDLE.glob("*.toml")), ids=lambda file: file.name)
def test_each_file_of_the_bundle_names_it_and_keeps_to_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("#:schema ./schema.json\n")
    assert errors(text) == []


@pytest.mark.parametrize("text", [SALES, TRACKER, DROP])
def test_what_the_reader_takes_the_schema_takes(text: str) -> None:
    assert errors(text) == []


STRUCTURAL = (
    "no such key",
    "Did you mean",
    "Known are",
    "is missing",
    "write a",
    "has no type",
    '"value"',
    "the least",
)


@pytest.mark.parametrize(
    ("right", "wrong", "words", "text"),
    [
        (right, wrong, words, text)
        for text, mistakes in ((SALES, SQL_MISTAKES), (TRACKER, REST_MISTAKES))
        for right, wrong, _, key, words in mistakes
        if words.startswith(STRUCTURAL)
        and key not in ("path", "password", "incremental.cursor_column", "incremental.param")
    ],
)
def test_a_wrong_key_or_word_is_marked_in_the_editor_too(right: str, wrong: str, words: str, text: str) -> None:
    assert errors(text.replace(right, wrong, 1)), words


def test_each_key_says_what_it_is_for() -> None:
    tables = SCHEMA["definitions"]["Table"]["properties"]
    assert [key for key in tables if "description" not in tables[key]] == []
    assert tables["delete_limit"] == {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.1,
        "description": "the share of the target's rows that one run may delete; above it nothing is applied.",
    }

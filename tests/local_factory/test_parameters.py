"""Values of declared types."""

from typing import Any

import pytest

from local_factory.errors import ArgumentError
from local_factory.parameters import WrongTypeError, convert, read_argument, read_arguments


@pytest.mark.parametrize(
    ("value", "type_name", "converted"),
    [
        ("text", "String", "text"),
        (601, "String", "601"),
        (1.5, "string", "1.5"),
        ("601", "Int", 601),
        (-3, "int", -3),
        (5.0, "Int", 5),
        ("2.5", "Float", 2.5),
        (2, "Float", 2.0),
        (True, "Bool", True),
        ("true", "Bool", True),
        ("False", "Boolean", False),
        ([1], "Array", [1]),
        ({"a": 1}, "Object", {"a": 1}),
        ("[1]", "Array", [1]),
        ('{"a": 1}', "Object", {"a": 1}),
    ],
)
def test_a_value_is_taken_as_the_declared_type_wants_it(value: Any, type_name: str, converted: Any) -> None:
    result = convert(value, type_name)
    assert result == converted
    assert type(result) is type(converted)


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (None, "String"),
        ([1], "String"),
        (1.5, "Int"),
        (True, "Int"),
        ("1.5", "Int"),
        ("one", "Float"),
        (True, "Float"),
        ("yes", "Bool"),
        (1, "Bool"),
        ("1, 2", "Array"),
        ("{}", "Array"),
        ("1", "Object"),
        ("x", "Nonsense"),
    ],
)
def test_any_other_value_is_refused_with_what_was_expected(value: Any, type_name: str) -> None:
    with pytest.raises(WrongTypeError, match=f"expected {type_name}, got "):
        convert(value, type_name)


def test_a_string_argument_is_taken_as_text_and_the_others_as_json() -> None:
    assert read_argument("601", "String") == "601"
    assert read_argument("601", "Int") == 601
    assert read_argument('{"a": [1]}', "Object") == {"a": [1]}
    with pytest.raises(WrongTypeError, match="expected Array as JSON, got '1,2'"):
        read_argument("1,2", "Array")


def test_an_argument_goes_to_each_pipeline_that_declares_it_by_its_own_type() -> None:
    declared = {"A": {"n": {"type": "Int"}}, "B": {"N": {"type": "String"}}, "C": {}}
    assert read_arguments(["n=5"], declared) == {"A": {"n": 5}, "B": {"N": "5"}, "C": {}}


def test_a_value_may_hold_equals_signs() -> None:
    assert read_arguments(["t=a=b"], {"A": {"t": {"type": "String"}}}) == {"A": {"t": "a=b"}}


def test_a_default_of_false_or_zero_is_a_default() -> None:
    declared = {"A": {"b": {"type": "Bool", "defaultValue": False}, "n": {"type": "Int", "defaultValue": 0}}}
    assert read_arguments([], declared) == {"A": {}}


def test_a_required_parameter_that_is_not_given_is_named_with_its_pipeline() -> None:
    with pytest.raises(ArgumentError, match=r"B: parameter 'm' \(Array\) is required"):
        read_arguments([], {"A": {}, "B": {"m": {"type": "Array"}}})

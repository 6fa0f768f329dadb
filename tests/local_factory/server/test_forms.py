"""The form of "Trigger now": a value is read by its declared type, and one that does not fit says so."""

import pytest

from local_factory.server.monitor.forms import read_form

DECLARED = {
    "text": {"type": "String"},
    "day": {"type": "String", "defaultValue": "2026-01-01"},
    "number": {"type": "Int", "defaultValue": 1},
    "share": {"type": "Float", "defaultValue": 0.5},
    "flag": {"type": "Bool", "defaultValue": True},
    "list": {"type": "Array", "defaultValue": [1]},
    "thing": {"type": "Object", "defaultValue": {"a": 1}},
    "secret": {"type": "SecureString", "defaultValue": "hush"},
}


def filled(**given: str) -> dict[str, str]:
    fields, _ = read_form(DECLARED)
    return {**{field.name: field.value for field in fields}, "text": "x", **given}


def test_an_untouched_form_gives_what_is_required_only():
    fields, values = read_form(DECLARED, filled())
    assert not [field.problem for field in fields if field.problem]
    assert values == {"text": "x"}


def test_a_secret_default_is_not_on_the_page():
    fields, _ = read_form(DECLARED)
    assert "hush" not in [field.value for field in fields]


@pytest.mark.parametrize(
    ("name", "entered", "value"),
    [
        ("day", "", ""),
        ("day", " spaced ", " spaced "),
        ("number", " 7 ", 7),
        ("share", "2", 2.0),
        ("flag", "False", False),
        ("list", "[1,\r\n 2]", [1, 2]),
        ("thing", '{"b": null}', {"b": None}),
        ("secret", "new", "new"),
    ],
)
def test_what_is_filled_in_is_read_by_its_type(name, entered, value):
    _, values = read_form(DECLARED, filled(**{name: entered}))
    assert values[name] == value


@pytest.mark.parametrize(
    ("name", "entered"),
    [
        ("text", ""),
        ("number", "many"),
        ("number", "1.5"),
        ("share", "half"),
        ("flag", "maybe"),
        ("list", "1, 2"),
        ("list", "{}"),
        ("thing", "text"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field_and_kept(name, entered):
    fields, _ = read_form(DECLARED, filled(**{name: entered}))
    wrong = [field for field in fields if field.problem]
    assert [field.name for field in wrong] == [name]
    assert wrong[0].problem.startswith(name)
    assert wrong[0].value == entered

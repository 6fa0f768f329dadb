"""Evaluation, held to Microsoft's own engine: `conformance_expressions.json` has values which that engine gave."""

import json
import statistics
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundle.expression_functions import FUNCTIONS
from bundle.expressions import MAX_DEPTH
from local_factory.expressions import EvaluationError, ExpressionError, InvalidExpressionError, evaluate
from local_factory.functions import FUNCTIONS as IMPLEMENTATIONS

CONFORMANCE = json.loads(Path(__file__).with_name("conformance_expressions.json").read_text(encoding="utf-8"))
CASES = [pytest.param(case, id=f"{n}: {case['expression']}") for n, case in enumerate(CONFORMANCE["cases"])]
WARM_LIMIT = 0.3e-3  # seconds


@pytest.fixture
def scope():
    return CONFORMANCE["scope"]


def kinds_and_values(value):
    """Return a value in which 1, 1.0 and true differ, as they do for the service."""
    if isinstance(value, dict):
        return {key: kinds_and_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return [kinds_and_values(item) for item in value]
    return type(value), value


@pytest.mark.parametrize("case", CASES)
def test_conformance(case, scope):
    if case.get("error"):
        with pytest.raises(ExpressionError):
            evaluate(case["expression"], scope)
    else:
        assert kinds_and_values(evaluate(case["expression"], scope)) == kinds_and_values(case["value"])


def test_the_conformance_cases_are_all_here():
    assert len(CASES) == 372


def test_what_microsofts_engine_answered_is_answered_here():
    recorded = json.loads(Path(__file__).with_name("engine_expressions.json").read_text(encoding="utf-8"))
    wrong = {}
    for case in recorded["cases"]:
        try:
            value = {"value": kinds_and_values(evaluate(case["expression"], recorded["scope"]))}
        except ExpressionError:
            value = {"error": True}
        if value != ({"value": kinds_and_values(case["value"])} if "value" in case else {"error": True}):
            wrong[case["expression"]] = value
    assert not wrong
    assert len(recorded["cases"]) > 1000


def test_every_function_is_implemented_and_no_other():
    assert IMPLEMENTATIONS.keys() == FUNCTIONS.keys()


def test_both_forms_of_expressions_are_evaluated_wherever_they_stand(scope):
    value = {
        "url": "https://host/@{item().id}",
        "body": {"value": "@item()", "type": "Expression"},
        "headers": [{"name": "@{item().name}", "keep": None}, 3, 3.0, True],
        "@item()": "keys are left alone, @@ at the start only: @@",
        "secret": {"value": "@item().name", "type": "SecureString"},
    }
    assert kinds_and_values(evaluate(value, scope)) == kinds_and_values(
        {
            "url": "https://host/7",
            "body": {"id": 7, "name": "bob"},
            "headers": [{"name": "bob", "keep": None}, 3, 3.0, True],
            "@item()": "keys are left alone, @@ at the start only: @@",
            "secret": {"value": "bob", "type": "SecureString"},
        }
    )
    assert value["headers"][0]["name"] == "@{item().name}"


def test_what_a_scope_lacks_is_an_error_only_when_it_is_used():
    assert evaluate("@if(true, 1, item())", {}) == 1
    with pytest.raises(EvaluationError, match=r"^@item\(\): item\(\) has no value here$"):
        evaluate("@item()", {})


@pytest.mark.parametrize(
    ("text", "value"),
    [("@trigger().scheduledTime", "t"), ("@triggerBody().fileName", "f"), ("@dataset().path", "p"), ("@item()", None)],
)
def test_triggers_and_datasets_bring_their_own_scope(text, value):
    scope = {
        "trigger": {"scheduledTime": "t"},
        "triggerBody": {"fileName": "f"},
        "dataset": {"path": "p"},
        "item": None,
    }
    assert evaluate(text, scope) == value


def test_run_output_may_arrive_as_number_or_as_text():
    for output in (601, "601"):
        scope = {"activities": {"Run": {"output": {"runOutput": output}}}}
        assert evaluate("@greater(int(activity('Run').output.runOutput), 600)", scope) is True


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@int('abc')", "@int('abc'): int: the text 'abc' is not a number"),
        ("@concat(toUpper(1))", "@concat(toUpper(1)): toUpper: argument 1 must be a text, is 1"),
        ("@item().nope", "@item().nope: there is no property 'nope' (there are: id, name)"),
        ("@item().name.x", "@item().name.x: the text 'bob' has no property 'x'"),
        ("@createArray(1)[1]", "@createArray(1)[1]: there is no item 1 in an array of 1"),
        ("@createArray(1)[-1]", "@createArray(1)[-1]: there is no item -1 in an array of 1"),
        ("@json('null').x", "@json('null').x: null has no property 'x'"),
        ("@json('null')[0]", "@json('null')[0]: null has no item 0"),
        ("@variables('x')", "@variables('x'): there is no variable 'x' to be seen here (there are: v, i, my var)"),
        ("@activity('x')?.output", "there is no activity 'x' to be seen here (there are: act one)"),
        ("@if('true', 1, 2)", "if: argument 1 must be true or false, is the text 'true'"),
    ],
)
def test_an_error_names_the_expression_and_the_reason(text, reason, scope):
    with pytest.raises(EvaluationError) as caught:
        evaluate(text, scope)
    assert str(caught.value).endswith(reason)
    assert str(caught.value).startswith(text)


def test_what_is_no_expression_is_told_apart_from_what_fails(scope):
    for text in (
        "@concat(",
        "@slice('a', 1)",
        "@substring('a')",
        "@null.x",
        "@'abc'[0]",
        "@.5",
        "@if(true, 1, slice('a'))",
    ):
        with pytest.raises(InvalidExpressionError):
            evaluate(text, scope)


def test_a_question_mark_covers_null_and_missing_but_no_wrong_kinds(scope):
    assert evaluate("@json('null')?.x?[0]?['y']", scope) is None
    assert evaluate("@item()?.nope?.deeper", scope) is None
    for text in ("@item().name?.x", "@createArray(1)?['x']", "@item()?[0]"):
        with pytest.raises(EvaluationError):
            evaluate(text, scope)


def test_an_exact_name_wins_over_one_that_differs_in_case():
    assert evaluate("@{item().A}@{item().a}@{item().b}", {"item": {"a": 1, "A": 2, "B": 3}}) == "213"


@pytest.mark.parametrize("call", ["not(|)", "and(|, true)", "if(true, |, 1)", "createArray(|)", "coalesce(null, |)"])
def test_the_deepest_nesting_that_parses_is_evaluated(call):
    start, end = call.split("|")
    levels = MAX_DEPTH - 1
    assert evaluate(f"@{start * levels}true{end * levels}", {}) is not None


def test_data_without_a_bottom_is_an_expression_error():
    deep = []
    deep.append(deep)
    with pytest.raises(ExpressionError, match="nested too deeply"):
        evaluate(deep, {})
    for text in ("@string(item())", "@equals(item(), 1)", "@json(variables('x'))"):
        with pytest.raises(ExpressionError, match="nested too deeply"):
            evaluate(text, {"item": deep, "variables": {"x": "[" * 100_000}})


@pytest.mark.parametrize("text", ["@{item()}", "@toUpper(item())", "@string(item())"])
def test_broken_content_and_what_is_no_json_are_expression_errors(text):
    for value in ({"$content-type": "text/plain", "$content": "#"}, {1, 2}):
        with pytest.raises(EvaluationError):
            evaluate(text, {"item": value})


def test_halves_of_a_character_come_together_again():
    assert evaluate("@{substring('😀', 0, 1)}@{substring('😀', 1, 1)}", {}) == "😀"
    assert evaluate("@length(substring('a😀', 0, 2))", {}) == 2


VALUES = [
    None, True, 0, 1, -1, 2**63 - 1, -(2**63), 2**80, 0.5, -0.0, 1e308, "", "a", "😀", "\ud83d", "1", "%", "data:,",
    "2024-02-29T23:59:59.9999999Z", "9999-12-31", "UTC", "India Standard Time", "month", "yyyy'", "<a b='1'/>", "/a/@b",
    [], [1, "a", None], [[1.0]], {}, {"a": {"b": [None]}}, {"$content-type": "application/xml", "$content": "YQ=="},
]  # fmt: skip


@pytest.mark.parametrize("name", [signature.name for signature in FUNCTIONS.values()])
@settings(max_examples=60)
@given(data=st.data())
def test_a_function_gives_json_or_an_expression_error_whatever_it_is_given(name, data):
    signature = FUNCTIONS[name.lower()]
    most = signature.most if signature.most is not None else 3
    arguments = data.draw(st.lists(st.sampled_from(VALUES), min_size=signature.least, max_size=most))
    text = f"@{name}({', '.join(f'item()[{index}]' for index in range(len(arguments)))})"
    before = json.dumps(arguments)
    try:
        value = evaluate(text, {"item": arguments})
    except EvaluationError as error:
        assert str(error).startswith(f"{text}: {name}: ")
    else:
        json.dumps(value, allow_nan=False)
    assert json.dumps(arguments) == before


def test_warm_evaluation_of_the_pipelines_condition_takes_well_below_a_millisecond():
    scope = {"activities": {"RunCustomerProcessingNotebook": {"output": {"runOutput": "601"}}}}
    text = "@greater(int(activity('RunCustomerProcessingNotebook').output.runOutput), 600)"
    assert evaluate(text, scope) is True
    seconds = []
    for _ in range(500):
        start = time.process_time()
        evaluate(text, scope)
        seconds.append(time.process_time() - start)
    assert statistics.median(seconds) < WARM_LIMIT

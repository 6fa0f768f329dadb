"""The syntax of the expression language: what parses, what does not and why, and what can be found in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.errors import ExpressionSyntaxError
from bundle.expression_functions import FUNCTIONS
from bundle.expressions import (
    MAX_DEPTH,
    MAX_LENGTH,
    Access,
    Call,
    Interpolation,
    Literal,
    Occurrence,
    calls,
    expression_object_text,
    find_expressions,
    is_dynamic,
    parse,
    problems,
    references,
)

DOCUMENTED = {"string": 12, "collection": 10, "logical": 9, "conversion": 24, "math": 9, "date": 20}


@pytest.mark.parametrize(("category", "count"), DOCUMENTED.items())
def test_every_documented_function_is_known(category, count):
    assert sum(signature.category == category for signature in FUNCTIONS.values()) == count
    assert len(FUNCTIONS) == sum(DOCUMENTED.values()) == 84


def test_a_call_holds_its_name_as_written_its_arguments_and_its_column():
    assert parse("@ Concat('a', 1)") == Call("Concat", (Literal("a"), Literal(1)), 3)


def test_properties_and_indexers_are_read_from_left_to_right():
    assert parse("@item().a?['b c'][0]") == Access(
        Access(Access(Call("item", (), 2), Literal("a"), False), Literal("b c"), True), Literal(0), False
    )


def test_a_property_may_be_named_like_a_constant():
    assert parse("@item().null") == Access(Call("item", (), 2), Literal("null"), False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("@@", "@"),
        ("@", "@"),
        ("@@a @{item()}", "@a @{item()}"),
        ("@@{1}", "@{1}"),
        ("a @@{1} b", "a @{1} b"),
        ("a@b.c", "a@b.c"),
        ("@'it''s'", "it's"),
        ("@TRUE", True),
        ("@-.5e1", -5.0),
        ("@-9223372036854775808", -(2**63)),
        ("@0000000000000000000000001", 1),
    ],
)
def test_a_constant_is_a_literal(text, value):
    literal = parse(text)
    assert isinstance(literal, Literal)
    assert (literal.value, type(literal.value)) == (value, type(value))


def test_an_interpolation_keeps_its_plain_parts_and_the_columns_of_its_calls():
    assert parse("a @{item()}@{1}@@{") == Interpolation((Literal("a "), Call("item", (), 5), Literal(1), Literal("@{")))


def test_a_brace_in_a_text_does_not_end_an_interpolation():
    assert parse("it's @{concat('}', '''}')}.") == Interpolation(
        (Literal("it's "), Call("concat", (Literal("}"), Literal("'}")), 8), Literal("."))
    )


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("@concat('a'", 12, "unexpected end; expected ) or ,"),
        ("@concat('a',,'b')", 13, "unexpected ','; expected an expression"),
        ("@concat('a' 'b')", 13, "unexpected \"'b'\"; expected ) or ,"),
        ("@concat(a)", 10, "unexpected ')'; expected ("),
        ("@pipeline.parameters.s", 10, "unexpected '.'; expected ("),
        ("@pipeline().parameters.", 24, "unexpected end; expected a name"),
        ('@concat("a")', 9, "texts stand in single quotes"),
        ("@concat('a)", 9, "the text is not closed"),
        ("@ ", 2, "write @@ for the character itself"),
        ("run @{}", 7, "an expression is expected"),
        ("run @{item()", 5, "@{ is not closed; expected }"),
        ("run @{item() item()}", 14, "unexpected 'item'; expected . or ["),
        ("@item() # note", 9, "unexpected '#'"),
        ("@9223372036854775808", 2, "too large for 64 bits"),
        ("@add(1, 1e999)", 9, "too large for 64 bits"),
        ("@item().aⅧ", 10, "a name after a dot holds no 'Ⅷ': write ['aⅧ'] in place of .aⅧ"),
        ("@item()?.x²", 11, "holds no '²'"),
        ("run @{item().𠀀}", 14, "holds no '𠀀'"),
    ],
)
def test_a_syntax_error_names_the_text_the_column_and_what_was_expected(text, column, reason):
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"{text}: column {column}: ")
    assert reason in str(caught.value)


def test_a_name_after_a_dot_holds_letters_and_decimal_digits_of_any_script():
    assert parse("@item().ı中ª٣_$") == Access(Call("item", (), 2), Literal("ı中ª٣_$"), optional=False)


def test_an_expression_of_8192_characters_is_taken_and_no_longer_one():
    longest = "@'" + "x" * (MAX_LENGTH - 2) + "'"
    assert parse(longest) == Literal("x" * (MAX_LENGTH - 2))
    with pytest.raises(ExpressionSyntaxError, match="8193 characters, Data Factory takes at most 8192"):
        parse(longest[:-1] + "x'")


def test_plain_text_around_expressions_has_no_limit():
    assert isinstance(parse("x" * 20_000 + "@{1}"), Interpolation)


@pytest.mark.parametrize("nested", ["@" + "not(" * 1500 + "true" + ")" * 1500, "@item()" + ".a" * 4000])
def test_nesting_without_end_is_a_syntax_error(nested):
    with pytest.raises(ExpressionSyntaxError, match=f"nested more than {MAX_DEPTH} levels deep") as caught:
        parse(nested)
    assert len(str(caught.value)) < 300


@given(st.text(max_size=200) | st.text(alphabet="@{}()[]'\".?,-+eE019aZ_ \n#", max_size=60).map("@".__add__))
def test_any_text_parses_or_is_a_syntax_error(text):
    try:
        parse(text)
    except ExpressionSyntaxError as error:
        assert "column" in str(error)


@given(st.text(alphabet=st.characters(), max_size=100))
def test_a_text_written_as_a_literal_is_read_back(text):
    written = "'" + text.replace("'", "''") + "'"
    assert parse(f"@{written}") == Literal(text)
    assert parse(f"<@{{{written}}}>") == Interpolation((Literal("<"), Literal(text), Literal(">")))


@pytest.mark.parametrize(
    ("text", "dynamic"),
    [
        ("@item()", True),
        ("x @{item()}", True),
        ("@{item()}", True),
        ("@@x @{item()}", False),
        ("@@@{item()}", False),
        ("x@@@{item()}", False),
        ("@", False),
        ("@ ", True),
        ("x @{", True),
        ("", False),
        ("a@b.c", False),
        ("@@item()", False),
        ("x @@{item()}", False),
    ],
)
def test_a_text_is_dynamic_when_it_has_something_to_evaluate(text, dynamic):
    assert is_dynamic(text) is dynamic


def test_only_the_documented_form_is_an_expression_object():
    assert expression_object_text({"value": "@item()", "type": "Expression"}) == "@item()"
    assert expression_object_text({"value": "@item()", "type": "SecureString"}) is None
    assert expression_object_text({"value": 1, "type": "Expression"}) is None
    assert expression_object_text({"value": "@item()", "type": "Expression", "more": 1}) is None
    assert expression_object_text("@item()") is None


def test_expressions_are_found_with_their_paths_in_the_order_of_the_document():
    document = {
        "name": "a@b",
        "properties": {
            "activities": [{"if": {"value": "@item()", "type": "Expression"}}, {"url": "x/@{item()}"}],
            "a b": ["@@no", [1, None, "@1"]],
        },
    }
    assert [*find_expressions(document)] == [
        Occurrence("properties.activities[0].if.value", "@item()"),
        Occurrence("properties.activities[1].url", "x/@{item()}"),
        Occurrence("properties['a b'][1][2]", "@1"),
    ]
    assert [*find_expressions("@1", "here")] == [Occurrence("here", "@1")]


def test_a_sound_expression_has_no_problems():
    assert not [*problems(parse("@IF(equals(activity('a').output, item()), utcNow(), concat(variables('x'), 1))"))]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("@coalesc(1)", "column 2: coalesc is not a function of Data Factory; is coalesce meant?"),
        ("x @{formatNumber(1, 'N')}", "column 5: formatNumber is not a function of Data Factory"),
        ("@not(SUBSTRING('a'))", "column 6: substring takes 2 to 3 arguments, not 1"),
        ("@concat()", "column 2: concat takes at least 1 argument, not 0"),
        ("@pipeline('x').RunId", "column 2: pipeline takes no arguments, not 1"),
        ("@activity().output", "column 2: activity takes 1 argument, not 0"),
        ("@item()[if(true, 1)]", "column 9: if takes 3 arguments, not 2"),
    ],
)
def test_unknown_functions_and_wrong_numbers_of_arguments_are_found_without_evaluating(text, problem):
    assert [*problems(parse(text))] == [problem]


def test_every_problem_is_told_at_once():
    assert len([*problems(parse("@{slice()} @{sort(if())}"))]) == 3


def test_references_tell_what_an_expression_reads_and_where():
    text = (
        "@{Activity('Copy Data').output?.rows[0].id} @{pipeline().parameters[variables('key')]}"
        "@{pipeline()?.TriggeredByPipelineName}@{trigger().scheduledTime}@{activity(item()).error}@{dataset().path}"
    )
    found = [*references(parse(text))]
    assert [(each.context, each.name, each.path, each.optional) for each in found] == [
        ("activity", "Copy Data", ("output", "rows", 0, "id"), True),
        ("pipeline", None, ("parameters",), False),
        ("variables", "key", (), False),
        ("pipeline", None, ("TriggeredByPipelineName",), True),
        ("trigger", None, ("scheduledTime",), False),
        ("activity", None, ("error",), False),
        ("item", None, (), False),
        ("dataset", None, ("path",), False),
    ]
    assert all(text[each.column - 1 :].lower().startswith(f"{each.context}(") for each in found)


def test_calls_are_told_from_left_to_right():
    assert [call.function for call in calls(parse("@{add(int('1'), 2)}@{item()}"))] == ["add", "int", "item"]

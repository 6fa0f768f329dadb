"""What a widget asks, as SQL."""

import pytest

from bundle.dashboards.model import Field, Query
from bundle.dashboards.queries import Choice, columns_of, widget_sql

DAY = Field("day", 'DATE_TRUNC("DAY", `started`)')
COUNT = Field("n", "COUNT(DISTINCT `feed`)")


def test_fields_that_are_no_aggregates_group_the_others():
    sql = widget_sql(Query("main_query", "loads", (DAY, COUNT), disaggregated=False), "loads")
    assert sql == (
        'SELECT DATE_TRUNC("DAY", `started`) AS `day`, COUNT(DISTINCT `feed`) AS `n`\nFROM loads\n'
        'GROUP BY DATE_TRUNC("DAY", `started`)'
    )


def test_rows_as_they_are_are_not_grouped_and_a_total_has_no_groups():
    assert "GROUP" not in widget_sql(Query("q", "d", (Field("a", "`a`"),), disaggregated=True), "d")
    assert "GROUP" not in widget_sql(Query("q", "d", (COUNT,), disaggregated=False), "SELECT 1 AS feed")


def test_choices_keep_rows_and_their_values_are_no_sql():
    query = Query("q", "d", (COUNT,), disaggregated=False)
    chosen = [Choice("feed", values=("a'b", "c\\")), Choice("started", start="2026-01-01", end="2026-01-31")]
    where = widget_sql(query, "d", chosen).partition("WHERE ")[2]
    assert where == (
        "`feed` IN ('a\\'b', 'c\\\\') AND `started` >= CAST('2026-01-01' AS DATE) "
        "AND `started` < DATE_ADD(CAST('2026-01-31' AS DATE), 1)"
    )


@pytest.mark.parametrize(
    ("expression", "column"),
    [
        ("`a`", "a"),
        ("SUM(`a b`)", "a b"),
        ("COUNT(DISTINCT `a`)", "a"),
        ('DATE_TRUNC("MONTH", `a`)', "a"),
        ("COUNT(*)", None),
        ("`a` + `b`", None),
    ],
)
def test_an_expression_is_about_one_column(expression: str, column: str | None):
    assert columns_of(expression) == column

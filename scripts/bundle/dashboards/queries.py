"""What a widget asks of its dataset, as SQL: the statement that the workspace makes of the file, for those who run it.

An expression of a field is SQL already; which of them are aggregates says what the others group by.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bundle.dashboards.model import Query, Widget

# As the workspace's editor writes them. Source: Databricks' examples of dashboards.
_COLUMN = r"`([^`]+)`"
AGGREGATE = re.compile(rf"(?:SUM|AVG|MIN|MAX|COUNT|MEDIAN)\((?:DISTINCT )?{_COLUMN}\)")
TRUNCATED = re.compile(rf'DATE_TRUNC\("(?:YEAR|QUARTER|MONTH|WEEK|DAY|HOUR|MINUTE)", {_COLUMN}\)')
PLAIN = re.compile(_COLUMN)


@dataclass(frozen=True)
class Choice:
    """The rows that a filter keeps: those whose column has one of some values, or lies between two moments."""

    column: str
    values: Sequence[str] = ()
    start: str | None = None
    end: str | None = None

    def condition(self) -> str:
        """Return it as SQL; the end of a range is a day that belongs to it."""
        conditions = []
        if self.values:
            conditions.append(f"`{self.column}` IN ({', '.join(map(_literal, self.values))})")
        if self.start:
            conditions.append(f"`{self.column}` >= CAST({_literal(self.start)} AS DATE)")
        if self.end:
            conditions.append(f"`{self.column}` < DATE_ADD(CAST({_literal(self.end)} AS DATE), 1)")
        return " AND ".join(conditions) or "TRUE"


def columns_of(expression: str) -> str | None:
    """Return the column that an expression is about; None where it is no expression that is known here."""
    for pattern in (PLAIN, AGGREGATE, TRUNCATED):
        if match := pattern.fullmatch(expression):
            return match[1]
    return None


def filters_of(filters: Sequence[Widget], dataset: str) -> dict[str, str]:
    """Return which column of a dataset each filter is about, by the filters' names."""
    return {
        widget.name: column
        for widget in filters
        for query in widget.queries
        if query.dataset == dataset
        for field in query.fields[:1]
        if (column := columns_of(field.expression))
    }


def widget_sql(query: Query, dataset: str, choices: Sequence[Choice] = ()) -> str:
    """Return what a widget asks.

    Args:
        query: its fields.
        dataset: the dataset's query, or the name of a view of it.
        choices: of the filters that are about the dataset.
    """
    fields = ", ".join(f"{field.expression} AS `{field.name}`" for field in query.fields)
    source = f"(\n{dataset.rstrip()}\n)" if re.search(r"\s", dataset) else dataset
    sql = f"SELECT {fields}\nFROM {source}"
    if choices:
        sql += f"\nWHERE {' AND '.join(choice.condition() for choice in choices)}"
    groups = [field.expression for field in query.fields if not AGGREGATE.fullmatch(field.expression)]
    if not query.disaggregated and groups:
        sql += f"\nGROUP BY {', '.join(groups)}"
    return sql


def where_is(filters: Sequence[Widget], dataset: str, chosen: Mapping[str, Choice]) -> list[Choice]:
    """Return the choices about a dataset, of those that were made, by the filters' names."""
    about = filters_of(filters, dataset)
    return [
        Choice(about[name], choice.values, choice.start, choice.end) for name, choice in chosen.items() if name in about
    ]


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

"""What a measure gives over rows: DAX's rules, for the functions that the measures use. Any other is refused.

The rules are those of learn.microsoft.com/dax (filter context, context transition, BLANK) and of the engine: texts are
the same whatever the case of their letters, a relationship filters from its one side to its many side, and a one side
has a blank row for what it lacks.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.powerbi import dax
from infra.powerbi.dax import Call, Column, DaxError, Measure, Node, Table, Value

Row = Mapping[str, Any]
_ZEROS = {str: "", bool: False, datetime: datetime(1899, 12, 30)}
_DATE_PARTS = {"yyyy": "%Y", "mm": "%m", "dd": "%d", "hh": "%H", "nn": "%M", "ss": "%S"}


@dataclass(frozen=True, eq=False)
class Filter:
    """The combinations of values that some columns of one table may have."""

    columns: tuple[Column, ...]
    allowed: frozenset[tuple[Any, ...]]

    def keeps(self, row: Row) -> bool:
        """Say whether a row of the table has such a combination."""
        return tuple(_folded(row[column.name]) for column in self.columns) in self.allowed


@dataclass(frozen=True)
class Relation:
    """Rows of a table, or of some of its columns."""

    columns: tuple[Column, ...]
    rows: Sequence[Row]

    def as_filter(self) -> Filter:
        """Return the filter that lets these rows through."""
        return Filter(self.columns, frozenset(tuple(_folded(row[c.name]) for c in self.columns) for row in self.rows))


@dataclass(frozen=True)
class Join:
    """A relationship, from the column of its many side to that of its one side."""

    many: Column
    one: Column


class Model:
    """A semantic model with rows.

    Args:
        columns: table -> its columns.
        tables: table -> its rows, each with those columns.
        joins: the relationships.
        measures: name -> formula.
        now: the time, in UTC.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[str]],
        tables: Mapping[str, Sequence[Row]],
        joins: Sequence[Join],
        measures: Mapping[str, str],
        now: datetime,
    ) -> None:
        self._columns_of = columns
        self._tables = tables
        self._joins = {(join.many.table, join.one.table): join for join in joins}
        self._measures = measures
        self._now = now
        self._ones = {join: {_folded(row[join.one.name]): row for row in tables[join.one.table]} for join in joins}
        self._blanks = {
            join.one.table: dict.fromkeys(columns[join.one.table])
            for join in joins
            if any(_folded(row[join.many.name]) not in self._ones[join] for row in tables[join.many.table])
        }
        self._aggregates: dict[tuple[str, Column, tuple[Filter, ...]], Any] = {}

    def value(self, measure: str, *filters: Filter) -> Any:
        """Return what a measure gives where only some rows are seen; None is BLANK."""
        return self._evaluate(Measure(measure), filters, {})

    def by(self, measure: str, column: Column) -> dict[Any, Any]:
        """Return what a measure gives for each value of a column, as a chart does: without those it is BLANK for."""
        values = [row[column.name] for row in self._values(column, ()).rows]
        answers = {value: self.value(measure, Filter((column,), frozenset({(_folded(value),)}))) for value in values}
        return {value: answer for value, answer in answers.items() if answer is not None}

    def _evaluate(self, node: Node, filters: tuple[Filter, ...], rows: Mapping[str, Row]) -> Any:
        match node:
            case Value(value):
                return value
            case Measure(name):
                return self._evaluate(dax.parse(self._measures[name]), self._with_rows(filters, rows), {})
            case Column(table, name):
                if table not in rows:
                    raise DaxError(f"{table}[{name}]: no row to take it from")
                return rows[table][name]
            case Call():
                return self._call(node, filters, rows)
        raise DaxError(f"{node}: is no value")

    def _call(self, call: Call, filters: tuple[Filter, ...], rows: Mapping[str, Row]) -> Any:
        def value(node: Node) -> Any:
            return self._evaluate(node, filters, rows)

        match call:
            case Call(name, (Column() as column,)) if name in _AGGREGATES:
                return self._aggregate(name, column, filters)
            case Call("COUNTROWS", (table,)):
                return len(self._relation(table, filters, rows).rows) or None
            case Call("SUMX", (table, each)):
                relation = self._relation(table, filters, rows)
                of = relation.columns[0].table
                return _sum([self._evaluate(each, filters, {**rows, of: row}) for row in relation.rows])
            case Call("HASONEVALUE", (Column() as column,)):
                return len(self._values(column, filters).rows) == 1
            case Call("CALCULATE", (what, *narrower)):
                return self._calculate(what, narrower, filters, rows)
            case Call("IF", (condition, then, *otherwise)) if len(otherwise) <= 1:
                return value(then) if value(condition) else value(otherwise[0]) if otherwise else None
            case Call("DATEDIFF", (start, end, Table("MINUTE"))):
                return _minutes(value(start), value(end))
            case Call("UTCNOW", ()):
                return self._now
            case Call(name, arguments) if (name, len(arguments)) in _OF_VALUES:
                return _OF_VALUES[name, len(arguments)](*map(value, arguments))
        raise DaxError(f"{call.name} with {len(call.arguments)} arguments is not known here")

    def _aggregate(self, name: str, column: Column, filters: tuple[Filter, ...]) -> Any:
        """Return what a column comes to; an iterator asks the same for each of its rows."""
        if (name, column, filters) not in self._aggregates:
            values = [row[column.name] for row in self._visible(column.table, filters)]
            self._aggregates[name, column, filters] = _AGGREGATES[name](values)
        return self._aggregates[name, column, filters]

    def _calculate(
        self, what: Node, narrower: Sequence[Node], filters: tuple[Filter, ...], rows: Mapping[str, Row]
    ) -> Any:
        inner = self._with_rows(filters, rows)
        for argument in narrower:
            match argument:
                case Call("KEEPFILTERS", (kept_within,)):
                    inner = (*inner, self._filter(kept_within, filters, rows))
                case _:
                    added = self._filter(argument, filters, rows)
                    inner = (*(kept for kept in inner if _stays(kept, added)), added)
        return self._evaluate(what, inner, {})

    def _filter(self, argument: Node, filters: tuple[Filter, ...], rows: Mapping[str, Row]) -> Filter:
        if isinstance(argument, Table) or (isinstance(argument, Call) and argument.name in ("FILTER", "ALL", "VALUES")):
            return self._relation(argument, filters, rows).as_filter()
        columns = {node for node in dax.walk(argument) if isinstance(node, Column)}
        if len(columns) != 1 or any(isinstance(node, Measure) for node in dax.walk(argument)):
            raise DaxError(f"{argument}: a filter is about one column, and no measure")
        [column] = columns
        every = self._values(column, ())
        kept = [row for row in every.rows if self._evaluate(argument, filters, {column.table: row})]
        return Relation((column,), kept).as_filter()

    def _relation(self, node: Node, filters: tuple[Filter, ...], rows: Mapping[str, Row]) -> Relation:
        match node:
            case Table(name):
                return Relation(self._columns(name), self._visible(name, filters))
            case Call("ALL", (Table(name),)):
                return Relation(self._columns(name), self._with_blank(name))
            case Call("VALUES", (Column() as column,)):
                return self._values(column, filters)
            case Call("FILTER", (source, condition)):
                relation = self._relation(source, filters, rows)
                table = relation.columns[0].table
                kept = [row for row in relation.rows if self._evaluate(condition, filters, {**rows, table: row})]
                return Relation(relation.columns, kept)
        raise DaxError(f"{node}: no table that is known here")

    def _values(self, column: Column, filters: tuple[Filter, ...]) -> Relation:
        """Return a column's values, each once; the blank row's too."""
        found = {
            _folded(row[column.name]): {column.name: row[column.name]}
            for row in reversed(self._visible(column.table, filters, self._with_blank(column.table)))
        }
        return Relation((column,), list(found.values()))

    def _visible(self, table: str, filters: tuple[Filter, ...], rows: Sequence[Row] | None = None) -> list[Row]:
        seen = list(self._tables[table] if rows is None else rows)
        for filter_ in filters:
            of = filter_.columns[0].table
            if of == table:
                seen = [row for row in seen if filter_.keeps(row)]
            elif join := self._joins.get((table, of)):
                blank = self._blanks.get(of, {})
                ones = self._ones[join]
                seen = [row for row in seen if filter_.keeps(ones.get(_folded(row[join.many.name]), blank))]
        return seen

    def _with_blank(self, table: str) -> list[Row]:
        blank = self._blanks.get(table)
        return [*self._tables[table], *([] if blank is None else [blank])]

    def _columns(self, table: str) -> tuple[Column, ...]:
        return tuple(Column(table, name) for name in self._columns_of[table])

    def _with_rows(self, filters: tuple[Filter, ...], rows: Mapping[str, Row]) -> tuple[Filter, ...]:
        """Turn the rows that are gone through into filters: what a measure sees."""
        for table, row in rows.items():
            columns = tuple(Column(table, name) for name in row)
            added = Filter(columns, frozenset({tuple(_folded(value) for value in row.values())}))
            filters = (*(kept for kept in filters if _stays(kept, added)), added)
        return filters


def _stays(kept: Filter, added: Filter) -> bool:
    """Say whether a filter stays beside a new one, which takes the place of those about the same columns."""
    common = set(kept.columns) & set(added.columns)
    if common and common != set(kept.columns):
        raise DaxError(f"a filter about {added.columns} over one about {kept.columns} is not known here")
    return not common


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _there(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def _sum(values: Iterable[Any]) -> Any:
    there = _there(values)
    return sum(there) if there else None


def _average(values: Iterable[Any]) -> Any:
    there = _there(values)
    return sum(there) / len(there) if there else None


def _distinct(values: Iterable[Any]) -> int | None:
    return len(set(map(_folded, values))) or None


def _compared(comparison: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Return a comparison for which BLANK is the zero of the other value's kind."""

    def compare(left: Any, right: Any) -> bool:
        zero = _ZEROS.get(type(right if left is None else left), 0)
        return comparison(*(zero if value is None else _folded(value) for value in (left, right)))

    return compare


def _plus(left: Any, right: Any) -> Any:
    return None if left is None and right is None else (left or 0) + (right or 0)


def _times(left: Any, right: Any) -> Any:
    return None if left is None or right is None else left * right


def _divide(above: Any, below: Any) -> Any:
    return above / below if above is not None and below else None


def _minutes(start: datetime, end: datetime) -> int:
    """Return how often a minute began between two moments."""
    start, end = (moment.replace(second=0, microsecond=0) for moment in (start, end))
    return int((end - start).total_seconds()) // 60


def _format(value: datetime, pattern: str) -> str:
    for part, directive in _DATE_PARTS.items():
        pattern = pattern.replace(part, directive)
    return value.strftime(pattern)


_AGGREGATES: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "SUM": _sum,
    "AVERAGE": _average,
    "MAX": lambda values: max(_there(values), default=None),
    "MIN": lambda values: min(_there(values), default=None),
    "DISTINCTCOUNT": _distinct,
    "DISTINCTCOUNTNOBLANK": lambda values: _distinct(_there(values)),
}
# What functions and operators make of values alone, by name and number of arguments.
_OF_VALUES: Mapping[tuple[str, int], Callable[..., Any]] = {
    ("BLANK", 0): lambda: None,
    ("TRUE", 0): lambda: True,
    ("FALSE", 0): lambda: False,
    ("ISBLANK", 1): lambda value: value is None,
    ("NOT", 1): lambda value: not value,
    ("MAX", 2): lambda *values: max(_there(values), default=None),
    ("DIVIDE", 2): _divide,
    ("FORMAT", 2): _format,
    ("&&", 2): lambda left, right: bool(left and right),
    ("||", 2): lambda left, right: bool(left or right),
    ("&", 2): lambda left, right: "".join("" if part is None else str(part) for part in (left, right)),
    ("+", 2): _plus,
    ("*", 2): _times,
    ("==", 2): lambda left, right: (left is None) == (right is None) and _folded(left) == _folded(right),
    ("=", 2): _compared(operator.eq),
    ("<>", 2): _compared(operator.ne),
    ("<", 2): _compared(operator.lt),
    ("<=", 2): _compared(operator.le),
    (">", 2): _compared(operator.gt),
    (">=", 2): _compared(operator.ge),
}

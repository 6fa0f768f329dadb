"""SQL's words for Delta tables: names, values, columns with their types, what a MERGE does. Pure: no I/O."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql.types import ArrayType, DataType, MapType, StructField, StructType

from ingestion.platform.columns import literal, quoted

# Names that a Parquet file cannot have for a column: Delta then gives its files' columns names of their own.
_ODD_NAME = re.compile(r"[ ,;{}()\n\t=]")


@dataclass(frozen=True)
class Clause:
    """What a MERGE does with a row: SQL in which `target` and `source` are the two sides.

    Attributes:
        match: `MATCHED`, `NOT MATCHED` (a row of the source alone) or `NOT MATCHED BY SOURCE`.
        action: `UPDATE`, `DELETE` or `INSERT`.
        values: for each column of the table, as it is named, the expression that it gets.
        when: a further condition.
    """

    match: str
    action: str
    values: Mapping[str, str] = field(default_factory=dict)
    when: str | None = None

    def sql(self) -> str:
        """Return the clause as it stands in a MERGE."""
        condition = f" AND ({self.when})" if self.when else ""
        return f"WHEN {self.match}{condition} THEN {self.action}{self._assignments()}"

    def _assignments(self) -> str:
        columns = [quoted(name) for name in self.values]
        match self.action:
            case "UPDATE":
                return " SET " + ", ".join(map("target.{} = {}".format, columns, self.values.values()))
            case "INSERT":
                return f" ({', '.join(columns)}) VALUES ({', '.join(self.values.values())})"
        return ""


def upsert(
    columns: Sequence[str], *, only_if_different: bool = True, cleared: str | None = None
) -> tuple[Clause, Clause]:
    """Return the clauses that let the table have the source's rows.

    Args:
        columns: of the table, that the source has under the same names.
        only_if_different: leave rows alone that the table has already; else nobody looks.
        cleared: a further column of the table, which becomes NULL.
    """
    values = {name: f"source.{quoted(name)}" for name in columns}
    same = [f"target.{quoted(name)} <=> {value}" for name, value in values.items()]
    if cleared is not None:
        same.append(f"target.{quoted(cleared)} IS NULL")
        values[cleared] = "NULL"
    when = f"NOT ({' AND '.join(same)})" if only_if_different else None
    return Clause("MATCHED", "UPDATE", values, when), Clause("NOT MATCHED", "INSERT", values)


def has_odd_names(columns: StructType) -> bool:
    """Say whether a column, or one within a column, has a name that a Parquet file cannot have."""
    return any(_ODD_NAME.search(name) for name in _names(columns))


def _names(kind: DataType) -> Iterator[str]:
    """Yield the names of all columns, those within columns too."""
    match kind:
        case StructType():
            for column in kind:
                yield column.name
                yield from _names(column.dataType)
        case ArrayType():
            yield from _names(kind.elementType)
        case MapType():
            yield from _names(kind.keyType)
            yield from _names(kind.valueType)


def ddl(columns: StructType) -> str:
    """Return columns as CREATE TABLE has them; all take NULL, for what a source promises may change."""
    return ", ".join(f"{quoted(column.name)} {type_of(column.dataType)}{_comment(column)}" for column in columns)


def type_of(kind: DataType) -> str:
    """Return a type as CREATE TABLE has it."""
    match kind:
        case StructType():
            return f"STRUCT<{', '.join(f'{quoted(column.name)}: {type_of(column.dataType)}' for column in kind)}>"
        case ArrayType():
            return f"ARRAY<{type_of(kind.elementType)}>"
        case MapType():
            return f"MAP<{type_of(kind.keyType)}, {type_of(kind.valueType)}>"
    return kind.simpleString()


def _comment(column: StructField) -> str:
    comment = column.metadata.get("comment")
    return f" COMMENT {literal(comment)}" if comment else ""


def properties_of(properties: Mapping[str, str]) -> str:
    """Return properties as TBLPROPERTIES has them."""
    return ", ".join(f"{literal(name)} = {literal(value)}" for name, value in properties.items())


def changes_within(path: str, old: DataType, new: DataType) -> Iterator[str]:
    """Yield what ALTER TABLE takes to make a column's type another one that holds all that it holds.

    Args:
        path: the column's name as SQL has it; within an array `.element`, within a struct the field's.
        old: its type.
        new: the wider one: with further fields within, or wider numbers.
    """
    if isinstance(old, ArrayType) and isinstance(new, ArrayType):
        yield from changes_within(f"{path}.element", old.elementType, new.elementType)
    elif isinstance(old, StructType) and isinstance(new, StructType):
        for each in new:
            inner = f"{path}.{quoted(each.name)}"
            if each.name not in old.names:
                yield f"ADD COLUMNS ({inner} {type_of(each.dataType)})"
            elif each.dataType != old[each.name].dataType:
                yield from changes_within(inner, old[each.name].dataType, each.dataType)
    elif new != old:
        yield f"ALTER COLUMN {path} TYPE {type_of(new)}"

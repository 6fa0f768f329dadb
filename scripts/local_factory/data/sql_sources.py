"""Rows of databases: which query an activity means, and procedures as each database calls them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local_factory.data.databases import Database, Dialect, ResultSet
from local_factory.data.datasets import Dataset
from local_factory.data.errors import copy_error
from local_factory.data.rows import Rows, load
from local_factory.data.types import Column
from local_factory.data.work import Work

_QUERIES = ("sqlReaderQuery", "query", "oracleReaderQuery")
# What Data Factory puts a condition in place of when it reads side by side; one reader takes all.
_PARTITION = re.compile(r"\?AdfDynamicRangePartitionCondition|\?AdfTabularPartitionName|\?AdfHashPartitionCondition")
_NAME_PART = re.compile(r'\[((?:[^\]]|\]\])*)\]|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|([^.]+)')


def read_table(work: Work, database: Database, dataset: Dataset, source: Mapping[str, Any]) -> Rows:
    """Run the query or procedure of a source, or read its dataset's table, and return the rows."""
    return rows_of(work, answer_of(database, dataset, source))


def answer_of(database: Database, dataset: Dataset, source: Mapping[str, Any]) -> ResultSet:
    """Return the answer to the query, the procedure or the table that a source means."""
    procedure = source.get("sqlReaderStoredProcedureName")
    query = next((source[key] for key in _QUERIES if source.get(key)), None)
    if procedure:
        sql, values = procedure_call(
            str(procedure), source.get("storedProcedureParameters") or {}, database.dialect, rows_wanted=True
        )
        return database.query(sql, values)
    if query:
        return database.query(_PARTITION.sub("(1 = 1)", str(query)))
    schema, table = table_of(dataset, database)
    return database.query(f"select * from {database.dialect.table(schema, table)}")


def table_of(dataset: Dataset, database: Database) -> tuple[str | None, str]:
    """Return (schema, table) of a dataset, also when it says both in `tableName`, as the database spells them.

    Raises:
        ActivityError: the dataset names no table.
    """
    properties = dataset.properties
    schema, table = properties.get("schema"), properties.get("table")
    if not table:
        name = str(properties.get("tableName") or "")
        parts = split_name(name)
        if not parts:
            raise copy_error("UserErrorInvalidTableName", f"Dataset {dataset.name!r} names no table")
        schema, table = (parts[-2] if len(parts) > 1 else None), parts[-1]
    if isinstance(schema, list):  # the declared columns, not a schema's name
        schema = None
    return database.locate(str(schema) if schema else None, str(table))


def split_name(name: str) -> list[str]:
    """Return the parts of a name such as `dbo.Orders` or `[dbo].[My Orders]`."""
    parts = []
    for bracketed, double, back, plain in _NAME_PART.findall(name.strip()):
        quoted = bracketed.replace("]]", "]") or double.replace('""', '"') or back.replace("``", "`")
        if quoted or plain.strip():
            parts.append(quoted or plain.strip())
    return parts


def procedure_call(
    name: str, parameters: Mapping[str, Any], dialect: Dialect, *, rows_wanted: bool
) -> tuple[str, Sequence[Any]]:
    """Return the statement that calls a procedure, and its parameters' values.

    Args:
        name: the procedure's.
        parameters: `storedProcedureParameters`, evaluated: `{name: {"value", "type"}}`.
        dialect: whose way of calling.
        rows_wanted: whether it is called for its rows.
    """
    names = [key.lstrip("@") for key in parameters]
    values = [parameter_value(value) for value in parameters.values()]
    mark = dialect.placeholder
    if dialect.exec_procedures:
        arguments = ", ".join(f"@{key} = {mark}" for key in names)
        return f"exec {name} {arguments}".rstrip(), values
    plain = name.replace("[", "").replace("]", "")
    arguments = ", ".join(f"{key} => {mark}" if dialect.named_arguments else mark for key in names)
    if rows_wanted and dialect.named_arguments:
        return f"select * from {plain}({arguments})", values
    return f"call {plain}({arguments})", values


def parameter_value(parameter: Any) -> Any:
    """Return a parameter's value in the type that it declares.

    Raises:
        ActivityError: the value does not fit the type.
    """
    if not isinstance(parameter, Mapping):
        return parameter
    value, kind = parameter.get("value"), str(parameter.get("type") or "String").lower()
    if value is None:
        return None
    try:
        if kind.startswith(("int", "long", "short")):
            return int(value)
        if kind in ("double", "single", "float"):
            return float(value)
        if kind == "decimal":
            from decimal import Decimal

            return Decimal(str(value))
        if kind in ("boolean", "bool"):
            return (
                value
                if isinstance(value, bool)
                else {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]
            )
    except (TypeError, ValueError, ArithmeticError, KeyError):
        raise copy_error(
            "UserErrorInvalidParameter", f"{value!r} is no value of type {parameter.get('type')}"
        ) from None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def rows_of(work: Work, answer: ResultSet) -> Rows:
    """Put an answer into a table of the work's connection."""
    columns = answer.columns
    if not columns:
        return Rows("select 1 as c0 where false", ())

    def batches() -> Iterator[list[Sequence[Any]]]:
        for batch in answer.batches:
            yield [tuple(_held(value, column) for value, column in zip(row, columns, strict=True)) for row in batch]

    return Rows(load(work, columns, batches()), columns)


def _held(value: Any, column: Column) -> Any:
    """Return a driver's value as DuckDB takes it."""
    if value is None or isinstance(value, bool | int | float):
        return str(value) if column.type == "VARCHAR" and value is not None else value
    if column.type == "VARCHAR" and not isinstance(value, str):
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).decode("utf-8", "replace")
        return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
    return bytes(value) if isinstance(value, memoryview | bytearray) else value

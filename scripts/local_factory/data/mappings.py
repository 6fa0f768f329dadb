"""How source columns become sink columns: by name, by an explicit `translator`, by ordinal, from paths in JSON.

Source: https://learn.microsoft.com/azure/data-factory/copy-activity-schema-and-type-mapping.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bundle.documents import mapping
from local_factory.data.errors import copy_error
from local_factory.data.json_documents import at_path, flat_rows, parse_json_path, rows_of
from local_factory.data.rows import Rejected, Rows, internal
from local_factory.data.types import Column, Conversion, converted, duckdb_type, literal
from local_factory.data.work import Work

_FILE_PATH, _COPY = "$$FILEPATH", "$$COLUMN:"


@dataclass(frozen=True)
class Pair:
    """One entry of a mapping: which source column or path goes to which sink column or path, and in which types."""

    source: Mapping[str, Any]
    sink: Mapping[str, Any]

    @property
    def sink_name(self) -> str:
        """The sink's column, or its path where it has one."""
        return str(self.sink.get("name") or self.sink.get("path") or self.sink.get("ordinal") or "")


@dataclass(frozen=True)
class Translator:
    """A `TabularTranslator`: the explicit pairs (None: by name), the array that rows come of, and how types convert."""

    pairs: tuple[Pair, ...] | None = None
    collection: str = ""
    conversion: Conversion = field(default_factory=Conversion)

    @classmethod
    def of(cls, value: Any) -> "Translator":
        """Read `translator`, evaluated, also in the forms of the first generation.

        Raises:
            ActivityError: it is no translator.
        """
        if value in (None, ""):
            return cls()
        document = mapping(value)
        if not document:
            raise copy_error("UserErrorInvalidTranslator", f"translator: expected an object, got {value!r}")
        settings = mapping(document.get("typeConversionSettings"))
        conversion = Conversion(
            allow_truncation=_boolean(settings.get("allowDataTruncation"), default=True),
            boolean_as_number=_boolean(settings.get("treatBooleanAsNumber"), default=False),
            date_format=settings.get("dateTimeFormat") or settings.get("dateFormat") or None,
            culture=str(settings.get("culture") or "en-us"),
        )
        return cls(_pairs(document), str(document.get("collectionReference") or ""), conversion)


def mapped(
    work: Work, rows: Rows, translator: Translator, additional: Sequence[Mapping[str, Any]], *, to_json: bool = False
) -> Rows:
    """Return rows with the sink's column names, in its order, after additional columns were put to them.

    JSON that goes to JSON without a mapping stays as it is.

    Raises:
        ActivityError: a column that the mapping names is not there.
    """
    is_as_it_is = to_json and translator.pairs is None and not translator.collection and not additional
    if rows.documents is not None and is_as_it_is:
        return rows
    if rows.documents is not None:
        rows = _from_documents(work, rows, translator)
        rows = with_additional(rows, additional)
        if translator.pairs is None:
            return rows
        paths = {
            str(pair.source.get("path") or pair.source.get("name")): index
            for index, pair in enumerate(translator.pairs)
        }
        own = {column.name: index for index, column in enumerate(rows.columns)}
        picked = []
        for pair in translator.pairs:
            key = str(pair.source.get("path") or pair.source.get("name"))
            index = own[key] if key in own else paths[key]
            picked.append((index, pair))
        return _picked(rows, picked, translator)
    rows = with_additional(rows, additional)
    if translator.pairs is None:
        return rows
    return _picked(rows, [(_index_of(pair, rows), pair) for pair in translator.pairs], translator)


def with_additional(rows: Rows, additional: Sequence[Mapping[str, Any]]) -> Rows:
    """Return rows with `additionalColumns`: the file's path, a copy of a column, or a value for all."""
    names = [str(entry.get("name")) for entry in additional]
    if not names:
        return rows
    values, types = [], []
    for entry in additional:
        value = entry.get("value")
        kind = "VARCHAR"
        if value == _FILE_PATH:
            sql = literal(str(rows.file.relative) if rows.file else "")
        elif isinstance(value, str) and value.upper().startswith(_COPY):
            name = value[len(_COPY) :]
            index = next((i for i, column in enumerate(rows.columns) if column.name == name), None)
            if index is None:
                raise _no_column(name, rows)
            sql, kind = internal(index), rows.columns[index].type
        else:
            sql = "null" if value is None else literal(value if isinstance(value, str) else str(value))
        values.append(sql)
        types.append(kind)
    kept = [index for index, column in enumerate(rows.columns) if column.name not in names]
    columns = [rows.columns[index] for index in kept] + [Column(n, t) for n, t in zip(names, types, strict=True)]
    expressions = [internal(index) for index in kept] + [
        f"cast({v} as {t})" for v, t in zip(values, types, strict=True)
    ]
    return replace(rows, sql=_select(expressions, rows.sql), columns=tuple(columns))


def fitted(
    work: Work, rows: Rows, targets: Sequence[Column], conversion: Conversion, *, skip: bool
) -> tuple[Rows, list[Rejected]]:
    """Return rows converted to the types of the sink's columns, which they match in number, and those that do not fit.

    Raises:
        ActivityError: a value does not fit and is not to be skipped; names the column and the value.
    """
    expressions, doubtful = [], []
    for index, (column, target) in enumerate(zip(rows.columns, targets, strict=True)):
        expression = converted(internal(index), column.type, target.type, conversion)
        expressions.append(expression)
        if expression != internal(index) and target.type != "VARCHAR":
            doubtful.append((index, f"({internal(index)} is not null and ({expression}) is null)"))
    rejected: list[Rejected] = []
    condition = ""
    if doubtful:
        bad = " or ".join(test for _, test in doubtful)
        numbered = f"select *, row_number() over () as rowno from ({rows.sql})"
        limit = "" if skip else " limit 1"
        for found in work.connection.execute(f"select * from ({numbered}) where {bad}{limit}").fetchall():
            place = f"{rows.file.relative}, row {found[-1]}" if rows.file else f"row {found[-1]}"
            index = _first_bad(work, found, doubtful, rows)
            error = _conversion_error(rows.columns[index], targets[index], found[index], place)
            if not skip:
                raise error
            rejected.append(Rejected(place, error.message, found[:-1]))
        condition = f" where not ({bad})" if rejected else ""
    sql = f"select {_named(expressions)} from ({rows.sql}){condition}"
    return replace(rows, sql=sql, columns=tuple(targets)), rejected


def _first_bad(work: Work, row: Sequence[Any], doubtful: Sequence[tuple[int, str]], rows: Rows) -> int:
    values = ", ".join(f"$v{index}::{column.type} as {internal(index)}" for index, column in enumerate(rows.columns))
    arguments = {f"v{index}": row[index] for index in range(len(rows.columns))}
    tests = ", ".join(test for _, test in doubtful)
    found = work.connection.execute(f"select {tests} from (select {values})", arguments).fetchone() or ()
    return next((index for (index, _), is_bad in zip(doubtful, found, strict=False) if is_bad), doubtful[0][0])


def _conversion_error(column: Column, target: Column, value: Any, place: str) -> Any:
    return copy_error(
        "TypeConversionFailure",
        f"Exception occurred when converting value '{value}' for column name '{target.name}' from type "
        f"'{column.adf_type}' (precision:, scale:) to type '{target.adf_type}' (precision:, scale:), {place}. "
        "Additional info: the value was not in a correct format, or is too large.",
    )


def _from_documents(work: Work, rows: Rows, translator: Translator) -> Rows:
    """Return JSON documents as rows: the columns of the mapping's paths, or the keys at the top."""
    found = list(rows.documents or ())
    pairs = translator.pairs
    rows = replace(rows, documents=None)
    if pairs is None and not translator.collection:
        return flat_rows(work, found, rows)
    crossed = _crossed(found, translator.collection)
    if pairs is None:
        return flat_rows(work, [item for _, item in crossed], rows)
    keys = list(dict.fromkeys(str(pair.source.get("path") or pair.source.get("name")) for pair in pairs))
    table = []
    for root, item in crossed:
        values = []
        for key in keys:
            at_root, steps = parse_json_path(key) if "path" in _source_of(pairs, key) else (True, [key])
            values.append(at_path(root if at_root or not translator.collection else item, steps))
        table.append(values)
    return rows_of(work, keys, table, rows)


def _source_of(pairs: Sequence[Pair], key: str) -> Mapping[str, Any]:
    return next(pair.source for pair in pairs if key in (pair.source.get("path"), pair.source.get("name")))


def _crossed(found: Sequence[Any], collection: str) -> list[tuple[Any, Any]]:
    """Return (document, object of its array) for each object of the arrays that a collection reference names."""
    if not collection:
        return [(document, document) for document in found]
    steps = parse_json_path(collection)[1]
    crossed = []
    for document in found:
        for item in _items(document, steps):
            crossed.append((document, item))
    return crossed


def _items(value: Any, steps: Sequence[str | int]) -> list[Any]:
    """Return the objects of an array at a path; arrays on the way are gone through too (`['a'][*]['b']`)."""
    for position, step in enumerate(steps):
        if isinstance(value, list) and not isinstance(step, int):
            rest = steps[position + 1 :] if step == "*" else steps[position:]
            return [item for entry in value for item in _items(entry, rest)]
        value = at_path(value, [step])
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _picked(rows: Rows, picked: Sequence[tuple[int, Pair]], translator: Translator) -> Rows:
    expressions, columns = [], []
    for index, pair in picked:
        column = rows.columns[index]
        wanted = str(pair.source.get("type") or "")
        kind = column.type
        expression = internal(index)
        target = duckdb_type(wanted) if wanted else None
        if target and kind == "VARCHAR" and target != "VARCHAR" and pair.source.get("format"):
            # The source says in which form its dates are written.
            settings = replace(translator.conversion, date_format=str(pair.source["format"]))
            expression, kind = converted(expression, kind, target, settings), target
        expressions.append(expression)
        columns.append(Column(pair.sink_name, kind))
    return replace(rows, sql=_select(expressions, rows.sql), columns=tuple(columns), documents=None)


def declared_types(translator: Translator, columns: Sequence[Column]) -> list[Column]:
    """Return the columns with the types that a mapping declares for its sink, for sinks that have none of their own."""
    if translator.pairs is None:
        return list(columns)
    kinds = [duckdb_type(str(pair.sink.get("type") or "")) for pair in translator.pairs]
    return [Column(column.name, kind or column.type) for column, kind in zip(columns, kinds, strict=True)]


def _index_of(pair: Pair, rows: Rows) -> int:
    if pair.source.get("name") is not None:
        name = str(pair.source["name"])
        index = next((i for i, column in enumerate(rows.columns) if column.name == name), None)
        if index is None:
            raise _no_column(name, rows)
        return index
    ordinal = pair.source.get("ordinal")
    try:
        index = int(str(ordinal)) - 1
    except ValueError:
        raise copy_error(
            "UserErrorInvalidTranslator", f"translator: {dict(pair.source)} has neither name nor ordinal"
        ) from None
    if not 0 <= index < len(rows.columns):
        raise _no_column(str(ordinal), rows)
    return index


def _no_column(name: str, rows: Rows) -> Any:
    where = f"'{rows.file.relative}'" if rows.file else "the source"
    known = ", ".join(column.name for column in rows.columns)
    return copy_error(
        "MappingColumnNameNotFoundInSourceFile",
        f"Column '{name}' specified in column mapping cannot be found in {where}; it has: {known}. Names are compared "
        "with their case",
        "Source",
    )


def _pairs(document: Mapping[str, Any]) -> tuple[Pair, ...] | None:
    if isinstance(document.get("mappings"), list):
        return tuple(Pair(mapping(entry.get("source")), mapping(entry.get("sink"))) for entry in document["mappings"])
    columns = document.get("columnMappings")
    if isinstance(columns, str) and columns.strip():
        parts = (part.partition(":") for part in columns.split(","))
        columns = {name.strip(): sink.strip() for name, _, sink in parts}
    if isinstance(columns, Mapping) and columns:
        return tuple(Pair({"name": source}, {"name": sink}) for source, sink in columns.items())
    schema = document.get("schemaMapping")
    if isinstance(schema, Mapping) and schema:
        return tuple(
            Pair({"path": path} if "$" in path or "." in path else {"name": path}, {"name": sink})
            for path, sink in schema.items()
        )
    return None


def _select(expressions: Sequence[str], sql: str) -> str:
    return f"select {_named(expressions)} from ({sql})"


def _named(expressions: Sequence[str]) -> str:
    return ", ".join(f"{expression} as {internal(index)}" for index, expression in enumerate(expressions))


def _boolean(value: Any, *, default: bool) -> bool:
    if value is None:
        return default
    return value if isinstance(value, bool) else str(value).lower() == "true"

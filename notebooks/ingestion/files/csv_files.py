"""CSV: every field is read as text, then made what its column is, if it says just that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StringType, StructField, StructType

from ingestion.feeds.model import Files
from ingestion.files.contents import Contents, OwnColumns, empty_note, open_files, refuse_twins
from ingestion.files.folder import file_address
from ingestion.files.text_types import converted, infer_types, is_value
from ingestion.platform.columns import column

_MALFORMED = "not as many fields as columns, or a quote that does not end"
_SHOWN = 200
# What says how a line is written, to Spark's reader and its writer alike.
_FORM = ("sep", "delimiter", "quote", "escape")


@dataclass(frozen=True)
class _Layout:
    """Files that have the same columns."""

    names: Sequence[str]
    paths: Sequence[str]


def read_csv(spark: SparkSession, feed: Files, paths: Sequence[str], known: StructType) -> Contents | None:
    """Return what stands in CSV files: columns by their names in the header, wherever they stand there."""
    has_header = str(feed.options.get("header", False)).lower() == "true"
    lines = _first_lines(spark, paths)
    full = [path for path, (_, count) in lines.items() if count > has_header]
    layouts = list(_layouts(spark, feed, {path: line for path, (line, _) in lines.items()}, known, has_header))
    if not layouts:
        return None
    gone = [
        f"column {each.name} ({each.dataType.simpleString()}) is not in {layout.paths[0]}"
        for each in known
        for layout in layouts
        if each.name not in layout.names
    ]
    names = list(dict.fromkeys(name for layout in layouts for name in layout.names))
    own = OwnColumns.beside([*known.names, *names])
    texts = [_texts(spark, feed, layout, own) for layout in layouts]
    rows = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), texts)
    columns = _columns(feed, rows, names, known)
    if columns is None:
        return None
    values = {each.name: converted(column(each.name), each.dataType) for each in columns}
    unfit = [_unfit(each, values[each.name]) for each in columns if not isinstance(each.dataType, StringType)]
    malformed = F.when(F.col(own.line).isNotNull(), F.lit(_MALFORMED))
    problem = F.nullif(F.concat_ws("; ", malformed, *unfit), F.lit(""))
    form = {name: str(value) for name, value in feed.options.items() if name in _FORM}
    as_read = F.to_csv(F.struct(*[column(name) for name in names]), form or None)
    frame = rows.select(
        *[value.alias(name) for name, value in values.items()],
        column(own.order),
        column(own.file),
        F.when(problem.isNotNull(), F.coalesce(column(own.line), as_read)).alias(own.line),
        problem.alias(own.problem),
    )
    return Contents(frame, own, tuple(gone), empty_note(paths, full))


def _first_lines(spark: SparkSession, paths: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Return of each file that has a line the first one, and how many there are as far as one task reads."""
    lines = open_files(spark, "text", paths, {}).where("_metadata.file_block_start = 0")
    numbered = lines.select(
        file_address(encoded=False).alias("file"), "value", F.monotonically_increasing_id().alias("number")
    )
    first = numbered.groupBy("file").agg(F.min_by("value", "number").alias("line"), F.count("number").alias("lines"))
    return {row["file"]: (row["line"], row["lines"]) for row in first.orderBy("file").collect()}


def _layouts(
    spark: SparkSession, feed: Files, lines: Mapping[str, str], known: StructType, has_header: bool
) -> Iterator[_Layout]:
    """Yield the files that have a line, by their headers; names are spelled as the target has them."""
    paths: dict[str, list[str]] = {}
    for path, line in lines.items():
        paths.setdefault(line if has_header else "", []).append(path)
    spelled = {name.casefold(): name for name in known.names}
    for files in paths.values():
        records = open_files(spark, "csv", files[:1], {**feed.options, "header": False, "inferSchema": False})
        names: Sequence[str] = records.columns
        if has_header:
            row = records.limit(1).collect()
            names = [name or f"_c{number}" for number, name in enumerate(row[0])] if row else []
            refuse_twins(names, files[0])
        if names:
            yield _Layout([spelled.setdefault(name.casefold(), name) for name in names], files)


def _texts(spark: SparkSession, feed: Files, layout: _Layout, own: OwnColumns) -> DataFrame:
    names = [*layout.names, own.line]
    options = {**feed.options, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": own.line, "inferSchema": False}
    schema = StructType([StructField(name, StringType()) for name in names])
    return open_files(spark, "csv", layout.paths, options, schema).select(*map(column, names), *own.place())


def _columns(feed: Files, rows: DataFrame, names: Sequence[str], known: StructType) -> StructType | None:
    """Return the columns, those of the target first; None where none is known and no row tells one."""
    new = [name for name in names if name not in known.names]
    found = StructType([StructField(name, StringType()) for name in new])
    if str(feed.options.get("inferSchema", True)).lower() != "false":
        inferred = infer_types(rows, new)
        if inferred is None and not known.fields:
            return None
        found = inferred or found
    return StructType([*(each for each in known if each.name in names), *found])


def _unfit(each: StructField, value: Column) -> Column:
    text = column(each.name)
    shown = F.concat(
        F.lit(f"column {each.name}: "), F.substring(text, 1, _SHOWN), F.lit(f" is no {each.dataType.simpleString()}")
    )
    return F.when(is_value(text) & value.isNull(), shown)

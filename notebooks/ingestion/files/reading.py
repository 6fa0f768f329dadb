"""What stands in some files of a folder: rows with the columns that the target has, and new ones; bad lines beside."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StringType, StructField, StructType

from ingestion.feeds.model import Files
from ingestion.files.folder import file_address
from ingestion.files.text_types import converted, infer_types, is_value
from ingestion.platform.columns import column
from ingestion.platform.errors import IngestionError, SourceError
from ingestion.platform.names import own_name
from ingestion.platform.spark_errors import root_cause

_PATTERN_CHARACTER = re.compile(r"([\\*?\[\]{}])")
_TWICE = "COLUMN_ALREADY_EXISTS"
_SHOWN = 200


@dataclass(frozen=True)
class Contents:
    """The rows of some files, to be read when they are used.

    Attributes:
        frame: the rows: the columns that stand in the files, and beside them those of ours.
        columns: that stand in the files; those that the target has are spelled and typed as there.
        gone: columns of the target that are not there any more, in words.
        file: the column that names the file of a row.
        line: the column with the line as it stands there, where it cannot be read.
        problem: the column that says why it cannot be read; NULL where it can.
    """

    frame: DataFrame
    columns: StructType
    gone: tuple[str, ...]
    file: str
    line: str
    problem: str

    @property
    def helpers(self) -> tuple[str, ...]:
        """The columns of ours, which do not land."""
        return self.file, self.line, self.problem


def read_files(spark: SparkSession, feed: Files, paths: Sequence[str], known: StructType) -> Contents | None:
    """Return what stands in files.

    Args:
        spark: the session.
        feed: says their format, and the options of Spark's reader.
        paths: of the files.
        known: the columns that the target has; none at the first load.

    Returns:
        None where nothing tells any column: there is no row, and no header.

    Raises:
        SourceError: a file cannot be read, or its columns' names cannot be columns; names the file.
    """
    with _failures(paths):
        return _READERS[feed.file_format](spark, feed, paths, known)


def no_contents(spark: SparkSession, known: StructType) -> Contents:
    """Return no rows of a target's columns."""
    file, line, problem = ours = _own_names(known.names)
    texts = [StructField(name, StringType()) for name in ours]
    return Contents(spark.createDataFrame([], StructType([*known, *texts])), known, (), file, line, problem)


def _csv(spark: SparkSession, feed: Files, paths: Sequence[str], known: StructType) -> Contents | None:
    groups = _headers(spark, feed, paths)
    if not groups:
        return None
    spelled = {field.name.casefold(): field.name for field in known}
    groups = [([spelled.setdefault(name.casefold(), name) for name in names], files) for names, files in groups]
    gone = [
        f"column {field.name} ({field.dataType.simpleString()}) is not in {files[0]}"
        for field in known
        for names, files in groups
        if field.name not in names
    ]
    names = list(dict.fromkeys(name for group, _ in groups for name in group))
    ours = _own_names(spelled.values())
    texts = reduce(
        lambda left, right: left.unionByName(right, allowMissingColumns=True),
        [_texts(spark, feed, group, files, ours) for group, files in groups],
    )
    new = [name for name in names if name not in known.names]
    infers = str(feed.options.get("inferSchema", True)).lower() != "false"
    types = {field.name: field.dataType for field in known if field.name in names}
    types |= (
        {field.name: field.dataType for field in infer_types(texts, new)}
        if infers
        else dict.fromkeys(new, StringType())
    )
    columns = StructType([StructField(name, types[name]) for name in sorted(names, key=[*known.names, *new].index)])
    values = {field.name: converted(column(field.name), field.dataType) for field in columns}
    unfit = [
        F.when(
            is_value(column(field.name)) & values[field.name].isNull(),
            F.concat(
                F.lit(f"column {field.name}: "),
                F.substring(column(field.name), 1, _SHOWN),
                F.lit(f" is no {field.dataType.simpleString()}"),
            ),
        )
        for field in columns
        if not isinstance(field.dataType, StringType)
    ]
    file, line, problem = ours
    reasons = F.concat_ws(
        "; ", F.when(F.col(line).isNotNull(), F.lit("not as many fields as columns, or quotes that do not end")), *unfit
    )
    whole = F.to_csv(F.struct(*[column(name) for name in names]), _writer_options(feed))
    frame = texts.select(
        *[value.alias(name) for name, value in values.items()],
        F.col(file),
        F.when(reasons != "", F.coalesce(F.col(line), whole)).alias(line),
        F.nullif(reasons, F.lit("")).alias(problem),
    )
    return Contents(frame, columns, tuple(gone), *ours)


def _headers(spark: SparkSession, feed: Files, paths: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """Return the names of columns, and the files that have just these; files without a line have none."""
    lines = _reader(spark, {}, "text", paths)
    first = lines.where("_metadata.file_block_start = 0").select(
        file_address(encoded=False).alias("file"), F.col("value"), F.monotonically_increasing_id().alias("number")
    )
    rows = first.groupBy("file").agg(F.min_by("value", "number").alias("line")).orderBy("file").collect()
    by_line: dict[str, list[str]] = {}
    is_header = str(feed.options.get("header", False)).lower() == "true"
    for row in rows:
        by_line.setdefault(row["line"] if is_header else "", []).append(row["file"])
    options = {**feed.options, "header": False}
    return [
        (_names(_reader(spark, options, "csv", files[:1]), is_header, files[0]), files) for files in by_line.values()
    ]


def _names(records: DataFrame, is_header: bool, file: str) -> list[str]:
    if not is_header:
        return records.columns
    row = records.limit(1).collect()
    names = [name or f"_c{number}" for number, name in enumerate(row[0])] if row else []
    _refuse_twins(names, file)
    return names


def _texts(
    spark: SparkSession, feed: Files, names: Sequence[str], files: Sequence[str], ours: Sequence[str]
) -> DataFrame:
    file, line, _ = ours
    schema = StructType([StructField(name, StringType()) for name in (*names, line)])
    options = {**feed.options, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": line}
    options.pop("inferSchema", None)
    rows = _reader(spark, options, "csv", files, schema)
    return rows.select(*[column(name) for name in (*names, line)], file_address(encoded=False).alias(file))


def _writer_options(feed: Files) -> dict[str, str]:
    taken = ("sep", "delimiter", "quote", "escape")
    return {name: str(value) for name, value in feed.options.items() if name in taken}


def _json(spark: SparkSession, feed: Files, paths: Sequence[str], known: StructType) -> Contents | None:
    ours = _own_names(known.names)
    file, line, problem = ours

    def seen(drop: bool) -> StructType:
        options = {**feed.options, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": line, "dropFieldIfAllNull": drop}
        found = _reader(spark, options, "json", paths).schema
        return StructType([field for field in found if field.name != line])

    found = seen(True)
    spelled = {field.name.casefold(): field.name for field in known}
    present = {field.name.casefold() for field in found}
    if present and not spelled.keys() <= present:
        present = {field.name.casefold() for field in seen(False)}
    gone = [f"no record has column {name}" for folded, name in spelled.items() if present and folded not in present]
    kept = [field for field in known if field.name.casefold() in present or not present]
    new = [field for field in found if field.name.casefold() not in spelled]
    columns = StructType([*kept, *new])
    if not columns.fields:
        return None
    ours = file, line, problem = _own_names(columns.names)
    options = {**feed.options, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": line}
    rows = _reader(spark, options, "json", paths, StructType([*columns, StructField(line, StringType())]))
    reason = F.when(F.col(line).isNotNull(), F.lit("no JSON object whose values fit the columns' types"))
    frame = rows.select(
        *[column(name) for name in columns.names],
        file_address(encoded=False).alias(file),
        F.col(line),
        reason.alias(problem),
    )
    return Contents(frame, columns, tuple(gone), *ours)


def _parquet(spark: SparkSession, feed: Files, paths: Sequence[str], known: StructType) -> Contents | None:
    found = _reader(spark, {"mergeSchema": True, **feed.options}, "parquet", paths).schema
    _refuse_twins(found.names, paths[0])
    spelled = {field.name.casefold(): field for field in known}
    present = {field.name.casefold(): field for field in found}
    gone = [f"no file has column {field.name}" for name, field in spelled.items() if name not in present]
    columns = StructType(
        [
            StructField(spelled[name].name if name in spelled else field.name, field.dataType)
            for name, field in present.items()
        ]
    )
    file, line, problem = ours = _own_names(columns.names)
    rows = _reader(spark, feed.options, "parquet", paths, found)
    frame = rows.select(
        *[column(field.name).alias(new.name) for field, new in zip(found, columns, strict=True)],
        file_address(encoded=False).alias(file),
        F.lit(None).cast("string").alias(line),
        F.lit(None).cast("string").alias(problem),
    )
    return Contents(frame, columns, tuple(gone), *ours)


_READERS: Mapping[str, Callable[[SparkSession, Files, Sequence[str], StructType], Contents | None]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}


def _own_names(names: Iterable[str]) -> tuple[str, str, str]:
    names = list(names)
    return own_name("_file", names), own_name("_line", names), own_name("_problem", names)


def _reader(
    spark: SparkSession,
    options: Mapping[str, object],
    kind: str,
    paths: Sequence[str],
    schema: StructType | None = None,
) -> DataFrame:
    reader: DataFrameReader = spark.read.format(kind).options(**{name: _text(value) for name, value in options.items()})
    if schema is not None:
        reader = reader.schema(schema)
    # A file's own name may hold what Spark takes for a pattern.
    return reader.load([_PATTERN_CHARACTER.sub(r"\\\1", path) for path in paths])


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse_twins(names: Sequence[str], file: str) -> None:
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.casefold(), name)
        if other is not name:
            raise SourceError(
                f"{file}: columns {other!r} and {name!r} differ only in upper and lower case: one name to Spark. "
                "Name them apart in the file."
            )


@contextmanager
def _failures(paths: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except IngestionError:
        raise
    except Exception as error:
        what = f"{paths[0]}" + (f" and {len(paths) - 1} others" if len(paths) > 1 else "")
        if _TWICE in str(error):
            raise SourceError(
                f"{what}: records have names that differ only in upper and lower case: {root_cause(error)}"
            ) from error
        raise SourceError(f"{what}: cannot be read: {root_cause(error)}") from error

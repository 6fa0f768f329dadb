"""What stands in some files, as all formats give it, and how files are opened."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StructType

from ingestion.files.folder import file_address
from ingestion.platform.errors import SourceError
from ingestion.platform.names import own_name, twins

_PATTERN_CHARACTER = re.compile(r"([\\*?\[\]{}])")
_ORDER = ("file_modification_time", "file_path", "file_block_start")


@dataclass(frozen=True)
class OwnColumns:
    """The names of our columns beside those of the files.

    Attributes:
        order: of the column whose greater value stands in a later file, or further down.
        file: names the file of a row.
        line: holds the line as it stands there, where it cannot be read.
        problem: says why it cannot be read; NULL where it can.
    """

    order: str
    file: str
    line: str
    problem: str

    @classmethod
    def beside(cls, names: Iterable[str]) -> "OwnColumns":
        """Return names that no column of the files has."""
        taken = list(names)
        return cls(*(own_name(f"_{each.name}", taken) for each in fields(cls)))

    def place(self) -> list[Column]:
        """Return where a row stands: its order and its file. For rows as they are read, before anything else."""
        metadata = F.col("_metadata")
        order = F.struct(*[metadata[name] for name in _ORDER], F.monotonically_increasing_id().alias("row"))
        return [order.alias(self.order), file_address(encoded=False).alias(self.file)]


@dataclass(frozen=True)
class Contents:
    """The rows of some files, to be read when they are used.

    Attributes:
        frame: the rows: the columns that stand in the files, spelled and typed as in the target, and ours.
        own: the names of ours.
        gone: columns of the target that are not there any more, in words.
        notes: what is to be told.
    """

    frame: DataFrame
    own: OwnColumns
    gone: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def no_contents(spark: SparkSession, known: StructType) -> Contents:
    """Return no rows of a target's columns."""
    own = OwnColumns.beside(known.names)
    nothing = [F.lit(None).cast(each.dataType).alias(each.name) for each in known]
    nothing += [F.lit(None).cast("string").alias(getattr(own, each.name)) for each in fields(own)]
    return Contents(spark.range(0).select(*nothing), own)


def open_files(
    spark: SparkSession,
    kind: str,
    paths: Sequence[str],
    options: Mapping[str, object],
    schema: StructType | None = None,
) -> DataFrame:
    """Return the rows of files as Spark reads them; a schema that is not given is found out now."""
    texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in options.items()}
    reader: DataFrameReader = spark.read.format(kind).options(**texts)
    if schema is not None:
        reader = reader.schema(schema)
    # A file's own name may hold what Spark takes for a pattern.
    return reader.load([_PATTERN_CHARACTER.sub(r"\\\1", path) for path in paths])


def refuse_twins(names: Sequence[str], file: str) -> None:
    """Refuse columns that are one to Spark.

    Raises:
        SourceError: two names differ only in upper and lower case, or not at all.
    """
    found = twins(names)
    if found:
        raise SourceError(
            f"{file}: columns {found[0]!r} and {found[1]!r} differ only in upper and lower case: one name to Spark. "
            "Name them apart in the file."
        )


def empty_note(paths: Sequence[str], full: Iterable[str]) -> tuple[str, ...]:
    """Return, if any, the note on the files that have no row."""
    empty = sorted(set(paths) - set(full))
    return (f"{several(empty)}: has no row",) if empty else ()


def several(paths: Sequence[str], most: int = 5) -> str:
    """Return files by their names, not more than a few."""
    more = len(paths) - most
    return ", ".join(paths[:most]) + (f" and {more} others" if more > 0 else "")

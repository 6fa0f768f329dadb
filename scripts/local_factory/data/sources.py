"""The rows that a source means, file by file or all at once, whatever the dataset is."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import local_factory.data.http as rest
from bundle.documents import mapping
from local_factory.data import compression, formats
from local_factory.data.databases import connect
from local_factory.data.datasets import Dataset
from local_factory.data.delimited_text import TextFormat, read_text
from local_factory.data.errors import copy_error
from local_factory.data.folders import SourceFile, location_of, source_files
from local_factory.data.json_documents import read_documents
from local_factory.data.rows import Reading, Rows, file_literal, internal
from local_factory.data.sql_sources import read_table
from local_factory.data.stand_ins import Kind
from local_factory.data.types import Column, quoted
from local_factory.data.work import Work
from local_factory.errors import ActivityError

_JSON_ADDRESSES = frozenset({"RestResource", "ODataResource"})


def read_rows(work: Work, dataset: Dataset, source: Mapping[str, Any], reading: Reading) -> Iterator[Rows]:
    """Yield the rows of each file that the source means, or of the whole answer of a database or an address.

    Rows that come from JSON have `documents` only: a mapping says how they become columns.

    Args:
        work: whose connection takes the rows.
        dataset: what is read.
        source: the activity's `source`, evaluated.
        reading: whether rows that do not fit are skipped.

    Raises:
        ActivityError: what is named is not there, or is not what the dataset says.
    """
    if dataset.is_database:
        with connect(dataset.linked_service.of_kind(Kind.DATABASE), work) as database:
            yield read_table(work, database, dataset, source)
    elif dataset.is_address and dataset.type in _JSON_ADDRESSES:
        found: list[Any] = []
        for page in rest.pages(dataset, source, work):
            found += page if isinstance(page, list) else [page]
        yield Rows("", (), documents=found, bytes_read=0)
    else:
        for file in input_files(work, dataset, source):
            work.check()
            yield from read_file(work, dataset, source, file, reading)


def input_files(work: Work, dataset: Dataset, source: Mapping[str, Any]) -> list[SourceFile]:
    """Return the files that a source means; what is behind an address is fetched first."""
    if dataset.is_address:
        answer = rest.fetch(dataset, source, work)
        path = work.folder / work.new_name("answer-")
        path.write_bytes(answer.content)
        name = PurePosixPath(answer.url.path).name or "response"
        return [SourceFile(path, PurePosixPath(name))]
    settings = {**mapping(source.get("storeSettings"))}
    if "recursive" in source:
        settings.setdefault("recursive", source["recursive"])
    return source_files(location_of(dataset), settings)


def read_file(
    work: Work, dataset: Dataset, source: Mapping[str, Any], file: SourceFile, reading: Reading
) -> Iterator[Rows]:
    """Yield the rows of one file, or of each file in an archive."""
    kind = formats.format_of(dataset.type, dataset.properties)
    properties = formats.format_properties(dataset.type, dataset.properties)
    if kind == formats.PARQUET:
        yield _parquet(work, file)
        return
    for plain, origin in plain_files(work, file, compression.codec_of(properties)):
        if kind == formats.TEXT:
            form = TextFormat.of(properties, mapping(source.get("formatSettings")) or source)
            yield read_text(work, origin, plain, form, reading)
        elif kind == formats.JSON:
            encoding = TextFormat.of({"encodingName": properties.get("encodingName")}, {}).encoding
            found = read_documents(plain, encoding, str(origin.relative))
            yield Rows("", (), origin, found, bytes_read=file.path.stat().st_size)
        else:
            raise copy_error(
                "UserErrorUnsupportedFormat", f"format {kind} does not run on this machine: stub it", "Source"
            )


def plain_files(work: Work, file: SourceFile, codec: str) -> Iterator[tuple[Path, SourceFile]]:
    """Yield (the file without compression, the file it came from); several of an archive."""
    if not codec:
        yield file.path, file
        return
    folder = work.folder / work.new_name("unpacked-")
    for path, inner in compression.unpacked(file.path, codec, folder):
        if compression.is_archive(codec):
            yield path, SourceFile(path, file.relative.parent / inner)
        else:
            yield path, file


def _parquet(work: Work, file: SourceFile) -> Rows:
    import duckdb

    place = file_literal(file.path)
    try:
        described = work.connection.execute(f"describe select * from read_parquet({place})").fetchall()
    except duckdb.Error as error:
        work.check()
        raise _not_parquet(file, error) from None
    columns = tuple(Column(str(row[0]), _flat(str(row[1]))) for row in described)
    picked = ", ".join(
        f"{_flattened(str(row[0]), str(row[1]))} as {internal(index)}" for index, row in enumerate(described)
    )
    sql = f"select {picked} from read_parquet({place})"
    return Rows(sql, columns, file, bytes_read=file.path.stat().st_size)


def _flat(kind: str) -> str:
    """Return the type that a column has on its way: nested values go as JSON text."""
    return "VARCHAR" if _is_nested(kind) else kind


def _is_nested(kind: str) -> bool:
    return kind.endswith("[]") or kind.upper().startswith(("STRUCT", "MAP", "UNION", "VARIANT", "ENUM", "JSON"))


def _flattened(name: str, kind: str) -> str:
    return f"cast(to_json({quoted(name)}) as varchar)" if _is_nested(kind) else quoted(name)


def _not_parquet(file: SourceFile, error: Exception) -> ActivityError:
    reason = str(error).splitlines()[0]
    return copy_error("ParquetInvalidFile", f"'{file.relative}' is not a readable Parquet file: {reason}", "Source")

"""Delimited text: https://learn.microsoft.com/azure/data-factory/format-delimited-text.

DuckDB reads regular files. A file with anything else in it (escapes, rows of too many columns, unclosed quotes) is read
by `records`, which knows all of ADF's rules; both agree on regular files.
"""

import codecs
import mmap
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from local_factory.data.errors import copy_error
from local_factory.data.folders import SourceFile
from local_factory.data.rows import (
    Reading,
    Rejected,
    Rows,
    batches,
    count_rows,
    file_literal,
    in_batches,
    internal,
    load,
)
from local_factory.data.types import Column, literal
from local_factory.data.work import Work
from local_factory.errors import ActivityError

_CHUNK = 1024 * 1024
_HEAD = 256 * 1024
_MOST_DELIMITER_BYTES = 4  # what DuckDB takes
_LONGEST_LINE = 16 * 1024 * 1024
_NO_VALUE = "\x00\x00no value of any file\x00\x00"  # so that DuckDB tells an empty value from one that is not there

# .NET's names of encodings that Python calls otherwise.
_ENCODINGS: Mapping[str, str] = {
    "utf-7": "utf-7", "utf-32be": "utf-32-be", "utf-16be": "utf-16-be", "us-ascii": "ascii", "windows-1252": "cp1252",
    "big5": "big5", "gb18030": "gb18030", "iso-8859-1": "latin-1", "ibm437": "cp437", "macintosh": "mac-roman",
}  # fmt: skip

# Encodings whose files begin with a mark of the byte order: the mark, and the encoding of what follows.
_MARKED: Mapping[str, tuple[bytes, str]] = {
    "utf-8-sig": (codecs.BOM_UTF8, "utf-8"),
    "utf-16": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "utf-32": (codecs.BOM_UTF32_LE, "utf-32-le"),
}


@dataclass(frozen=True)
class TextFormat:
    """How a file of delimited text is written. An empty `quote` means none; `row_delimiter` None any line end."""

    column_delimiter: str = ","
    row_delimiter: str | None = None
    quote: str = '"'
    escape: str = "\\"
    has_header: bool = False
    null_value: str = ""
    skip_lines: int = 0
    encoding: str = "utf-8"

    @classmethod
    def of(cls, properties: Mapping[str, Any], settings: Mapping[str, Any]) -> "TextFormat":
        """Read the format from a dataset's `typeProperties` and a source's `formatSettings`.

        Raises:
            ActivityError: a value is none that ADF takes.
        """
        quote = _character(properties.get("quoteChar", '"'), "quoteChar")
        escape = _character(properties.get("escapeChar", "\\"), "escapeChar")
        row_delimiter = properties.get("rowDelimiter")
        skip = settings.get("skipLineCount", properties.get("skipLineCount")) or 0
        try:
            skip_lines = int(skip)
        except (TypeError, ValueError):
            raise copy_error("UserErrorInvalidFormat", f"skipLineCount: expected a number, got {skip!r}") from None
        return cls(
            column_delimiter=str(properties.get("columnDelimiter") or ","),
            row_delimiter=None if row_delimiter in (None, "", "\r\n", "\n", "\r") else str(row_delimiter),
            quote=quote,
            escape=escape or quote,
            has_header=str(properties.get("firstRowAsHeader", False)).lower() == "true",
            null_value=str(properties.get("nullValue", "") or ""),
            skip_lines=skip_lines,
            encoding=_encoding(str(properties.get("encodingName") or "utf-8")),
        )

    @cached_property
    def grammar(self) -> "_Grammar":
        """The patterns that take a record apart."""
        return _Grammar(self)


def read_text(work: Work, file: SourceFile, plain: Path, form: TextFormat, reading: Reading) -> Rows:
    """Read a file.

    Args:
        work: whose connection takes the rows.
        file: the file as the source names it.
        plain: the file without compression.
        form: how it is written.
        reading: whether rows of too many columns are skipped.

    Raises:
        ActivityError: a row has too many columns, or a header has an empty name.
    """
    source = _as_utf8(work, plain, form)
    head, data_line = _head(source, form)
    columns = _columns(head, form, file)
    if not columns:
        return Rows("select 1 as c0 where false", (), file, bytes_read=plain.stat().st_size)
    sql = _fast(work, source, form, len(columns), data_line)
    if sql is None:
        sql = _exact(work, source, form, columns=columns, file=file, reading=reading)
    return Rows(sql, columns, file, bytes_read=plain.stat().st_size)


def records(chunks: Iterable[str], form: TextFormat) -> Iterator[tuple[int, list[str | None]]]:
    """Yield (row number from 1, values) of every row of a text, the header's too; empty lines are left out."""
    grammar = form.grammar
    buffer, position, number, skipped = "", 0, 0, 0
    for chunk, is_last in _with_last(chunks):
        buffer, position = buffer[position:] + chunk, 0
        while position < len(buffer):
            if skipped < form.skip_lines:
                end = grammar.line_end(buffer, position, is_last=is_last)
                if end is None:
                    break
                skipped += bool(buffer[position:end].strip("\r\n"))
                position = end
                continue
            found = grammar.record(buffer, position, is_last=is_last)
            if found is None:
                break
            values, position = found
            if values is not None:
                number += 1
                yield number, values


class _Grammar:
    """The patterns of one format, and how a record is taken from a text."""

    def __init__(self, form: TextFormat) -> None:
        self._null = form.null_value
        self._delimiter = form.column_delimiter
        self._quote = form.quote
        delimiter = re.escape(form.column_delimiter)
        self._row_end = re.compile(re.escape(form.row_delimiter) if form.row_delimiter else r"\r\n|\r|\n")
        stop = f"(?!{delimiter}|{self._row_end.pattern})"
        if form.quote:
            quote, escape = re.escape(form.quote), re.escape(form.escape)
            if form.escape == form.quote:
                self._body = re.compile(rf"(?>[^{quote}]+|{quote}{quote})*+")
                self._unescape = re.compile(rf"{quote}({quote})")
            else:
                self._body = re.compile(rf"(?>[^{quote}{escape}]+|{escape}[{quote}{escape}]|{escape})*+")
                self._unescape = re.compile(rf"{escape}([{quote}{escape}])")
            self._plain = re.compile(rf"(?>{stop}[\s\S])*+")
            self._plain_escape = None
        else:
            escape = re.escape(form.escape) if form.escape else "(?!)"
            self._plain = re.compile(rf"(?>{escape}[\s\S]|{stop}[\s\S])*+")
            self._plain_escape = re.compile(rf"{escape}([\s\S])")
        # Values of one character's delimiters are most: a set is far quicker than a look ahead at each character.
        if len(form.column_delimiter) == 1 and form.row_delimiter is None and form.quote:
            self._plain = re.compile(rf"[^{delimiter}\r\n]*+")

    def line_end(self, text: str, position: int, *, is_last: bool) -> int | None:
        """Return where the line ends that begins at a position, None when more text is needed to say."""
        found = self._row_end.search(text, position)
        if found and (is_last or found.end() < len(text)):
            return found.end()
        return len(text) if is_last else None

    def record(self, text: str, position: int, *, is_last: bool) -> tuple[list[str | None] | None, int] | None:
        """Return (values, where the record ends); None as values for an empty line, None when more text is needed."""
        values: list[str | None] = []
        quoted = False
        while True:
            value, position, was_quoted = self._value(text, position)
            quoted = quoted or was_quoted
            if position >= len(text) and not is_last:
                return None
            values.append(None if value == self._null else value)
            if text.startswith(self._delimiter, position):
                position += len(self._delimiter)
                continue
            end = self._row_end.match(text, position)
            if end and end.end() >= len(text) and not is_last:
                return None  # a CR may be the first half of a CRLF
            position = end.end() if end else position
            is_empty = len(values) == 1 and not value and not quoted
            return (None if is_empty else values), position

    def _value(self, text: str, position: int) -> tuple[str, int, bool]:
        if self._quote and text.startswith(self._quote, position):
            body = self._body.match(text, position + 1)
            end = body.end() if body else position + 1
            inside = self._unescape.sub(r"\1", text[position + 1 : end])
            if not text.startswith(self._quote, end):
                return inside, len(text), True
            tail = self._plain.match(text, end + 1)
            rest = tail.group() if tail else ""
            return inside + rest, end + 1 + len(rest), True
        found = self._plain.match(text, position)
        value = found.group() if found else ""
        length = len(value)
        if self._plain_escape:
            value = self._plain_escape.sub(r"\1", value)
        return value, position + length, False


def write_text(
    work: Work, sql: str, columns: Sequence[Column], form: TextFormat, sink: IO[bytes], *, quote_all: bool
) -> int:
    """Write the rows of a SELECT, whose columns are texts, and return how many there were; lines end as Copy's do."""
    end = form.row_delimiter or "\r\n"
    encoding = form.encoding
    if encoding in _MARKED:  # the mark of the byte order, once
        mark, encoding = _MARKED[encoding]
        sink.write(mark)
    if form.has_header:
        names = [_written(column.name, form, quote_all=quote_all) for column in columns]
        sink.write((form.column_delimiter.join(names) + end).encode(encoding, "replace"))
    cells = [_cell_sql(internal(index), form, quote_all=quote_all) for index in range(len(columns))]
    line = f" || {literal(form.column_delimiter)} || ".join(cells) + f" || {literal(end)}"
    count = 0
    for batch in batches(work, f"select {line} from ({sql})"):
        sink.write("".join([row[0] for row in batch]).encode(encoding, "replace"))
        count += len(batch)
    return count


def _cell_sql(cell: str, form: TextFormat, *, quote_all: bool) -> str:
    null = literal(form.null_value)
    if not form.quote:
        escaped = cell
        for special in dict.fromkeys((form.escape, form.column_delimiter)):
            if special:
                escaped = f"replace({escaped}, {literal(special)}, {literal(form.escape + special)})"
        return f"coalesce({escaped}, {null})"
    escaped = cell
    if form.escape != form.quote:
        escaped = f"replace({escaped}, {literal(form.escape)}, {literal(form.escape * 2)})"
    escaped = f"replace({escaped}, {literal(form.quote)}, {literal(form.escape + form.quote)})"
    quoted = f"{literal(form.quote)} || {escaped} || {literal(form.quote)}"
    if quote_all:
        return f"coalesce({quoted}, {null})"
    # The first character is enough: a value that ends in it would make the delimiter's begin unclear.
    delimiters = [text[0] for text in (form.column_delimiter, form.row_delimiter) if text]
    specials = (*delimiters, form.quote, "\r", "\n")
    needs = " or ".join(f"contains({cell}, {literal(special)})" for special in specials)
    return f"coalesce(case when {needs} then {quoted} else {cell} end, {null})"


def _written(name: str, form: TextFormat, *, quote_all: bool) -> str:
    if not form.quote:
        for special in dict.fromkeys((form.escape, form.column_delimiter)):
            name = name.replace(special, form.escape + special) if special else name
        return name
    specials = (form.column_delimiter, form.quote, "\r", "\n")
    if not quote_all and not any(special in name for special in specials):
        return name
    if form.escape != form.quote:
        name = name.replace(form.escape, form.escape * 2)
    return form.quote + name.replace(form.quote, form.escape + form.quote) + form.quote


def _head(source: Path, form: TextFormat) -> tuple[list[str | None], int | None]:
    """Return the first record, and how many physical lines stand before the data; None when that cannot be told."""
    with source.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        first = next(records(_chunks(stream), form), None)
    if first is None:
        return [], 0
    with source.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        text = stream.read(_HEAD)
    position = lines = skipped = 0
    ends: set[str] = set()
    while skipped < form.skip_lines or text[position : position + 1] in ("\r", "\n"):
        end = form.grammar.line_end(text, position, is_last=True)
        if end is None or end == position:
            return first[1], None
        line = text[position:end].rstrip("\r\n")
        ends.add(text[position + len(line) : end])
        skipped += bool(line)
        lines, position = lines + 1, end
    if form.has_header:
        found = form.grammar.record(text, position, is_last=True)
        header = text[position : found[1]] if found else ""
        line = header.rstrip("\r\n")
        ends.add(header[len(line) :])
        if not found or found[1] >= _HEAD or "\n" in line or "\r" in line:
            return first[1], None
        lines += 1
    # What counts as a line where they end in several ways, DuckDB and ADF see differently.
    return first[1], lines if len(ends) <= 1 else None


def _columns(head: Sequence[str | None], form: TextFormat, file: SourceFile) -> tuple[Column, ...]:
    if not form.has_header:
        return tuple(Column(f"Prop_{index}") for index in range(len(head)))
    for index, name in enumerate(head):
        if name is None or not name.strip():
            raise copy_error(
                "DelimitedTextColumnNameNotAllowNull",
                f"The name of column index {index} is empty. Make sure column name is properly specified in the header "
                f"row of '{file.relative}'.",
                "Source",
            )
    return tuple(Column(str(name)) for name in head)


def _fast(work: Work, source: Path, form: TextFormat, width: int, data_line: int | None) -> str | None:
    """Return SQL with which DuckDB reads the file; None when it is not one that DuckDB reads as ADF does."""
    import duckdb

    if (
        data_line is None
        or width == 1  # what an empty line means there, DuckDB and ADF see differently
        or form.row_delimiter
        or not form.quote
        or len(form.column_delimiter.encode()) > _MOST_DELIMITER_BYTES
        or (form.escape != form.quote and _contains(source, form.escape))
        or not _is_quoted_well(source, form)  # DuckDB closes quotes where it likes
    ):
        return None
    # One column more than there are: DuckDB takes an empty one too many in silence, ADF does not.
    types = ", ".join(f"'{internal(index)}': 'VARCHAR'" for index in range(width + 1))
    picked = ", ".join(f"nullif({name}, {literal(form.null_value)}) as {name}" for name in map(internal, range(width)))
    for parallel in ("true", "false"):  # side by side DuckDB does not read values of several lines in short rows
        read = (
            f"read_csv({file_literal(source)}, auto_detect = false, header = false, skip = {data_line}, "
            f"columns = {{{types}}}, delim = {literal(form.column_delimiter)}, quote = {literal(form.quote)}, "
            f"escape = {literal(form.escape)}, nullstr = '{_NO_VALUE}', null_padding = true, strict_mode = true, "
            f"max_line_size = {_LONGEST_LINE}, parallel = {parallel})"
        )
        try:
            if count_rows(work, f"select 1 from {read} where {internal(width)} is not null"):
                return None
        except duckdb.Error as error:
            work.check()
            if "parallel" not in str(error):
                return None
        else:
            return f"select {picked} from {read}"
    return None


def _exact(
    work: Work, source: Path, form: TextFormat, *, columns: Sequence[Column], file: SourceFile, reading: Reading
) -> str:
    width = len(columns)

    def rows() -> Iterator[Sequence[str | None]]:
        with source.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            for number, values in records(_chunks(stream), form):
                if number == 1 and form.has_header:
                    continue
                if len(values) > width:
                    error = _too_many(file, number, width)
                    if not reading.skip_incompatible:
                        raise error
                    reading.rejected.append(Rejected(f"{file.relative}, row {number}", error.message, values))
                    continue
                yield values if len(values) == width else [*values, *[None] * (width - len(values))]

    return load(work, columns, in_batches(rows()))


def _too_many(file: SourceFile, number: int, width: int) -> ActivityError:
    return copy_error(
        "DelimitedTextMoreColumnsThanDefined",
        f"Error found when processing 'Csv/Tsv Format Text' source '{file.relative}' with row number {number}: found "
        f"more columns than expected column count {width}.",
        "Source",
    )


def _chunks(stream: Any) -> Iterator[str]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _with_last(chunks: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield each chunk with False, and at the end an empty one with True."""
    for chunk in chunks:
        yield chunk, False
    yield "", True


def _is_quoted_well(source: Path, form: TextFormat) -> bool:
    """Say whether every quote in a file stands in a value that begins and ends with one."""
    if not _contains(source, form.quote):
        return True
    delimiter = form.column_delimiter.encode()
    if len(delimiter) > 1:
        return False
    quote, border = re.escape(form.quote.encode()), b"\\r\\n" + re.escape(delimiter)
    inside = b"[^" + quote + b"]*+"
    doubled = b"(?:" + quote * 2 + inside + b")*+" if form.escape == form.quote else b""
    value = b"(?<![^" + border + b"])" + quote + inside + doubled + quote + b"(?=[" + border + b"]|\\Z)"
    whole = re.compile(b"(?:" + inside + b"(?:" + value + b"))*+" + inside)
    with source.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return whole.fullmatch(content) is not None


def _contains(source: Path, text: str) -> bool:
    if not source.stat().st_size:
        return False
    with source.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(text.encode()) >= 0


def _as_utf8(work: Work, plain: Path, form: TextFormat) -> Path:
    """Return the file in UTF-8 without a mark of the byte order: itself, or one of this work's folder."""
    with plain.open("rb") as stream:
        mark = stream.read(4)
    encoding = _encoding_of_mark(mark) or form.encoding
    if encoding in ("utf-8", "utf-8-sig"):
        return plain
    target = work.folder / work.new_name("utf8-")
    with (
        plain.open(encoding=encoding, errors="replace", newline="") as source,
        target.open("w", encoding="utf-8", newline="") as sink,
    ):
        for chunk in _chunks(source):
            sink.write(chunk)
    return target


def _encoding_of_mark(head: bytes) -> str | None:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


def _encoding(name: str) -> str:
    folded = name.strip().lower()
    try:
        return codecs.lookup(_ENCODINGS.get(folded, folded)).name
    except LookupError:
        raise copy_error("UserErrorInvalidEncoding", f"encodingName: there is no encoding {name!r}") from None


def _character(value: Any, key: str) -> str:
    text = "" if value is None else str(value)
    if len(text) > 1:
        raise copy_error("UserErrorInvalidFormat", f"{key}: expected one character or none, got {text!r}")
    return text

"""Delimited text: what is written is read back; regular files as pandas reads them, irregular ones by ADF's rules."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_factory.data.delimited_text import TextFormat, read_text, records, write_text
from local_factory.data.folders import SourceFile
from local_factory.data.rows import Reading, batches, internal, load
from local_factory.data.types import Column
from local_factory.data.work import Work
from local_factory.errors import ActivityError

CHARACTERS = st.text(st.sampled_from("ab1 ,;|\"\\'\r\n\té漢😀\u2028"), max_size=8)
VALUES = st.none() | CHARACTERS


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.close()


def read(work: Work, content: bytes, form: TextFormat, reading: Reading | None = None) -> tuple[list[str], list[Any]]:
    """Return the names and the rows that a file of this content has."""
    path = work.folder / work.new_name("file-")
    path.write_bytes(content)
    found = read_text(work, SourceFile(path, PurePosixPath("in/a.csv")), path, form, reading or Reading())
    return [column.name for column in found.columns], [row for batch in batches(work, found.sql) for row in batch]


def written(work: Work, rows: Sequence[Sequence[str | None]], form: TextFormat, *, quote_all: bool = False) -> bytes:
    columns = [Column(f"n{index}") for index in range(len(rows[0]))]
    stream = io.BytesIO()
    assert write_text(work, load(work, columns, [rows]), columns, form, stream, quote_all=quote_all) == len(rows)
    return stream.getvalue()


FORMATS = st.builds(
    TextFormat,
    column_delimiter=st.sampled_from([",", ";", "|", "\t", "||", "^|^"]),
    quote=st.sampled_from(['"', "'"]),
    escape=st.sampled_from(["\\", '"', "^"]),
    has_header=st.booleans(),
    null_value=st.sampled_from(["", "NULL", "\\N"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(form=FORMATS, width=st.integers(2, 4), quote_all=st.booleans(), data=st.data())
def test_what_is_written_is_read_back(work: Work, form: TextFormat, width: int, quote_all: bool, data: Any) -> None:
    if form.null_value == "\\N" and form.escape == "\\":
        form = TextFormat(**{**form.__dict__, "null_value": "NULL"})
    rows = data.draw(st.lists(st.tuples(*[VALUES] * width), min_size=1, max_size=6))
    # A text that is written as null is null when it is read.
    rows = [tuple(None if value == form.null_value else value for value in row) for row in rows]
    _, found = read(work, written(work, rows, form, quote_all=quote_all), form)
    assert found == rows


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CHARACTERS, CHARACTERS, CHARACTERS), min_size=1, max_size=6))
def test_a_file_of_doubled_quotes_is_read_as_pandas_reads_it(work: Work, rows: list[tuple[str, ...]]) -> None:
    frame = pandas.DataFrame(rows, columns=["a", "b", "c"])
    content = frame.to_csv(index=False, lineterminator="\r\n").encode()
    seen = pandas.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    names, found = read(work, content, TextFormat(escape='"', has_header=True))
    assert names == list(seen.columns)
    assert found == [tuple(value or None for value in row) for row in seen.itertuples(index=False)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from('ab,"\r\n'), max_size=40))
def test_duckdb_and_the_exact_reader_agree_on_any_text(work: Work, text: str) -> None:
    form = TextFormat(escape='"')
    exact = [values for _, values in records([text], form)]
    width = len(exact[0]) if exact else 0
    if any(len(values) > width for values in exact):
        with pytest.raises(ActivityError, match="DelimitedTextMoreColumnsThanDefined"):
            read(work, text.encode(), form)
        return
    _, found = read(work, text.encode(), form)
    assert found == [(*values, *[None] * (width - len(values))) for values in exact]


@given(text=st.text(st.sampled_from('ab,"\\\r\n'), max_size=30), cut=st.integers(0, 30), lines=st.integers(0, 2))
def test_where_a_text_is_cut_into_chunks_makes_no_difference(text: str, cut: int, lines: int) -> None:
    form = TextFormat(skip_lines=lines)
    assert (
        list(records([text[:cut], text[cut:]], form)) == list(records([text], form)) == list(records(list(text), form))
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'1,"x\\"y"\n', ("1", 'x"y')),
        (b'1,"x\\\\"\n', ("1", "x\\")),
        (b'1,"C:\\temp"\n', ("1", "C:\\temp")),
        (b"1,C:\\temp\n", ("1", "C:\\temp")),
        (b'1,"x""y"\n', ("1", 'x"y"')),
        (b'1,a"b"c\n', ("1", 'a"b"c')),
        (b'1,"two\r\nlines"\n', ("1", "two\r\nlines")),
        (b'1,"never closed\n2', ("1", "never closed\n2")),
        (b'1,""\n', ("1", None)),
        (b"\xef\xbb\xbf1,2\r\n", ("1", "2")),
        (b"\r\n\r\n1,2", ("1", "2")),
        ("1,é".encode(), ("1", "é")),
    ],
)
def test_a_row_by_the_default_rules(work: Work, content: bytes, expected: tuple[str | None, ...]) -> None:
    assert read(work, content, TextFormat())[1][0] == expected


def test_line_ends_of_any_kind_may_be_mixed_and_short_rows_end_in_nulls(work: Work) -> None:
    assert read(work, b"1,2\r3\n\n4,5\r\n", TextFormat())[1] == [("1", "2"), ("3", None), ("4", "5")]


def test_lines_are_skipped_before_the_header_and_empty_ones_do_not_count(work: Work) -> None:
    form = TextFormat(has_header=True, skip_lines=2)
    assert read(work, b"one\n\ntwo\n\na,b\n1,2\n", form) == (["a", "b"], [("1", "2")])


def test_without_a_quote_the_escape_character_escapes_the_delimiter_and_itself(work: Work) -> None:
    form = TextFormat(quote="", escape="\\")
    content = b'a\\,b,"c"\nd\\\\,e\n'
    assert read(work, content, form)[1] == [("a,b", '"c"'), ("d\\", "e")]
    assert read(work, written(work, [("a,b", '"c"'), ("d\\", "e")], form), form)[1] == [("a,b", '"c"'), ("d\\", "e")]


def test_rows_end_where_the_dataset_says(work: Work) -> None:
    assert read(work, b"1,a\nb~2,c~", TextFormat(row_delimiter="~"))[1] == [("1", "a\nb"), ("2", "c")]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-be", "cp1252", "shift_jis"])
def test_other_encodings_are_read(work: Work, encoding: str) -> None:
    text = "a,b\r\n1,テ\r\n" if encoding == "shift_jis" else "a,b\r\n1,é\r\n"
    form = TextFormat(has_header=True, encoding=encoding)
    assert read(work, text.encode(encoding), form)[1][0][1] in ("é", "テ")


def test_a_row_of_too_many_columns_fails_with_its_number_or_is_skipped_and_told(work: Work) -> None:
    content = b"a,b\n1,2\n3,4,5\n6,7\n"
    form = TextFormat(has_header=True)
    with pytest.raises(ActivityError) as error:
        read(work, content, form)
    assert "ErrorCode=DelimitedTextMoreColumnsThanDefined" in error.value.message
    assert "source 'in/a.csv' with row number 3: found more columns than expected column count 2" in error.value.message
    reading = Reading(skip_incompatible=True)
    assert read(work, content, form, reading)[1] == [("1", "2"), ("6", "7")]
    assert [rejected.values for rejected in reading.rejected] == [["3", "4", "5"]]


def test_a_header_without_a_name_is_refused(work: Work) -> None:
    with pytest.raises(ActivityError, match=r"DelimitedTextColumnNameNotAllowNull.*column index 1"):
        read(work, b"a,,c\n1,2,3\n", TextFormat(has_header=True))


def test_repeated_names_and_no_header_are_no_hindrance(work: Work) -> None:
    assert read(work, b"a,a\n1,2\n", TextFormat(has_header=True)) == (["a", "a"], [("1", "2")])
    assert read(work, b"1,2\n", TextFormat())[0] == ["Prop_0", "Prop_1"]


def test_an_empty_file_has_no_rows(work: Work) -> None:
    assert read(work, b"", TextFormat(has_header=True)) == ([], [])


@pytest.mark.parametrize(
    "properties", [{"quoteChar": '""'}, {"escapeChar": "ab"}, {"encodingName": "utf-99"}, {"skipLineCount": "two"}]
)
def test_a_format_that_adf_does_not_take_is_refused(properties: dict[str, Any]) -> None:
    with pytest.raises(ActivityError, match=next(iter(properties))):
        TextFormat.of(properties, {})


def test_a_file_larger_than_a_chunk_is_read_whole(work: Work, tmp_path: Path) -> None:
    lines = "".join(f'{index},"a \\"quoted\\" text, {index}"\r\n' for index in range(60_000))
    _, found = read(work, lines.encode(), TextFormat())
    assert len(found) == 60_000
    assert found[-1] == ("59999", 'a "quoted" text, 59999')
    assert internal(0) == "c0"

"""Copy: files, tables and documents from one to the other, as Microsoft's articles say."""

import bz2
import gzip
import io
import json
import os
import tarfile
import zipfile
import zlib
from datetime import UTC, datetime
from typing import Any

import duckdb
import pandas
import pytest

from support.data_factory import DataFactory
from support.factories import copy, dataset_reference, write_object
from support.pipelines import activity, expression

PEOPLE = "id,name,born\r\n1,Ann,2001-02-03\r\n2,Bob,\r\n"
WILDCARD = {"storeSettings": {"type": "AzureBlobStorageReadSettings", "recursive": True}}


def text(factory: DataFactory, source: str = "in/a.csv", sink: str = "out/b.csv", **properties: Any) -> None:
    """Write the datasets Source and Sink as delimited text with a header."""
    factory.file_dataset("Source", "DelimitedText", source, firstRowAsHeader=True, **properties)
    factory.file_dataset("Sink", "DelimitedText", sink, firstRowAsHeader=True)


def succeeded(run: dict[str, Any]) -> dict[str, Any]:
    assert run["status"] == "Succeeded", run["error"]
    output = run["output"]
    assert isinstance(output, dict)
    return output


def failed(run: dict[str, Any]) -> str:
    assert run["status"] == "Failed"
    assert run["error"]["errorCode"] == "2200"
    return str(run["error"]["message"])


def test_text_to_text_keeps_values_and_says_what_it_did(factory: DataFactory) -> None:
    text(factory)
    factory.put("in/a.csv", PEOPLE)
    output = succeeded(factory.copy())
    assert factory.files("out") == {"b.csv": PEOPLE.encode()}
    known = ("dataRead", "dataWritten", "filesRead", "filesWritten", "rowsRead", "rowsCopied", "errors")
    assert {key: output[key] for key in known} == {
        "dataRead": len(PEOPLE),
        "dataWritten": len(PEOPLE),
        "filesRead": 1,
        "filesWritten": 1,
        "rowsRead": 2,
        "rowsCopied": 2,
        "errors": [],
    }
    assert output["executionDetails"][0]["status"] == "Succeeded"
    assert output["copyDuration"] >= 1
    assert "rowsSkipped" not in output


def test_text_to_parquet_is_read_by_others_with_the_same_values(factory: DataFactory) -> None:
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.file_dataset("Sink", "Parquet", "out/")
    factory.put("in/a.csv", PEOPLE)
    succeeded(factory.copy())
    frame = pandas.read_parquet(factory.store / "out/a.parquet")
    assert frame.to_dict("list") == {"id": ["1", "2"], "name": ["Ann", "Bob"], "born": ["2001-02-03", None]}
    assert duckdb.read_parquet(str(factory.store / "out/a.parquet")).types == ["VARCHAR"] * 3


def test_a_mapping_names_orders_and_types_the_sinks_columns(factory: DataFactory) -> None:
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.file_dataset("Sink", "Parquet", "out/p.parquet")
    factory.put("in/a.csv", 'id,when,price,ok\n7,01/31/2024 14:05,"1,234.50",TRUE\n')
    mappings = [
        {"source": {"name": "when"}, "sink": {"name": "moment", "type": "DateTime"}},
        {"source": {"name": "id"}, "sink": {"name": "number", "type": "Int64"}},
        {"source": {"name": "price"}, "sink": {"name": "price", "type": "Double"}},
        {"source": {"name": "ok"}, "sink": {"name": "ok", "type": "Boolean"}},
    ]
    succeeded(factory.copy(translator={"type": "TabularTranslator", "mappings": mappings}))
    frame = pandas.read_parquet(factory.store / "out/p.parquet")
    assert list(frame.columns) == ["moment", "number", "price", "ok"]
    assert list(frame.iloc[0]) == [pandas.Timestamp("2024-01-31 14:05"), 7, 1234.5, True]


def test_without_a_header_columns_are_mapped_by_ordinal(factory: DataFactory) -> None:
    factory.file_dataset("Source", "DelimitedText", "in/a.csv")
    factory.file_dataset("Sink", "DelimitedText", "out/b.csv", firstRowAsHeader=True)
    factory.put("in/a.csv", "1,Ann\n2,Bob\n")
    mappings = [
        {"source": {"ordinal": 2}, "sink": {"name": "name"}},
        {"source": {"ordinal": "1"}, "sink": {"name": "id"}},
    ]
    succeeded(factory.copy(translator={"type": "TabularTranslator", "mappings": mappings}))
    assert factory.files("out")["b.csv"] == b"name,id\r\nAnn,1\r\nBob,2\r\n"


def test_a_column_that_the_mapping_names_must_be_there_with_its_case(factory: DataFactory) -> None:
    text(factory)
    factory.put("in/a.csv", PEOPLE)
    mappings = [{"source": {"name": "Name"}, "sink": {"name": "n"}}]
    message = failed(factory.copy(translator={"type": "TabularTranslator", "mappings": mappings}))
    assert "ErrorCode=MappingColumnNameNotFoundInSourceFile" in message
    assert "Column 'Name'" in message
    assert "'a.csv'; it has: id, name, born" in message


def test_a_mapping_may_come_as_a_parameter(factory: DataFactory) -> None:
    text(factory)
    factory.put("in/a.csv", PEOPLE)
    translator = {"type": "TabularTranslator", "mappings": [{"source": {"name": "name"}, "sink": {"name": "n"}}]}
    one = copy("C", {}, {}, translator=expression("@pipeline().parameters.map"))
    run = factory.run(one, parameters={"map": {"type": "Object", "defaultValue": translator}})
    succeeded(run.activity("C"))
    assert factory.files("out")["b.csv"] == b"n\r\nAnn\r\nBob\r\n"


def test_additional_columns_hold_the_path_a_copy_or_a_value(factory: DataFactory) -> None:
    text(factory, "in/", "out/b.csv")
    factory.put("in/deep/a.csv", "id\n1\n")
    columns = [
        {"name": "file", "value": "$$FILEPATH"},
        {"name": "same", "value": "$$COLUMN:id"},
        {"name": "run", "value": {"value": "@pipeline().Pipeline", "type": "Expression"}},
        {"name": "fixed", "value": "x,y"},
    ]
    succeeded(factory.copy({**WILDCARD, "additionalColumns": columns}))
    assert factory.files("out")["b.csv"] == b'id,file,same,run,fixed\r\n1,deep/a.csv,1,PL,"x,y"\r\n'


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"1.csv", "a/2.csv", "a/b/3.txt"}),
        ({"recursive": False}, {"1.csv"}),
        ({"wildcardFileName": "*.csv"}, {"1.csv", "a/2.csv"}),
        ({"wildcardFolderPath": "in/a", "wildcardFileName": "*"}, {"2.csv", "b/3.txt"}),
        ({"wildcardFolderPath": "in/?", "wildcardFileName": "?.csv", "recursive": False}, {"2.csv"}),
        ({"wildcardFileName": "^*.csv"}, None),
        ({"prefix": "in/a/"}, {"2.csv", "b/3.txt"}),
        ({"fileListPath": "lists/list.txt"}, {"a/2.csv"}),
    ],
)
def test_which_files_are_meant(factory: DataFactory, settings: dict[str, Any], expected: set[str] | None) -> None:
    factory.file_dataset("Source", "Binary", "box/in/")
    factory.file_dataset("Sink", "Binary", "out/")
    for path in ("box/in/1.csv", "box/in/a/2.csv", "box/in/a/b/3.txt"):
        factory.put(path, path)
    factory.put("lists/list.txt", "a/2.csv\r\n\r\n")
    run = factory.copy({"type": "BinarySource", "storeSettings": settings}, {"type": "BinarySink"})
    if expected is None:
        assert "ErrorCode=UserErrorSourceBlobNotExist" in failed(run)
    else:
        assert succeeded(run)["filesWritten"] == len(expected)
        assert set(factory.files("out")) == expected


def test_a_window_of_modification_includes_its_start_and_not_its_end(factory: DataFactory) -> None:
    factory.file_dataset("Source", "Binary", "in/")
    factory.file_dataset("Sink", "Binary", "out/")
    for hour in (1, 2, 3):
        moment = datetime(2024, 1, 1, hour, tzinfo=UTC).timestamp()
        os.utime(factory.put(f"in/{hour}", "x"), (moment, moment))
    window = {"modifiedDatetimeStart": "2024-01-01T01:00:00Z", "modifiedDatetimeEnd": "2024-01-01T03:00:00Z"}
    succeeded(factory.copy({"storeSettings": window}))
    assert set(factory.files("out")) == {"1", "2"}


def test_files_are_flattened_or_merged_when_asked(factory: DataFactory) -> None:
    text(factory, "in/", "out/")
    factory.put("in/1.csv", "id\n1\n")
    factory.put("in/a/2.csv", "id\n2\n")
    store = {"type": "AzureBlobStorageWriteSettings"}
    extension = {"formatSettings": {"fileExtension": ".csv"}}
    succeeded(factory.copy(WILDCARD, {**extension, "storeSettings": {**store, "copyBehavior": "MergeFiles"}}))
    assert list(factory.files("out").values()) == [b"id\r\n1\r\n2\r\n"]
    (factory.store / "out").rename(factory.store / "merged")
    succeeded(factory.copy(WILDCARD, {**extension, "storeSettings": {**store, "copyBehavior": "FlattenHierarchy"}}))
    assert sorted(factory.files("out").values()) == [b"id\r\n1\r\n", b"id\r\n2\r\n"]
    assert not any("/" in name for name in factory.files("out"))
    assert all(name.endswith(".csv") for name in factory.files("out"))


def test_a_recursive_copy_keeps_the_hierarchy_and_makes_no_empty_folders(factory: DataFactory) -> None:
    factory.file_dataset("Source", "Binary", "in/")
    factory.file_dataset("Sink", "Binary", "out/")
    factory.put("in/a/b/1", b"\x00\xff")
    (factory.store / "in/empty").mkdir()
    succeeded(factory.copy())
    assert factory.files("out") == {"a/b/1": b"\x00\xff"}
    assert not (factory.store / "out/empty").exists()


def test_binary_goes_to_binary_only_and_files_go_when_asked(factory: DataFactory) -> None:
    factory.file_dataset("Source", "Binary", "in/")
    factory.file_dataset("Sink", "Binary", "out/")
    factory.put("in/1", "x")
    output = succeeded(factory.copy({"storeSettings": {"deleteFilesAfterCompletion": True}}))
    assert (factory.files("in"), factory.files("out")) == ({}, {"1": b"x"})
    assert "rowsCopied" not in output
    text(factory, "in/", "out/")
    factory.file_dataset("Source", "Binary", "in/")
    assert "Binary goes to Binary only" in failed(factory.copy())


def test_what_is_missing_fails_as_its_store_says_it(factory: DataFactory) -> None:
    text(factory, "in/no.csv")
    message = failed(factory.copy())
    assert "ErrorCode=UserErrorSourceBlobNotExist" in message
    assert "in/no.csv" in message
    write_object(factory.adf, "linkedService", "Blob", {"type": "AzureBlobFS", "typeProperties": {}})
    assert "ErrorCode=UserErrorFileNotFound" in failed(factory.copy())


@pytest.mark.parametrize("path", ["../secret.csv", "in/../../secret.csv", "link/secret.csv"])
def test_a_path_that_leaves_the_folder_fails(factory: DataFactory, path: str) -> None:
    outside = factory.store.parent / "secret.csv"
    outside.write_text("id\n1\n")
    (factory.store / "in").mkdir()
    (factory.store / "link").symlink_to(factory.store.parent)
    text(factory)
    factory.dataset("Source", "DelimitedText", "Blob", {"location": {"container": "", "fileName": path}})
    assert "leads out of the folder" in failed(factory.copy())
    text(factory)
    factory.put("in/a.csv", PEOPLE)
    factory.dataset("Sink", "DelimitedText", "Blob", {"location": {"container": "", "fileName": path}})
    assert "leads out of the folder" in failed(factory.copy())
    assert outside.read_text() == "id\n1\n"


@pytest.mark.parametrize(
    ("codec", "packed"),
    [
        ("gzip", gzip.compress),
        ("bzip2", bz2.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("ZipDeflate", lambda data: _archive("zip", data)),
        ("TarGzip", lambda data: _archive("gz", data)),
        ("Tar", lambda data: _archive("", data)),
    ],
)
def test_compressed_text_is_read_and_written(factory: DataFactory, codec: str, packed: Any) -> None:
    factory.file_dataset("Source", "DelimitedText", "in/a.csv.x", firstRowAsHeader=True, compressionCodec=codec)
    factory.file_dataset("Sink", "DelimitedText", "out/b.csv", firstRowAsHeader=True)
    factory.file_dataset("Packed", "DelimitedText", "packed/a.csv.x", firstRowAsHeader=True, compressionCodec=codec)
    factory.put("in/a.csv.x", packed(PEOPLE.encode()))
    succeeded(factory.copy())
    assert factory.files("out")["b.csv"] == PEOPLE.encode()
    succeeded(factory.copy(inputs="Sink", outputs="Packed"))
    (factory.store / "out/b.csv").unlink()
    succeeded(factory.copy(inputs="Packed", outputs="Sink"))
    assert factory.files("out")["b.csv"] == PEOPLE.encode()


def test_a_binary_archive_is_unpacked_into_a_folder_of_its_name_unless_that_is_off(factory: DataFactory) -> None:
    factory.file_dataset("Source", "Binary", "in/a.zip", compression={"type": "ZipDeflate"})
    factory.file_dataset("Sink", "Binary", "out/")
    factory.put("in/a.zip", _archive("zip", b"content"))
    succeeded(factory.copy())
    assert factory.files("out") == {"a.zip/a.csv": b"content"}
    flat = {"type": "ZipDeflateReadSettings", "preserveZipFileNameAsFolder": False}
    succeeded(factory.copy({"formatSettings": {"compressionProperties": flat}}))
    assert factory.files("out")["a.csv"] == b"content"


def test_an_archive_that_is_none_is_told(factory: DataFactory) -> None:
    factory.file_dataset("Source", "DelimitedText", "in/a.gz", compressionCodec="gzip")
    factory.file_dataset("Sink", "DelimitedText", "out/b.csv")
    factory.put("in/a.gz", "plain text")
    assert "'a.gz' cannot be read as gzip" in failed(factory.copy())


def _archive(kind: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("a.csv", data)
    else:
        with tarfile.open(fileobj=stream, mode=f"w:{kind}") as archive:
            entry = tarfile.TarInfo("a.csv")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


ORDERS = [
    {"number": 1, "who": {"name": "Ann"}, "lines": [{"sku": "x", "n": 2}, {"sku": "y", "n": 1.5}]},
    {"number": 2, "who": None, "lines": [{"sku": "z", "n": 3, "odd": True}]},
    {"number": 3, "who": {"name": "Cy"}, "lines": []},
]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ORDERS),
        "\n".join(json.dumps(order) for order in ORDERS),
        "".join(json.dumps(order, indent=1) for order in ORDERS),
        "\ufeff" + json.dumps(ORDERS),
    ],
)
def test_json_of_any_layout_becomes_rows_by_paths_and_a_collection(factory: DataFactory, content: str) -> None:
    factory.file_dataset("Source", "Json", "in/o.json")
    factory.file_dataset("Sink", "DelimitedText", "out/b.csv", firstRowAsHeader=True)
    factory.put("in/o.json", content)
    translator = {
        "type": "TabularTranslator",
        "collectionReference": "$['lines']",
        "mappings": [
            {"source": {"path": "$['number']"}, "sink": {"name": "number"}},
            {"source": {"path": "$['who']['name']"}, "sink": {"name": "who"}},
            {"source": {"path": "['sku']"}, "sink": {"name": "sku"}},
            {"source": {"path": "['n']"}, "sink": {"name": "n"}},
        ],
    }
    succeeded(factory.copy(translator=translator))
    assert factory.files("out")["b.csv"] == b"number,who,sku,n\r\n1,Ann,x,2\r\n1,Ann,y,1.5\r\n2,,z,3\r\n"


def test_json_without_a_mapping_keeps_its_documents_and_its_keys_become_columns(factory: DataFactory) -> None:
    factory.file_dataset("Source", "Json", "in/o.json")
    factory.file_dataset("Sink", "Json", "out/o.json")
    factory.put("in/o.json", json.dumps(ORDERS))
    assert succeeded(factory.copy())["rowsCopied"] == 3
    assert [json.loads(line) for line in factory.files("out")["o.json"].splitlines()] == ORDERS
    pattern = {"formatSettings": {"type": "JsonWriteSettings", "filePattern": "arrayOfObjects"}}
    succeeded(factory.copy(sink=pattern))
    assert json.loads(factory.files("out")["o.json"]) == ORDERS
    factory.file_dataset("Sink", "DelimitedText", "out/b.csv", firstRowAsHeader=True, escapeChar='"')
    succeeded(factory.copy())
    lines = pandas.read_csv(factory.store / "out/b.csv")
    assert list(lines.columns) == ["number", "who", "lines"]
    assert json.loads(lines["lines"][0]) == ORDERS[0]["lines"]


def test_rows_become_nested_json_by_the_sinks_paths(factory: DataFactory) -> None:
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.file_dataset("Sink", "Json", "out/a.json")
    factory.put("in/a.csv", PEOPLE)
    mappings = [
        {"source": {"name": "id"}, "sink": {"path": "$['key']", "type": "Int32"}},
        {"source": {"name": "name"}, "sink": {"path": "$['who']['name']"}},
    ]
    succeeded(factory.copy(translator={"type": "TabularTranslator", "mappings": mappings}))
    documents = [json.loads(line) for line in factory.files("out")["a.json"].splitlines()]
    assert documents == [{"key": 1, "who": {"name": "Ann"}}, {"key": 2, "who": {"name": "Bob"}}]


def test_broken_files_are_told_by_name(factory: DataFactory) -> None:
    factory.file_dataset("Source", "Json", "in/o.json")
    factory.file_dataset("Sink", "Json", "out/o.json")
    factory.put("in/o.json", '{"a": 1')
    assert "ErrorCode=JsonInvalidDataFormat" in failed(factory.copy())
    factory.file_dataset("Source", "Parquet", "in/o.json")
    assert "'o.json' is not a readable Parquet file" in failed(factory.copy())


def test_parquet_with_types_and_nested_values_becomes_text(factory: DataFactory) -> None:
    factory.file_dataset("Source", "Parquet", "in/p.parquet")
    factory.file_dataset("Sink", "DelimitedText", "out/b.csv", firstRowAsHeader=True, escapeChar='"')
    (factory.store / "in").mkdir()
    duckdb.execute(
        "copy (select 1::int i, 2.50::decimal(9,2) d, timestamp '2024-01-31 10:00:00' t, true b, [1, 2] l, null n) "
        f"to '{factory.store}/in/p.parquet'"
    )
    succeeded(factory.copy())
    assert factory.files("out")["b.csv"] == (b'i,d,t,b,l,n\r\n1,2.5,2024-01-31 10:00:00.0000000,True,"[1,2]",\r\n')


def test_a_file_is_split_by_its_most_rows(factory: DataFactory) -> None:
    text(factory, sink="out/")
    factory.put("in/a.csv", "id\n1\n2\n3\n")
    settings = {"fileExtension": ".csv", "maxRowsPerFile": 2, "fileNamePrefix": "part"}
    succeeded(factory.copy(sink={"formatSettings": settings}))
    assert factory.files("out") == {"part_00000.csv": b"id\r\n1\r\n2\r\n", "part_00001.csv": b"id\r\n3\r\n"}


def test_rows_go_into_a_table_after_the_script_before(factory: DataFactory) -> None:
    factory.sql("create table People (id integer, name text, born text)", "insert into People values (9, 'old', null)")
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.table_dataset("Sink", "People", schema="dbo")
    factory.put("in/a.csv", PEOPLE)
    output = succeeded(factory.copy(sink={"type": "AzureSqlSink", "preCopyScript": "delete from People"}))
    assert (output["rowsCopied"], "filesWritten" in output) == (2, False)
    assert factory.sql("select * from People") == [(1, "Ann", "2001-02-03"), (2, "Bob", None)]
    succeeded(factory.copy())
    assert len(factory.sql("select * from People")) == 4


def test_a_table_is_made_when_asked_and_else_missed(factory: DataFactory) -> None:
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.table_dataset("Sink", "dbo.People")
    factory.dataset("Sink", "AzureSqlTable", "Sql", {"tableName": "[dbo].[My People]"})
    factory.put("in/a.csv", PEOPLE)
    assert "tableOption to autoCreate" in failed(factory.copy())
    succeeded(factory.copy(sink={"tableOption": "autoCreate"}))
    assert factory.sql('select * from "My People"') == [("1", "Ann", "2001-02-03"), ("2", "Bob", None)]


def test_rows_are_merged_by_their_keys(factory: DataFactory) -> None:
    factory.sql(
        "create table People (id integer primary key, name text, born text, kept text)",
        "insert into People values (1, 'old', 'x', 'k'), (3, 'Cy', 'y', 'k')",
    )
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.table_dataset("Sink", "People")
    factory.put("in/a.csv", PEOPLE)
    expected = [(1, "Ann", "2001-02-03", "k"), (2, "Bob", None, None), (3, "Cy", "y", "k")]
    succeeded(factory.copy(sink={"writeBehavior": "upsert"}))
    assert factory.sql("select * from People order by id") == expected
    succeeded(factory.copy(sink={"writeBehavior": "upsert", "upsertSettings": {"useTempDB": True, "keys": ["id"]}}))
    assert factory.sql("select * from People order by id") == expected
    assert factory.sql("select name from sqlite_master") == [("People",)]
    message = failed(factory.copy(sink={"writeBehavior": "upsert", "upsertSettings": {"keys": ["kept"]}}))
    assert "have no column 'kept'" in message


def test_a_column_that_the_table_does_not_have_is_named(factory: DataFactory) -> None:
    factory.sql("create table People (id integer)")
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.table_dataset("Sink", "People")
    factory.put("in/a.csv", PEOPLE)
    message = failed(factory.copy())
    assert "ErrorCode=SqlInvalidColumnName" in message
    assert "'name'" in message
    assert "it has: id" in message


def test_queries_and_tables_become_files(factory: DataFactory) -> None:
    factory.sql("create table T (id integer, name text)", "insert into T values (1, 'a'), (2, null)")
    factory.table_dataset("Source", "T")
    factory.file_dataset("Sink", "DelimitedText", "out/t.csv", firstRowAsHeader=True)
    succeeded(factory.copy({"type": "AzureSqlSource"}))
    assert factory.files("out")["t.csv"] == b"id,name\r\n1,a\r\n2,\r\n"
    query = {"value": "@concat('select name from T where id = ', 1)", "type": "Expression"}
    output = succeeded(factory.copy({"type": "AzureSqlSource", "sqlReaderQuery": query}))
    assert factory.files("out")["t.csv"] == b"name\r\na\r\n"
    assert (output["rowsRead"], output["filesWritten"], "filesRead" in output) == (1, 1, False)
    partitioned = {"sqlReaderQuery": "select * from T where ?AdfDynamicRangePartitionCondition and id > 1"}
    succeeded(factory.copy({**partitioned, "partitionOption": "DynamicRange"}))
    assert factory.files("out")["t.csv"] == b"id,name\r\n2,\r\n"


def test_a_query_that_the_database_refuses_fails_in_its_words(factory: DataFactory) -> None:
    factory.table_dataset("Source", "T")
    factory.file_dataset("Sink", "DelimitedText", "out/t.csv")
    message = failed(factory.copy({"sqlReaderQuery": "selekt 1"}))
    assert "ErrorCode=SqlOperationFailed" in message
    assert 'near "selekt": syntax error' in message


def test_a_value_that_does_not_fit_fails_or_is_skipped_and_logged(factory: DataFactory) -> None:
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.file_dataset("Sink", "Parquet", "out/p.parquet")
    factory.put("in/a.csv", "id,n\n1,x\ntwo,y\n3,z,more\n4,w\n")
    mappings = [
        {"source": {"name": "id"}, "sink": {"name": "id", "type": "Int32"}},
        {"source": {"name": "n"}, "sink": {"name": "n"}},
    ]
    translator = {"type": "TabularTranslator", "mappings": mappings}
    assert "DelimitedTextMoreColumnsThanDefined" in failed(factory.copy(translator=translator))
    factory.put("in/a.csv", "id,n\n1,x\ntwo,y\n4,w\n")
    message = failed(factory.copy(translator=translator))
    assert "ErrorCode=TypeConversionFailure" in message
    assert "value 'two' for column name 'id' from type 'String'" in message
    assert "to type 'Int32'" in message
    factory.put("in/a.csv", "id,n\n1,x\ntwo,y\n3,z,more\n4,w\n")
    log = {
        "enableCopyActivityLog": True,
        "logLocationSettings": {
            "linkedServiceName": {"referenceName": "Blob", "type": "LinkedServiceReference"},
            "path": "logs",
        },
    }
    output = succeeded(factory.copy(translator=translator, enableSkipIncompatibleRow=True, logSettings=log))
    assert (output["rowsRead"], output["rowsCopied"], output["rowsSkipped"]) == (4, 2, 2)
    assert list(pandas.read_parquet(factory.store / "out/p.parquet")["id"]) == [1, 4]
    rows = pandas.read_csv(factory.store / output["logFilePath"])
    assert list(rows.columns) == ["Timestamp", "Level", "OperationName", "OperationItem", "Message"]
    assert sorted(rows["OperationItem"]) == ['"3","z","more"', '"two","y"']


def test_a_later_row_of_a_key_that_is_there_is_skipped_when_asked(factory: DataFactory) -> None:
    factory.sql("create table People (id integer primary key, name text)")
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.table_dataset("Sink", "People")
    factory.put("in/a.csv", "id,name\n1,first\n1,second\n2,third\n")
    assert "ErrorCode=SqlOperationFailed" in failed(factory.copy())
    assert factory.sql("select * from People") == []
    output = succeeded(factory.copy(enableSkipIncompatibleRow=True))
    assert (output["rowsCopied"], output["rowsSkipped"]) == (2, 1)
    assert factory.sql("select * from People") == [(1, "first"), (2, "third")]


def test_datasets_of_the_first_generation_say_container_and_format_within(factory: DataFactory) -> None:
    form = {"type": "TextFormat", "columnDelimiter": ";", "firstRowAsHeader": True}
    factory.dataset("Source", "AzureBlob", "Blob", {"folderPath": "in/deep/", "fileName": "*.csv", "format": form})
    factory.dataset(
        "Sink", "AzureBlob", "Blob", {"folderPath": "out", "fileName": "b.json", "format": {"type": "JsonFormat"}}
    )
    factory.put("in/deep/a.csv", "id;n\n1;x\n")
    succeeded(factory.copy({"type": "BlobSource"}, {"type": "BlobSink"}))
    assert factory.files("out")["b.json"] == b'{"id":"1","n":"x"}\r\n'


def test_parameters_of_datasets_and_linked_services_are_put_in(factory: DataFactory) -> None:
    location = {"container": "in", "fileName": expression("@concat(dataset().name, '.csv')")}
    declared = {"name": {"type": "string"}}
    factory.dataset("Source", "DelimitedText", "Blob", {"location": location}, declared)
    out = {"container": "out", "fileName": expression("@concat(item(), '-', pipeline().Pipeline, '.csv')")}
    factory.dataset("Sink", "DelimitedText", "Blob", {"location": out})
    factory.put("in/a.csv", "1,2\n")
    one = copy("C", {}, {}, inputs=dataset_reference("Source", name=expression("@item()")))
    run = factory.run(activity("each", "ForEach", items=expression("@createArray('a')"), activities=[one]))
    assert run.succeeded, run.message
    assert set(factory.files("out")) == {"a-PL.csv"}


def test_what_has_no_effect_here_is_told(factory: DataFactory) -> None:
    text(factory)
    factory.put("in/a.csv", PEOPLE)
    output = succeeded(factory.copy({"type": "DelimitedTextSource", "maxConcurrentConnections": 4}, enableStaging=True))
    assert output["warnings"] == [
        "enableStaging has no effect on this machine",
        "source.maxConcurrentConnections has no effect on this machine",
    ]


def test_a_copy_of_nothing_writes_the_header(factory: DataFactory) -> None:
    text(factory)
    factory.put("in/a.csv", "id,n\n")
    assert succeeded(factory.copy())["rowsCopied"] == 0
    assert factory.files("out")["b.csv"] == b"id,n\r\n"

"""Lookup, GetMetadata, Delete, Script, stored procedures and Validation, on a folder and a small database."""

import base64
import hashlib
import os
import re
from datetime import UTC, datetime
from typing import Any

import duckdb
import pandas
import pytest

from local_factory.testing import LocalFactory, Run
from support.data_factory import DataFactory
from support.factories import copy, dataset_reference, linked_service_reference, write_pipeline
from support.pipelines import activity, expression

ON_SQL = {"linkedServiceName": linked_service_reference("Sql")}


def lookup(factory: DataFactory, source: dict[str, Any], **properties: Any) -> Run:
    return factory.run(activity("L", "Lookup", source=source, dataset=dataset_reference("D"), **properties))


def test_lookup_returns_the_first_row_or_all_with_their_types(factory: DataFactory) -> None:
    factory.sql(
        "create table T (id integer, name text, price real)", "insert into T values (1, 'a', 2.5), (2, null, 3)"
    )
    factory.table_dataset("D", "T")
    assert lookup(factory, {"type": "AzureSqlSource"}).output("L")["firstRow"] == {"id": 1, "name": "a", "price": 2.5}
    query = {"sqlReaderQuery": expression("@concat('select id from T order by id desc')")}
    output = lookup(factory, query, firstRowOnly=False).output("L")
    assert (output["count"], output["value"]) == (2, [{"id": 2}, {"id": 1}])


def test_lookup_of_nothing_succeeds(factory: DataFactory) -> None:
    factory.sql("create table T (id integer)")
    factory.table_dataset("D", "T")
    output = lookup(factory, {}, firstRowOnly=False).output("L")
    assert (output["count"], output["value"]) == (0, [])
    run = lookup(factory, {})
    assert run.succeeded
    assert "firstRow" not in run.output("L")


def test_lookup_cuts_at_5000_rows_and_fails_above_4_mb(factory: DataFactory) -> None:
    many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < {count}) select {what} from n"
    factory.table_dataset("D", "T")
    run = lookup(factory, {"sqlReaderQuery": many.format(count=5001, what="i")}, firstRowOnly=False)
    assert (run.output("L")["count"], run.output("L")["value"][-1]) == (5000, {"i": 5000})
    run = lookup(
        factory, {"sqlReaderQuery": many.format(count=500, what="hex(zeroblob(5000)) as t")}, firstRowOnly=False
    )
    assert run.status == "Failed"
    assert "4 MB" in run.message


def test_lookup_does_not_take_bytes_or_a_statement_without_rows(factory: DataFactory) -> None:
    factory.table_dataset("D", "T")
    assert "byte arrays" in lookup(factory, {"sqlReaderQuery": "select x'00' as b"}).message
    assert "gave no set of rows" in lookup(factory, {"sqlReaderQuery": "create table X (i integer)"}).message


def test_lookup_of_text_gives_text_and_of_json_whole_objects(factory: DataFactory) -> None:
    factory.put("in/a.csv", "id,n\n1,\n2,b\n")
    factory.file_dataset("D", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    source = {"type": "DelimitedTextSource"}
    assert lookup(factory, source, firstRowOnly=False).output("L")["value"] == [
        {"id": "1", "n": None},
        {"id": "2", "n": "b"},
    ]
    factory.put("in/a.json", '[{"id": 1, "in": {"x": [1, 2.5]}}, {"id": 2}]')
    factory.file_dataset("D", "Json", "in/a.json")
    assert lookup(factory, {"type": "JsonSource"}).output("L")["firstRow"] == {"id": 1, "in": {"x": [1, 2.5]}}
    assert lookup(factory, {}, firstRowOnly=False).output("L")["count"] == 2


def metadata(factory: DataFactory, *fields: Any, **properties: Any) -> Run:
    return factory.run(
        activity("M", "GetMetadata", dataset=dataset_reference("D"), fieldList=list(fields), **properties)
    )


def test_metadata_of_a_file(factory: DataFactory) -> None:
    content = "id,n\n1,b\n"
    file = factory.put("in/a.csv", content)
    os.utime(file, (1_487_830_029, 1_487_830_029))
    factory.file_dataset("D", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    output = metadata(
        factory, "itemName", "itemType", "exists", "lastModified", "size", "contentMD5", "structure", "columnCount"
    ).output("M")
    assert {key: output[key] for key in output if key not in ("effectiveIntegrationRuntime", "durationInQueue")} == {
        "itemName": "a.csv",
        "itemType": "File",
        "exists": True,
        "lastModified": "2017-02-23T06:07:09Z",
        "size": len(content),
        "contentMD5": base64.b64encode(hashlib.md5(content.encode()).digest()).decode(),  # noqa: S324
        "structure": [{"name": "id", "type": "String"}, {"name": "n", "type": "String"}],
        "columnCount": 2,
    }
    assert "'childItems' failed" in metadata(factory, "childItems").message
    assert "file servers only" in metadata(factory, "created").message


def test_metadata_of_a_folder_and_of_what_is_missing(factory: DataFactory) -> None:
    for name, year in (("old", 2020), ("new", 2024)):
        moment = datetime(year, 1, 1, tzinfo=UTC).timestamp()
        os.utime(factory.put(f"in/{name}", "x"), (moment, moment))
    (factory.store / "in/sub").mkdir()
    factory.file_dataset("D", "Binary", "in/")
    assert metadata(factory, "childItems").output("M")["childItems"] == [
        {"name": "new", "type": "File"},
        {"name": "old", "type": "File"},
        {"name": "sub", "type": "Folder"},
    ]
    store = {"modifiedDatetimeStart": "2023-01-01T00:00:00Z"}
    assert metadata(factory, "childItems", storeSettings=store).output("M")["childItems"] == [
        {"name": "new", "type": "File"}
    ]
    factory.file_dataset("D", "Binary", "in/none/")
    assert metadata(factory, "exists", "childItems").output("M")["exists"] is False
    assert "does not exist: in/none" in metadata(factory, "childItems").message


def test_metadata_of_a_table_and_of_parquet_has_adfs_types(factory: DataFactory) -> None:
    factory.sql("create table T (id integer)", "insert into T values (1)")
    factory.table_dataset("D", "T")
    assert metadata(factory, "exists", "columnCount").output("M")["columnCount"] == 1
    factory.table_dataset("D", "Nowhere")
    assert metadata(factory, "exists", "structure").output("M")["exists"] is False
    (factory.store / "in").mkdir()
    duckdb.execute(
        "copy (select 1::int a, 1::bigint b, 1.5::double c, 1.5::decimal(9,2) d, now()::timestamp e, 'x' f, true g) "
        f"to '{factory.store}/in/p.parquet'"
    )
    factory.file_dataset("D", "Parquet", "in/p.parquet")
    types = [column["type"] for column in metadata(factory, "structure").output("M")["structure"]]
    assert types == ["Int32", "Int64", "Double", "Decimal", "DateTime", "String", "Boolean"]


def delete(factory: DataFactory, **properties: Any) -> Run:
    return factory.run(activity("X", "Delete", dataset=dataset_reference("D"), **properties))


@pytest.mark.parametrize(
    ("properties", "left", "folders"),
    [
        ({}, {"a/b/3", "a/2.txt"}, True),
        ({"recursive": True}, set(), False),
        ({"storeSettings": {"recursive": True, "wildcardFileName": "*.txt"}}, {"1", "a/b/3"}, True),
        ({"storeSettings": {"wildcardFileName": "*.txt"}}, {"1", "a/2.txt", "a/b/3"}, True),
    ],
)
def test_what_is_deleted_of_a_folder(
    factory: DataFactory, properties: dict[str, Any], left: set[str], folders: bool
) -> None:
    for path in ("1", "a/2.txt", "a/b/3"):
        factory.put(f"box/in/{path}", "x")
    factory.file_dataset("D", "Binary", "box/in/")
    run = delete(factory, **properties)
    if left == {"1", "a/2.txt", "a/b/3"}:
        assert run.status == "Failed"  # nothing matches
    else:
        assert run.succeeded, run.message
        assert run.output("X")["filesDeleted"] == 3 - len(left)
    assert (set(factory.files("box/in")), (factory.store / "box/in/a").exists()) == (left, folders)


def test_one_file_is_deleted_and_logged_and_a_missing_one_fails(factory: DataFactory) -> None:
    factory.put("in/a", "x")
    factory.file_dataset("D", "Binary", "in/a")
    log = {"linkedServiceName": linked_service_reference("Blob"), "path": "logs"}
    output = delete(factory, enableLogging=True, logStorageSettings=log).output("X")
    assert (output["filesDeleted"], output["isWildcardUsed"], output["recursive"]) == (1, False, False)
    rows = pandas.read_csv(factory.store / output["logPath"], keep_default_na=False)
    assert rows.to_dict("records") == [{"Name": "in/a", "Category": "File", "Status": "Deleted", "Error": ""}]
    assert delete(factory).status == "Failed"


def test_scripts_run_in_their_order_and_their_results_are_one(factory: DataFactory) -> None:
    scripts = [
        {"type": "NonQuery", "text": "create table T (id integer, n text); insert into T values (1, 'a'), (2, 'b')"},
        {"type": "Query", "text": "select * from T order by id; select count(*) as c from T"},
        {
            "type": "NonQuery",
            "text": "update T set n = @n where id = @id",
            "parameters": [
                {"name": "id", "type": "Int32", "value": expression("@int('2')"), "direction": "Input"},
                {"name": "n", "type": "String", "value": "it's"},
            ],
        },
    ]
    output = factory.run({**activity("S", "Script", scripts=scripts), **ON_SQL}).output("S")
    assert (output["resultSetCount"], output["recordsAffected"]) == (2, 3)
    assert output["resultSets"] == [
        {"rowCount": 2, "rows": [{"id": 1, "n": "a"}, {"id": 2, "n": "b"}]},
        {"rowCount": 1, "rows": [{"c": 2}]},
    ]
    assert factory.sql("select n from T where id = 2") == [("it's",)]


def test_a_script_that_the_database_refuses_fails_in_its_words(factory: DataFactory) -> None:
    run = factory.run(
        {**activity("S", "Script", scripts=[{"type": "Query", "text": "select * from Nowhere"}]), **ON_SQL}
    )
    assert "no such table: Nowhere" in run.message


def validation(**properties: Any) -> dict[str, Any]:
    return activity("V", "Validation", dataset=dataset_reference("D"), **properties)


def test_validation_waits_until_the_dataset_fits(factory: DataFactory) -> None:
    factory.file_dataset("D", "DelimitedText", "in/a.csv")
    factory.put("from/a.csv", "12345")
    factory.file_dataset("Source", "Binary", "from/a.csv")
    factory.file_dataset("Sink", "Binary", "in/a.csv")
    late = copy("C", {}, {}, "W")
    run = factory.run(validation(minimumSize=5, sleep=60), activity("W", "Wait", waitTimeInSeconds=600), late)
    assert run.succeeded, run.message
    assert 600_000 <= run.activity("V")["durationInMs"] < 700_000
    assert run.output("V")["size"] == 5


@pytest.mark.parametrize(
    ("properties", "fits"),
    [
        ({"childItems": True}, True),
        ({"childItems": False}, False),
        ({}, True),
    ],
)
def test_validation_of_a_folder(factory: DataFactory, properties: dict[str, Any], fits: bool) -> None:
    factory.put("in/x", "x")
    factory.file_dataset("D", "Binary", "in/")
    run = factory.run(validation(timeout="0.01:00:00", **properties))
    assert run.succeeded is fits
    assert fits or run.activity("V")["error"]["errorCode"] == "Timeout"


def test_a_missing_stand_in_is_said_before_anything_runs_with_the_toml_to_paste(factory: DataFactory) -> None:
    factory.table_dataset("D", "T")
    factory.file_dataset("F", "Binary", "in/")
    factory.stand_ins.clear()
    write_pipeline(
        factory.adf,
        "PL",
        [
            activity("L", "Lookup", source={}, dataset=dataset_reference("D")),
            activity("M", "GetMetadata", dataset=dataset_reference("F"), fieldList=["exists"]),
        ],
    )
    with pytest.raises(Exception, match="nothing on this machine stands in for linked service 'Sql'") as error:
        LocalFactory(factory.adf).run("PL")
    message = str(error.value)
    assert re.search(r"^\[Sql\]\njdbc = ", message, re.MULTILINE)
    assert re.search(r"^\[Blob\]\nfolder = ", message, re.MULTILINE)
    stubs = {"type": {"Lookup": {}, "GetMetadata": {}}}
    assert LocalFactory(factory.adf, stubs).run("PL").succeeded


def test_a_connector_without_a_stand_in_is_refused_and_can_be_stubbed(factory: DataFactory) -> None:
    factory.dataset("D", "Excel", "Blob", {"location": {"container": "in", "fileName": "a.xlsx"}})
    write_pipeline(factory.adf, "PL", [activity("L", "Lookup", source={}, dataset=dataset_reference("D"))])
    with pytest.raises(Exception, match="'D' is of format Excel, which does not run"):
        LocalFactory(factory.adf, None, factory.stand_ins).run("PL")
    run = LocalFactory(factory.adf, None, factory.stand_ins, stub_unsupported=True).run("PL")
    assert run.activity("L")["stubbed"] is True


def test_what_an_activity_does_not_heed_is_told(factory: DataFactory) -> None:
    scripts = [{"type": "Query", "text": "select 1 as n"}]
    script = activity("S", "Script", scripts=scripts, scriptBlockExecutionTimeout="01:00:00")
    run = factory.run({**script, **ON_SQL})
    assert run.output("S")["warnings"] == ["scriptBlockExecutionTimeout has no effect on this machine"]

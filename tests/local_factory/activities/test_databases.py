"""Data activities on real databases: PostgreSQL and MariaDB servers, and SQL Server's protocol."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas
import pytest

from fakes.mariadb import MariaDb
from fakes.postgres import Postgres
from local_factory.data.databases import connect
from local_factory.data.stand_ins import Kind, StandIn
from local_factory.data.work import Work
from support.data_factory import DataFactory
from support.factories import copy, dataset_reference, linked_service_reference
from support.pipelines import activity

ON_SQL = {"linkedServiceName": linked_service_reference("Sql")}


@dataclass
class Server:
    """A database server as a stand-in, with statements in its own SQL."""

    stand_in: StandIn
    name: str

    def rows(self, sql: str) -> list[Any]:
        work = Work()
        try:
            with connect(self.stand_in, work) as database:
                (outcome,) = database.run_script(sql)
                return [tuple(row) for row in outcome.rows]
        finally:
            work.close()

    def run(self, *statements: str) -> None:
        work = Work()
        try:
            with connect(self.stand_in, work) as database:
                for statement in statements:
                    database.execute(statement)
        finally:
            work.close()


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest, factory: DataFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    found: Postgres | MariaDb = request.getfixturevalue(request.param)
    monkeypatch.setenv("DB_USER", found.user)
    monkeypatch.setenv("DB_PASSWORD", found.password)
    factory.stand_ins["Sql"] = {"jdbc": found.url, "user": "DB_USER", "password": "DB_PASSWORD"}
    server = Server(StandIn(Kind.DATABASE, found.url, found.user, found.password), request.param)
    tables = ("t", "Target", "made", "typed")
    quote = '"' if server.name == "postgres" else "`"
    server.run(*(f"drop table if exists {quote}{table}{quote}" for table in tables))
    yield server
    with suppress(Exception):
        server.run(*(f"drop table if exists {quote}{table}{quote}" for table in tables))


def test_types_come_through_to_parquet(factory: DataFactory, server: Server) -> None:
    moment = "timestamp" if server.name == "postgres" else "datetime(6)"
    server.run(
        f"create table t (i int, b bigint, s smallint, d decimal(12,3), f double precision, x varchar(20), m {moment}, "
        "y date)",
        "insert into t values (1, 9000000000, 2, 1234.500, 2.5, 'é漢', '2024-01-31 10:11:12.345678', '2024-02-29')",
        "insert into t values (null, null, null, null, null, null, null, null)",
    )
    factory.table_dataset("Source", "t")
    factory.file_dataset("Sink", "Parquet", "out/t.parquet")
    assert factory.copy({"type": "AzureSqlSource"})["status"] == "Succeeded"
    found = duckdb.read_parquet(str(factory.store / "out/t.parquet"))
    assert [str(kind) for kind in found.types] == [
        "INTEGER", "BIGINT", "SMALLINT", "DECIMAL(12,3)", "DOUBLE", "VARCHAR", "TIMESTAMP", "DATE",
    ]  # fmt: skip
    first, second = found.fetchall()
    assert [str(value) for value in first] == [
        "1", "9000000000", "2", "1234.500", "2.5", "é漢", "2024-01-31 10:11:12.345678", "2024-02-29",
    ]  # fmt: skip
    assert second == (None,) * 8
    output = factory.run(
        activity("M", "GetMetadata", dataset=dataset_reference("Source"), fieldList=["structure"])
    ).output("M")
    kinds = [column["type"] for column in output["structure"]]
    assert kinds == ["Int32", "Int64", "Int16", "Decimal", "Double", "String", "DateTime", "Date"]


def test_text_is_converted_to_the_columns_types_and_back(factory: DataFactory, server: Server) -> None:
    server.run("create table t (id int primary key, price decimal(10,2), born date, name varchar(30))")
    content = 'id,price,born,name\r\n1,12.5,01/31/2024,Ann\r\n2,,2024-02-29,"O\'Neil, \\"x\\""\r\n'
    factory.put("in/a.csv", content)
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.table_dataset("Sink", "t")
    run = factory.copy()
    assert run["status"] == "Succeeded", run["error"]
    assert [(str(a), str(b), str(c), d) for a, b, c, d in server.rows("select * from t order by id")] == [
        ("1", "12.50", "2024-01-31", "Ann"),
        ("2", "None", "2024-02-29", 'O\'Neil, "x"'),
    ]
    factory.put("in/a.csv", "id,price\n3,cheap\n")
    run = factory.copy()
    assert "ErrorCode=TypeConversionFailure" in run["error"]["message"]
    assert "'cheap' for column name 'price' from type 'String'" in run["error"]["message"]


def test_upsert_updates_and_inserts_by_the_primary_key(factory: DataFactory, server: Server) -> None:
    server.run(
        "create table t (id int primary key, name varchar(30), kept varchar(5) default 'd')",
        "insert into t values (1, 'old', 'k'), (3, 'three', 'k')",
    )
    factory.put("in/a.csv", "id,name\n1,new\n2,two\n")
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.table_dataset("Sink", "t")
    run = factory.copy(sink={"type": "AzureSqlSink", "writeBehavior": "upsert", "upsertSettings": {"useTempDB": True}})
    assert run["status"] == "Succeeded", run["error"]
    assert run["output"]["rowsCopied"] == 2
    assert server.rows("select * from t order by id") == [(1, "new", "k"), (2, "two", "d"), (3, "three", "k")]


def test_a_table_is_made_with_the_mappings_types(factory: DataFactory, server: Server) -> None:
    factory.put("in/a.csv", "id,at,ok\n7,2024-01-31T10:00:00,true\n")
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.table_dataset("Sink", "made")
    mappings = [
        {"source": {"name": "id"}, "sink": {"name": "id", "type": "Int32"}},
        {"source": {"name": "at"}, "sink": {"name": "at", "type": "DateTime"}},
        {"source": {"name": "ok"}, "sink": {"name": "ok", "type": "Boolean"}},
    ]
    translator = {"type": "TabularTranslator", "mappings": mappings}
    run = factory.copy(sink={"tableOption": "autoCreate"}, translator=translator)
    assert run["status"] == "Succeeded", run["error"]
    ((number, at, ok),) = server.rows("select * from made")
    assert (number, str(at), bool(ok)) == (7, "2024-01-31 10:00:00", True)


def test_scripts_and_procedures_run_unchanged(factory: DataFactory, server: Server) -> None:
    server.run("create table t (id int, name varchar(10))", "drop procedure if exists add_one")
    if server.name == "postgres":
        server.run(
            "create procedure add_one(number int, word text) language sql as $$ insert into t values (number, word) $$",
            "create or replace function find(lowest int) returns setof t language sql "
            "as $$ select * from t where id >= lowest $$",
        )
    else:
        server.run("create procedure add_one(number int, word text) insert into t values (number, word)")
    procedure = activity(
        "P", "SqlServerStoredProcedure", storedProcedureName="[add_one]",
        storedProcedureParameters={"number": {"value": "5", "type": "Int32"}, "word": {"value": None}},
    )  # fmt: skip
    scripts = [
        {"type": "NonQuery", "text": "insert into t values (6, '100%')"},
        {"type": "Query", "text": "select id, name from t order by id"},
        {"type": "Query", "text": "select name from t where id = @id and name like '%\\%'", "parameters": [
            {"name": "id", "type": "Int32", "value": 6}]},
    ]  # fmt: skip
    run = factory.run({**procedure, **ON_SQL}, {**activity("S", "Script", "P", scripts=scripts), **ON_SQL})
    assert run.succeeded, run.message
    assert run.output("S")["resultSets"] == [
        {"rowCount": 2, "rows": [{"id": 5, "name": None}, {"id": 6, "name": "100%"}]},
        {"rowCount": 1, "rows": [{"name": "100%"}]},
    ]
    assert run.output("S")["recordsAffected"] == 1
    if server.name == "postgres":
        factory.table_dataset("D", "t")
        source = {
            "sqlReaderStoredProcedureName": "find",
            "storedProcedureParameters": {"lowest": {"value": 6, "type": "Int"}},
        }
        output = factory.run(
            activity("L", "Lookup", source=source, dataset=dataset_reference("D"), firstRowOnly=False)
        ).output("L")
        assert output["value"] == [{"id": 6, "name": "100%"}]
        server.run("drop function find", "drop procedure add_one")


def test_rows_that_a_table_does_not_take_are_skipped_one_by_one(factory: DataFactory, server: Server) -> None:
    server.run("create table t (id int primary key, name varchar(5) not null)")
    factory.put("in/a.csv", "id,name\n1,a\n1,b\n2,\n3,c\n")
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.table_dataset("Sink", "t")
    assert "ErrorCode=SqlOperationFailed" in factory.copy()["error"]["message"]
    assert server.rows("select count(*) from t") == [(0,)]
    run = factory.copy(enableSkipIncompatibleRow=True)
    assert (run["output"]["rowsCopied"], run["output"]["rowsSkipped"]) == (2, 2)
    assert server.rows("select * from t order by id") == [(1, "a"), (3, "c")]


def test_wrong_credentials_and_no_server_are_told_without_the_password(
    factory: DataFactory, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "not-the-password")
    factory.table_dataset("D", "t")
    look = activity("L", "Lookup", source={}, dataset=dataset_reference("D"))
    run = factory.run(look)
    assert "ErrorCode=SqlFailedToConnect" in run.message
    assert "not-the-password" not in json.dumps(run)
    factory.stand_ins["Sql"]["jdbc"] = server.stand_in.place.replace(str(_port(server)), "1")
    assert "ErrorCode=SqlFailedToConnect" in factory.run(look).message


def _port(server: Server) -> int:
    return int(server.stand_in.place.split(":")[3].split("/")[0])


def test_a_query_that_runs_longer_than_its_timeout_is_stopped(factory: DataFactory, server: Server) -> None:
    factory.table_dataset("D", "t")
    pause = "select pg_sleep(60)" if server.name == "postgres" else "select sleep(60)"
    look = activity("L", "Lookup", source={"sqlReaderQuery": pause}, dataset=dataset_reference("D"))
    run = factory.run({**look, "policy": {"timeout": "0.00:00:01"}})
    assert run.activity("L")["error"]["errorCode"] == "Timeout"
    assert run["durationInMs"] < 40_000


def test_many_rows_go_into_a_table(factory: DataFactory, server: Server) -> None:
    frame = pandas.DataFrame({"id": range(20_000), "name": [f"name {index}" for index in range(20_000)]})
    (factory.store / "in").mkdir()
    frame.to_csv(factory.store / "in/a.csv", index=False)
    factory.file_dataset("Source", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    factory.table_dataset("Sink", "made")
    run = factory.run(copy("C", {}, {"tableOption": "autoCreate"}))
    assert run.output("C")["rowsCopied"] == 20_000
    assert server.rows("select count(*), max(name) from made") == [(20_000, "name 9999")]


def test_a_driver_that_is_not_here_is_asked_for(factory: DataFactory, spark: Any) -> None:
    assert spark
    factory.stand_ins["Sql"] = {"jdbc": "jdbc:unheard:of"}
    factory.table_dataset("D", "t")
    message = factory.run(activity("L", "Lookup", source={}, dataset=dataset_reference("D"))).message
    assert "No suitable driver found for jdbc:unheard:of" in message
    assert "--jar FILE" in message


def test_a_database_without_a_native_driver_is_reached_through_sparks_java(factory: DataFactory, spark: Any) -> None:
    """Derby, in the memory of the Java process that is there."""
    assert spark
    factory.stand_ins["Sql"] = {"jdbc": "jdbc:derby:memory:stand_in;create=true"}
    create = (
        "create table Customers (Id int primary key, Name varchar(20), Price decimal(9,2), Born date, Seen timestamp)"
    )
    scripts = [
        {"type": "NonQuery", "text": create},
        {
            "type": "NonQuery",
            "text": "insert into Customers values (1, 'old', 1.5, '2024-01-31', '2024-01-31 10:11:12')",
        },
    ]
    run = factory.run({**activity("S", "Script", scripts=scripts), **ON_SQL})
    assert run.succeeded, run.message
    factory.table_dataset("Source", "customers", schema="dbo")
    factory.file_dataset("Sink", "Parquet", "out/c.parquet")
    copied = factory.copy({"type": "AzureSqlSource"})
    assert copied["status"] == "Succeeded", copied["error"]
    found = duckdb.read_parquet(str(factory.store / "out/c.parquet"))
    assert [str(kind) for kind in found.types] == ["INTEGER", "VARCHAR", "DECIMAL(9,2)", "DATE", "TIMESTAMP"]
    assert [str(value) for value in found.fetchall()[0]] == ["1", "old", "1.50", "2024-01-31", "2024-01-31 10:11:12"]
    factory.put("in/a.csv", "id,name,price\n1,new,2.25\n2,two,\n")
    factory.file_dataset("Text", "DelimitedText", "in/a.csv", firstRowAsHeader=True)
    upsert = {"type": "AzureSqlSink", "writeBehavior": "upsert"}
    copied = factory.copy(sink=upsert, inputs="Text", outputs="Source")
    assert copied["status"] == "Succeeded", copied["error"]
    source = {"sqlReaderQuery": "select id, name, price from Customers order by id"}
    look = activity("L", "Lookup", source=source, dataset=dataset_reference("Source"), firstRowOnly=False)
    assert factory.run(look).output("L")["value"] == [
        {"ID": 1, "NAME": "new", "PRICE": 2.25},
        {"ID": 2, "NAME": "two", "PRICE": None},
    ]
    source = {"sqlReaderQuery": "select * from nowhere"}
    message = factory.run({**look, "typeProperties": {**look["typeProperties"], "source": source}}).message
    assert "'NOWHERE' does not exist" in message
    assert "Exception" not in message.replace("HybridDeliveryException", "")


def test_tables_are_found_whatever_the_case_of_their_names(factory: DataFactory, server: Server) -> None:
    """A factory that was made for SQL Server says `dbo.T`; elsewhere the table may be `t`, and no schema `dbo`."""
    server.run("create table t (id int)", "insert into t values (4)")
    factory.table_dataset("D", "T", schema="dbo")
    look = activity("L", "Lookup", source={}, dataset=dataset_reference("D"))
    assert factory.run(look).output("L")["firstRow"] == {"id": 4}

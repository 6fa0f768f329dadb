"""What a manifest says of a landing, and which changes of a schema break those who read it."""

import pytest
from pyspark.sql.types import StructType

from ingestion.lake.manifest import compare, read_manifest, without_credentials

pytestmark = pytest.mark.usefixtures("spark")  # which reads types that are written as in SQL


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tinyint", "smallint"),
        ("int", "bigint"),
        ("float", "double"),
        ("decimal(10,2)", "decimal(12,2)"),
        ("decimal(10,2)", "decimal(12,4)"),
        ("struct<a:int>", "struct<a:int,b:string>"),
        ("struct<a:int>", "struct<a:bigint>"),
        ("array<struct<a:struct<b:int>>>", "array<struct<a:struct<b:int,c:date>,d:int>>"),
    ],
)
def test_a_type_that_holds_more_breaks_nothing(old: str, new: str) -> None:
    change = compare(StructType.fromDDL(f"n {old}"), StructType.fromDDL(f"n {new}"))
    assert change.added == (f"column n changed from {old} to {new}",)
    assert change.breaking == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bigint", "int"),
        ("double", "float"),
        ("int", "string"),
        ("int", "double"),
        ("date", "timestamp_ntz"),
        ("decimal(10,2)", "decimal(10,4)"),
        ("decimal(10,2)", "decimal(10,1)"),
        ("struct<a:int,b:int>", "struct<a:int>"),
        ("struct<a:int,b:int>", "struct<b:int,a:int>"),
        ("struct<a:int>", "struct<a:string,b:int>"),
        ("array<int>", "array<string>"),
        ("struct<a:int>", "array<struct<a:int>>"),
    ],
)
def test_a_type_that_does_not_hold_what_the_old_one_held_breaks(old: str, new: str) -> None:
    change = compare(StructType.fromDDL(f"n {old}"), StructType.fromDDL(f"n {new}"))
    assert change.breaking == (f"column n changed from {old} to {new}",)


def test_a_new_column_is_told_and_a_vanished_one_breaks() -> None:
    change = compare(StructType.fromDDL("id int, `Full Name` string"), StructType.fromDDL("id int, name string"))
    assert change.added == ("new column name (string)",)
    assert change.breaking == ("column Full Name (string) vanished",)
    assert str(change) == "column Full Name (string) vanished; new column name (string)"


def test_order_and_nullability_are_no_change() -> None:
    assert not compare(StructType.fromDDL("a int, b string"), StructType.fromDDL("b string not null, a int"))


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"{}", b'{"run_id": "cut o', b'"text"', b"\xff"])
def test_what_is_no_manifest_counts_as_none(content: bytes | None) -> None:
    assert read_manifest(content) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "jdbc:sqlserver://sql.example:1433;databaseName=sales;user=me;password=hunter2;encrypt=true",
            "jdbc:sqlserver://sql.example:1433;databaseName=sales",
        ),
        (
            "jdbc:sqlserver://sql.example;password={hunter;2};database=sales",
            "jdbc:sqlserver://sql.example;databaseName=sales",
        ),
        (
            "jdbc:postgresql://me:hunter2@db.example/sales?user=me&password=hunter2",
            "jdbc:postgresql://db.example/sales",
        ),
        ("jdbc:oracle:thin:me/hunter2@//db.example:1521/sales", "jdbc:oracle://db.example:1521/sales"),
        ("jdbc:derby:/data/derby;create=true", "jdbc:derby:/data/derby"),
    ],
)
def test_a_source_is_shown_without_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown

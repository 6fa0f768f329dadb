"""Every statement of every dialect stands in a golden file: a change of one is seen, and read, before it runs.

`REWRITE_GOLDEN=1 pytest tests/notebooks/sql/test_dialects.py` writes them anew.
"""

import os
from pathlib import Path

import pytest
import sqlglot
from pyspark.sql.types import (
    DataType,
    DateType,
    DecimalType,
    IntegerType,
    StringType,
    StructField,
    TimestampNTZType,
    TimestampType,
)

from ingestion.platform.errors import InvalidSettingError
from ingestion.sql.dialects import DIALECTS, Dialect, TableName, dialect_of

GOLDEN = Path(__file__).with_name("golden")
# A name in which every character that quoting is about appears.
TABLE = TableName("sales", 'Orders of "O\'Brien" [x] `y`')
PARSERS = {"SQL Server": "tsql", "PostgreSQL": "postgres", "MySQL": "mysql"}


def field(name: str, kind: DataType, **facts: object) -> StructField:
    return StructField(name, kind, metadata=facts)


FIELDS = [
    field("Id", IntegerType()),
    field("Full Name", StringType()),
    field("Price", DecimalType(10, 2), scale=2),
    field("Free", DecimalType(38, 18), scale=0),
    field("Born", DateType()),
    field("At", TimestampNTZType(), scale=3),
    field("Exact", TimestampNTZType(), scale=7),
    field("Zoned", TimestampType(), scale=6),
    field("Hour", TimestampType(), scale=6, logical_time_type=True),
]


def statements(dialect: Dialect) -> dict[str, str]:
    """Return every kind of statement, by what it is for."""
    table = dialect.table(TABLE)
    readings = [dialect.reading(each) for each in FIELDS]
    columns = [(each.name, each.sql) for each in readings]
    found = {
        "tables": dialect.tables(),
        "columns": dialect.columns(TABLE),
        "primary key": dialect.primary_key(TABLE),
        "extent": dialect.extent(table, "Id"),
        "extent of a part": dialect.extent(table, None, f"{dialect.quote('Id')} > 7"),
        "buckets": dialect.buckets(table, "Id", [10, 20], (1, 29)),
        "select": dialect.select(table, columns),
        "select a part": dialect.select(table, columns[:2], f"{dialect.quote('Id')} > 7"),
    }
    found |= {
        f"a column of type {name}": dialect.select(table, [("X", sql.format(dialect.quote("X")))])
        for name, sql in dialect.text_types.items()
    }
    return found


def in_words(dialect: Dialect) -> str:
    lines = [f"-- {name}\n{text}\n" for name, text in statements(dialect).items()]
    notes = [f"--   {each.name}: {each.note}" for each in map(dialect.reading, FIELDS) if each.note]
    return "\n".join([*lines, "-- landed as text", *notes]) + "\n"


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_each_statement_is_the_one_that_was_read(dialect: Dialect) -> None:
    file = GOLDEN / f"{dialect.name.lower().replace(' ', '_')}.sql"
    if os.environ.get("REWRITE_GOLDEN"):
        file.write_text(in_words(dialect), encoding="utf-8")
    assert in_words(dialect) == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "dialect", [dialect for dialect in DIALECTS if dialect.name in PARSERS], ids=lambda dialect: dialect.name
)
def test_a_parser_of_the_database_takes_each_statement(dialect: Dialect) -> None:
    for text in statements(dialect).values():
        assert sqlglot.parse_one(text, read=PARSERS[dialect.name])


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("jdbc:sqlserver://x:1433;databaseName=shop", "SQL Server"),
        ("jdbc:postgresql://x/shop", "PostgreSQL"),
        ("jdbc:mysql://x/shop", "MySQL"),
        ("jdbc:derby:memory:x", "Derby"),
    ],
)
def test_an_address_tells_the_database(url: str, name: str) -> None:
    assert dialect_of(url).name == name


@pytest.mark.parametrize(
    ("url", "way_out"),
    [
        ("jdbc:mariadb://x/shop", "write jdbc:mysql://HOST/DATABASE?permitMysqlScheme"),
        ("jdbc:aws-wrapper:mysql://x/shop", "what is read here begins with jdbc:sqlserver:"),
        ("jdbc:sqlite:x.db", "what is read here begins with jdbc:sqlserver:"),
    ],
)
def test_an_address_of_a_database_that_is_not_known_is_refused_with_the_way_out(url: str, way_out: str) -> None:
    with pytest.raises(InvalidSettingError) as refused:
        dialect_of(url)
    assert way_out in str(refused.value)
    assert "x/shop" not in str(refused.value)

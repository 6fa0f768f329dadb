"""The source tables in T-SQL: they parse, they can be run again, and the laptop's database has the same ones."""

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "infra" / "sql"
DERBY = ROOT / "scripts" / "local_factory" / "demo" / "tables.sql"
# T-SQL type -> Derby's type for the same values. Derby has one kind of text and one kind of point in time.
SAME_TYPE = {
    "NVARCHAR": "VARCHAR",
    "CHAR": "CHAR",
    "INT": "INT",
    "DATE": "DATE",
    "DECIMAL": "DECIMAL",
    "BIT": "BOOLEAN",
    "DATETIME2": "TIMESTAMP",
}


def batches(name: str) -> list[str]:
    """A file's batches, as sqlcmd parts them."""
    return [batch for batch in re.split(r"(?m)^GO$", (SQL / name).read_text(encoding="utf-8")) if batch.strip()]


def tables(statements: list[exp.Expression | None]) -> dict[str, dict[str, tuple[str, str, bool]]]:
    """Return table -> column -> (type, length or precision, may be null)."""
    found = {}
    for statement in statements:
        creates = (
            []
            if statement is None
            else [node for node in statement.find_all(exp.Create) if node.args["kind"] == "TABLE"]
        )
        for create in creates:
            columns = {}
            for column in create.find_all(exp.ColumnDef):
                kind = column.args["kind"]
                sizes = ",".join(size.sql() for size in kind.expressions)
                constraints = [constraint.kind for constraint in column.args["constraints"]]
                required = any(
                    isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null")
                    for kind in constraints
                )
                columns[column.name] = (kind.this.value, sizes, not required)
            found[create.find(exp.Table).name] = columns
    return found


@pytest.fixture(scope="module")
def azure_tables():
    return tables(
        [statement for batch in batches("01_tables.sql") for statement in sqlglot.parse(batch, dialect="tsql")]
    )


@pytest.fixture(scope="module")
def laptop_tables():
    return tables(sqlglot.parse(DERBY.read_text(encoding="utf-8"), dialect="postgres"))


@pytest.mark.parametrize("path", sorted(SQL.glob("*.sql")), ids=lambda path: path.name)
def test_every_batch_parses(path):
    for batch in batches(path.name):
        assert all(sqlglot.parse(batch, dialect="tsql"))


def test_the_same_tables_are_on_azure_and_on_the_laptop(azure_tables, laptop_tables):
    assert list(azure_tables) == list(laptop_tables) == ["Customers", "Products"]
    for table, columns in azure_tables.items():
        assert list(columns) == list(laptop_tables[table])


@pytest.mark.parametrize("table", ["Customers", "Products"])
def test_columns_have_compatible_types_lengths_and_nullability(azure_tables, laptop_tables, table):
    for column, (kind, sizes, nullable) in azure_tables[table].items():
        laptop_kind, laptop_sizes, laptop_nullable = laptop_tables[table][column]
        tsql = {"DATETIME2": "DATETIME2", "TIMESTAMP": "DATETIME2", "BOOLEAN": "BIT"}.get(kind, kind)
        assert SAME_TYPE[tsql] == laptop_kind, column
        assert nullable == laptop_nullable, column
        if tsql not in ("DATETIME2", "BIT"):
            assert sizes == laptop_sizes, column


def test_tables_have_primary_and_unique_keys_and_checks():
    source = (SQL / "01_tables.sql").read_text(encoding="utf-8")
    for name in ("PK_Customers", "UQ_Customers_Email", "PK_Products", "UQ_Products_Sku"):
        assert f"CONSTRAINT {name} " in source
    assert source.count("CHECK (") >= 9


def test_a_second_run_makes_no_table_again():
    for batch in batches("01_tables.sql"):
        assert re.search(r"^IF OBJECT_ID\(N'dbo\.(\w+)', N'U'\) IS NULL\nCREATE TABLE dbo\.\1 \(", batch, re.MULTILINE)


@pytest.mark.parametrize(
    ("number", "table", "key", "rows"), [(0, "Customers", "CustomerId", 1000), (1, "Products", "ProductId", 200)]
)
def test_sample_rows_are_added_once_and_fill_every_column(azure_tables, number, table, key, rows):
    insert = sqlglot.parse_one(batches("02_sample_rows.sql")[number], dialect="tsql")
    assert isinstance(insert, exp.Insert)
    assert [column.name for column in insert.this.expressions] == list(azure_tables[table])
    assert len(insert.expression.expressions) == len(azure_tables[table])
    text = batches("02_sample_rows.sql")[number]
    assert f"GENERATE_SERIES(1, {rows})" in text
    assert f"dbo.{table} AS existing WHERE existing.{key} = n.value)" in text.partition("WHERE NOT EXISTS (")[2]


def test_the_sample_passes_the_pipelines_threshold_of_600():
    assert "GENERATE_SERIES(1, 1000)" in batches("02_sample_rows.sql")[0]


def test_sample_rows_are_valid_for_every_number():
    # Python's own arithmetic in place of the database's: no check of 01_tables.sql may refuse a sample row.
    from datetime import date, datetime, timedelta

    for n in range(1, 1001):
        assert date(1900, 1, 1) <= date(1950, 1, 1) + timedelta(days=n * 17) <= date(2007, 1, 1)
        assert 0 <= n % 100 * 250 < 10**10
        assert datetime(2024, 1, 1) + timedelta(hours=n * 2) >= datetime(2024, 1, 1) + timedelta(hours=n)
    for n in range(1, 201):
        assert 0 < 0.250 + n % 40 < 10**5


def test_the_reader_may_read_the_two_tables_and_nothing_else():
    source = (SQL / "03_reader.sql").read_text(encoding="utf-8")
    grants = re.findall(r"^ *(?:GRANT|ALTER ROLE|EXEC sp_addrolemember).*$", source, re.MULTILINE)
    assert grants == [
        "GRANT SELECT ON OBJECT::dbo.Customers TO [ingestion-reader];",
        "GRANT SELECT ON OBJECT::dbo.Products TO [ingestion-reader];",
    ]
    assert "PASSWORD" not in source.upper()

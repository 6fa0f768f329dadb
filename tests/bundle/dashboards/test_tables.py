"""Where tables lie stands before a query: a folder of the lake, a table of a catalog, or nothing yet."""

from pathlib import Path

import pytest

from bundle.dashboards.tables import Places, catalog_name, placed, read_tables, tables_of, with_places
from bundle.errors import DashboardError

FOLDER = Path(__file__).resolve().parents[3] / "infra" / "dashboards"
TABLES = read_tables(FOLDER / "tables.toml")
LAKE = "abfss://raw-data@lake.dfs.core.windows.net"


def test_a_folder_is_read_by_its_path():
    query = with_places("SELECT * FROM customers", TABLES, Places(f"{LAKE}/"))
    assert query == (
        f"WITH customers AS (\n  SELECT * FROM parquet.`{LAKE}/customer_data`\n)\n"
        "SELECT * FROM (\nSELECT * FROM customers\n)\n"
    )


def test_a_table_of_delta_is_read_as_one():
    assert f"delta.`{LAKE}/product_data`" in with_places("SELECT * FROM products", TABLES, Places(LAKE, "delta"))
    by_table = Places(LAKE, {"products": "delta"})
    assert f"delta.`{LAKE}/product_data`" in with_places("SELECT * FROM products", TABLES, by_table)
    assert f"parquet.`{LAKE}/customer_data`" in with_places("SELECT * FROM customers", TABLES, by_table)


def test_with_a_catalog_tables_are_the_catalogs_and_documents_stay_files():
    places = Places(LAKE, "delta", catalog=catalog_name("main", "in`gestion"))
    query = with_places("SELECT * FROM customers JOIN countries ON TRUE", TABLES, places)
    assert "SELECT * FROM `main`.`in``gestion`.`customer_data`" in query
    assert f"binaryFile.`{LAKE}/countries`" in query
    of_parquet = with_places("SELECT * FROM customers", TABLES, Places(LAKE, catalog=catalog_name("main", "ingestion")))
    assert f"parquet.`{LAKE}/customer_data`" in of_parquet, "only Delta tables go into the catalog"


def test_only_tables_that_a_query_names_stand_before_it():
    assert [table.name for table in tables_of("select 1 from Customers c\njoin `products` p", TABLES)] == [
        *("customers", "products")
    ]
    assert with_places("SELECT 1", TABLES, Places(LAKE)) == "SELECT 1"


def test_a_document_that_is_placed_is_the_same_but_for_its_queries():
    document = {"datasets": [{"name": "a", "queryLines": ["SELECT *\n", "FROM products\n"]}], "pages": [{"x": 1}]}
    found = placed(document, TABLES, Places(LAKE))
    assert found["pages"] == document["pages"]
    [dataset] = found["datasets"]
    assert dataset["name"] == "a"
    assert dataset["queryLines"][-3:] == ["SELECT *\n", "FROM products\n", ")\n"]
    assert all(line.endswith("\n") for line in dataset["queryLines"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a", "cannot be read"),
        ("a = 1", r"\[a\]: takes columns, folder, format"),
        ('[a]\nfolder = "a"\nformat = "table"', r"look at columns"),
        ('[a]\nfolder = "a"\nformat = "csv"\ncolumns = "x INT"', "'csv' is none of json lines"),
    ],
)
def test_a_mistake_in_the_file_of_tables_is_told(tmp_path: Path, text: str, problem: str):
    file = tmp_path / "tables.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DashboardError, match=problem):
        read_tables(file)

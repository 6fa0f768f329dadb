"""What the model shows of a lake of known rows: Spark answers the partitions' SQL, DuckDB says what each measure is."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyspark.errors import PySparkException

from infra.powerbi import power_query, tmdl
from infra.powerbi.dax import Column, DaxError, parse
from infra.powerbi.evaluation import Join, Model
from infra.powerbi.known_lake import NOW, write_lake
from infra.powerbi.project import Project
from infra.powerbi.tmdl import Node

PROJECT = Project.read(Path(__file__).resolve().parents[3] / "infra" / "powerbi")
TABLES = PROJECT.tables()
COLUMNS = {name: [column.name for column in table.all("column")] for name, table in TABLES.items()}
CALENDAR_START = date(2024, 1, 1)
# What Spark calls a type, and what M does.
M_TYPES = {
    "string": "text",
    "int": "Int64.Type",
    "bigint": "Int64.Type",
    "double": "number",
    "decimal(19,4)": "Currency.Type",
    "boolean": "logical",
    "date": "date",
    "timestamp": "datetime",
}

VIEWS = """
create view runs as
select *, lower(feed) as name, case when started >= '2024' then date_trunc('month', started::date) end as month,
  finished[:19]::timestamp as ended
from read_json('{lake}/ingest_runs/*.json', format = 'newline_delimited', ignore_errors = true, columns = {{
  feed: 'varchar', mode: 'varchar', status: 'varchar', rows_read: 'bigint', inserted: 'bigint', updated: 'bigint',
  deleted: 'bigint', seconds: 'double', started: 'varchar', finished: 'varchar'}})
where mode not in ('discover', 'status');
create view landings as
select *, coalesce(lower(feed), lower("table")) as name, date_trunc('month', started::date) as month
from read_json('{lake}/quality_metrics/*/*.json', format = 'newline_delimited', hive_partitioning = false, columns = {{
  feed: 'varchar', "table": 'varchar', outcome: 'varchar', rows_read: 'bigint', rows_landed: 'bigint',
  rows_quarantined: 'bigint', started: 'varchar', finished: 'varchar',
  checks: 'struct("check" varchar, severity varchar, "rows" bigint, failure varchar, applied boolean)[]'}});
create view checks as select name, month, unnest(checks, recursive := true) from landings;
create view countries as
select coalesce(cca2, codes->>'alpha_2') as code, coalesce(name->>'common', names->>'common') as country, population
from read_json('{lake}/countries/*.json', columns = {{
  cca2: 'varchar', codes: 'json', name: 'json', names: 'json', population: 'bigint'}});
create view customers as
select c.*, lower(coalesce(k.country, c.CountryCode)) as name, k.population,
  case when c.CreatedAt >= '2024-01-01' then date_trunc('month', c.CreatedAt at time zone 'UTC') end as month
from '{lake}/customer_data/*.parquet' as c left join countries as k on k.code = upper(c.CountryCode);
create view products as
select * from '{lake}/product_data/*.parquet';
"""
# The view that a table's measures are about, and by which columns they are parted: the model's, and the view's.
SOURCES = {
    "Loads": ("runs", {("Feeds", "Feed"): "name", ("Date", "Month"): "month", ("Loads", "Status"): "lower(status)"}),
    "Landings": (
        "landings",
        {("Feeds", "Feed"): "name", ("Date", "Month"): "month", ("Landings", "Outcome"): "outcome"},
    ),
    "Checks": (
        "checks",
        {("Feeds", "Feed"): "name", ("Date", "Month"): "month", ("Checks", "Check"): 'lower("check")'},
    ),
    "Countries": ("countries", {("Countries", "Country"): "lower(country)"}),
    "Customers": (
        "customers",
        {("Countries", "Country"): "name", ("Date", "Month"): "month", ("Customers", "Is Active"): "IsActive"},
    ),
    "Products": (
        "products",
        {
            ("Products", "Currency"): "lower(CurrencyCode)",
            ("Products", "Category"): "lower(Category)",
            ("Products", "Is Discontinued"): "IsDiscontinued",
        },
    ),
}
LAST = "max(ended) filter (status = '{}')"
PRICED = "case when count(distinct coalesce(CurrencyCode, '')) = 1 then {} end"
FOR_SALE = "nullif(count(*) filter (not coalesce(IsDiscontinued, false)), 0)"
NO_STOCK = "nullif(count(*) filter (StockQuantity = 0 and not coalesce(IsDiscontinued, false)), 0)"
# What each measure is, of the rows of its table's view.
EXPECTED = {
    "Loads": "nullif(count(*), 0)",
    "Succeeded Loads": "nullif(count(*) filter (status = 'Succeeded'), 0)",
    "Failed Loads": "nullif(count(*) filter (status = 'Failed'), 0)",
    "Skipped Loads": "nullif(count(*) filter (status = 'Skipped'), 0)",
    "Success Rate": "nullif(count(*) filter (status = 'Succeeded'), 0) "
    "/ nullif(count(*) filter (status <> 'Skipped'), 0)",
    "Feeds Loaded": "nullif(count(distinct lower(feed)), 0)",
    "Rows Read": "sum(rows_read)",
    "Rows Changed": "case when count(inserted) + count(updated) + count(deleted) > 0 then "
    "coalesce(sum(inserted), 0) + coalesce(sum(updated), 0) + coalesce(sum(deleted), 0) end",
    "Average Load Seconds": "avg(seconds)",
    "Longest Load Seconds": "max(seconds)",
    "Last Load": "max(ended)",
    "Last Success": LAST.format("Succeeded"),
    "Last Failure": LAST.format("Failed"),
    "Hours Since Success": f"datediff('minute', {LAST.format('Succeeded')}, timestamp '{NOW:%Y-%m-%d %H:%M:%S}') / 60",
    "Landings": "nullif(count(*), 0)",
    "Landings Not Landed": "nullif(count(*) filter (outcome <> 'landed'), 0)",
    "Rows Landed": "sum(rows_landed)",
    "Quarantined Rows": "sum(rows_quarantined)",
    "Quarantined Share": "sum(rows_quarantined) / nullif(sum(rows_read), 0)",
    "Last Landing": "max(finished[:19]::timestamp) filter (outcome = 'landed')",
    "Checks Run": "nullif(count(*) filter (applied), 0)",
    "Rows Breaking Checks": 'sum("rows")',
    "Broken Checks": "nullif(count(failure), 0)",
    "Inhabitants": "sum(population)",
    "Customer Count": "nullif(count(*), 0)",
    "Active Customers": "nullif(count(*) filter (IsActive), 0)",
    "Active Share": "nullif(count(*) filter (IsActive), 0) / nullif(count(*), 0)",
    "Countries Served": "nullif(count(distinct upper(CountryCode)), 0)",
    "Credit Limit": "sum(CreditLimit)",
    "Average Credit Limit": "sum(CreditLimit) / count(CreditLimit)",
    "Customers Without Limit": "nullif(count(*) - count(CreditLimit), 0)",
    "Product Count": "nullif(count(*), 0)",
    "Products for Sale": FOR_SALE,
    "Products Out of Stock": NO_STOCK,
    "Out of Stock Share": f"{NO_STOCK} / {FOR_SALE}",
    "Units in Stock": "sum(StockQuantity)",
    "Stock Value": PRICED.format("sum(UnitPrice * StockQuantity)"),
    "Average Price": PRICED.format("sum(UnitPrice) / count(UnitPrice)"),
    "Highest Price": PRICED.format("max(UnitPrice)"),
    "Currencies": "nullif(count(distinct CurrencyCode), 0)",
}
# Those that are about more than their table's rows: all in all, and by one column.
FAILING = f"having {LAST.format('Failed')} > coalesce({LAST.format('Succeeded')}, '1900-01-01')"
ENDED = "select name, ended from runs union all select name, finished[:19]::timestamp from landings"
STATE = "'Last run ' || strftime(max(ended), '%Y-%m-%d %H:%M') || ' UTC'"
PER_MILLION = "count(*) / max(population) * 1000000"
WHOLE = {
    "Failing Feeds": (
        f"select nullif(count(*), 0) from (select name from runs group by name {FAILING})",
        ("Feeds", "Feed"),
        f"select name, 1 from runs group by name {FAILING}",
    ),
    "Last Run": (
        f"select max(ended) from ({ENDED})",
        ("Feeds", "Feed"),
        f"select name, max(ended) from ({ENDED}) group by name",
    ),
    "Lake State": (
        f"select {STATE} from ({ENDED})",
        ("Feeds", "Feed"),
        f"select name, {STATE} from ({ENDED}) group by name",
    ),
    "Customers to Date": (
        "select count(*) from customers",
        ("Date", "Month"),
        "select d.month, (select count(*) from customers as c where c.month is null or c.month <= d.month) from ("
        "select unnest(generate_series(timestamp '2024-01-01', date_trunc('year', now()::timestamp) "
        "+ interval 11 month, interval 1 month)) as month"
        ") as d union all select null, count(*) from customers where month is null",
    ),
    "Customers per Million": (
        "select count(*) / (select sum(population) from countries) * 1000000 from customers",
        ("Countries", "Country"),
        f"select name, {PER_MILLION} from customers where population is not null group by name",
    ),
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    write_lake(folder)
    return folder


@pytest.fixture(scope="module")
def model(spark, lake):
    return Model(
        COLUMNS,
        {name: loaded(spark, table, lake) for name, table in TABLES.items()},
        [
            Join(*(Column(*tmdl.split_reference(str(node.properties[end]))) for end in ("fromColumn", "toColumn")))
            for node in PROJECT.model.all("relationship")
        ],
        {name: measure.value for name, measure in PROJECT.measures().items()},
        NOW.replace(tzinfo=None),
    )


@pytest.fixture(scope="module")
def answers(lake):
    connection = duckdb.connect()
    connection.execute(VIEWS.format(lake=lake))
    return connection


def loaded(spark, table: Node, lake: Path) -> list[Mapping[str, Any]]:
    """Return a table as a refresh fills it: Spark stands in for the warehouse, and what M does after is done here."""
    [partition] = table.all("partition")
    source = str(partition.properties["source"])
    parameters = {"LakeRoot": str(lake), "TableFormat": "parquet", "CalendarStart": CALENDAR_START.isoformat()}
    rows = [
        {name: plain(value) for name, value in row.asDict().items()}
        for query in power_query.lake_queries(source, parameters)
        for row in spark.sql(query.sql).collect()
    ]
    if key := re.search(r'Table\.Distinct\(.*\{\{"(\w+)", Comparer\.OrdinalIgnoreCase\}\}', source):
        rows = list({row[key[1]].casefold(): row for row in reversed(rows)}.values())
    columns = {column.name: str(column.properties["sourceColumn"]) for column in table.all("column")}
    return [{name: row[of_lake] for name, of_lake in columns.items()} for row in rows]


def plain(value: Any) -> Any:
    """Return a value as the model holds it: moments in UTC, days as their midnight."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    return float(value) if isinstance(value, Decimal) else value


def same(answers: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return answers by their keys whatever the case of their letters, with numbers that compare nearly."""
    folded = {key.casefold() if isinstance(key, str) else key: plain(value) for key, value in answers.items()}
    return {
        key: pytest.approx(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
        for key, value in folded.items()
    }


def grouped(connection, query: str) -> Mapping[Any, Any]:
    rows = connection.execute(query).fetchall()
    return same({plain(key): value for key, value in rows if value is not None})


@pytest.mark.parametrize("name", EXPECTED)
def test_a_measure_is_what_sql_says(name, model, answers):
    [table] = [table.name for table in TABLES.values() if any(m.name == name for m in table.all("measure"))]
    view, columns = SOURCES[table]
    [(total,)] = answers.execute(f"select {EXPECTED[name]} from {view}").fetchall()
    assert same({None: model.value(name)}) == same({None: total})
    for column, key in columns.items():
        found = same(model.by(name, Column(*column)))
        assert found == grouped(answers, f"select {key}, {EXPECTED[name]} from {view} group by {key}"), column


@pytest.mark.parametrize("name", WHOLE)
def test_a_measure_over_several_tables_is_what_sql_says(name, model, answers):
    total, column, by = WHOLE[name]
    [(expected,)] = answers.execute(total).fetchall()
    assert same({None: model.value(name)}) == same({None: expected})
    assert same(model.by(name, Column(*column))) == grouped(answers, by)


def test_every_measure_is_compared():
    assert {*EXPECTED, *WHOLE} == set(PROJECT.measures())


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_a_partition_gets_the_columns_it_promises(table, spark, lake):
    parameters = {"LakeRoot": str(lake), "TableFormat": "parquet", "CalendarStart": CALENDAR_START.isoformat()}
    for query in power_query.lake_queries(str(table.all("partition")[0].properties["source"]), parameters):
        schema = spark.sql(query.sql).schema
        given = {column.name: M_TYPES[column.dataType.simpleString()] for column in schema}
        assert given == query.columns


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
@pytest.mark.parametrize("table", [name for name in TABLES if name != "Date"])
def test_a_table_that_is_not_there_is_known_by_its_error(table, table_format, spark, tmp_path):
    [function] = [node for node in PROJECT.model.all("expression") if node.name == "LakeQuery"]
    parameters = {"LakeRoot": str(tmp_path), "TableFormat": table_format, "CalendarStart": "2024-01-01"}
    for query in power_query.lake_queries(str(TABLES[table].all("partition")[0].properties["source"]), parameters):
        with pytest.raises(PySparkException) as caught:
            spark.sql(query.sql).collect()
        assert f'"{caught.value.getCondition()}"' in function.value


def test_a_column_that_the_lake_lacks_is_refused(spark, lake):
    parameters = {"LakeRoot": str(lake), "TableFormat": "parquet", "CalendarStart": "2024-01-01"}
    [query] = power_query.lake_queries(str(TABLES["Products"].all("partition")[0].properties["source"]), parameters)
    with pytest.raises(PySparkException, match="Shade"):
        spark.sql(query.sql.replace("Category,", "Shade,"))


def test_a_lake_without_loads_says_what_to_do():
    empty = Model(COLUMNS, {name: [] for name in TABLES}, [], {m: n.value for m, n in PROJECT.measures().items()}, NOW)
    assert empty.value("Lake State") == "Nothing is recorded here yet. Run PL_Ingest, then refresh."
    assert {name: empty.value(name) for name in PROJECT.measures() if name != "Lake State"} == dict.fromkeys(
        name for name in PROJECT.measures() if name != "Lake State"
    )


@pytest.mark.parametrize(
    "formula", ["TOPN(3, Loads)", "SUM(Loads[rows_read], 2)", "CALCULATE([Loads], [Loads] > 3)", "1 / 2"]
)
def test_what_is_not_known_is_refused(formula):
    model = Model({"Loads": ["rows_read"]}, {"Loads": []}, [], {"Loads": "COUNTROWS(Loads)", "New": formula}, NOW)
    with pytest.raises(DaxError):
        model.value("New")


def test_blank_is_as_in_dax():
    measures = {
        "a blank is nothing": 'IF(BLANK() = 0 && BLANK() = FALSE() && BLANK() = "", 1)',
        "a blank is not strictly nothing": "IF(BLANK() == 0, 1, 2)",
        "a sum with a blank": "BLANK() + 3",
        "a product with a blank": "BLANK() * 3",
        "by nothing": "DIVIDE(1, 0)",
        "texts": '"a" & BLANK() & "B"',
        "letters": 'IF("abc" = "ABC", 1)',
    }
    model = Model({}, {}, [], measures, NOW)
    assert [model.value(name) for name in measures] == [1, 2, 3, None, None, "aB", 1]
    assert parse("1 * 2 + 3") == parse("(1 * 2) + 3") != parse("1 * (2 + 3)")

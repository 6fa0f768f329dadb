"""A lake in ADLS Gen2 under two clients that others wrote: Spark's abfss driver, and Microsoft's behind our storage."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fakes import abfss
from fakes.derby import Derby
from fakes.dfs_service import DfsService
from fakes.workspace import Settings
from ingestion.loads import run_context
from ingestion.loads.process_customers import process_customers
from support.requirements import require
from support.tables import land_rows

TABLE = "customer_data"
MOST_CALLS = 12


@pytest.fixture
def service(spark: SparkSession) -> Iterator[DfsService]:
    """Return the account that the session's abfss driver finds."""
    require(abfss.what_is_missing())
    with DfsService(page=100) as service:
        abfss.lead_to(service, spark)
        yield service


def own_calls(service: DfsService) -> list[str]:
    """Return the requests of our storage, without its lease's renewals, which come as time passes."""
    ours = [request for request in service.requests if "azsdk-python" in request.headers["user-agent"]]
    calls = [f"{request.method} {service.label(request)}" for request in ours]
    return [call for call in calls if "lease-action=renew" not in call]


def leftovers(service: DfsService) -> list[str]:
    return [name for name, node in service.nodes.items() if name.startswith("_") and not node.is_folder]


def test_what_spark_writes_our_storage_lists_reads_and_moves_and_the_other_way_round(
    spark: SparkSession, service: DfsService
) -> None:
    storage = service.storage()
    spark.range(1000).repartition(3).write.parquet(storage.url("new/table"))
    entries = storage.list("new/table")
    assert [entry.name for entry in entries if entry.size == 0] == ["_SUCCESS"]
    parts = [entry for entry in entries if entry.name.startswith("part-")]
    assert len(parts) == 3
    assert all((storage.read(f"new/table/{part.name}") or b"").startswith(b"PAR1") for part in parts)
    storage.rename("new/table", "a table/of ünï/moved")
    assert spark.read.parquet(storage.url("a table/of ünï/moved")).count() == 1000
    spark.range(5).write.mode("overwrite").parquet(storage.url("a table/of ünï/moved"))
    assert spark.read.parquet(storage.url("a table/of ünï/moved")).count() == 5
    storage.write("lines.json", b'{"a": 1}\n{"a": 2}\n')
    assert spark.read.json(storage.url("lines.json")).count() == 2
    storage.delete("a table")
    assert [entry.name for entry in storage.list("")] == ["lines.json", "new"]


def test_a_table_takes_at_most_twelve_requests_besides_sparks_own(spark: SparkSession, service: DfsService) -> None:
    storage = service.storage()
    land_rows(storage, spark.range(9), TABLE, "run-1")
    service.requests.clear()
    land_rows(storage, spark.range(3), TABLE, "run-2")
    assert len(own_calls(service)) <= MOST_CALLS, own_calls(service)
    assert spark.read.parquet(storage.url(TABLE)).count() == 3
    assert leftovers(service) == [f"_manifests/{TABLE}.json"]


def test_the_notebook_lands_in_adls_with_few_requests(
    spark: SparkSession, service: DfsService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    derby = Derby(spark, f"jdbc:derby:{tmp_path / 'source'};create=true")
    storage = service.storage("lake")
    monkeypatch.setattr(run_context, "open_storage", lambda *_: storage)
    settings = Settings(environment={"LAKE_ROOT": storage.root, "SQL_URL": derby.url})
    for rows in (700, 601):
        derby.create("Customers", rows)
        service.requests.clear()
        assert process_customers(spark, settings.configuration()) == str(rows)
        assert spark.read.parquet(storage.url(TABLE)).count() == rows
    # With the rows that say what the run did.
    assert len(own_calls(service)) <= MOST_CALLS + 2, own_calls(service)
    assert not [name for name in service.nodes if name.startswith("lake/_landing/")]

"""Faults of a real PostgreSQL server."""

from pathlib import Path

from pyspark.sql import SparkSession

from fakes.postgres import Postgres
from fakes.workspace import Settings
from ingestion.process_customers import process_customers


def test_read(spark: SparkSession, postgres: Postgres, tmp_path: Path) -> None:
    postgres.create("Customers", 501)
    settings = Settings(
        environment={"LAKE_ROOT": str(tmp_path), "SQL_URL": postgres.url},
        secrets={"sql-user": postgres.user, "sql-password": postgres.password},
    )
    assert process_customers(spark, settings.configuration()) == "501"
    assert postgres.execute("SELECT count(*) FROM customers") == "501"
    postgres.stop()
    postgres.start()
    assert postgres.execute("SELECT count(*) FROM customers", "SELECT 1") == "501\n1"

"""Columns of a source that are named as ours are: they land as they are, and ours have another name."""

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fakes.postgres import Postgres
from fakes.workspace import Settings
from ingestion.loads.run import run_feeds

KEY = ["rows", "_kind"]
TAKEN = [
    *("_there_0", "_key_0", "_repeated_0", "_action", "_moment", "_live", "_rank", "_rows", "_at", "_gone", "_until"),
    *("_deleted_at", "_valid_to", "_is_current", "_errors", "t0"),
]


@pytest.mark.parametrize("disposition", ["merge", "scd2"])
def test_whatever_of_ours_a_source_has_columns_named_like_it_lands(
    spark: SparkSession, postgres: Postgres, lake: Path, tmp_path: Path, disposition: str
) -> None:
    columns = [*KEY, *TAKEN]
    declared = ", ".join(f'"{name}" INT' for name in columns)
    postgres.drop("odd")
    postgres.execute(
        f'CREATE TABLE odd ({declared}, at BIGINT, PRIMARY KEY ("rows", "_kind"))',
        f"INSERT INTO odd SELECT n, n, {', '.join('n' for _ in TAKEN)}, n FROM generate_series(1, 9) n",  # noqa: S608
    )
    (tmp_path / "shop.toml").write_text(
        f'[source]\ntype = "sql"\nurl = "{postgres.url}"\nuser = {{ secret = "u" }}\npassword = {{ secret = "p" }}\n'
        f'[[tables]]\nname = "public.odd"\ndestination = "odd"\nwrite_disposition = "{disposition}"\n'
        'deletes = "soft"\ndelete_detection = "key_scan"\ndelete_limit = 0.5\n'
        'incremental = { method = "cursor", cursor_column = "at" }\n'
        'checks = [{ unique = ["rows", "_kind"] }, { not_null = "_errors" }]\nquarantine_limit = 0.5\n',
        encoding="utf-8",
    )

    def run(mode: str = "load") -> dict[str, object]:
        settings = Settings(
            widgets={"sources": str(tmp_path), "mode": mode},
            environment={"LAKE_ROOT": str(lake)},
            secrets={"u": postgres.user, "p": postgres.password},
        )
        (row,) = json.loads(run_feeds(spark, settings.configuration(), sleep=lambda _seconds: None))["feeds"]
        assert row["status"] == "Succeeded", row["error"]
        return dict(row)

    run()
    postgres.execute(
        'UPDATE odd SET t0 = 100, "_there_0" = 100, at = 10 WHERE at = 3',
        f"INSERT INTO odd SELECT n, n, {', '.join('n' for _ in TAKEN)}, n FROM generate_series(11, 12) n",  # noqa: S608
        "DELETE FROM odd WHERE at = 5",
        f"INSERT INTO odd SELECT 13, 13, {', '.join('NULL' if name == '_errors' else '13' for name in TAKEN)}, 13",
    )
    second = run()
    assert (second["inserted"], second["quarantined"]) == ({"merge": 2, "scd2": 3}[disposition], 1)
    assert (second["updated"], second["deleted"]) == (1, 1)
    assert run("reconcile")["notes"]
    table = spark.read.format("delta").load(str(lake / "odd"))
    assert table.columns[: len(columns) + 1] == [*columns, "at"]
    found = {(row["rows"], row["t0"]) for row in table.collect()}
    changed = {(3, 100)} if disposition == "merge" else {(3, 3), (3, 100)}
    assert found == {(n, n) for n in (1, 2, 4, 5, 6, 7, 8, 9, 11, 12)} | changed

"""Writing a table aside: the figures are those of the rows that were written, however Spark told them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.connect.observation import Observation as RemoteObservation
from pyspark.sql.observation import Observation

from ingestion.quality.checks import Check, Fresh, Gate, InRange, NotNull, Severity, Unique
from ingestion.quality.table_writer import WrittenTable, write_table

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CHECKS = (NotNull("it's `a.b`"), InRange("n", at_least=0), Unique(("n",)), Fresh("at", timedelta(hours=1)))


REFUSING_NOTHING = (
    InRange("n", at_least=0, severity=Severity.WARNING),
    Unique(("n",)),
    Fresh("at", timedelta(hours=1)),
)


@pytest.mark.parametrize("checks", [CHECKS, REFUSING_NOTHING], ids=["that refuse rows", "that refuse none"])
@pytest.mark.parametrize(
    "rows",
    [
        [(1, "a", NOW), (2, None, None), (3, "c", NOW), (3, "d", NOW), (-1, "e", NOW)],
        [(1, "a", NOW)],
        [(None, None, None)],
        [],
    ],
    ids=["good and bad rows", "good rows alone", "bad rows alone", "no rows"],
)
def test_figures_that_spark_lost_are_found_in_what_was_written(
    rows: list[tuple[object, ...]],
    checks: tuple[Check, ...],
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = spark.createDataFrame(rows, "n int, `it's ``a.b``` string, at timestamp")

    def write(name: str) -> WrittenTable:
        written = write_table(frame, str(tmp_path / name), Gate(checks, frame.schema, now=NOW))
        found = spark.read.parquet(written.passed)
        assert (found.count(), found.columns) == (written.rows, frame.columns)
        return replace(written, passed="", refused="", refusals=None)

    told = write("told")
    for kind in (Observation, RemoteObservation):
        monkeypatch.setattr(kind, "get", property(lambda _: {}))
    assert write("lost") == told

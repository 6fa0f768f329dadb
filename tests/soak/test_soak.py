"""Continuous loads beside writers that never stop, killed at random: at the end source and target are the same."""

import os
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fakes.postgres import Postgres
from soak.cases import CASES, Case
from soak.course import follow

SEED = int(os.environ.get("SOAK_SEED", "1"))
BUILT = ("full_replace",)


@pytest.mark.parametrize("case", [CASES[name] for name in BUILT], ids=lambda case: case.name)
def test_source_and_target_are_the_same_after_any_kills(
    case: Case, spark: SparkSession, postgres: Postgres, tmp_path: Path
) -> None:
    outcome = follow(case, SEED, spark, postgres, tmp_path, runs=4)
    assert outcome.problems == [], outcome
    assert outcome.kills, outcome

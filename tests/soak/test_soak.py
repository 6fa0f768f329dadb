"""Continuous loads beside writers that never stop, killed at random: at the end source and target are the same."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fakes.postgres import Postgres
from soak.cases import CASES, Case
from soak.course import follow

SEED = 1


@pytest.mark.parametrize("case", [CASES["full_replace"]], ids=lambda case: case.name)
def test_source_and_target_are_the_same_after_any_kills(
    case: Case, spark: SparkSession, postgres: Postgres, tmp_path: Path
) -> None:
    outcome = follow(case, SEED, spark, postgres, tmp_path, runs=6)
    assert outcome.problems == [], outcome
    assert outcome.kills > 1, outcome

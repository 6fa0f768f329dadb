"""Continuous loads beside writers that never stop, killed at random: at the end source and target are the same."""

import os
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fakes.postgres import Postgres
from soak.cases import CASES, Case
from soak.course import Notebook, follow
from soak.servers import MariaDbTables, PostgresTables, ask
from soak.tables import target_of

SEED = int(os.environ.get("SOAK_SEED", "1"))
# `make soak` follows all cases, and for longer.
SHORT = ("transaction_id_scd2_hard", "mariadb_cursor_append", "api_cursor_merge_hard")
pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("case", [CASES[name] for name in SHORT], ids=lambda case: case.name)
def test_source_and_target_are_the_same_after_any_kills(
    case: Case, spark: SparkSession, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    servers = {"postgres": PostgresTables(request.getfixturevalue("postgres"))}
    if case.server == "mariadb":
        servers["mariadb"] = MariaDbTables(request.getfixturevalue("mariadb"))
    outcome = follow(case, SEED, spark, servers, tmp_path, runs=2)
    assert outcome.problems == [], outcome
    assert outcome.kills, outcome


@pytest.mark.parametrize(
    ("case", "is_lost"), [("cursor_merge_no_lookback", True), ("cursor_merge", False), ("transaction_id_merge", False)]
)
def test_a_row_that_is_committed_late_is_lost_by_a_cursor_without_lookback_alone(
    case: str, is_lost: bool, spark: SparkSession, postgres: Postgres, tmp_path: Path
) -> None:
    case = CASES[case]
    at = datetime(2026, 1, 1)
    insert = f"INSERT INTO {case.name} (id, name, modified) VALUES (%s, 'x', %s)"
    server = PostgresTables(postgres)
    with closing(server.connect()) as slow, closing(server.connect()) as quick:
        server.make_table(case)
        notebook = Notebook(spark, [server], tmp_path, [case])
        ask(slow, insert, 1, at)
        ask(quick, insert, 3, at + timedelta(seconds=5))
        quick.commit()
        notebook.run()
        slow.commit()
        notebook.run()
        problems = case.promise(server.rows_of(case), target_of(spark, tmp_path / "lake", case))
    assert bool(problems) == is_lost
    assert all("('1', 'x'" in problem for problem in problems)

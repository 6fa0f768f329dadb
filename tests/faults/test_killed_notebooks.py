"""Kill -9 of a running notebook's process at random instants: readers see whole data, the next run is clean.

KILLS in the environment sets how often (12), KILL_SEED the instants.
"""

import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.connect.session import SparkSession as RemoteSession

from fakes.derby import Derby
from fakes.workspace import Settings
from ingestion.loads.process_customers import process_customers
from local_factory.cluster.spark import Cluster
from support.lakes import every_row_is_accounted_for, leftovers, rows_found

KILLS = int(os.environ.get("KILLS", "12"))
SEED = int(os.environ.get("KILL_SEED", "5"))
REPOSITORY = Path(__file__).resolve().parents[2]
OLD, NEW = 700, 501


@pytest.fixture
def databases(spark: SparkSession, tmp_path: Path) -> dict[int, str]:
    """Return the addresses of two databases, by their number of customers."""
    urls = {rows: f"jdbc:derby:{tmp_path / f'source{rows}'};create=true" for rows in (OLD, NEW)}
    for rows, url in urls.items():
        Derby(spark, url).create("Customers", rows)
    return urls


@pytest.fixture
def cluster(spark: SparkSession, spark_cluster: Cluster) -> Cluster:
    """Return the cluster, to which notebooks attach as this test's session does."""
    if isinstance(spark, RemoteSession):
        return spark_cluster
    return replace(spark_cluster, gateway=replace(spark_cluster.gateway, connect_port=None))


def start(cluster: Cluster, lake: Path, database: str, group: str) -> Popen[str]:
    """Start a notebook's process; it lands the customers once it is told to."""
    environment = os.environ | {
        "GATEWAY": json.dumps(asdict(cluster.gateway)),
        "PYTHONPATH": os.pathsep.join(str(REPOSITORY / folder) for folder in ("scripts", "notebooks", "tests")),
    }
    command = [sys.executable, str(Path(__file__).with_name("notebook_process.py")), str(lake), database, group]
    return Popen(command, stdin=PIPE, stdout=PIPE, env=environment, text=True)


def started_ahead(cluster: Cluster, lake: Path, database: str, groups: Sequence[str]) -> Iterator[Popen[str]]:
    """Give a notebook's process for each group; the next one starts while that is in use, as Python takes a second."""
    waiting = [start(cluster, lake, database, groups[0])]
    try:
        for group in groups[1:]:
            waiting.append(start(cluster, lake, database, group))
            yield waiting.pop(0)
        yield waiting.pop()
    finally:
        for process in waiting:
            process.kill()
            process.wait()


@contextmanager
def running(process: Popen[str]) -> Iterator[Popen[str]]:
    """Let a process land from now on, and leave nothing of it."""
    with process:
        try:
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("go\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def seconds_to_land(process: Popen[str]) -> float:
    """Return how long a process takes that is left alone."""
    with running(process):
        started = time.monotonic()
        assert f"exit {NEW}\n" in iter(process.stdout.readline, "")
        return time.monotonic() - started


def end_jobs(cluster: Cluster, group: str) -> None:
    """Do what the workspace does when a notebook's process is gone: cancel its Spark jobs."""
    cluster.cancel(group)
    deadline = time.monotonic() + 30
    jobs = cluster.session.sparkContext.statusTracker()
    while jobs.getActiveJobsIds() and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.usefixtures("impatient")
@pytest.mark.timeout(60 + 30 * KILLS)
def test_a_notebook_killed_at_any_instant_leaves_whole_data_and_the_next_run_is_clean(
    spark: SparkSession,
    cluster: Cluster,
    databases: dict[int, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lake = tmp_path / "lake"

    def land(rows: int) -> None:
        settings = Settings(environment={"LAKE_ROOT": str(lake), "SQL_URL": databases[rows]})
        assert process_customers(spark, settings.configuration()) == str(rows), capsys.readouterr().out

    land(OLD)
    duration = min(seconds_to_land(start(cluster, lake, databases[NEW], "whole")) for _ in range(2))
    instants = random.Random(SEED)  # noqa: S311 - instants, not secrets
    outcomes = {"old": 0, "new": 0}
    groups = [f"kill-{number}" for number in range(KILLS)]
    with closing(started_ahead(cluster, lake, databases[NEW], groups)) as processes:
        for group, process in zip(groups, processes, strict=True):
            land(OLD)
            instant = instants.uniform(0, duration)
            with running(process):
                time.sleep(instant)
            assert process.returncode in (0, -9)
            end_jobs(cluster, group)
            found = rows_found(lake / "customer_data")
            if found is None:
                # The documented instant between two renames: the old data is whole where the next run takes it from.
                (previous,) = (lake / "_landing" / "customer_data").glob("*/previous")
                found = rows_found(previous)
            assert found in (OLD, NEW), f"killed after {instant:.3f} s"
            outcomes["old" if found == OLD else "new"] += 1
            land(NEW)
            assert rows_found(lake / "customer_data") == NEW
            assert every_row_is_accounted_for(lake, "customer_data")
            assert leftovers(lake) == [], f"killed after {instant:.3f} s"
    with capsys.disabled():
        sys.stdout.write(f"\n{KILLS} kills within {duration:.2f} s, seed {SEED}: {outcomes}\n")
    assert outcomes["old"]

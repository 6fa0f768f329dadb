"""One course of a case, the same each time for a seed: writers' steps, runs and kills, and at the end the comparison.

All happens in one thread, one thing after the other: writers go on between the calls of a run to the lake, which stand
between all that it does. A kill is a `BaseException` out of one of them, or out of a commit of Delta's.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from pyspark.sql import SparkSession

from fakes.faulty_storage import DIES_AFTER, Died, FaultyStorage
from fakes.postgres import Postgres
from fakes.workspace import Settings
from ingestion.lake.delta_tables import DeltaTable
from ingestion.lake.storage import open_storage
from ingestion.loads.run import run_feeds
from ingestion.platform.log import Clock, utc_now
from soak.cases import Case
from soak.tables import source_of, target_of
from soak.writers import Writer, make_table

_WRITERS = 3
_COMMITS = ("append", "overwrite", "merge")


@dataclass
class Outcome:
    """What came of a course.

    Attributes:
        case: its name.
        seed: with which it can be repeated.
        steps: of the writers.
        runs: of the notebook, the killed ones included.
        kills: that ended a run.
        problems: in which the target is not what its case promises; none where all is well.
    """

    case: str
    seed: int
    steps: int = 0
    runs: int = 0
    kills: int = 0
    problems: list[str] = field(default_factory=list)


class LoadFailedError(Exception):
    """A run says that the feed failed, and nothing was wrong."""


def follow(
    case: Case, seed: int, spark: SparkSession, postgres: Postgres, folder: Path, *, runs: int, steps_between: int = 12
) -> Outcome:
    """Follow a course: `runs` runs, most of them killed, then a quiet one; compare source and target.

    Raises:
        LoadFailedError: a run failed by itself.
    """
    chance = random.Random(f"{case.name} {seed}")
    outcome = Outcome(case.name, seed)
    time = _Time()
    with ExitStack() as stack:
        connect = lambda: stack.enter_context(connection_to(postgres))  # noqa: E731 - as short as its name
        owner = connect()
        make_table(owner, case)
        owner.commit()
        writers = [Writer(connect(), number, _WRITERS, [case], chance, time) for number in range(_WRITERS)]
        notebook = Notebook(spark, postgres, folder, [case], clock=lambda: time().replace(tzinfo=UTC))

        def write(steps: int) -> None:
            for _ in range(steps):
                chance.choice(writers).step()
                outcome.steps += 1
                time.pass_by()

        def meanwhile(_call: str) -> None:
            if chance.random() < 0.3:
                write(chance.randrange(1, 4))

        write(4 * steps_between)
        calls = 20  # fewer than a load makes
        for _ in range(runs):
            outcome.runs += 1
            is_killed = chance.random() < 0.75 or outcome.kills == 0
            killed_at = chance.randrange(1, calls + 1) if is_killed else 0
            run = notebook.run(killed_at, meanwhile)
            outcome.kills += run.was_killed
            calls = calls if run.was_killed else run.calls
            write(chance.randrange(steps_between))
        for writer in writers:
            writer.settle(commit=chance.random() < 0.85)
        outcome.runs += 1
        outcome.problems = compare(case, owner, spark, folder / "lake", notebook.run())
    return outcome


@dataclass(frozen=True)
class Run:
    """A run of the notebook.

    Attributes:
        calls: to the lake that it made.
        rows_in_target: by feed, what it said; of a run that was killed, nothing.
        was_killed: whether it was.
    """

    calls: int
    rows_in_target: Mapping[str, int] = field(default_factory=dict)
    was_killed: bool = False


def compare(case: Case, owner: psycopg.Connection, spark: SparkSession, lake: Path, last: Run) -> list[str]:
    """Return in what the target is not what its case promises, or not what the last run said of it."""
    target = target_of(spark, lake, case)
    said = last.rows_in_target[f"soak.{case.name}"]
    problems = [] if said == len(target) else [f"the last run said {said} rows in target, there are {len(target)}"]
    return problems + case.promise(source_of(owner, case), target)


class Notebook:
    """The notebook `ingest` on a lake of its own, with a source that has the cases' tables."""

    def __init__(
        self, spark: SparkSession, postgres: Postgres, folder: Path, cases: Sequence[Case], clock: Clock = utc_now
    ) -> None:
        self._spark = spark
        self._clock = clock
        self._settings = settings_of(postgres, folder, cases)

    def run(self, killed_at: int = 0, after_call: Callable[[str], None] = lambda _call: None) -> Run:
        """Run it, up to the call of the lake at which it is killed, if any.

        Raises:
            LoadFailedError: a feed failed.
        """
        storages: list[FaultyStorage] = []

        def faulty(*arguments: Any) -> FaultyStorage:
            storages.append(FaultyStorage(open_storage(*arguments), killed_at, DIES_AFTER, after_call))
            return storages[-1]

        with patch("ingestion.loads.run_context.open_storage", faulty), _commits_counted(storages):
            try:
                configuration = self._settings.configuration()
                text = run_feeds(self._spark, configuration, clock=self._clock, sleep=lambda _seconds: None)
                result = json.loads(text)
            except Died:
                result = None
        calls = len(storages[-1].calls)
        if result is None or storages[-1].is_dead:  # what noticed the death by itself told it as a failure
            return Run(calls, was_killed=True)
        if result["status"] != "Succeeded":
            raise LoadFailedError(result["message"])
        return Run(calls, {each["feed"]: each["rows_in_target"] for each in result["feeds"]})


def settings_of(postgres: Postgres, folder: Path, cases: Sequence[Case]) -> Settings:
    """Write the source's file, and return the notebook's settings."""
    sources = folder / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    (sources / "soak.toml").write_text(
        f'[source]\ntype = "sql"\nurl = "{postgres.url}"\nuser = {{ secret = "pg-user" }}\n'
        'password = { secret = "pg-password" }\nmax_connections = 4\n' + "".join(case.toml for case in cases),
        encoding="utf-8",
    )
    return Settings(
        widgets={"sources": str(sources)},
        environment={"LAKE_ROOT": str(folder / "lake")},
        secrets={"pg-user": postgres.user, "pg-password": postgres.password},
    )


def connection_to(postgres: Postgres) -> psycopg.Connection:
    """Return a connection without autocommit."""
    return psycopg.connect(
        host="127.0.0.1",
        port=postgres.port,
        user=postgres.user,
        password=postgres.password,
        dbname=postgres.database,
        options="-c lock_timeout=20s -c client_min_messages=warning",
    )


class _Time:
    """A clock that goes on by a second a step, long ago: no moment of it is the future."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1)

    def __call__(self) -> datetime:
        return self._now

    def pass_by(self) -> None:
        self._now += timedelta(seconds=1)


@contextmanager
def _commits_counted(storages: Sequence[FaultyStorage]) -> Iterator[None]:
    """Let commits of Delta's count as calls to the lake, for kills and for writers."""
    with ExitStack() as stack:
        for name in _COMMITS:
            real = getattr(DeltaTable, name)

            def counted(table: DeltaTable, *given: Any, _real: Any = real, _name: str = name, **named: Any) -> Any:
                return storages[-1].faulty(f"{_name} {table}", lambda: _real(table, *given, **named))

            stack.enter_context(patch.object(DeltaTable, name, counted))
        yield

"""One course of a case, the same each time for a seed: writers' steps, runs and kills, and at the end the comparison.

All happens in one thread, one thing after the other: writers go on between the calls of a run to the lake, which stand
between all that it does. A kill is a `BaseException` out of one of them, or out of a commit of Delta's.
"""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pyspark.sql import SparkSession

from fakes.faulty_storage import DIES_AFTER, Died, FaultyStorage, commits_as_calls
from fakes.workspace import Settings
from ingestion.lake.storage import open_storage
from ingestion.loads.run import run_feeds
from ingestion.platform.log import Clock, utc_now
from soak.cases import Case
from soak.servers import Api, PostgresTables, serving
from soak.tables import target_of
from soak.writers import Writer

_WRITERS = 3


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
    case: Case,
    seed: int,
    spark: SparkSession,
    servers: Mapping[str, PostgresTables],
    folder: Path,
    *,
    runs: int,
    steps_between: int = 12,
) -> Outcome:
    """Follow a course: `runs` runs, most of them killed, then a quiet one; compare source and target.

    Args:
        case: how its table is loaded.
        seed: of chance.
        spark: the session.
        servers: have the cases' tables, by name; an API stands on one of them.
        folder: for the lake.
        runs: of the notebook, before the quiet one.
        steps_between: runs, at most; and before the first one four times as many.

    Raises:
        LoadFailedError: a run failed by itself.
    """
    chance = random.Random(f"{case.name} {seed}")
    outcome = Outcome(case.name, seed)
    time = _Time()
    clock = lambda: time().replace(tzinfo=UTC)  # noqa: E731 - as short as its name
    with ExitStack() as stack:
        server = (
            servers[case.server] if case.server in servers else stack.enter_context(serving(servers["postgres"], clock))
        )
        server.make_table(case)
        connections = [stack.enter_context(closing(server.connect())) for _ in range(_WRITERS)]
        writers = [Writer(own, number, _WRITERS, [case], chance, time) for number, own in enumerate(connections)]
        notebook = Notebook(spark, [server], folder, [case], clock)

        def write(steps: int) -> None:
            for _ in range(steps):
                chance.choice(writers).step()
                outcome.steps += 1
                time.pass_by()

        def meanwhile(_call: str) -> None:
            if chance.random() < 0.3:
                write(chance.randrange(1, 4))

        write(4 * steps_between)
        if isinstance(server, Api):
            server.before_page = meanwhile
        calls = 20  # fewer than a load makes
        for _ in range(runs):
            outcome.runs += 1
            is_killed = chance.random() < 0.75 or outcome.kills == 0
            killed_at = chance.randrange(1, calls + 1) if is_killed else 0
            run = notebook.run(killed_at, meanwhile)
            outcome.kills += run.was_killed
            calls = calls if run.was_killed else run.calls
            write(chance.randrange(steps_between))
        if isinstance(server, Api):
            server.before_page = lambda _path: None
        for writer in writers:
            writer.settle(commit=chance.random() < 0.85)
        outcome.runs += 1
        outcome.problems = compare(case, server, spark, folder / "lake", notebook.run())
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


def compare(case: Case, server: PostgresTables, spark: SparkSession, lake: Path, last: Run) -> list[str]:
    """Return in what the target is not what its case promises, or not what the last run said of it."""
    target = target_of(spark, lake, case)
    said = last.rows_in_target[f"{case.server}.{case.name}"]
    problems = [] if said == len(target) else [f"the last run said {said} rows in target, there are {len(target)}"]
    return problems + case.promise(server.rows_of(case), target)


class Notebook:
    """The notebook `ingest` on a lake of its own, with sources that have the cases' tables."""

    def __init__(
        self,
        spark: SparkSession,
        servers: Iterable[PostgresTables],
        folder: Path,
        cases: Sequence[Case],
        clock: Clock = utc_now,
    ) -> None:
        self._spark = spark
        self._clock = clock
        self._settings = settings_of(servers, folder, cases)

    def run(self, killed_at: int = 0, after_call: Callable[[str], None] = lambda _call: None) -> Run:
        """Run it, up to the call of the lake at which it is killed, if any.

        Raises:
            LoadFailedError: a feed failed.
        """
        storages: list[FaultyStorage] = []

        def faulty(*arguments: Any) -> FaultyStorage:
            storages.append(FaultyStorage(open_storage(*arguments), killed_at, DIES_AFTER, after_call))
            return storages[-1]

        with patch("ingestion.loads.run_context.open_storage", faulty), commits_as_calls(lambda: storages[-1]):
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


def settings_of(servers: Iterable[PostgresTables], folder: Path, cases: Sequence[Case]) -> Settings:
    """Write the sources' files, and return the notebook's settings."""
    sources = folder / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    secrets: dict[str, str] = {}
    for server in servers:
        own = [case for case in cases if case.server == server.name]
        if own:
            (sources / f"{server.name}.toml").write_text(server.toml(own), encoding="utf-8")
            secrets |= server.secrets
    return Settings(widgets={"sources": str(sources)}, environment={"LAKE_ROOT": str(folder / "lake")}, secrets=secrets)


class _Time:
    """A clock that goes on by a second a step, long ago: no moment of it is the future."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1)

    def __call__(self) -> datetime:
        return self._now

    def pass_by(self) -> None:
        self._now += timedelta(seconds=1)

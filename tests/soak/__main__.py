"""`make soak`: thousands of writers' steps beside runs that are killed at random; then source and target compared.

make soak                                       # every case: courses, then all of them in one storm
make soak ARGS="--seed 7 --case cursor_merge"   # a course again: it is the same each time
make soak ARGS="--steps 20000 --kills 200"
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout
from pathlib import Path

from fakes import mariadb as mariadb_server
from fakes import postgres as postgres_server
from local_factory.cluster.jvm import start_jvm
from local_factory.cluster.spark import start_cluster
from soak.cases import CASES
from soak.course import LoadFailedError, Outcome, follow
from soak.servers import MariaDbTables, PostgresTables
from soak.storm import rage

_RUNS_OF_A_COURSE, _STEPS_BETWEEN_RUNS = 3, 100
# A table of a hundred rows is no work for many tasks.
_SPARK = {"spark.master": "local[2]", "spark.sql.shuffle.partitions": "1"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: exit status 1 when a promise was broken, 2 where a server is missing."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="of the first course (default: any)")
    parser.add_argument("--steps", type=int, default=5000, metavar="N", help="of writers in courses, over all cases")
    parser.add_argument("--kills", type=int, default=25, metavar="N", help="of processes in the storm; 0: no storm")
    parser.add_argument("--workdir", type=Path, metavar="DIR", help="kept: lakes, logs (default: a temporary folder)")
    parser.add_argument("--case", action="append", choices=list(CASES), help="repeatable (default: all)")
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    cases = [CASES[name] for name in options.case or CASES]
    needed = {case.server for case in cases}
    checked = [postgres_server, *([mariadb_server] if "mariadb" in needed else [])]
    for missing in filter(None, (server.what_is_missing() for server in checked)):
        print(missing, file=sys.stderr)
        return 2
    print(f"seed {seed}", flush=True)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    outcomes: list[Outcome] = []
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True)
        folder = options.workdir or Path(stack.enter_context(temporary))
        folder.mkdir(parents=True, exist_ok=True)
        log = stack.enter_context((folder / "notebooks.log").open("w", encoding="utf-8"))
        stack.enter_context(redirect_stdout(log))
        postgres = stack.enter_context(postgres_server.running_postgres())
        servers: dict[str, PostgresTables] = {"postgres": PostgresTables(postgres)}
        if "mariadb" in needed:
            servers["mariadb"] = MariaDbTables(stack.enter_context(mariadb_server.running_mariadb()))
        jvm = stack.enter_context(start_jvm([server.JDBC_DRIVER for server in checked]))
        cluster = stack.enter_context(start_cluster(jvm, folder / "spark", _SPARK))
        number = 0
        while not outcomes or sum(outcome.steps for outcome in outcomes) < options.steps:
            case = cases[number % len(cases)]
            course = seed + number // len(cases)
            try:
                outcome = follow(
                    case,
                    course,
                    cluster.session,
                    servers,
                    folder / f"course{number}",
                    runs=_RUNS_OF_A_COURSE,
                    steps_between=_STEPS_BETWEEN_RUNS,
                )
            except LoadFailedError as error:
                outcome = Outcome(case.name, course, problems=[f"failed: {error}"])
            outcomes.append(outcome)
            _tell(f"{outcome.case} (seed {course}): {outcome.steps} steps, {outcome.kills} kills: {_result(outcome)}")
            number += 1
        if options.kills:
            storming = [case for case in cases if not case.is_control]
            outcomes += rage(storming, seed, cluster, servers, folder / "storm", kills=options.kills, tell=_tell)
    _print_matrix(outcomes)
    return int(any(_is_broken(outcome) for outcome in outcomes))


def _is_broken(outcome: Outcome) -> bool:
    return bool(outcome.problems) and not CASES[outcome.case].is_control


def _result(outcome: Outcome) -> str:
    return "equal" if not outcome.problems else "; ".join(outcome.problems)[:400]


def _print_matrix(outcomes: Sequence[Outcome]) -> None:
    print(f"\n{'case':28}{'disposition':16}{'steps':>8}{'runs':>7}{'kills':>7}  result")
    for name in dict.fromkeys(outcome.case for outcome in outcomes):
        of_case = [outcome for outcome in outcomes if outcome.case == name]
        steps, runs, kills = (sum(getattr(each, what) for each in of_case) for what in ("steps", "runs", "kills"))
        broken = [each for each in of_case if each.problems]
        result = "equal" if not broken else f"{len(broken)} of {len(of_case)} differ, first seed {broken[0].seed}"
        if CASES[name].is_control:
            result += " (the control: it has to lose rows)"
        print(f"{name:28}{CASES[name].disposition:16}{steps:8,}{runs:7,}{kills:7,}  {result}")
    for each in filter(_is_broken, outcomes):
        print(f"\n{each.case}, seed {each.seed}\n  " + "\n  ".join(each.problems))


def _tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

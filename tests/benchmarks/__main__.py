"""`make bench`: runs the benchmarks, shows their tables, and keeps the figures as JSON and as a plot.

make bench                                             # all of them, which takes hours
make bench ARGS="landing --rows 1000000"               # one, at one number of rows
make bench ARGS="countries deployment --repetitions 1"
"""

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import continuous, countries, deployment, expressions, feeds, landing
from benchmarks.harness import BenchmarkError, Result, markdown, table, to_json
from benchmarks.plot import plot

_OUTPUT = Path(__file__).resolve().parents[2] / ".bench"
_ROWS = (1_000, 10_000, 100_000, 1_000_000, 5_000_000)
_FEWEST_ROWS = 501  # process_customers lands no fewer
_MOST_DERBY_ROWS = 1_000_000
_WIDTH = 140  # of the tables where no terminal has one
_PACKAGES = ("pyspark", "pyarrow", "dlt", "connectorx", "deltalake", "duckdb")

_Benchmark = Callable[[argparse.Namespace, Path, Callable[[str], None]], Iterator[list[Result]]]


def _named(texts: Sequence[str]) -> Callable[[str], bool]:
    """Return what says whether a contender is wanted: its name holds one of the texts, or there are none."""
    return lambda name: not texts or any(text.lower() in name.lower() for text in texts)


def _seconds(milliseconds: Sequence[int]) -> list[float]:
    return [number / 1000 for number in milliseconds]


_BENCHMARKS: dict[str, _Benchmark] = {
    "landing": lambda given, folder, progress: landing.from_postgres(
        folder, given.rows, given.repetitions, progress, _named(given.contenders)
    ),
    "memory": lambda given, folder, progress: landing.in_small_heap(
        folder, sorted({max(given.rows), max(max(given.rows) // 10, _FEWEST_ROWS)}), given.repetitions, progress
    ),
    "derby": lambda given, folder, progress: landing.from_derby(
        folder,
        [rows for rows in given.rows if rows <= _MOST_DERBY_ROWS],
        given.repetitions,
        progress,
        _named(given.contenders),
    ),
    "continuous": lambda given, folder, progress: continuous.loads(folder, given.rows, given.repetitions, progress),
    "countries": lambda given, folder, progress: countries.ingestion(
        folder, given.documents, _seconds(given.latency or (0, 50, 500)), given.repetitions, progress
    ),
    "feeds": lambda given, folder, progress: feeds.many(
        folder, (given.tables, given.endpoints), given.repetitions, progress, _named(given.contenders)
    ),
    "records": lambda given, folder, progress: feeds.records(folder, given.records, progress),
    "expressions": lambda given, _folder, progress: expressions.evaluator(given.repetitions, progress),
    "loops": lambda given, _folder, progress: expressions.loops(given.repetitions, progress),
    "deployment": lambda given, _folder, progress: deployment.deployment(
        given.pipelines, _seconds(given.latency or (0, 50)), given.repetitions, progress
    ),
}


def main() -> int:
    """Run what is asked for; 0 when every contender came through, 1 when one did not."""
    given = _arguments()
    shown, told = Console(), Console(stderr=True)
    if not shown.is_terminal:
        shown.width = _WIDTH
    given.output.mkdir(parents=True, exist_ok=True)
    run = {"started": datetime.now(UTC).isoformat(timespec="seconds"), "machine": _machine()}
    results: list[Result] = []
    failures: list[str] = []
    for name in given.benchmarks or _BENCHMARKS:
        own: list[Result] = []
        try:
            with told.status(name) as status:
                for case in _BENCHMARKS[name](given, _empty(given.output / name), status.update):
                    own += case
                    _keep(given.output, {**run, "results": to_json(results + own)})
        except BenchmarkError as error:
            failures.append(f"{name}: {error}")
        results += own
        if own:
            shown.print(table(own))
            (given.output / f"{name}.md").write_text(markdown(own) + "\n", encoding="utf-8")
        if name in ("landing", "derby") and own:
            plot(own, given.output / f"{name}.svg")
    failures += [
        f"{result.case.benchmark}, {result.case.name}, {result.contender}: {result.error}"
        for result in results
        if result.error
    ]
    for failure in failures:
        told.print(failure, markup=False, style="red")
    shown.print(f"Kept in {given.output}")
    return 1 if failures else 0


def _empty(folder: Path) -> Path:
    """Return an empty folder; what a benchmark leaves there is its workers' logs."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder.resolve()


def _keep(folder: Path, run: dict[str, Any]) -> None:
    """Write the figures so far: a run takes long, and what was measured is not to be lost."""
    text = json.dumps(run, indent=2, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")


def _machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description="Runs benchmarks side by side; without a name, all of them.", allow_abbrev=False
    )
    names = ", ".join(_BENCHMARKS)
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=names)
    for option, least, default, meaning in (
        ("--rows", _FEWEST_ROWS, _ROWS, f"in the tables; {_FEWEST_ROWS} or more"),
        ("--documents", 1, (5, 300), "of the country API"),
        ("--pipelines", 1, (10, 100, 1000), "to be deployed"),
        ("--latency", 0, None, "of the country API (0 50 500) and of Azure's services (0 50), in milliseconds"),
    ):
        parser.add_argument(option, type=_at_least(least), nargs="+", default=default, metavar="N", help=meaning)
    for option, default, meaning in (
        ("--tables", 300, "of 1,000 rows, landed by one run; 300"),
        ("--endpoints", 40, "of five pages, landed by the same run; 40"),
        ("--records", 1_000_000, "of one endpoint; 1,000,000"),
    ):
        parser.add_argument(option, type=_at_least(1), default=default, metavar="N", help=meaning)
    parser.add_argument("--contenders", nargs="+", default=(), metavar="TEXT", help="those whose names hold a text")
    parser.add_argument("--repetitions", type=_at_least(1), default=5, metavar="N", help="after the warm-up; 5")
    parser.add_argument("--output", type=Path, default=_OUTPUT, metavar="DIR", help="for the figures; .bench")
    given = parser.parse_args()
    unknown = [name for name in given.benchmarks if name not in _BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is named {unknown[0]!r}; there are: {names}")
    return given


def _at_least(least: int) -> Callable[[str], int]:
    """Return what reads an option's whole number."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
        return int(text)

    return read


if __name__ == "__main__":
    sys.exit(main())

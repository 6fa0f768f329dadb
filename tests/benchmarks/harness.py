"""Measuring side by side: in rounds, so that what else the machine does meets all contenders; medians and ratios."""

import statistics
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from rich.table import Table

_MEGABYTE = 1_000_000


class BenchmarkError(Exception):
    """A benchmark, or a contender in it, does not run: base of this package's errors."""


@dataclass(frozen=True)
class Run:
    """One run: its seconds, its peak memory (bytes, None where it is not measured), further figures by name."""

    seconds: float
    peak_memory: int | None = None
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """What is measured: a benchmark's name, the case's own, and how many items (of `unit`) one run deals with."""

    benchmark: str
    name: str
    items: int
    unit: str = "rows"


@dataclass(frozen=True)
class Result:
    """What a contender showed in a case.

    Attributes:
        seconds: of each run after the warm-up.
        peak_memory: of the first run, a warm-up, in bytes.
        figures: the largest of each, over all runs.
        error: why there are no seconds, None where there are.
    """

    case: Case
    contender: str
    seconds: tuple[float, ...] = ()
    peak_memory: int | None = None
    figures: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None

    @property
    def median(self) -> float | None:
        """The median of the seconds, None where there are none."""
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def rate(self) -> float | None:
        """Items a second."""
        return self.case.items / self.median if self.median else None

    def ratio(self, first: "Result") -> float | None:
        """How many times as long as another this one takes."""
        return self.median / first.median if self.median and first.median else None


def measure(
    case: Case,
    contenders: Mapping[str, Callable[[], Run]],
    *,
    repetitions: int,
    warm_ups: int = 1,
    progress: Callable[[str], None] = lambda _line: None,
) -> list[Result]:
    """Run each contender to warm up, then as often as told: all of them in each round.

    One that fails is run no more: its error is its result, and the others go on.
    """
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    errors: dict[str, str] = {}
    for number in range(1 - warm_ups, repetitions + 1):
        for name, run in contenders.items():
            if name in errors:
                continue
            label = f"{case.benchmark}, {case.name}, {name}, {f'run {number}' if number > 0 else 'warm-up'}"
            progress(label)
            try:
                runs[name].append(run())
            except Exception as error:  # noqa: BLE001 - a contender may fail in any way, and the others go on
                known = isinstance(error, BenchmarkError)
                errors[name] = str(error) if known else "".join(traceback.format_exception_only(error)).strip()
                progress(f"{label}: {errors[name]}")
    return [_result(case, name, runs[name], warm_ups, errors.get(name)) for name in contenders]


def _result(case: Case, contender: str, runs: Sequence[Run], warm_ups: int, error: str | None) -> Result:
    if error is not None:
        return Result(case, contender, error=error)
    names = {name for run in runs for name in run.figures}
    figures = {name: max(run.figures.get(name, 0) for run in runs) for name in sorted(names)}
    return Result(case, contender, tuple(run.seconds for run in runs[warm_ups:]), runs[0].peak_memory, figures)


def with_ratios(results: Iterable[Result]) -> list[tuple[Result, float | None]]:
    """Return each result with its ratio to the first contender of the same case."""
    return [
        (result, result.ratio(group[0]))
        for _, members in groupby(results, key=lambda result: result.case)
        for group in [list(members)]
        for result in group
    ]


def to_json(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Return results as JSON objects: every run's seconds, and what is computed from them."""
    return [
        {
            **asdict(result.case),
            "contender": result.contender,
            "seconds": [round(seconds, 4) for seconds in result.seconds],
            "median_seconds": _rounded(result.median, 4),
            "items_per_second": _rounded(result.rate, 1),
            "ratio": _rounded(ratio, 3),
            "peak_memory_bytes": result.peak_memory,
            **result.figures,
            "error": result.error,
        }
        for result, ratio in with_ratios(results)
    ]


def lines(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Return results of one benchmark as texts: the heads of the columns, and a line of cells for each."""
    names = sorted({name for result in results for name in result.figures})
    unit = results[0].case.unit
    has_memory = any(result.peak_memory for result in results)
    heads = ["case", "contender", "seconds", f"{unit}/s", *["peak memory"] * has_memory, *map(_head, names), "ratio"]
    return heads, [
        [
            result.case.name,
            result.contender,
            *(["failed", ""] if result.error else [_seconds(result.median), _number(result.rate)]),
            *[_megabytes(result.peak_memory)] * has_memory,
            *(_figure(name, result.figures.get(name)) for name in names),
            "" if ratio is None else f"{ratio:.2f}",
        ]
        for result, ratio in with_ratios(results)
    ]


def table(results: Sequence[Result]) -> Table:
    """Return results of one benchmark as a table for the terminal."""
    heads, cells = lines(results)
    drawn = Table(title=results[0].case.benchmark, title_justify="left")
    for number, head in enumerate(heads):
        drawn.add_column(head, justify="left" if number < 2 else "right", no_wrap=True)
    before = None
    for row in cells:
        if before not in (None, row[0]):
            drawn.add_section()
        drawn.add_row(*("" if number == 0 and row[0] == before else cell for number, cell in enumerate(row)))
        before = row[0]
    return drawn


def markdown(results: Sequence[Result]) -> str:
    """Return results of one benchmark as a Markdown table."""
    heads, cells = lines(results)
    marks = ["---" if number < 2 else "---:" for number in range(len(heads))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, marks, *cells])


def _head(figure: str) -> str:
    return figure.removesuffix("_bytes").replace("_", " ")


def _figure(name: str, value: int | None) -> str:
    return _megabytes(value) if name.endswith("_bytes") else _number(value)


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if value >= 1 else f"{value:.4f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _megabytes(value: int | None) -> str:
    return "" if value is None else f"{value / _MEGABYTE:,.0f} MB"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

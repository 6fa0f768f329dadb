"""The local factory's expression evaluator when it is warm, and loops of 10,000 iterations."""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import BenchmarkError, Case, Result, Run, measure
from local_factory.expressions import evaluate
from support.pipelines import activity, expression, pipeline, run_all, set_variable, succeed

BENCHMARK_EVALUATOR, BENCHMARK_LOOPS = "Expressions, warm", "ForEach, sequential"
_CONFORMANCE = Path(__file__).parents[1] / "local_factory" / "conformance_expressions.json"
_ROUNDS = 100
_ITERATIONS = 10_000

_ACTIVITIES = {
    "SetVariable": set_variable("keep", "v", expression("@string(item())")),
    "Wait(0)": succeed("wait"),
}


def evaluator(repetitions: int, progress: Callable[[str], None]) -> Iterator[list[Result]]:
    """Measure all conformance cases that have a value, one by one, many times."""
    conformance = json.loads(_CONFORMANCE.read_text(encoding="utf-8"))
    texts = [case["expression"] for case in conformance["cases"] if not case.get("error")]
    case = Case(BENCHMARK_EVALUATOR, f"{len(texts)} conformance cases", len(texts) * _ROUNDS, "evaluations")
    contenders = {"evaluate": partial(_evaluate, texts, conformance["scope"])}
    yield measure(case, contenders, repetitions=repetitions, progress=progress)


def loops(repetitions: int, progress: Callable[[str], None]) -> Iterator[list[Result]]:
    """Measure a ForEach around one activity, the run's records included."""
    case = Case(BENCHMARK_LOOPS, f"{_ITERATIONS:,} iterations", _ITERATIONS, "iterations")
    contenders = {name: partial(_loop, inner) for name, inner in _ACTIVITIES.items()}
    yield measure(case, contenders, repetitions=repetitions, progress=progress)


def _evaluate(texts: list[str], scope: Any) -> Run:
    started = time.perf_counter()
    for _ in range(_ROUNDS):
        for text in texts:
            evaluate(text, scope)
    return Run(time.perf_counter() - started)


def _loop(inner: dict[str, Any]) -> Run:
    items = expression(f"@range(0, {_ITERATIONS})")
    loop = activity("loop", "ForEach", items=items, isSequential=True, activities=[inner])
    started = time.perf_counter()
    [result] = run_all([pipeline("PL", [loop], variables={"v": {"type": "String"}})])
    seconds = time.perf_counter() - started
    if result.status != "Succeeded" or len(result.activity_runs) != _ITERATIONS + 1:
        raise BenchmarkError(f"the run is {result.status}, with {len(result.activity_runs)} activity runs")
    return Run(seconds)

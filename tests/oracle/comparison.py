"""Ours beside the engine's: what differs, and the smallest expression within it that does."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from local_factory.expressions import ExpressionError, evaluate
from oracle.engine import Answer, Engine
from oracle.generator import SCOPE, Drawn, Term, expression


@dataclass(frozen=True)
class Difference:
    """An expression of which ours and the engine make different things."""

    expression: str
    ours: Answer
    theirs: Answer
    parts: tuple[Answer, ...] = ()
    """What our evaluator makes of the expressions that it is made of: the arguments."""


def ours(expression: str) -> Answer:
    """Return what our evaluator makes of an expression."""
    try:
        return {"value": evaluate(expression, SCOPE)}
    except ExpressionError as error:
        return {"error": str(error)}


def generated(number: int, start: int, at_once: int = 500) -> Iterator[list[Drawn]]:
    """Yield so many different expressions, some at a time, always the same ones of a seed."""
    chance, seen = random.Random(start), set[str]()
    chunk: list[Drawn] = []
    while len(seen) < number:
        drawn = expression(chance)
        if drawn[0] in seen:
            continue
        seen.add(drawn[0])
        chunk.append(drawn)
        if len(chunk) == at_once or len(seen) == number:
            yield chunk
            chunk = []


def same(one: Answer, other: Answer) -> bool:
    """Say whether two answers agree: both errors, or the same values of the same kinds."""
    if "error" in one or "error" in other:
        return "error" in one and "error" in other
    return _kinds(one["value"]) == _kinds(other["value"])


def _kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _kinds(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_kinds(item) for item in value]
    return type(value), repr(value)


def differences(engine: Engine, drawn: Sequence[Drawn]) -> list[Difference]:
    """Return what differs among expressions, each as the smallest expression in it that does."""
    found = []
    for (text, term), theirs in zip(drawn, engine.evaluate([text for text, _ in drawn]), strict=True):
        mine = ours(text)
        if not same(mine, theirs):
            found.append(_smallest(engine, term) or Difference(text, mine, theirs))
    return found


def _smallest(engine: Engine, term: Term | None) -> Difference | None:
    terms = list(term.smaller()) if term else []
    texts = [f"@{smaller.text}" for smaller in terms]
    for smaller, text, theirs in zip(terms, texts, engine.evaluate(texts), strict=True):
        mine = ours(text)
        if not same(mine, theirs):
            return Difference(text, mine, theirs, tuple(ours(f"@{part.text}") for part in smaller.parts))
    return None

"""`make oracle`: compares our evaluator with Microsoft's own engine, and records what the engine answers.

make oracle                                      # 10,000 expressions
make oracle ARGS="--cases 100000 --seed 7"
make oracle ARGS="record expressions.txt"        # adds a file's lines to the recorded cases of the ordinary tests
"""

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from oracle.comparison import Difference, differences, generated, ours, same
from oracle.engine import Engine, EngineError
from oracle.generator import SCOPE
from oracle.known import reason_for

RECORDED = Path(__file__).parents[1] / "local_factory" / "engine_expressions.json"
_ABOUT = "What Microsoft's workflow engine made of these expressions in this scope, recorded by `make oracle`."
_SHOWN = 20  # differences


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: exit status 1 when something differs that has no known reason, 2 when there is no engine."""
    parser = argparse.ArgumentParser(prog="make oracle", description=__doc__.partition("\n")[0])
    parser.add_argument("command", nargs="?", choices=["compare", "record"], default="compare")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="of `record`: an expression a line")
    parser.add_argument("--cases", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    options = parser.parse_args(arguments)
    try:
        if options.command == "record":
            return _record(options.files)
        return _compare(options.cases, options.seed)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 2


def _compare(cases: int, seed: int) -> int:
    started, done = time.monotonic(), 0
    reasons: Counter[str] = Counter()
    unknown: dict[str, Difference] = {}
    with Engine(SCOPE) as engine:
        for chunk in generated(cases, seed):
            for difference in differences(engine, chunk):
                reason = reason_for(difference)
                reasons[reason or "not known"] += 1
                if reason is None:
                    unknown.setdefault(difference.expression, difference)
            done += len(chunk)
            print(f"{done:,} of {cases:,}: {reasons['not known']} differ", end="\r", file=sys.stderr, flush=True)
    print(f"\n{cases:,} expressions (seed {seed}) in {time.monotonic() - started:.0f} seconds")
    for reason, number in reasons.most_common():
        print(f"{number:6,}  {reason}")
    for difference in sorted(unknown.values(), key=lambda difference: len(difference.expression))[:_SHOWN]:
        print(f"\n{difference.expression}\n  ours    {difference.ours}\n  engine  {difference.theirs}")
    return 1 if unknown else 0


def _record(files: Sequence[Path]) -> int:
    """Ask the engine anew for every recorded expression and for those of the files, and write all down."""
    known = json.loads(RECORDED.read_text(encoding="utf-8"))["cases"] if RECORDED.is_file() else []
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines() if line]
    expressions = sorted({*(case["expression"] for case in known), *lines})
    left_out: dict[str, list[str]] = defaultdict(list)
    cases = []
    with Engine(SCOPE) as engine:
        for expression, theirs in zip(expressions, engine.evaluate(expressions), strict=True):
            mine = ours(expression)
            if not same(mine, theirs):
                reason = reason_for(Difference(expression, mine, theirs)) or f"not known: {mine}, not {theirs}"
                left_out[reason].append(expression)
            else:
                cases.append({"expression": expression, **({"error": True} if "error" in theirs else theirs)})
    document = {"about": _ABOUT, "scope": SCOPE, "cases": cases}
    RECORDED.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(cases)} expressions recorded in {RECORDED}")
    for reason, those in left_out.items():
        print(f"left out: {reason}", *those, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())

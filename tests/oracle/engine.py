"""Microsoft's own workflow engine, asked through its worker process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

Answer = Mapping[str, Any]
"""`{"value": ...}`, or `{"error": "the engine's words"}`."""

_COMMAND = [sys.executable, "-m", "oracle.worker"]
_ENVIRONMENT = {"LC_ALL": "en_US.UTF-8", "PYTHONUTF8": "1"}


class EngineError(Exception):
    """The engine does not start."""


class Engine:
    """The engine, started with what expressions see; a context that ends it."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._scope = scope
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def evaluate(self, expressions: Sequence[str]) -> list[Answer]:
        """Return what the engine makes of expressions.

        .NET's bridge to Python dies of an error message that holds half a character. Then the engine is started anew.
        """
        answers: list[Answer] = []
        while len(answers) < len(expressions):
            self._tell(expressions[len(answers) :])
            answers += self._answers(len(expressions) - len(answers))
            if len(answers) < len(expressions):
                answers.append({"error": "an error whose words hold half a character"})
                self._end()
                self._process = self._start()
        return answers

    def _answers(self, number: int) -> Iterator[Answer]:
        for _ in range(number):
            line = self._process.stdout.readline() if self._process.stdout else ""
            if not line.endswith("\n"):
                return
            yield json.loads(line)

    def _start(self) -> "subprocess.Popen[str]":
        self._process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **_ENVIRONMENT},
        )
        hello = next(self._answers(1), None)
        if hello != "ready":
            raise EngineError(str(hello or f"the engine does not start; {' '.join(_COMMAND)} says why"))
        self._tell(self._scope)
        return self._process

    def _tell(self, message: Any) -> None:
        if self._process.stdin:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()

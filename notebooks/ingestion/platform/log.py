"""The structured log: one JSON line a step on stdout, for the run page and for Log Analytics."""

import json
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ingestion.platform.errors import IngestionError
from ingestion.platform.spark_errors import without_stack

# The frames of Java stack traces: hundreds a failure, all of Spark's inside. The exceptions' own lines stay.
_JVM_FRAMES = re.compile(r"^\s+(at \S+\(.*\)|\.\.\. \d+ more)\n", re.MULTILINE)

Clock = Callable[[], datetime]
Line = Mapping[str, Any]


def utc_now() -> datetime:
    """Return this moment."""
    return datetime.now(UTC)


def write_to_stdout(line: str) -> None:
    """Write one line where the run page shows it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass
class Step:
    """One step under way: what it reads, where it writes, and, once known, how many rows that were."""

    name: str
    source: str | None = None
    target: str | None = None
    rows: int | None = None


class StepLog:
    """Writes a line for every step that ends, well or not.

    A line has `timestamp` (UTC, when the step ended), `level` (INFO, WARNING, ERROR), `step`, `source`, `target`,
    `rows`, `seconds`, `run_id` and `error`; what does not apply is null.

    Args:
        redact: takes secrets out of a text.
        clock: the time, in UTC.
        write: takes one line without its end.
        run_id: ties the lines of one run together; a new one when not given.
        deliver: takes all lines at the end of the run; when it fails, that is one more line, and no failure of the run.
    """

    def __init__(
        self,
        redact: Callable[[str], str],
        clock: Clock = utc_now,
        write: Callable[[str], None] = write_to_stdout,
        run_id: str | None = None,
        deliver: Callable[[Sequence[Line]], None] = lambda _lines: None,
    ) -> None:
        self.run_id = run_id or uuid4().hex
        self._redact = redact
        self.clock = clock
        self._write = write
        self._deliver = deliver
        self._lines: list[Line] = []

    @contextmanager
    def run(self, name: str) -> Iterator[Step]:
        """Log the notebook's run as a whole, a failure with its traceback and every cause; then deliver all lines.

        Raises:
            IngestionError: in place of an error that would show a secret.
        """
        step = Step(name)
        started = self.clock()
        try:
            yield step
        except Exception as error:
            reason = _JVM_FRAMES.sub("", "".join(traceback.format_exception(error)))
            self._log("ERROR", step, started, reason)
            if self._redact(reason) != reason:
                raise IngestionError(self._redact(_summary(error))) from None
            raise
        else:
            self._log("INFO", step, started)
        finally:
            self._deliver_lines()

    @contextmanager
    def step(self, name: str, *, source: str | None = None, target: str | None = None) -> Iterator[Step]:
        """Log one step of a run; a failure with its message, since the run's line tells the whole reason."""
        step = Step(name, source, target)
        started = self.clock()
        try:
            yield step
        except Exception as error:
            self._log("ERROR", step, started, _summary(error))
            raise
        self._log("INFO", step, started)

    def retry(self, source: str, error: Exception) -> None:
        """Log the failure of a try that another one follows."""
        self._log("WARNING", Step("retry", source), None, _summary(error))

    def schema_change(self, target: str, change: str) -> None:
        """Log how a table's columns differ from those of the landing before."""
        self._log("WARNING", Step("schema", target=target), None, change)

    def check(self, target: str, rows: int | None, failure: str, *, is_error: bool) -> None:
        """Log what a check of a table found: how many rows, where it is about rows, and what is wrong."""
        self._log("ERROR" if is_error else "WARNING", Step("check", target=target, rows=rows), None, failure)

    def note(self, target: str, note: str) -> None:
        """Log what is worth telling of a load that goes on."""
        self._log("WARNING", Step("note", target=target), None, note)

    def problem(self, step: str, error: Exception) -> None:
        """Log a failure that does not fail the run."""
        self._log("WARNING", Step(step), None, _summary(error))

    def _deliver_lines(self) -> None:
        try:
            self._deliver(tuple(self._lines))
        except Exception as error:  # noqa: BLE001 - a log that does not arrive is no reason for data not to
            self.problem("deliver log", error)

    def _log(self, level: str, step: Step, started: datetime | None, error: str | None = None) -> None:
        now = self.clock()
        line = {
            "timestamp": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": level,
            "step": step.name,
            "source": self._shown(step.source),
            "target": self._shown(step.target),
            "rows": step.rows,
            "seconds": round((now - started).total_seconds(), 3) if started else None,
            "run_id": self.run_id,
            "error": self._shown(error),
        }
        self._lines.append(line)
        self._write(json.dumps(line, ensure_ascii=False))

    def _shown(self, text: str | None) -> str | None:
        return None if text is None else self._redact(text)


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {without_stack(error)}"
